#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Each limit with each engine, tried: what comes of it is what `corral doctor --limits` says of this host and, on the
machine that docs/CGROUPS.md has a column of, what stands there."""

import os
import pathlib
import subprocess
import tempfile

from rate_limits import disk

from corral import COMMAND, SOURCE, Instance, check, engines, equal, not_checked

PAGE = SOURCE / "docs" / "CGROUPS.md"
USER = 54329  # nobody else's: all of its processes count
BEGIN, END = "<!-- limit table: begin -->", "<!-- limit table: end -->"
ENGINES = (*engines(), "pidns", *(("cgroup2+pidns",) if "cgroup2" in engines() else ()))


def table_of(text):
    """{(kernel, engine): {limit: verdict}} of the page."""
    lines = text[text.index(BEGIN) : text.index(END)].splitlines()[1:]
    rows = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    columns = [tuple(title.split(", ")) for title in rows[0][1:]]
    return {column: {row[0]: row[1 + at] for row in rows[2:]} for at, column in enumerate(columns)}


def cells_of(lines):
    """{engine: {limit: verdict}} of what the probes told."""
    cells = {}
    for line in lines:
        words = line.split(maxsplit=3)
        if len(words) == 4 and words[0] == "CELL":
            cells.setdefault(words[1], {})[words[2]] = words[3]
    return cells


def compare(kernel, cells):
    """The page's columns of that kernel with what was measured; CORRAL_WRITE_TABLE: the page becomes that."""
    if os.environ.get("CORRAL_WRITE_TABLE"):
        write(kernel, cells)
    page = table_of(PAGE.read_text())
    for engine, column in cells.items():
        equal(page.get((kernel, engine)), column, f"{kernel}, {engine}: the page says what was measured")


def write(kernel, cells):
    text = PAGE.read_text()
    page = table_of(text)
    for engine, column in cells.items():
        page[(kernel, engine)] = column
    limits = list(next(iter(cells.values())))
    lines = ["| limit | " + " | ".join(", ".join(column) for column in page) + " |", "|---" * (len(page) + 1) + "|"]
    lines += ["| `" + limit + "` | " + " | ".join(page[column].get(limit, "") for column in page) + " |" for limit in limits]
    begin, end = text.index(BEGIN), text.index(END)
    PAGE.write_text(text[:begin] + BEGIN + "\n" + "\n".join(lines) + "\n" + text[end:])


def is_development_machine(doctor):
    """A hybrid machine with every hierarchy of version 1, as root: what the page's column is of."""
    cells = doctor["limit_table"]["cgroup2"]
    held = [cells[limit]["held_by"] for limit in ("memory", "processes", "cpu-rate", "cpu-set", "io-rate", "swap")]
    return held == ["cgroup1"] * 6 and os.geteuid() == 0


def is_of(pid, user):
    try:
        return os.stat(f"/proc/{pid}").st_uid == user
    except OSError:
        return False


def tried(instance, engines_tried, **who):
    """{engine: {limit: verdict}}, which is held against what doctor says to whoever runs it."""
    threads = sum(len(os.listdir(f"/proc/{pid}/task")) for pid in os.listdir("/proc") if pid.isdigit() and is_of(pid, who.get("user")))
    environment = {**instance.environment, "TASKS": str(threads + 6 if who else 5), "PATH": f"{COMMAND.parent}:{os.environ['PATH']}", "DISK": str(disk(instance.folder) or "")}
    told = subprocess.run(["sh", str(SOURCE / "tests" / "vm" / "limit_probes.sh"), *engines_tried], env=environment,
                          capture_output=True, text=True, timeout=280, check=False, **who)
    cells = cells_of(told.stdout.splitlines())
    doctor = instance.facts("doctor", **who)
    check(set(cells) == set(engines_tried), "every engine was tried", told.stdout, told.stderr)
    for engine, column in cells.items():
        wanted = {limit: cell["verdict"] for limit, cell in doctor["limit_table"][engine].items()}
        if not environment["DISK"]:
            for limit in ("io-rate", "io-ops"):
                column[limit] = wanted[limit]
        equal(column, wanted, f"{engine}: what doctor says is what happens")
    return cells, is_development_machine(doctor) and bool(environment["DISK"])


def main():
    with Instance() as instance:
        cells, is_the_machine = tried(instance, ENGINES)
        if is_the_machine:
            compare("Linux 6.18 hybrid", cells)
        else:
            not_checked("needs the development machine's hierarchies")
    if os.geteuid() != 0:
        return
    with tempfile.TemporaryDirectory(dir="/var/tmp") as home:
        for folder in (home, f"{home}/run", f"{home}/log"):
            os.makedirs(folder, 0o700, exist_ok=True)
            os.chown(folder, USER, USER)
        with Instance(user=USER, engine="subreaper", folder=home, environment={"HOME": home}) as instance:
            cells, _ = tried(instance, ["subreaper"], user=USER, group=USER, extra_groups=[])
            if is_the_machine:
                compare("Linux 6.18 user", cells)


if __name__ == "__main__":
    main()
