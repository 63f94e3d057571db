#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Whatever a job's processes do, nothing of the job lives after its end.

Each round runs one kind of escape, in one of two ways:

alone     the command of a scope without a supervisor: it ends by itself (a
          bomb by its wall time), and the policy has to find the rest;
detached  a detached job of an instance: its command rests, and `corral kill`
          ends it.

The kill plan is TERM, a short grace, kill. Afterwards the test looks for the
round's mark in the environment of every thread of the machine, and into the
cgroups. Subreaper jobs of another user run at most 20 rounds, as do their bombs.
While a bomb runs, this test and its commands have real-time priority, as whoever
looks for help against one would take; Corral has what it takes itself.

    ROUNDS=200 BOMB=3000 python3 scope_escapes.py     the full campaign
    python3 scope_escapes.py setsid bomb              some of it only
"""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

import corral

ROUNDS = int(os.environ.get("ROUNDS", "3"))
BOMB = int(os.environ.get("BOMB", "300"))
MOST_AS_SUBREAPER = 20
NOBODY = 65534
GRACE_MS = 100

# Every one leaves processes behind; `rest` sleeps where they end up.
PRELUDE = """
import os, signal, sys, time
def rest():
    while True: time.sleep(1000)
def child(what):
    if os.fork() == 0:
        what()
        os._exit(0)
"""
# What a detached command does when its escape is made.
STAY = """
open(sys.argv[1], 'w').close()
rest()
"""

ESCAPES = {
    "setsid": "child(lambda: (os.setsid(), rest()))",
    "double_fork": "child(lambda: child(lambda: (os.setsid(), child(rest), rest())))\ntime.sleep(0.05)",
    "daemon": """
def daemon():
    if os.fork(): os._exit(0)
    os.setsid()
    if os.fork(): os._exit(0)
    os.chdir('/')
    for fd in range(3): os.close(fd)
    rest()
for i in range(5): child(daemon)
time.sleep(0.05)""",
    "blocks_all_signals": """
def deaf():
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    rest()
for i in range(5): child(deaf)
time.sleep(0.05)""",
    "stopped": """
def stopped():
    os.setsid()
    os.kill(os.getpid(), signal.SIGSTOP)
    rest()
for i in range(5): child(stopped)
time.sleep(0.05)""",
    # A chain in which each link, when it is asked to end, makes a new one in a
    # new session and leaves it to be adopted.
    "reparents_during_kill": """
def link(*_):
    if os.fork(): os._exit(0)
    os.setsid()
    child(sleeper)
def sleeper():
    signal.signal(signal.SIGTERM, link)
    rest()
for i in range(5): child(sleeper)
time.sleep(0.05)""",
    "wakes_the_stopped": """
def waker(other):
    while True:
        try: os.kill(other, signal.SIGCONT)
        except OSError: pass
        time.sleep(0.001)
def pair():
    os.setsid()
    me = os.getpid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.fork() == 0: waker(me)
    rest()
for i in range(3): child(pair)
time.sleep(0.05)""",
    # Its state is a zombie's, but the second thread lives.
    "first_thread_gone": """
import ctypes, threading
def headless():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=rest).start()
    ctypes.CDLL(None).syscall(60, 0)
for i in range(3): child(headless)
time.sleep(0.1)""",
    # vfork(2): the parent cannot be stopped while its child has not exec'ed.
    "in_vfork": """
import ctypes
libc = ctypes.CDLL(None)
def stuck():
    if libc.vfork() == 0: libc.pause()
    os._exit(0)
for i in range(3): child(stuck)
time.sleep(0.05)""",
}

# The bomb: everybody forks as long as the limit allows and never goes. Without a
# supervisor it is ended by its wall time (the command itself would hardly get to
# run). It is C, as Python would take longer to start than to be killed.
BOMB_SOURCE = r"""
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
int main(int count, char **words) {  // LIMIT FULL
  const rlim_t most = (rlim_t)atol(words[count - 2]);
  const struct rlimit limit = {most, most};
  if (setrlimit(RLIMIT_NPROC, &limit) < 0) return 1;
  signal(SIGTERM, SIG_IGN);
  for (int told = 0;;) {
    const pid_t child = fork();
    if (child == 0) setsid();
    if (child < 0 && !told) told = close(open(words[count - 1], O_WRONLY | O_CREAT, 0644)) == 0;
  }
}
"""
BOMB_MS = 700
BOMB_SECONDS = 5
SIGTERMED = 128 + signal.SIGTERM
SIGKILLED = 128 + signal.SIGKILL


def become_urgent(flags=0):
    with contextlib.suppress(OSError):  # a container's root may not
        os.sched_setscheduler(0, os.SCHED_RR | flags, os.sched_param(1))


def wait_at_most(seconds, is_over):
    end = time.monotonic() + seconds
    while not is_over() and time.monotonic() < end:
        time.sleep(0.01)


def end_marked(mark):
    """Ends what a failed round left, faster than it forks: all is stopped
    before anything is killed."""
    while left := list(corral.processes_with(mark)):
        for number in (signal.SIGSTOP, signal.SIGSTOP, signal.SIGKILL):
            for pid in corral.processes_with(mark) if number == signal.SIGSTOP else left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)


def is_ours(pid):
    """The scope of a detached job has its environment, and ends after it told."""
    with contextlib.suppress(OSError):
        return any(os.path.samefile(f"/proc/{pid}/exe", own) for own in (corral.INIT, corral.PIDNS))
    return False


class Campaign:
    """Rounds of one engine as one user; what is common to both ways."""

    way = ""

    def __init__(self, engine, user=None):
        self.engine = engine
        self.user = user
        self.kept = tempfile.TemporaryDirectory(prefix="corral-test-escape-")
        self.directory = pathlib.Path(self.kept.name)
        self.directory.chmod(0o777)
        self.ready = self.directory / "ready"
        self.number = 0

    def __str__(self):
        return f"{self.way}, {self.engine}" + (f", uid {self.user}" if self.user else "")

    def rounds(self):
        return min(ROUNDS, MOST_AS_SUBREAPER) if self.engine == "subreaper" and self.user else ROUNDS

    def run(self, command, is_bomb=False):
        """One round; returns how long the end took."""
        self.number += 1
        mark = f"CORRAL_ESCAPE={self.directory.name}.{self.way}.{self.number}"
        self.ready.unlink(missing_ok=True)
        try:
            took = self.round(command, mark, is_bomb)
            if left := [pid for pid in corral.processes_with(mark) if not is_ours(pid)]:
                names = [corral.name_of(pid) for pid in left[:5]]
                corral.fail(f"{self}: {len(left)} processes of {command[-2]!r} live: {names}")
            corral.wait_until(lambda: not any(corral.processes_with(mark)), 5, f"{self}: the end of the scope")
        except BaseException as error:
            end_marked(mark)
            if isinstance(error, subprocess.TimeoutExpired):
                corral.fail(f"{self}: {command[-2]!r} did not end in {error.timeout} s")
            raise
        return took


class Alone(Campaign):
    way = "alone"

    def __init__(self, engine, user=None):
        super().__init__(engine, user)
        self.base = corral.cgroup2_parent() / self.directory.name if "cgroup2" in engine else None
        self.program = corral.PIDNS if "pidns" in engine else corral.INIT

    def round(self, command, mark, is_bomb):
        options = ["--record", self.directory / "pacct", "--engine", self.engine, "--grace", GRACE_MS]
        if self.base:
            options += ["--cgroup-base", self.base]
        if self.user or is_bomb:
            options += ["--uid", NOBODY, "--gid", NOBODY]
        if is_bomb:
            options += ["--limit", f"wall={BOMB_MS}ms", "--report-json", 1]
        name, _, value = mark.partition("=")
        start = time.monotonic()
        with subprocess.Popen(
            [str(word) for word in (self.program, *options, "--", *command)],
            env={**os.environ, name: value}, stdin=subprocess.DEVNULL, cwd=self.directory, stdout=subprocess.PIPE,
        ) as scope:
            try:
                report, _ = scope.communicate(timeout=60)
            except BaseException:
                scope.kill()
                end_marked(mark)  # they hold the pipe
                raise
        took = time.monotonic() - start
        if is_bomb:  # from the passing of the limit on
            took = (json.loads(report)["wall_us"] - BOMB_MS * 1000) / 1e6
        wanted = SIGKILLED if is_bomb else 0
        if scope.returncode != wanted:
            corral.fail(f"{self}: {command[-2]!r} ended with {scope.returncode}, not with {wanted}")
        return took

    def close(self):
        if self.base and self.base.exists():
            populated = "populated 1" in (self.base / "cgroup.events").read_text()
            jobs = [path for path in (self.base / "alone").iterdir() if path.is_dir()]
            corral.check(not populated and not jobs, f"{self}: the cgroups are empty and removed", jobs)
            (self.base / "alone").rmdir()
            self.base.rmdir()


class Detached(Campaign):
    way = "detached"

    def __init__(self, instance, engine, user=None):
        super().__init__(engine, user)
        self.instance = instance

    def corral(self, wanted, *arguments, **options):
        result = self.instance.run(*arguments, **options)
        if result.returncode != wanted or result.stderr:
            corral.fail(f"{self}: {arguments}: {result.returncode}, not {wanted}: {result.stderr}")
        return result.stdout.strip()

    def round(self, command, mark, is_bomb):
        options = ["--engine", self.engine, "--grace", f"{GRACE_MS}ms"]
        if self.user or is_bomb:
            options += ["-u", "nobody"]
        name, _, value = mark.partition("=")
        environment = {**self.instance.environment, name: value}
        job = self.corral(0, "run", "-d", *options, "--", *command, env=environment, cwd=self.directory)
        if is_bomb and self.number % 2:  # one round while it grows, one when it is full
            time.sleep(self.number % 20 * 0.01)
        elif is_bomb:  # all of them at one file's lock, filling up takes minutes: then so full
            wait_at_most(10, self.ready.exists)
        else:
            corral.wait_until(self.ready.exists, 60, f"{self}: the escape of {command[-2]!r}")
        start = time.monotonic()
        self.corral(0, "kill", job)
        took = time.monotonic() - start
        if left := self.instance.job_cgroups():
            corral.fail(f"{self}: {left} is there after the end of {command[-2]!r}")
        self.corral(SIGKILLED if is_bomb else SIGTERMED, "wait", job)
        return took

    def close(self):
        corral.equal(self.instance.job_cgroups(), [], f"{self}: the cgroups are removed")


def is_wanted(name):
    return len(sys.argv) == 1 or name in sys.argv[1:]


def run_escapes(campaign):
    rounds = campaign.rounds()
    after = STAY if campaign.way == "detached" else ""
    for name, body in filter(lambda escape: is_wanted(escape[0]), ESCAPES.items()):
        command = [sys.executable, "-c", PRELUDE + body + after, campaign.ready]
        longest = max(campaign.run(command) for _ in range(rounds))
        corral.check(True, f"{campaign}: {name}: nothing lives after {rounds} rounds, the longest {longest:.2f} s")


def run_bombs(campaign, bomb):
    """Always as another user: the limit that bounds the bomb holds for no root."""
    campaign.user = NOBODY
    # Commands of a detached job's owner are born urgent: beside a bomb they would
    # wait for their turn even to become so. A scope's command must not be.
    become_urgent(0 if isinstance(campaign, Detached) else os.SCHED_RESET_ON_FORK)
    rounds = campaign.rounds()
    longest = max(campaign.run([bomb, BOMB, campaign.ready], is_bomb=True) for _ in range(rounds))
    corral.check(
        longest < BOMB_SECONDS,
        f"{campaign}: a fork bomb of {BOMB} is ended {rounds} times, the longest {longest:.2f} s",
    )


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # no bomb outlives us
    bomb = pathlib.Path(tempfile.mkdtemp(prefix="corral-bomb-")) / "bomb"
    bomb.parent.chmod(0o755)
    compiler = os.environ.get("CC", "cc").split()
    # Static: one that has libc.so mapped makes every other program wait for the lock of that file, this test first.
    subprocess.run([*compiler, "-O1", "-static", "-x", "c", "-", "-o", bomb], input=BOMB_SOURCE, text=True, check=True)
    is_root = os.geteuid() == 0
    engines = corral.engines()
    other = NOBODY if is_root else None
    with corral.Instance() as instance:
        campaigns = [Alone(engine) for engine in engines]
        campaigns += [Alone("subreaper", other)] if is_root else []
        campaigns += [Detached(instance, engine, other if engine == "subreaper" else None) for engine in engines]
        # Bombs in these: pidns_engine.
        walled = ["pidns", "cgroup2+pidns"] if is_root and "cgroup2" in engines and corral.has_namespaces() else []
        campaigns += [Alone(engine) for engine in walled] + [Detached(instance, engine) for engine in walled]
        for campaign in campaigns:
            run_escapes(campaign)
            campaign.close()
        if not is_root:
            corral.not_checked("needs root")
        elif is_wanted("bomb"):
            campaigns = [Alone(engine) for engine in engines] + [Detached(instance, engine) for engine in engines]
            for campaign in campaigns:
                run_bombs(campaign, bomb)
                campaign.close()


if __name__ == "__main__":
    main()
