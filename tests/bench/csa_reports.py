#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Records a second of the accounting commands over a large file: the records of a real one (golden set A), repeated with
other jids. Processor time, elapsed time and memory are told; the ratio is of records by elapsed second, ours with all
processors. CORRAL_CSA_TOOLS names the published programs: both are then run in turn. Without it the ratio is against what
those did on another machine, which says little.

  csa_reports.py [--records 1000000] [--jobs 1000] [--rounds 3] [--only csacom,...] [--single]

--single measures csacon with 300,000 jobs of one process too (csajrep has them in its own row).
"""

import mmap
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import measure
import csa_files  # where measure finds it

SOURCE = pathlib.Path(measure.HERE).parents[1]
GOLDEN = SOURCE / "tests/data/csa/golden-a"
# command: (arguments, what it reads, published records a second where issue 5's figures were taken, ratio wanted)
COMMANDS = {
    "csaverify": (["-P", "pacct1"], "pacct", 1_790_000, 5),
    "csacom": (["pacct1"], "pacct", 581_000, 10),
    "csabuild": (["-P", "pacct", "-s", "sorted"], "pacct", 388_000, 5),
    "csacms": (["pacct1"], "pacct", 2_780_000, 3),
    "csacon": (["-s", "spacct"], "sorted", 3_030_000, 3),
    "csajrep": (["-s", "spacct"], "sorted", 2_220_000, 3),
}


def touch(size):
    """Uses so much memory once: that of a virtual machine which its host has not given yet would cost csabuild, which needs room
    for its file in the cache, three times its time."""
    child = os.fork()
    if child == 0:
        try:
            room = mmap.mmap(-1, size)
            for at in range(0, size, mmap.PAGESIZE):
                room[at] = 1
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def floor(path):
    """Seconds in which the bytes of a file are written to another one and synced: csabuild cannot be faster than the disk."""
    with open(path, "rb", buffering=0) as source, tempfile.TemporaryFile(dir=path.parent, buffering=0) as target:
        begin = time.perf_counter()
        while data := source.read(4 << 20):
            target.write(data)
        os.fdatasync(target.fileno())
        return time.perf_counter() - begin


def run(program, words, directory):
    """(elapsed, processor) seconds, and the most memory in MiB (its file, where it maps that, is not its own)."""
    environment = dict(os.environ, CSACONFIG=str(directory / "csa.conf"), TZ="UTC")
    (directory / "sorted").unlink(missing_ok=True)
    os.sync()  # what the one before left to be written is not ours to wait for
    begin = time.perf_counter()
    with open(directory / "output", "wb") as output, open(directory / "errors", "wb") as errors:
        started = subprocess.Popen([program, *words], cwd=directory, env=environment, stdout=output, stderr=errors)
        _, started.returncode, usage = os.wait4(started.pid, 0)
    elapsed = time.perf_counter() - begin
    if started.returncode != 0:
        said = (directory / "errors").read_text(errors="replace")[:500]
        sys.exit(f"{program} {' '.join(words)} failed: {said}")
    return elapsed, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def bench(name, words, count, programs, directory, rounds, published, wanted):
    times = {who: [] for who in programs}
    for _ in range(rounds):
        for who, program in programs.items():
            times[who].append(run(program, words, directory))
    per_second = {}
    for who in programs:
        elapsed, processor, memory = (statistics.median(column) for column in zip(*times[who]))
        per_second[who] = count / elapsed
        print(f"   {name:10} {who:10} {count / elapsed / 1000:8.0f} k/s   {count / processor / 1000:8.0f} k/s of processor time"
              f"   {memory:6.0f} MiB at most")
    if "published" in programs:
        ratio = statistics.median(theirs[0] / ours[0] for ours, theirs in zip(times["ours"], times["published"]))
        print(f"   {name:10} ratio {measure.judged(ratio, at_least=wanted, form='.1f')}", flush=True)
    else:
        ratio = per_second["ours"] / published
        print(f"   {name:10} of issue 5's figures, of another machine: {measure.judged(ratio, at_least=wanted, form='.1f')}", flush=True)


def main():
    made = measure.parser(__doc__)
    made.add_argument("--records", type=int, default=1_000_000)
    made.add_argument("--jobs", type=int, default=1_000)
    made.add_argument("--rounds", type=int, default=3)
    made.add_argument("--only", default=",".join(COMMANDS))
    made.add_argument("--single", action="store_true")
    options = measure.parse(made)
    tools = os.environ.get("CORRAL_CSA_TOOLS")
    if not tools:
        measure.missing("CORRAL_CSA_TOOLS", "the published programs' figures are of another machine")
    with tempfile.TemporaryDirectory(prefix="corral-bench-") as place:
        directory = pathlib.Path(place)
        shutil.copytree(GOLDEN / "in", directory / "in")
        shutil.copy(GOLDEN / "in/csa0.conf", directory / "csa.conf")
        ours = {name: directory / name for name in COMMANDS}
        for link in ours.values():
            link.symlink_to(os.path.join(options.build, "cli/corral"))
        sizes = [(options.records, options.jobs, options.only.split(","))]
        if options.single:
            sizes.append((300_000, 300_000, ["csacon", "csajrep"]))
        for records, jobs, names in sizes:
            count = csa_files.write_many(directory / "pacct1", (GOLDEN / "in/pacct1").read_bytes(), records, jobs)
            print(f"{count} processes in {jobs} jobs, {(directory / 'pacct1').stat().st_size / 1e6:.0f} MB", flush=True)
            touch(min(4 * (directory / "pacct1").stat().st_size, os.sysconf("SC_PHYS_PAGES") * mmap.PAGESIZE * 3 // 4))
            took = statistics.median(floor(directory / "pacct1") for _ in range(3))
            print(f"   the same bytes written and synced: {took:.2f} s, as if {count / took / 1000:.0f} k/s")
            run(ours["csabuild"], ["-P", "pacct", "-s", "spacct"], directory)
            for name in names:
                words, _, published, wanted = COMMANDS[name]
                programs = {"ours": ours[name]} | ({"published": os.path.join(tools, name)} if tools else {})
                bench(name, words, count, programs, directory, options.rounds, published, wanted)


if __name__ == "__main__":
    main()
