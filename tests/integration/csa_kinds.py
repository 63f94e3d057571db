#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Kinds of records and thresholds, one by one: csaswitch, corral accounting and
the bus turn them on and off at run time, over restarts of supervisor and scribe;
csa.conf and csa.toml say what is on first and for 'on'; the file tells of each
change, and its records lack what is off and nothing else."""

import json
import os
import signal
import subprocess
import sys

import corral
import csa_files
from accounted import Accounted, every_record, scribe_of
from collector import ebpf_obstacle
from csa_site import Site

OPENED = csa_files.CONFIGURATION


def accounting(instance, *words, fails=False):
    done = instance.run("accounting", *words)
    if (done.returncode != 0) != fails:
        corral.fail(f"corral accounting {' '.join(words)}: {done.returncode}: {done.stderr}")
    return done.stderr if fails else done.stdout


def kinds_on(instance):
    state = json.loads(accounting(instance, "--json"))
    return sorted(name for name, is_on in state["kinds"].items() if is_on)


def run_job(instance, *command):
    """The records that its job left, when it has ended."""
    before = len(every_record(instance))
    done = instance.run("run", "-d", "--json", "--", *command)
    if done.returncode != 0:
        corral.fail(f"a job was not started: {done.stderr}")
    jid = json.loads(done.stdout)["jid"]
    instance.run("wait", jid)
    instance.csa("csaswitch", "-c", "status")  # behind all that was written
    return [record for record in every_record(instance)[before:] if record.get("jid") == jid]


def of_kind(records, kind):
    return [record for record in records if record["kind"] == kind]


def masks(instance):
    """Event, daemon mask and record mask of each configuration record."""
    found = []
    for path in instance.switched():
        for entry in csa_files.entries(path.read_bytes()):
            if entry.kind == OPENED:
                record = entry.records[OPENED]
                found.append((record[24], int.from_bytes(record[8:12], "little"), int.from_bytes(record[12:16], "little")))
    return found


def one_by_one():
    with Site() as site, Accounted(site) as instance:
        corral.equal(kinds_on(instance), ["csa", "delay", "io", "job", "mem"], "what is usual is on")
        whole = run_job(instance, "true")
        corral.equal(sorted({record["kind"] for record in whole}), ["end", "process", "start"], "and recorded")
        for kind, key in (("mem", "minor_faults"), ("io", "read_bytes")):
            if key not in of_kind(whole, "process")[0]:
                corral.not_checked(f"nobody collects {key} here")
                continue
            corral.equal(instance.csa("csaswitch", "-c", "off", "-n", kind).returncode, 0, f"csaswitch -c off -n {kind}")
            corral.equal(instance.csa("csaswitch", "-c", "check", "-n", kind).returncode, 255, "which check tells")
            process = of_kind(run_job(instance, "true"), "process")[0]
            corral.check(key not in process and "user_us" in process, f"a process has no {key}, and is there", process)
            accounting(instance, "on", kind)
            corral.check(key in of_kind(run_job(instance, "true"), "process")[0], f"corral accounting on {kind}: it has")
        accounting(instance, "off", "job")
        corral.equal({record["kind"] for record in run_job(instance, "true")}, {"process"}, "without starts and ends")
        accounting(instance, "on", "job")
        accounting(instance, "on", "wkmg")
        accounting(instance, "off", "csa")
        corral.equal(kinds_on(instance), ["job", "wkmg"], "csa takes what hangs on it with it")
        corral.equal(sorted({record["kind"] for record in run_job(instance, "true")}), ["end", "start"], "jobs, with wkmg")
        os.kill(instance.supervisor, signal.SIGKILL)
        corral.equal(sorted({record["kind"] for record in run_job(instance, "true")}), ["end", "start"], "also of the next supervisor")
        corral.equal(kinds_on(instance), ["job", "wkmg"], "which knows what is on")
        accounting(instance, "off", "wkmg")
        before = instance.pacct.read_bytes()
        corral.equal(run_job(instance, "true"), [], "nothing is on, nothing is written")
        corral.equal(instance.pacct.read_bytes(), before, "not a byte")
        corral.equal(instance.csa("csaswitch", "-c", "on", "-n", "delay").returncode, 0, "on -n delay")
        corral.equal(kinds_on(instance), ["csa", "delay", "job"], "turns csa on")
        corral.equal(masks(instance)[-3:], [(3, 4, 0), (3, 0, 0), (2, 1, 4)], "the file tells each change")
        accounting(instance, "off")
        corral.equal(kinds_on(instance), [], "off: all")
        accounting(instance, "on")
        corral.equal(kinds_on(instance), ["csa", "delay", "job"], "on: what was on")
        accounting(instance, "off")
        accounting(instance, "on", "csa")
        corral.equal(kinds_on(instance), ["csa", "job"], "behind off, what is named")


def linked():
    """Each kind of linked record off and on, where all of them are collected."""
    if why := ebpf_obstacle():
        return corral.not_checked(why)
    keys = {"mem": "peak_resident_bytes", "io": "read_calls", "delay": "processor_waits"}
    with Site() as site, Accounted(site, engine=None) as instance:
        (process,) = of_kind(run_job(instance, "true"), "process")
        corral.equal([key for key in keys.values() if key not in process], [], "memory, I/O and delays are collected")
        for kind, key in keys.items():
            corral.equal(instance.csa("csaswitch", "-c", "off", "-n", kind).returncode, 0, f"csaswitch -c off -n {kind}")
            (process,) = of_kind(run_job(instance, "true"), "process")
            corral.equal([other for other in keys.values() if other in process], [other for other in keys.values() if other != key],
                         f"without {key}, and nothing else")  # fmt: skip
            found = [entry for path in instance.switched() for entry in csa_files.entries(path.read_bytes()) if entry.kind == csa_files.PROCESS]
            wanted = {csa_files.PROCESS, csa_files.MEMORY, csa_files.IO, csa_files.DELAY} - {LINKED[kind]}
            corral.equal(set(found[-1].records), wanted, f"no record of {kind} is linked to it in the file")
            accounting(instance, "on", kind)
            corral.check(key in of_kind(run_job(instance, "true"), "process")[0], f"corral accounting on {kind}: it has")


LINKED = {"mem": csa_files.MEMORY, "io": csa_files.IO, "delay": csa_files.DELAY}
BUSY = ["sh", "-c", "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done"]


def thresholds():
    with Site() as site, Accounted(site) as instance:
        corral.equal(len(of_kind(run_job(instance, "true"), "process")), 1, "a short process has a record")
        corral.equal(instance.csa("csaswitch", "-c", "on", "-n", "time", "-t", "1000").returncode, 0, "a threshold of 1000 s")
        status = instance.csa("csaswitch", "-c", "status").stdout
        corral.check("      time\tOn\t1000\n" in status, "status shows it", status)
        corral.equal(of_kind(run_job(instance, "true"), "process"), [], "below it nobody has one")
        accounting(instance, "on", "--cpu-threshold", "20ms")
        short, busy = run_job(instance, "true"), run_job(instance, *BUSY)
        corral.equal((of_kind(short, "process"), len(of_kind(busy, "process"))), ([], 1), "of 20 ms: who was busy has")
        corral.check(of_kind(busy, "process")[0]["user_us"] > 20000, "and was", busy)
        end = of_kind(short, "end")[0]
        corral.equal(end.get("processes_not_seen") or 0, 0, "who is below was seen")
        kill_scribe(instance)
        corral.equal(of_kind(run_job(instance, "true"), "process"), [], "also for the next scribe")
        accounting(instance, "off", "time")
        corral.equal(len(of_kind(run_job(instance, "true"), "process")), 1, "off: everybody")
        accounting(instance, "on", "--memory-threshold", "1T")
        measured = "peak_virtual_bytes" in of_kind(busy, "process")[0]
        corral.equal(len(of_kind(run_job(instance, "true"), "process")), 0 if measured else 1, "a terabyte nobody has, if it is measured")
        state = json.loads(accounting(instance, "--json"))
        corral.equal(state["memory_threshold_bytes"], 2**40, "which is told")
        for words, said in ((["on", "memt"], "needs a threshold"), (["on", "what"], "no kind"), (["off", "-t", "1s"], "its kind"),
                            (["dance"], "expected 'status'"), (["status", "csa"], "no more words")):  # fmt: skip
            told = accounting(instance, *words, fails=True)
            corral.check(said in told, f"corral accounting {' '.join(words)}: {said}", told)


def kill_scribe(instance):
    pid = scribe_of(instance)
    os.kill(pid, signal.SIGKILL)
    corral.wait_until(lambda: scribe_of(instance) not in (None, pid), what="another scribe")


def configured():
    with Site() as site:
        site.set_conf(IO_START="off", MEMT_START="on 7", TIME_START="off 3", WKMG_START="on")
        with Accounted(site, conf=True) as instance:
            first = ["csa", "delay", "job", "mem", "memt", "wkmg"]
            corral.wait_until(lambda: kinds_on(instance) == first, what="what csa.conf says is on first")
            corral.equal(json.loads(accounting(instance, "--json"))["memory_threshold_bytes"], 7 * 1024, "and a threshold")
            instance.csa("csaswitch", "-c", "halt")
            site.set_conf(IO_START="on", MEMT_START="off 7")
            instance.csa("csaswitch", "-c", "on")
            corral.equal(kinds_on(instance), ["csa", "delay", "io", "job", "mem", "wkmg"], "'on' takes what it says now")
            instance.csa("csaswitch", "-c", "halt")
            instance.csa("csaswitch", "-c", "switch")
            corral.equal(kinds_on(instance), ["csa", "delay", "io", "job", "mem", "wkmg"], "as does 'switch' while nothing is on")
            site.set_conf(TIME_START="on")
            told = instance.csa("csaswitch", "-c", "on").stderr
            corral.check("A threshold value is required for TIME_START" in told, "a threshold without a value is told", told)
            conf = site.root / "csa.conf"
            for label, value, wanted in (("TIME_START", "on", "'on': expected 'on' and a number of seconds"), ("MEMT_START", "on x", "'on x': expected 'on' and a number of KB"),
                                         ("CSA_START", "yes", "'yes': expected 'on' or 'off'"), ("IO_START", "1", "'1': expected 'on' or 'off'")):  # fmt: skip
                site.set_conf(**{"TIME_START": "off 3", "MEMT_START": "off 7", "CSA_START": "ON", "IO_START": "Off", label: value})
                line = next(number for number, text in enumerate(conf.read_text().splitlines(), 1) if text.startswith(label))
                told = instance.csa("csaswitch", "-c", "on").stderr
                corral.check(f"{conf}:{line}: {label}: {wanted}" in told and told.count("expected") == 1, f"{label} {value} is told, with its place", told)
            site.set_conf(IO_START="Off", CSA_START="yes")
        with Accounted(site, conf=True) as instance:
            instance.run("run", "--", "true")
            corral.check("CSA_START: 'yes': expected" in instance.stderr(), "and by an instance that starts", instance.stderr())


def refused():
    with Site() as site, Accounted(site) as instance:
        for words, said in (
            (["-c", "on", "-n", "memt"], "-m is required"), (["-c", "on", "-n", "time"], "-t is required"),
            (["-c", "on", "-n", "memt", "-m", "much"], "positive numeric"), (["-c", "check", "-n", "what"], "is invalid"),
        ):  # fmt: skip
            done = instance.csa("csaswitch", *words)
            corral.check(done.returncode != 0 and said in done.stderr, f"csaswitch {' '.join(words)}: {said}", done.stderr)
        done = instance.csa("csaswitch", "-c", "on", "-n", "csa", "-m", "5")
        corral.check(done.returncode == 0 and "-m is not used" in done.stderr, "-m without memt is told", done.stderr)
        if os.geteuid() != 0:
            return
        call = ["busctl", f"--address=unix:path={instance.socket}", "call", "org.corral.Manager1", "/org/corral/manager",
                "org.corral.Accounting1"]  # fmt: skip
        for words, said in (
            (["Enable", "asa{sv}", "1", "dance", "0"], "not known"), (["Enable", "asa{sv}", "0", "0"], "no kind"),
            (["Enable", "asa{sv}", "1", "memt", "0"], "MemoryThreshold"), (["Enable", "asa{sv}", "1", "csa", "1", "TimeThreshold", "t", "5"], "its kind"),
            (["Disable", "as", "0"], "no kind"),
        ):  # fmt: skip
            done = subprocess.run([*call, *words], capture_output=True, text=True, check=False)
            corral.check(done.returncode != 0 and said in done.stderr, f"{' '.join(words)}: {said}", done.stderr)
        done = subprocess.run([*call, "Enable", "asa{sv}", "2", "tape", "time", "1", "TimeThreshold", "t", "5"],
                              capture_output=True, text=True, check=False)  # fmt: skip
        corral.equal((done.returncode, "tape" in kinds_on(instance)), (0, True), "the bus turns kinds on")


def main():
    tests = {"one_by_one": one_by_one, "linked": linked, "thresholds": thresholds, "configured": configured, "refused": refused}
    for name, test in tests.items():
        if len(sys.argv) < 2 or name in sys.argv[1:]:
            test()


main()
