#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A job of 10,000 processes, one that forks while it is killed, and 10,000 live jobs, on an emulated Linux 6.1 whose PID 1
is Corral: tests/vm/ten_thousand.sh. It takes about twenty minutes (CORRAL_FULL=1 contrib/check, or by name).

Each kill is judged against a bare write of cgroup.kill, in turns, and a client asks meanwhile. The bounds are those that are wanted of
a real machine (1.15, and 10 ms): what is not reached is said in the report, as by the benches, and fails nothing. In an
emulated one a program is some 25 times slower, and beside others' work ten times that."""

import os
import statistics
import sys

import corral
import machine

sys.path.insert(0, str(corral.SOURCE / "tests/bench"))
import measure  # noqa: E402

ROUNDS = 3


def judge(took):
    """The report's numbers, by name: a list each."""
    for kind in ("", "grow"):
        name = "a job that forks meanwhile" if kind else "a job of 10,000"
        bare, ours, pings = (took[f"{what}{kind}"] for what in ("raw", "corral", "ping"))
        corral.check(len(bare) == len(ours) == len(pings) == ROUNDS and min(ours + pings) > 0, f"{name}: each was measured, {ROUNDS} times", took)
        ratios = [one / other for one, other in zip(ours, bare)]
        print(f"   {name}: killed in {statistics.median(ours):.0f} ms, bare {statistics.median(bare):.0f} ms: ratios of the rounds "
              f"{' '.join(f'{ratio:.3f}' for ratio in ratios)}, their median {measure.judged(statistics.median(ratios), at_most=1.15)}; "
              f"a client waited {measure.judged(max(pings), at_most=10, form='.1f')} ms at most")
    a_job = took["resident"][0] * 1024 / 10000
    print(f"   bytes a live job: {measure.judged(a_job, at_most=4095, form='.0f')}")


def main():
    told = []
    programs = {corral.BUILD / "tests" / "vm" / name: f"/bin/{name}" for name in ("crowd", "stopwatch", "pinger")}
    status, _ = machine.run("ten_thousand.sh", {**machine.PROGRAMS, **programs}, seconds=2400, told=told, memory=8192)
    for line in told:
        if line.startswith("TOOK "):
            print(f"   {line.strip()}")
    corral.equal(status, 0, "the machine came to its end")
    took = {}
    for words in (line.split() for line in told):
        if words[:1] == ["TOOK"]:  # "TOOK raw grow 1234": of two times the last
            took.setdefault("".join(words[1:-1]), []).append(float(words[-1]))
    judge(took)


if __name__ == "__main__":
    os.chdir("/")
    main()
