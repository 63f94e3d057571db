#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Billing units are kept in double precision from csabuild to the bill. CSA's sorted file has whole units only; csabuild puts
each process's double beside it, and csacon, csajrep and csaaddc sum up without losing what is small beside what is large: a
day's sum is math.fsum's of its doubles to one unit in the last place, a month's to two, in any order of its days, whatever
csa.conf says by then. Units that are not the sorted file's are not used, and that is said once."""

import json
import math
import os
import pathlib
import random
import re
import shutil
import struct
import subprocess
import tempfile

import corral
import csa_files
from csa_golden_files import GOLDEN

CACCT, SBU, UID = 784, 232, 8
HEAD, WORD = 40, 8
USERS = (1000, 1001, 1002)
DAYS = 31
LARGE = 5_000_000_000_000_000_000  # usec: beside such a process no double has room for what small ones use
START, END, PROCESS, BOOT = csa_files.START, csa_files.END, csa_files.PROCESS, csa_files.CONFIGURATION


def run(name, *words, folder, code=0):
    environment = {**os.environ, "TZ": "UTC", "CSACONFIG": str(folder / "csa.conf")}
    done = subprocess.run([corral.COMMAND, name, *words], cwd=folder, capture_output=True, check=False, env=environment, timeout=120)
    corral.equal((name, done.returncode), (name, code), f"{name} {' '.join(map(str, words))}: {done.stderr[-300:]}")
    return done


def put(record, form, at, value):
    struct.pack_into(form, record, at, value)


def make_day(path, number, processes):
    """Two jobs of processes that used some microseconds; one day has a process that used years."""
    known = {}
    for entry in csa_files.entries((GOLDEN / "in/pacct1").read_bytes()):
        known.setdefault(entry.kind, entry.data)
    generator, time = random.Random(number), 1_500_000_000 + number * 86400
    boot = bytearray(known[BOOT])
    put(boot, "<q", 32, time)
    put(boot, "<q", 40, time)
    data = [bytes(boot)]
    for jid in (1, 2):
        start, end = bytearray(known[START]), bytearray(known[END])
        put(start, "<Q", 16, jid)
        put(start, "<q", 24, time + 10)
        put(end, "<Q", 48, jid)
        put(end, "<q", 64, time + 10)
        put(end, "<q", 72, time + 3600)
        data.append(bytes(start))
        for i in range(processes):
            one = bytearray(known[PROCESS])
            for form, at, value in (("<I", 28, USERS[i % 3]), ("<Q", 48, jid), ("<Q", 56, 0), ("<q", 72, time + 20 + i % 1000), ("<Q", 96, 5_000_000),
                                    ("<Q", 104, generator.randrange(1, 60)), ("<Q", 112, generator.randrange(1, 60))):  # fmt: skip
                put(one, form, at, value)
            if (number, jid, i) == (17, 1, 3):
                put(one, "<Q", 104, LARGE)
            data.append(bytes(one))
        data.append(bytes(end))
    path.write_bytes(b"".join(data))


def doubles(folder, name):
    """What stands beside a sorted file: for each user the units of his processes."""
    data, found = (folder / f"{name}.units").read_bytes(), {}
    size, words = struct.unpack_from("<8xQ8xQ", data)
    corral.equal((size, HEAD + WORD * words), ((folder / name).stat().st_size, len(data)), f"{name}.units: both sizes")
    at = HEAD
    for entry in csa_files.entries((folder / name).read_bytes()):
        if entry.kind == csa_files.JOB:
            at += WORD
        elif entry.kind == PROCESS:
            units = struct.unpack_from("<d", data, at)[0]
            corral.equal(int(units), entry.number(PROCESS, 16), "the record's units are their whole part") if int(units) != entry.number(PROCESS, 16) else None
            found.setdefault(entry.number(PROCESS, 28, "<I"), []).append((entry, units))
            at += WORD
    corral.equal(at, len(data), f"{name}.units: one for each process and job")
    return found


def bill(data):
    return {struct.unpack_from("<I", data, at + UID)[0]: struct.unpack_from("<d", data, at + SBU)[0] for at in range(0, len(data), CACCT)}


def is_within(found, wanted, ulps, text):
    off = {uid: (found.get(uid), units) for uid, units in wanted.items() if not abs(found.get(uid, 0) - units) <= ulps * math.ulp(units)}
    corral.equal(off, {}, text)


def naive(numbers):
    total = 0.0
    for number in numbers:
        total += number
    return total


def days(folder):
    """Each day's doubles by user; its sums are right, and would not be without care."""
    every, billing = {}, csa_files.Billing(folder, "csa.conf")
    for number in range(DAYS):
        make_day(folder / f"d{number}p1", number, 20_000 if number == 17 else 300)
        run("csabuild", "-P", f"d{number}p", "-s", f"s{number}", folder=folder)
        found = doubles(folder, f"s{number}")
        corral.equal(sorted(found), list(USERS), f"day {number}: all users") if sorted(found) != list(USERS) else None
        for entry, units in found[USERS[0]][:20]:
            if abs(units - billing.units(entry)) > 1e-12 * units:
                corral.fail(f"day {number}: {units} instead of {billing.units(entry)}")
        wanted = {uid: math.fsum(units for _, units in some) for uid, some in found.items()}
        cacct = run("csacon", "-s", f"s{number}", folder=folder).stdout
        (folder / f"cacct{number}").write_bytes(cacct)
        is_within(bill(cacct), wanted, 1, f"day {number}: csacon's sums are those of its doubles")
        for uid, some in found.items():
            every.setdefault(uid, []).extend(units for _, units in some)
        if number == 17:
            drift = wanted[USERS[0]] - naive(units for _, units in found[USERS[0]])
            corral.check(abs(drift) > 1, f"summed up plainly they would be off by {drift:.2f} units")
    return every


def month(folder, every):
    wanted = {uid: math.fsum(units) for uid, units in every.items()}
    names = [f"cacct{number}" for number in range(DAYS)]
    orders = {"in order": names, "backwards": names[::-1], "the large one first": names[17:] + names[:17], "at random": random.Random(5).sample(names, DAYS)}
    for text, order in orders.items():
        is_within(bill(run("csaaddc", *order, folder=folder).stdout), wanted, 2, f"csaaddc over {DAYS} days, {text}")
    weeks = []
    for first in range(0, DAYS, 7):
        weeks.append(f"week{first}")
        run("csaaddc", "-o", weeks[-1], *names[first : first + 7], folder=folder)
    is_within(bill(run("csaaddc", *weeks, folder=folder).stdout), wanted, 3, "csaaddc over weeks of days")
    (folder / "all").write_bytes(run("csaaddc", *names, folder=folder).stdout)
    environment = {**os.environ, "CSACONFIG": str(folder / "csa.conf")}
    printed = subprocess.run([corral.COMMAND, "csacrep", "-b", "-u"], stdin=open(folder / "all", "rb"), env=environment, capture_output=True, text=True, check=True)
    last = [float(line.split()[-1]) for line in printed.stdout.splitlines() if re.search(r"\d+\.\d\d$", line)]
    for units in wanted.values():
        corral.check(any(abs(units - one) <= 0.0051 + math.ulp(units) for one in last), f"csacrep prints {units:.2f}", printed.stdout[-600:])


def same_by_report(folder):
    """`corral report --units` sums up the raw file, by the jobs' owner: here one has them all."""
    wanted = math.fsum(units for some in doubles(folder, "s17").values() for _, units in some)
    said = json.loads(run("report", "--by", "user", "--units", "--json", "d17p1", folder=folder).stdout)
    found = [row["units"] for row in (said["rows"] if isinstance(said, dict) else said) if row.get("units")]
    corral.check(len(found) == 1 and abs(found[0] - wanted) <= math.ulp(wanted), f"corral report: {found} is {wanted}")


def keeps(folder):
    """The bill stays when the weights change, and is made of whole units where nothing stands beside the file."""
    kept = run("csacon", "-s", "s3", folder=folder).stdout
    rows = run("csajrep", "-b", "-t", "-s", "s17", folder=folder).stdout
    conf = (folder / "csa.conf").read_text()
    (folder / "csa.conf").write_text(re.sub(r"(?m)^(N?P_TIME\s+)\S+", r"\g<1>77777777.0", conf))
    after = run("csacon", "-s", "s3", folder=folder)
    corral.check(after.stdout == kept, "csacon bills a day as csabuild did, by the weights of then")
    corral.equal(after.stderr, b"", "and says nothing")
    corral.check(run("csajrep", "-b", "-t", "-s", "s17", folder=folder).stdout == rows, "so does csajrep")
    shutil.copy(folder / "s3", folder / "bare")
    bare = run("csacon", "-s", "bare", folder=folder)
    corral.equal(sum(bill(bare.stdout).values()), 0, "without them only whole units count, of which there are none")
    corral.equal(bare.stderr, b"", "which is as the published csacon has it")
    return bare.stdout


def changed(path, at, bits=1):
    data = bytearray(path.read_bytes())
    data[at] ^= bits
    path.write_bytes(data)


def foreign(folder, bare):
    """Units that are not the sorted file's, one change each: not used, and said once."""
    size = (folder / "s3.units").stat().st_size
    units = 216 + 88 + 216 + 88 + 16  # of the first process, behind the boot record, the job of configurations and a header

    def other(name):
        return lambda: shutil.copy(folder / f"s{name}.units", folder / "x.units")

    rows = {
        "checksum is wrong": lambda: changed(folder / "x.units", size - 3),
        "checksum is wrong ": lambda: changed(folder / "x.units", HEAD),
        "size is wrong": lambda: os.truncate(folder / "x.units", size - WORD),
        "size is wrong ": lambda: os.truncate(folder / "x.units", size - 1),
        "too short": lambda: os.truncate(folder / "x.units", 9),
        "no file of units": lambda: changed(folder / "x.units", 2),
        "other boot records": other(4),
        "of a file of": other(17),
        "a job of the sorted file is not in it": lambda: changed(folder / "x", 216 + 12),
        "a process of the sorted file has other units": lambda: changed(folder / "x", units),
    }
    for text, change in rows.items():
        shutil.copy(folder / "s3", folder / "x")
        shutil.copy(folder / "s3.units", folder / "x.units")
        change()
        done = run("csacon", "-s", "x", folder=folder)
        corral.equal(done.stderr.count(b"x.units"), 1, f"it is said once: {text}")
        corral.check(text.strip().encode() in done.stderr, f"and why: {text}", done.stderr)
        if b"process" not in done.stderr and b"a job" not in done.stderr:
            corral.check(done.stdout == bare, f"they are not used: {text}")


def without(folder):
    """Where they cannot be kept the sorted file is made, and it is said."""
    os.mkdir(folder / "y.units")
    done = run("csabuild", "-P", "d3p", "-s", "y", folder=folder)
    corral.check(b"y.units" in done.stderr, "csabuild says that units are not kept", done.stderr)
    corral.equal((folder / "y").stat().st_size, (folder / "s3").stat().st_size, "the sorted file is whole")
    os.chmod(folder / "s3", 0o600)
    run("csabuild", "-P", "d3p", "-s", "s3", folder=folder)
    corral.equal((folder / "s3.units").stat().st_mode & 0o777, 0o600, "units are no more open than their file")


def published(folder):
    """The published csacon and csajrep see nothing of what is beside the file."""
    tools = os.environ.get("CORRAL_CSA_TOOLS")
    if not tools:
        return
    environment = {**os.environ, "TZ": "UTC", "CSACONFIG": str(folder / "csa.conf")}
    for words in (["csacon", "-s"], ["csajrep", "-b", "-s"], ["csacms", "-S"]):
        ours, theirs = (
            subprocess.run([f"{tools}/{words[0]}", *words[1:], name], cwd=folder, env=environment, capture_output=True, check=False).stdout for name in ("s3", "bare")
        )
        corral.check(ours == theirs, f"{words[0]} prints {len(theirs)} bytes with and without")


def main():
    with tempfile.TemporaryDirectory(prefix="corral-exact-") as place:
        folder = pathlib.Path(place)
        shutil.copytree(GOLDEN / "in", folder / "in")
        conf = re.sub(r"(?m)^(N?P_(MEM|IO|DELAY)\s+)\S+", r"\g<1>0.0", (GOLDEN / "in/csa.conf").read_text())
        (folder / "csa.conf").write_text(conf)
        month(folder, days(folder))
        same_by_report(folder)
        foreign(folder, keeps(folder))
        published(folder)
        without(folder)


main()
