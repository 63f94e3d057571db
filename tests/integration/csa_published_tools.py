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
import tempfile

import corral
import csa_golden_files as golden
import published

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


def compare(choose, folders, work, name, row):
    """One call; the lines that differ, none if nothing does."""
    words = published.line_of(choose, row)
    if name in published.AVOIDED and published.AVOIDED[name](words):
        return []
    environment = {
        "TZ": choose.choice(row.get("zones", ["UTC"])), "LC_ALL": "C", "CSACONFIG": row.get("conf", "in/csa.conf"),
    }  # fmt: skip
    return published.differences(folders, work, name, words, environment)


def main():
    if not published.are_here():
        corral.skip(published.WHY_NOT)
    wanted = os.environ.get("ONLY")
    choose = random.Random(SEED)
    print(f"SEED={SEED}")
    with tempfile.TemporaryDirectory(prefix="corral-tools-") as name:
        root = pathlib.Path(name)
        shutil.copytree(golden.GOLDEN, root / "set")
        folders = published.folders(root, COMMANDS)
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
