#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One instance a runtime directory, whoever of it is killed: a second starter waits for the one that lives, takes no job
before the lock is its own, and names the holder when it has waited long enough."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import time

import corral
from corral import check, equal, wait_until


def reapers(instance):
    """The reapers of this instance, without stores and killers."""
    found = []
    for pid in corral.processes_with(instance.mark):
        with contextlib.suppress(OSError):
            words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if corral.name_of(pid) in ("corral-reaper", "corral-ending") and not {b"--store", b"--killer"} & set(words):
                found.append(pid)
    return found


def kill(*pids):
    """All at once: none sees another's end first."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not any(corral.is_alive(pid) for pid in pids), what="the end of what was killed")


def detached(instance, number, **options):
    return instance.popen("run", "-d", "--private", "-n", f"job-{number}", "--", "sleep", "1000", stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, **options)  # fmt: skip


def both_lost():
    """Nobody listens, but the reaper lives: no second instance beside it."""
    with corral.Instance(options=["--private"]) as instance:
        reaper = instance.reaper
        # What is slow here is fast in life: it does not start the next supervisor yet.
        os.kill(reaper, signal.SIGSTOP)
        kill(instance.supervisor, instance.store)
        words = f"process {reaper}, its reaper"
        short = {**instance.environment, "CORRAL_TIMEOUT": "300ms"}
        for verb in (["ps"], ["show", "job-1"], ["wait", "job-1"], ["run", "-d", "--private", "true"]):
            result = instance.run(*verb, env=short)
            equal((result.returncode, result.stdout), (69, ""), f"corral {verb[0]}: the instance does not answer in time")
            check(words in result.stderr and result.stderr.count("\n") == 1, f"in one sentence: {result.stderr.strip()}")
        result = instance.run("run", "--", "sh", "-c", "exit 3", env=short)
        check((result.returncode, words in result.stderr) == (3, True), "corral run: runs without it, and says so", result)
        clients = [detached(instance, number) for number in range(5)]
        asking = instance.popen("ps", stdout=subprocess.DEVNULL)
        time.sleep(1)
        equal([client.poll() for client in clients], [None] * 5, "five clients wait for the living instance")
        os.kill(reaper, signal.SIGCONT)
        results = [(*client.communicate(timeout=60), client.returncode) for client in clients]
        equal([result[1:] for result in results], [("", 0)] * 5, "all five have their job")
        equal(asking.wait(20), 0, "and who asked has his answer")
        equal(reapers(instance), [reaper], "of the one instance that there is")
        names = sorted(job["name"] for job in instance.facts("ps"))
        equal(names, [f"job-{number}" for number in range(5)], "and all five run")
        equal(instance.run("kill", "-g", "0", *names).returncode, 0, "and can be ended")


def reaper_and_supervisor_lost():
    """Nobody of it lives but the jobs: the next one is another instance, and the only one."""
    with corral.Instance(options=["--private"]) as instance:
        equal(detached(instance, 0).wait(30), 0, "a job runs")
        kill(instance.reaper, instance.supervisor)
        instance.process.wait()
        clients = [detached(instance, number) for number in range(1, 6)]
        equal([client.wait(60) for client in clients], [0] * 5, "reaper and supervisor killed: five clients start together")
        equal(len(reapers(instance)), 1, "one instance")
        names = {job["name"] for job in instance.facts("ps")}
        check({f"job-{number}" for number in range(1, 6)} <= names, "with all five jobs", names)
        for pid in reapers(instance):
            os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not reapers(instance), 30, "its end")


def reaper_lost():
    """As a service manager does it: the next instance is started while the supervisor of the last becomes a reaper."""
    with corral.Instance() as instance:
        job = instance.run("run", "-d", "--", "sleep", "1000").stdout.strip()
        supervisor = instance.supervisor
        os.kill(instance.reaper, signal.SIGKILL)
        instance.process.wait()
        said = instance.folder / "second"
        with open(said, "wb") as file:
            command = instance.command_line(0)
            command.remove("--ready-fd=0")
            second = subprocess.Popen(command, env=instance.environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        equal(second.wait(60), 69, "a second instance gives up where the first has a new reaper")
        words = said.read_text()
        check(f"there is another instance at '{instance.socket}': process {supervisor}, its reaper" in words, "names it", words)
        check("taken over" not in words, "and has not touched a job", words)
        equal(reapers(instance), [supervisor], "the supervisor is the one reaper now")
        equal(instance.facts("show", job)["state"], "running", "the job is there")
        orphan = corral.children_of(supervisor)
        orphan = next(pid for pid in orphan if corral.name_of(pid) == "corrald")
        # One that does not go on: the lock is free when it is gone, and not before.
        os.kill(orphan, signal.SIGSTOP)
        os.kill(supervisor, signal.SIGKILL)
        with open(said, "wb") as file:
            second = subprocess.Popen(command, env=instance.environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        time.sleep(1)
        equal((second.poll(), "ready on" in said.read_text()), (None, False), "the second waits while an orphan has the lock")
        os.kill(orphan, signal.SIGKILL)
        wait_until(lambda: "ready on" in said.read_text(), 20, "its turn")
        equal(reapers(instance), [second.pid], "and comes when it is gone")
        equal(instance.facts("ps")[0]["jid"] if instance.cgroup else job, job, "the job is found by its cgroup")
        second.terminate()
        second.wait(30)


def removed(mode):
    """Socket and lock are removed under a living instance: it stays the only one, and both come back."""
    instance = corral.Instance()
    instance.runtime.mkdir()
    instance.runtime.chmod(mode)
    with instance:
        job = instance.run("run", "-d", "--", "sleep", "1000").stdout.strip()
        lock = instance.runtime / "private.lock"
        command = instance.command_line(0)
        command.remove("--ready-fd=0")

        def second():
            with open(instance.folder / "second", "wb") as file:
                return subprocess.Popen(command, env=instance.environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file)

        for path in (lock, instance.socket):
            path.unlink()
            wait_until(path.exists, what=f"{path.name} again")
            wait_until(lambda: instance.run("ps").returncode == 0, what="an answer")
            equal(second().wait(60), 69, f"mode {mode:o}, {path.name} removed: it is there again, and a second instance gives up")
            said = (instance.folder / "second").read_text()
            check("there is another instance" in said and "taken over" not in said, "and touches no job", said)
        if mode == 0o700:
            os.kill(instance.supervisor, signal.SIGSTOP)
            for path in (lock, instance.socket):
                path.unlink()
            equal(second().wait(60), 69, "also when nobody can put them again at once")
            os.kill(instance.supervisor, signal.SIGCONT)
            wait_until(lambda: instance.run("ps").returncode == 0, what="an answer")
        equal(reapers(instance), [instance.reaper], "there is one instance")
        equal(instance.run("kill", "-g", "0", job).returncode, 0, "and its job is its own")


def directory_lost(mode, lose):
    """The whole runtime directory is gone: it is made again, with all that belongs into it."""
    instance = corral.Instance()
    instance.runtime.mkdir()
    instance.runtime.chmod(mode)
    with instance:
        job = instance.run("run", "-d", "--", "sleep", "1000").stdout.strip()
        # Nothing is put again while it is being lost.
        os.kill(instance.supervisor, signal.SIGSTOP)
        lose(instance.runtime)
        check(not instance.runtime.exists(), "the directory is gone")
        os.kill(instance.supervisor, signal.SIGCONT)
        name = f"mode {mode:o}, the directory is lost by {lose.__name__}"
        wait_until(lambda: instance.run("ps", env={**instance.environment, "CORRAL_TIMEOUT": "1s"}).returncode == 0,
                   what=f"an answer: {name}")  # fmt: skip
        wait_until((instance.runtime / "private.lock").exists, what="its lock")
        command = instance.command_line(0)
        command.remove("--ready-fd=0")
        second = subprocess.run(command, env=instance.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                timeout=60, check=False)  # fmt: skip
        equal(second.returncode, 69, f"{name}: a second instance gives up")
        check("there is another instance" in second.stderr and "taken over" not in second.stderr, "touches no job", second)
        for again in (instance.socket, instance.runtime / "private.lock"):
            again.unlink()
            wait_until(again.exists, what=f"{again.name} again, in the new directory")
        equal(reapers(instance), [instance.reaper], "there is one instance")
        equal(instance.run("kill", "-g", "0", job).returncode, 0, "and its job is its own")


def move(path):
    path.rename(path.with_suffix(".old"))


def socket_displaced():
    """What cannot be put again is said once, not tried for ever."""
    with corral.Instance() as instance:
        os.kill(instance.supervisor, signal.SIGSTOP)
        instance.socket.unlink()
        instance.socket.mkdir()
        os.kill(instance.supervisor, signal.SIGCONT)
        words = "what was removed is not put again"
        wait_until(lambda: words in instance.stderr(), what="the words")
        time.sleep(0.5)
        check(instance.stderr().count(words) <= 3, "a few tries", instance.stderr().count(words))
        instance.socket.rmdir()
        wait_until(lambda: instance.run("ps").returncode == 0, what="an answer, as soon as it can be")


def main():
    for mode in (0o700, 0o755):
        removed(mode)
        for lose in (move, shutil.rmtree):
            directory_lost(mode, lose)
    socket_displaced()
    both_lost()
    reaper_and_supervisor_lost()
    reaper_lost()


corral.run_in_own_namespace(main)
