#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`corral-init --units DIR`: the hand-over of PID 1 to a supervisor, signals,
the budget of a stop, the exit code; the supervisor killed while it stops; what
is said when it cannot start; a read-only root and a uid that has no name."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

import corral
from corral import check, children_of, descendants_of, equal, is_alive, name_of, wait_until

PID1 = ("unshare", "-fp", "--kill-child", "--mount-proc")
STUBBORN = "trap '' TERM; echo up; while :; do sleep 1000; done"
ORDERLY, KILLED = 0, 128 + signal.SIGKILL


class Units:
    """corral-init --units DIR, as PID 1 of a pid namespace or beneath another."""

    def __init__(self, *words, prefix=PID1, engine="subreaper", environment=None, init=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="corral-units-"))
        self.units = self.folder / "units"
        self.units.mkdir()
        self.said = self.folder / "stderr"
        self.pacct = self.folder / "pacct"
        self.prefix = list(prefix)
        self.mark = f"CORRAL_TEST={os.getpid()}.{self.folder.name}"
        self.environment = {
            **os.environ,
            "CORRAL_TEST": self.mark.partition("=")[2],
            "CORRAL_RUNTIME_DIR": str(self.folder / "run"),
            "CORRAL_PACCT": str(self.pacct),
            "CORRAL_LOG_DIR": str(self.folder / "log"),
            "CORRAL_ENGINE": engine,
            # None: the usual one is every instance's of this machine.
            "CORRAL_CGROUP_BASE": str(self.folder / "no" / "cgroup"),
            **(environment or {}),
        }
        self.command = [str(init or corral.INIT), "--units", str(self.units), *words]
        self.process = None
        self.pid = 0

    def start(self, ready=True):
        with open(self.said, "ab") as stderr:
            self.process = subprocess.Popen(
                [*self.prefix, *self.command], stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr, env=self.environment
            )
        self.pid = self.process.pid
        if self.prefix:
            wait_until(lambda: children_of(self.process.pid) or self.process.poll() is not None, what="the init")
            self.pid = next(iter(children_of(self.process.pid)), 0)
        if ready:
            wait_until(lambda: "ready on" in self.stderr(), 30, "readiness")
        return self

    def stderr(self):
        return self.said.read_text(errors="replace")

    @property
    def supervisor(self):
        return next((pid for pid in children_of(self.pid) if name_of(pid) == "corrald"), None)

    def inside(self, *command, **options):
        """A command where the init is, as `docker exec` would run it."""
        enter = ["nsenter", "-t", str(self.pid), "-p", "-m"] if self.prefix else []
        return subprocess.run(
            [*enter, *map(str, command)], env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, timeout=60, check=False, **options,
        )  # fmt: skip

    def run(self, *arguments):
        return self.inside(corral.COMMAND, *arguments)

    def job(self, name, *words):
        """A detached job that has begun: its first words are in its log."""
        result = self.run("run", "-d", "-n", name, *words)
        equal(result.returncode, 0, f"job '{name}' is started {result.stderr}")
        wait_until(lambda: self.run("log", name).stdout, what=f"the first words of job '{name}'")
        return result.stdout.strip()

    def send(self, number):
        os.kill(self.pid, number)

    def ends(self, code, text, most=20.0):
        """It ends with this code, leaves nothing, and took so many seconds."""
        began = time.monotonic()
        try:
            found = self.process.wait(timeout=most + 20)
        except subprocess.TimeoutExpired:
            corral.fail(f"{text}: it does not end:\n{self.stderr()}")
        took = time.monotonic() - began
        check(found == code, f"{text}: exit code {code}", found, self.stderr())
        check(took < most, f"{text}: in less than {most} s", took, self.stderr())
        equal(list(corral.processes_with(self.mark)), [], f"{text}: nothing is left")
        return took

    def ended_jobs(self):
        """name: how often its end is in the accounting file."""
        lines = subprocess.run(
            [corral.COMMAND, "records", self.pacct, "--json"], stdout=subprocess.PIPE, text=True, check=True
        ).stdout.splitlines()
        return sum('"kind":"end"' in line.replace(" ", "") for line in lines)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is not None:
            print(f"--- what it said ---\n{self.stderr()[-6000:]}", flush=True)
        with contextlib.suppress(OSError):
            if self.process:
                self.process.kill()
                self.process.wait()
        corral.end_processes_with(self.mark)
        shutil.rmtree(self.folder, ignore_errors=True)


def stopping(prefix, where):
    with Units("--", "--bus", "none", prefix=prefix) as init:
        (init.units / "web.toml").write_text("")
        (init.units / "db.toml").write_text("")
        (init.units / "README").write_text("")
        init.start()
        for name in ("db", "web"):
            check(f"unit file '{init.units}/{name}.toml' is not started" in init.stderr(), f"{name}.toml is named")
        check("README" not in init.stderr(), "what is no unit file is not")
        init.job("polite", "sh", "-c", f"trap 'echo bye >{init.folder}/bye; exit 0' TERM; echo up; sleep 1000 & wait")
        # What leaves its session and its parent is the job's all the same.
        init.job("daemon", "-g", "300ms", "sh", "-c", f"(setsid sh -c \"{STUBBORN}\" &); echo up; sleep 1000")
        for number, what in ((signal.SIGHUP, "SIGHUP.*there are no units"), (signal.SIGUSR1, "SIGUSR1.*ignored")):
            init.send(number)
            wait_until(lambda what=what: re.search(what, init.stderr()), what=what)
        check(init.process.poll() is None, f"{where}: other signals are logged and do not end it")
        init.send(signal.SIGTERM)
        init.ends(ORDERLY, f"{where}, SIGTERM", 5)
        check((init.folder / "bye").exists(), "the job that wanted to say good-bye did")
        equal(init.ended_jobs(), 2, "the ends of both jobs are in the accounting file")
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGPWR, *range(37, 41)):
        with Units("--", "--bus", "none", prefix=prefix) as init:
            init.start().send(number)
            init.ends(ORDERLY, f"{where}, signal {number}", 5)


def budget(prefix, where):
    variable = {"CORRAL_INIT_STOP_TIMEOUT": "1s"}
    for words, environment in ((["--stop-timeout", "1s"], {}), ([], variable)):
        with Units(*words, "--", "--bus", "none", prefix=prefix, environment=environment) as init:
            init.start()
            jid = init.job("stubborn", "-g", "1h", "sh", "-c", STUBBORN)
            began = time.monotonic()
            init.send(signal.SIGTERM)
            time.sleep(0.2)
            init.send(signal.SIGTERM)
            wait_until(lambda: "already shutting down" in init.stderr(), what="the second signal")
            init.ends(KILLED, f"{where}, a job that ignores SIGTERM", 5)
            check(time.monotonic() - began > 0.95, "not before its time was over")
            check(f"job {jid} has not ended in time" in init.stderr(), "which job it was is said")
            equal(init.ended_jobs(), 1, "its end is in the accounting file")


def orphans():
    """What belongs to no job and falls to PID 1."""
    with Units("--", "--bus", "none") as init:
        init.start()
        init.inside("sh", "-c", "(trap '' TERM; setsid sleep 1000 &) >/dev/null 2>&1")
        wait_until(lambda: any(name_of(pid) == "sleep" for pid in children_of(init.pid)), what="the orphan")
        init.send(signal.SIGTERM)
        init.ends(ORDERLY, "an orphan that belongs to no job", 5)


def lost_scope():
    """A job whose own reaper and its guard are killed: its processes fall to
    the instance's reaper."""
    with Units("--", "--bus", "none", prefix=()) as init:
        init.start()
        init.job("lost", "sh", "-c", f"setsid sh -c \"{STUBBORN}\" & echo up; wait")
        supervisor, scope = init.supervisor, None
        for pid in children_of(init.pid):
            if pid != supervisor and any(name_of(child) == "sh" for child in descendants_of(pid)):
                scope = pid
        check(scope, "the job has a reaper of its own")
        group = os.getpgid(scope)
        check(group not in (os.getpgid(0), os.getpgid(init.pid)), "in a group of its own")
        os.killpg(group, signal.SIGKILL)
        wait_until(lambda: not is_alive(scope), what="the scope's end")
        init.send(signal.SIGTERM)
        init.process.wait(timeout=20)
        equal(list(corral.processes_with(init.mark)), [], "nothing is left of a job that lost its reaper")


def killed_supervisor(prefix, where):
    for moments in ((0,), (0.01,), (0.1,), (0.5, 0.05, 0.05), (0.95,), (1.0,), (1.02,)):
        with Units("--stop-timeout", "1s", "--", "--bus", "none", prefix=prefix) as init:
            init.start()
            init.job("stubborn", "-g", "1h", "sh", "-c", STUBBORN)
            init.job("polite", "sh", "-c", "echo up; exec sleep 1000")
            init.send(signal.SIGTERM)
            killed = 0
            for moment in moments:
                time.sleep(moment)
                with contextlib.suppress(OSError, TypeError):
                    os.kill(init.supervisor, signal.SIGKILL)
                    killed += 1
            init.ends(KILLED, f"{where}, {killed} supervisors killed in the stop, after {moments} s", 8)
            equal(init.ended_jobs(), 2, "each end is in the accounting file once")
    with Units("--stop-timeout", "20s", "--", "--bus", "none", prefix=prefix) as init:
        init.start()
        init.job("stubborn", "-g", "4s", "sh", "-c", STUBBORN)
        init.send(signal.SIGTERM)
        wait_until(lambda: ": shutting down" in init.stderr(), what="the stop")
        os.kill(init.supervisor, signal.SIGKILL)
        wait_until(lambda: "going on with the shutdown" in init.stderr(), what="the next supervisor")
        result = init.run("run", "-d", "true")
        check(result.returncode != 0, "the next supervisor takes no new job", result)
        init.ends(ORDERLY, f"{where}, and the job's own plan goes on", 10)


def health():
    """What a container's probe is told of an init of several processes."""
    with Units() as init:
        init.start()
        found = init.inside(corral.INIT, "--health")
        equal((found.returncode, found.stdout, found.stderr), (0, "", ""), "healthy: silence and 0")
        os.kill(init.supervisor, signal.SIGSTOP)
        found = init.inside(corral.INIT, "--health")
        os.kill(init.supervisor, signal.SIGCONT)
        check(found.returncode == 1 and "main process 'corrald'" in found.stderr and " is stopped" in found.stderr,
              "a stopped supervisor is told", found)
        init.job("heedless", "sh", "-c", "trap '' TERM; echo ready; sleep 2; sleep 2")
        init.send(signal.SIGTERM)
        wait_until(lambda: name_of(init.pid) == "corral-ending", what="the end's beginning")
        found = init.inside(corral.INIT, "--health")
        equal((found.returncode, found.stderr), (1, "corral-init: process 1 is ending its job\n"), "and so is its end")
        init.process.wait(30)


def wrong_directories(prefix, where):
    file = pathlib.Path(tempfile.mkdtemp(prefix="corral-units-")) / "file"
    file.write_text("")
    closed = file.parent / "closed"
    closed.mkdir(0o700)
    file.parent.chmod(0o755)
    nobody = ["setpriv", "--reuid=4242", "--regid=4242", "--clear-groups"]
    for words, directory, why in (
        ([], file.parent / "missing", "No such file or directory"),
        ([], file, "Not a directory"),
        (nobody, closed, "Permission denied"),
    ):
        result = subprocess.run(
            [*prefix, *words, corral.INIT, "--units", directory], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            timeout=30, check=False,
        )  # fmt: skip
        wanted = f"corral-reaper: option '--units' expects a directory that can be read, not '{directory}': {why}\n"
        equal((result.returncode, result.stdout, result.stderr), (2, "", wanted), f"{where}: {why}")
    shutil.rmtree(file.parent)


def supervisor_that_cannot_start(prefix, where):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="corral-units-"))
    alone = folder / "corral-init"
    shutil.copy(corral.INIT, alone)
    with Units(prefix=prefix, init=alone) as init:
        init.start(ready=False).ends(127, f"{where}, without corral-reaper", 5)
        equal(init.stderr(), f"corral-init: cannot execute '{folder}/corral-reaper': No such file or directory; it belongs "
              "beside corral-init\n", "one line")
    shutil.copy(corral.REAPER, folder / "corral-reaper")
    with Units(prefix=prefix, init=alone) as init:
        init.start(ready=False).ends(127, f"{where}, without corrald", 5)
        equal(init.stderr(), f"corral-reaper: cannot execute '{folder}/corrald': No such file or directory\n", "one line")
    with Units("--", "--nonsense", prefix=prefix) as init:
        init.start(ready=False).ends(2, f"{where}, with a wrong option for corrald", 5)
        check("unknown argument '--nonsense'" in init.stderr(), "which is named once", init.stderr())
        equal(init.stderr().count("--nonsense"), 1, "once")
    flag, script = folder / "broken", folder / "corrald"
    script.write_text(f'#!/bin/sh\n[ ! -e {flag} ] || exit 3\nexec {corral.DAEMON} "$@"\n')
    script.chmod(0o755)
    flag.write_text("")
    with Units(prefix=prefix, environment={"CORRAL_LIBEXEC": str(folder)}) as init:
        init.start(ready=False).ends(3, f"{where}, a supervisor that always fails", 10)
        check("the supervisor ended with status 3" in init.stderr(), "is seen", init.stderr())
        check(init.stderr().endswith("corral-reaper: the supervisor cannot start\n"), "and given up", init.stderr())
    flag.unlink()
    with Units("--", "--bus", "none", prefix=prefix, environment={"CORRAL_LIBEXEC": str(folder)}) as init:
        init.start()
        init.job("long", "sh", "-c", STUBBORN)
        flag.write_text("")
        os.kill(init.supervisor, signal.SIGKILL)
        wait_until(lambda: "it is started again in" in init.stderr(), 20, "the crash loop")
        check(init.process.poll() is None, f"{where}: it does not end while a job lives")
        init.send(signal.SIGTERM)
        init.ends(128 + signal.SIGTERM, f"{where}, SIGTERM without a supervisor", 10)
    shutil.rmtree(folder)


def read_only_root():
    """Nothing can be written but /dev/shm, the user has no name, no rights can
    be got, and no cgroup is ours."""
    for hides_shm, pacct in ((False, None), (False, "/nowhere/pacct"), (True, None)):
        setup = "set -e; mount --make-rprivate /; mount -t proc proc /proc; "
        setup += "mount -t tmpfs -o size=1m,ro tmpfs /run; mount -t tmpfs -o ro tmpfs /tmp; "
        setup += f"mount -t tmpfs -o mode=1777{',ro' if hides_shm else ''} tmpfs /dev/shm; "
        setup += "mount -o remount,bind,ro /; "
        user = "setpriv --reuid=4242 --regid=4242 --clear-groups --no-new-privs"
        setup += f'cd /; exec {user} "$@"'
        with Units("--", "--bus", "none", prefix=("unshare", "-fpm", "--kill-child", "sh", "-c", setup, "sh")) as init:
            for name in ("RUNTIME_DIR", "PACCT", "LOG_DIR", "ENGINE", "CGROUP_BASE"):
                init.environment.pop(f"CORRAL_{name}")
            for name in ("XDG_RUNTIME_DIR", "XDG_STATE_HOME", "HOME", "TMPDIR"):
                init.environment.pop(name, None)
            if pacct:
                init.environment["CORRAL_PACCT"] = pacct
            init.command[2] = "/etc"  # the folder is hidden by the new /tmp
            if hides_shm:
                init.start(ready=False).ends(2, "without any place for its socket", 10)
                check("CORRAL_RUNTIME_DIR" in init.stderr(), "what to set is said", init.stderr())
                continue
            init.start()
            check("ready on '/dev/shm/corral-4242/private'" in init.stderr(), "its socket is in /dev/shm", init.stderr())
            result = init.inside(*user.split(), corral.COMMAND, "run", "-d", "-n", "job", "sleep", "1000")
            equal(result.returncode, 0, f"a job runs {result.stderr}")
            time.sleep(6)
            check(init.process.poll() is None, "without jobs or with them, it does not end by itself")
            if not pacct:
                kept = init.inside("test", "-s", "/dev/shm/corral-4242/pacct")
                equal(kept.returncode, 0, "its accounts are beside its socket: its user has no home")
            init.send(signal.SIGTERM)
            init.ends(ORDERLY, "on a read-only root", 5)
            is_told = "accounting records are left unwritten" in init.stderr()
            equal(is_told, pacct is not None, "what could not be written, and only that, is said")


def in_cgroup():
    """The same with jobs in cgroups."""
    if corral.cgroup2_parent() is None:
        return
    with corral.Cgroup() as cgroup:
        base = cgroup / "jobs"
        base.mkdir()
        words = ("--stop-timeout", "1s", "--", "--bus", "none", "--cgroup-base", str(base))
        with Units(*words, engine="cgroup2") as init:
            init.start()
            init.job("stubborn", "-g", "1h", "sh", "-c", f"(setsid sh -c \"{STUBBORN}\" &); {STUBBORN}")
            init.job("polite", "sh", "-c", "echo up; exec sleep 1000")
            init.send(signal.SIGTERM)
            time.sleep(0.3)
            os.kill(init.supervisor, signal.SIGKILL)
            init.ends(KILLED, "PID 1 with cgroups", 6)
            equal(init.ended_jobs(), 2, "both ends are in the accounting file")
            equal([entry.name for entry in base.iterdir() if entry.is_dir()], [], "no cgroup is left")


def main():
    for prefix, where in ((PID1, "PID 1"), ((), "subreaper")):
        stopping(prefix, where)
        budget(prefix, where)
        killed_supervisor(prefix, where)
        wrong_directories(prefix, where)
        supervisor_that_cannot_start(prefix, where)
    orphans()
    lost_scope()
    read_only_root()
    in_cgroup()
    health()


if __name__ == "__main__":
    corral.run_in_own_namespace(main)  # what is killed here stays here
