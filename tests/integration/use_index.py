#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""corral index: reports by it are those of the files, byte for byte, whatever became of the files, the index, or the command
that wrote it; and nobody reads by it what he may not read in the files."""

import os
import pathlib
import random
import re
import shutil
import signal
import sqlite3
import struct
import subprocess
import tempfile
import time

import corral
import csa_files
from csa_golden_files import GOLDEN

RECORDS = [(GOLDEN / f"in/pacct{number}").read_bytes() for number in (1, 2)]
KEYS = ("job", "user", "group", "project", "account", "command", "day", "hour", "node")


def run(folder, *words, code=0, **options):
    environment = {**os.environ, "TZ": "UTC", "CORRAL_PACCT": str(folder / "pacct"), "CORRAL_CONFIG": str(folder / "corral.toml"),
                   **options.pop("env", {})}  # fmt: skip
    done = subprocess.run([corral.COMMAND, *map(str, words)], capture_output=True, check=False, env=environment, timeout=120, **options)
    if code is not None:
        corral.equal(done.returncode, code, f"corral {' '.join(map(str, words))}: {done.stderr.decode(errors='replace')[-500:]}")
    return done.returncode, done.stdout, done.stderr


def index(folder, *words, **options):
    return run(folder, "index", *words, **options)[1].decode()


def jids(data):
    return sorted({entry.number(csa_files.PROCESS, 48) for entry in csa_files.entries(data) if entry.kind == csa_files.PROCESS} - {0})


def reports(folder):
    """What every kind of report says."""
    said = {}
    for key in KEYS:
        for form in ("--json", "--csv"):
            said[key, form] = run(folder, "report", "--by", key, form, code=None)
    for words in (["--user", "0"], ["--since", "2026-11-01", "--by", "command"], ["--until", "2000-01-01"], ["--openmetrics"]):
        said[tuple(words)] = run(folder, "report", *words, code=None)
    for jid in jids(RECORDS[0])[:4]:
        said[jid] = run(folder, "report", hex(jid), "--json", code=None)
    page = folder / "page.html"
    run(folder, "report", "--html", page, code=None)
    said["page"] = re.sub("Made by corral .*</footer>", "", page.read_text())
    page.unlink()
    return said


def without_index(folder):
    """The same by the files alone."""
    place = folder / ".corral-index"
    aside = folder / ".aside"
    if place.exists():
        place.rename(aside)
    said = reports(folder)
    if aside.exists():
        aside.rename(place)
    return said


def opens(folder, *words):
    """The files that a report reads much of, by their names."""
    trace = folder / "trace"
    run(folder, "report", *words, code=None)
    done = subprocess.run(["strace", "-f", "-e", "trace=pread64", "-y", "-o", trace, corral.COMMAND, "report", *words], capture_output=True, check=False, timeout=60,
                          env={**os.environ, "TZ": "UTC", "CORRAL_PACCT": str(folder / "pacct")})  # fmt: skip
    corral.equal(done.returncode, 0, "traced")
    read = {}
    for line in trace.read_text().splitlines():
        if "pread64(" in line and line.rsplit("= ", 1)[1].isdigit():
            name = pathlib.Path(line.split("<", 1)[1].split(">", 1)[0]).name
            read[name] = read.get(name, 0) + int(line.rsplit("= ", 1)[1])
    trace.unlink()
    return read


def make(folder):
    folder.mkdir()
    (folder / "pacct1").write_bytes(RECORDS[0])
    (folder / "pacct2").write_bytes(RECORDS[1])
    (folder / "pacct").write_bytes(RECORDS[0])
    for file in folder.iterdir():
        file.chmod(0o640)


def same(folder, text):
    corral.check(reports(folder) == without_index(folder), text)


def grows(folder):
    plain = without_index(folder)
    corral.check(all(code == 0 for key, value in plain.items() if key != "page" for code in value[:1]), "all reports are made")
    text = index(folder)
    corral.equal([line.split(":")[0].rsplit("/", 1)[1] for line in text.splitlines()], ["pacct1", "pacct2", "pacct"], "all files are indexed")
    corral.check(reports(folder) == plain, "every report is the same by the index")
    if shutil.which("strace"):
        corral.check(max(size for name, size in opens(folder, "--by", "user").items() if name.startswith("pacct")) <= 8200, "of the files little is read")
    corral.equal([line.split(": ")[1].split(",")[0] for line in index(folder).splitlines()], ["up to date"] * 3, "the next run has nothing to do")
    with (folder / "pacct").open("ab") as file:
        file.write(RECORDS[1])
    same(folder, "a file that has grown is read from where the index ends")
    corral.equal([line.split(": ")[1].split(",")[0] for line in index(folder).splitlines()], ["up to date", "up to date", "indexed"], "and added")
    same(folder, "then too")
    with (folder / "pacct").open("ab") as file:
        file.write(RECORDS[1][:1000])
    index(folder)
    with (folder / "pacct").open("ab") as file:
        file.write(RECORDS[1][1000:])
    same(folder, "an append that was torn when it was indexed")
    index(folder)
    (folder / "pacct").rename(folder / "pacct3")
    (folder / "pacct").write_bytes(RECORDS[0])
    same(folder, "a switched file is known by its new name")
    corral.check("up to date" in [line for line in index(folder).splitlines() if "pacct3" in line][0], "and not read again")
    run(folder, "archive")
    same(folder, "files that were packed since")
    index(folder)
    same(folder, "and indexed again")
    (folder / "pacct1.zst").unlink()
    same(folder, "a file that is gone")
    corral.check("removed" in index(folder), "goes from the index")
    same(folder, "and stays away")


def missing(folder):
    """What is not there, nor was, is a slip."""
    listed = sorted(path.name for path in folder.iterdir())
    for verb in ("index", "archive"):
        said = run(folder, verb, folder / "nofile", code=1)[2]
        corral.check(b"nofile': No such file or directory" in said, f"corral {verb} of a file that is not there", said)
    corral.equal(sorted(path.name for path in folder.iterdir()), listed, "and nothing is made")


def changes(folder):
    """A file that changed otherwise than by growing is not taken for what it was."""
    index(folder)
    data = bytearray(RECORDS[0])
    all_entries = [entry for entry in csa_files.entries(bytes(data)) if entry.kind == csa_files.PROCESS]
    entry = all_entries[len(all_entries) // 2]
    corral.check(4096 < entry.offset < len(data) - 4096, "in the midst, which no checksum is of")
    struct.pack_into("<Q", data, entry.offset + 104, 123456789)
    with (folder / "pacct1").open("r+b") as file:
        file.write(data)
    same(folder, "a file that was written over")
    index(folder)
    same(folder, "and indexed")
    (folder / "pacct2").write_bytes(RECORDS[1][: len(RECORDS[1]) // 2])
    same(folder, "a file that was cut off")
    other = folder / "other"
    other.write_bytes(RECORDS[0])
    other.rename(folder / "pacct2")
    same(folder, "another file of its name")
    damaged = bytearray(RECORDS[0])
    at = [entry.offset for entry in csa_files.entries(RECORDS[0]) if entry.kind == csa_files.PROCESS][10]
    damaged[at : at + 50] = bytes(50)
    (folder / "pacct2").write_bytes(damaged)
    index(folder)
    same(folder, "a damaged file, which is told again by each report")
    corral.check(b"were passed over" in run(folder, "report", code=1)[2], "as without an index")


def is_damaged(folder):
    """Whatever is in the index, a report is that of the files."""
    index(folder)
    plain = without_index(folder)
    quick = {key: value for key, value in plain.items() if key in (("user", "--json"), ("command", "--json"), ("job", "--csv"))}
    place = folder / ".corral-index"
    whole = place.read_bytes()
    generator = random.Random(11)
    seen = 0
    for number in range(60):
        data = bytearray(whole)
        kind = number % 3
        if kind == 0:
            at = generator.randrange(len(data))
            data[at] ^= 1 << generator.randrange(8)
        elif kind == 1:
            del data[generator.randrange(len(data)) :]
        else:
            at = generator.randrange(0, len(data), 512)
            data[at : at + 512] = generator.randbytes(512)
        place.write_bytes(data)
        for key, wanted in quick.items():
            seen += run(folder, "report", "--by", *key, code=None) != wanted
    corral.equal(seen, 0, "60 damaged indices: no report was another")
    place.write_bytes(whole)
    change = sqlite3.connect(place)
    packed = change.execute("SELECT rowid, packed FROM job").fetchall()
    for row, data in packed:
        changed = bytearray(data)
        changed[-1] ^= 1
        change.execute("UPDATE job SET packed = ? WHERE rowid = ?", (bytes(changed), row))
    change.commit()
    corral.check(reports(folder) == plain, "numbers that were changed are not believed")
    change.execute("DELETE FROM command WHERE number > 0")
    change.commit()
    corral.check(reports(folder) == plain, "nor rows that are missing")
    change.close()
    index(folder)
    corral.check(reports(folder) == plain, "corral index makes it anew")
    corral.equal(sqlite3.connect(place).execute("SELECT rowid, packed FROM job").fetchall() == packed, True, "from the files")
    change = sqlite3.connect(place)
    change.execute("PRAGMA user_version = 99")
    change.commit()
    change.close()
    corral.check(reports(folder) == plain, "an index of another version is not used")
    index(folder)
    corral.equal(sqlite3.connect(place).execute("PRAGMA user_version").fetchone()[0], 4, "and replaced")
    place.write_bytes(b"no database")
    corral.check(reports(folder) == plain, "nor one that is none")
    index(folder, "--rebuild")
    corral.check(reports(folder) == plain, "--rebuild")
    place.unlink()
    corral.check(reports(folder) == plain, "nor is one needed")


def is_killed(folder):
    """kill -9 at any time leaves what is right as far as it says, or is not used."""
    with (folder / "pacct").open("wb") as file:
        for _ in range(400):
            file.write(RECORDS[0])
    keys = (("user", "--json"), ("command", "--csv"))
    wanted = [run(folder, "report", "--by", *key) for key in keys]
    environment = {**os.environ, "CORRAL_PACCT": str(folder / "pacct")}
    begun = time.monotonic()
    subprocess.run([corral.COMMAND, "index", "--rebuild"], check=True, capture_output=True, env=environment)
    whole = time.monotonic() - begun
    generator = random.Random(5)
    ended = 0
    words = ["index"]
    for number in range(100):
        started = subprocess.Popen([corral.COMMAND, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
        time.sleep(generator.random() * whole / 2)
        if number % 6 == 0:  # a reader meanwhile
            corral.equal(run(folder, "report", "--by", *keys[0]), wanted[0], "a report while the index is written")
        started.send_signal(signal.SIGKILL)
        was_killed = started.wait() == -signal.SIGKILL
        ended += was_killed
        words = ["index"] if was_killed and number % 4 else ["index", "--rebuild"]
        corral.check([run(folder, "report", "--by", *key) for key in keys] == wanted, "a report after it was killed")
        if ended == 16:
            break
    corral.equal(ended, 16, "of 100 were killed at work")
    index(folder)
    corral.check([run(folder, "report", "--by", *key) for key in keys] == wanted, "the next run ends what was begun")


def is_refused(folder):
    """What a disk refuses is said as it is; an index that holds nothing then is not left, one that held something is."""
    if not shutil.which("strace"):
        return
    place = folder / ".corral-index"

    def refuse(call, code, when):
        environment = {**os.environ, "CORRAL_PACCT": str(folder / "pacct"), "CORRAL_CONFIG": str(folder / "corral.toml")}
        done = subprocess.run(["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error={code}:when={when}", corral.COMMAND, "index"],
                              capture_output=True, text=True, check=False, timeout=60, env=environment)  # fmt: skip
        return done.returncode, done.stderr

    for call, code, words in (("pwrite64", "ENOSPC", "No space left on device"), ("pwrite64", "EDQUOT", "Disk quota exceeded"),
                              ("fdatasync", "EIO", "Input/output error"), ("fchmod", "EROFS", "Read-only file system")):  # fmt: skip
        for when in ("1+", "4+"):
            ended, said = refuse(call, code, when)
            if call != "pwrite64" and ended == 0:  # so many are not called
                place.unlink()
                continue
            corral.check(ended == 1 and words in said, f"{call} from {when} on is refused by {code}: {said}")
            corral.equal(sorted(path.name for path in folder.iterdir()), ["pacct", "pacct1", "pacct2"], "no index is left")
    index(folder)
    before = reports(folder)
    with (folder / "pacct").open("ab") as file:
        file.write(RECORDS[1])
    ended, said = refuse("pwrite64", "ENOSPC", "1+")
    corral.check(ended == 1 and "No space left on device" in said and place.exists(), f"one that held something stays: {said}")
    corral.check(before != reports(folder) == without_index(folder), "and is right")


def is_private(folder):
    """The index is as closed as the files are."""
    index(folder)
    place = folder / ".corral-index"
    corral.equal(oct(place.stat().st_mode & 0o777), oct(0o640), "the files' mode")
    (folder / "pacct2").chmod(0o600)
    index(folder)
    corral.equal(oct(place.stat().st_mode & 0o777), oct(0o600), "what one may not read, none reads by it")
    for file in folder.glob("pacct*"):
        file.chmod(0o664)
    index(folder)
    corral.equal(oct(place.stat().st_mode & 0o777), oct(0o644), "nobody else writes it")
    plain = reports(folder)
    if shutil.which("strace"):
        size = (folder / "pacct1").stat().st_size
        corral.check(opens(folder, "--by", "user")["pacct1"] < size, "which is read in place of the files")
        place.chmod(0o666)
        corral.check(opens(folder, "--by", "user")["pacct1"] >= size, "one that everybody may write is not believed")
    place.unlink()
    place.symlink_to("/etc/passwd")
    corral.check(reports(folder) == plain, "nor a link")
    before = pathlib.Path("/etc/passwd").stat()
    run(folder, "index", "--rebuild")
    after = pathlib.Path("/etc/passwd").stat()
    corral.equal((before.st_mode, before.st_mtime_ns), (after.st_mode, after.st_mtime_ns), "what it leads to stays as it is")
    corral.check(place.is_file() and not place.is_symlink(), "an index takes its place")
    if os.geteuid() == 0:
        for name, owner in (("pacct1", 12345), ("pacct2", 12346)):
            os.chown(folder / name, owner, owner)
        index(folder)
        facts = place.stat()
        corral.equal((oct(facts.st_mode & 0o777)), oct(0o600), "files of two owners: neither reads the other's")
    corral.equal(run(folder, "index", folder / "pacct", "/tmp/other/pacct", code=2)[1], b"", "one folder at a time")


def main():
    with tempfile.TemporaryDirectory(prefix="corral-index-") as place:
        top = pathlib.Path(place)
        for work in (missing, grows, changes, is_damaged, is_refused, is_killed, is_private):
            make(top / work.__name__)
            work(top / work.__name__)


main()
