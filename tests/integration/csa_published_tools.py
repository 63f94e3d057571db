#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Our commands beside the published ones, called with the same letters at
random: the same bytes on both outputs, the same exit code, the same files.
CORRAL_CSA_TOOLS names a directory with the tools of CSA 5.0, built from their
own source, which is no part of Corral (docs/RECORDS.md says how). SEED=N
makes other calls, ROUNDS=N more of them."""

import os
import pathlib
import random
import re
import shutil
import subprocess
import tempfile

import corral
import csa_golden_files as golden

TOOLS = pathlib.Path(os.environ.get("CORRAL_CSA_TOOLS", "/usr/sbin"))
ROUNDS = int(os.environ.get("ROUNDS", "20"))
SEED = int(os.environ.get("SEED", 1))
ZONES = ["UTC", "America/New_York", "Asia/Kolkata"]
# What deviates as csa_deviations.py says, and reads memory that nobody wrote:
# -b of csajrep (fractions), -e of csacms (maxima), csacrep -n with -x (an
# integer printed as a real number), prime time where clocks are changed. -p of
# csaaddc is in the published usage, but refused. csacom had no exit code for a
# file that is not there.
TIME = ["23:25:32", "23:25", "D0:23:25:33", "23:26:00", "x", "25"]
COMMANDS = {
    "csacom": {
        "switches": "AGJLMNPTUVWXYZbcfhikmprtvw",
        "arguments": {"C": ["0", "1"], "E": TIME, "H": ["0.5", "0.9"], "I": ["100", "1000000"], "O": ["0", "1"],
                      "S": TIME, "e": TIME, "s": TIME, "g": ["root", "0", "1", "nosuch"], "j": ["0x12", "14", "0"],
                      "n": ["burn", "c", ""], "u": ["root", "nobody", "1", "#", "?", "+2"]},
        "operands": [["in/pacct1"], ["in/pacct2"], ["in/pacct1", "in/pacct2"], ["out/spacct.csa"], ["in/ja.file"]],
        "zones": ZONES,
    },
    "csaverify": {"switches": "v", "arguments": {"m": ["1", "2"]},
                  "operands": [["-P", f"damaged/{name}"] for name in golden.DAMAGED] + [["-P", "in/pacct1"],
                               ["-P", "out/spacct.csa"], ["-P", "cycle/two/pacct0"], ["-P", "none"]]},
    "csaedit": {"switches": "Amtvx", "arguments": {"r": ["1,3,5", "7", "180,2"], "o": ["written"]},
                "operands": [["-P", "in/pacct1"], ["-P", "out/spacct.csa"], ["-P", "damaged/negbtime"], ["-P", "damaged/hole37"]]},
    "ja": {"switches": "cdefhJlorst", "arguments": {"g": ["root", "1"], "j": ["14", "0x12"], "u": ["root", "1"],
           "n": ["burn", "c.*1", "b*n,dd"], "M": ["0:1000", ":2000", ".", "216", "216:"]},
           "operands": [["in/ja.file"], ["in/pacct1"], ["in/pacct2"], ["none"]], "without": "t"},
    "csabuild": {"switches": "aAin", "arguments": {"o": ["20000", "1"]}, "fixed": ["-s", "written"],
                 "operands": [["-P", "in/pacct"], ["-P", "cycle/two/pacct"], ["-P", "prime/none"]]},
    "csarecy": {"switches": "r", "arguments": {}, "fixed": ["-P", "written"],
                "operands": [["-s", "out/spacct.csa"], ["-s", "out/spacct-a.csa"], ["-s", "cycle/two/spacct"], ["-s", "none"]]},
    "csacon": {"switches": "Ajpug", "arguments": {}, "conf": "in/csa0.conf",
               "operands": [["-s", "out/spacct.csa0"], ["-s", "cycle/one/spacct"], ["-s", "none"]]},
    "csaaddc": {"switches": "Ajugtv", "arguments": {},
                "operands": [["out/cacct.csa"], ["out/cacctApug.csa", "out/cacctAj.csa"], ["out/cacctA.csa", "none"], []]},
    "csacms": {"switches": "aAcjnopSs", "arguments": {},
               "operands": [["in/pacct1"], ["in/pacct1", "in/pacct2"], ["out/spacct.csa"], ["out/cms.csa", "out/cmsA.csa"]]},
    "csacrep": {"switches": "bcdfghJjnPpVuw", "arguments": {},
                "operands": [["<", "out/cacct.csa"], ["<", "out/cacctApug.csa"], ["<", "out/cacctAj.csa"], ["<", "/dev/null"]]},
    "csajrep": {"switches": "ABceFhJLqSTtVwxZ", "arguments": {"j": ["12", "0x17"], "r": ["1002"], "u": ["root", "1"]},
                "operands": [["-s", "out/spacct.csa"], ["-s", "out/spacct-n.csa"], ["-s", "prime/spacct"], ["-N"]],
                "zones": ZONES},
    "csadrep": {"switches": "Aajn", "arguments": {"V": ["0", "1", "2", "3", "4", "7"]},
                "operands": [["-s", "out/spacct.csa"], ["out/drep.csa"], ["out/drep.csa", "out/drep.csa"], ["-s", "none"]]},
    "csagetconfig": {"switches": "", "arguments": {}, "operands": [["MEMINT"], ["CSACMS"], ["MAIL_LIST"], ["NONE"], []]},
}  # fmt: skip


def letters_of(words):
    return words[0] if words and words[0].startswith("-") and len(words[0]) > 1 else ""


# Calls for which the published command prints memory that nobody wrote, asks a
# daemon, or reads files of another kind as if they were its own.
AVOIDED = {
    "csacms": lambda words: (
        ("S" in letters_of(words)) != ("spacct" in words[-1])
        or ("s" in letters_of(words)) != ("cms" in words[-1])
        or ("j" in letters_of(words) and "a" not in letters_of(words))
    ),
    "ja": lambda words: not set(letters_of(words)) & set("cfos"),
}


def line_of(choose, name, row):
    letters = [letter for letter in row["switches"] if choose.random() < 0.2 and letter not in row.get("without", "")]
    words = ["-" + "".join(letters)] if letters else []
    for letter, values in row["arguments"].items():
        if choose.random() < 0.15:
            words += ["-" + letter, choose.choice(values)]
    return words + row.get("fixed", []) + choose.choice(row["operands"])


def quoted(words):
    return " ".join(word if word == "<" else "'" + word + "'" for word in words)


def result(folder, work, name, words, environment):
    for old in work.glob("written*"):
        old.unlink()
    done = subprocess.run(
        ["sh", "-c", f"{name} {quoted(words)}"],
        cwd=work, env={**environment, "PATH": f"{folder}:/usr/bin:/bin"},
        stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
    )  # fmt: skip
    files = {path.name: golden.without_times(path.read_bytes()) for path in sorted(work.glob("written*"))}
    return done.stdout, done.stderr.replace(b"Segmentation fault\n", b""), done.returncode, files


def is_crash(outcome):
    return outcome[2] < 0 or outcome[2] >= 128


def compare(choose, folders, work, name, row):
    """One call; the lines that differ, none if nothing does."""
    words = line_of(choose, name, row)
    if name in AVOIDED and AVOIDED[name](words):
        return []
    environment = {
        "TZ": choose.choice(row.get("zones", ["UTC"])), "LC_ALL": "C", "CSACONFIG": row.get("conf", "in/csa.conf"),
    }  # fmt: skip
    ours, theirs = (result(folder, work, name, words, environment) for folder in folders)
    if not is_crash(ours) and (is_crash(theirs) or ours == theirs):
        return []
    lines = [f"--- TZ={environment['TZ']} {name} {quoted(words)}"]
    for what, got, wanted in zip(("output", "errors", "code", "files"), ours, theirs):
        if got != wanted:
            lines.append(f"  {what}: got    {str(got)[-700:]}")
            lines.append(f"  {what}: wanted {str(wanted)[-700:]}")
    return lines


def main():
    if not (TOOLS / "csajrep").exists():
        corral.skip("needs the published CSA tools")
    wanted = os.environ.get("ONLY")
    choose = random.Random(SEED)
    print(f"SEED={SEED}")
    with tempfile.TemporaryDirectory(prefix="corral-tools-") as name:
        root = pathlib.Path(name)
        shutil.copytree(golden.GOLDEN, root / "set")
        folders = [root / "ours", root / "theirs"]
        for folder, source in zip(folders, (None, TOOLS)):
            folder.mkdir()
            for command in COMMANDS:
                (folder / command).symlink_to(corral.COMMAND if source is None else source / command)
        failed = []
        calls = 0
        for _ in range(ROUNDS):
            for command, row in COMMANDS.items():
                if wanted and not re.fullmatch(wanted, command):
                    continue
                calls += 1
                failed += compare(choose, folders, root / "set", command, row)
        print("\n".join(failed))
        corral.equal(failed, [], f"{calls} calls at random give the published bytes (SEED={SEED})")


main()
