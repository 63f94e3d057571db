# SPDX-License-Identifier: Apache-2.0
"""The eBPF collector on Linux 6.1: tests/vm/collectors.sh runs as the PID 1 of an
emulated machine."""

import os

import corral
import machine

LOADER = corral.BUILD / "collect" / "corral-collect"


def main():
    if not LOADER.exists():
        corral.skip("needs corral-collect (clang, bpftool, libbpf-dev)")
    status, _ = machine.run("collectors.sh", {**machine.PROGRAMS, LOADER: "/bin/corral-collect"})
    corral.equal(status, 0, "the machine came to its end")


if __name__ == "__main__":
    os.chdir("/")
    main()
