# SPDX-License-Identifier: Apache-2.0
"""run_tidy.py SOURCE BUILD [FILE...]: clang-tidy-19 over the rooms, two at a
time. What was found clean is remembered in BUILD/tidy by the hash of the
configuration, the compiler's command, the file and every header of ours that it
reaches; so only what changed is looked at again. With --fix as the first
argument the fixes are applied, one file at a time."""

import concurrent.futures
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import time

ROOMS = ("core", "sys", "units", "accounting", "reaper", "bus", "supervisor", "cli", "capi")
# The analyser does not walk into the standard library: five times faster.
OPTIONS = ["--quiet", "--extra-arg=-Wno-unknown-warning-option"] + [
    f"--extra-arg={word}" for word in ("-Xclang", "-analyzer-config", "-Xclang", "c++-stdlib-inlining=false")
]
INCLUDE = re.compile(rb'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)
JOBS = 2


def reached(top, file):
    """The file and every header of ours that it reaches."""
    found = set()
    waiting = [file]
    while waiting:
        path = waiting.pop()
        if path in found or not path.is_file():
            continue
        found.add(path)
        waiting += [top / name.decode() for name in INCLUDE.findall(path.read_bytes())]
    return sorted(found)


def key_of(top, file, command):
    digest = hashlib.sha256((top / ".clang-tidy").read_bytes() + command.encode())
    for path in reached(top, file):
        digest.update(str(path.relative_to(top)).encode() + path.read_bytes())
    return digest.hexdigest()


def units(top, build, only):
    """The files of the rooms with the command that compiles them, once each."""
    seen = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        file = (pathlib.Path(entry["directory"]) / entry["file"]).resolve()
        if not file.is_relative_to(top) or file.relative_to(top).parts[0] not in ROOMS:
            continue
        if not only or str(file.relative_to(top)) in only:
            seen.setdefault(file, entry["command"])
    return seen


def tidy(build, file, extra):
    command = ["clang-tidy-19", "-p", str(build), *OPTIONS, *extra, str(file)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    return done.returncode, done.stdout


def readable(top, build, line):
    """The line with its path from the top of the tree, so that it is one."""
    path, _, rest = line.partition(":")
    path = (build / path).resolve()
    return f"{path.relative_to(top) if path.is_relative_to(top) else path}:{rest}"


def main(arguments):
    fix = arguments[0] == "--fix"
    top, build, *only = arguments[1:] if fix else arguments
    top, build = pathlib.Path(top).resolve(), pathlib.Path(build).resolve()
    clean = build / "tidy"
    clean.mkdir(exist_ok=True)
    extra = ["--fix", "--format-style=file"] if fix else []
    started = time.monotonic()
    waiting = {}
    found = units(top, build, only)
    for file, command in found.items():
        key = key_of(top, file, command)
        if not (clean / key).exists():
            waiting[file] = key
    reports = set()
    with concurrent.futures.ThreadPoolExecutor(1 if fix else JOBS) as pool:
        runs = {pool.submit(tidy, build, file, extra): file for file in waiting}
        for run in concurrent.futures.as_completed(runs):
            status, text = run.result()
            if status == 0:
                (clean / waiting[runs[run]]).touch()
                continue
            # A finding in a header comes once for each file that includes it.
            reports.update(readable(top, build, line) for line in text.splitlines() if ": error: " in line)
            if not text:
                reports.add(f"{runs[run].relative_to(top)}: clang-tidy-19 failed")
    faults = sorted(reports)
    print("\n".join(faults))
    seconds = time.monotonic() - started
    print(f"{len(found)} files, {len(waiting)} looked at in {seconds:.0f} s, {len(faults)} findings")
    return 1 if faults or not found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
