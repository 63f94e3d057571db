# SPDX-License-Identifier: Apache-2.0
"""What an accounting file must say of jobs whose true end the test knows."""

import collections
import dataclasses
import signal

import corral


@dataclasses.dataclass
class Truth:
    """How a job's main process ended, and how many processes the reaper waited for.

    The record of the end counts those that had been seen by then. With cgroup2
    that may be fewer: an orphan can empty the cgroup before the reaper has told
    of it; its own record then follows the end's."""

    code: int = 0
    signal: int = 0
    processes: int = 1
    seen_at_least: int = 1

    @property
    def shell_code(self):
        return 128 + self.signal if self.signal else self.code

    def wrong_in(self, record):
        """What is wrong in a record of the end or of the main process; None if it is true."""
        found = (record.get("exit_code"), record.get("signal"))
        wanted = (None, signal.Signals(self.signal).name) if self.signal else (self.code, None)
        return None if found == wanted else f"{record['kind']} says {found}, truth {wanted}"


def check_keys(records, text):
    keys = [(record["instance"], record["key"]) for record in records if "key" in record and record["kind"] != "config"]
    corral.equal(len(keys), len(set(keys)), f"{text}: no key is there twice")


def by_job(records):
    """For each jid its records, in the file's order."""
    jobs = collections.defaultdict(list)
    for record in records:
        if record["kind"] in ("start", "process", "end"):
            jobs[int(record.get("jid", "0"), 16)].append(record)
    return jobs


def wrong_in_job(records, truth):
    """What is wrong in one job's records; None if they are the job's: one
    start, first, one record a process, one of them the main process's, one end."""
    kinds = collections.Counter(record["kind"] for record in records)
    wanted = {"start": 1, "process": truth.processes, "end": 1}
    if dict(kinds) != wanted:
        who = sorted({f"{record['engine']}, {record['collector']}" for record in records if record["kind"] == "end"})
        return f"records {dict(kinds)}, not {wanted} ({who}; {[record.get('name') for record in records]})"
    if records[0]["kind"] != "start":
        return f"begins with {records[0]['kind']}"
    end = next(record for record in records if record["kind"] == "end")
    if not truth.seen_at_least <= end["processes_seen"] <= truth.processes:
        return f"{end['processes_seen']} processes seen of {truth.processes}, at least {truth.seen_at_least}"
    processes = [record for record in records if record["kind"] == "process"]
    if all(truth.wrong_in(process) for process in processes):
        return f"no process ended as the main one: {truth.wrong_in(processes[0])}"
    return truth.wrong_in(end)


def check_jobs(records, truths, text):
    """`truths`: a Truth for each jid (a number), and no other job is in the file."""
    check_keys(records, text)
    found = by_job(records)
    unknown = sorted(f"{jid:#x}" for jid in set(found) - set(truths))
    corral.equal(unknown, [], f"{text}: no job is in the file that nobody asked for")
    wrong = {f"{jid:#x}": wrong for jid, truth in truths.items() if (wrong := wrong_in_job(found[jid], truth))}
    corral.check(
        not wrong,
        f"{text}: {sum(len(found[jid]) for jid in truths)} records of {len(truths)} jobs compared: one start, "
        "each process, one end, each with its true status",
        *list(wrong.items())[:10],
    )
