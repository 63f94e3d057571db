#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The descriptor store is stopped, frozen or killed while supervisor or reaper are killed. A stopped one is woken, and
nothing is lost; one that cannot be woken is replaced, and the jobs are found by their containers; a supervisor that
becomes the next reaper without a store starts one, with everything in it. Each job ends with its true status and has
its records once."""

import os
import signal
import time

import corral
from corral import check, equal, wait_until


def start(instance, name, script, *options):
    result = instance.run("run", "-d", "-n", name, *options, "--", "sh", "-c", script)
    equal(result.returncode, 0, f"{name}: a job is started")
    return result.stdout.strip()


def kill_all(*pids):
    """None sees another's end first."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def names(instance):
    return {job["name"] for job in instance.facts("ps")}


def await_answer(instance, seconds):
    """How long it takes until a client is answered."""
    began = time.monotonic()
    wait_until(lambda: instance.run("ps").returncode == 0, seconds, "an answer")
    return time.monotonic() - began


def check_records(instance, count):
    def kinds():
        return sorted(record["kind"] for record in instance.records()["records"] if record["kind"] in ("start", "end"))

    wait_until(lambda: len(kinds()) >= 2 * count, what="all records")
    equal(kinds(), ["end"] * count + ["start"] * count, f"{count} starts and {count} ends in the accounting file")


def stopped(instance):
    """Nothing is lost: the very store goes on."""
    jobs = {start(instance, "later", "sleep 6; exit 5"): 5, start(instance, "own", "sleep 6; exit 6", "--engine", "subreaper"): 6}
    store, first = instance.store, instance.supervisor
    os.kill(store, signal.SIGSTOP)
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: instance.supervisor not in (None, first), what="the next supervisor")
    took = await_answer(instance, 20)
    check(took < 9, f"store stopped, supervisor killed: the next one answers after {took:.1f} s")
    equal((instance.store, names(instance)), (store, {"later", "own"}), "the store was woken; it had everything")
    for jid, code in jobs.items():
        equal(instance.run("wait", jid).returncode, code, f"a job ends with its status {code}")
    check_records(instance, 2)


def frozen(instance):
    """It cannot be woken: another takes its place, and the jobs are found by their containers."""
    runs = start(instance, "runs", "sleep 40; exit 5")
    store, first = instance.store, instance.supervisor
    ice = instance.cgroup / "ice"
    ice.mkdir()
    (ice / "cgroup.procs").write_text(str(store))
    (ice / "cgroup.freeze").write_text("1")
    wait_until(lambda: "frozen 1" in (ice / "cgroup.events").read_text(), what="the frost")
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: instance.supervisor not in (None, first), what="the next supervisor")
    took = await_answer(instance, 60)
    check(instance.store not in (None, store), f"a store that cannot be woken is replaced; an answer after {took:.1f} s")
    equal([job["jid"] for job in instance.facts("ps")], [runs], "the job is found by its container")
    equal(instance.run("wait", runs, timeout=90).returncode, 5, "and ends with its true status")
    second = instance.supervisor
    after = start(instance, "after", "sleep 2; exit 9")
    os.kill(second, signal.SIGKILL)
    equal((instance.run("wait", after).returncode, instance.facts("show", after)["name"]), (9, "after"),
          "the new store keeps what it is given")


def reaper_lost(state):
    """The reaper is killed while the store is stopped, or before the next store stands."""
    with corral.Instance() as instance:
        known = tuple(map(int, os.uname().release.split("-")[0].split(".")[:2])) >= (6, 15)
        jobs = {start(instance, "later", "sleep 5; exit 5"): 5 if known else 125,
                start(instance, "own", "sleep 5; exit 6", "--engine", "subreaper"): 6}  # fmt: skip
        scope = instance.popen("run", "-n", "scope", "--", "sh", "-c", "sleep 5; exit 8")
        wait_until(lambda: len(instance.facts("ps")) == 3, what="three jobs")
        reaper, supervisor, store = instance.reaper, instance.supervisor, instance.store
        try:
            if state == "stopped":
                os.kill(store, signal.SIGSTOP)
                os.kill(reaper, signal.SIGKILL)
            else:
                kill_all(reaper, store)
            instance.process.wait()
            wait_until(lambda: corral.name_of(supervisor) == "corral-reaper", 30, "the supervisor's new life")
            took = await_answer(instance, 30)
            check(took < 20, f"store {state}, reaper killed: the supervisor is the reaper now; an answer after {took:.1f} s")
            equal(names(instance), {"later", "own", "scope"}, "every job is there, with what the journal knows of it")
            if state == "stopped":
                check(corral.is_alive(store), "the store was woken")
            for jid, code in jobs.items():
                equal(instance.run("wait", jid).returncode, code, f"a job ends with its status {code}")
            equal(scope.wait(30), 8, "one in the foreground too")
            after = start(instance, "after", "sleep 2; exit 9")
            next_one = next(pid for pid in corral.children_of(supervisor) if corral.name_of(pid) == "corrald")
            os.kill(next_one, signal.SIGKILL)
            equal((instance.run("wait", after).returncode, instance.facts("show", after)["name"]), (9, "after"),
                  "a supervisor of the new reaper can be killed like any")
            check_records(instance, 4)
        finally:
            if instance.cgroup is None:
                corral.end_processes_with(instance.mark)


def main():
    corral.needs_cgroup2()
    for part in (stopped, frozen):
        with corral.Instance() as instance:
            part(instance)
    for state in ("stopped", "killed"):
        reaper_lost(state)


if __name__ == "__main__":
    main()
