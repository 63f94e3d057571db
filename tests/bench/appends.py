#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Appends to the accounting file a second: alone, with fdatasync after each, and with one fdatasync for a group, as the scribe
does with what waits. A group must be worth it: sixteen together are at least four times as many as one by one.

  appends.py [--seconds 2] [--rounds 3] [--folder /var/tmp]
"""

import pathlib
import statistics
import subprocess
import tempfile

import measure


def main():
    made = measure.parser(__doc__)
    made.add_argument("--seconds", type=float, default=2)
    made.add_argument("--rounds", type=int, default=3)
    made.add_argument("--folder", default="/var/tmp", help="where the disk is that is meant")
    arguments = measure.parse(made)
    rates = {}
    with tempfile.TemporaryDirectory(prefix="corral-bench-", dir=arguments.folder) as folder:
        file = pathlib.Path(folder, "pacct")
        for _ in range(arguments.rounds):
            words = [measure.tool(arguments.build, "bench-appends"), file, str(arguments.seconds)]
            for line in subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines():
                how, rate = line.split()
                rates.setdefault(how, []).append(float(rate))
    print("## appends of a start of a job a second")
    for how, found in rates.items():
        print(f"   {how:14} {statistics.median(found):12.0f}")
    gain = statistics.median(many / one for many, one in zip(rates["synced-by-16"], rates["synced"]))
    print(f"   sixteen together by one: {measure.judged(gain, at_least=4, form='.1f')}")


if __name__ == "__main__":
    main()
