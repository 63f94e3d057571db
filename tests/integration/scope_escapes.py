#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Whatever a job's processes do, nothing of the job lives after its end.

Each round runs one kind of escape as the command of a scope without a
supervisor; the command itself then ends, and the kill plan (TERM, a short
grace, kill) has to find the rest. Afterwards the test looks for the round's
mark in the environment of every process of the machine, and into the cgroup.

    ROUNDS=200 BOMB=3000 python3 scope_escapes.py     the full campaign
"""

import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
import time

import corral

ROUNDS = int(os.environ.get("ROUNDS", "3"))
BOMB = int(os.environ.get("BOMB", "300"))
NOBODY = 65534
GRACE_MS = "100"

# Every one leaves processes behind; `rest` sleeps where they end up.
PRELUDE = """
import os, signal, sys, time
def rest():
    while True: time.sleep(1000)
def child(what):
    if os.fork() == 0:
        what()
        os._exit(0)
def wait_for(path):
    while not os.path.exists(path): time.sleep(0.005)
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

# The bomb: everybody forks as long as the limit allows and never goes, so the
# job is ended by its wall time (the command itself would hardly get to run). It
# is C, as Python would take longer to start than to be killed.
BOMB_SOURCE = r"""
#include <signal.h>
#include <unistd.h>
int main(void) {
  signal(SIGTERM, SIG_IGN);
  for (;;) { if (fork() == 0) setsid(); }
}
"""
BOMB_MS = 700


def marked(mark):
    needle = mark.encode()
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            if needle in pathlib.Path(f"/proc/{entry}/environ").read_bytes():
                found.append(int(entry))
        except OSError:
            continue
    return found


def end_marked(mark):
    """Ends what a failed round left, faster than it forks: all is stopped
    before anything is killed."""
    while left := marked(mark):
        for number in (signal.SIGSTOP, signal.SIGSTOP, signal.SIGKILL):
            for pid in marked(mark) if number == signal.SIGSTOP else left:
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    continue


class Campaign:
    def __init__(self, engine):
        self.engine = engine
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="corral-escape-"))
        self.directory.chmod(0o777)
        self.base = corral.cgroup2_parent() / f"corral-test-escape-{os.getpid()}" if engine == "cgroup2" else None
        self.number = 0

    def run(self, command, user=None, limit=None, wall_ms=None, code=0):
        """One round; returns how long it took, with a wall time from its passing on."""
        self.number += 1
        mark = f"CORRAL_ESCAPE={os.getpid()}-{self.engine}-{self.number}"
        options = ["--engine", self.engine, "--grace", GRACE_MS]
        if self.base:
            options += ["--cgroup-base", str(self.base)]
        if user is not None and os.geteuid() == 0:
            options += ["--uid", str(user), "--gid", str(user)]
        if wall_ms:
            options += ["--limit-wall", str(wall_ms), "--report-json", "1"]
        environment = dict(os.environ)
        environment[mark.split("=")[0]] = mark.split("=")[1]

        def prepare():
            if limit:
                resource.setrlimit(resource.RLIMIT_NPROC, (limit, limit))

        records = self.directory / "pacct"
        scope = subprocess.Popen(
            [str(corral.INIT), "--record", str(records), *options, "--", *command],
            env=environment, preexec_fn=prepare, stdin=subprocess.DEVNULL, cwd=self.directory,
            stdout=subprocess.PIPE,
        )
        start = time.monotonic()
        try:
            report, _ = scope.communicate(timeout=60)
        except BaseException as error:
            scope.kill()
            end_marked(mark)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            corral.fail(f"the scope of {command[-1]!r} did not end in 60 s")
        took = time.monotonic() - start
        if wall_ms:
            took = (json.loads(report)["wall_us"] - wall_ms * 1000) / 1e6
        if scope.returncode != code:
            corral.fail(f"{command[-1]!r} ended with {scope.returncode}, not with {code}")
        left = marked(mark)
        if left:
            names = [pathlib.Path(f"/proc/{pid}/stat").read_text() for pid in left[:5]]
            end_marked(mark)
            corral.fail(f"{len(left)} processes of {command[-1]!r} live under {self.engine}: {names}")
        return took

    def close(self):
        if self.base and self.base.exists():
            populated = "populated 1" in (self.base / "cgroup.events").read_text()
            jobs = [path for path in (self.base / "alone").iterdir() if path.is_dir()]
            corral.check(not populated and not jobs, "the cgroups are empty and removed", jobs)
            (self.base / "alone").rmdir()
            self.base.rmdir()


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # no bomb outlives us
    bomb = pathlib.Path(tempfile.mkdtemp(prefix="corral-bomb-")) / "bomb"
    bomb.parent.chmod(0o755)
    compiler = os.environ.get("CC", "cc").split()
    subprocess.run([*compiler, "-O1", "-x", "c", "-", "-o", bomb], input=BOMB_SOURCE, text=True, check=True)
    for engine in corral.engines():
        campaign = Campaign(engine)
        for name, body in ESCAPES.items():
            if len(sys.argv) > 1 and name not in sys.argv[1:]:
                continue
            longest = max(campaign.run([sys.executable, "-c", PRELUDE + body]) for _ in range(ROUNDS))
            corral.check(True, f"{engine}: {name}: nothing lives after {ROUNDS} rounds, the longest {longest:.2f} s")
        if os.geteuid() == 0:
            rounds = min(ROUNDS, 20)
            longest = max(campaign.run([str(bomb)], NOBODY, BOMB, BOMB_MS, 137) for _ in range(rounds))
            corral.check(
                longest < 5, f"{engine}: a fork bomb of {BOMB} is ended {rounds} times, the longest {longest:.2f} s"
            )
        else:
            corral.not_checked("needs root")
        campaign.close()


if __name__ == "__main__":
    main()
