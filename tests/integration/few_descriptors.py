#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An instance that may have 512 descriptors, and arrays of more members than that: the members wait for their turn, none of them
fails, users are refused before the table is full, and root goes on to make jobs in it."""

import os
import resource
import subprocess

import corral
from corral import Instance, check, equal, needs_root, wait_until

MEMBERS = 400
DESCRIPTORS = 512
NOBODY = 65534


def states(instance):
    return [job["state"] for job in instance.facts("ps", "-a") if (job["name"] or "").startswith("many[")]


def taken(instance):
    return len(os.listdir(f"/proc/{instance.supervisor}/fd"))


def settled(instance):
    """The number of members that run once no more come."""
    wait_until(lambda: states(instance).count("running") >= 150, 60, "many members run")
    before = -1
    while (now := states(instance).count("running")) != before:
        before = now
        subprocess.run(["sleep", "1"], check=True)
    return now


def living(instance):
    equal(instance.run("run", "-d", "--name", "many", "--array", f"1-{MEMBERS}", "--", "sleep", "1000").returncode, 0, "an array is made")
    count = settled(instance)
    found = states(instance)
    equal(set(found), {"running"}, f"{count} of {MEMBERS} members run, and no other was made")
    check(taken(instance) < DESCRIPTORS * 7 // 8, f"root has descriptors left: {taken(instance)} of {DESCRIPTORS} are taken")
    done = instance.run("run", "--", "sh", "-c", "exit 3")
    equal((done.returncode, done.stderr), (3, ""), "root's job runs in the instance")
    done = subprocess.run([str(corral.COMMAND), "run", "-d", "--", "true"], env=instance.environment, user=NOBODY, group=NOBODY,
                          extra_groups=[], capture_output=True, text=True, check=False, timeout=60)  # fmt: skip
    if count < MEMBERS:
        check("short of descriptors" in done.stderr and str(DESCRIPTORS) in done.stderr, "a user is told why not", done)
    equal(instance.run("kill", "many").returncode, 0, "it ends")
    wait_until(lambda: not [s for s in states(instance) if s != "ended"], 60, "all of it ends")
    check(taken(instance) < 100, f"and lets go of descriptors: {taken(instance)} are taken")


def passing(instance):
    """Members that end at once: of more than there are descriptors, each comes to its turn and to its end."""
    array = instance.run("run", "-d", "--name", "brief", "--array", "1-1200", "--", "sh", "-c", "exit 0").stdout.strip()
    done = instance.run("wait", array, timeout=300)
    equal((done.returncode, done.stderr), (0, ""), "1,200 members, each with its exit code 0")


def main():
    needs_root()
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
    with Instance() as instance:
        for directory in (instance.folder, instance.runtime):
            directory.chmod(0o755)
        living(instance)
        passing(instance)


main()
