# SPDX-License-Identifier: Apache-2.0
"""Golden set A and what of its files is not the same in every run."""

import atexit
import functools
import os
import pathlib
import shutil
import struct
import tempfile

import corral

GOLDEN = pathlib.Path(os.environ.get("CORRAL_CSA_GOLDEN", corral.SOURCE / "tests/data/csa/golden-a"))
DAMAGED = "badmagic badrev badsize badtype empty hole37 negbtime nomem truncated zeros".split()
CONFIGURATION, CONFIGURATION_SIZE, BOOT = 0o20, 216, 0


@functools.cache
def golden_site():
    """A folder with `in/csa.conf` and what it names, for commands that only read. Root believes none that another user's checkout
    has (accounting/trusted_file.h): then it is a copy."""
    facts = (GOLDEN / "in/csa.conf").stat()
    if os.geteuid() != 0 or (facts.st_uid == 0 and facts.st_mode & 0o22 == 0):
        return GOLDEN
    folder = pathlib.Path(tempfile.mkdtemp(prefix="corral-golden-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "in").mkdir()
    for name in ("csa.conf", "csa.holidays"):
        (folder / "in" / name).write_bytes((GOLDEN / "in" / name).read_bytes())
        (folder / "in" / name).chmod(0o644)
    return folder


def without_times(data):
    """A sorted file without what differs from run to run: the time of the run,
    and stray bytes behind the names, in boot records."""
    data = bytearray(data)
    at = 0
    while at + 8 <= len(data):
        _, _, kind, _, size = struct.unpack_from("<HHBBH", data, at)
        if size < 8:
            break
        if kind == CONFIGURATION and size == CONFIGURATION_SIZE and data[at + 24] == BOOT:
            data[at + 40 : at + 48] = bytes(8)
            data[at + 25 : at + 32] = bytes(7)
            data[at + 209 : at + 216] = bytes(7)
            for begin, length in ((48, 26), (74, 26), (100, 42), (142, 41), (183, 26)):
                text = bytes(data[at + begin : at + begin + length]).split(b"\0")[0]
                data[at + begin : at + begin + length] = text.ljust(length, b"\0")
        at += size
    return bytes(data)


def without_addresses(data):
    """What csadrep -o wrote, without the addresses of the program in it."""
    data = bytearray(data)
    for queue in range(250):
        at = 100 + 16 + 120 * queue + 48
        data[at : at + 8] = bytes(8)
    return bytes(data)


def repeatable(name, data):
    """What is the same in every run."""
    if data is None:
        return None
    if name.endswith(".units"):
        return data[:16] + bytes(8) + data[24:]  # the boot records tell when csabuild ran
    return without_addresses(data) if "drep." in name else without_times(data)
