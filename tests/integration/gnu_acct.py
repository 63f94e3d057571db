#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The kernel's own process accounting (acct(2), as GNU acct's accton turns it on) beside ours, in a pid namespace of its
own: each has every process, in a file of its own, and neither takes the other's file for its own."""

import ctypes
import os
import pathlib
import shutil
import subprocess
import tempfile

from corral import COMMAND, Instance, check, equal, run_in_own_namespace, wait_until

SIZE, COMM = 64, slice(48, 64)  # struct acct_v3, linux/acct.h
LIBC = ctypes.CDLL(None, use_errno=True)


def switch(path):
    if LIBC.acct(path and os.fsencode(path)) != 0:
        raise OSError(ctypes.get_errno(), "acct", path)


def names(path):
    data = path.read_bytes()
    equal((len(data) % SIZE, {data[at + 1] for at in range(0, len(data), SIZE)}), (0, {3}), "the kernel's file is whole")
    return [data[at : at + SIZE][COMM].split(b"\0")[0].decode() for at in range(0, len(data), SIZE)]


def side_by_side(instance, file):
    file.touch(0o600)
    switch(file)
    try:
        for _ in range(5):
            equal(instance.run("run", "--", "sleep", "0.01").returncode, 0, "a job runs")
    finally:
        switch(None)
    wait_until(lambda: not instance.facts("doctor")["instances"][0]["records_waiting"], 10, "all records")
    records = instance.records()
    ours = [record for record in records["records"] if record["kind"] == "process"]
    equal(sum(record["name"] == "sleep" for record in ours), 5, "each process has a record of ours")
    equal(names(file).count("sleep"), 5, "and one of the kernel's")
    equal(subprocess.run([COMMAND, "csaverify", "-P", instance.pacct], capture_output=True, check=False).returncode, 0,
          "our file is as it should be")
    return file


def each_its_own(file):
    """A file of acct(2) is no file of ours, for reading or for writing."""
    for words in (("csaverify", "-P", file), ("report", file), ("records", file)):
        done = subprocess.run([COMMAND, *words], capture_output=True, text=True, check=False)
        check(done.returncode != 0 or "no record" in done.stderr, f"{words[0]} takes nothing out of the kernel's file",
              done.returncode, done.stdout, done.stderr)
        check(len(done.stdout.splitlines()) <= 1 and "sleep" not in done.stdout, f"{words[0]} shows a heading or a fault at most",
              done.stdout)  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="corral-test-") as folder, Instance(folder=folder) as instance:
        shutil.copy(file, instance.pacct)
        jid = instance.facts("run", "-d", "--", "sleep", "1000")["jid"]
        wait_until(lambda: "1 waiting" in instance.run("accounting").stdout, 10, "a record that waits")
        told = instance.run("accounting").stdout
        check("expected a pacct file, found other contents" in told, "that it is not ours is told", told)
        instance.run("kill", "--grace", "0", jid)
        equal(instance.pacct.read_bytes(), file.read_bytes(), "and nothing is written into it")


def main():
    with Instance() as instance:
        file = side_by_side(instance, instance.folder / "account")
        each_its_own(file)


run_in_own_namespace(main)
