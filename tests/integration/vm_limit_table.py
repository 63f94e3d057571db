# SPDX-License-Identifier: Apache-2.0
"""Each limit with each engine where cgroup v2 has all its controllers: tests/vm/limit_table.sh runs as the PID 1 of an
emulated Linux 6.1, with a disk in memory; what comes of it is what doctor says there and what docs/CGROUPS.md has."""

import os

import corral
import machine
from limit_table import cells_of, compare


def module(name):
    found = sorted((corral.BUILD / "vm" / "root").glob(f"**/{name}.ko"))
    return {found[0]: f"/{name}.ko"} if found else {}


def main():
    told = []
    probes = {machine.VM / "limit_probes.sh": "/bin/limit_probes.sh"}
    status, _ = machine.run("limit_table.sh", {**machine.PROGRAMS, **probes, **module("brd")}, told=told)
    corral.equal(status, 0, "the machine came to its end")
    compare("Linux 6.1 v2", cells_of(told))


if __name__ == "__main__":
    os.chdir("/")
    main()
