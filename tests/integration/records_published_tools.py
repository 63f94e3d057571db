#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the published CSA tools make of our files: those of a real instance with
one of everything that Corral writes (tests/support/our_day.py). Each of them
takes each file, none says that something is wrong, and their outputs, errors,
exit codes and files are those of our commands on the same files, called with
every letter and with letters at random. CORRAL_CSA_TOOLS names a directory with
the tools; SEED=N makes other calls, ROUNDS=N more of them; KEEP=FOLDER keeps
the files, and takes them from there if they are there."""

import os
import pathlib
import random
import re
import shutil
import struct
import subprocess
import tempfile
import time

import corral
import csa_golden_files as golden
import our_day
import published
from csa_site import Site

SEED = int(os.environ.get("SEED", 1))
ROUNDS = int(os.environ.get("ROUNDS", "12"))
DAYS = [["day1"], ["day2"], ["day3"], ["day1", "day2", "day3"]]
EACH = [["-P", "day1"], ["-P", "day2"], ["-P", "day3"], ["-P", "scope1"]]
ENVIRONMENT = {"TZ": "UTC", "LC_ALL": "C", "CSACONFIG": "csa.conf"}  # weights are 0: no fractions, which only ours have
WEIGHTED = {**ENVIRONMENT, "CSACONFIG": "weights.conf"}
UNITS = 232  # of the billing units in cacct
# Documented (docs/RECORDS.md): said once by the published csabuild.
DISORDER = re.compile(rb"The workload management records were out of time order in file '\w+'\n   near offset \d+ due to .*\n")
CARRIED = re.compile(rb"(PROV=CORRAL [^\n]*  MACH=).*?\n(?=\d+ +[A-Z][\w-]+ |\Z)", re.S)


def table(clock):
    hour = time.strftime("%H:%M", time.gmtime(clock))
    second = time.strftime("%H:%M:%S", time.gmtime(clock))
    return {
        "csaverify": {"switches": "v", "arguments": {"m": ["1"], "o": ["written"]}, "operands": [*EACH, ["-P", "spacct"]]},
        "csacom": {
            "switches": "AGJLMNPTUVWXYZbcfhikmprtvw",
            "arguments": {"C": ["0", "0.1"], "E": [hour, second], "H": ["0.5"], "I": ["1000"], "O": ["0"], "S": [hour, second], "e": [second],
                          "s": [second], "g": ["root", "0"], "j": ["1", "0x8"], "n": ["true", "d"], "u": ["root", "0", "#", "?"], "o": ["written"]},
            "operands": [*DAYS, ["spacct"], ["scope1"]],
        },
        "csaedit": {"switches": "Atvx", "arguments": {"r": ["1,3,5", "7"], "o": ["written"]}, "operands": [*EACH, ["-P", "spacct"]], "needed": ["-o", "written"]},
        "ja": {"switches": "cdefhJlors", "arguments": {"g": ["root"], "j": ["1", "0x8"], "u": ["root", "0"], "n": ["true", "d.*"], "M": ["0:1000", ":20000"]},
               "operands": [["ja.file"], *DAYS[:3], ["scope1"]]},
        "csabuild": {"switches": "aAin", "arguments": {"o": ["1"]}, "fixed": ["-s", "written"], "operands": [["-P", "day"], ["-P", "scope"]]},
        "csarecy": {"switches": "r", "arguments": {}, "fixed": ["-P", "written"], "operands": [["-s", "spacct"], ["-s", "spacct.scope"]]},
        "csacon": {"switches": "Ajpug", "arguments": {}, "operands": [["-s", "spacct"], ["-s", "spacct.scope"]]},
        "csaaddc": {"switches": "Ajugtv", "arguments": {}, "operands": [["cacct"], ["cacct", "cacctAj"]]},
        "csacms": {"switches": "aAcjnopSs", "arguments": {}, "operands": [*DAYS, ["scope1"], ["spacct"], ["cms", "cmsA"]]},
        "csacrep": {"switches": "bcdfghJjnPpVuw", "arguments": {}, "operands": [["<", "cacct"], ["<", "cacctAj"]]},
        "csajrep": {"switches": "ABceFhJLqSTtVwxZ", "arguments": {"j": ["1", "0x8"], "r": ["17"], "u": ["root"]}, "operands": [["-s", "spacct"], ["-s", "spacct.whole"], ["-N", "-s", "spacct"]]},
        "csadrep": {"switches": "Aajn", "arguments": {"V": ["0", "1", "4"], "o": ["written"]}, "operands": [["-s", "spacct"]]},
    }  # fmt: skip


def comparable(name, words):
    """Without what docs/ACCOUNTING.md and docs/RECORDS.md say to be another."""

    def seen(outcome):
        out, err, code, files = outcome
        if name == "csabuild":
            err = DISORDER.sub(b"", err)
        if name == "csaedit":  # Corral's bytes in fields of names: ours shows them as text
            out = CARRIED.sub(rb"\1", out)
            files = {path: CARRIED.sub(rb"\1", data) for path, data in files.items()}
        return out, err, code, {path: golden.repeatable("drep." if name == "csadrep" else path, data) for path, data in files.items()}

    return seen


def calls(choose, rows):
    """Every letter by itself, and letters at random."""
    for name, row in rows.items():
        for operands in row["operands"]:
            for letter in ["", *row["switches"]]:
                yield name, [*(["-" + letter] if letter else []), *row.get("fixed", []), *operands]
            for letter, values in row["arguments"].items():
                for value in values:
                    yield name, ["-" + letter, value, *row.get("fixed", []), *operands]
    for _ in range(ROUNDS):
        for name, row in rows.items():
            for _ in range(4):
                yield name, published.line_of(choose, row)


def is_avoided(name, words):
    if name in published.AVOIDED and published.AVOIDED[name](words):
        return True
    letters = published.letters_of(words)
    if name == "csajrep" and "V" in letters and words[-1] == "spacct":  # which has a process without memory
        return True
    return name == "csacrep" and "n" in letters and "x" in letters


def environment_of(name):
    return WEIGHTED if name == "csabuild" else ENVIRONMENT


def make_inputs(links, work):
    """Sorted and summed up, by the published tools if they are here."""
    theirs = links[-1]
    made = {}
    for words, to in (("csabuild -i -P day -s spacct", None), ("csabuild -i -P whole -s spacct.whole", None), ("csabuild -i -P scope -s spacct.scope", None), ("csacon -s spacct", "cacct"), ("csacon -A -j -s spacct", "cacctAj"),
                      ("csacms -S spacct", "cms"), ("csacms -S -A spacct", "cmsA")):  # fmt: skip
        name, *rest = words.split()
        out, err, code, _ = published.result(theirs, work, name, rest, environment_of(name))
        made[words] = code, DISORDER.sub(b"", err)
        if to:
            (work / to).write_bytes(out)
    corral.equal(set(made.values()), {(0, b"")}, f"{theirs.name}: our files are sorted and summed up, and nothing is complained of")


def accepted(folder, work, records):
    """What the commands of a folder say, beside what the test knows."""
    said, last = f"{folder.name}:", records[-1]
    for day in ("day1", "day2", "day3"):
        found = published.result(folder, work, "csaverify", ["-P", day], ENVIRONMENT)[:3]
        corral.equal(found, (b"", b"", 0), f"{said} csaverify finds every record of {day} good")
    processes = sum(record["kind"] == "process" for record in records)
    for words in (DAYS[3], ["-b", *DAYS[3]], ["spacct"]):
        out = published.result(folder, work, "csacom", ["-v", *words], ENVIRONMENT)[0]
        rows = len([line for line in out.splitlines() if re.match(rb"#?\w+ +\w+ +\d\d:", line)])
        corral.equal(rows, processes, f"{said} csacom {' '.join(words)} shows each of {processes} processes")
    out = published.result(folder, work, "csacom", ["-T", *DAYS[3]], ENVIRONMENT)[0]
    kinds = [sum(record["kind"] == kind for record in records) for kind in ("start", "end")]
    corral.equal([out.count(b"S-O-Job"), out.count(b"E-O-Job")], kinds, f"{said} and each start and end")
    out = published.result(folder, work, "csacom", ["-j", last["jid"], *DAYS[3]], ENVIRONMENT)[0]
    corral.check(last["kind"] == "end" and b"uname" in out, f"{said} by its jid a job is found", out)
    out = published.result(folder, work, "csadrep", ["-a", "-s", "spacct"], ENVIRONMENT)[0]
    corral.check(our_day.not_here() or b"batch" in out, f"{said} csadrep knows the queue of the daemon's record", out)


def scopes(work):
    """The file of jobs without a supervisor, with the collector wait."""
    for command in ("true", "exit 3", "kill -9 $$", "(sleep 0.2; :) & exit 0"):
        subprocess.run(
            [str(corral.INIT), "--record", str(work / "scope1"), "--engine", "subreaper", "--name", "a-job", "--"] + ["sh", "-c", command],
            stdin=subprocess.DEVNULL, timeout=60, check=False,
        )  # fmt: skip


def without_delays(links, work):
    """What the published csadrep refuses, of its own daemon's files too: a process without acctdelay (the golden set's README)."""
    ours, theirs = (published.result(folder, work, "csadrep", ["-a", "-s", "spacct.scope"], ENVIRONMENT) for folder in links)
    corral.check(theirs[2] == 1 and b"A corrupt pacct record" in theirs[1], "csadrep refuses processes without delays", theirs)
    corral.check(ours[2] == 0 and b"Interactive" in ours[0], "ours does not", ours)


def charged(links, work):
    """csacon with weights: ours may have the fractions that theirs lost, no more."""
    ours, theirs = (published.result(folder, work, "csacon", ["-A", "-s", "spacct"], WEIGHTED)[0] for folder in links)
    corral.equal(len(ours), len(theirs), "csacon with weights writes as many records")
    units = []
    for at in range(0, len(ours), 784):
        one, other = bytearray(ours[at : at + 784]), bytearray(theirs[at : at + 784])
        units.append((struct.unpack_from("<d", one, UNITS)[0], struct.unpack_from("<d", other, UNITS)[0], struct.unpack_from("<q", one, 200)[0]))
        one[UNITS : UNITS + 8] = other[UNITS : UNITS + 8] = bytes(8)
        corral.check(one == other, "and the same but for the units")
    corral.check(all(theirs <= ours for ours, theirs, _ in units) and any(ours > 0 for ours, _, _ in units), "which are not less than theirs", units)


def ja_file(work):
    """What ja has: no records of Corral's."""
    import csa_files

    kept = [entry.data for entry in csa_files.entries((work / "day1").read_bytes()) if entry.kind in (csa_files.PROCESS, csa_files.CONFIGURATION)]
    (work / "ja.file").write_bytes(b"".join(kept))


def has_everything(records, work):
    found = {record["kind"] for record in records}
    daemons = {record["daemon"] for record in records if record["kind"] == "daemon"}
    corral.equal(our_day.EVERY_KIND - found - our_day.not_here(), set(), "the files have one of everything")
    corral.equal(daemons, {"wkmg", "tape", "site1", "site2"}, "also of daemons")
    if our_day.not_here():
        return
    linked = (work / "day1").read_bytes()
    import csa_files

    kinds = {kind for entry in csa_files.entries(linked) for kind in entry.records}
    corral.check({csa_files.MEMORY, csa_files.IO, csa_files.DELAY} <= kinds, "and every linked record", kinds)


def main():
    corral.needs_cgroup2()
    print(f"SEED={SEED}")
    with tempfile.TemporaryDirectory(prefix="corral-tools-") as name:
        work = pathlib.Path(os.environ.get("KEEP", name))
        work.mkdir(exist_ok=True)
        with Site() as site:
            records = our_day.make(site, work)
        for conf in ("csa0.conf", "csa.conf"):
            text = (golden.GOLDEN / "in" / conf).read_text().replace("in/csa.holidays", str(golden.GOLDEN / "in/csa.holidays"))
            (work / ("csa.conf" if conf == "csa0.conf" else "weights.conf")).write_text(re.sub(r"(?m)^(N?P_[A-Z]+\s+).*", r"\g<1>0.0", text) if conf == "csa0.conf" else text)
        has_everything(records, work)
        scopes(work)
        ja_file(work)
        rows = table(os.stat(work / "day1").st_mtime)
        for number in (1, 2):
            shutil.copy(work / f"day{number}", work / f"whole{number}")
        for folder in ("ours", "theirs"):
            shutil.rmtree(work / folder, ignore_errors=True)
        links = published.folders(work, rows)
        make_inputs(links, work)
        for folder in links:
            accepted(folder, work, records)
        if not published.are_here():
            return corral.not_checked(published.WHY_NOT)
        charged(links, work)
        without_delays(links, work)
        failed, made = [], 0
        for command, words in calls(random.Random(SEED), rows):
            if not is_avoided(command, words):
                made += 1
                failed += published.differences(links, work, command, words, environment_of(command), comparable(command, words))
        print("\n".join(failed))
        corral.equal(len(failed), 0, f"{made} calls give the published bytes on our files (SEED={SEED})")


main()
