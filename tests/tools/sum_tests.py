# SPDX-License-Identifier: Apache-2.0
"""sum_tests.py TESTLOG SKIPS STATUS: the closing line of contrib/check.

Adds up meson's testlog.json. A skip that does not stand in SKIPS with its
reason is a failure; so is a run of meson that failed without a failed test."""

import collections
import json
import re
import sys

PASSED = {"OK", "EXPECTEDFAIL"}
SKIPPED = {"SKIP"}


def read_skips(path):
    skips = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                name, _, reason = line.partition("|")
                skips.append((name.strip(), reason.strip()))
    return skips


def reasons_of(test):
    """One for all of it, or one for each part that was not checked."""
    return re.findall(r"^SKIP: (.*)$", test.get("stdout", ""), re.MULTILINE) or ["no reason given"]


def name_of(test):
    return test["name"].rpartition("/")[2].rpartition(" ")[2]


def main(log, skips_path, meson_status):
    skips = read_skips(skips_path)
    counts = collections.Counter()
    with open(log, encoding="utf-8") as file:
        for test in map(json.loads, file):
            name = name_of(test)
            if test["result"] in PASSED:
                counts["passed"] += 1
            elif test["result"] in SKIPPED:
                reasons = reasons_of(test)
                listed = all(any(n in ("*", name) and reason.startswith(r) for n, r in skips) for reason in reasons)
                counts["skipped" if listed else "failed"] += 1
                print(f"{'skipped' if listed else 'skipped but not in ' + skips_path}: {name}: {'; '.join(reasons)}")
            else:
                counts["failed"] += 1
                print(f"{test['result'].lower()}: {name}")
    if meson_status != 0 and counts["failed"] == 0:
        print(f"meson test ended with status {meson_status}")
        counts["failed"] += 1
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 0 if counts["failed"] == 0 and counts["passed"] > 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
