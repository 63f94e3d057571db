# SPDX-License-Identifier: Apache-2.0
"""Accounting files turned into the other byte order, as a big-endian machine
would have written them: record by record, each field at its place by the
published layout (written down here once more, as formats of Python's struct,
and not taken from Corral)."""

import struct

HEAD = "HHBBH"
LITTLE, BIG = 0x314A, 0x3148
INVERTED = {LITTLE ^ 0xFFFF: BIG ^ 0xFFFF, BIG ^ 0xFFFF: LITTLE ^ 0xFFFF, LITTLE: BIG, BIG: LITTLE}
MEMINT = "4Q"
USE, COMMAND_USE, TAPE = "dqqqqddddd", "q18d", "i4xqqqqq16s"
FORMATS = {
    0o1: HEAD + HEAD + "Q BBB x II 4x QQQ II q 16s QQQ QQ",
    0o2: HEAD + "Q" + MEMINT + MEMINT + "QQQQ",
    0o4: HEAD + "6Q",
    0o10: HEAD + "8Q",
    0o12: HEAD + "BB2xI Q qq",
    0o14: HEAD + HEAD + "Q BB2x II 4x QQQ qq QQQQ I4x",
    0o20: HEAD + "II q B7s qq 26s26s42s41s26s7s",
    0o122: HEAD + "d hh i 16s q q i I Q Q Q 16s16s16s qqqqqq hhi q d",
    0o220: HEAD + "iI Q q" + "qi4x" * 3 + "q",
    0o222: HEAD + "II QQQ q" + USE + USE + "d i4x q dd" + TAPE * 8 + "qqq",
    0o224: HEAD + "16s" + COMMAND_USE + COMMAND_USE,
}  # fmt: skip
SIZES = {0o1: 136, 0o2: 112, 0o4: 56, 0o10: 72, 0o12: 40, 0o14: 120, 0o20: 216, 0o122: 208, 0o220: 88, 0o222: 784, 0o224: 328}
SECOND = {0o1, 0o14}  # records with a second header
assert all(struct.calcsize("<" + form) == SIZES[kind] for kind, form in FORMATS.items())


def turned(data):
    """The same records in the other byte order, whichever they are in."""
    made, at = [], 0
    while at < len(data):
        order, other = ("<", ">") if struct.unpack_from("<H", data, at)[0] == LITTLE else (">", "<")
        magic, _, kind, _, size = struct.unpack_from(order + HEAD, data, at)
        if magic not in (LITTLE, BIG) or SIZES.get(kind) != size:
            raise ValueError(f"no record at {at}")
        fields = list(struct.unpack_from(order + FORMATS[kind], data, at))
        fields[0] = INVERTED[fields[0]]
        if kind in SECOND:
            fields[5] = INVERTED[fields[5]]
        made.append(struct.pack(other + FORMATS[kind], *fields))
        at += size
    return b"".join(made)


def native(data):
    """Each record in this (little-endian) machine's order."""
    return turned(turned(data)) if data[:2] == struct.pack("<H", LITTLE) else turned(data)
