#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A job of 10,000 processes, one that forks while it is killed, and 10,000 live jobs, on an emulated Linux 6.1 whose PID 1
is Corral: tests/vm/ten_thousand.sh. It takes about ten minutes (CORRAL_FULL=1 contrib/check, or by name)."""

import os

import corral
import machine


def main():
    told = []
    programs = {corral.BUILD / "tests" / "vm" / name: f"/bin/{name}" for name in ("crowd", "stopwatch")}
    status, _ = machine.run("ten_thousand.sh", {**machine.PROGRAMS, **programs}, seconds=1500, told=told, memory=8192)
    for line in told:
        if line.startswith("TOOK "):
            print(f"   {line.strip()}")
    corral.equal(status, 0, "the machine came to its end")


if __name__ == "__main__":
    os.chdir("/")
    main()
