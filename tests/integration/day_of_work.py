#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A day of real work in one instance: builds, copies, daemons, storms, logins by sshd and su, a cron job; then the accounting
cycle over its file. What strace saw of a build, what the storms counted and what the kernel's cgroups used is held against the
records: each process once, of its own job, and the sums of all reports the same.

    DAY=1200 tests/integration/day_of_work.py      so many seconds of it
"""

import collections
import csv
import io
import os
import pathlib
import re
import struct
import subprocess
import sys
import time

import corral
from accounted import Accounted, every_record
from collector import ebpf_obstacle
from corral import BUILD, cgroup2_parent, check, equal, needs_root, not_checked, skip, wait_until
from csa_site import Site
from pam_machine import MODULE, NEEDED, Machine, run

DAY = float(os.environ.get("DAY", "15"))
TICK_US = 10_000
CACCT = 784
EXITS = BUILD / "tests/bench/bench-exits"
SOURCES = pathlib.Path(os.environ.get("CORRAL_SOURCE", ".")) / "tests/bench"
MAKEFILE = "all: exits crowd orphans\n%: %.c\n\tgcc -O2 -D_GNU_SOURCE -o $@ $<\n"


class Day:
    """What was run, and what somebody else than we knows of it."""

    def __init__(self, instance, folder):
        self.instance = instance
        self.folder = folder
        self.wanted = {}  # processes of a job, where somebody counted them
        self.traced = {}  # their pids, where strace saw them
        self.kinds = collections.Counter()
        self.number = 0

    def fresh(self):
        self.number += 1
        folder = self.folder / f"work{self.number}"
        folder.mkdir()
        return folder

    def job(self, kind, *words, **options):
        """Runs it as a job, to its end."""
        done = self.instance.run("run", "--name", f"{kind}{self.number}", "--", *words, timeout=300, **options)
        if done.returncode != 0:
            corral.fail(f"{kind}: {done.returncode}: {done.stderr[-500:]}")
        self.kinds[kind] += 1
        return self.instance.facts("show", f"{kind}{self.number}")["jid"]

    def build(self):
        """A compilation by make -j2, each process of which strace sees."""
        folder = self.fresh()
        (folder / "Makefile").write_text(MAKEFILE)
        for name in ("exits.c", "crowd.c", "orphans.c"):
            (folder / name).write_bytes((SOURCES / name).read_bytes())
        trace = self.folder / f"strace{self.number}"
        jid = self.job("build", "strace", "-f", "-q", "-e", "trace=none", "-e", "signal=none", "-o", trace, "make", "-s", "-j2", "-C", folder)
        self.traced[jid] = sorted(map(int, re.findall(r"(?m)^(\d+) +\+\+\+ (?:exited|killed)", trace.read_text())))
        trace.unlink()

    def copies(self):
        folder = self.fresh()
        script = f"cp -r {SOURCES} a && tar cf - a | tar xf - -C . --transform s/^a/b/ && diff -r a b && rm -r a b && exec true"
        jid = self.job("copies", "/bin/dash", "-c", f"cd {folder} && {script}")
        # dash forks for each command but the last: cp, two tars, diff, rm.
        self.wanted[jid] = 1 + 5

    def python(self):
        script = "import subprocess, sys\nfor _ in range(5): subprocess.run(['/bin/true'], check=True)\nprint(sum(range(2000000)))"
        self.wanted[self.job("python", sys.executable, "-S", "-E", "-c", script)] = 6

    def storm(self):
        count = 2000
        # Two who fork, and their parent.
        self.wanted[self.job("storm", EXITS, ("fork", "vfork")[self.number % 2], count)] = count + 3
        self.number += 1

    def daemon(self):
        """One that leaves its parents, in a job that waits for it."""
        self.fresh()
        script = "setsid sh -c 'sleep 0.2; /bin/true; exit 0' </dev/null >/dev/null 2>&1 & exit 0"
        done = self.instance.run("run", "--linger", "--name", f"daemon{self.number}", "--", "/bin/dash", "-c", script, timeout=60)
        equal_quietly(done.returncode, 0, "a daemon's job")
        jid = self.instance.facts("show", f"daemon{self.number}")["jid"]
        self.instance.run("wait", jid, timeout=60)
        self.kinds["daemon"] += 1
        # The shell and the daemon, which became another shell, with two commands of its own.
        self.wanted[jid] = 2 + 2


def equal_quietly(got, wanted, what):
    if got != wanted:
        corral.fail(f"{what}: got {got!r}, wanted {wanted!r}")


def logins(day, machine):
    """People who come and go, each in a job of his own."""
    script = "echo JID=$CORRAL_JID; for i in 1 2 3; do /bin/true; done; ls / >/dev/null"
    for words in (None, ["su", "-", "jane", "-c", script], ["su", "jane", "-c", script]):
        done = machine.ssh(script) if words is None else run(*words)
        found = re.search("JID=(0x[0-9a-f]+)", done.stdout)
        if not found:
            corral.fail(f"no job of a login: {done.stdout} {done.stderr}")
        day.kinds["sshd" if words is None else "su"] += 1


def cron(day, machine):
    out = machine.work / "jane/cron.out"
    pathlib.Path("/etc/cron.d/day").write_text(f"* * * * * jane (/bin/true; echo JID=$CORRAL_JID) >> {out} 2>&1\n")
    for where in ("/var/spool/cron", "/run/lock"):
        run("mount", "-t", "tmpfs", "none", where)
    pathlib.Path("/var/spool/cron/crontabs").mkdir(mode=0o1730, exist_ok=True)
    daemon = subprocess.Popen(["/usr/sbin/cron", "-f"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return daemon, out


def work(day, machine):
    """Until the day is over, each kind at least once."""
    parts = (day.build, day.copies, day.python, day.storm, day.daemon)
    end = time.monotonic() + DAY
    turn = 0
    while turn < len(parts) or time.monotonic() < end:
        parts[turn % len(parts)]()
        if machine is not None and turn % len(parts) == 0:
            logins(day, machine)
        turn += 1


def reconcile(day, records):
    """The records against what others counted."""
    processes = collections.defaultdict(list)
    for record in records:
        if record["kind"] == "process":
            processes[record["jid"]].append(record)
    ends = {record["jid"]: record for record in records if record["kind"] == "end"}
    starts = {record["jid"]: record for record in records if record["kind"] == "start"}
    equal(sorted(set(starts) ^ set(ends)), [], f"all {len(ends)} jobs have a start and an end")
    equal(sorted(set(processes) - set(ends)), [], "no process is of another job")
    wrong = {jid: (len(processes[jid]), wanted) for jid, wanted in day.wanted.items() if len(processes[jid]) != wanted}
    equal(wrong, {}, f"the records of {len(day.wanted)} jobs are as many as the storms and the scripts counted "
                     f"({sum(day.wanted.values())} processes)")  # fmt: skip
    # What strace forks to try the kernel it does not tell of.
    found = {jid: sorted(one["pid"] for one in processes[jid] if one["name"] != "strace") for jid in day.traced}
    equal({jid: pids for jid, pids in found.items() if pids != day.traced[jid]}, {},
          f"each of {sum(map(len, found.values()))} processes of {len(found)} builds that strace saw is there, and no other")
    unsure = {jid: end for jid, end in ends.items()
              if (end["processes_seen"], end.get("processes_not_seen")) != (len(processes[jid]), 0)}  # fmt: skip
    equal(unsure, {}, "each end says the same number, and that none was not seen")
    every = [one for found in processes.values() for one in found]
    twice = [key for key, count in collections.Counter((one["pid"], one["started_us"]) for one in every).items() if count > 1]
    equal(twice, [], f"none of {len(every)} processes is there twice")
    early = [one for jid, found in processes.items() for one in found
             if one["ended_us"] + TICK_US < starts[jid]["started_us"] or one["ended_us"] > ends[jid]["ended_us"] + 1_000_000]  # fmt: skip
    equal(early, [], "each ended while its job was there")
    check_times(day, processes, ends)
    return every


def check_times(day, processes, ends):
    """What the cgroup used, and what its processes did: a tick a process apart, at most."""
    off, total, sums, counted = [], 0, 0, {*day.wanted, *day.traced}
    for jid, end in ends.items():
        whole = end["user_us"] + end["system_us"]
        own = sum(one["user_us"] + one["system_us"] for one in processes[jid])
        total, sums = total + whole, sums + own
        # A login is a process that was moved: what it used before is its own, and not its job's.
        if not -TICK_US <= whole - own <= TICK_US * (len(processes[jid]) + 1) and jid in counted:
            off.append((jid, whole, own, len(processes[jid])))
    equal(off, [], f"the processor time of {len(counted)} jobs is their processes', within a tick each")
    print(f"  cgroups used {total / 1e6:.3f} s, processes {sums / 1e6:.3f} s ({100 * sums / max(total, 1):.2f} %)", flush=True)


def cycle(site, instance, day, every):
    """csaverify, csabuild, csacon, the reports; their sums are the same."""
    files = [path for path in instance.switched() if path.exists()]
    equal([site.run("csaverify", "-P", path).returncode for path in files], [0] * len(files), "csaverify finds no damage")
    folder = site.root / "hand"
    folder.mkdir()
    for number, path in enumerate(files, 1):
        (folder / f"pacct{number}").write_bytes(path.read_bytes())
    site.must("csabuild", "-i", "-P", folder / "pacct", "-s", folder / "spacct")
    told = 0
    for path in sorted(folder.glob("pacct*")):
        text = site.must("csacom", "-p", path).decode("latin1")
        selected = re.search(r"(\d+) Process records selected", text)
        told += int(selected[1]) if selected else 0
    equal(told, len(every), "csacom lists each process")
    consolidated = site.must("csacon", "-A", "-s", folder / "spacct")
    (folder / "cacct").write_bytes(consolidated)
    check(b"root" in site.must("csacrep", "-hucwx", stdin=(folder / "cacct").open("rb")), "csacrep tells who used it")
    same_times(site, instance, files, folder, every)
    rows = list(csv.DictReader(io.StringIO(report(instance, files, "--by", "user", "--csv"))))
    counted = sum(int(row["processes"]) for row in rows)
    equal(counted, len(every), "corral report counts the same processes")
    by_job = list(csv.DictReader(io.StringIO(report(instance, files, "--by", "job", "--csv"))))
    equal(sum(int(row["processes"]) for row in by_job), counted, "by job the same")
    site.run_csarun()
    equal(site.state(), "COMPLETE", "csarun goes through")
    daily = use_in(b"".join(path.read_bytes() for path in site.path("sum").glob("cacct.*")))
    check(daily[0] >= len(every), f"csarun's day has all: {daily[0]} processes")
    site.must("csaperiod")
    period = use_in(b"".join(path.read_bytes() for path in site.path("fiscal").glob("pdacct.*")))
    check(period[0] == daily[0] and abs(period[1] - daily[1]) < 1e-6, f"csaperiod has the same: {period} of {daily}")


def use_in(cacct):
    """(processes, seconds of processor time) of consolidated records."""
    processes, seconds = 0, 0.0
    for at in range(0, len(cacct), CACCT):
        processes += struct.unpack_from("<q", cacct, at + 224)[0]
        seconds += sum(struct.unpack_from("<d", cacct, at + part)[0] for part in (48, 128))
    return processes, seconds


def same_times(site, instance, files, folder, every):
    """Processor time by each report is the sum of the records."""
    own = sum(one["user_us"] + one["system_us"] for one in every) / 1e6
    listed, rows = 0.0, 0
    for path in sorted(folder.glob("pacct*")):
        for line in site.must("csacom", "-t", "-v", path).decode("latin1").splitlines():
            found = re.search(r" +([0-9]+\.[0-9]{2}) +([0-9]+\.[0-9]{2}) +[0-9]+\.[0-9]{2} +[0-9]+\.[0-9]{2}$", line)
            rows += found is not None
            listed += float(found[1]) + float(found[2]) if found else 0
    equal(rows, len(every), "csacom -t has a row for each")
    shown = sum(float(f"{one[part] / 1e6:.2f}") for one in every for part in ("user_us", "system_us"))  # of each row, two digits
    check(abs(listed - shown) <= 0.1, f"csacom's processor time is the records', row by row: {listed:.2f} of {shown:.2f} s")
    processes, seconds = use_in((folder / "cacct").read_bytes())
    check(processes == len(every) and abs(seconds - own) < 1e-3, f"csacon's too: {processes} processes, {seconds:.6f} of {own:.6f} s")
    total = re.search(r"(?m)^TOTALS +(\d+) +\S+ +\S+ +(\S+)", site.must("csacms", "-aS", "-A", folder / "spacct").decode("latin1"))
    check(int(total[1]) == len(every) and abs(float(total[2]) * 60 - own) <= 0.31, f"csacms' too: {total[1]} processes, {total[2]} minutes")
    by_command = list(csv.DictReader(io.StringIO(report(instance, files, "--by", "command", "--csv"))))
    told = sum(int(row["user_us"] or 0) + int(row["system_us"] or 0) for row in by_command) / 1e6
    check(abs(told - own) < 1e-6, f"corral report's too: {told:.6f} of {own:.6f} s")


def report(instance, files, *words):
    done = subprocess.run([str(corral.COMMAND), "report", *words, *map(str, files)], capture_output=True, text=True, check=False,
                          env=instance.environment)  # fmt: skip
    if done.returncode != 0:
        corral.fail(f"corral report {words}: {done.returncode}: {done.stderr}")
    return done.stdout


def logins_obstacle():
    if not MODULE.exists():
        return "the login module was not built"
    return next((f"{path} is not here" for path in NEEDED if not os.path.exists(path)), None)


def main():
    with Site() as site, Accounted(site, engine=None) as instance:
        for folder in (instance.folder, instance.runtime):
            folder.chmod(0o755)
        work_folder = instance.folder / "work"
        work_folder.mkdir(mode=0o755)
        day = Day(instance, work_folder)
        why = logins_obstacle()
        if why:
            not_checked(f"logins and cron: {why}")
        machine = None if why else Machine(instance)
        cron_daemon = None
        try:
            if machine is not None and DAY >= 60:
                cron_daemon, out = cron(day, machine)
            work(day, machine)
            if cron_daemon is not None:
                wait_until(out.exists, 75, "cron")
                day.kinds["cron"] = out.read_text().count("JID=0x")
                check(day.kinds["cron"] > 0, "cron's jobs are jobs", out.read_text())
                cron_daemon.kill()
                cron_daemon.wait()
        finally:
            if machine is not None:
                machine.close()
        print(f"  {dict(day.kinds)}", flush=True)
        wait_until(lambda: not instance.facts("ps"), 60, "all jobs to end")
        instance.switch()
        instance.run("run", "--", "/bin/true")  # behind all that was counted
        wait_until(lambda: sum(one["kind"] == "end" for one in every_record(instance)) >= sum(day.kinds.values()) + 1, 60, "every end")
        every = reconcile(day, every_record(instance))
        cycle(site, instance, day, every)


MARK = "CORRAL_TEST_IN_MOUNTS"
needs_root()
if cgroup2_parent() is None:
    skip("needs a writable cgroup v2 hierarchy")
if why := ebpf_obstacle():
    skip(why)
if MARK not in os.environ:
    os.environ[MARK] = "1"
    os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv])
main()
