# SPDX-License-Identifier: Apache-2.0
"""Accounting records that a test makes, field by field."""

import struct

import csa_files


def process(name=b"burn", begin=1700000000, elapsed=1_000_000, jid=0x12):
    """One process record without linked ones."""
    record = bytearray(136)
    struct.pack_into("<HHBBH", record, 0, 0x314A, 0o6000, 1, 0, 136)
    struct.pack_into("<HHBBH", record, 8, 0xCEB5, 0o6000, 1, 0, 0)
    struct.pack_into("<QQQIIq", record, 40, 0, jid, 0, 100, 1, begin)
    record[80:96] = name.ljust(16, b"\0")
    struct.pack_into("<QQQ", record, 96, elapsed, 5, 7)
    return bytes(record)


def short_records(records):
    """Records (kind, bytes, told size, body) of the oldest revision, each linked to the one before."""
    data = b""
    for i, (kind, size, told, body) in enumerate(records):
        flag = csa_files.MORE if i + 1 < len(records) else 0
        data += (struct.pack("<HHBBH", 0x314A, 0o5000, kind, flag, told) + body).ljust(size, b"\0")
    return data


def run_of(request, at, boot, kind=3):
    """A record of a request that has no job ID."""
    return struct.pack("<HHBBHdhhi16sqqiIQQq16s16s16s6qhhHHqd", 0x314A, 0o6000, 0o122, 0, 208, 0, kind, 1, -1, b"batch", boot + at, boot, 1,
                       1000, 0, 0, -3, b"node", b"job", b"night", request, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0)


def first_boot(work):
    """The first configuration record, and when that boot was."""
    boot = next(entry.data for entry in csa_files.entries(work.get("in/pacct1")) if entry.kind == csa_files.CONFIGURATION)
    return boot, struct.unpack_from("<q", boot, 32)[0]
