#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Supervisor and store are killed at once: the journal is gone. The jobs are
found by their containers, the statuses of those that still ran come from the
reaper, nothing else is invented, and no number is given twice."""

import os
import signal

import corral


def start(instance, script, *options):
    return instance.run("run", "-d", *options, "--", "sh", "-c", script).stdout.strip()


def processes_of(instance, jid):
    return [one["pid"] for one in instance.facts("tree", jid)[0]["processes"]]


def loses_its_wall(instance, jid, inside):
    """Nobody knows any more that its cgroup's processes are in a pid namespace: it is a job of cgroup2, with all of them."""
    facts = instance.facts("show", jid)
    corral.equal((facts["engine"], facts["state"]), ("cgroup2", "running"), "one in cgroup2+pidns becomes one in cgroup2")
    corral.equal(sorted(processes_of(instance, jid)), sorted(inside), "with all its processes")
    corral.equal(instance.run("kill", "-g", "0", jid).returncode, 0, "and can be ended")
    corral.equal(instance.run("wait", jid).returncode, 137, "which is told")
    facts = instance.facts("show", jid)
    corral.equal((facts["state"], facts["result"], facts["shell_code"]), ("ended", "cancelled", 137),
                 "its status is that of the reaper of its own, which ends with its shell's code")
    corral.equal([pid for pid in inside if corral.is_alive(pid)], [], "nobody of it lives")


def main():
    corral.needs_cgroup2()
    with corral.Instance() as instance:
        runs = start(instance, "sleep 3; exit 5")
        leaves = start(instance, "setsid sleep 600 & sleep 3; exit 6")
        is_root = os.geteuid() == 0  # else user namespaces, which may be forbidden
        walled = start(instance, "sleep 600 & sleep 600; exit 8", "--engine", "cgroup2+pidns") if is_root else None
        gone = start(instance, "exit 7")
        lingers = instance.run("run", "-d", "--linger", "--", "sh", "-c", "setsid sleep 600 & exit 4").stdout.strip()
        corral.equal(instance.run("wait", gone).returncode, 7, "a job ends before the crash")
        live = 4 if walled else 3
        corral.wait_until(lambda: len([job for job in instance.facts("ps") if job["state"] == "running"]) == live, what="the live jobs")
        inside = processes_of(instance, walled) if walled else []
        corral.wait_until(lambda: instance.facts("show", lingers)["processes_seen"] == 1, what="a main process's end")
        old = instance.supervisor
        for pid in (instance.supervisor, instance.store):
            os.kill(pid, signal.SIGSTOP)
        for pid in (instance.supervisor, instance.store):
            os.kill(pid, signal.SIGKILL)
        corral.wait_until(lambda: instance.supervisor not in (None, old), what="a new supervisor")
        corral.wait_until(lambda: instance.run("ps").returncode == 0, what="its answer")
        corral.equal(len(instance.facts("ps")), live, "the live jobs are found by their containers")
        corral.equal(instance.run("wait", runs).returncode, 5, "one that ran is told with its true status")
        corral.equal(instance.run("wait", leaves).returncode, 6, "and its stragglers are ended")
        if walled:
            loses_its_wall(instance, walled, inside)
        else:
            corral.not_checked("needs root, for a job in cgroup2+pidns")
        corral.equal(instance.run("kill", lingers).returncode, 0, "one whose main process had ended can be ended")
        corral.equal(instance.run("wait", lingers).returncode, 125, "its status is not known any more")
        facts = instance.facts("show", lingers)
        corral.equal((facts["exit_code"], facts["signal"]), (None, None), "and is not invented")
        after = start(instance, "exit 9")
        corral.check(int(after, 16) > int(lingers, 16), "the next job's number is above all that were given")
        corral.equal(instance.run("wait", after).returncode, 9, "it runs")
        corral.equal(instance.job_cgroups(), [], "no container is left")
        ends = [record for record in instance.records()["records"] if record["kind"] == "end"]
        corral.equal(len(ends), live + 2, "each job has one end in the accounting file")


if __name__ == "__main__":
    main()
