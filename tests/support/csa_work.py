# SPDX-License-Identifier: Apache-2.0
"""A folder with copies of the golden set's files, in which a test runs the CSA commands."""

import pathlib
import shutil
import subprocess

import corral
from csa_golden_files import GOLDEN

SECONDS = 15  # of one command: those that hung did for hours


class Work:
    """The folder, and the commands by their names."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        for name in ("in", "out"):
            shutil.copytree(GOLDEN / name, self.folder / name, ignore=shutil.ignore_patterns("*.cmd", "*.err", "*.rc"))
        self.bin = self.folder / "bin"
        self.bin.mkdir()
        self.limits = ""

    def path(self, name):
        return self.folder / name

    def put(self, name, data):
        self.path(name).write_bytes(data)

    def get(self, name):
        path = self.path(name)
        return path.read_bytes() if path.exists() else None

    def start(self, line, conf="in/csa.conf"):
        link = self.bin / line.split()[0]
        if not link.exists():
            link.symlink_to(corral.COMMAND)
        return subprocess.Popen(
            ["sh", "-c", f"{self.limits} exec {line}"],
            cwd=self.folder,
            env={"PATH": f"{self.bin}:/usr/bin:/bin", "TZ": "UTC", "LC_ALL": "C", "CSACONFIG": conf},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, line, conf="in/csa.conf"):
        """None: it did not end."""
        started = self.start(line, conf)
        try:
            out, err = started.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            started.kill()
            started.communicate()
            return None
        return subprocess.CompletedProcess(line, started.returncode, out, err)
