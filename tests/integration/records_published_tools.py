#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the published CSA tools make of our files. CORRAL_CSA_TOOLS names a
directory with csaverify, csacom and csabuild of CSA 5.0, built from their own
source, which is no part of Corral; docs/RECORDS.md says how."""

import os
import pathlib
import subprocess
import tempfile

import corral

WEIGHTS = "BASIC TIME STIME UTIME MEM XMEM VMEM IO CIO LIO DELAY CPUDELAY BLKDELAY SWPDELAY".split()
CONFIGURATION = [
    "MEMINT 1",
    "BUILD_MAXFILES 200",
    "HOLIDAY_FILE holidays",
    "NUM_HOLIDAYS 20",
    "WKMG_NUM_QUEUES 1",
    "WKMG_QUEUE0 1.0 queue",
    "WKMG_NUM_MACHINES 1",
    "WKMG_MACHINE0 1.0 machine",
    *(f"WKMG_TERM_{how} 1" for how in "EXIT REQUEUE HOLD RERUN MIGRATE".split()),
    *(f"{when}_{weight} 0.0" for when in ("P", "NP") for weight in WEIGHTS),
]
HOLIDAYS = "HOLIDAYFILE_VERSION1\nYEAR *\nweekday 0730 1730\nsaturday all none\nsunday none all\n"
TOOLS = pathlib.Path(os.environ.get("CORRAL_CSA_TOOLS", "/usr/sbin"))


def tool(name, *arguments, folder):
    return subprocess.run(
        [str(TOOLS / name), *arguments],
        cwd=folder,
        env={"CSACONFIG": str(folder / "csa.conf"), "TZ": "UTC", "LC_ALL": "C"},
        capture_output=True,
        text=True,
        timeout=60,
    )


def make_file(folder):
    """Jobs of every kind of end, recorded by scopes."""
    path = folder / "day1"
    for command in ("true", "exit 3", "kill -9 $$", "(sleep 0.2; :) & exit 0"):
        subprocess.run(
            [str(corral.INIT), "--record", str(path), "--engine", "subreaper", "--name", "a-job", "--"]
            + ["sh", "-c", command],
            stdin=subprocess.DEVNULL,
            timeout=60,
        )
    return path


def main():
    if not (TOOLS / "csaverify").exists():
        corral.skip("needs the published CSA tools")
    with tempfile.TemporaryDirectory(prefix="corral-csa-") as name:
        folder = pathlib.Path(name)
        (folder / "csa.conf").write_text("\n".join(CONFIGURATION) + "\n")
        (folder / "holidays").write_text(HOLIDAYS)
        path = make_file(folder)
        verified = tool("csaverify", "-P", path.name, folder=folder)
        corral.equal((verified.returncode, verified.stdout), (0, ""), "csaverify finds every record good")
        forward = tool("csacom", path.name, folder=folder)
        corral.equal(forward.stderr, "", "csacom passes over what is not CSA's")
        processes = forward.stdout.count("sh  ")
        corral.check(processes >= 4, "and shows every process", forward.stdout)
        backward = tool("csacom", "-b", path.name, folder=folder)
        corral.equal(backward.stdout.count("sh  "), processes, "backwards as well")
        jobs = tool("csacom", "-T", path.name, folder=folder)
        corral.equal((jobs.stdout.count("S-O-Job"), jobs.stdout.count("E-O-Job")), (4, 4), "and every job")
        built = tool("csabuild", "-P", "day", "-s", "sorted", "-i", folder=folder)
        corral.equal((built.returncode, built.stderr), (0, ""), "csabuild sorts the file")
        again = tool("csacom", "sorted", folder=folder)
        corral.equal(again.stdout.count("sh  "), processes, "and loses no process")


main()
