#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What corral.toml says of the accounting file: it is switched at a size and at
an age, also while scribe and supervisor are killed, and not written where its
file system lacks room; each record is in one file, once, and csaverify finds
nothing wrong in any."""

import os
import signal
import subprocess
import sys
import threading
import time

import corral
import job_records
from accounted import Accounted, every_record, scribe_of
from csa_site import Site

KIB = 1024
MIB = 1024 * KIB


def instance_of(site, rules):
    settings = site.root / "corral.toml"
    settings.write_text("[accounting]\n" + rules)
    return Accounted(site, environment={"CORRAL_CONFIG": str(settings)})


def check_files(site, instance, jobs, text):
    """One start and one end of each job, no key twice, no damage."""

    def all_ended():
        records = every_record(instance)
        return records if sum(record["kind"] == "end" for record in records) >= jobs else None

    records = corral.wait_until(all_ended, seconds=60, what=f"{jobs} ends")
    kinds = {}
    for record in records:
        if record["kind"] in ("start", "end"):
            kinds.setdefault(record["jid"], []).append(record["kind"])
    corral.equal({jid: found for jid, found in kinds.items() if found != ["start", "end"]}, {}, f"{text}: one start, one end each")
    corral.equal(len(kinds), jobs, f"{text}: of every job")
    job_records.check_keys(records, text)
    for path in instance.switched():
        done = site.run("csaverify", "-P", path)
        corral.equal((done.returncode, done.stderr), (0, b""), f"{text}: csaverify of {path.name}")


def by_size(killed=None):
    with Site() as site, instance_of(site, 'switch_size = "64K"\n') as instance:
        counts = {"jobs": 0}

        def work():
            for _ in range(50):
                if instance.run("run", "-d", "--", "sh", "-c", "true & true & wait").returncode == 0:
                    counts["jobs"] += 1

        workers = [threading.Thread(target=work) for _ in range(3)]
        for worker in workers:
            worker.start()
        while killed and any(worker.is_alive() for worker in workers):
            time.sleep(1.2)  # one that has lived for a second is started again at once
            pid = scribe_of(instance) if killed == "scribe" else instance.supervisor
            if pid:
                os.kill(pid, signal.SIGKILL)
        for worker in workers:
            worker.join()
        check_files(site, instance, counts["jobs"], f"at a size, killed: {killed}")
        *closed, _ = instance.switched()
        sizes = [path.stat().st_size for path in closed]
        corral.check(len(sizes) >= 2 and all(64 * KIB <= size < 256 * KIB for size in sizes), "files of their size", sizes)
        if killed:
            return
        status = corral.wait_until(lambda: (now := instance.facts("accounting"))["switches_by_rule"] == len(closed) and now,
                                   what="the status that tells")  # fmt: skip
        corral.equal([status[key] for key in ("switch_size_bytes", "switches_by_rule", "switched", "switched_for")],
                     [64 * KIB, len(closed), str(closed[-1]), "size"], "the status tells")  # fmt: skip
        shown = instance.run("accounting").stdout
        corral.check("at 64.0 KiB" in shown and f"{len(closed)} files, the last for its size: {closed[-1]}" in shown, "as text too", shown)
        said = f"switched for its size: '{closed[-1]}' ({len(closed)} by rules)"
        corral.check(said in instance.stderr(), "and the log", instance.stderr())


def by_age():
    with Site() as site, instance_of(site, 'switch_every = "3s"\n') as instance:
        begun = time.monotonic()
        instance.run("run", "-d", "--", "true")
        corral.wait_until(lambda: len(instance.switched()) == 2, 20, "a file that is too old is switched")
        took = time.monotonic() - begun
        corral.check(took > 1.9, "not before its time", took)
        corral.wait_until(lambda: instance.facts("accounting")["switched_for"] == "age", what="the status that tells")
        time.sleep(4)
        corral.equal(len(instance.switched()), 2, "one in which nothing stands is not")
        instance.run("run", "-d", "--", "true")
        corral.wait_until(lambda: len(instance.switched()) == 3, 20, "but with the first record")
        instance.run("run", "-d", "--", "true")
        time.sleep(1.5)
        os.kill(instance.supervisor, signal.SIGKILL)
        corral.wait_until(lambda: instance.run("ps").returncode == 0, 20, "the next supervisor")
        again = time.monotonic()
        corral.wait_until(lambda: len(instance.switched()) == 4, 20, "by the next one too")
        took = time.monotonic() - again
        corral.check(took < 2.5, "which knows how old the file is", took)
        check_files(site, instance, 3, "at an age")


def room():
    if os.geteuid() != 0:
        return corral.not_checked("needs root")
    with Site() as site:
        site.path("day").mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", site.path("day")], check=True)
        try:
            short_of_room(site)
        finally:
            subprocess.run(["umount", "-l", site.path("day")], check=True)


def short_of_room(site):
    ballast = site.path("day/ballast")

    def leave(size):
        ballast.write_bytes(b"")
        free = os.statvfs(ballast)
        ballast.write_bytes(b"x" * (free.f_bavail * free.f_frsize - size))

    with instance_of(site, 'least_free = "4M"\nswitch_size = "64K"\n') as instance:
        counts = {"jobs": 0}

        def job():
            counts["jobs"] += instance.run("run", "-d", "--", "true").returncode == 0
            corral.wait_until(lambda: not instance.facts("ps"), what="the job's end")

        job()
        corral.wait_until(lambda: not instance.facts("accounting")["records_waiting"], what="an end in the file")
        leave(4 * MIB - 8 * KIB)
        before = instance.pacct.stat().st_size
        for _ in range(3):
            job()
        status = instance.facts("accounting")
        corral.check(status["lacks_room"] and status["records_waiting"] >= 9 and status["least_free_bytes"] == 4 * MIB
                     and status["fault"] == "less is free in its file system than least_free", "less than the least: records are kept", status)  # fmt: skip
        corral.check("less is: records are kept" in instance.run("accounting").stdout, "as text too")
        leave(4 * MIB + 512 * KIB)
        job()
        corral.equal(instance.pacct.stat().st_size, before, "an eighth more than the least is not enough")
        leave(5 * MIB + 64 * KIB)
        job()
        status = corral.wait_until(lambda: (now := instance.facts("accounting"))["records_waiting"] == 0 and now, 20, "room again")
        corral.equal((status["lacks_room"], status["fault"], status["records_lost"]), (False, None, 0), "a quarter more is: all is written")
        check_files(site, instance, counts["jobs"], "short of room")
        said = instance.stderr()
        for words in ("expected least_free, 4194304: nothing is written until 5242880 are, records are kept",
                      "the accounting file can be written again"):  # fmt: skip
            corral.equal(said.count(words), 1, f"the log says once: {words}")


def main():
    tests = {"size": by_size, "age": by_age, "room": room}
    for killed in ("scribe", "supervisor"):
        tests[f"size_{killed}"] = lambda killed=killed: by_size(killed)
    for name, test in tests.items():
        if len(sys.argv) < 2 or name in sys.argv[1:]:
            test()


if os.geteuid() == 0:
    corral.run_in_own_namespace(main)
else:
    main()
