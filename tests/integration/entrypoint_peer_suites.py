#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The peers' own published suites against corral-init. CORRAL_PEER_SUITES names
a directory with checkouts of tini and dumb-init as `tini` and `dumb-init`, which
are no part of Corral; they want Debian's python3-psutil, python3-prctl and
python3-pytest. They run in a PID namespace of their own: both look for
processes all over the machine, and count on a PID 1 that reaps at once."""

import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import corral

SUITES = os.environ.get("CORRAL_PEER_SUITES", "")
# What tini's suite wants of PyPI's "bitmap", which no distribution packages.
BITMAP = '''
class BitMap:
    def __init__(self, bits): self.bits = bits
    @classmethod
    def fromstring(cls, bits): return cls(bits)
    def nonzero(self): return [at for at, bit in enumerate(reversed(self.bits)) if bit == "1"]
'''
# tini's smoke tests are the lines of its build script before it looks at how the compiler hardened the binary.
SMOKE = """
set -e -o pipefail
BIN_TEST_DIR=$BUILD_DIR/bin-test
script=$(sed -n '/# Smoke tests (actual/,/Checking hardening/p' "$SOURCE_DIR/ci/run_build.sh" | sed '$d')
eval "$script
done"
"""


def run(text, *command, folder, **environment):
    """Under a PID 1 of ours."""
    inside = ["unshare", "--pid", "--fork", "--mount-proc", str(corral.INIT), "--", *map(str, command)]
    path = f"{folder / 'bin'}:/usr/local/bin:/usr/bin:/bin"
    environment = {"PATH": path, "HOME": str(folder), "PYTHONPATH": str(folder), **environment}
    result = subprocess.run(
        inside, cwd=environment.get("SOURCE_DIR"), env=environment, timeout=900,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    print(*result.stdout.splitlines()[-12:], sep="\n")
    corral.equal(result.returncode, 0, text)


def main():
    if not (pathlib.Path(SUITES) / "tini" / "test").is_dir():
        corral.skip("needs checkouts of the peers in CORRAL_PEER_SUITES")
    corral.needs_root()
    for module in ("psutil", "prctl", "pytest"):
        if importlib.util.find_spec(module) is None:
            corral.fail(f"the peers' suites want Python's module {module}: apt-get install python3-{module}")
    with tempfile.TemporaryDirectory(prefix="corral-peers-") as name:
        folder = pathlib.Path(name)
        (folder / "bin").mkdir()
        (folder / "bin" / "python").symlink_to(sys.executable)
        (folder / "bitmap.py").write_text(BITMAP)
        for peer in ("tini", "tini-static", "dumb-init"):
            shutil.copy(corral.INIT, folder / "bin" / peer)
        for peer in ("tini", "dumb-init"):
            shutil.copytree(pathlib.Path(SUITES) / peer, folder / peer)
        source = folder / "tini"
        subprocess.run(["cc", "-o", folder / "bin" / "sigconf-test", source / "test/sigconf/sigconf-test.c"], check=True)
        tini = {"SOURCE_DIR": str(source), "BUILD_DIR": str(folder / "bin"), "FORCE_SUBREAPER": "1"}
        run("tini's smoke tests", "bash", "-c", SMOKE, folder=folder, **tini)
        run("tini's inner tests", sys.executable, source / "test/run_inner_tests.py", folder=folder, **tini)
        suite = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        run("dumb-init's tests", *suite, folder=folder, SOURCE_DIR=str(folder / "dumb-init"))


main()
