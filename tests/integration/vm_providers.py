# SPDX-License-Identifier: Apache-2.0
"""Aggregate providers on Linux 6.1, whose exit tracepoint does not tell which thread is the last: tests/vm/providers.sh
runs as the PID 1 of an emulated machine, with the example in C."""

import os
import pathlib
import shutil
import subprocess
import tempfile

import corral
import machine

LOADER = corral.BUILD / "collect" / "corral-collect"


def main():
    if not LOADER.exists():
        corral.skip("needs corral-collect (clang, bpftool, libbpf-dev)")
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "libsystemd"], capture_output=True, text=True, check=False)
    if shutil.which("cc") is None or flags.returncode != 0:
        corral.skip("needs a C compiler")
    with tempfile.TemporaryDirectory(prefix="corral-test-") as folder:
        provider = pathlib.Path(folder) / "provider"
        subprocess.run(["cc", corral.SOURCE / "contrib/examples/provider.c", "-o", provider, *flags.stdout.split()], check=True)
        status, _ = machine.run("providers.sh", {**machine.PROGRAMS, LOADER: "/bin/corral-collect", provider: "/bin/provider"})
    corral.equal(status, 0, "the machine came to its end")


if __name__ == "__main__":
    os.chdir("/")
    main()
