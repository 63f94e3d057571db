#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What an idle instance costs: private memory and context switches of reaper, store, supervisor and its workers, without
jobs and with some, and what a foreground job's own reaper costs.

  idle.py --build BUILD [--seconds 60] [--jobs 5]

The memory of a live job in the supervisor is in jobs.py (--only live).
"""

import subprocess
import time

import measure


def processes_of(corral, instance):
    """The processes of the instance, without its jobs'."""
    pids = {"reaper": instance.reaper, "store": instance.store, "supervisor": instance.supervisor}
    for number, pid in enumerate(corral.children_of(instance.supervisor), 1):
        pids[f"worker {number}"] = pid
    return pids


def watch(pids, seconds):
    """Prints a line for each process, and the sums against their bound."""
    before = {name: measure.switches(pid) for name, pid in pids.items()}
    time.sleep(seconds)
    woken = {name: measure.switches(pid) - before[name] for name, pid in pids.items()}
    private = {name: measure.private_kib(pid) for name, pid in pids.items()}
    for name, pid in pids.items():
        print(f"   {name:14} private {private[name]:5} KiB   resident {measure.resident_kib(pid):5} KiB"
              f"   descriptors {measure.descriptors(pid):3}   context switches {woken[name]}")
    print(f"   private memory of all: {sum(private.values())} KiB")
    print(f"   wake-ups of all in {seconds:g} s: {measure.judged(sum(woken.values()), at_most=0, form='d')}", flush=True)


def main():
    parser = measure.parser(__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--jobs", type=int, default=5)
    arguments = measure.parse(parser)
    import corral  # tests/support

    with corral.Instance() as instance:
        corral.wait_until(lambda: instance.run("run", "-d", "--", "true").returncode == 0, what="a first job")
        time.sleep(1)  # its records are written
        print(f"## an idle instance, {arguments.seconds:g} s")
        watch(processes_of(corral, instance), arguments.seconds)
        for _ in range(arguments.jobs):
            instance.run("run", "-d", "--", "sleep", "100000")
        front = instance.popen("run", "--", "sleep", "100000", stdin=subprocess.DEVNULL)
        time.sleep(1)
        print(f"## the same with {arguments.jobs} detached jobs and one in the foreground, {arguments.seconds:g} s")
        scope = {"scope": front.pid}
        for pid in corral.children_of(front.pid):
            if corral.name_of(pid) == corral.name_of(front.pid):
                scope["its sentinel"] = pid
        watch({**processes_of(corral, instance), **scope}, arguments.seconds)
        front.terminate()
        front.wait()


if __name__ == "__main__":
    main()
