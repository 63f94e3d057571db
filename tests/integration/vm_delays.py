# SPDX-License-Identifier: Apache-2.0
"""What a process's record says, by values: delays with the kernel's delay accounting on (kernel.task_delayacct), which no
other test turns on, high-water marks, integrals, faults and context switches, against what the kernel told the process itself
by other ways just before it ended (getrusage, /proc/self/stat, status and schedstat). tests/vm/delays.sh runs in an
emulated machine with Linux 6.1 and a disk."""

import json
import os
import pathlib
import tempfile

import corral
import machine

LOADER = corral.BUILD / "collect" / "corral-collect"
COUNTED = corral.BUILD / "tests" / "vm" / "counted"
KIB, TICK_US, MS = 1024, 10000, 1000


def parts_of(told):
    """By collector what the process told, and its record."""
    parts, name = {}, None
    for line in told:
        word, _, rest = line.strip().partition(" ")
        if word == "COLLECTOR":
            name = rest
            parts[name] = ({}, None, None)
        elif word == "TOLD":
            key, value = rest.split()
            parts[name][0][key] = int(value)
        elif word == "RECORD":
            parts[name] = (parts[name][0], json.loads(rest), None)
        elif word == "END":
            parts[name] = (*parts[name][:2], json.loads(rest))
    return parts


def compare(name, told, record):
    def between(key, least, most, what):
        corral.check(key in record and least <= record[key] <= most, f"{name}: {what}: {record.get(key)} within {least} and {most}", told)

    corral.equal((record["collector"], record["includes_children"]), (name, False), f"{name}: who counted")
    corral.equal(record["gpid"], record["pid"], f"{name}: without a cluster its number in it is its pid")
    corral.check(told["block_ticks"] >= 6, f"{name}: it waited for the disk", told)
    between("block_delay_us", told["block_ticks"] * TICK_US, (told["block_ticks"] + 1) * TICK_US + 5 * MS, "waits for the disk by /proc/self/stat")
    between("block_waits", 1, told["reads"] + 5, "and how many, of the reads that it made")
    corral.check(told["waited_us"] > 300 * MS, f"{name}: it waited for a processor", told)
    between("processor_delay_us", told["waited_us"], told["waited_us"] + 200 * MS, "waits for a processor by schedstat")
    between("processor_waits", told["waits"], told["waits"] + 20, "and how many")
    between("peak_resident_bytes", told["hwm_kib"] * KIB - 512 * KIB, told["hwm_kib"] * KIB + 512 * KIB, "most memory by VmHWM")
    between("peak_resident_bytes", told["maxrss_kib"] * KIB - 512 * KIB, told["maxrss_kib"] * KIB + 512 * KIB, "and by ru_maxrss")
    between("peak_virtual_bytes", told["peak_kib"] * KIB, told["peak_kib"] * KIB + 64 * KIB, "most address space by VmPeak")
    between("minor_faults", told["minor"], told["minor"] + 50, "page faults by getrusage")
    between("voluntary_switches", told["voluntary"], told["voluntary"] + 10, "context switches by getrusage")
    between("involuntary_switches", told["involuntary"], told["involuntary"] + 50, "those that it did not ask for")
    used = record["user_us"] + record["system_us"]
    corral.check(told["cpu_us"] - 2 * TICK_US <= used <= told["cpu_us"] + 200 * MS, f"{name}: processor time {used} by getrusage {told['cpu_us']}")
    # The memory that it had, for as long as it used a processor: from when it was touched on all of it. The kernel adds up at its
    # ticks, and what comes behind the last one of them is not in it.
    size = told["hwm_kib"] / 1024
    between("resident_mbyte_us", round(0.5 * size * (told["cpu_us"] - told["touched_cpu_us"])), round(1.1 * size * (used + 2 * TICK_US)), "memory over time")
    between("virtual_mbyte_us", record["resident_mbyte_us"], round(1.1 * told["peak_kib"] / 1024 * (used + 2 * TICK_US)), "address space over time")


def compare_job(name, told, end):
    """Stalls and peaks of its job, against what the job's cgroup said just before its end; absent where it said nothing."""
    corral.equal((end["collector"], end["totals_from"]), (name, "cgroup"), f"{name}: the end says who counted, and where its totals are from")
    for resource in ("cpu", "memory", "io"):
        for who in ("some", "full"):
            key, least = f"{resource}_{who}_stall_us", told.get(f"{resource}_{who}")
            right = key not in end if least is None else least <= end.get(key, -1) <= least + 300 * MS
            corral.check(right, f"{name}: stalls, {resource} {who}: {end.get(key)} by its file {least}", end)
    corral.check(told["cpu_some"] > 0.5 * told["waited_us"], f"{name}: it was stalled as long as it waited for a processor", told)
    corral.check(told["io_some"] > 0.5 * told["block_ticks"] * TICK_US, f"{name}: and for the disk", told)
    for key, file in (("processes_peak", "pids.peak"), ("swap_peak_bytes", "memory.swap.peak")):
        corral.equal(end.get(key), told.get(file), f"{name}: {file}")


def main():
    if not LOADER.exists():
        corral.skip("needs corral-collect (clang, bpftool, libbpf-dev)")
    told = []
    with tempfile.TemporaryDirectory(prefix="corral-delays-") as name:
        disk = pathlib.Path(name) / "disk"
        with disk.open("wb") as file:
            file.write(os.urandom(1 << 20))
            file.truncate(64 << 20)
        files = {**machine.PROGRAMS, LOADER: "/bin/corral-collect", COUNTED: "/bin/counted"}
        status, _ = machine.run("delays.sh", files, told=told, disk=disk)
    corral.equal(status, 0, "the machine came to its end")
    parts = parts_of(told)
    corral.equal(sorted(parts), ["ebpf", "taskstats"], "both collectors counted")
    for collector, (facts, record, end) in parts.items():
        corral.check(facts and record, f"{collector}: it told what it knew, and has a record", facts, record)
        compare(collector, facts, record)
        compare_job(collector, facts, end)


if __name__ == "__main__":
    os.chdir("/")
    main()
