#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""corral report over very many jobs of one process each: memory is some 100 bytes a job, rows of jobs are in their order and those
of one jid are one, and an index makes such reports quicker."""

import json
import os
import pathlib
import subprocess
import tempfile

import corral
import costs
import csa_files
from csa_golden_files import GOLDEN, golden_site

RECORDS = (GOLDEN / "in/pacct1").read_bytes()
JOBS = 100_000
FORMS = (["--json"], ["--csv"], ["--json", "--units"])
SITE = {"env": {**os.environ, "TZ": "UTC", "CSACONFIG": "in/csa.conf"}, "cwd": golden_site()}


def report(*words):
    return subprocess.run([corral.COMMAND, "report", *map(str, words)], capture_output=True, text=True, check=True, timeout=120, **SITE).stdout


def is_lean(folder):
    for form in FORMS:
        few, many = (costs.of("report", "--by", "job", *form, folder / name, **SITE)[0] for name in ("few", "many"))
        corral.check(many < few + 200 * JOBS // 1024, f"{form}: {few} KiB for a job, {many} KiB for {JOBS}, less than 200 bytes each")


def is_right(folder):
    """Each job has the numbers of its process, the most processor time first, jids that share it as they are written."""
    wanted = {}
    for entry in csa_files.entries((folder / "many").read_bytes()):
        if entry.kind == csa_files.PROCESS:
            wanted[hex(entry.number(csa_files.PROCESS, 48))] = (entry.number(csa_files.PROCESS, 104), entry.number(csa_files.PROCESS, 112))
    corral.equal(len(wanted), JOBS, "jobs in the file")
    rows = json.loads(report("--by", "job", "--json", folder / "many"))["rows"]
    corral.equal([(row["job"], row["user_us"], row["system_us"]) for row in rows],
                 [(jid, *use) for jid, use in sorted(wanted.items(), key=lambda item: (-sum(item[1]), item[0]))], "all jobs, in their order")  # fmt: skip
    corral.equal({(row["jobs"], row["open_jobs"], row["processes"]) for row in rows}, {(1, 0, 1)}, "of one process each")


def is_one_row(folder):
    """Jobs of two boots that have one jid, and one that has no end."""
    (folder / "twice").write_bytes(RECORDS + RECORDS)
    once, twice = (json.loads(report("--by", "job", "--json", "--units", *files))["rows"] for files in ([GOLDEN / "in/pacct1"], [folder / "twice"]))
    corral.equal(len(twice), len(once), "as many rows")
    twice = {row["job"]: row for row in twice}
    for row in once:
        if row["open_jobs"]:  # the second start is of the same one
            continue
        found = twice[row["job"]]
        for key in ("jobs", "processes", "user_us", "system_us", "wall_us", "read_bytes", "units"):
            corral.check(found[key] == (None if row[key] is None else 2 * row[key]), f"{row['job']}: {key} of both", (row[key], found[key]))
        corral.equal(found["memory_peak_bytes"], row["memory_peak_bytes"], "and the largest memory of any")


def is_quick(folder):
    """By the index in less time than from the file, whatever the rows are by."""
    plain = {by: report("--by", by, "--json", folder / "many") for by in ("job", "user", "day")}
    indexed = folder / "indexed"
    indexed.mkdir()
    os.link(folder / "many", indexed / "pacct")
    most, _ = costs.of("index", indexed / "pacct")
    corral.check(most < costs.of("index", folder / "few")[0] + 64 * 1024, f"corral index needs {most} KiB")
    for by, wanted in plain.items():
        corral.equal(report("--by", by, "--json", indexed / "pacct"), wanted, f"by {by}: the same")
        words = ("report", "--by", by, "--csv")
        rounds = [[costs.of(*words, path)[1] for path in (folder / "many", indexed / "pacct")] for _ in range(5)]
        files, index = map(min, zip(*rounds))
        most = 0.75 if by != "job" else 1  # of each job a row is printed
        corral.check(index < most * files, f"by {by}: {files:.3f} s by the file, {index:.3f} s by the index")


def main():
    with tempfile.TemporaryDirectory(prefix="corral-jobs-") as place:
        folder = pathlib.Path(place)
        csa_files.write_many(folder / "many", RECORDS, JOBS, JOBS)
        csa_files.write_many(folder / "few", RECORDS, 1, 1)
        is_lean(folder)
        is_right(folder)
        is_one_row(folder)
        is_quick(folder)


main()
