#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Jobs per second through the whole path against a bare loop of clone3 into a
fresh cgroup, 8 in flight, interleaved; what live jobs cost; and the memory of
each.

  jobs.py --build BUILD [--rounds 9] [--count 400] [--live 1000]
"""

import argparse
import os
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))


def rate(command):
    return float(subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE).stdout)


def full_path(corral, instance, count, window):
    return rate([corral.BUILD / "tests/bench/bench-full-path", instance.socket, "/bin/true", count, window])


def bare(corral, instance, count, window):
    base = instance.cgroup / "bare"
    base.mkdir(exist_ok=True)
    return rate([corral.BUILD / "tests/bench/bench-bare-clone", base, "/bin/true", count, window])


def against_bare(corral, instance, rounds, count):
    print(f"## jobs/s of /bin/true, 8 in flight, {rounds} interleaved rounds of {count}")
    full_path(corral, instance, 50, 8)
    ratios = []
    for _ in range(rounds):
        limit, ours = bare(corral, instance, count, 8), full_path(corral, instance, count, 8)
        ratios.append(ours / limit)
        print(f"   bare {limit:7.1f}   corral {ours:7.1f}   ratio {ratios[-1]:.3f}", flush=True)
    print(f"   median ratio {statistics.median(ratios):.3f} (wanted: at least 0.5)")


def private_kib(pid):
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith("Private_"))


def with_live_jobs(corral, rounds, count, live):
    print(f"## launch speed with {live} live jobs against none, interleaved, and memory per live job")
    with corral.Instance() as idle, corral.Instance() as busy:
        full_path(corral, busy, 50, 8)
        before = private_kib(busy.supervisor)
        sleeper = os.path.join(str(busy.folder), "sleeper")
        subprocess.run(["musl-gcc", "-static", "-Os", "-xc", "-", "-o", sleeper], check=True,
                       input=b"#include <unistd.h>\nint main(void){for(;;)pause();}\n")
        for _ in range(live):
            busy.run("run", "-d", "--", sleeper)
        after = private_kib(busy.supervisor)
        print(f"   private memory of the supervisor {before} -> {after} KiB: {(after - before) * 1024 / live:.0f} bytes a live job"
              " (wanted: under 8192)")
        ratios = []
        for _ in range(rounds):
            free, loaded = full_path(corral, idle, count, 1), full_path(corral, busy, count, 1)
            ratios.append(loaded / free)
        print(f"   median ratio {statistics.median(ratios):.3f} (wanted: at least 0.95)")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default=os.environ.get("CORRAL_BUILD", "build"))
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--live", type=int, default=1000)
    arguments = parser.parse_args()
    os.environ["CORRAL_BUILD"] = os.path.abspath(arguments.build)
    import corral  # tests/support
    with corral.Instance() as instance:
        against_bare(corral, instance, arguments.rounds, arguments.count)
    with_live_jobs(corral, arguments.rounds, arguments.count // 2, arguments.live)


if __name__ == "__main__":
    main()
