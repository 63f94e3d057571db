#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Whatever a job's processes do, nothing of the job lives after its end.

Each round runs one kind of escape as the command of a scope without a
supervisor; the command itself then ends, and the kill plan (TERM, a short
grace, kill) has to find the rest. Afterwards the test looks for the round's
mark in the environment of every process of the machine, and into the cgroup.

    ROUNDS=200 BOMB=3000 python3 scope_escapes.py     the full campaign
"""

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

# The bomb: everybody forks as long as the limit allows and never goes. It is C,
# as Python would take longer to start than to be killed.
BOMB_SOURCE = r"""
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
int main(void) {
  signal(SIGTERM, SIG_IGN);
  if (fork() != 0) {
    usleep(300000);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    FILE* file = fopen("ended", "w");
    fprintf(file, "%.3f", now.tv_sec + now.tv_nsec / 1e9);
    return 0;
  }
  for (;;) { if (fork() == 0) setsid(); }
}
"""


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


class Campaign:
    def __init__(self, engine):
        self.engine = engine
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="corral-escape-"))
        self.directory.chmod(0o777)
        self.base = corral.cgroup2_parent() / f"corral-test-escape-{os.getpid()}" if engine == "cgroup2" else None
        self.number = 0

    def run(self, command, user=None, limit=None):
        """One round; returns how long it took, of a bomb from its command's end on."""
        self.number += 1
        mark = f"CORRAL_ESCAPE={os.getpid()}-{self.engine}-{self.number}"
        options = ["--engine", self.engine, "--grace", GRACE_MS]
        if self.base:
            options += ["--cgroup-base", str(self.base)]
        if user is not None and os.geteuid() == 0:
            options += ["--uid", str(user), "--gid", str(user)]
        environment = dict(os.environ)
        environment[mark.split("=")[0]] = mark.split("=")[1]

        def prepare():
            if limit:
                resource.setrlimit(resource.RLIMIT_NPROC, (limit, limit))

        records = self.directory / "pacct"
        scope = subprocess.Popen(
            [str(corral.INIT), "--record", str(records), *options, "--", *command],
            env=environment, preexec_fn=prepare, stdin=subprocess.DEVNULL, cwd=self.directory,
        )
        start = time.monotonic()
        try:
            status = scope.wait(60)
        except subprocess.TimeoutExpired:
            scope.kill()
            corral.fail(f"the scope of {command[-1]!r} did not end in 60 s")
        ended = self.directory / "ended"  # where the command itself says when
        took = time.monotonic() - (float(ended.read_text()) if ended.exists() else start)
        ended.unlink(missing_ok=True)
        if status != 0:
            corral.fail(f"{command[-1]!r} ended with {status}, not with its own 0")
        left = marked(mark)
        if left:
            names = [pathlib.Path(f"/proc/{pid}/stat").read_text() for pid in left[:5]]
            for pid in left:
                os.kill(pid, signal.SIGKILL)
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
    engines = ["subreaper"] + (["cgroup2"] if corral.cgroup2_parent() else [])
    bomb = pathlib.Path(tempfile.mkdtemp(prefix="corral-bomb-")) / "bomb"
    bomb.parent.chmod(0o755)
    compiler = os.environ.get("CC", "cc").split()
    subprocess.run([*compiler, "-O1", "-x", "c", "-", "-o", bomb], input=BOMB_SOURCE, text=True, check=True)
    for engine in engines:
        campaign = Campaign(engine)
        for name, body in ESCAPES.items():
            if len(sys.argv) > 1 and name not in sys.argv[1:]:
                continue
            longest = max(campaign.run([sys.executable, "-c", PRELUDE + body]) for _ in range(ROUNDS))
            corral.check(True, f"{engine}: {name}: nothing lives after {ROUNDS} rounds, the longest {longest:.2f} s")
        if os.geteuid() == 0:
            rounds = min(ROUNDS, 20)
            longest = max(campaign.run([str(bomb)], NOBODY, BOMB) for _ in range(rounds))
            corral.check(
                longest < 5, f"{engine}: a fork bomb of {BOMB} is ended {rounds} times, the longest {longest:.2f} s"
            )
        campaign.close()


if __name__ == "__main__":
    main()
