#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""corral-init as an entrypoint against tini, dumb-init, catatonit and the bare fork-exec-wait, interleaved.

  entrypoint.py --build BUILD [--only launch,memory,signals,orphans,size] [--runs 9] [--rounds 300] [--seconds 60]
                [--signals 2000] [--signal-runs 5] [--orphans 20000] [--orphan-rounds 3]
                [--tini PATH] [--tini-static PATH] [--dumb-init PATH] [--catatonit PATH]

launch    wall time of /bin/true under each: median ratio of RUNS interleaved runs of ROUNDS
memory    private memory of the second of two, and context switches in SECONDS with a sleeping child
signals   from kill(2) at the entrypoint to its child, SIGNALS each in interleaved blocks, median of SIGNAL_RUNS
orphans   ORPHANS in batches of 1000 as PID 1 of a fresh pid namespace (needs root or user namespaces): CPU and drain time
size      of the binaries
"""

import collections
import os
import random
import shutil
import statistics
import subprocess
import sys
import time

import measure

Entrypoint = collections.namedtuple("Entrypoint", "name program options is_peer")


def find_entrypoints(arguments):
    """Ours, the reference and the peers that are installed: {name: Entrypoint}."""
    rows = [
        ("corral-init", measure.init_of(arguments.build), ["--"], False),
        ("fork-exec-wait", measure.tool(arguments.build, "fork-exec-wait"), [], False),
        ("tini-static", arguments.tini_static, ["-s", "--"], True),
        ("tini", arguments.tini, ["-s", "--"], True),
        ("dumb-init", arguments.dumb_init, [], True),
        ("catatonit", arguments.catatonit, ["--"], True),
    ]
    found = {}
    for name, program, options, is_peer in rows:
        path = shutil.which(program)
        if path:
            found[name] = Entrypoint(name, path, options, is_peer)
        elif is_peer:
            measure.missing(f"the peer {name} ({program})", "it is left out of every table")
        else:
            sys.exit(f"{program} is missing: build it first")
    return found


def best_peer(found, values):
    """The lowest value of a peer, and whose it is."""
    peers = {name: value for name, value in values.items() if name in found and found[name].is_peer}
    if not peers:
        return None, None
    best = min(peers, key=peers.get)
    return best, peers[best]


def print_against_best(found, values, what, form):
    best, value = best_peer(found, values)
    if best:
        print(f"   {what}: {measure.judged(values['corral-init'], at_most=value, form=form)}, the best peer's is {best}'s")


def works(command):
    return subprocess.run(command, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode == 0


def our_richer_modes(init):
    """With a report, with a limit: the first spelling that this build takes."""
    spellings = {
        "corral-init --report": [["--report", "2"]],
        "corral-init --limit": [["--limit", "wall=60s"]],
    }
    for name, tries in spellings.items():
        options = next((words for words in tries if works([init, *words, "--", "/bin/true"])), None)
        if options:
            yield name, [init, *options, "--", "/bin/true"]
        else:
            measure.missing(name, "this build does not know the option")


def bench_launch(arguments, found):
    print(f"## launch: /bin/true under each, median of {arguments.runs} interleaved runs of {arguments.rounds}")
    named = {"/bin/true": ["/bin/true"]}
    for one in found.values():
        named[one.name] = [one.program, *one.options, "/bin/true"]
    named["vfork-exec-wait"] = [measure.tool(arguments.build, "vfork-exec-wait"), "/bin/true"]
    richer = dict(our_richer_modes(found["corral-init"].program))
    named.update(richer)
    ratios = measure.spawn_ratios(arguments.build, arguments.runs, arguments.rounds, named)
    print(f"   corral-init against a bare /bin/true: {measure.judged(ratios['corral-init'], at_most=1.2)}")
    print(f"   the least that any init can take here, vfork-exec-wait: {ratios['vfork-exec-wait']:.3f}")
    print(f"   corral-init against fork-exec-wait: {ratios['corral-init'] / ratios['fork-exec-wait']:.3f}")
    best, value = best_peer(found, ratios)
    for name in richer:
        if best:
            print(f"   {name}: {measure.judged(ratios[name], at_most=value)}, as {best} plain")


def bench_memory(arguments, found):
    print(f"## memory and wake-ups: a sleeping child, {arguments.seconds:g} s; two of each run, as on a host of containers")
    rounds = [{one.name: subprocess.Popen([one.program, *one.options, "sleep", "1000"]) for one in found.values()} for _ in range(2)]
    running = rounds[1]
    try:
        time.sleep(1)
        before = {name: measure.switches(process.pid) for name, process in running.items()}
        time.sleep(arguments.seconds)
        woken = {name: measure.switches(process.pid) - before[name] for name, process in running.items()}
        private = {name: measure.private_kib(process.pid) for name, process in running.items()}
        for name, process in running.items():
            print(f"   {name:16} private {private[name]:5} KiB   resident {measure.resident_kib(process.pid):5} KiB"
                  f"   descriptors {measure.descriptors(process.pid):2}   context switches {woken[name]}")
    finally:
        for process in [*rounds[0].values(), *rounds[1].values()]:
            with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as file:
                for child in file.read().split():
                    os.kill(int(child), 9)
            process.wait()
    for peer in ("catatonit", "tini", "tini-static"):
        if peer in private:
            print(f"   private memory against {peer}: {measure.judged(private['corral-init'], at_most=private[peer], form='d')}")
    print(f"   wake-ups: {measure.judged(woken['corral-init'], at_most=0, form='d')}")


def bench_signals(arguments, found):
    block = 100
    blocks = max(1, arguments.signals // block)
    print(f"## signals: from kill(2) to the child, {blocks} interleaved blocks of {block} each, in microseconds, "
          f"median of {arguments.signal_runs} runs")
    line = [measure.tool(arguments.build, "bench-forward-latency"), str(blocks), str(block)]
    names = ["the child alone"]
    for one in found.values():
        if one.name != "fork-exec-wait":  # it passes nothing on
            line += ["%%", one.program, *one.options]
            names.append(one.name)
    runs = []  # of rows, of p50 p90 p99 most lost
    for _ in range(arguments.signal_runs):
        table = subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True).stdout
        runs.append([[float(word) for word in row.split()[:5]] for row in table.splitlines()])
    p50, p99 = {}, {}
    for number, name in enumerate(names):
        rows = [run[number] for run in runs]
        p50[name], p90, p99[name] = (statistics.median(row[column] for row in rows) for column in range(3))
        ratio = statistics.median(run[number][0] / run[0][0] for run in runs)
        print(f"   {name:16} p50 {p50[name]:6.1f} ({ratio:.2f}x)   p90 {p90:6.1f}   p99 {p99[name]:6.1f}"
              f"   most {max(row[3] for row in rows):8.1f}   lost {sum(row[4] for row in rows):.0f}")
    print_against_best(found, p50, "p50", ".1f")
    print_against_best(found, p99, "p99", ".1f")


def bench_orphans(arguments, found):
    batch = 1000
    print(f"## orphans: {arguments.orphans} in batches of {batch}, PID 1 of a fresh pid namespace, "
          f"{arguments.orphan_rounds} interleaved rounds, in microseconds an orphan")
    namespace = ["unshare", *(["-Ur"] if os.geteuid() else []), "--pid", "--fork", "--mount-proc", "--kill-child"]
    maker = [measure.tool(arguments.build, "bench-orphans"), str(arguments.orphans), str(batch)]
    rounds = {name: [] for name in found}
    for _ in range(arguments.orphan_rounds):
        for one in random.sample(list(found.values()), len(found)):  # nobody always follows the same one
            # No -s: it is PID 1.
            options = [word for word in one.options if word != "-s"]
            done = subprocess.run([*namespace, one.program, *options, *maker], check=True, stdout=subprocess.PIPE, text=True)
            rounds[one.name].append([float(word) for word in done.stdout.split()])
    drain = {name: statistics.median(row[0] for row in rows) for name, rows in rounds.items()}
    cpu = {name: statistics.median(row[2] for row in rows) for name, rows in rounds.items()}
    reference = rounds["fork-exec-wait"]
    for name, rows in rounds.items():
        ratio = statistics.median(row[0] / floor[0] for row, floor in zip(rows, reference))
        print(f"   {name:16} init CPU {cpu[name]:6.2f}   drain {drain[name]:7.2f} ({ratio:.3f}x)"
              f"   worst batch {max(row[1] for row in rows):6.1f} ms")
    if min(cpu.values()) < 0:
        measure.missing("/proc/1/schedstat", "CPU an orphan is not known")
    else:
        print_against_best(found, cpu, "CPU an orphan", ".2f")
    ours = statistics.median(row[0] / floor[0] for row, floor in zip(rounds["corral-init"], reference))
    print(f"   drain time against fork-exec-wait: {measure.judged(ours, at_most=1.05)}")


def bench_size(_, found):
    print("## size of the binaries")
    for one in found.values():
        linked = subprocess.run(["ldd", one.program], check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                text=True)
        libraries = linked.stdout.count("=>") if linked.returncode == 0 else 0
        print(f"   {one.name:16} {os.stat(one.program).st_size:8} bytes   {libraries} shared libraries")
    size = os.stat(found["corral-init"].program).st_size
    print(f"   bytes of corral-init: {measure.judged(size, at_most=99_999, form='d')}")


BENCHES = {"launch": bench_launch, "memory": bench_memory, "signals": bench_signals, "orphans": bench_orphans,
           "size": bench_size}


def main():
    parser = measure.parser(__doc__)
    parser.add_argument("--only", default=",".join(BENCHES))
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--signals", type=int, default=2000)
    parser.add_argument("--signal-runs", type=int, default=5)
    parser.add_argument("--orphans", type=int, default=20000)
    parser.add_argument("--orphan-rounds", type=int, default=3)
    for peer in ("tini", "tini-static", "dumb-init", "catatonit"):
        parser.add_argument(f"--{peer}", default=peer)
    arguments = measure.parse(parser)
    found = find_entrypoints(arguments)
    for name in arguments.only.split(","):
        if name not in BENCHES:
            parser.error(f"'{name}' is none of {', '.join(BENCHES)}")
        BENCHES[name](arguments, found)


if __name__ == "__main__":
    main()
