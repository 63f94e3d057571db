#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An idle instance does not wake: reaper, store and supervisor make no context
switch for SECONDS (default 8; the claim is for 60), with live jobs and without.
Prints the private memory of each. The test's own timeout in meson.build is for
60 s, twice.
"""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import corral  # noqa: E402

SECONDS = float(os.environ.get("SECONDS_IDLE", "8"))


def switches(pid):
    with open(f"/proc/{pid}/status") as file:
        return sum(int(line.split()[1]) for line in file if "ctxt_switches" in line)


def private_kib(pid):
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith("Private_"))


def instance_processes(instance):
    """All processes of the instance that are not members of its jobs."""
    pids = {"reaper": instance.reaper, "store": instance.store, "supervisor": instance.supervisor}
    for number, pid in enumerate(corral.children_of(instance.supervisor)):
        pids[f"worker {number}"] = pid
    return pids


def count_over(pids):
    before = {name: switches(pid) for name, pid in pids.items()}
    time.sleep(SECONDS)
    return {name: switches(pid) - before[name] for name, pid in pids.items()}


def main():
    with corral.Instance() as instance:
        corral.equal(instance.run("run", "-d", "--", "true").returncode, 0, "a first job ran")
        time.sleep(1)
        pids = instance_processes(instance)
        woken = count_over(pids)
        corral.equal(set(woken.values()), {0}, f"idle without jobs: no context switch in {SECONDS:g} s: {woken}")
        for _ in range(5):
            corral.equal(instance.run("run", "-d", "--", "sleep", "300").returncode, 0, "a job sleeps")
        time.sleep(1)
        pids = instance_processes(instance)
        woken = count_over(pids)
        corral.equal(set(woken.values()), {0}, f"idle with 5 jobs: no context switch in {SECONDS:g} s: {woken}")
        for name, pid in pids.items():
            print(f"# private memory of {name}: {private_kib(pid)} KiB")


if __name__ == "__main__":
    main()
