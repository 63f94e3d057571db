#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""corral archive: switched accounting files are packed by zstd and read as they
were, by every command; killed between any two system calls nothing is lost or
counted twice; what is not kept is removed, and nothing else."""

import json
import os
import pathlib
import random
import shutil
import subprocess
import tempfile
import time

import corral
from csa_golden_files import GOLDEN
from csa_site import Site

RECORDS = (GOLDEN / "in/pacct1").read_bytes()


def run(*words, code=0, folder=None, **options):
    environment = options.pop("env", None) or {**os.environ, "TZ": "UTC"}
    if folder is not None:
        environment |= {"CORRAL_PACCT": str(folder / "pacct"), "CORRAL_CONFIG": str(folder / "corral.toml")}
    done = subprocess.run([corral.COMMAND, *map(str, words)], capture_output=True, text=True, check=False, env=environment, timeout=120, **options)
    corral.equal(done.returncode, code, f"corral {' '.join(map(str, words))}: {done.stderr}")
    return done


def archive(folder, *words, **options):
    text = run("archive", "--json", *words, folder=folder, **options).stdout
    return [(pathlib.Path(step["file"]).name, step["what"]) for step in map(json.loads, text.splitlines())]


def sums(folder):
    return run("report", "--by", "command", "--json", folder=folder).stdout


def make_files(folder, count=4):
    """pacct1 to pacctN, of which the last is the youngest, and pacct in use."""
    folder.mkdir(exist_ok=True)
    for number in range(1, count + 1):
        file = folder / f"pacct{number}"
        file.write_bytes(RECORDS)
        os.utime(file, (time.time(), time.time() - 86400 * (count - number + 1)))
    (folder / "pacct").write_bytes(RECORDS)


def names(folder):
    return sorted(file for file in os.listdir(folder) if file.startswith("pacct"))


def packs(folder):
    make_files(folder)
    os.chmod(folder / "pacct1", 0o640)
    before = sums(folder)
    facts = (folder / "pacct1").stat()
    corral.equal(archive(folder, "-n"), [("pacct1", "packed"), ("pacct2", "packed"), ("pacct3", "packed"), ("pacct4", "kept")], "what would be done")
    corral.equal(names(folder), ["pacct", "pacct1", "pacct2", "pacct3", "pacct4"], "was only told")
    with (folder / "pacct2").open("ab"):
        corral.equal(archive(folder), [("pacct1", "packed"), ("pacct2", "kept"), ("pacct3", "packed"), ("pacct4", "kept")], "what is done")
    corral.equal(names(folder), ["pacct", "pacct1.zst", "pacct2", "pacct3.zst", "pacct4"], "the youngest, and what is still written, stay")
    packed = (folder / "pacct1.zst").stat()
    corral.equal((packed.st_mode, packed.st_uid, packed.st_mtime_ns), (facts.st_mode, facts.st_uid, facts.st_mtime_ns), "rights and time are kept")
    corral.equal(sums(folder), before, "a report says the same")
    corral.equal(subprocess.run(["zstd", "-dcq", folder / "pacct1.zst"], capture_output=True, check=True).stdout, RECORDS, "zstd(1) reads it")
    print(f"# {len(RECORDS)} bytes -> {packed.st_size}")
    corral.equal(archive(folder), [("pacct2", "packed"), ("pacct4", "kept")], "the next run takes what is left")
    corral.equal(archive(folder), [("pacct4", "kept")], "and then there is nothing")


def commands_read(folder):
    """Every command that reads pacct files, also such as zstd(1) made in one frame, and from a pipe."""
    plain = folder / "plain"
    plain.write_bytes(RECORDS)
    packed = folder / "pacct1.zst"
    other = folder / "other"
    subprocess.run(["zstd", "-q", "-19", plain, "-o", other], check=True)
    for words in (["csacom"], ["csacom", "-b", "-M"], ["csaverify", "-v", "-P"], ["csaedit", "-A", "-P"], ["ja", "-c"], ["ja", "-s"], ["records"],
                  ["report"], ["report", "0x13"], ["csacms", "-a"]):  # fmt: skip
        said = {}
        for file in (plain, packed, other):
            done = subprocess.run([corral.COMMAND, *words, file], capture_output=True, text=True, check=False, timeout=60,
                                  env={**os.environ, "ACCT_JA_FILE": str(file), "TZ": "UTC"})  # fmt: skip
            said[file.name] = (done.returncode, done.stdout.replace(str(file), "FILE"), done.stderr.replace(str(file), "FILE"))
        corral.equal(said["pacct1.zst"], said["plain"], f"{' '.join(words)} reads what archive packed")
        corral.equal(said["other"], said["plain"], f"{' '.join(words)} reads what zstd(1) packed")
    with packed.open("rb") as file:
        piped = subprocess.run([corral.COMMAND, "csacom"], stdin=subprocess.Popen(["cat"], stdin=file, stdout=subprocess.PIPE).stdout, capture_output=True, check=True)
    corral.equal(piped.stdout, subprocess.run([corral.COMMAND, "csacom", plain], capture_output=True, check=True).stdout, "from a pipe too")
    corral.equal(run("report", folder / "pacct1").stdout, run("report", plain).stdout, "who names pacct1 finds pacct1.zst")
    for kind in ("plain", "packed"):
        work = folder / f"sort-{kind}"
        work.mkdir()
        for number in (1, 2):
            shutil.copy(plain if kind == "plain" else packed, work / f"W{number}")
        run("csabuild", "-i", "-P", work / "W", "-s", work / "spacct")
        corral.equal((work / "spacct").stat().st_size, (folder / "sort-plain/spacct").stat().st_size, "csabuild sorts packed files")


def streams(folder):
    """A file of several blocks that zstd(1) packed into one frame is unpacked on the way: there is no room for all of it."""
    folder.mkdir()
    plain, packed = folder / "P1", folder / "Q1"
    plain.write_bytes(RECORDS * (10 * (4 << 20) // len(RECORDS) // 3))
    subprocess.run(["zstd", "-q", "-3", plain, "-o", packed], check=True)
    nowhere = {**os.environ, "TZ": "UTC", "TMPDIR": "/nowhere"}
    for words in (["csacom", "-pkt"], ["csacom", "-J"], ["csaverify", "-v", "-P"], ["csaedit", "-A", "-P"], ["csacms", "-a"]):
        said = [subprocess.run([corral.COMMAND, *words, file], capture_output=True, text=True, check=False, timeout=60, env=nowhere) for file in (plain, packed)]
        one, other = ((done.returncode, done.stdout.replace(str(file), "F"), done.stderr.replace(str(file), "F")) for done, file in zip(said, (plain, packed)))
        corral.check(one == other, f"{' '.join(words)} reads {plain.stat().st_size} bytes in one frame without room for them", other[2][-300:])
    sorts = []
    for kind in "PQ":
        run("csabuild", "-i", "-P", folder / kind, "-s", folder / f"s{kind}", env=None if kind == "P" else nowhere)
        report = run("csajrep", "-Acb", "-s", folder / f"s{kind}").stdout.splitlines()
        sorts.append([line for line in report if not line.startswith("PERIOD ENDING AT")])  # now
        sorts.append((folder / f"s{kind}").stat().st_size)
    corral.check(sorts[:2] == sorts[2:], "csabuild, which reads twice, makes the same of it")
    back = [subprocess.run([corral.COMMAND, "csacom", "-b", file], capture_output=True, check=True, timeout=60).stdout for file in (plain, packed)]
    corral.check(back[0] == back[1], "backwards it is unpacked into a file")


def damaged(folder):
    whole = (folder / "pacct1.zst").read_bytes()
    file = folder / "bad.zst"
    generator = random.Random(7)
    sound, told = json.loads(run("report", "--json", folder / "plain").stdout)["rows"], [0, 0]
    for number in range(200):
        data = bytearray(whole)
        if number % 2:
            del data[generator.randrange(5, len(data)) :]
        else:
            data[generator.randrange(4, len(data))] ^= 1 << generator.randrange(8)
        file.write_bytes(data)
        done = subprocess.run([corral.COMMAND, "report", "--json", file], capture_output=True, text=True, check=False, timeout=60)
        is_told = "damaged or missing bytes" in done.stderr
        if done.returncode != (1 if is_told else 0):
            corral.fail(f"damaged file {number}: exit code {done.returncode}: {done.stderr}")
        rows = json.loads(done.stdout)["rows"]
        if is_told:
            told[number % 2] += 1
            if sum(row["processes"] for row in rows) > sum(row["processes"] for row in sound):
                corral.fail(f"damaged file {number} has more processes than the whole one")
        elif rows != sound:
            corral.fail(f"damaged file {number}: nobody tells it, and {rows} are not {sound}")
    corral.equal(told[1], 100, "100 files cut anywhere: each is told")
    corral.check(told[0] > 90, f"of 100 with a bit turned {told[0]} are told, the others say what they said")
    subprocess.run(f"head -c 3G /dev/zero | zstd -q -19 -f -o {file}", shell=True, check=True)
    begun = time.monotonic()
    swollen = run("report", file, code=1).stderr
    corral.check("File too large" in swollen and time.monotonic() - begun < 30, f"what swells without bound is given up: {swollen}")
    file.unlink()


def killed(folder):
    """At every system call that changes something, and then run again."""
    make_files(folder, 2)
    before = sums(folder)
    whole = folder.with_name("whole")
    shutil.copytree(folder, whole, copy_function=shutil.copy2)
    points = 0
    for call in ("write", "fdatasync", "fsync", "linkat", "rename", "unlink", "fchown", "fchmod", "utimensat", "openat"):
        for number in range(1, 40):
            shutil.rmtree(folder)
            shutil.copytree(whole, folder, copy_function=shutil.copy2)
            done = subprocess.run(["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when={number}",
                                   corral.COMMAND, "archive"], capture_output=True, check=False, timeout=60,
                                  env={**os.environ, "CORRAL_PACCT": str(folder / "pacct"), "CORRAL_CONFIG": str(folder / "none")})  # fmt: skip
            if done.returncode == 0:
                break
            points += 1
            if sums(folder) != before:
                corral.check(False, f"killed at {call} {number}: a report says the same", sorted(os.listdir(folder)))
            if number % 3 == 1:
                (folder / "pacct").rename(folder / "kept")
                subprocess.run([corral.COMMAND, "archive"], check=True, capture_output=True, env={**os.environ, "CORRAL_PACCT": str(folder / "pacct"), "CORRAL_CONFIG": str(folder / "none")})
                (folder / "kept").rename(folder / "pacct")
            run("archive", folder=folder)
            if sums(folder) != before or names(folder) != ["pacct", "pacct1.zst", "pacct2"]:
                corral.check(False, f"killed at {call} {number}: the next run finishes", sorted(os.listdir(folder)))
            if [name for name in os.listdir(folder) if name.startswith(".")]:
                corral.check(False, f"killed at {call} {number}: nothing is left over", sorted(os.listdir(folder)))
    corral.check(points > 20, f"killed at {points} system calls: nothing lost, nothing twice")


def at_once(folder):
    """Two at once: what the other did while this one was held at a call on pacct1 is done, and nobody tells a failure."""
    make_files(folder, 3)
    before = sums(folder)
    whole = folder.with_name("at-once-whole")
    shutil.copytree(folder, whole, copy_function=shutil.copy2)
    trace = folder.with_name("at-once-trace")
    for call, file, words in (("openat", "pacct1", []), ("unlink", "pacct1", []), ("openat", "pacct1.zst", ["--keep-for", "2d12h"]),
                              ("unlink", "pacct1.zst", ["--keep-for", "2d12h"])):  # fmt: skip
        shutil.rmtree(folder)
        shutil.copytree(whole, folder, copy_function=shutil.copy2)
        trace.unlink(missing_ok=True)
        held = subprocess.Popen(["strace", "-f", "-qq", "-o", trace, "-P", folder / file, "-e", f"trace={call}", "-e", f"inject={call}:delay_enter=1500000:when=1",
                                 corral.COMMAND, "archive", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env={**os.environ, "CORRAL_PACCT": str(folder / "pacct"), "CORRAL_CONFIG": str(folder / "none")})  # fmt: skip
        corral.wait_until(lambda: trace.exists() and call in trace.read_text(), what=f"one held at its {call} of {file}")
        done = archive(folder, *words)
        said, faults = held.communicate(timeout=60)
        corral.equal((held.returncode, faults), (0, ""), f"held at its {call} of {file}, the other does {done}, it {said.splitlines()}")
        corral.equal(names(folder), ["pacct", *(["pacct1.zst"] if not words else []), "pacct2.zst", "pacct3"], "all is done")
        if not words:
            corral.equal(sums(folder), before, "a report says the same")


def numbers_and_csarun(folder):
    """A number is not given again while its packed file is there; csarun takes packed files."""
    make_files(folder, 2)
    archive(folder)
    (folder / "instance").mkdir()
    with corral.Instance(folder=folder / "instance") as instance:
        instance.run("run", "--", "true")
        directory = instance.pacct.parent
        shutil.copy(folder / "pacct1.zst", directory / "pacct1.zst")
        conf = folder / "csa.conf"
        conf.write_text(f"PACCT_FILE {instance.pacct}\nACCT_FS {directory}\n")
        done = subprocess.run([corral.COMMAND, "csaswitch", "-c", "switch"], capture_output=True, text=True, check=False,
                              env={**instance.environment, "CSACONFIG": str(conf)}, timeout=60)  # fmt: skip
        corral.equal(done.returncode, 0, f"csaswitch: {done.stderr}")
        switched = sorted(name for name in os.listdir(directory) if name.startswith("pacct"))
        corral.equal(switched, ["pacct", "pacct1.zst", "pacct2"], "1 is taken by a packed file")

    results = []
    for kind in ("plain", "packed", "both"):
        with Site() as site:
            site.put_day({"pacct1": RECORDS, "pacct2": (GOLDEN / "in/pacct2").read_bytes()})
            if kind != "plain":
                subprocess.run(["zstd", "-q", *([] if kind == "both" else ["--rm"]), site.path("day/pacct1")], check=True)
            site.run_csarun()
            results.append({name: data for name, data in site.results().items() if name in ("cms", "cacct", "pacct0")})
            corral.equal(sorted(path.name for path in site.path("day").iterdir() if ".zst" in path.name), [], f"csarun took the packed file ({kind})")
    corral.check(results[0] and results[1] == results[0], "of a packed file csarun makes what it makes of the plain one")
    corral.equal(results[2], results[0], "and of both, as a killed archive leaves them, too")


def retention(folder):
    make_files(folder, 6)  # 6 days old to 1 day old, and in use
    corral.equal(archive(folder, "--keep-for", "4d12h")[-2:], [("pacct1.zst", "removed"), ("pacct2.zst", "removed")], "what is older goes")
    corral.equal(names(folder), ["pacct", "pacct3.zst", "pacct4.zst", "pacct5.zst", "pacct6"], "the rest stays")
    size = (folder / "pacct6").stat().st_size + 2 * (folder / "pacct5.zst").stat().st_size
    (folder / "corral.toml").write_text(f'[accounting]\nkeep_size = "{size}"\n')
    corral.equal(archive(folder)[1:], [("pacct3.zst", "removed")], "the oldest go while all are larger than corral.toml has it")
    corral.equal(archive(folder, "--keep-size", "1K")[1:], [("pacct4.zst", "removed"), ("pacct5.zst", "removed")], "an option stands above it")
    corral.equal(names(folder), ["pacct", "pacct6"], "the file in use and the youngest stay in any case")
    (folder / "corral.toml").write_text('[accounting]\nkeep_for = "soon"\n')
    wrong = run("archive", folder=folder, code=1)
    corral.check("corral.toml:2: accounting.keep_for: the value is 'soon', expected a duration" in wrong.stderr, "a fault is told", wrong.stderr)
    (folder / "corral.toml").unlink()
    run("archive", "a", "b", code=2)
    full = folder / "readonly"
    make_files(full, 2)
    both = full / "pacct1.zst"
    both.write_bytes(b"something else")
    failed = run("archive", full / "pacct", code=1)
    corral.check("holds something else; compare both" in failed.stderr and (full / "pacct1").exists() and both.exists(), "where both are there and differ none goes", failed.stderr)


with tempfile.TemporaryDirectory(prefix="corral-archive-") as name:
    top = pathlib.Path(name)
    packs(top / "packs")
    commands_read(top / "packs")
    streams(top / "streams")
    damaged(top / "packs")
    killed(top / "killed")
    at_once(top / "at-once")
    numbers_and_csarun(top / "numbers")
    retention(top / "retention")
