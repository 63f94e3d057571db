#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Files of the other byte order, as tests/support/foreign.py turns them by the
published layout: every command line of the golden set gives the same on them as
on the files as they are, also corral report, records, index and archive; and
every field that 'corral records' shows is what it was."""

import functools
import json
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile

import corral
import csa_files
import csa_golden_files as golden
import foreign

ENVIRONMENT = {**os.environ, "TZ": "UTC", "LC_ALL": "C"}
MAGIC = struct.pack("<H", foreign.LITTLE)
NAMES = "ja csacom csabuild csaverify csaedit csarecy csacon csaaddc csacms csacrep csajrep csadrep".split()
# csa_golden.py's: the set keeps these under other names, or they were made with -o 1 of a day ago.
LEFT = ("damaged/", "more/")
TEXTS = {".cmd", ".out", ".err", ".rc"}  # what the set says of its command lines


def command_lines():
    for path in sorted(golden.GOLDEN.rglob("*.cmd")):
        if not str(path.relative_to(golden.GOLDEN)).startswith(LEFT):
            yield str(path.relative_to(golden.GOLDEN).with_suffix("")), path.read_text().strip().replace(" -o 1", " -o 20000")


def turn_all(folder):
    """Every accounting file below; how many records of each type there are."""
    count = {}
    for path in folder.rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        if data[:2] == MAGIC and not {"damaged", "more"} & set(path.parts):
            other = foreign.turned(data)
            assert foreign.turned(other) == foreign.native(data) and other[:2] != data[:2]
            path.write_bytes(other)
            for kind in foreign.SIZES:
                count[kind] = count.get(kind, 0) + data.count(struct.pack("<HHB", foreign.LITTLE, 0o6000, kind))
    return count


@functools.cache
def comparable(name, data):
    """A file, whichever order it is in."""
    if data[:2] in (MAGIC, struct.pack(">H", foreign.BIG)):
        data = foreign.native(data)
    return golden.repeatable(name, data)


def files_of(work):
    return {path: path.read_bytes() for path in work.rglob("*") if path.suffix not in TEXTS and path.is_file() and not {"damaged", "more"} & set(path.parts)}


def run(line, work, commands):
    """What it says, and all files behind it."""
    before = files_of(work)
    done = subprocess.run(["sh", "-c", line], cwd=work, env={"PATH": f"{commands}:{os.environ['PATH']}"}, stdin=subprocess.DEVNULL,
                          capture_output=True, check=False, timeout=60)  # fmt: skip
    after = files_of(work)
    written = {str(path.relative_to(work)): comparable(path.name, data) for path, data in after.items()}
    for path in [path for path in after if before.get(path) != after[path]]:
        path.unlink()
        if path in before:
            path.write_bytes(before[path])
    out = done.stdout
    if out[:2] in (MAGIC, struct.pack(">H", foreign.BIG)):
        out = foreign.native(out)
    return {"output": out, "errors": done.stderr, "code": done.returncode, **written}


def commands_of_csa(root):
    commands = root / "bin"
    commands.mkdir()
    for name in NAMES:
        (commands / name).symlink_to(corral.COMMAND)
    (commands / "jobrun").write_text('#!/bin/sh\nexec "$@"\n')
    (commands / "jobrun").chmod(0o755)
    sets = [root / "native", root / "foreign"]
    for folder in sets:
        shutil.copytree(golden.GOLDEN, folder)
    count = turn_all(sets[1])
    corral.check(all(count.get(kind, 0) for kind in (0o1, 0o14, 0o20, 0o122)), f"files of the set are turned: {count}")
    ran, wrong = 0, []
    for name, line in command_lines():
        as_it_is, other = (run(line, folder, commands) for folder in sets)
        ran += 1
        if as_it_is != other:
            wrong.append(name)
            print(f"--- {name}: {line}")
            for what in as_it_is.keys() | other.keys():
                if as_it_is.get(what) != other.get(what):
                    print(f"  {what}: {str(other.get(what))[:300]}\n  instead of {str(as_it_is.get(what))[:300]}")
    corral.check(ran > 200, f"{ran} command lines of the set")
    corral.equal(wrong, [], "give the same on files of the other byte order")


def corral_json(*words, code=0):
    done = subprocess.run([corral.COMMAND, *map(str, words)], capture_output=True, text=True, check=False, env=ENVIRONMENT, timeout=60)
    corral.equal(done.returncode, code, f"corral {' '.join(map(str, words))}: {done.stderr}")
    return done.stdout


def commands_of_ours(root):
    """Reports, by index and packed too."""
    folders = [root / "a", root / "b"]
    for folder, turn in zip(folders, (bytes, foreign.turned)):
        folder.mkdir()
        for number in (1, 2):
            (folder / f"pacct{number}").write_bytes(turn((golden.GOLDEN / f"in/pacct{number}").read_bytes()))
            os.utime(folder / f"pacct{number}", (1, number))
        (folder / "pacct").write_bytes(turn((golden.GOLDEN / "in/pacct1").read_bytes()))

    def said(*words):
        found = []
        for folder in folders:
            done = subprocess.run([corral.COMMAND, *words], capture_output=True, text=True, check=False, timeout=60,
                                  env={**ENVIRONMENT, "CORRAL_PACCT": str(folder / "pacct"), "CORRAL_CONFIG": "/nowhere"})  # fmt: skip
            found.append((done.returncode, done.stdout.replace(str(folder), "F"), done.stderr.replace(str(folder), "F")))
        return found

    def same(what):
        for words in (["--by", by, "--json"] for by in "job user group project account command node day hour".split()):
            one, other = said("report", *words)
            corral.check(one == other and one[0] == 0 and len(one[1]) > 100, f"{what}: corral report {' '.join(words)}", one, other)
        for words in (["0x13", "--json"], ["0x13"], ["--openmetrics"], ["--csv"]):
            one, other = said("report", *words)
            corral.check(one == other and one[0] == 0, f"{what}: corral report {' '.join(words)}", one, other)

    same("plain")
    corral.equal([code for code, _, _ in said("index")], [0, 0], "corral index takes them")
    corral.check(all((folder / ".corral-index").exists() for folder in folders), "and is there")
    same("by index")
    corral.equal([code for code, _, _ in said("archive")], [0, 0], "corral archive packs them")
    corral.check(all((folder / "pacct1.zst").exists() for folder in folders), "and they are packed")
    same("packed")


def fields():
    """Every number of every record, one by one, as a walk of the test's own finds it in the file as it is."""
    data = (golden.GOLDEN / "in/pacct1").read_bytes()
    with tempfile.TemporaryDirectory() as name:
        file = pathlib.Path(name, "turned")
        file.write_bytes(foreign.turned(data))
        records = [json.loads(line) for line in corral_json("records", "--json", file).splitlines()]
    processes = [record for record in records if record["kind"] == "process"]
    entries = [entry for entry in csa_files.entries(data) if entry.kind == csa_files.PROCESS]
    corral.equal(len(processes), len(entries), "as many processes")
    for record, entry in zip(processes, entries):
        wanted = {key: entry.number(csa_files.PROCESS, at) for key, at in (("user_us", 104), ("system_us", 112))}
        wanted |= {key: entry.number(csa_files.PROCESS, at, "<I") for key, at in (("uid", 28), ("gid", 32), ("pid", 64), ("ppid", 68))}
        wanted["jid"] = f"{entry.number(csa_files.PROCESS, 48):#x}"
        wanted["name"] = entry.records[csa_files.PROCESS][80:96].split(b"\0")[0].decode()
        for kind, keys in FIELDS.items():
            if kind in entry.records:
                wanted |= {key: int(entry.number(kind, at) * scale) if scale >= 1 else entry.number(kind, at) // 1000 for key, at, scale in keys}
        found = {key: record.get(key) for key in wanted}
        if found != wanted:
            corral.fail(f"a process is {found}, not {wanted}; {record}")
    ends = [record for record in records if record["kind"] == "end"]
    wanted = [(f"{entry.number(csa_files.END, 48):#x}", entry.number(csa_files.END, 28, "<I"), entry.number(csa_files.END, 72) * 1000000)
              for entry in csa_files.entries(data) if entry.kind == csa_files.END]  # fmt: skip
    corral.equal([(record["jid"], record["uid"], record["ended_us"]) for record in ends], wanted, "every end")
    corral.check(all(any(kind in entry.records for entry in entries) for kind in FIELDS), f"{len(entries)} processes: every field of base, mem, io and delay")


FIELDS = {
    csa_files.MEMORY: (("peak_resident_bytes", 16, 1024), ("peak_virtual_bytes", 48, 1024), ("resident_mbyte_us", 24, 1),
                       ("virtual_mbyte_us", 56, 1), ("minor_faults", 88, 1), ("major_faults", 96, 1)),
    csa_files.IO: (("read_bytes", 16, 1), ("written_bytes", 24, 1), ("read_calls", 32, 1), ("write_calls", 40, 1)),
    csa_files.DELAY: (("processor_waits", 8, 1), ("processor_delay_us", 16, 0.001), ("block_waits", 24, 1), ("block_delay_us", 32, 0.001),
                      ("swap_waits", 40, 1), ("swap_delay_us", 48, 0.001)),
}  # fmt: skip


def main():
    with tempfile.TemporaryDirectory(prefix="corral-foreign-") as name:
        root = pathlib.Path(name)
        commands_of_csa(root)
        commands_of_ours(root)
    fields()


main()
