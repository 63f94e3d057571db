#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Who reads a file that is being written sees whole appends: beside a writer
that never rests, and beside one that is in the middle of an append most of the
time, every command finds nothing damaged. And no reader holds up a writer, even
one that means to."""

import contextlib
import fcntl
import json
import os
import pathlib
import pwd
import signal
import struct
import subprocess
import tempfile
import time

import corral
import csa_files
from accounted import Accounted
from csa_golden_files import GOLDEN
from csa_site import Site

COMMANDS = {"records": ["records"], "report": ["report"], "csaverify": ["csaverify", "-P"], "csacom": ["csacom"], "csacms": ["csacms", "-a"],
            "csaedit": ["csaedit", "-A", "-P"], "csabuild": None}  # fmt: skip
PAUSE = 0.004
MOST = 48 << 20
READINGS = 25


def appends():
    """What whole appends may be made of."""
    data = (GOLDEN / "in/pacct1").read_bytes()
    return [entry.data for entry in csa_files.entries(data)]


def lock(fd, kind):
    fcntl.fcntl(fd, fcntl.F_OFD_SETLKW, struct.pack("hhqqi4x", kind, 0, 0, 0, 0))


def begin(path):
    """A new file in the place of the one before: readers have that open."""
    fresh = path.with_name("fresh")
    fd = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    os.write(fd, b"".join(appends()))
    return fd, fresh


def without_rest(path):
    """A MiB in one write(2), as the scribe does, and at once the next, under no lock."""
    records = b"".join(appends())
    batch = records * max(1, (1 << 20) // len(records))
    while True:
        fd, fresh = begin(path)
        os.rename(fresh, path)
        for _ in range(MOST // len(batch)):
            os.write(fd, batch)
        os.close(fd)


def in_the_middle(path):
    """Under the lock, but each append in two halves with a pause between them."""
    whole = appends()
    while True:
        fd, fresh = begin(path)
        os.rename(fresh, path)
        for record in whole * 20:
            lock(fd, fcntl.F_WRLCK)
            os.write(fd, record[: len(record) // 2])
            time.sleep(PAUSE)
            os.write(fd, record[len(record) // 2 :])
            lock(fd, fcntl.F_UNLCK)
            time.sleep(PAUSE / 4)
        os.close(fd)


@contextlib.contextmanager
def beside(writer, path):
    pid = os.fork()
    if pid == 0:
        try:
            writer(path)
        finally:
            os._exit(1)
    try:
        corral.wait_until(path.exists)
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def words_of(name, folder, path):
    if name == "csabuild":
        return ["csabuild", "-a", "-i", "-P", path, "-s", folder / "sorted"]
    return [*COMMANDS[name], path]


def readings(site, folder, writer):
    path = folder / "pacct"
    (folder / "pacct1").symlink_to(path)  # csabuild puts the number behind the name
    wrong = {}
    with beside(writer, path):
        for name in COMMANDS:
            for _ in range(READINGS):
                done = subprocess.run([corral.COMMAND, *map(str, words_of(name, folder, path))], env={**os.environ, **site.environment(), "TZ": "UTC"},
                                      stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False, timeout=60, cwd=folder)  # fmt: skip
                is_told = done.stderr and name != "csabuild"  # which tells of times that are there again
                if done.returncode != 0 or is_told:
                    wrong.setdefault(name, []).append((done.returncode, done.stderr[:300]))
    told = {name: (len(found), found[0]) for name, found in wrong.items()}
    corral.equal(told, {}, f"{writer.__name__}: {READINGS} readings each by {', '.join(COMMANDS)}")


def a_reader_that_holds_the_file():
    """A lock for reading is there for whoever may read: it holds up no record."""
    nobody = pwd.getpwnam("nobody").pw_uid
    with Site() as site, Accounted(site) as instance:
        for folder in (site.root, site.path("."), site.path("day")):
            folder.chmod(0o755)
        instance.run("run", "--", "true")
        ready, told = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.setuid(nobody)
            lock(os.open(instance.pacct, os.O_RDONLY), fcntl.F_RDLCK)
            os.write(told, b"1")
            signal.pause()
        try:
            corral.equal(os.read(ready, 1), b"1", "nobody has a lock for reading")
            jid = json.loads(instance.run("run", "-d", "--json", "--", "true").stdout)["jid"]
            instance.run("wait", jid)
            corral.wait_until(lambda: any(r["kind"] == "end" and r["jid"] == jid for r in instance.records()["records"]), 10, "the record of a job's end")
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def main():
    for where in ("/dev/shm", tempfile.gettempdir()):
        for writer in (without_rest, in_the_middle):
            with Site() as site, tempfile.TemporaryDirectory(dir=where) as folder:
                readings(site, pathlib.Path(folder), writer)
    if os.geteuid() == 0:
        a_reader_that_holds_the_file()


main()
