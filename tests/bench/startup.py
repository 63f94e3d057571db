#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What it costs to put Corral in front of /bin/true, in one interleaved run.

  startup.py --build BUILD [--rounds N] [--tini PATH]

Prints medians and ratios: `corral-init -- true` against a bare fork-exec-wait and tini-static, and `corral run -- true`
with and without a running instance against `sh -c true`.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))


def run_spawner(build, rounds, commands, env=None):
    """Runs the commands in turns; prints the spawner's table."""
    line = [os.path.join(build, "tests/bench/bench-spawner"), str(rounds)]
    for number, command in enumerate(commands):
        line += (["%%"] if number else []) + command
    print(subprocess.run(line, env=env, check=True, stdout=subprocess.PIPE, text=True).stdout, end="", flush=True)


def entrypoints(build, rounds, tini):
    print(f"## entrypoints in front of /bin/true, {rounds} interleaved rounds: median p10 p90 us, ratio, failures")
    init = os.path.join(build, "reaper/corral-init")
    commands = [["/bin/true"], [os.path.join(build, "tests/bench/fork-exec-wait"), "/bin/true"],
                [init, "--", "/bin/true"]]
    if shutil.which(tini):
        commands.append([tini, "-s", "--", "/bin/true"])
    run_spawner(build, rounds, commands)


def foreground(build, rounds):
    import corral  # tests/support
    command = os.path.join(build, "cli/corral")
    with tempfile.TemporaryDirectory() as scratch:
        env = dict(os.environ, CORRAL_RUNTIME_DIR=scratch + "/none", CORRAL_PACCT=scratch + "/pacct",
                   XDG_RUNTIME_DIR=scratch)
        disk = os.stat(scratch).st_dev
        print(f"## corral run without an instance (records on device {os.major(disk)}:{os.minor(disk)})")
        run_spawner(build, rounds, [["sh", "-c", "true"], [command, "run", "--", "true"]], env)
    with corral.Instance() as instance:
        print("## corral run with an instance")
        run_spawner(build, rounds, [["sh", "-c", "true"], [command, "run", "--", "true"]],
                    instance.environment)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default=os.environ.get("CORRAL_BUILD", "build"))
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--tini", default="tini-static")
    arguments = parser.parse_args()
    build = os.path.abspath(arguments.build)
    os.environ["CORRAL_BUILD"] = build
    entrypoints(build, arguments.rounds, arguments.tini)
    foreground(build, arguments.rounds)


if __name__ == "__main__":
    main()
