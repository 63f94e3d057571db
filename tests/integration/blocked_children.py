#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Launches go on while one child is stopped, one is in a frozen cgroup and one
hangs in exec on a FUSE file: nothing of the instance waits for a child.

    SPAWNS=1000 tests/integration/blocked_children.py    the full number
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import corral  # noqa: E402

SPAWNS = int(os.environ.get("SPAWNS", "120"))


def launch_times(instance, count):
    """How long each of `count` launches of `true` takes until it has ended, in ms."""
    times = []
    for _ in range(count):
        begin = time.monotonic()
        result = instance.run("run", "-d", "--", "true")
        times.append((time.monotonic() - begin) * 1000)
        if result.returncode != 0:
            corral.fail(f"run -d true: {result.returncode}: {result.stderr}")
    return times


def block_three_ways(instance, folder):
    """A stopped job, a frozen job and one that hangs in exec."""
    stopped = instance.facts("run", "-d", "--", "sleep", "300")["jid"]
    corral.equal(instance.run("kill", "-s", "STOP", stopped).returncode, 0, "one job is stopped")
    frozen = int(instance.facts("run", "-d", "--", "sleep", "300")["jid"], 16)
    (instance.cgroup_base / f"j{frozen:016x}" / "cgroup.freeze").write_text("1")
    print("# one job is frozen")
    mount = os.path.join(folder, "mount")
    os.mkdir(mount)
    hanging = subprocess.Popen([corral.BUILD / "tests/support/hanging-fs", "-f", mount])
    corral.wait_until(lambda: os.path.ismount(mount), what="the FUSE mount")
    launcher = instance.popen("run", "-d", "--", os.path.join(mount, "program"), stderr=subprocess.DEVNULL)
    corral.wait_until(lambda: any(b"program" in line for line in hanging_execs()), what="a child in exec")
    print("# one child hangs in exec on a FUSE file")
    return hanging, launcher, mount


def hanging_execs():
    """The command lines of children that have not got through exec."""
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stack") as stack:
                    if "fuse" in stack.read():
                        yield b"program"
            except OSError:
                continue


def main():
    if not os.path.exists("/dev/fuse"):
        corral.skip("needs /dev/fuse")
    with tempfile.TemporaryDirectory() as folder, corral.Instance() as instance:
        free = launch_times(instance, SPAWNS)
        hanging, launcher, mount = block_three_ways(instance, folder)
        try:
            blocked = launch_times(instance, SPAWNS)
        finally:
            hanging.kill()
            subprocess.run(["umount", "-l", mount], check=False)
            hanging.wait(20)
            launcher.wait(60)
        ratio = statistics.median(blocked) / statistics.median(free)
        slowest = max(blocked) / max(free)
        print(f"# median of {SPAWNS} launches: free {statistics.median(free):.2f} ms, blocked "
              f"{statistics.median(blocked):.2f} ms, ratio {ratio:.3f}; of the slowest {slowest:.2f}")
        corral.check(ratio < 1.25, "the others' latency is unchanged", ratio)


if __name__ == "__main__":
    main()
