#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""csaswitch and csackpacct on the file that an instance writes: switched again
and again under a writer at full speed, with scribe and supervisor killed in
between, each record is in one file, once and whole; off and on; who may; and a
record-mode job that keeps the file it opened."""

import contextlib
import os
import signal
import struct
import subprocess
import sys
import threading
import time

import corral
import csa_files
import job_records
from accounted import Accounted, every_record, scribe_of
from csa_site import Site, end_of_first_minute

SWITCHES = int(os.environ.get("SWITCHES", "40"))


def kill_soon(pid, number, kills):
    """Who was hit is in `kills`."""

    def kill():
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
            kills.append(pid)

    if pid:
        threading.Timer(0.001 * (number % 7), kill).start()


def under_load(killed):
    with Site() as site, Accounted(site) as instance:
        stop = threading.Event()
        counts = {"jobs": 0}
        kills = []

        def work():
            while not stop.is_set():
                done = instance.run("run", "-d", "--", "sh", "-c", "true & true & wait")
                if done.returncode == 0:
                    counts["jobs"] += 1
                elif not killed:
                    corral.fail(f"a job was not started: {done.stderr}")

        workers = [threading.Thread(target=work) for _ in range(3)]
        for worker in workers:
            worker.start()
        for number in range(SWITCHES):
            time.sleep(0.02)
            if number % 8 == 0:  # one that dies often is paused for
                kill_soon({"scribe": scribe_of, "supervisor": lambda i: i.supervisor}.get(killed, lambda i: None)(instance), number, kills)
            done = instance.csa("csaswitch", "-c", "switch")
            if done.returncode != 0 and not killed:
                corral.fail(f"csaswitch: {done.stderr}")
        stop.set()
        for worker in workers:
            worker.join()
        wanted = SWITCHES // 16 if killed else 0
        corral.check(len(set(kills)) >= wanted, f"{killed}: {len(set(kills))} were killed, at least {wanted}")

        def all_ended():
            records = every_record(instance)
            ends = [record for record in records if record["kind"] == "end"]
            return records if len(ends) >= counts["jobs"] else None

        records = corral.wait_until(all_ended, seconds=60, what=f"{counts['jobs']} ends")
        kinds = {}
        for record in records:
            if record["kind"] in ("start", "end"):
                kinds.setdefault(record["jid"], []).append(record["kind"])
        wrong = {jid: found for jid, found in kinds.items() if found != ["start", "end"]}
        corral.equal(wrong, {}, f"{len(kinds)} jobs, {len(instance.switched())} files, killed: {killed}: one start, one end each")
        job_records.check_keys(records, f"killed: {killed}")
        corral.check(len(instance.switched()) > SWITCHES // 2, "and there were switches", instance.switched())


def once():
    """The scribe is killed in the middle of an order: it is carried out once, and the file with the records is named."""
    with Site() as site, Accounted(site) as instance:
        wrong, kills, points = [], 0, range(16, 48, 4)
        for point in points:
            instance.run("run", "--", "true")
            before = set(instance.switched())
            time.sleep(1.1)  # one that has lived for a second is started again at once
            pid = corral.wait_until(lambda: scribe_of(instance))
            with subprocess.Popen([corral.BUILD / "tests/support/kill-at-syscall", str(pid), str(point)], stdout=subprocess.PIPE,
                                  text=True) as killer:  # fmt: skip
                killer.stdout.readline()
                done = instance.csa("csaswitch", "-c", "switch")
                killer.send_signal(signal.SIGTERM)
                kills += killer.communicate(timeout=10)[0].startswith("killed")
            made = set(instance.switched()) - before
            kinds = [record["kind"] for path in made for record in instance.records(path)["records"]]
            if done.returncode != 0 or len(made) != 1 or "end" not in kinds:
                wrong.append((point, done.returncode, done.stderr, made, kinds))
        corral.equal(wrong, [], f"the scribe killed at {kills} of {len(points)} system calls: one file each time, with what was written")
        corral.check(kills > 2, "it was killed", kills)


def off_and_on():
    with Site() as site, Accounted(site) as instance:
        def jobs(count):
            for _ in range(count):
                instance.run("run", "-d", "--", "true")
            corral.wait_until(lambda: not instance.run("ps").stdout.count("running"), what="the jobs' ends")

        jobs(1)
        status = instance.csa("csaswitch", "-c", "status").stdout
        rows = [line.split() for line in status.splitlines() if line and not line.startswith("#")]
        corral.equal(rows, [["csa", "On"], ["wkmg", "Off"], ["mem", "On"], ["io", "On"], ["delay", "On"], ["memt", "Off"], ["time", "Off"]],
                     "status as published")  # fmt: skip
        corral.equal(instance.csa("csaswitch", "-c", "check", "-n", "csa").returncode, 0, "check succeeds for what is on")
        corral.equal(instance.csa("csaswitch", "-c", "check", "-n", "wkmg").returncode, 255, "and fails for what is not")
        corral.wait_until(lambda: len([r for r in every_record(instance) if r["kind"] == "end"]) == 1, what="an end")
        corral.equal(instance.csa("csaswitch", "-c", "off", "-n", "csa").returncode, 0, "off")
        before = instance.pacct.read_bytes()
        jobs(3)
        corral.equal(instance.pacct.read_bytes(), before, "nothing is written while it is off")
        os.kill(instance.supervisor, signal.SIGKILL)
        jobs(2)
        corral.equal(instance.pacct.read_bytes(), before, "nor by the next supervisor")
        corral.check("Off" in instance.csa("csaswitch", "-c", "status").stdout, "which says so")
        corral.equal(instance.csa("csaswitch", "-c", "on").returncode, 0, "on")
        jobs(1)
        corral.wait_until(lambda: len([r for r in every_record(instance) if r["kind"] == "end"]) == 2, what="one more end")
        events = [entry.records[csa_files.CONFIGURATION][24] for entry in csa_files.entries(instance.pacct.read_bytes())
                  if entry.kind == csa_files.CONFIGURATION]  # fmt: skip
        corral.equal(events, [2, 3, 2], "the file says on, off, on")
        instance.switch()
        entries = list(csa_files.entries(instance.switched()[-2].read_bytes()))
        events = [at for at, entry in enumerate(entries) if entry.kind == csa_files.CONFIGURATION]
        corral.equal((entries[events[-1]].records[csa_files.CONFIGURATION][24], len(entries) - events[-1]), (1, 2),
                     "one that is switched ends with the word that it is, and our record of it")
        job_records.check_keys(every_record(instance), "off and on")
        for words, said in (
            (["-c", "nonsense"], "is invalid"), (["-c", "check"], "-n is required"), (["-c", "check", "-n", "what"], "is invalid"),
            (["-c", "on", "-n", "delay,what"], "expected some of csa"), (["-c", "off"], "-n is required"),
            (["-c", "on", "-P", "/elsewhere"], "CORRAL_PACCT"), ([], "Command Usage"),
        ):  # fmt: skip
            done = instance.csa("csaswitch", *words)
            corral.check(done.returncode == 1 and said in done.stderr, f"csaswitch {' '.join(words)}: {said}", done.stderr)


def guard():
    with Site() as site, Accounted(site) as instance:
        for _ in range(4):
            instance.run("run", "-d", "--", "true")
        corral.equal(instance.csa("csackpacct").returncode, 0, "csackpacct of a small file does nothing")
        corral.equal(len(instance.switched()), 1, "no switch")
        corral.equal(instance.csa("csackpacct", "0").returncode, 0, "over its bound")
        corral.equal(len(instance.switched()), 2, "it is switched")
        mailer, box = site.root / "mailer", site.root / "box"
        mailer.write_text(f"#!/bin/sh\ncat >>{box}\n")
        mailer.chmod(0o755)
        site.set_conf(MIN_BLKS=2 * 10**9)
        full = instance.csa("csackpacct")
        corral.check(full.returncode == 1 and "turned off" in full.stderr, "without room accounting is turned off", full.stderr)
        again = instance.csa("csackpacct")
        corral.check(again.returncode == 1 and "stays off" in again.stderr, "and stays off", again.stderr)
        site.set_conf(MIN_BLKS=0)
        room = instance.csa("csackpacct")
        corral.check(room.returncode == 0 and "is on" in room.stderr, "with room it is on again", room.stderr)
        corral.equal(box.read_text().count("\nSubject: CSA errors of csackpacct\n"), 1, "that it was turned off is mailed, and nothing else")
        corral.equal(instance.csa("csaswitch", "-c", "halt").returncode, 0, "halt by a person")
        instance.csa("csackpacct")
        corral.equal(instance.csa("csaswitch", "-c", "check", "-n", "csa").returncode, 255, "stays off under csackpacct")


def cycle():
    """csarun asks the instance; a record-mode job's end comes into the next run."""
    with Site() as site, Accounted(site) as instance:
        for _ in range(3):
            instance.run("run", "-d", "--", "true")
        late = subprocess.Popen([corral.INIT, "--record", str(instance.pacct), "--", "sh", "-c", "read line; exit 5"],
                                stdin=subprocess.PIPE, env=instance.environment)  # fmt: skip
        corral.wait_until(lambda: len([r for r in every_record(instance) if r["kind"] == "start"]) == 4
                          and len([r for r in every_record(instance) if r["kind"] == "end"]) == 3, what="four starts, three ends")  # fmt: skip
        keep = 'mkdir -p "$ACCT_DIR/seen"; cp "$WTIME_DIR"/Wpacct* "$ACCT_DIR/seen"\n'
        site.put_exit("csa.archive1", keep)
        first = instance.csa("csarun")
        corral.equal((first.returncode, first.stderr), (0, ""), "csarun beside an instance")
        kept = list(site.path("work/late").iterdir())
        corral.equal(len(kept), 1, "the file that the record-mode job has open waits")
        late.communicate(b"end\n")
        corral.equal(late.returncode, 5, "the job ends")
        end_of_first_minute(site)
        second = instance.csa("csarun")
        corral.equal((second.returncode, second.stderr), (0, ""), "the next csarun")
        corral.equal(list(site.path("work/late").iterdir()), [], "takes it")
        (cacct,) = site.path("sum").glob("cacct.*")
        jobs, processes = (struct.unpack_from("<q", cacct.read_bytes(), at)[0] for at in (40, 224))
        corral.equal((jobs, processes), (1, 1), "and bills its process")


def others():
    if os.geteuid() != 0:
        return corral.not_checked("needs root")
    with Site() as site, Accounted(site) as instance:
        instance.run("run", "-d", "--", "true")
        done = subprocess.run(["busctl", f"--address=unix:path={instance.socket}", "call", "org.corral.Manager1", "/org/corral/manager",
                               "org.corral.Accounting1", "Status"], capture_output=True, text=True, check=False)  # fmt: skip
        corral.check('"On" b true' in done.stdout, "busctl asks for the status", done.stdout, done.stderr)
        instance.folder.chmod(0o755)
        instance.runtime.chmod(0o755)
        words = ["busctl", f"--address=unix:path={instance.socket}", "call", "org.corral.Manager1", "/org/corral/manager",
                 "org.corral.Accounting1"]  # fmt: skip
        for order in ("Switch", "Off", "On"):
            done = subprocess.run([*words, order], user=65533, capture_output=True, text=True, check=False)
            corral.check(done.returncode != 0 and "may not" in done.stderr, f"another user's {order} is refused", done.stdout, done.stderr)
        done = subprocess.run([*words, "Status"], user=65533, capture_output=True, text=True, check=False)
        corral.check('"On" b true' in done.stdout, "it is as it was, which he may ask", done.stdout, done.stderr)
        corral.equal(len(instance.switched()), 1, "nothing was switched")


def main():
    tests = {"once": once, "off_and_on": off_and_on, "guard": guard, "cycle": cycle, "others": others}
    for killed in (None, "scribe", "supervisor"):
        tests[f"load_{killed}"] = lambda killed=killed: under_load(killed)
    for name, test in tests.items():
        if len(sys.argv) < 2 or name in sys.argv[1:]:
            test()


main()
