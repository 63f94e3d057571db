#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What aggregate providers cost. How fast processes of a job and processes outside of all jobs come and go

  never         in an instance in which no provider ever was
  gone          after providers with every event were registered, and left: the cost of none registered is to be none
  elsewhere     with a provider that watches another job
  watched       with a provider of every event of this job, which reads

Interleaved, each against `never` of its round; an instance a run, so that nothing is in the kernel where nothing is to be.
Neither counts processes with the eBPF collector. And what launches of jobs take with the provider `job` against none.

  providers.py --build BUILD [--rounds 9] [--count 30000] [--launches 100]
"""

import json
import statistics
import subprocess
import sys
import threading
import time

import measure

KINDS = ("gone", "elsewhere", "watched")
# For who is not watched the programs are a few lookups; who is watched pays for three records and their reader.
WANTED = {"gone": 0.97, "elsewhere": 0.90, "watched": 0.45}


def reader(provider):
    """Reads without looking at it, as fast as it comes."""

    def run():
        try:
            while provider.stream.recv(65536):
                pass
        except OSError:
            pass

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def rate(corral, kind, words, in_job):
    from provider import Provider

    with corral.Instance(environment={"CORRAL_COLLECTOR": "wait"}) as instance:
        other = json.loads(instance.run("run", "-d", "--json", "--", "sleep", "1000").stdout)["jid"]
        if kind != "never":
            provider = Provider(instance, "job" if kind == "watched" else "bench")
            if kind == "elsewhere":
                provider.attach(1, job=int(other, 16))
            if kind == "gone":
                provider.close()
                time.sleep(0.3)
            else:
                reader(provider)
        if in_job:
            result = instance.run("run", "--", *words, timeout=300)
        else:
            result = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
        if result.returncode != 0:
            sys.exit(f"'{words}' failed: {result.returncode}: {result.stderr}")
        return float(result.stdout)


def processes(corral, name, words, in_job, rounds):
    print(f"## {name}: {rounds} interleaved rounds")
    kinds = KINDS if in_job else KINDS[:2]
    ratios = {kind: [] for kind in kinds}
    for number in range(rounds):
        found = {}
        order = ["never", *kinds]
        for kind in order if number % 2 == 0 else reversed(order):
            found[kind] = rate(corral, kind, words, in_job)
        for kind in kinds:
            ratios[kind].append(found[kind] / found["never"])
        print("   " + "   ".join(f"{kind} {found[kind]:9.1f}/s" for kind in order), flush=True)
    for kind in kinds:
        print(f"   {kind}: median ratio {measure.judged(statistics.median(ratios[kind]), at_least=WANTED[kind])}")


def launches(corral, count, rounds):
    """One instance, jobs one after the other, with and without a provider of all their events."""
    from provider import Provider

    print(f"## launches with the provider `job` against none: {rounds} interleaved rounds of {count}")
    with corral.Instance(environment={"CORRAL_COLLECTOR": "wait"}) as instance:
        instance.run("run", "--", "/bin/true")

        def run():
            began = time.monotonic()
            for _ in range(count):
                instance.run("run", "--", "/bin/true")
            return count / (time.monotonic() - began)

        ratios = []
        for _ in range(rounds):
            off = run()
            provider = Provider(instance, "job")
            reader(provider)
            on = run()
            lost = int(next(one["Lost"] for one in provider.manager.ListProviders()))
            provider.close()
            time.sleep(0.3)
            ratios.append(on / off)
            print(f"   none {off:7.1f}/s   one {on:7.1f}/s   ratio {ratios[-1]:.3f}   lost {lost}", flush=True)
        print(f"   median ratio {measure.judged(statistics.median(ratios), at_least=0.90)}")


def main():
    made = measure.parser(__doc__)
    made.add_argument("--rounds", type=int, default=9)
    made.add_argument("--count", type=int, default=30000)
    made.add_argument("--launches", type=int, default=100)
    arguments = measure.parse(made)
    import corral
    from collector import ebpf_obstacle

    if why := ebpf_obstacle():
        return measure.missing("eBPF", f"{why}; nothing is measured")
    exits = measure.tool(arguments.build, "bench-exits")
    fork = [exits, "fork", arguments.count]
    processes(corral, f"fork, exit in a job, {arguments.count}", fork, True, arguments.rounds)
    processes(corral, f"fork, exit outside of all jobs, {arguments.count}", fork, False, arguments.rounds)
    true = [exits, "exec", arguments.count // 10, "/bin/true"]
    processes(corral, f"/bin/true in a job, {arguments.count // 10}", true, True, arguments.rounds)
    launches(corral, arguments.launches, arguments.rounds)
    return None


if __name__ == "__main__":
    main()
