#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Who comes into a job while it ends, or while another takes him: nobody is left in a job that is over, and nobody is
in two. What would begin in a job that stands still, or is full, is refused at once."""

import os
import pathlib
import random
import signal
import subprocess
import time

from collector import scribe_of

from corral import Instance, cgroup2_parent, check, equal, needs_root, skip, wait_until

if cgroup2_parent() is None:
    skip("needs a writable cgroup v2 hierarchy")
needs_root()

ROUNDS = int(os.environ.get("ROUNDS", 30))


def detached(instance, *words):
    return instance.facts("run", "-d", *(words or ("--", "sleep", "1000")))["jid"]


def is_member(pid, jid):
    return f"/j{int(jid, 16):016x}" in pathlib.Path(f"/proc/{pid}/cgroup").read_text()


def refused(instance, code, words, *arguments, **options):
    done = instance.run(*arguments, **options)
    check(done.returncode == code and words in done.stderr and done.stderr.count("\n") == 1,
          f"corral {' '.join(map(str, arguments))}: refused: {words}", done.returncode, done.stderr)


def sleeper():
    return subprocess.Popen(["sleep", "1000"])


def is_over(instance, jid):
    return instance.facts("show", jid)["state"] == "ended"


def beside_an_end(instance):
    """A kill and an attach at the same moment."""
    random.seed(4)
    stuck, left, ends = [], [], set()
    for turn in range(10 * ROUNDS):
        if turn >= ROUNDS and {0, 65} <= ends:
            break
        jid, stranger = detached(instance), sleeper()
        attach = instance.popen("attach", jid, stranger.pid, stderr=subprocess.DEVNULL)
        if turn % 2:
            time.sleep(random.random() * 0.004)
        kill = instance.popen("kill", jid, "-g", "0" if turn % 3 else "1s", stderr=subprocess.DEVNULL)
        ends.add(attach.wait(20))
        try:
            kill.wait(20)
        except subprocess.TimeoutExpired:
            stuck.append(jid)
            kill.kill()
            kill.wait()
        if stranger.poll() is None and is_member(stranger.pid, jid):
            left.append(jid)
        stranger.kill()
        stranger.wait()
    equal((stuck, left), ([], []), f"{ROUNDS} kills beside an attach: each ends, and leaves nobody in a job that is over")
    check({0, 65} <= ends, "some came in time and some too late", ends)


def two_at_once(instance):
    ends = set()
    for _ in range(ROUNDS):
        one, other, stranger = detached(instance), detached(instance), sleeper()
        tries = [instance.popen("attach", jid, stranger.pid, stderr=subprocess.DEVNULL) for jid in (one, other)]
        ends.add(tuple(sorted(process.wait(20) for process in tries)))
        stranger.kill()
        stranger.wait()
        for jid in (one, other):
            instance.run("kill", "--grace", "0", jid)
    equal(ends, {(0, 64)}, "of two who attach a process at once one has it")
    ends = set()
    for _ in range(ROUNDS):
        stranger = sleeper()
        tries = [instance.popen("attach", "--new", stranger.pid, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                 for _ in range(2)]
        ends.add(tuple(sorted(process.wait(20) for process in tries)))
        stranger.kill()
        stranger.wait()
    equal(ends, {(0, 64)}, "also where each makes a job for it")


def brought_by_the_dead(instance):
    """As an attach would whose supervisor died before it was written down: behind the job's end, before its container is
    gone. What writes the end down is stopped for that."""
    jid = detached(instance, "--", "sleep", "0.4")
    where = pathlib.Path("/proc/self/mountinfo").read_text()
    mount = next(line.split()[4] for line in where.splitlines() if " - cgroup2 " in line)
    container = pathlib.Path(mount) / instance.facts("show", jid)["container"].lstrip("/")
    scribe = scribe_of(instance)
    os.kill(scribe, signal.SIGSTOP)
    stranger = sleeper()
    try:
        wait_until(lambda: instance.facts("show", jid)["state"] == "closing", 10, "the end that is not written down")
        (container / "cgroup.procs").write_text(str(stranger.pid))
        os.kill(scribe, signal.SIGCONT)
        wait_until(lambda: is_over(instance, jid), 10, "its end")
        equal((stranger.poll(), is_member(stranger.pid, jid)), (None, False), "who was brought into a job that is over is let out")
        check(not container.exists(), "and its container goes")
    finally:
        os.kill(scribe, signal.SIGCONT)
        stranger.kill()
        stranger.wait()


def session_without_leader(instance):
    leader = sleeper()
    jid = instance.run("session", "open", "--user", "root", "--leader", leader.pid).stdout.split()[0]
    equal(instance.run("detach", leader.pid).returncode, 0, "a session's leader is taken out of it")
    wait_until(lambda: is_over(instance, jid), 5, "the end of a session that is empty")
    leader.kill()
    leader.wait()
    leader, member = sleeper(), sleeper()
    jid = instance.run("session", "open", "--user", "root", "--leader", leader.pid).stdout.split()[0]
    instance.run("attach", jid, member.pid)
    instance.run("detach", leader.pid)
    equal(instance.facts("show", jid)["state"], "running", "one that is not goes on")
    equal(instance.run("session", "close", jid).returncode, 0, "until it is closed")
    instance.run("kill", "--grace", "0", jid)
    wait_until(lambda: is_over(instance, jid), 5, "its end")
    for process in (leader, member):
        process.kill()
        process.wait()


def within_the_frozen(instance):
    outer = detached(instance)
    inner = detached(instance, "--parent", outer, "--", "sleep", "1000")
    instance.run("freeze", outer)
    for parent in (outer, inner):
        for words in (("run", "-d"), ("run",)):
            refused(instance, 64, f"{outer} is frozen", *words, "--parent", parent, "--", "true", timeout=5)
    instance.run("thaw", outer)
    equal(instance.run("run", "--parent", inner, "--", "true").returncode, 0, "and thawed it takes one")
    instance.run("kill", "--grace", "0", outer)


def within_the_full(instance):
    outer = detached(instance, "-l", "processes=4", "--", "sleep", "1000")
    tries = [instance.popen("run", "-d", "--parent", outer, "--", "sleep", "1000", stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True) for _ in range(10)]
    ends = [(process.communicate(timeout=20)[1], process.returncode) for process in tries]
    equal(sum(code == 0 for _, code in ends), 3, "of a job's four processes three can be jobs within it")
    check(all("limit 'processes' of 4" in text for text, code in ends if code), "the others are told why", ends)
    stranger = sleeper()
    refused(instance, 75, "limit 'processes' of 4", "attach", outer, stranger.pid)
    stranger.kill()
    stranger.wait()
    instance.run("kill", "--grace", "0", outer)


with Instance() as started:
    for part in (beside_an_end, two_at_once, brought_by_the_dead, session_without_leader, within_the_frozen, within_the_full):
        part(started)
