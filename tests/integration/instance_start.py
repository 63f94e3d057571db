#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An instance that cannot start: a runtime directory without room for a socket's path is refused by whoever is started,
and one in which no supervisor ever becomes ready is tried ever more slowly (PID 1) or given up with its status."""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from corral import COMMAND, DAEMON, INIT, check, end_processes_with, equal, run_in_own_namespace, wait_until

MARK = f"CORRAL_TEST=start.{os.getpid()}"
PID1 = ["unshare", "-fp", "--mount-proc", "--kill-child"]
MOST = 99
folder = pathlib.Path()  # main() makes it


def environment(runtime):
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), "CORRAL_ENGINE": "subreaper", "CORRAL_RUNTIME_DIR":
            str(runtime), "CORRAL_PACCT": str(folder / "pacct"), "CORRAL_LOG_DIR": str(folder / "log"),
            **dict([MARK.split("=")])}  # fmt: skip


def run(*command, runtime):
    return subprocess.run([str(word) for word in command], env=environment(runtime), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60, check=False)


def supervise(prefix=()):
    return [*prefix, str(INIT), "--supervise", "--", str(DAEMON), "--private", "--bus", "none"]


def directory(name, size=0):
    path = folder / name.ljust(max(size - len(str(folder)) - 1, len(name)), "x")
    path.mkdir(mode=0o700)
    return path


def too_long():
    longest, longer = directory("a", MOST), directory("b", MOST + 1)
    result = run(COMMAND, "run", "-d", "--private", "--", "true", runtime=longest)
    equal((len(str(longest)), result.returncode, result.stderr), (MOST, 0, ""), "the longest directory that there may be")
    words = (f"runtime directory '{longer}' is {MOST + 1} bytes long, expected at most {MOST} for the path of a socket; "
             "CORRAL_RUNTIME_DIR chooses another directory\n")  # fmt: skip
    result = run(COMMAND, "run", "-d", "--private", "--", "true", runtime=longer)
    equal((result.returncode, result.stderr), (69, "corral: cannot start a private instance: " + words), "one byte more: no")
    result = run(DAEMON, "--private", "--reaper-fd=3", "--store-fd=4", runtime=longer)
    equal(result.returncode, 2, "corrald refuses it too")
    check(result.stderr.endswith(": there is no place for the private socket: " + words), "in the same words", result.stderr)
    result = run(*supervise(), runtime=longer)
    equal((result.returncode, result.stderr.count(words)), (2, 1), "and so does the reaper: once, with corrald's status")
    equal(list(longer.iterdir()), [], "nothing is made there")


def never_ready():
    """It greets the reaper, and then cannot listen: a directory is where its socket goes."""
    place = directory("never")
    (place / "private").mkdir()
    began = time.monotonic()
    result = run(*supervise(), runtime=place)
    took = time.monotonic() - began
    equal((result.returncode, result.stderr.count("critical")), (1, 6), "six failed starts, then corrald's own status")
    check(took < 20, f"and the end: {took:.2f} s")
    equal(result.stderr.count("the supervisor ended with status 1\n"), 6, "each end is told by its status, none by a signal")
    check(result.stderr.endswith("corral-reaper: the supervisor cannot start\n"), "the last line says so", result.stderr)


def back_off():
    place, said = directory("pid1"), folder / "said"
    (place / "private").mkdir()

    def starts():
        return said.read_text().count("critical")

    with open(said, "wb") as file:
        init = subprocess.Popen(supervise(PID1), env=environment(place), stdin=subprocess.DEVNULL, stdout=file, stderr=file)
    wait_until(lambda: said.read_text().count("it is started again in") == 2, 20, "the second pause")
    (place / "private").rmdir()
    wait_until(lambda: "ready on" in said.read_text(), 20, "readiness")
    equal(starts(), 7, "PID 1 goes on, six starts at once and then with pauses, until it is ready")
    init.send_signal(signal.SIGKILL)
    init.wait()


def main():
    global folder
    folder = pathlib.Path(tempfile.mkdtemp(prefix="corral-test-"))
    try:
        too_long()
        never_ready()
        back_off()
    finally:
        end_processes_with(MARK)
        shutil.rmtree(folder, ignore_errors=True)


run_in_own_namespace(main)
