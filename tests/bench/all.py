#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every bench once, one after the other, and writes one report that can be quoted.

  all.py --build BUILD [--output BUILD/bench-report.txt] [--only NAME,...] [--quick]

--only takes the names of BENCHES, in the order in which they are to run. How long each takes, an hour together, says
docs/TESTING.md. They need a quiet machine: the load before each bench is in the report, and so is
every bound that was not reached. --quick takes few rounds, to see that everything runs. Needs root (cgroups, the machine).
"""

import datetime
import os
import platform
import subprocess
import sys
import tempfile
import time

import measure

BENCHES = {
    "jobs": ("jobs.py", ["--rounds", "2", "--count", "100", "--live", "100"]),
    "subscribers": ("subscribers.py", ["--rounds", "2", "--count", "50", "--subscribers", "100"]),
    "packed_records": ("packed_records.py", ["--files", "6"]),
    "appends": ("appends.py", ["--seconds", "0.5", "--rounds", "2"]),
    "lists": ("lists.py", ["--jobs", "500", "--rounds", "3"]),
    "kill": ("kill.py", ["--rounds", "2", "--processes", "200", "--bomb", "50"]),
    "startup": ("startup.py", ["--runs", "1", "--rounds", "50"]),
    "collectors": ("collectors.py", ["--rounds", "1", "--count", "4000"]),
    "published_daemon": ("published_daemon.py", ["--rounds", "1", "--scale", "0.1"]),
    "exit_storm": ("exit_storm.py", ["--seconds", "3"]),
    "overshoot": ("overshoot.py", ["--rounds", "1", "--seconds", "1"]),
    "providers": ("providers.py", ["--rounds", "1", "--count", "4000", "--launches", "20"]),
    "idle": ("idle.py", ["--seconds", "3"]),
    "entrypoint": ("entrypoint.py", ["--runs", "1", "--rounds", "50", "--seconds", "3", "--signal-runs", "1",
                                     "--orphans", "2000", "--orphan-rounds", "1"]),
    "csa": ("csa_reports.py", ["--records", "100000", "--rounds", "1"]),
    "vm": ("vm_systemd_run.py", ["--rounds", "3"]),
}
UNQUIET = 0.5  # one-minute load from which the report warns


def said_by(*command):
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=measure.HERE)
    return done.stdout.strip()


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    return f"{len(names)} x {names[0]}" if names else platform.machine()


def memory_gib():
    with open("/proc/meminfo", encoding="ascii") as file:
        return int(file.readline().split()[1]) / 1024 / 1024


def load():
    with open("/proc/loadavg", encoding="ascii") as file:
        return float(file.read().split()[0])


def distribution():
    with open("/etc/os-release", encoding="utf-8") as file:
        return next((line.partition("=")[2].strip().strip('"') for line in file if line.startswith("PRETTY_NAME=")), "?")


def at(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")


def now():
    return at(time.time())


class Report:
    """What is printed goes to the file too."""

    def __init__(self, path):
        self.file = open(path, "w", encoding="utf-8")  # pylint: disable=consider-using-with
        self.remarkable = []

    def say(self, line):
        print(line, flush=True)
        self.file.write(line + "\n")
        self.file.flush()

    def relay(self, name, command):
        """Runs a bench; keeps the lines that must not be overlooked."""
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            for line in process.stdout:
                self.say(line.rstrip())
                if "**" in line or "CHECK FAIL" in line:
                    self.remarkable.append(f"{name}: {line.strip()}")
        if process.returncode != 0:
            self.say(f"{name} ended with {process.returncode}")
            self.remarkable.append(f"{name}: ended with {process.returncode}")


def print_head(report, arguments):
    scratch = tempfile.gettempdir()
    dirty = " with changes" if said_by("git", "status", "--porcelain", "--untracked-files=no") else ""
    report.say(f"Corral benches, {now()}, commit {said_by('git', 'rev-parse', '--short', 'HEAD')}{dirty}")
    report.say(f"machine  {processor()}, {memory_gib():.0f} GiB, {said_by('systemd-detect-virt') or 'virtualisation unknown'}")
    report.say(f"system   {distribution()}, Linux {platform.release()}")
    report.say(f"records  {scratch}: {measure.file_system_of(scratch)}, synced in {measure.sync_us(scratch):.0f} us")
    init = measure.init_of(arguments.build)
    report.say(f"build    {arguments.build}, corral-init of {at(os.stat(init).st_mtime)}")


def main():
    parser = measure.parser(__doc__)
    parser.add_argument("--output")
    parser.add_argument("--only", default=",".join(BENCHES))
    parser.add_argument("--quick", action="store_true")
    arguments = measure.parse(parser)
    output = arguments.output or os.path.join(arguments.build, "bench-report.txt")
    report = Report(output)
    print_head(report, arguments)
    for name in arguments.only.split(","):
        if name not in BENCHES:
            parser.error(f"'{name}' is none of {', '.join(BENCHES)}")
        program, quick = BENCHES[name]
        command = [sys.executable, os.path.join(measure.HERE, program), "--build", arguments.build]
        noise = "  ** THE MACHINE IS NOT QUIET **" if load() > UNQUIET else ""
        report.say(f"\n# {name}, {now()}, load {load():.2f}{noise}")
        report.relay(name, command + (quick if arguments.quick else []))
    report.say(f"\n# end, {now()}, load {load():.2f}")
    report.say(f"{len(report.remarkable)} remarkable lines" + ("" if report.remarkable else ": every bound was reached"))
    for line in report.remarkable:
        report.say(f"   {line}")
    print(f"the report is {output}")


if __name__ == "__main__":
    main()
