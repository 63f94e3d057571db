#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Records from end to end under a supervisor: each job has its start, its
processes and its end, once; a killed scribe, a full disk and a renamed file
change nothing of that."""

import collections
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

import corral
import job_records

os.environ["CORRAL_COLLECTOR"] = "wait"  # what it is about; the other is in collectors.py


def kinds_by_job(records):
    """For each jid the kinds of its records, in the file's order."""
    jobs = collections.defaultdict(list)
    for record in records:
        if record.get("jid", "0x0") != "0x0" and record["kind"] in ("start", "process", "end"):
            jobs[record["jid"]].append(record["kind"])
    return jobs


def check_whole(records, count, text):
    jobs = kinds_by_job(records)
    corral.equal(len(jobs), count, f"{text}: every job is in the file")
    wrong = {
        jid: kinds
        for jid, kinds in jobs.items()
        if kinds[0] != "start" or kinds.count("start") != 1 or kinds.count("end") != 1 or "process" not in kinds
    }
    corral.equal(wrong, {}, f"{text}: each with one start, its processes, one end")
    job_records.check_keys(records, text)


def scribe_of(instance):
    for pid in corral.descendants_of(instance.supervisor):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if b"--worker=scribe" in file.read().split(b"\0"):
                    return pid
        except OSError:
            continue
    return None


def run_jobs(instance, count, *command):
    for _ in range(count):
        result = instance.run("run", "-d", "--", *(command or ("true",)))
        if result.returncode != 0:
            corral.fail(f"a job was not started: {result.stderr}")


def wait_for_ends(instance, count):
    """The records, once `count` ends are in the file."""

    def all_there():
        records = instance.records()["records"]
        ends = [record for record in records if record["kind"] == "end"]
        return records if len(ends) >= count else None

    return corral.wait_until(all_there, seconds=30, what=f"{count} ends in the file")


def plain(instance):
    run_jobs(instance, 5, "sh", "-c", "sleep 0.05; exit 7")
    records = wait_for_ends(instance, 5)
    check_whole(records, 5, "five jobs")
    corral.equal(records[0]["kind"], "config", "the file begins with its configuration")
    ends = [record for record in records if record["kind"] == "end"]
    corral.equal({(e["result"], e["exit_code"]) for e in ends}, {("exited", 7)}, "the ends say how")
    corral.check(all(e["wall_us"] >= 50000 for e in ends), "and how long", ends)
    corral.check(all(e["processes_seen"] >= 1 for e in ends), "and how many processes were seen", ends)
    processes = [record for record in records if record["kind"] == "process"]
    corral.check(all(p["includes_children"] for p in processes), "a process's counters are marked inclusive", processes)
    text = instance.run("records", str(instance.pacct))
    corral.equal(text.returncode, 0, "corral records prints them as text")
    corral.check("exited with code 7" in text.stdout, "with the sentence", text.stdout)


def orphans(instance, count=int(os.environ.get("JOBS", "60"))):
    """The end counts every process that was waited for, also orphans that end last; but those, of a job in sixty at most, that
    the kernel stopped on its way from leaving the cgroup to being waited for (reaper/supervisor_talk.h), whose records follow."""
    before = set(kinds_by_job(instance.records()["records"]))
    run_jobs(instance, count, "sh", "-c", "for i in 1 2 3; do setsid sh -c 'sleep 0.01; :' & done; sleep 0.009")
    jobs = collections.defaultdict(list)
    for record in wait_for_ends(instance, len(before) + count):
        if record.get("jid", "0x0") not in before | {"0x0"}:
            jobs[record["jid"]].append(record)
    wrong, late = [], 0
    for jid, records in jobs.items():
        kinds = [record["kind"] for record in records]
        end = kinds.index("end")
        late += end != len(kinds) - 1
        if records[end]["processes_seen"] != kinds[:end].count("process") or kinds.count("process") != len(kinds) - 2:
            wrong.append((jid, kinds, records[end]["processes_seen"]))
    corral.equal((len(jobs), wrong), (count, []), f"{count} ends count the processes recorded before them")
    corral.check(late <= 1 + count // 60, f"the ends of all but {late} jobs come last")


def killed_scribe(instance):
    before = len(kinds_by_job(instance.records()["records"]))
    for round_number in range(10):
        run_jobs(instance, 1)
        scribe = scribe_of(instance)
        if scribe:
            os.kill(scribe, signal.SIGKILL)
        run_jobs(instance, 1)
    records = wait_for_ends(instance, before + 20)
    check_whole(records, before + 20, "ten killed scribes")


def renamed(instance):
    """As csaswitch does it."""
    old = instance.records()["records"]
    switched = instance.pacct.with_name("pacct1")
    os.rename(instance.pacct, switched)
    run_jobs(instance, 2)
    records = corral.wait_until(
        lambda: instance.pacct.exists() and [r for r in instance.records()["records"] if r["kind"] == "end"][1:]
        and instance.records()["records"],
        seconds=30,
        what="two ends in the new file",
    )
    check_whole(records, 2, "a new file")
    corral.equal(len(instance.records(switched)["records"]), len(old), "nothing more was written to the old one")


def fill_up(path):
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    with contextlib.suppress(OSError):
        while True:
            os.write(descriptor, b"\0" * 4096)
    os.close(descriptor)


def full_disk():
    """In a mount namespace of its own: this program again, on a small tmpfs."""
    if os.geteuid() != 0:
        return corral.not_checked("needs root")
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0:
        return corral.not_checked("needs a mount namespace")
    code = subprocess.call(["unshare", "-m", sys.executable, __file__, "full-disk"], timeout=150)
    corral.equal(code, 0, "a full disk")


def full_disk_inside():
    instance = corral.Instance(engine="subreaper")
    small = instance.folder / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", small], check=True)
    instance.pacct = small / "pacct"
    instance.environment["CORRAL_PACCT"] = str(instance.pacct)
    with instance:
        run_jobs(instance, 1)
        wait_for_ends(instance, 1)
        fill_up(small / "fill")
        run_jobs(instance, 20)
        waiting = corral.wait_until(
            lambda: (lambda f: f if f["records_waiting"] else None)(instance_facts(instance)),
            what="records that wait",
        )
        corral.equal(waiting["records_lost"], 0, "while the disk is full jobs run, records are kept, none is lost")
        damaged = instance.run("records", str(instance.pacct))
        corral.equal(damaged.returncode, 0, "no half of a record is in the file")
        os.unlink(small / "fill")
        records = wait_for_ends(instance, 21)
        check_whole(records, 21, "room again")


def compacted(point):
    """The supervisor dies at one of its system calls while a scope tells of an exit; the next one compacts the journal, and dies."""
    with corral.Instance(engine="subreaper") as instance:
        jid = int(instance.run("run", "-d", "--", "sh", "-c", "(sleep 0.7 &); exec sleep 600").stdout, 16)
        killer = subprocess.Popen([corral.BUILD / "tests/support/kill-at-syscall", str(instance.supervisor), str(point)],
                                  stdout=subprocess.PIPE, text=True)
        killer.stdout.readline()
        time.sleep(1.2)
        killer.send_signal(signal.SIGTERM)
        told = killer.communicate(timeout=10)[0]
        corral.check(told.startswith("killed"), f"the supervisor dies at its call {point}", told)
        corral.wait_until(lambda: instance.supervisor, what="another supervisor")
        large = instance.environment | {f"LARGE{number}": "x" * 120000 for number in range(9)}
        for _ in range(6):  # of which the journal remembers a megabyte each
            corral.equal(instance.run("run", "-d", "--", "true", env=large).returncode, 0, "a large job runs")
        time.sleep(0.3)
        second = instance.supervisor
        os.kill(second, signal.SIGKILL)
        corral.wait_until(lambda: instance.supervisor not in (None, second), what="a third supervisor")
        time.sleep(0.5)
        found = [record for record in instance.records()["records"]
                 if record["kind"] == "process" and int(record.get("jid", "0"), 16) == jid]
        corral.equal(len(found), 1, "its exit is recorded once")
        instance.run("kill", "-g", "0", f"{jid:#x}")


def torn():
    """What a death left of an append is cut off, and said."""
    with tempfile.TemporaryDirectory(prefix="corral-test-") as folder:
        with corral.Instance(engine="subreaper", folder=folder) as instance:
            instance.run("run", "-d", "--", "true")
            wait_for_ends(instance, 1)
        size = os.path.getsize(instance.pacct)
        os.truncate(instance.pacct, size - 100)
        with corral.Instance(engine="subreaper", folder=folder) as instance:
            instance.run("run", "-d", "--", "true")
            wait_for_ends(instance, 1)
            told = re.findall(r"warning: the accounting file ended in (\d+) bytes of an append that was torn", instance.stderr())
            corral.check(len(told) == 1 and 100 < int(told[0]) < size, "a torn end is told, with its size", instance.stderr())
            done = instance.run("records", str(instance.pacct))
            corral.equal((done.returncode, done.stderr), (0, ""), "and is not in the file any more")


def instance_facts(instance):
    """The instance's own counters, from `corral doctor`."""
    text = instance.run("doctor", "--json").stdout

    def search(value):
        if isinstance(value, dict):
            if "records_waiting" in value:
                return value
            value = list(value.values())
        if isinstance(value, list):
            for part in value:
                found = search(part)
                if found:
                    return found
        return None

    facts = search(json.loads(text))
    corral.check(facts is not None, "corral doctor tells how many records wait", text)
    return facts


def main():
    if sys.argv[1:] == ["full-disk"]:
        full_disk_inside()
        return
    with corral.Instance() as instance:
        plain(instance)
        orphans(instance)
        killed_scribe(instance)
        renamed(instance)
    for point in (3, 4, 5):
        compacted(point)
    torn()
    full_disk()


main()
