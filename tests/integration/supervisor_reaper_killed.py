#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Kills the reaper where it is not PID 1: the supervisor becomes a new one, all
jobs are found again, and their ends are true: from the reaper's ring, from the
scopes, or from the pidfds where the kernel keeps the status (Linux 6.15).
Where nobody can tell, the status is called unknown."""

import os
import signal
import time

import corral


def kernel_keeps_statuses():
    """A pidfd tells the status of a process that somebody else has reaped."""
    release = os.uname().release.split("-")[0].split(".")
    return (int(release[0]), int(release[1])) >= (6, 15)


def start(instance, script, *options):
    return instance.run("run", "-d", *options, "--", "sh", "-c", script).stdout.strip()


def main():
    with corral.Instance() as instance:
        jobs = {
            "ends later": (start(instance, "sleep 2; exit 5"), 5),
            "is ended by a signal": (start(instance, "sleep 2; kill -USR1 $$"), 128 + signal.SIGUSR1),
            "has a reaper of its own": (start(instance, "sleep 2; exit 6", "--engine", "subreaper"), 6),
        }
        leaver = start(instance, "setsid sleep 600 & sleep 2; exit 7")
        stayer = start(instance, "setsid sleep 600 & sleep 600")
        scope = instance.popen("run", "--", "sh", "-c", "sleep 2; exit 8")
        corral.wait_until(lambda: len(instance.facts("ps")) == 6, what="six jobs")
        first = instance.reaper
        supervisor = instance.supervisor
        os.kill(first, signal.SIGKILL)
        instance.process.wait()
        try:
            corral.wait_until(lambda: corral.name_of(supervisor) == "corral-reaper", what="the supervisor's new life")
            corral.check(True, f"process {supervisor}, the supervisor, is the reaper now")
            corral.equal(len(instance.facts("ps")), 6, "every job is found again")
            unknown = not kernel_keeps_statuses()
            for what, (jid, code) in jobs.items():
                wanted = 125 if unknown and "own" not in what else code
                corral.equal(instance.run("wait", jid).returncode, wanted, f"a job that {what}: status {wanted}")
            corral.equal(scope.wait(30), 8, "a foreground job ends as if nothing had been")
            corral.equal(instance.run("wait", leaver).returncode, 125 if unknown else 7,
                         "a job that leaves a process behind ends all the same")
            corral.check(instance.facts("show", leaver)["result"] in ("exited", "unknown"), "its result is not made up")
            corral.equal(instance.run("kill", stayer).returncode, 0, "a job without its reaper can be ended")
            instance.run("wait", stayer)
            corral.equal(instance.job_cgroups(), [], "no container is left")
            after = start(instance, "exit 9")
            corral.equal(instance.run("wait", after).returncode, 9, "the new reaper launches and reports")
            again = start(instance, "sleep 1; exit 10")
            os.kill(supervisor, signal.SIGKILL)
            time.sleep(0.2)
            wanted = 125 if unknown else 10
            corral.equal(instance.run("wait", again).returncode, wanted, "a second reaper is replaced like the first")
            starts = [r for r in instance.records()["records"] if r["kind"] == "start"]
            ends = [r for r in instance.records()["records"] if r["kind"] == "end"]
            corral.equal((len(starts), len(ends)), (8, 8), "eight starts and eight ends in the accounting file")
        finally:
            if instance.cgroup is None:
                corral.end_processes_with(instance.mark)


if __name__ == "__main__":
    main()
