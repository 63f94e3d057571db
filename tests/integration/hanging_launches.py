#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Programs that hang in exec, in an instance without cgroups. Scopes launch there, and the supervisor lets ten of them
launch at a time: more than ten that hang keep the others waiting until they are given up, after 30 s, and no longer.
One that hangs can be ended before that."""

import contextlib
import os
import pathlib
import subprocess
import tempfile
import time

import corral
from corral import check, equal, needs_root, skip, wait_until

PLACES = 10
PATIENCE = 30


def launch_hanging(instance, program, name, options):
    return instance.popen("run", "-d", *options, "--name", name, "--", program, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def main():
    needs_root()
    if not os.path.exists("/dev/fuse"):
        skip("needs /dev/fuse")
    of_engine("subreaper", [])
    if corral.has_namespaces() and corral.cgroup2_parent():
        for engine in ("pidns", "cgroup2+pidns"):
            of_engine(None, ["--engine", engine])
    else:
        corral.not_checked("needs a pid namespace and a writable cgroup v2 hierarchy")


def of_engine(engine, options):
    print(f"# {engine or options[-1]}", flush=True)
    with tempfile.TemporaryDirectory(prefix="corral-test-") as folder, corral.Instance(engine=engine) as instance:
        # It serves one at a time: only the first is where no signal reaches it.
        hanging = subprocess.Popen([corral.BUILD / "tests/support/hanging-fs", "-f", "-s", folder])
        try:
            wait_until(lambda: os.path.ismount(folder), what="the FUSE mount")
            hang(instance, os.path.join(folder, "program"), options)
        finally:
            hanging.kill()
            subprocess.run(["umount", "-l", folder], check=False)
            hanging.wait(20)
        wait_until(lambda: not instance.facts("ps"), what="the end of all")


def waiting_for_a_file_system():
    found = set()
    for entry in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and (entry / "wchan").read_text(encoding="ascii") == "request_wait_answer":
                found.add(entry.name)
    return found


def hang(instance, program, options):
    begin = time.monotonic()
    others = waiting_for_a_file_system()
    launchers = [launch_hanging(instance, program, "hangs0", options)]
    wait_until(lambda: waiting_for_a_file_system() - others, what="the first at the file system")
    launchers += [launch_hanging(instance, program, f"hangs{number}", options) for number in range(1, PLACES)]
    wait_until(lambda: len([job for job in instance.facts("ps") if job["state"] == "launching"]) == PLACES, what="ten launches")
    equal(instance.run("kill", "hangs3", timeout=20).returncode, 0, "one that hangs in exec can be ended")
    killed = instance.facts("show", "hangs3")
    equal((killed["state"], killed["result"]), ("ended", "cancelled"), "and is cancelled")
    launchers.append(launch_hanging(instance, program, "hangs10", options))
    wait_until(lambda: ("hangs10", "launching") in [(job["name"], job["state"]) for job in instance.facts("ps")],
               what="another in its place")
    late = instance.popen("run", "-d", *options, "--name", "late", "--", "true", stdout=subprocess.DEVNULL)
    late.wait(PATIENCE + 15)
    waited = time.monotonic() - begin
    equal(late.returncode, 0, f"another job runs at last, after {waited:.1f} s")
    check(PATIENCE - 1 < waited < PATIENCE + 10, "when the first were given up", waited)
    for number, launcher in enumerate(launchers):
        words = launcher.communicate(timeout=PATIENCE + 15)[1]
        if number == 3:
            continue  # whoever ended it knows
        wanted = f"was killed: no answer in time while executing the program {program}"
        check(launcher.returncode != 0 and wanted in words and words.count("\n") == 1, f"launch {number} says that it failed",
              launcher.returncode, words)


main()
