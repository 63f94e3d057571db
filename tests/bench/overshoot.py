#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""By how much limits of wall time, processor time and idle time are overshot, on an idle machine and beside an exit storm
on all processors (and, with processor time, beside the other jobs of the round). Wanted: at most 1 % of the bound or 100 ms,
whichever is more.

What counts is measured from outside, by this script's own clock: when a process of the job died (its pidfd), against when the
job's own processes say that they began or last worked, and the kernel's own count of processor time (the cgroup's cpu.stat,
which outlives the processes), against the bound. What the record says stands beside it. The storm is no job.

  overshoot.py --build BUILD [--rounds 5] [--seconds 3] [--storm 4]
"""

import os
import select
import signal
import statistics
import subprocess
import sys
import time

import measure

# Each says when it last did anything, by the clock that this script has too.
BUSY = """
import os, time
for _ in range(int(os.environ["LOOPS"]) - 1):
    if os.fork() == 0: break
while True: pass
"""
IDLER = """
import sys, time
end = time.monotonic() + 0.5
while time.monotonic() < end: pass
print(time.monotonic(), flush=True)
time.sleep(1000)
"""
WAITER = "import time; print(time.monotonic(), flush=True); time.sleep(1000)"


class Storm:
    """Processes that end as fast as they can, two for each processor."""

    def __init__(self, exits, count):
        self.processes = [subprocess.Popen([exits, "fork", "100000000"], stdout=subprocess.DEVNULL, process_group=0) for _ in range(count)]

    def end(self):
        for process in self.processes:
            os.killpg(process.pid, signal.SIGKILL)  # what it forks too
            process.wait()


def death_of(pid):
    """When it died, by our clock."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return time.monotonic()
    try:
        select.select([pidfd], [], [], 120)
        return time.monotonic()
    finally:
        os.close(pidfd)


class Job:
    def __init__(self, instance, limit, script, loops=1):
        self.limit = limit
        self.process = instance.popen("run", "--report=json", "--limit", limit, "--", sys.executable, "-c", script, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, text=True, env={**instance.environment, "LOOPS": str(loops)})

    def main(self, corral):
        corral.wait_until(lambda: corral.children_of(self.process.pid), what="the command runs")
        def found():
            return [pid for pid in corral.children_of(self.process.pid) if (corral.name_of(pid) or "").startswith("python")]

        return corral.wait_until(found, what="the job's process")[0]


def overshoot_of_time(corral, instance, kind, script, bound):
    job = Job(instance, f"{kind}={bound}s", script)
    pid = job.main(corral)
    begun = float(job.process.stdout.readline())
    over = death_of(pid) - begun - bound
    job.process.communicate()
    return over * 1000


def used_of(base, jid):
    text = (base / f"j{jid:016x}" / "cpu.stat").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("usage_usec"))


def overshoots_of_cpu(corral, instance, bound, jobs, loops):
    """Of several busy jobs at once. The kernel's count is read again and again until the cgroup goes: a job's last reading is what it
    had used when nothing of it ran any more, or at most a hundredth of a second before that."""
    made = [Job(instance, f"cpu={bound}s", BUSY, loops) for _ in range(jobs)]
    last = {}
    while any(job.process.poll() is None for job in made):
        for place in instance.cgroup_base.glob("j*"):
            try:
                last[place.name] = used_of(instance.cgroup_base, int(place.name[1:], 16))
            except OSError:
                pass
        time.sleep(0.005)
    told = []
    for job in made:
        job.process.communicate()
    ended = [one for one in instance.facts("ps", "-a") if (one["limit"] or {}).get("word") == "cpu"][-jobs:]
    told = [(one["user_us"] + one["system_us"]) / 1000 - bound * 1000 for one in ended]
    outside = [used / 1000 - bound * 1000 for used in last.values()]
    return outside, told


def show(name, overs, bound):
    most = max(10 * bound, 100)  # 1 % of so many seconds, in ms
    print(f"   {name:52} median {statistics.median(overs):7.1f} ms, worst {measure.judged(max(overs), at_most=most, form='.1f')}", flush=True)


def main():
    made = measure.parser(__doc__)
    made.add_argument("--rounds", type=int, default=5)
    made.add_argument("--seconds", type=int, default=3, help="the bound")
    made.add_argument("--storm", type=int, default=2 * (os.cpu_count() or 1))
    arguments = measure.parse(made)
    import corral

    exits = measure.tool(arguments.build, "bench-exits")
    bound = arguments.seconds
    with corral.Instance() as instance:
        for storm in (0, arguments.storm):
            print(f"## bounds of {bound} s, {'beside ' + str(storm) + ' processes that fork and end' if storm else 'nothing beside'}")
            beside = Storm(exits, storm)
            try:
                for kind, script in (("wall", WAITER), ("idle", IDLER)):
                    show(f"{kind}: the process's own clock against its death",
                         [overshoot_of_time(corral, instance, kind, script, bound) for _ in range(arguments.rounds)], bound)
                for jobs, loops in ((1, 2), (3, 2)):
                    outside, told = [], []
                    for _ in range(arguments.rounds):
                        seen, said = overshoots_of_cpu(corral, instance, bound, jobs, loops)
                        outside += seen
                        told += said
                    show(f"cpu, {jobs} jobs of {loops} loops: the kernel's count", outside, bound)
                    show(f"cpu, {jobs} jobs of {loops} loops: the record", told, bound)
            finally:
                beside.end()


if __name__ == "__main__":
    main()
