# SPDX-License-Identifier: Apache-2.0
"""Directories that are somebody else's, in the base, in a job's cgroup and beside the groups of version 1, with processes in
them: over a crash of the supervisor, of supervisor and store, and the end of the instance nobody is killed or moved, and no
directory goes. Names that are nearly a job's are not taken for one."""

import contextlib
import os
import pathlib
import signal
import subprocess
import time

import corral
from corral import Instance, check, equal, wait_until

# A job's is j and 16 hexadecimal digits, small ones.
NAMES = ("foreign", "j", "j00000000000000012", "j000000000000001", "j00000000000000ZZ", "J0000000000000001",
         "j0000000000000001.x", "k0000000000000001")


class Foreign:
    """A cgroup that is not ours, with a process in it."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.path.mkdir()
        self.process = subprocess.Popen(["sleep", "1000"])
        (self.path / "cgroup.procs").write_text(str(self.process.pid))

    def is_untouched(self):
        with contextlib.suppress(OSError):
            return self.process.poll() is None and (self.path / "cgroup.procs").read_text().split() == [str(self.process.pid)]
        return False

    def remove(self):
        self.process.kill()
        self.process.wait()
        end = time.monotonic() + 10
        while self.path.exists() and time.monotonic() < end:
            with contextlib.suppress(OSError):
                self.path.rmdir()
            time.sleep(0.01)


def touched(foreigners):
    return [str(one.path) for one in foreigners if not one.is_untouched()]


def groups_of(jid, base):
    """The job's directories in hierarchies of version 1."""
    found = []
    for controller in ("memory", "pids"):
        for folder, names, _ in os.walk(pathlib.Path("/sys/fs/cgroup") / controller):
            if f"j{jid:016x}" in names and base in folder:
                found.append(pathlib.Path(folder))
    return found


def crash(instance, *victims):
    pids = [getattr(instance, victim) for victim in victims]
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in pids:
            os.kill(pid, number)
    wait_until(lambda: instance.supervisor not in (None, *pids), what="another supervisor")
    wait_until(lambda: instance.run("ps").returncode == 0, what="its answer")


def main():
    corral.needs_root()
    corral.needs_cgroup2()
    foreigners = []
    instance = Instance()
    try:
        instance.start()
        jid = int(instance.facts("run", "-d", "--name", "held", "--accept-less", "--limit", "memory=64M,processes=50", "--", "sleep",
                                 "1000")["jid"], 16)
        wait_until(lambda: instance.facts("show", "held")["state"] == "running", what="the job")
        places = [instance.cgroup_base, *groups_of(jid, instance.cgroup.path.name)]
        if len(places) == 1:
            corral.not_checked("needs the hierarchies of version 1")
        foreigners += [Foreign(place / name) for place in places for name in NAMES]
        foreigners.append(Foreign(instance.cgroup_base / f"j{jid:016x}" / "inner"))
        equal(touched(foreigners), [], f"{len(foreigners)} cgroups beside a job's, in {len(places)} places")
        for victims in (("supervisor",), ("supervisor", "store")):
            crash(instance, *victims)
            equal([job["jid"] for job in instance.facts("ps")], [f"{jid:#x}"], f"after a crash of {' and '.join(victims)} nothing else is a job")
            equal(touched(foreigners), [], "and they are untouched")
            other = instance.run("run", "-d", "--limit", "memory=32M", "--accept-less", "--", "true").stdout.strip()
            equal(instance.run("wait", other).returncode, 0, "another job runs")
        inner = foreigners.pop()
        equal(instance.run("kill", "-g", "0", f"{jid:x}").returncode, 0, "a job ends")
        instance.run("wait", f"{jid:x}")
        check(not inner.is_untouched(), "who was put into its cgroup is of the job, and ends with it")
        inner.remove()
        equal(touched(foreigners), [], "those beside it are untouched")
        os.kill(instance.reaper, signal.SIGTERM)
        instance.process.wait(30)
        equal(touched(foreigners), [], "and when the instance has ended")
        left = [entry.name for entry in instance.cgroup_base.iterdir() if entry.is_dir() and entry.name not in NAMES]
        equal(left, [], "of which nothing is left")
    finally:
        for one in foreigners:
            one.remove()
        instance.close()


if __name__ == "__main__":
    main()
