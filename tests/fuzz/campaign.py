# SPDX-License-Identifier: Apache-2.0
"""campaign.py WORK [--runs N] [--at-once N] [NAME...]: gives every fuzz program N inputs (10 million), on demand.

Builds the programs in WORK/build (clang++-19, libFuzzer, address and undefined-behaviour sanitizers) and runs them in
turns of some minutes. WORK/NAME keeps what the program found worth keeping, WORK/NAME.runs how many inputs it has had:
a campaign that is cut off goes on where it was, and loses one turn at most. An input that a program fails on is left
in WORK/NAME.failed/ and ends that program's campaign. Exits with 1 if there is one.

Hours, not minutes: 10 million inputs take 3 to 12 hours a program, by what it reads."""

import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parent.parent
TURN = 300  # seconds
SETTINGS = ["-Dfuzzing=true", "-Dtests=true", "-Dreaper_static=disabled", "-Db_sanitize=address,undefined"]


def build(work, names):
    tree = work / "build"
    if not (tree / "build.ninja").exists():
        clang = {"CC": "clang-19", "CXX": "clang++-19"}
        command = ["meson", "setup", tree, SOURCE, *SETTINGS, "-Db_lundef=false", "-Dbuildtype=debugoptimized"]
        subprocess.run(command, env={**os.environ, **clang}, check=True)
    subprocess.run(["ninja", "-C", tree, *[f"tests/fuzz/fuzz-{name}" for name in names]], check=True)


def runs_of(work, name):
    file = work / f"{name}.runs"
    return int(file.read_text()) if file.exists() else 0


def keep_runs(work, name, runs):
    new = work / f"{name}.runs.new"
    new.write_text(f"{runs}\n")
    new.rename(work / f"{name}.runs")


def turn(work, name, runs):
    """One turn of at most `runs` inputs: how many it were, and what it said if it failed."""
    kept, failed = work / name, work / f"{name}.failed"
    kept.mkdir(exist_ok=True)
    failed.mkdir(exist_ok=True)
    program = work / "build" / "tests" / "fuzz" / f"fuzz-{name}"
    options = [f"-runs={runs}", f"-max_total_time={TURN}", f"-artifact_prefix={failed}/", "-print_final_stats=1"]
    done = subprocess.run(
        [program, *options, kept, HERE / "corpus" / name],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace", check=False,
        env={**os.environ, "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"},  # else it is told and passed over
    )  # fmt: skip
    counted = re.search(r"^stat::number_of_executed_units: (\d+)", done.stderr, re.MULTILINE)
    if done.returncode == 0 and counted:
        return int(counted[1]), ""
    return 0, done.stderr


def campaign(work, name, wanted):
    """All turns of one program. True: it failed on no input."""
    runs, start = runs_of(work, name), time.monotonic()
    before = runs
    while runs < wanted:
        more, complaint = turn(work, name, wanted - runs)
        if complaint:
            print(f"{name}: FAILED after {runs} inputs, see {work / name}.failed\n{complaint[-4000:]}", flush=True)
            return False
        runs += more
        keep_runs(work, name, runs)
        rate = (runs - before) / (time.monotonic() - start)
        left = (wanted - runs) / rate / 3600 if runs < wanted else 0
        print(f"{name}: {runs} of {wanted} inputs, {rate:.0f} a second, {left:.1f} h to go", flush=True)
    print(f"{name}: {runs} inputs, none failed", flush=True)
    return True


def main():
    known = sorted(path.name.removesuffix("_fuzz.cc") for path in HERE.glob("*_fuzz.cc"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--runs", type=int, default=10_000_000)
    parser.add_argument("--at-once", type=int, default=os.cpu_count(), help="programs that run at the same time")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}; without one: all")
    options = parser.parse_args()
    names = options.names or known
    for name in names:
        if name not in known:
            parser.error(f"there is no fuzz program '{name}'; there are {', '.join(known)}")
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    build(work, names)
    with concurrent.futures.ThreadPoolExecutor(options.at_once) as pool:
        good = list(pool.map(lambda name: campaign(work, name, options.runs), names))
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
