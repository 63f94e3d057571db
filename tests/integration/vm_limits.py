# SPDX-License-Identifier: Apache-2.0
"""corral-init's limits of whole jobs where cgroup v2 has all its controllers:
tests/vm/limits.sh runs in an emulated machine with Linux 6.1."""

import os

import corral
import machine


def main():
    status, _ = machine.run("limits.sh", {corral.INIT: "/bin/corral-init"}, "--run")
    corral.equal(status, 0, "the machine came to its end")


if __name__ == "__main__":
    os.chdir("/")
    main()
