#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Supervisor and store are killed at once: the journal is gone. The jobs are
found by their containers, the statuses of those that still ran come from the
reaper, nothing else is invented, and no number is given twice."""

import os
import signal

import corral


def start(instance, script):
    return instance.run("run", "-d", "--", "sh", "-c", script).stdout.strip()


def main():
    corral.needs_cgroup2()
    with corral.Instance() as instance:
        runs = start(instance, "sleep 3; exit 5")
        leaves = start(instance, "setsid sleep 600 & sleep 3; exit 6")
        gone = start(instance, "exit 7")
        lingers = instance.run("run", "-d", "--linger", "--", "sh", "-c", "setsid sleep 600 & exit 4").stdout.strip()
        corral.equal(instance.run("wait", gone).returncode, 7, "a job ends before the crash")
        corral.wait_until(lambda: len(instance.facts("ps")) == 3, what="three live jobs")
        corral.wait_until(lambda: instance.facts("show", lingers)["processes_seen"] == 1, what="a main process's end")
        old = instance.supervisor
        for pid in (instance.supervisor, instance.store):
            os.kill(pid, signal.SIGSTOP)
        for pid in (instance.supervisor, instance.store):
            os.kill(pid, signal.SIGKILL)
        corral.wait_until(lambda: instance.supervisor not in (None, old), what="a new supervisor")
        corral.wait_until(lambda: instance.run("ps").returncode == 0, what="its answer")
        corral.equal(len(instance.facts("ps")), 3, "the live jobs are found by their containers")
        corral.equal(instance.run("wait", runs).returncode, 5, "one that ran is told with its true status")
        corral.equal(instance.run("wait", leaves).returncode, 6, "and its stragglers are ended")
        corral.equal(instance.run("kill", lingers).returncode, 0, "one whose main process had ended can be ended")
        corral.equal(instance.run("wait", lingers).returncode, 125, "its status is not known any more")
        facts = instance.facts("show", lingers)
        corral.equal((facts["exit_code"], facts["signal"]), (None, None), "and is not invented")
        after = start(instance, "exit 9")
        corral.check(int(after, 16) > int(lingers, 16), "the next job's number is above all that were given")
        corral.equal(instance.run("wait", after).returncode, 9, "it runs")
        corral.equal(instance.job_cgroups(), [], "no container is left")
        ends = [record for record in instance.records()["records"] if record["kind"] == "end"]
        corral.equal(len(ends), 5, "each job has one end in the accounting file")


if __name__ == "__main__":
    main()
