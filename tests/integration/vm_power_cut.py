# SPDX-License-Identifier: Apache-2.0
"""The power is cut while jobs end at full rate: the emulated machine is killed, several times, and booted again with the
same disk (ext4 on an NVMe disk that keeps what it was told to write). What every boot found of the accounting file is
held against what the machine had acknowledged: a job whose program ran has its start, one whose end was told has it if
anything was put on the disk since; no key is there twice; nothing but the end is torn; the next boot says what was last."""

import collections
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time

import corral
import machine

ROUNDS = 3
LOADER = corral.BUILD / "collect" / "corral-collect"
PREFIX = "/sbin:/usr/sbin"


class Machine:
    """One boot of the disk. `told`: the lines that it has written so far."""

    def __init__(self, disk, word):
        self.out = pathlib.Path(tempfile.mkdtemp(prefix="corral-vm-"))
        files = {**machine.PROGRAMS, LOADER: "/bin/corral-collect"}
        command = [machine.VM / "run-in-vm.sh", "-q", "-t", 100, "-d", disk, "-k", machine.KERNEL, "-i", corral.BUILD / "tests/vm/vminit",
                   *machine.files_of("power_cut.sh", files), "-o", self.out, "--pid1", "/bin/power_cut.sh", word]  # fmt: skip
        self.process = subprocess.Popen([str(one) for one in command], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @property
    def told(self):
        return machine.text_of(self.out / "s1.log").splitlines()

    def await_lines(self, wanted, what, seconds=60):
        until = time.monotonic() + seconds
        while not wanted(self.told):
            if time.monotonic() > until or self.process.poll() is not None:
                print(machine.text_of(self.out / "console.log")[-3000:])
                corral.fail(f"{what}: not within {seconds} s: {self.told[-10:]}")
            time.sleep(0.02)

    def cut(self):
        """The power. Returns what it had told."""
        os.kill(int((self.out / "pid").read_text()), signal.SIGKILL)
        self.process.wait()
        told = self.told
        shutil.rmtree(self.out)
        return told


def records(path):
    done = subprocess.run([corral.COMMAND, "records", "--json", path], capture_output=True, text=True, check=False)
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def dump(disk, name, to):
    subprocess.run(["debugfs", "-R", f"dump {name} {to}", str(disk)], env={**os.environ, "PATH": f"{os.environ['PATH']}:{PREFIX}"},
                   capture_output=True, check=True)  # fmt: skip
    corral.check(to.exists() and to.stat().st_size > 0, f"{name} is on the disk")


def said(told, word):
    """By loop, the jids of its lines `word`, in their order."""
    lists = collections.defaultdict(list)
    for line in told:
        if match := re.fullmatch(rf"{word} (\w) (0x[0-9a-f]+)", line.strip()):
            lists[match[1]].append(match[2])
    return lists


def check_cut(number, path, told):
    """The file as the boot behind the cut found it. Returns how many ends that were told are not in it."""
    found, errors = records(path)
    corral.check(len(errors.splitlines()) <= 1, f"cut {number}: nothing but the file's end is damaged", errors)
    keys = collections.Counter((r["instance"], r["key"], r["kind"] == "config") for r in found if "key" in r and r["kind"] != "config")
    corral.equal([key for key, count in keys.items() if count > 1], [], f"cut {number}: {len(keys)} keys, none is there twice")
    starts = {r["jid"] for r in found if r["kind"] == "start"}
    ends = {r["jid"] for r in found if r["kind"] == "end"}
    ran, ended = said(told, "RAN"), said(told, "ENDED")
    corral.equal([jid for jids in ran.values() for jid in jids if jid not in starts], [],
                 f"cut {number}: each of {sum(map(len, ran.values()))} jobs whose program ran has its start")
    # Behind an end that was told its loop's next start, if that ran, was put on the disk.
    sure = [jid for loop, jids in ended.items() for jid in jids if jid in ran[loop][:-1]]
    corral.equal([jid for jid in sure if jid not in ends], [], f"cut {number}: {len(sure)} ends that were told before a later start are there")
    lost = [jid for jids in ended.values() for jid in jids if jid not in ends]
    corral.check(len(lost) <= 2, f"cut {number}: {len(lost)} ends that were told last are lost with what was not put on the disk", lost)
    return found


def main():
    machine.need()
    if not LOADER.exists():
        corral.skip("needs corral-collect (clang, bpftool, libbpf-dev)")
    mkfs = shutil.which("mkfs.ext4", path=f"{os.environ['PATH']}:{PREFIX}")
    if mkfs is None or shutil.which("debugfs", path=f"{os.environ['PATH']}:{PREFIX}") is None:
        corral.skip("needs mkfs.ext4 and debugfs")
    seed = int(os.environ.get("CORRAL_SEED", random.randrange(10**6)))
    print(f"CORRAL_SEED={seed}")
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="corral-cut-") as name:
        folder = pathlib.Path(name)
        disk = folder / "disk"
        with disk.open("wb") as file:
            file.truncate(64 << 20)
        subprocess.run([mkfs, "-q", "-F", str(disk)], check=True)
        told = []
        for number in range(1, ROUNDS + 1):
            guest = Machine(disk, "first" if number == 1 else f"cut{number - 1}")
            jobs = chance.randrange(4, 12)
            guest.await_lines(lambda lines, jobs=jobs: sum(line.startswith("ENDED") for line in lines) >= jobs, f"boot {number}: {jobs} jobs")
            time.sleep(chance.random())
            told.append(guest.cut())
        guest = Machine(disk, "last")
        guest.await_lines(lambda lines: "FROZEN" in [line.strip() for line in lines], "the last boot")
        for line in guest.cut():
            if line.startswith("CHECK "):
                corral.check(line.startswith("CHECK ok: "), line.strip().partition(": ")[2])
        last_keys = []
        for number in range(1, ROUNDS + 1):
            path = folder / f"cut{number}"
            dump(disk, f"/cuts/{'last' if number == ROUNDS else path.name}", path)
            found = check_cut(number, path, told[number - 1])
            last_keys.append([(r["instance"], r["key"]) for r in found if "key" in r][-1])
        whole = folder / "whole"
        dump(disk, "/day/pacct", whole)
        found, errors = records(whole)
        corral.equal(errors, "", "in the end the file has no damage")
        per_job = collections.Counter((r["jid"], r["kind"]) for r in found if r["kind"] in ("start", "end"))
        corral.equal({key: count for key, count in per_job.items() if count != 1}, {}, "each job has one start and one end")
        boots = [r for r in found if r["kind"] == "config" and r["name"] == "boot"]
        corral.equal(len(boots), ROUNDS, "each boot behind a cut has a record of its own")
        corral.equal([(r.get("before_instance"), r.get("before_key")) for r in boots], last_keys, "which says what the boot before put there last")
        crashed = [r["jid"] for r in found if r["kind"] == "end" and r["result"] == "crashed"]
        corral.check(len(crashed) >= ROUNDS, f"{len(crashed)} jobs that the cuts ended are recorded as crashed")
        processes = sum(r["kind"] == "process" for r in found)
        corral.check(processes > 100 * ROUNDS, f"{processes} processes are recorded: the cuts came at full rate")


if __name__ == "__main__":
    os.chdir("/")
    main()
