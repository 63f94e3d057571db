#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every command line of golden set A (tests/data/csa/golden-a, made with the
published CSA tools), and of its folder `more`, gives the published output byte
for byte: standard output, standard error, exit code and files. Where the set's README names
the output as a defect, csa_deviations.py says what is right instead, and that is
checked; a difference that is not listed there is a failure.

CORRAL_CSA_GOLDEN=DIR tries another set. CORRAL_CSA_COMMANDS=DIR runs the
commands in there instead of Corral's (nothing deviates then)."""

import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

import corral
import csa_deviations
from csa_golden_files import GOLDEN, repeatable

COMMANDS = os.environ.get("CORRAL_CSA_COMMANDS")
NAMES = (
    "ja csacom csabuild csaverify csaedit csarecy csacon csaaddc csacms csacrep csajrep csadrep csachargefee csagetconfig"
).split()
COUNT = 374 + 86  # of the set, and of its folder `more`
JOBRUN = '#!/bin/sh\nexec "$@"\n'  # the set's own ran a command as a job, and said so
JOBRUN_SAYS = re.compile(rb"^job 0x[0-9a-f]+ uid [0-9]+\n", re.MULTILINE)
# whose argument is a file that the command writes
WRITES = {"csabuild": ["-s"], "csaaddc": ["-o"], "csacom": ["-o"], "csadrep": ["-o"], "csaverify": ["-o"], "csaedit": ["-o"]}


class Case:
    def __init__(self, path):
        self.name = str(path.relative_to(GOLDEN).with_suffix(""))
        self.line = path.read_text().strip()
        words = [word for word in shlex.split(self.line) if "=" not in word or word.startswith("-")]
        self.command = words[1] if words[0] == "jobrun" else words[0]
        self.files = self.files_written(words)
        self.out, self.err = (path.with_suffix(end).read_bytes() for end in (".out", ".err"))
        self.err = JOBRUN_SAYS.sub(b"", self.err)
        self.code = int(path.with_suffix(".rc").read_text())

    def line_today(self):
        """`-o 1` ends jobs that are older than a day: those of the set were not."""
        return self.line.replace(" -o 1", " -o 20000")

    def files_written(self, words):
        files = [word for before, word in zip(words, words[1:]) if before == ">"]
        for option in WRITES.get(self.command, []):
            if option in words:
                files.append(words[words.index(option) + 1])
        if self.command == "csarecy" and "-r" in words:
            files.append(words[words.index("-P") + 1] + "0")
        return files


def prepare(folder):
    """A copy of the set to run in, and the folder of commands."""
    shutil.copytree(GOLDEN, folder / "set")
    commands = folder / "bin"
    commands.mkdir()
    for name in NAMES:
        target = pathlib.Path(COMMANDS) / name if COMMANDS else corral.COMMAND
        (commands / name).symlink_to(target)
    (commands / "jobrun").write_text(JOBRUN)
    (commands / "jobrun").chmod(0o755)
    return folder / "set", commands


def place_inputs(case, work):
    """Files that a command line reads and the set keeps under other names."""
    if case.name.startswith("damaged/"):
        (work / "damaged/w").mkdir(exist_ok=True)
        damage = case.name.split("/")[1].split("-")[0]
        shutil.copy(work / "damaged" / damage, work / "damaged/w/pacct1")
    before = case.name.replace("prime-ja-only/", "prime/")
    if before != case.name:
        shutil.copy(work / "prime-ja-only/pacct1", work / "prime/pacct1")


def run(case, work, commands):
    """What the command does: (standard output, standard error, code, files)."""
    kept = {name: (work / name).read_bytes() for name in ("prime/pacct1",)}
    place_inputs(case, work)
    expected = {}
    for name in case.files:
        path = work / name
        golden = GOLDEN / name
        expected[name] = golden.read_bytes() if golden.exists() else None
        path.unlink(missing_ok=True)
    done = subprocess.run(
        ["sh", "-c", case.line_today()],
        cwd=work,
        env={"PATH": f"{commands}:{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
    )
    code = done.returncode if done.returncode >= 0 else 128 - done.returncode
    written = {name: (work / name).read_bytes() if (work / name).exists() else None for name in case.files}
    for name in case.files:
        if (GOLDEN / name).exists():
            shutil.copy(GOLDEN / name, work / name)
    for name, data in kept.items():
        (work / name).write_bytes(data)
    return done.stdout, done.stderr, code, written, expected


def differences(case, result):
    """What differs from the set, by name."""
    out, err, code, written, expected = result
    found = {}
    for what, got, wanted in (("output", out, case.out), ("errors", err, case.err), ("code", code, case.code)):
        if got != wanted:
            found[what] = (got, wanted)
    for name, data in written.items():
        wanted = expected[name]
        if data is None or wanted is None:
            if data != wanted:
                found[name] = (data, wanted)
        elif repeatable(name, data) != repeatable(name, wanted):
            found[name] = (data, wanted)
    return found


def tell_bytes(got, wanted):
    places = [at for at, (a, b) in enumerate(zip(got, wanted)) if a != b]
    print(f"    {len(got)} bytes instead of {len(wanted)}, {len(places)} differ: {places[:20]}")


def tell(case, found):
    print(f"--- {case.name}: {case.line}")
    for what, (got, wanted) in found.items():
        print(f"  {what} differs")
        if isinstance(got, bytes) and isinstance(wanted, bytes) and b"\0" in got + wanted:
            tell_bytes(got, wanted)
            continue
        for label, value in (("wanted", wanted), ("got", got)):
            text = value.decode("latin1") if isinstance(value, bytes) else str(value)
            for line in text.splitlines()[:40]:
                print(f"    {label}: {line[:200]!r}")


def unsorted_is_told(work, commands):
    """A file that csabuild did not make is no empty report."""
    environment = dict(os.environ, CSACONFIG="in/csa.conf", TZ="UTC")
    for line in ("csacon -s", "csajrep -s", "csadrep -s", "csarecy -P none -s", "csacms -S"):
        name, *words = line.split()
        done = subprocess.run([commands / name, *words, "in/pacct1"], cwd=work, env=environment, capture_output=True, text=True,
                              check=False)  # fmt: skip
        corral.equal(done.returncode, 1, f"{line} in/pacct1 fails")
        corral.check("'in/pacct1': at offset 216 stands no boot record" in done.stderr, f"and says why: {done.stderr}")


def main():
    cases = [Case(path) for path in sorted(GOLDEN.rglob("*.cmd"))]
    if "CORRAL_CSA_GOLDEN" not in os.environ:
        corral.equal(len(cases), COUNT, "no command line of the set is left out")
    if len(sys.argv) > 1:
        cases = [case for case in cases if any(re.search(word, case.name) for word in sys.argv[1:])]
    equal = deviating = 0
    wrong = []
    with tempfile.TemporaryDirectory(prefix="corral-golden-") as name:
        work, commands = prepare(pathlib.Path(name))
        for case in cases:
            result = run(case, work, commands)
            found = differences(case, result)
            row = None if COMMANDS else csa_deviations.row_of(case.name)
            if row is None:
                if found:
                    wrong.append(case.name)
                    tell(case, found)
                else:
                    equal += 1
                continue
            fault = row.check(csa_deviations.Result(case, GOLDEN, *result))
            if fault:
                wrong.append(case.name)
                print(f"--- {case.name}: {row.defect}\n  is wrong: {fault}")
                tell(case, found)
            else:
                deviating += 1
        if not COMMANDS and "CORRAL_CSA_GOLDEN" not in os.environ:
            unsorted_is_told(work, commands)
    print(f"{len(cases)} command lines: {equal} equal, {deviating} deviate as listed, {len(wrong)} wrong")
    corral.equal(wrong, [], f"all of {len(cases)} command lines give what they should")


main()
