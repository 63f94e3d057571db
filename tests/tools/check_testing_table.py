#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""check_testing_table.py TREE BUILD: docs/TESTING.md names each test that there is, and none that there is not. Replays
of the fuzz corpora need no name."""

import fnmatch
import json
import pathlib
import re
import sys


def main():
    page = (pathlib.Path(sys.argv[1]) / "docs" / "TESTING.md").read_text()
    sections = {part.split(":")[0].split()[0]: part for part in re.split(r"^## ", page, flags=re.M)[1:]}
    named = {f"unit-{room}" for room in re.findall(r"^\| (\w+) \|", sections["unit"], re.M)} - {"unit-room"}
    named |= {name for cell in re.findall(r"^\| (`.*?) \|", sections["integration"], re.M) for name in re.findall("`(.*?)`", cell)}
    own = sections["lint"].split("**Mutants.**")[0]
    named |= set(re.findall(r"`([a-z-]+)`", own))
    tests = json.loads((pathlib.Path(sys.argv[2]) / "meson-info" / "intro-tests.json").read_text())
    there = {test["name"] for test in tests if "corral:fuzz" not in test["suite"]}
    faults = [f"'{name}' is in no table" for name in there if not any(fnmatch.fnmatchcase(name, word) for word in named)]
    faults += [f"there is no test '{word}'" for word in named if not fnmatch.filter(there, word)]
    for fault in sorted(faults):
        print(f"docs/TESTING.md: {fault}")
    return 1 if faults or len(there) < 100 else 0


sys.exit(main())
