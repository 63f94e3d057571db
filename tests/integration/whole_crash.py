#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Reaper, supervisor and store are killed at once, as when the machine goes
down, and an instance is started in the same place. No jid is given again, no
job's log is taken away, what was open is recorded as crashed, once, and what
lives in its container is taken over."""

import os
import shutil
import signal

import corral


def crash(instance):
    for pid in (instance.reaper, instance.supervisor, instance.store):
        os.kill(pid, signal.SIGSTOP)
    for pid in (instance.reaper, instance.supervisor, instance.store):
        os.kill(pid, signal.SIGKILL)
    instance.process.wait()


def detached(instance, *words, options=()):
    started = instance.run("run", "-d", *options, "--", *words)
    corral.equal((started.returncode, started.stderr), (0, ""), f"run -d {words}")
    return int(started.stdout.strip(), 16)


def of_kind(instance, kind):
    return [record for record in instance.records()["records"] if record["kind"] == kind]


def ends_of(instance, jid):
    return [record for record in of_kind(instance, "end") if int(record["jid"], 16) == jid]


def log_of(instance, jid):
    return (instance.logs / f"j{jid:016x}.log").read_text()


def jids(kind, options):
    """An instance of this kind, crashed twice; the second time its runtime
    directory is lost, as with a reboot."""
    given = set()
    with corral.Instance(options=options) as instance:
        for life in range(3):
            for number in range(3):
                jid = detached(instance, "echo", f"life {life}, job {number}")
                corral.equal(instance.run("wait", f"{jid:#x}").returncode, 0, f"{kind}, life {life}: job {jid:#x}")
                corral.check(jid not in given, "its jid was given to no job before")
                given.add(jid)
                corral.equal(log_of(instance, jid), f"life {life}, job {number}\n", "its log is its own")
            if life < 2:
                crash(instance)
                if life == 1:
                    shutil.rmtree(instance.runtime)
                instance.start()
        corral.equal(len(list(instance.logs.iterdir())), len(given), "the log of each job is there")
        corral.equal(len(of_kind(instance, "start")), len(of_kind(instance, "end")), "each job has its end")


def left_open():
    """Jobs that nobody can find again."""
    with corral.Instance(engine="subreaper") as instance:
        jobs = [detached(instance, "sleep", "1000") for _ in range(3)]
        corral.equal([ends_of(instance, jid) for jid in jobs], [[]] * 3, "three jobs are open")
        for life in range(2):
            crash(instance)
            instance.start()
            corral.wait_until(lambda: all(ends_of(instance, jid) for jid in jobs), what="the ends of what was open")
            ended = [record for jid in jobs for record in ends_of(instance, jid)]
            corral.equal(len(ended), 3, f"after {life + 1} crashes each has one end")
        for record in ended:
            corral.equal(record["result"], "crashed", "with the reason")
            counted = ("exit_code", "signal", "wall_us", "user_us", "memory_bytes", "processes_seen", "engine")
            known = [name for name in counted if record.get(name) not in (None, "")]
            corral.equal(known, [], "and nothing that nobody counted")
        os.kill(instance.supervisor, signal.SIGKILL)
        corral.wait_until(lambda: instance.run("ps").returncode == 0, what="the next supervisor")
        after = detached(instance, "true")
        corral.equal(instance.run("wait", f"{after:#x}").returncode, 0, "a job after that")
        corral.equal(len(of_kind(instance, "end")), 4, "the next supervisor closes nothing again")


def alive():
    """A job in its container is found again, so it is not closed."""
    if corral.cgroup2_parent() is None:
        return corral.not_checked("needs a writable cgroup v2 hierarchy")
    with corral.Instance() as instance:
        lives = detached(instance, "sleep", "1000")
        crash(instance)
        instance.start()
        corral.equal([job["jid"] for job in instance.facts("ps")], [f"{lives:#x}"], "the live job is taken over")
        gone = detached(instance, "true")
        corral.equal(instance.run("wait", f"{gone:#x}").returncode, 0, "another job")
        corral.equal(ends_of(instance, lives), [], "what lives is not closed")
        corral.equal(instance.run("kill", "-g", "0", f"{lives:#x}").returncode, 0, "it can be ended")
        corral.wait_until(lambda: ends_of(instance, lives), what="its end")
        corral.check("crashed" not in str(ends_of(instance, lives)), "which is not a crash")


jids("system" if os.geteuid() == 0 else "private", [])
jids("private", ["--private"])
left_open()
alive()
