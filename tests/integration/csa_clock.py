#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The clock of who wrote pacct was stepped while jobs ran, also to before the boot that the file tells of: csabuild splits no job and
loses none, and what is put back is what had not ended."""

import collections
import tempfile

import csa_files
from corral import check, equal
from csa_records import first_boot, process
from csa_work import Work

STEPS = {"back by two days": -172800, "back by ten minutes": -600, "forward by a day": 86400}


def jobs_of(work, pacct):
    """What csajrep tells of the jobs, but for times, and the jobs that csarecy puts back."""
    built = work.run(f"csabuild -P {pacct} -s {pacct}.sorted")
    equal(built.returncode, 0, f"csabuild takes the {pacct} file {built.stderr[-200:]}")
    listed = work.run(f"csajrep -A -c -s {pacct}.sorted").stdout.splitlines()
    kept = work.run(f"csarecy -R -s {pacct}.sorted").stdout.splitlines()
    return collections.Counter([*(row for row in listed if b" AT " not in row), *(row for row in kept if b"0x" in row)])


def one_early_process(work):
    """What began before the boot that is told takes nobody else with it, nor who has its job's number then."""
    boot, start = first_boot(work)
    later = [process(begin=start + 5, jid=0x77), process(begin=start + 9), process(begin=start + 11, jid=0x13)]
    work.put("pacct1", boot + process(begin=start - 500, jid=0x77) + b"".join(later))
    done = work.run("csabuild -P pacct -s written")
    if done is None or done.returncode != 0:
        return done and done.stderr
    jobs = sorted((boot, jid) for boot, jid, _ in csa_files.sorted_jobs(work.get("written"))[1] if jid)
    return None if jobs == [(0, 0x77), (1, 0x12), (1, 0x13), (1, 0x77)] else f"{jobs}"


def main():
    for name, step in STEPS.items():
        with tempfile.TemporaryDirectory(prefix="corral-csa-clock-") as folder:
            work = Work(folder)
            data = work.get("in/pacct1")
            work.put("right1", data)
            work.put("stepped1", csa_files.with_clock_stepped(data, step))
            wanted = jobs_of(work, "right")
            found = jobs_of(work, "stepped")
            check(wanted, "there are jobs")
            equal(found - wanted, collections.Counter(), f"{name}: nothing is there more")
            equal(wanted - found, collections.Counter(), f"{name}: nor less")
    with tempfile.TemporaryDirectory(prefix="corral-csa-clock-") as folder:
        equal(one_early_process(Work(folder)), None, "one process of before the boot takes nobody with it")


main()
