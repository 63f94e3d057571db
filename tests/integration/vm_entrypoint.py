# SPDX-License-Identifier: Apache-2.0
"""corral-init -- CMD as the PID 1 of a whole machine, in pid namespaces there and beside others, with the full cgroup v2
of a Linux 6.1: tests/vm/entrypoint.sh runs in an emulated one."""

import os

import corral
import machine


def main():
    headless = corral.BUILD / "tests" / "vm" / "headless"
    status, _ = machine.run("entrypoint.sh", {corral.INIT: "/bin/corral-init", headless: "/bin/headless"})
    corral.equal(status, 7, "PID 1 ended as its main process did when it was asked to stop")


if __name__ == "__main__":
    os.chdir("/")
    main()
