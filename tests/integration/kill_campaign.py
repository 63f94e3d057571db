#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Kills the supervisor, in other rounds the store, with SIGKILL at random
instants while 50 jobs start, run and end: detached ones in cgroups and under
scopes (the engine subreaper), foreground ones, some that leave an orphan. Then
every job is accounted for: no job was lost or killed, every end reached its
waiter with its true status, and every record is in the pacct exactly once and
says the same.

    ROUNDS=500 tests/integration/kill_campaign.py      the full campaign
    SEED=7                                             the same instants again
"""

import collections
import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import collector  # noqa: E402
import corral  # noqa: E402
import job_records  # noqa: E402

ROUNDS = int(os.environ.get("ROUNDS", "12"))
SEED = int(os.environ.get("SEED", str(random.SystemRandom().randrange(1 << 30))))
IN_FLIGHT = 50
KERNEL_COUNTS = collector.ebpf_obstacle() is None


# How a stream starts its jobs: the options of `corral run`. A foreground job is
# known by its name, the others by the jid that they print.
WAYS = {
    "detached": ["-d"],
    "detached, subreaper": ["-d", "--engine", "subreaper"],
    "foreground": [],
    "foreground, subreaper": ["--engine", "subreaper"],
}
if os.geteuid() == 0 and corral.has_namespaces():
    WAYS |= {
        "detached, pidns": ["-d", "--engine", "pidns"],
        "foreground, pidns": ["--engine", "pidns"],
        "detached, cgroup2+pidns": ["-d", "--engine", "cgroup2+pidns"],
        "foreground, cgroup2+pidns": ["--engine", "cgroup2+pidns"],
    }
# Whose own reaper counts their processes, and not the kernel.
OWN_REAPER = {"subreaper", "pidns"}


class Job:
    """One job and its true end."""

    def __init__(self, number, chance, options):
        self.name = f"campaign-{number}"
        self.seconds = chance.choice([0, 0, 0.01, 0.1, 0.5])
        # Of a namespace whose init was not heard of in time no orphan is told: docs/PIDNS.md, "The end".
        self.leaves_orphan = chance.choice([False, False, False, True]) and "pidns" not in options
        number = chance.choice([0] * 4 + [signal.SIGTERM, signal.SIGSEGV])
        code = 0 if number else chance.randrange(256)
        has_own_reaper = not OWN_REAPER.isdisjoint(options)
        is_told_by_kernel = KERNEL_COUNTS and not has_own_reaper
        # The shell waits for its sleep: only an orphan is the reaper's. The kernel tells of the subshell too.
        processes = (2 if self.leaves_orphan else 1) * (2 if is_told_by_kernel else 1)
        is_certain = is_told_by_kernel or has_own_reaper
        self.truth = job_records.Truth(code, number, processes, processes if is_certain else 1)
        self.jid = None

    def script(self):
        orphan = "(sleep 0.005 &); " if self.leaves_orphan else ""
        end = f"kill -{self.truth.signal} $$" if self.truth.signal else f"exit {self.truth.code}"
        return f"{orphan}sleep {self.seconds}; {end}"


class Stream(threading.Thread):
    """Runs one job after the other until it is told to stop."""

    def __init__(self, instance, first, stop):
        super().__init__(daemon=True)
        self.instance, self.stop = instance, stop
        self.chance = random.Random(SEED * 1000 + first)
        self.first = first
        self.way = list(WAYS)[first % len(WAYS)]
        self.jobs = []
        self.complaints = []

    def run(self):
        number = self.first
        while not self.stop.is_set():
            job = Job(number, self.chance, WAYS[self.way])
            number += IN_FLIGHT
            try:
                self.play(job)
            except subprocess.TimeoutExpired:
                self.complaints.append((job.name, self.way, job.script(), "hangs", self.instance.run("ps").stdout))

    def play(self, job):
        done = self.instance.run("run", *WAYS[self.way], "--name", job.name, "--", "sh", "-c", job.script())
        if "-d" in WAYS[self.way]:
            self.wait_for(job, done)
        else:
            self.jobs.append(job)
            # It dies by the signal that ended the command.
            self.compare(job, done.returncode if done.returncode >= 0 else 128 - done.returncode, done.stderr)

    def wait_for(self, job, started):
        if started.returncode != 0:
            self.complaints.append((job.name, "run", started.returncode, started.stderr))
            return
        job.jid = int(started.stdout.strip().splitlines()[-1], 16)
        self.jobs.append(job)
        waited = self.instance.run("wait", f"{job.jid:#x}")
        self.compare(job, waited.returncode, waited.stderr)

    def compare(self, job, told, said):
        if told != job.truth.shell_code or said:
            self.complaints.append((job.name, self.way, job.script(), "told", told, said))


class Over:
    """Waits until the instance has got over the last kill: supervisor and
    store dead at once is another campaign with another promise."""

    def __init__(self, instance):
        self.instance = instance
        self.jobs = []

    def wait(self, victim, pid):
        corral.wait_until(lambda: getattr(self.instance, victim) not in (pid, None), what=f"a new {victim}")
        corral.wait_until(lambda: self.instance.run("ps").returncode == 0, what="an answer")
        if victim == "store":
            corral.wait_until(lambda: self.has_journal(self.instance.store), what="the journal in the new store")
            # A job is created only when all that was to be put into the store has gone there.
            started = self.instance.run("run", "-d", "--", "true")
            corral.check(started.returncode == 0, "a job starts after the store's death", started.stderr)
            self.jobs.append(Job(0, random.Random(0), []))
            self.jobs[-1].jid = int(started.stdout.strip(), 16)
            self.jobs[-1].truth = job_records.Truth()

    @staticmethod
    def has_journal(store):
        with contextlib.suppress(OSError, TypeError):
            links = [os.readlink(f"/proc/{store}/fd/{fd}") for fd in os.listdir(f"/proc/{store}/fd")]
            return any("journal" in link for link in links)
        return False


def kill_rounds(instance, chance, over):
    hits = collections.Counter()
    for round_number in range(ROUNDS):
        time.sleep(chance.uniform(0.001, 0.3))
        victim = "store" if round_number % 3 == 2 else "supervisor"
        pid = getattr(instance, victim)
        if pid is None:
            hits[f"{victim} was between two lives"] += 1
            continue
        try:
            os.kill(pid, signal.SIGKILL)
            hits[victim] += 1
        except ProcessLookupError:
            hits[f"{victim} was between two lives"] += 1
        over.wait(victim, pid)
    return hits


def compare_records(instance, jobs):
    records = instance.records()["records"]
    named = collections.defaultdict(list)
    for record in records:
        if record["kind"] == "start":
            named[record["name"]].append(int(record["jid"], 16))
    for job in jobs:
        if job.jid is None:
            if len(named[job.name]) != 1:
                corral.fail(f"{job.name} was {len(named[job.name])} jobs")
            job.jid = named[job.name][0]
    job_records.check_jobs(records, {job.jid: job.truth for job in jobs}, "after the kills")


def main():
    print(f"# seed {SEED}, {ROUNDS} rounds, {IN_FLIGHT} streams of jobs")
    chance = random.Random(SEED)
    with corral.Instance() as instance:
        stop, over = threading.Event(), Over(instance)
        streams = [Stream(instance, number, stop) for number in range(IN_FLIGHT)]
        for stream in streams:
            stream.start()
        try:
            hits = kill_rounds(instance, chance, over)
        finally:
            stop.set()  # whatever happened: no stream starts anything after the instance
            for stream in streams:
                stream.join(150)
        corral.check(not any(stream.is_alive() for stream in streams), "every waiter was answered")
        jobs = over.jobs + [job for stream in streams for job in stream.jobs]
        complaints = [text for stream in streams for text in stream.complaints]
        corral.check(not complaints, f"{len(jobs)} jobs: no start refused, every end told truly", *complaints[:10])
        corral.equal(instance.facts("ps"), [], "no job is left behind")
        compare_records(instance, jobs)
        ways = collections.Counter()
        for stream in streams:
            ways[stream.way] += len(stream.jobs)
        corral.check(hits["supervisor"] and hits["store"], "supervisors and stores were killed", hits)
        corral.check(all(ways[way] for way in WAYS), "jobs ended in each way", ways)
        print(f"# points hit: {dict(hits)}; jobs: {dict(ways)}")


if __name__ == "__main__":
    main()
