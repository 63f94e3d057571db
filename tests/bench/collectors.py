#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How fast processes of a job end with the eBPF collector (or taskstats) against none: the collector `wait`, which sees none of these, as
their own parent reaps them. An instance a run, so that nothing is in the kernel where nothing is to be; interleaved; the
time is the job's own. And that each of them has its record.

  collectors.py --build BUILD [--rounds 7] [--count 60000] [--collector taskstats]

The bounds are those of eBPF. With taskstats a job that is not sure to have been seen in full counts as one process without
a record, and those that are missing too.
"""

import statistics
import subprocess
import sys

import measure

MINIMAL = b"int main(void){return 0;}\n"


def rate(corral, collector, words):
    """Ends a second; and how many processes the end record says were seen and not."""
    with corral.Instance(environment={"CORRAL_COLLECTOR": collector}) as instance:
        instance.run("run", "--", "/bin/true")
        result = instance.run("run", "--", *words, timeout=300)
        if result.returncode != 0:
            sys.exit(f"'{words}' failed: {result.returncode}: {result.stderr}")
        job = instance.facts("show", "0x2")
        return float(result.stdout), job["processes_seen"], job["processes_not_seen"]


def main():
    made = measure.parser(__doc__)
    made.add_argument("--rounds", type=int, default=7)
    made.add_argument("--count", type=int, default=60000)
    made.add_argument("--collector", choices=["ebpf", "taskstats"], default="ebpf")
    arguments = measure.parse(made)
    import corral
    from collector import ebpf_obstacle, taskstats_obstacle

    if why := {"ebpf": ebpf_obstacle, "taskstats": taskstats_obstacle}[arguments.collector]():
        return measure.missing(f"the collector {arguments.collector}", f"{why}; nothing is measured")
    exits = measure.tool(arguments.build, "bench-exits")
    minimal = measure.tool(arguments.build, "bench-minimal")
    subprocess.run(["musl-gcc", "-static", "-Os", "-s", "-xc", "-", "-o", minimal], check=True, input=MINIMAL)
    loads = {
        "vfork, exec of a minimal program, exit": (["exec", arguments.count, minimal], 0.90),
        "fork, exit": (["fork", arguments.count], 0.97),
        "/bin/true": (["exec", arguments.count // 10, "/bin/true"], 0.97),
    }
    for name, (words, wanted) in loads.items():
        count = words[1] // 2 * 2
        print(f"## {name}: {arguments.rounds} interleaved rounds of {count}, two at a time")
        ratios, missed = [], 0
        for _ in range(arguments.rounds):
            off, _, _ = rate(corral, "wait", [exits, *words])
            on, seen, not_seen = rate(corral, arguments.collector, [exits, *words])
            missed += (1 if not_seen is None else not_seen) + abs(count + 3 - seen - (not_seen or 0))
            ratios.append(on / off)
            print(f"   off {off:9.1f}/s   on {on:9.1f}/s   ratio {ratios[-1]:.3f}", flush=True)
        print(f"   median ratio {measure.judged(statistics.median(ratios), at_least=wanted)}")
        print(f"   processes without a record: {measure.judged(missed, at_most=0, form='d')}")
    return None


if __name__ == "__main__":
    main()
