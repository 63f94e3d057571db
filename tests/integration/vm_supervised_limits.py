# SPDX-License-Identifier: Apache-2.0
"""Limits of an instance's jobs where cgroup v2 has all its controllers:
tests/vm/supervised_limits.sh runs as the PID 1 of an emulated Linux 6.1."""

import os

import corral
import machine


def main():
    status, _ = machine.run("supervised_limits.sh", machine.PROGRAMS)
    corral.equal(status, 0, "the machine came to its end")


if __name__ == "__main__":
    os.chdir("/")
    main()
