# SPDX-License-Identifier: Apache-2.0
"""corral-init --units as the PID 1 of a whole machine, with the full cgroup
v2 of a Linux 6.1: tests/vm/pid1.sh runs in an emulated one."""

import os

import corral
import machine


def main():
    status, console = machine.run("pid1.sh", machine.PROGRAMS)
    corral.check("unit file '/run/units/web.toml' is not started" in console, "the unit file is named")
    corral.equal(status, 0, "PID 1 ended with 0 when it was asked to shut down")


if __name__ == "__main__":
    os.chdir("/")
    main()
