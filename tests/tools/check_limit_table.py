#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""check_limit_table.py TREE: the table of limits, engines and kernels in docs/CGROUPS.md has a verdict for each, and beneath it
which limits have no soft bound, and which a signal, an action and a grace, is as the code has it."""

import pathlib
import re
import sys

VERDICTS = {"enforced", "approximated", "refused"}
COLUMNS = [f"{kernel}, {engine}" for kernel in ("Linux 6.18 hybrid", "Linux 6.1 v2") for engine in ("cgroup2", "subreaper", "pidns", "cgroup2+pidns")]
# A machine with version 1 alone, where the other engines are what they are elsewhere; and an ordinary user's instance.
COLUMNS += ["Linux 6.18 user, subreaper", "Linux 6.1 v1, cgroup2"]


def kinds_of(text, limits):
    """The words of the kinds that a piece of code names, in their order."""
    named = set(re.findall(r"LimitKind::k(\w+)", text))
    return [word for kind, word in limits.items() if kind in named]


def told_beneath(page, words):
    """What the page names in the sentence that begins with these words."""
    sentence = re.search(rf"^{words}: (.*?)\.", page, re.M | re.S)
    return re.findall("`(.*?)`", sentence[1]) if sentence else None


def faults_beneath(tree, page, words):
    numbered = re.findall(r"^  k(\w+) = [1-9]\d*,", (tree / "core" / "limits.h").read_text(), re.M)
    limits = dict(zip(numbered, words))
    hold = (tree / "core" / "limit_hold.h").read_text()
    without = hold[: hold.rindex("has no soft bound")].rpartition("switch (kind)")[2]
    terms = (tree / "core" / "limit_terms.h").read_text()
    softly = terms[terms.index("is_told_softly(") :].partition("}")[0]
    for begin, code in (("No soft bound", without), ("With signal, action and grace", softly)):
        told, wanted = told_beneath(page, begin), kinds_of(code, limits)
        if not wanted or told is None or sorted(told) != sorted(wanted):
            yield f"'{begin}:' names {told}, expected {wanted}"


def main():
    tree = pathlib.Path(sys.argv[1])
    texts = re.findall(r'"\d([a-z-]+)\\0', (tree / "core" / "limits.h").read_text())
    limits = [word for word in texts if word != "none"]
    page = (tree / "docs" / "CGROUPS.md").read_text()
    table = page[page.index("<!-- limit table: begin -->") : page.index("<!-- limit table: end -->")]
    rows = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("|")]
    faults = []
    if rows[0][1:] != COLUMNS:
        faults.append(f"the columns are {rows[0][1:]}, expected {COLUMNS}")
    found = {row[0]: row[1:] for row in rows[2:]}
    for limit in limits:
        cells = found.pop(limit, [""] * len(COLUMNS))
        faults += [f"{limit}, {column}: the cell is '{cell}', expected one of {sorted(VERDICTS)}"
                   for column, cell in zip(COLUMNS, cells) if cell not in VERDICTS]  # fmt: skip
    faults += [f"{limit}: there is no such limit" for limit in found]
    faults += faults_beneath(tree, page, limits)
    for fault in faults:
        print(f"docs/CGROUPS.md: {fault}")
    return 1 if faults or len(limits) < 16 else 0


sys.exit(main())
