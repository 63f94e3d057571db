#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Jobs per second through the whole path, on the private socket and through a
dbus-daemon, against a bare loop of clone3 into a fresh cgroup, 8 in flight,
interleaved; what live jobs cost; the memory, descriptors and inotifies of
each; and launch speed with 10 and with 10,000 descriptors in the store.

  jobs.py --build BUILD [--only bare,live,store] [--rounds 9] [--count 400] [--live 1000] [--stored 10000]
"""

import ctypes
import os
import resource
import statistics
import subprocess

import measure

PIDFD_GETFD = 438
MOST_OF_OURS = 64  # descriptors that a supervisor without jobs may have


def rate(command):
    return float(subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE).stdout)


def full_path(corral, instance, count, window, bus=None):
    """On the private socket, or as a client of a bus."""
    place = f"bus:{bus}" if bus else instance.socket
    return rate([corral.BUILD / "tests/bench/bench-full-path", place, "/bin/true", count, window])


def bare(corral, instance, count, window):
    base = instance.cgroup / "bare"
    base.mkdir(exist_ok=True)
    return rate([corral.BUILD / "tests/bench/bench-bare-clone", base, "/bin/true", count, window])


def against_bare(corral, rounds, count):
    import shutil

    from private_bus import OPEN, Bus  # tests/support

    print(f"## jobs/s of /bin/true, 8 in flight, {rounds} interleaved rounds of {count}")
    bus = Bus(policy=OPEN) if shutil.which("dbus-daemon") else None
    if bus is None:
        measure.missing("dbus-daemon", "launches through it are not measured")
    else:
        bus.start()
    try:
        with corral.Instance(bus=bus.address if bus else "none") as instance:
            compare_with_bare(corral, instance, rounds, count, f"{bus.directory}/bus" if bus else None)
    finally:
        if bus:
            bus.remove()


def compare_with_bare(corral, instance, rounds, count, bus):
    corral.wait_until(lambda: full_path(corral, instance, 50, 8) > 0, what="the first jobs")
    wanted = {"private socket": (None, 0.75)} | ({"dbus-daemon": (bus, 0.6)} if bus else {})
    ratios = {name: [] for name in wanted}
    for _ in range(rounds):
        limit = bare(corral, instance, count, 8)
        line = f"   bare {limit:7.1f}"
        for name, (place, _) in wanted.items():
            ours = full_path(corral, instance, count, 8, place)
            ratios[name].append(ours / limit)
            line += f"   {name} {ours:7.1f}, ratio {ratios[name][-1]:.3f}"
        print(line, flush=True)
    for name, (_, bound) in wanted.items():
        print(f"   {name}: median ratio {measure.judged(statistics.median(ratios[name]), at_least=bound)}")


def inotifies(pid):
    links = []
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            links.append(os.readlink(f"/proc/{pid}/fd/{number}"))
        except OSError:
            pass  # closed meanwhile
    return sum(link == "anon_inode:inotify" for link in links)


def with_live_jobs(corral, rounds, count, live):
    print(f"## launch speed with {live} live jobs against none, interleaved, and memory per live job")
    with corral.Instance() as idle, corral.Instance() as busy:
        full_path(corral, busy, 50, 8)
        before = measure.private_kib(busy.supervisor)
        descriptors, watches = measure.descriptors(busy.supervisor), inotifies(busy.supervisor)
        sleeper = measure.sleeper(busy.folder)
        for _ in range(live):
            busy.run("run", "-d", "--", sleeper)
        after = measure.private_kib(busy.supervisor)
        a_job = (after - before) * 1024 / live
        print(f"   private memory of the supervisor {before} -> {after} KiB, bytes a live job: "
              f"{measure.judged(a_job, at_most=4095, form='.0f')}")
        more = (measure.descriptors(busy.supervisor) - descriptors) / live
        print(f"   descriptors of the supervisor a live job: {measure.judged(more, at_most=1.0, form='.3f')}; inotifies more than "
              f"without jobs: {measure.judged(inotifies(busy.supervisor) - watches, at_most=1, form='d')}")
        print_launch_ratio(corral, idle, busy, rounds, count)
    of_each_kind(corral)


def of_each_kind(corral, count=50):
    """What a live job costs the supervisor by its kind: what is held for its foreground client, and for the kernel's word of a limit."""
    kinds = {"detached": ["-d"], "in front": [], "detached, with a limit of memory": ["-d", "-l", "memory=1G"],
             "detached, with a soft one": ["-d", "-l", "memory=500M:1G"], "in front, with a soft one": ["-l", "memory=500M:1G"]}
    print(f"## descriptors of the supervisor, of the store and of the reaper a live job, by its kind, of {count} each")
    with corral.Instance() as instance:
        sleeper = measure.sleeper(instance.folder)
        held_by = instance.facts("doctor")["limits"]["memory"]["held_by"]
        full_path(corral, instance, 50, 8)

        def descriptors():
            return [measure.descriptors(pid) for pid in (instance.supervisor, instance.store, instance.reaper)]

        for name, words in kinds.items():
            before = descriptors()
            made = [instance.popen("run", *words, "--", sleeper, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) for _ in range(count)]
            corral.wait_until(lambda: len([job for job in instance.facts("ps") if job["state"] == "running"]) == count, 60, "live jobs")
            if "-d" in words:
                for one in made:
                    one.wait()
            supervisor, store, reaper = ((after - first) / count for after, first in zip(descriptors(), before))
            print(f"   {name}{f' (held by {held_by})' if 'memory' in ' '.join(words) else ''}: supervisor "
                  f"{measure.judged(supervisor, at_most=1.0, form='.2f')}, store {store:.2f}, reaper {reaper:.2f}", flush=True)
            instance.run("kill", "-g", "0", *[job["jid"] for job in instance.facts("ps")])
            for one in made:
                one.wait()
            corral.wait_until(lambda: not instance.facts("ps"), 20, "no live job")


def print_launch_ratio(corral, free, loaded, rounds, count):
    """Launches one after the other, in turns: what the second instance carries shall cost nothing."""
    ratios = []
    for number in range(rounds):
        in_turn = (free, loaded) if number % 2 == 0 else (loaded, free)
        rates = {instance: full_path(corral, instance, count, 1) for instance in in_turn}
        without, with_it = rates[free], rates[loaded]
        ratios.append(with_it / without)
        print(f"   without {without:7.1f} jobs/s   with {with_it:7.1f} jobs/s   ratio {ratios[-1]:.3f}", flush=True)
    print(f"   median ratio {measure.judged(statistics.median(ratios), at_least=0.95)}")


def fill_store(supervisor, count):
    """Puts descriptors into the store of a living instance, through the supervisor's own link to it."""
    import reaper_driver  # tests/support: speaks reaper/protocol.h

    with open(f"/proc/{supervisor}/cmdline", encoding="utf-8") as file:
        words = file.read().split("\0")
    number = next(int(word.partition("=")[2]) for word in words if word.startswith("--store-fd="))
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = os.pidfd_open(supervisor)
    null = os.open("/dev/null", os.O_RDONLY)
    try:
        fd = libc.syscall(PIDFD_GETFD, pidfd, number, 0)
        if fd < 0:
            raise OSError(ctypes.get_errno(), "pidfd_getfd")
        link = reaper_driver.PacketLink(fd)
        for entry in range(count):
            link.send(reaper_driver.PUT, f"bench.{entry}".encode().ljust(48, b"\0"), [null])
        link.close()
    finally:
        os.close(pidfd)
        os.close(null)


def with_stored_descriptors(corral, rounds, count, stored):
    few = 10
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 100
    if stored > most:
        measure.missing(f"room for {stored} descriptors (RLIMIT_NOFILE)", f"only {most} are stored")
        stored = most
    print(f"## launch speed with {stored} descriptors in the store against {few}, {rounds} interleaved rounds of {count}")
    with corral.Instance() as light, corral.Instance() as heavy:
        for instance, number in ((light, few), (heavy, stored)):
            before = measure.descriptors(instance.store)
            fill_store(instance.supervisor, number)
            corral.wait_until(lambda: measure.descriptors(instance.store) >= before + number, what="a filled store")
            full_path(corral, instance, 50, 8)
            print(f"   descriptors of the store {measure.descriptors(instance.store)}, of the reaper "
                  f"{measure.descriptors(instance.reaper)}, of the supervisor "
                  f"{measure.judged(measure.descriptors(instance.supervisor), at_most=MOST_OF_OURS, form='d')}", flush=True)
        print_launch_ratio(corral, light, heavy, rounds, count)


def main():
    parser = measure.parser(__doc__)
    parser.add_argument("--only", default="bare,live,store")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--live", type=int, default=1000)
    parser.add_argument("--stored", type=int, default=10000)
    arguments = measure.parse(parser)
    wanted = arguments.only.split(",")
    import corral  # tests/support

    if "bare" in wanted:
        against_bare(corral, arguments.rounds, arguments.count)
    if "live" in wanted:
        with_live_jobs(corral, arguments.rounds, arguments.count // 2, arguments.live)
    if "store" in wanted:
        with_stored_descriptors(corral, arguments.rounds, arguments.count // 2, arguments.stored)


if __name__ == "__main__":
    main()
