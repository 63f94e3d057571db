#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Kills the supervisor, in other rounds the store, with SIGKILL at random
instants while 50 jobs start, run and end. Then every job is accounted for: no
job was lost or killed, every end reached its waiter with its true status, and
every record is in the pacct exactly once.

    ROUNDS=500 tests/integration/kill_campaign.py      the full campaign
    SEED=7                                             the same instants again
"""

import collections
import os
import random
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import corral  # noqa: E402

ROUNDS = int(os.environ.get("ROUNDS", "12"))
SEED = int(os.environ.get("SEED", str(random.SystemRandom().randrange(1 << 30))))
IN_FLIGHT = 50


class Job:
    """One job, its true end and what its waiter was told."""

    def __init__(self, number, chance):
        self.name = f"campaign-{number}"
        self.seconds = chance.choice([0, 0, 0.01, 0.1, 0.5])
        self.signal = chance.choice([0] * 4 + [signal.SIGTERM, signal.SIGSEGV])
        self.code = chance.randrange(256)
        self.jid = None
        self.told = None

    def script(self):
        end = f"kill -{self.signal} $$" if self.signal else f"exit {self.code}"
        return f"sleep {self.seconds}; {end}"

    @property
    def truth(self):
        return 128 + self.signal if self.signal else self.code


class Stream(threading.Thread):
    """Runs one job after the other until it is told to stop."""

    def __init__(self, instance, first, stop):
        super().__init__()
        self.instance, self.stop = instance, stop
        self.chance = random.Random(SEED * 1000 + first)
        self.first = first
        self.jobs = []
        self.complaints = []

    def run(self):
        number = self.first
        while not self.stop.is_set():
            job = Job(number, self.chance)
            number += IN_FLIGHT
            started = self.instance.run("run", "-d", "--name", job.name, "--", "sh", "-c", job.script())
            if started.returncode != 0:
                self.complaints.append((job.name, "run", started.returncode, started.stderr))
                continue
            job.jid = started.stdout.strip().splitlines()[-1]
            self.jobs.append(job)
            waited = self.instance.run("wait", job.jid)
            job.told = waited.returncode
            if job.told != job.truth:
                self.complaints.append((job.name, job.jid, "told", job.told, "truth", job.truth, waited.stderr))


def holds_much(store):
    """Whether a store has what it had: the journal, the ring, the socket and what belongs to jobs."""
    try:
        return store and len(os.listdir(f"/proc/{store}/fd")) > 10
    except OSError:
        return False


def one_fault_at_a_time(instance, victim):
    """Waits until the instance has got over the last kill: supervisor and
    store dead at once is another campaign with another promise."""
    if victim == "store":
        corral.wait_until(lambda: holds_much(instance.store), what="a new store with its descriptors")
    corral.wait_until(lambda: instance.run("ps").returncode == 0, what="an answer")


def kill_rounds(instance, chance):
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
        one_fault_at_a_time(instance, victim)
    return hits


def compare_records(instance, jobs):
    """Every job has one start, one end with its true status and one record of
    its main process."""
    kinds = collections.defaultdict(collections.Counter)
    ends = {}
    for record in instance.records()["records"]:
        jid = int(record.get("jid", "0"), 16)
        kinds[jid][record["kind"]] += 1
        if record["kind"] == "end":
            ends[jid] = record
    for job in jobs:
        counts = kinds[int(job.jid, 16)]
        if counts["start"] != 1 or counts["end"] != 1 or counts["process"] < 1:
            corral.fail(f"{job.name} {job.jid}: records {dict(counts)}")
    return sum(sum(counts.values()) for counts in kinds.values())


def main():
    print(f"# seed {SEED}, {ROUNDS} rounds, {IN_FLIGHT} streams of jobs")
    chance = random.Random(SEED)
    with corral.Instance() as instance:
        stop = threading.Event()
        streams = [Stream(instance, number, stop) for number in range(IN_FLIGHT)]
        for stream in streams:
            stream.start()
        hits = kill_rounds(instance, chance)
        stop.set()
        for stream in streams:
            stream.join(120)
        corral.check(not any(stream.is_alive() for stream in streams), "every waiter was answered")
        jobs = [job for stream in streams for job in stream.jobs]
        complaints = [text for stream in streams for text in stream.complaints]
        corral.check(not complaints, f"{len(jobs)} jobs: no start refused, every end told truly", *complaints[:10])
        corral.equal(instance.facts("ps"), [], "no job is left behind")
        count = compare_records(instance, jobs)
        corral.check(True, f"{count} records of {len(jobs)} jobs compared, each exactly once")
        print(f"# points hit: {dict(hits)}")


if __name__ == "__main__":
    main()
