#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A supervisor or a reaper that is stopped (SIGSTOP) keeps nobody waiting for ever: every command says within its time which process
does not answer, in which state it is and what lets it go on. Who already waits for a job goes on waiting."""

import contextlib
import fcntl
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

import corral
from corral import check, equal, wait_until

VERBS = (["ps"], ["tree"], ["show", "job"], ["kill", "job"], ["wait", "job"], ["log", "job"], ["run", "-d", "true"],
         ["daemon-reexec"])  # fmt: skip


def timed(instance, *words, **variables):
    began = time.monotonic()
    result = instance.run(*words, env={**instance.environment, **variables})
    return result, time.monotonic() - began


def verbs(instance):
    os.kill(instance.supervisor, signal.SIGSTOP)
    words = (f"corral: the supervisor at '{instance.socket}' (process {instance.supervisor}) does not answer: it is stopped; "
             f"'kill -CONT {instance.supervisor}' lets it go on\n")  # fmt: skip
    for verb in VERBS:
        result, took = timed(instance, *verb, CORRAL_TIMEOUT="500ms")
        equal((result.returncode, result.stdout, result.stderr), (69, "", words), f"corral {verb[0]}: one sentence, 69")
        check(0.5 <= took < 4, f"after {took:.2f} s of 0.5 s")
    result, took = timed(instance, "ps")
    check(result.returncode == 69 and 5 <= took < 9, f"without CORRAL_TIMEOUT: after {took:.2f} s of 5 s", result)
    result, took = timed(instance, "run", "--", "sh", "-c", "exit 3")
    check(result.returncode == 3 and 2 <= took < 6, f"corral run: the program runs all the same, after {took:.2f} s", result)
    check("running without the instance" in result.stderr and "it is stopped" in result.stderr, "and why is said", result)
    result, took = timed(instance, "doctor")
    check("it is stopped" in result.stdout and took < 10, f"corral doctor tells it, after {took:.2f} s", result)
    os.kill(instance.supervisor, signal.SIGCONT)
    equal(timed(instance, "ps")[0].returncode, 0, "it goes on, and answers")


def waiting(instance):
    """What it was asked before has no bound."""
    waiter = instance.popen("wait", "job", env={**instance.environment, "CORRAL_TIMEOUT": "300ms"})
    scope = instance.popen("run", "-n", "scope", "--", "sh", "-c", "sleep 1; exit 4")
    wait_until(lambda: len(instance.facts("ps")) == 2, what="a foreground job")
    time.sleep(0.5)
    os.kill(instance.supervisor, signal.SIGSTOP)
    time.sleep(1.5)
    equal(waiter.poll(), None, "a wait that had begun goes on")
    os.kill(instance.supervisor, signal.SIGCONT)
    equal(scope.wait(30), 4, "a foreground job too")
    equal(instance.run("kill", "job").returncode, 0, "the job is ended")
    equal(waiter.wait(30), 128 + signal.SIGTERM, "the wait tells its end")


def follower(instance):
    """The socket that the store kept is another process's now."""
    first = instance.supervisor
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: instance.supervisor not in (None, first), what="the next supervisor")
    wait_until(lambda: instance.run("ps").returncode == 0, what="its answer")
    os.kill(instance.supervisor, signal.SIGSTOP)
    result, _ = timed(instance, "ps", CORRAL_TIMEOUT="300ms")
    check(f"(process {instance.supervisor})" in result.stderr, "the supervisor that is named is the one that listens", result)
    os.kill(instance.supervisor, signal.SIGCONT)


def walled(instance):
    """A job in a pid namespace has a reaper of its own: it goes on while the supervisor, or the instance's reaper, is stopped,
    and its end is told."""
    for engine in ("pidns", "cgroup2+pidns") if corral.cgroup2_parent() else ("pidns",):
        for victim in ("supervisor", "reaper"):
            name = f"{engine}-{victim}".replace("+", "-")
            done = instance.run("run", "-d", "-n", name, "--engine", engine, "--", "sh", "-c", "sleep 600 & sleep 1; exit 6")
            equal(done.returncode, 0, f"a job in {engine} runs {done.stderr}")
            waiter = instance.popen("wait", name)
            wait_until(lambda: instance.facts("show", name)["state"] == "running", what="the job")
            inside = [one["pid"] for one in instance.facts("tree", name)[0]["processes"]]
            pid = getattr(instance, victim)
            os.kill(pid, signal.SIGSTOP)
            time.sleep(1.5)
            check(waiter.poll() is None or victim == "reaper", f"its end is not told by a {victim} that is stopped")
            os.kill(pid, signal.SIGCONT)
            equal(waiter.wait(30), 6, f"when the {victim} goes on it is, with its status")
            wait_until(lambda: not any(corral.is_alive(one) for one in inside), what="the end of all that was in it")
            equal(instance.facts("show", name)["state"], "ended", "and nothing of it is left")


def reaper(instance):
    """What needs the reaper is refused, and not done later; what does not need it is done."""
    pid = instance.reaper
    words = (f"the reaper of the instance at '{instance.socket}' (process {pid}) does not answer: it is stopped; "
             f"'kill -CONT {pid}' lets it go on\n")  # fmt: skip
    trace = instance.folder / "ran"
    equal(instance.run("run", "-d", "-n", "victim", "--", "sleep", "1000").returncode, 0, "another job runs")
    jobs = {job["name"] for job in instance.facts("ps")}
    os.kill(pid, signal.SIGSTOP)
    for verb in (["run", "-d", "-n", "late", "--", "touch", str(trace)], ["daemon-reexec"]):
        result, took = timed(instance, *verb, CORRAL_TIMEOUT="500ms")
        equal((result.returncode, result.stdout, result.stderr), (69, "", "corral: " + words), f"corral {verb[0]}: one sentence, 69")
        check(0.5 <= took < 4, f"after {took:.2f} s of 0.5 s")
    result, took = timed(instance, "run", "-d", "true")
    check(result.returncode == 69 and 5 <= took < 9, f"without CORRAL_TIMEOUT: after {took:.2f} s of 5 s", result)
    equal({job["name"] for job in instance.facts("ps")}, jobs, "no job was made")
    equal(timed(instance, "run", "--", "sh", "-c", "exit 3")[0].returncode, 3, "a job in the foreground needs no reaper")
    result, took = timed(instance, "kill", "-g", "0", "victim", CORRAL_TIMEOUT="500ms")
    equal((result.returncode, result.stdout), (69, ""), "corral kill does not wait for ever")
    check(result.stderr.count("\n") == 1 and "was told to end; whether it has is not known: " + words in result.stderr
          and took < 4, f"and says why, after {took:.2f} s", result)  # fmt: skip
    result, _ = timed(instance, "kill", "--json", "-g", "0", "victim", CORRAL_TIMEOUT="500ms")
    equal((result.returncode, json.loads(result.stdout)["ended"]), (69, False), "as JSON too")
    result, _ = timed(instance, "doctor")
    check(result.returncode == 1 and f"process {pid} does not answer: it is stopped" in result.stdout
          and f"fix: 'kill -CONT {pid}' lets it go on" in result.stdout, "corral doctor tells it, and the command", result)  # fmt: skip
    asking = instance.popen("run", "-d", "-n", "patient", "--", "true", env={**instance.environment, "CORRAL_TIMEOUT": "20s"})
    time.sleep(1)
    equal(asking.poll(), None, "who has the patience waits")
    os.kill(pid, signal.SIGCONT)
    equal(asking.wait(20), 0, "and has his job when it goes on")
    equal(instance.run("wait", "victim").returncode, 128 + signal.SIGKILL, "it goes on, and tells the end of the other")
    time.sleep(0.5)
    check(not trace.exists(), "what was refused has not started")
    os.kill(instance.store, signal.SIGSTOP)
    result, _ = timed(instance, "doctor")
    store = instance.store
    check(f"process {store} does not answer: it is stopped" in result.stdout and f"fix: 'kill -CONT {store}'" in result.stdout,
          "corral doctor sees a stopped store too", result)  # fmt: skip
    os.kill(instance.store, signal.SIGCONT)


def full_queue(instance):
    """So many wait for the stopped one that no other can even connect: it is found by the instance's lock."""
    supervisor = instance.supervisor
    os.kill(supervisor, signal.SIGSTOP)
    waiting = []
    with contextlib.suppress(BlockingIOError):
        while len(waiting) < 20000:
            client = socket.socket(socket.AF_UNIX)
            waiting.append(client)
            client.setblocking(False)
            client.connect(str(instance.socket))
    for verb in (["ps"], ["run", "-d", "true"]):
        result, took = timed(instance, *verb, CORRAL_TIMEOUT="500ms")
        equal((result.returncode, result.stderr), (69, f"corral: the supervisor at '{instance.socket}' (process {supervisor}) does not "
              f"answer: it is stopped; 'kill -CONT {supervisor}' lets it go on\n"), f"{len(waiting)} wait: corral {verb[0]} names it")
        check(0.5 <= took < 4, f"after {took:.2f} s of 0.5 s")
    lock = pathlib.Path(f"{instance.socket}.lock")
    signed = lock.read_text()
    lock.write_text("")
    result, _ = timed(instance, "ps", CORRAL_TIMEOUT="500ms")
    equal(result.stderr, f"corral: the supervisor at '{instance.socket}' does not answer: the queue of its socket is full\n",
          "where the lock names nobody the queue is told")
    lock.write_text(signed)
    for client in waiting:
        client.close()
    os.kill(supervisor, signal.SIGCONT)
    wait_until(lambda: instance.run("ps").returncode == 0, what="its answer")


def hidden(instance):
    """/proc shows nobody the processes of others: who cannot see says so, and not that it has ended."""
    supervisor = instance.supervisor
    os.kill(supervisor, signal.SIGSTOP)
    words = f"(process {supervisor}) does not answer: its state cannot be seen by you (/proc hides it)\n"
    script = 'mount -t proc -o hidepid=2 proc /proc && exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"'
    for path in (instance.folder, instance.runtime):
        path.chmod(0o755)
    try:
        instance.socket.chmod(0o666)
        result = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", str(corral.COMMAND), "ps"], capture_output=True, text=True,
                                check=False, env={**instance.environment, "CORRAL_TIMEOUT": "500ms"})  # fmt: skip
        equal((result.returncode, result.stderr), (69, f"corral: the supervisor at '{instance.socket}' {words}"), "hidepid")
    finally:
        os.kill(supervisor, signal.SIGCONT)


def starters(instance):
    """CORRAL_TIMEOUT bounds the wait for another who starts an instance."""
    place = instance.folder / "other"
    place.mkdir(mode=0o700)
    with open(place / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result, took = timed(instance, "run", "-d", "--private", "true", CORRAL_RUNTIME_DIR=str(place), CORRAL_TIMEOUT="700ms")
    equal((result.returncode, result.stderr), (69, "corral: cannot start a private instance: another command has been starting it for "
          f"700 ms ('{place}/lock' is held)\n"), "who waits for another starter says so")
    check(0.7 <= took < 4, f"after {took:.2f} s of 0.7 s")


def wrong(instance):
    for value in ("soon", "0", "-1s"):
        result, _ = timed(instance, "ps", CORRAL_TIMEOUT=value)
        equal((result.returncode, result.stderr), (64, f"corral: environment variable 'CORRAL_TIMEOUT' is '{value}', expected "
              "a duration such as 5s or 500ms\n"), f"CORRAL_TIMEOUT={value} is no time")


def main():
    with corral.Instance() as instance:
        equal(instance.run("run", "-d", "-n", "job", "--", "sleep", "1000").returncode, 0, "a job runs")
        for part in (verbs, waiting, walled, follower, reaper, full_queue, hidden, starters, wrong):
            part(instance)


corral.run_in_own_namespace(main)
