# SPDX-License-Identifier: Apache-2.0
"""dodisk by quota: a file system that keeps quotas of users (ext4 with -O quota, in an emulated machine whose kernel
knows them) says of each user what dodisk finds by walking through it; one that keeps none is named. tests/vm/quotas.sh
makes the checks."""

import os
import pathlib
import shutil
import subprocess
import tempfile

import corral
import machine

MODULES = ("quota_tree.ko", "quota_v2.ko")


def main():
    machine.need()
    mkfs = shutil.which("mkfs.ext4", path=f"{os.environ['PATH']}:/sbin:/usr/sbin")
    (folder,) = (corral.BUILD / "vm/root/lib/modules").glob("*/kernel/fs/quota")
    files = {**machine.PROGRAMS, **{folder / name: f"/lib/{name}" for name in MODULES}}
    with tempfile.TemporaryDirectory(prefix="corral-quota-") as name:
        disk = pathlib.Path(name) / "disk"
        with disk.open("wb") as file:
            file.truncate(64 << 20)
        subprocess.run([mkfs, "-q", "-F", "-O", "quota", str(disk)], check=True)
        status, _ = machine.run("quotas.sh", files, "--run", disk=disk)
    corral.equal(status, 0, "the machine came to its end")


main()
