# SPDX-License-Identifier: Apache-2.0
"""Where Corral does not give what the published CSA tools gave, because their
output is a defect that the README of golden set A names: which command lines,
which defect, and how what is right is checked - by tests/support/csa_files.py,
never by Corral's own reckoning."""

import re
import struct

import csa_files

NEAR = 0.0051  # of a number with two digits behind its point
CACCT, SBU, UID, JID = 784, 232, 8, 24


class Result:
    """What a command did, beside what the published one did."""

    def __init__(self, case, golden, out, err, code, written, expected):
        self.case, self.golden = case, golden
        self.out, self.err, self.code, self.written, self.expected = out, err, code, written, expected

    def word(self, option):
        words = self.case.line.split()
        return words[words.index(option) + 1]

    def billing(self):
        conf = next(word.split("=")[1] for word in self.case.line.split() if word.startswith("CSACONFIG="))
        return csa_files.Billing(self.golden, conf)

    def ranges(self):
        name = self.case.name.split("/")[1].split("-")[0]
        return csa_files.read_ranges(self.golden / f"damaged/{name}.off")

    def source(self):
        name = self.case.name.split("/")[1].split("-")[0]
        return (self.golden / "damaged" / name).read_bytes()


def says_damage(result):
    """Damage is told with its range, and is no success."""
    for offset, length in result.ranges():
        size = len(result.source()) - offset if length < 0 else length
        if f"{size} bytes at offset {offset}".encode() not in result.err:
            return f"the damage at {offset} is not told"
    return None if result.code == 1 else f"exit code {result.code}"


def csacom_damaged(result):
    """Every process that is not damaged has its row, in order."""
    names = [
        entry.records[csa_files.PROCESS][80:96].split(b"\0")[0].decode()
        for entry in csa_files.sound_entries(result.source(), result.ranges())
        if entry.kind == csa_files.PROCESS
    ]
    lines = result.out.decode().splitlines()
    rows = [line[:17].strip().lstrip("#") for line in lines[4:-1]]
    if rows != names:
        return f"{len(rows)} rows for {len(names)} processes"
    return says_damage(result) if lines[-1] == f"***  {len(names)} Process records selected" else lines[-1]


def csabuild_damaged(result):
    """Every record that is not damaged is in the sorted file once, as it was
    but for its units; what there is besides are headers and requests."""
    data = next(iter(result.written.values()))

    def without_units(entry):
        return entry.data[:16] + bytes(8) + entry.data[24:] if entry.kind == csa_files.PROCESS else entry.data

    def records(some):
        kinds = (csa_files.PROCESS, csa_files.START, csa_files.END, csa_files.CONFIGURATION)
        return sorted(without_units(entry) for entry in some if entry.kind in kinds)

    wanted = records(csa_files.sound_entries(result.source(), result.ranges()))
    boots = [entry.data for entry in csa_files.entries(data) if entry.kind == csa_files.CONFIGURATION and entry.data[24] == 0]
    found = records(csa_files.entries(data))
    for boot in boots:
        found.remove(boot)
    return says_damage(result) if found == wanted else f"{len(found)} records instead of {len(wanted)}"


def csabuild_nothing(result):
    """A file without any record gives a sorted file without any."""
    if next(iter(result.written.values())) != b"":
        return "the sorted file is not empty"
    if b"csabuild: CAUTION: Empty pacct file found." not in result.err:
        return "it is not told that the file is empty"
    is_damaged = b"zeros" in result.case.name.encode()
    return None if result.code == is_damaged else f"exit code {result.code}"


def csacon(result):
    """All but the units is as published; units keep their fractions."""
    got, wanted = (next(iter(files.values())) for files in (result.written, result.expected))
    if len(got) != len(wanted):
        return f"{len(got)} bytes"
    words = result.case.line.split()
    spacct = (result.golden / result.word("-s")).read_bytes()
    ended = None if any(w.startswith("-A") for w in words) else csa_files.ended_jids(spacct)
    total = 0.0
    for entry, units in result.billing().weighted_units(spacct):
        if ended is None or entry.number(csa_files.PROCESS, 48) in ended:
            total += units
    found = 0.0
    for at in range(0, len(got), CACCT):
        if got[at : at + SBU] != wanted[at : at + SBU] or got[at + SBU + 8 : at + CACCT] != wanted[at + SBU + 8 : at + CACCT]:
            return f"the record at {at} differs elsewhere"
        units, published = (struct.unpack_from("<d", data, at + SBU)[0] for data in (got, wanted))
        if units + 1e-9 < published:
            return f"{units} units are less than their whole parts, {published}"
        found += units
    return None if abs(found - total) <= 1e-9 * max(total, 1) else f"{found} units instead of {total}"


def csajrep_units(result):
    """All but the units is as published."""
    spacct = (result.golden / result.word("-s")).read_bytes()
    units = [units for _, units in result.billing().weighted_units(spacct)]
    at = 0
    for got, wanted in zip(result.out.decode().splitlines(), result.case.out.decode().splitlines()):
        if got == wanted and not re.fullmatch(r"\S+ +\S+ +\S+ +[0-9.]+", got):
            continue
        if got[:34] != wanted[:34] or abs(float(got[34:]) - units[at]) > NEAR:
            return f"{got!r} instead of {units[at]}"
        at += 1
    return None if at == len(units) else f"{at} rows with units instead of {len(units)}"


def csacms_marks(result):
    """The HI WATER columns are maxima, all others as published."""
    spacct = (result.golden / result.case.line.split()[-1]).read_bytes()
    marks = {}
    for entry in csa_files.entries(spacct):
        if entry.kind != csa_files.PROCESS or csa_files.MEMORY not in entry.records:
            continue
        name = entry.records[csa_files.PROCESS][80:95].split(b"\0")[0].decode()
        mark = tuple(entry.number(csa_files.MEMORY, at) for at in (16, 48))
        for key in (name, "TOTALS"):
            marks[key] = tuple(max(a, b) for a, b in zip(marks.get(key, (0, 0)), mark))
    begin, end = 135, 159
    for number, (got, wanted) in enumerate(zip(result.out.decode().splitlines(), result.case.out.decode().splitlines())):
        if number < 5 or not got:
            if got != wanted:
                return f"line {number}: {got!r}"
            continue
        if got[:begin] != wanted[:begin] or got[end:] != wanted[end:]:
            return f"{got!r} instead of {wanted!r}"
        if tuple(int(word) for word in got[begin:end].split()) != marks[got[:16].strip()]:
            return f"{got[begin:end]} instead of {marks[got[:16].strip()]}"
    return None


def ja_commands(result):
    """Units are right on holidays; all else is as published."""
    data = (result.golden / ("prime-ja-only" if "only" in result.case.name else "prime") / "pacct1").read_bytes()
    billing = result.billing()
    units = [billing.units(entry) for entry in csa_files.entries(data) if entry.kind == csa_files.PROCESS]
    got, wanted = (text.decode().splitlines() for text in (result.out, result.case.out))
    if [line[:-9] for line in got] != [line[:-9] for line in wanted]:
        return "more than the units differs"
    rows = [line for line in got[8:] if not line.startswith("#")]
    wrong = [(row, unit) for row, unit in zip(rows, units) if abs(float(row[-8:]) - unit) > NEAR]
    return None if not wrong and len(rows) == len(units) else f"{wrong}, {len(rows)} rows"


def ja_summary(result):
    data = (result.golden / ("prime-ja-only" if "only" in result.case.name else "prime") / "pacct1").read_bytes()
    billing = result.billing()
    total = sum(billing.units(entry) for entry in csa_files.entries(data) if entry.kind == csa_files.PROCESS)
    got, wanted = (text.decode().splitlines() for text in (result.out, result.case.out))
    if got[:-1] != wanted[:-1]:
        return "more than the units differs"
    found = float(got[-1].split(":")[1])
    return None if abs(found - total) < 0.0001 else f"{found} units instead of {total}"


def prime_csabuild(result):
    """The whole units of each process are right on holidays."""
    got, wanted = (next(iter(files.values())) for files in (result.written, result.expected))
    billing = result.billing()
    for ours, theirs in zip(csa_files.entries(got), csa_files.entries(wanted)):
        if ours.kind != csa_files.PROCESS:
            is_boot = ours.kind == csa_files.CONFIGURATION and ours.data[24] == 0
            if not is_boot and ours.data != theirs.data:
                return f"the record at {ours.offset} differs"
            continue
        if ours.data[:16] + ours.data[24:] != theirs.data[:16] + theirs.data[24:]:
            return f"the process at {ours.offset} differs elsewhere"
        if ours.number(csa_files.PROCESS, 16) != int(billing.units(ours) + 1e-9):
            return f"{ours.number(csa_files.PROCESS, 16)} units instead of {billing.units(ours)}"
    return None if len(got) == len(wanted) else f"{len(got)} bytes"


def prime_csacon(result):
    """Prime and non-prime CPU time are right on holidays; their sum, and what
    is not divided, is as published."""
    got, wanted = (next(iter(files.values())) for files in (result.written, result.expected))
    spacct = (result.golden / result.word("-s")).read_bytes()
    billing = result.billing()
    prime = {}
    for entry in csa_files.entries(spacct):
        if entry.kind != csa_files.PROCESS:
            continue
        p = billing.ratio(entry.number(csa_files.PROCESS, 72, "<q"), entry.number(csa_files.PROCESS, 96) // 1000000)
        cpu = (entry.number(csa_files.PROCESS, 104) + entry.number(csa_files.PROCESS, 112)) / 1e6
        uid = entry.number(csa_files.PROCESS, 28, "<I")
        prime[uid] = prime.get(uid, 0) + p * cpu
    for at in range(0, len(got), CACCT):
        uid = struct.unpack_from("<I", got, at + UID)[0]
        seconds, others = (struct.unpack_from("<d", got, at + where)[0] for where in (48, 128))
        published = sum(struct.unpack_from("<d", wanted, at + where)[0] for where in (48, 128))
        if abs(seconds - prime.get(uid, 0)) > 1e-6 or abs(seconds + others - published) > 1e-6:
            return f"{seconds} prime seconds instead of {prime.get(uid, 0)} of user {uid}"
        for begin, end in ((0, 48), (208, SBU), (SBU + 8, CACCT)):
            if got[at + begin : at + end] != wanted[at + begin : at + end]:
                return f"the record at {at} differs between {begin} and {end}"
    return None if len(got) == len(wanted) else f"{len(got)} bytes"


class Row:
    def __init__(self, pattern, defect, check):
        self.pattern, self.defect, self.check = re.compile(pattern), defect, check


STOPS = "csacom and csabuild stop silently (exit 0) at the first damaged record and drop the rest"
CRASHES = "csabuild and csacms -S crash (SIGSEGV) on empty, all-zero or missing input"
FRACTION = "SBUs in csajrep, csacrep, csacon and every cacct: the fraction is cut off per process"
MARKS = "csacms -e HI WATER columns are sums of the per-process maxima, not maxima"
HOLIDAYS = "holidays count one day late"

ROWS = [
    Row(r"damaged/(bad\w+|hole37|truncated)-csacom", STOPS, csacom_damaged),
    Row(r"damaged/(bad\w+|hole37|truncated)-csabuild", STOPS, csabuild_damaged),
    Row(r"damaged/(empty|zeros)-csabuild", CRASHES, csabuild_nothing),
    Row(r"(cycle/[28]-csacon|out/csa-csacon.*)", FRACTION, csacon),
    Row(r"out/csa-csajrep-Ab", FRACTION, csajrep_units),
    Row(r"out/csa0?-csacms-(aSe|apoeS)", MARKS, csacms_marks),
    Row(r"prime(-ja-only)?/ja-c", HOLIDAYS, ja_commands),
    Row(r"prime(-ja-only)?/ja-s", HOLIDAYS, ja_summary),
    Row(r"prime/csabuild", HOLIDAYS, prime_csabuild),
    Row(r"prime/csacon", HOLIDAYS + "; " + FRACTION, prime_csacon),
]


def row_of(name):
    return next((row for row in ROWS if row.pattern.fullmatch(name)), None)
