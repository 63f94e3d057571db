#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The holidays file in TOML bills as the published one does: sorted files,
consolidated ones and command summaries are the same byte for byte. Holidays of
other years change nothing, one that is left out does; what is wrong is named."""

import json
import subprocess
import sys

import corral
from csa_golden_files import GOLDEN, without_times
from csa_site import Site

PRIME = GOLDEN / "prime"
HOURS = '[prime_time]\nweekday = ["07:30", "17:30"]\nsaturday = ["09:00", "12:00"]\nsunday = "none"\n'


def forms():
    """The golden set's holidays of its prime-time cases: as published, and in TOML by date or for every year."""
    words = [line.split() for line in (PRIME / "csa.holidays").read_text().splitlines() if line[:1] != "*"]
    hours = {row[0]: row[1:3] for row in words if row and row[0] in ("weekday", "saturday", "sunday")}
    year = next(row[1] for row in words if row and row[0] == "YEAR")
    months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
    dates = [(months.index(row[1][:3]) + 1, int(row[2])) for row in words if row and row[0].isdigit()]
    text = "[prime_time]\n"
    for day, (begin, end) in hours.items():
        pair = json.dumps([f"{begin[:2]}:{begin[2:]}", f"{end[:2]}:{end[2:]}"]) if begin.isdigit() else json.dumps(begin)
        text += f"{day} = {pair}\n"
    return year, text + "[holidays]\n", dates


def bill(site, folder, holidays):
    """What comes of a day by that holidays file."""
    conf = (PRIME / "csa.conf").read_text()
    (site.root / "csa.conf").write_text(f"HOLIDAY_FILE {holidays}\n{conf}")
    pacct, sorted_file = site.root / "pacct", site.root / "spacct"
    (site.root / "pacct1").write_bytes((folder / "pacct1").read_bytes())
    site.must("csabuild", "-P", pacct, "-s", sorted_file, "-i")
    return [without_times(sorted_file.read_bytes()), site.must("csacon", "-A", "-s", sorted_file), site.must("csacms", "-a", "-p", "-o", "-S", sorted_file)]


def same_bill():
    year, head, dates = forms()
    with Site() as site:
        toml = site.root / "csa.holidays.toml"

        def by(text):
            toml.write_text(text)
            return bill(site, PRIME, toml)

        wanted = bill(site, PRIME, PRIME / "csa.holidays")
        every = "".join(f'{month:02}-{day:02} = "a holiday"\n' for month, day in dates)
        if year.startswith("*"):
            corral.equal(by(head + every) == wanted, True, "the same bill, by holidays of every year")
        corral.equal(len(dates) > 0, True, "there are holidays")
        years = range(2020, 2031)
        each = "".join(f'{one}-{month:02}-{day:02} = "a holiday"\n' for one in years for month, day in dates)
        corral.equal(by(head + each) == wanted, True, "the same bill, by holidays of eleven years")
        corral.equal(by(head) == wanted, False, "without holidays it is another")
        other = "".join(f'{one}-{month:02}-{day:02} = "a holiday"\n' for one in (2001, 2002) for month, day in dates)
        corral.equal(by(head + other) == by(head), True, "those of other years count no more than none")
        golden = bill(site, GOLDEN / "in", GOLDEN / "in/csa.holidays")
        toml.write_text(HOURS + '[holidays]\n01-01 = "a"\n05-31 = "b"\n11-25 = "c"\n11-26 = "d"\n12-27 = "e"\n')
        corral.equal(bill(site, GOLDEN / "in", toml) == golden, True, "the same of the golden day")


def faults():
    with Site() as site:
        toml = site.root / "wrong.toml"
        for text, said in (
            (HOURS.replace("07:30", "7:30"), ":2: prime_time.weekday: the value is ['7:30', '17:30'], expected"),
            (HOURS + '[holidays]\n2026-02-29 = "none"\n', ":6: holidays.2026-02-29: there is no such day, expected a date"),
            ("[prime_time]\n", "prime_time.sunday: it is missing, expected"),
        ):
            toml.write_text(text)
            conf = (PRIME / "csa.conf").read_text()
            (site.root / "csa.conf").write_text(f"HOLIDAY_FILE {toml}\n{conf}")
            done = site.run("csabuild", "-P", PRIME / "pacct", "-s", site.root / "spacct", text=True)
            corral.check(f"{toml}" in done.stderr and said in done.stderr and "nothing is prime time" in done.stderr, said, done.stderr)


def units_of_report():
    """`corral report --units` reads TOML too: csa.toml, and the holidays that it names."""
    with Site() as site:
        (site.root / "h.toml").write_text(HOURS)
        text = (corral.SOURCE / "contrib/csa/csa.toml").read_text().replace("/var/csa/csa.holidays", str(site.root / "h.toml"))
        (site.root / "csa.toml").write_text(text)
        site.conf = "csa.toml"
        words = [corral.COMMAND, "report", "--units", "--json", GOLDEN / "in/pacct1"]
        done = subprocess.run(list(map(str, words)), env=site.environment(), capture_output=True, text=True, check=False)
        corral.equal((done.returncode, done.stderr), (0, ""), "corral report --units by csa.toml")
        corral.check('"units"' in done.stdout, "has units", done.stdout[:300])


def main():
    for test in (same_bill, faults, units_of_report):
        if len(sys.argv) < 2 or test.__name__ in sys.argv[1:]:
            test()


main()
