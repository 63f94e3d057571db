#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A host on which cgroup v2 is mounted nowhere: a system instance mounts it for itself, finds its mount again, and who
cannot mount it is told so. In a mount namespace of the test's own; tests/vm/v1_machine.sh has a whole machine like that."""

import ctypes
import json
import os
import pathlib
import signal
import subprocess
import sys

import corral
from corral import Cgroup, Instance, check, equal, wait_until

OWN = "/run/corral/cgroup2"
LIBC = ctypes.CDLL(None, use_errno=True)
MARK = "CORRAL_TEST_MOUNT_CGROUP"
MS_REC_PRIVATE, MNT_DETACH = 0x4000 | 0x40000, 2


def mount(*words):
    if LIBC.mount(*[word.encode() if isinstance(word, str) else word for word in words]) != 0:
        corral.fail(f"mount {words}: {os.strerror(ctypes.get_errno())}")


def mounts():
    return [line.split()[1] for line in pathlib.Path("/proc/mounts").read_text().splitlines() if line.split()[2] == "cgroup2"]


def engine_of(environment, prefix=()):
    words = [*prefix, str(corral.COMMAND), "doctor"]
    said = subprocess.run(words, env=environment, capture_output=True, text=True, check=False).stdout.splitlines()
    at = next(number for number, line in enumerate(said) if line.split()[1:2] == ["engine"])
    return said[at] + said[at + 1]


def within():
    for place in mounts():
        if LIBC.umount2(place.encode(), MNT_DETACH) != 0:
            corral.fail(f"umount {place}")
    mount("tmpfs", "/run", "tmpfs", 0, "mode=755")
    equal(mounts(), [], "cgroup v2 is mounted nowhere")
    environment = {**os.environ}
    check(f"a system instance mounts it for itself, on '{OWN}'" in engine_of(environment), "doctor tells what an instance does")
    few = engine_of(environment, ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", "--"])
    check("subreaper" in few and "CAP_SYS_ADMIN is missing" in few, "and what is missing where it cannot", few)
    with Instance(engine="subreaper") as instance:
        equal((mounts(), instance.run("run", "-d", "--", "true").returncode), ([], 0), "an instance that needs none mounts none")
    with Instance() as instance:
        equal(mounts(), [OWN], "an instance that could use it mounts it")
        check(f"an instance has mounted it on '{OWN}'" in engine_of(environment), "doctor tells where it is")
        result = instance.run("run", "--", "cat", "/proc/self/cgroup")
        place = next(line[3:] for line in result.stdout.splitlines() if line.startswith("0::"))
        equal(place.rsplit("/", 2)[1:], ["corral", "j0000000000000001"], "a job is in a cgroup of its own there")
        jid = instance.run("run", "-d", "--limit", "processes=50", "--", "sh", "-c", "(setsid sleep 351 &) ; exec sleep 351").stdout.strip()
        os.kill(instance.supervisor, signal.SIGKILL)
        wait_until(lambda: instance.supervisor, what="the next supervisor")
        equal(instance.facts("show", jid)["state"], "running", "the next supervisor finds it")
        equal(mounts(), [OWN], "and mounts nothing more")
        equal(instance.run("kill", "-g", "0", jid).returncode, 0, "and ends it")
        check(not [pid for pid in corral.processes_with(instance.mark) if corral.name_of(pid) == "sleep"], "with who left its session")
        base = pathlib.Path(OWN + place).parent
        wait_until(lambda: not [name for name in base.iterdir() if name.name.startswith("j0")], what="its directory goes")
        os.kill(instance.reaper, signal.SIGTERM)
        instance.process.wait(20)
    equal(mounts(), [OWN], "it stays for the next instance")
    os.chmod("/run/corral", 0o777)
    LIBC.umount2(OWN.encode(), MNT_DETACH)
    with Instance() as instance:
        job = json.loads(instance.run("run", "-d", "--json", "--", "true").stdout)
        equal((mounts(), instance.facts("show", job["jid"])["engine"]), ([], "subreaper"), "nothing is mounted where others could make directories")
        check("not root's alone" in instance.stderr(), "which the log says", instance.stderr())


def main():
    corral.needs_root()
    if MARK in os.environ:
        mount("none", "/", "none", MS_REC_PRIVATE, None)
        return within()
    corral.needs_namespaces()
    with Cgroup() as own:
        run = subprocess.run(["unshare", "-m", sys.executable, *sys.argv], env={**os.environ, MARK: "1"}, preexec_fn=own.enter, check=False)
    corral.end_within(run.returncode)


if __name__ == "__main__":
    main()
