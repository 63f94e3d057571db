# SPDX-License-Identifier: Apache-2.0
"""What the benches share: their options, ratios with the bound that is wanted, and what the kernel tells of a process.

A ratio is taken within one interleaved round and the median over the rounds is what counts: absolute numbers change with
whatever else the machine does.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))


def parser(description):
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--build", default=os.environ.get("CORRAL_BUILD", "build"), help="the build tree")
    return made


def parse(made):
    """The options; from here on `import corral` (tests/support) finds the programs of that build."""
    arguments = made.parse_args()
    arguments.build = os.path.abspath(arguments.build)
    os.environ["CORRAL_BUILD"] = arguments.build
    return arguments


def tool(build, name):
    """A program of tests/bench."""
    return os.path.join(build, "tests/bench", name)


def init_of(build):
    return os.path.join(build, "reaper/corral-init")


def judged(value, at_most=None, at_least=None, form=".3f"):
    """The value with its bound and whether it holds."""
    bound = f"at most {at_most:{form}}" if at_least is None else f"at least {at_least:{form}}"
    holds = value <= at_most if at_least is None else value >= at_least
    return f"{value:{form}} (wanted: {bound}){'' if holds else '  ** NOT REACHED **'}"


def missing(what, consequence):
    """Something that a bench compares with is not there: nobody shall overlook it."""
    print(f"** {what} IS NOT HERE: {consequence} **", flush=True)


def spawn_once(build, rounds, commands):
    """One run of the spawner: for each command (median, 10th percentile) in microseconds, None if it failed."""
    line = [tool(build, "bench-spawner"), str(rounds)]
    for number, command in enumerate(commands):
        line += (["%%"] if number else []) + [str(word) for word in command]
    table = subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True).stdout
    rows = [row.split() for row in table.splitlines()]
    return [(float(row[0]), float(row[1])) if row[4] == "0" else None for row in rows]


def spawn_ratios(build, runs, rounds, named):
    """Several runs of the spawner over {name: command}. {name: median of the runs' ratios to the first one's median}.
    The ratio of the 10th percentiles is printed too: it moves less when others use the machine, and is not judged."""
    micros, ratios, low_ratios = ({name: [] for name in named} for _ in range(3))
    for _ in range(runs):
        rows = spawn_once(build, rounds, list(named.values()))
        for name, row in zip(named, rows):
            if row is None:
                sys.exit(f"'{name}' failed: {' '.join(map(str, named[name]))}")
            micros[name].append(row[0])
            ratios[name].append(row[0] / rows[0][0])
            low_ratios[name].append(row[1] / rows[0][1])
    for name in named:
        print(f"   {name:34} {statistics.median(micros[name]):9.0f} us {statistics.median(ratios[name]):7.3f}x"
              f"   from {min(ratios[name]):.3f} to {max(ratios[name]):.3f}"
              f"   (10th percentiles {statistics.median(low_ratios[name]):.3f}x)", flush=True)
    return {name: statistics.median(all_of_it) for name, all_of_it in ratios.items()}


def private_kib(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith("Private_"))


def resident_kib(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Rss:"))


def sleeper(folder):
    """A program as small as one can be, which waits for ever."""
    path = os.path.join(str(folder), "sleeper")
    subprocess.run(["musl-gcc", "-static", "-Os", "-xc", "-", "-o", path], check=True,
                   input=b"#include <unistd.h>\nint main(void){for(;;)pause();}\n")
    return path


def switches(pid):
    """Context switches of the process's one thread: each wake-up is one."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return sum(int(line.split()[1]) for line in file if "ctxt_switches" in line)


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def sync_us(folder, times=50):
    """The median time that the file system of `folder` takes to sync 512 bytes appended to a file."""
    took = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(times):
            begin = time.monotonic()
            os.write(file.fileno(), bytes(512))
            os.fdatasync(file.fileno())
            took.append((time.monotonic() - begin) * 1e6)
    return statistics.median(took)


def file_system_of(path):
    """The type and the source of what `path` is on."""
    path = os.path.realpath(path)
    best = ("", "unknown")
    with open("/proc/self/mounts", encoding="utf-8") as file:
        for line in file:
            source, place, kind = line.split()[:3]
            if (path + "/").startswith(place.rstrip("/") + "/") and len(place) >= len(best[0]):
                best = (place, f"{kind} on {source}")
    return best[1]
