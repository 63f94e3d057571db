# SPDX-License-Identifier: Apache-2.0
"""A machine with version 1 of cgroups alone: tests/vm/v1_machine.sh runs in an emulated Linux 6.1. The instance mounts version 2
for itself and works as on a hybrid machine; what comes of each limit is what doctor says and what docs/CGROUPS.md has."""

import os

import corral
import machine
from limit_table import cells_of, compare
from vm_limit_table import module


def main():
    told = []
    probes = {machine.VM / "limit_probes.sh": "/bin/limit_probes.sh"}
    status, _ = machine.run("v1_machine.sh", {**machine.PROGRAMS, **probes, **module("brd")}, "--run", told=told)
    corral.equal(status, 0, "the machine came to its end")
    compare("Linux 6.1 v1", cells_of(told))


if __name__ == "__main__":
    os.chdir("/")
    main()
