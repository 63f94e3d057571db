#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the eBPF collector counted meets a full disk, an accounting file that is taken away under its writer, and pids that
are used again at once: nothing is lost that was counted but what the file says is lost, and each process is one record of
its own job.

    collector_faults.py [PART...]     some parts of it, by the names of their functions"""

import collections
import contextlib
import csv
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

import corral
from collector import PYTHON, ebpf_obstacle, end_of, finished, processes
from corral import Instance, check, equal, needs_root, not_checked, skip, wait_until

COUNT = int(os.environ.get("STORM", 3000))
# COUNT processes, each reaped; a line of input between the parts.
STORM = ("import os, sys\n"
         "for part in range(int(sys.argv[2])):\n"
         "    for i in range(int(sys.argv[1])):\n"
         "        pid = os.fork()\n"
         "        if pid == 0: os._exit(i % 256)\n"
         "        os.waitpid(pid, 0)\n")  # fmt: skip
# So many records find room in a ring of 1 MiB (accounting/kernel_exit.h: 264 bytes, and 8 of the ring's own).
SMALL_RING = ((1 << 20) - 1) // 272


def storm(instance, count, parts=1):
    run = instance.popen("run", "-d", "--", *PYTHON, STORM, str(count), str(parts), stdout=subprocess.PIPE, text=True)
    return run.communicate()[0].strip()


def once(records, what):
    keys = collections.Counter((r["instance"], r["key"], r["kind"]) for r in records if r["kind"] in ("start", "process", "end"))
    equal([key for key, count in keys.items() if count > 1], [], f"{what}: {len(keys)} keys, none is there twice")


def taken_away():
    """The file is renamed or unlinked while the kernel's records come: what was in it stays where it went, what comes goes into
    a new one, and together they have each process once."""
    with Instance() as instance:
        instance.run("run", "--", "/bin/true")
        finished(instance)
        many = 4 * COUNT
        jids = [storm(instance, many) for _ in range(2)]
        kept = []
        while len(kept) < 8 and instance.job_cgroups():
            if not instance.pacct.exists():
                time.sleep(0.02)
                continue
            time.sleep(0.1)
            other = instance.folder / f"taken{len(kept)}"
            if len(kept) % 2 == 0:
                os.rename(instance.pacct, other)
            else:
                os.link(instance.pacct, other)  # for the test to read
                os.unlink(instance.pacct)
            kept.append(other)
        for jid in jids:
            instance.run("wait", jid)

        def all_records():
            """The last record may have been in a file that was taken: then there is no newer one."""
            return [r for path in (*kept, instance.pacct) if path.exists() for r in instance.records(path)["records"]]

        wait_until(lambda: len([r for r in all_records() if r["kind"] == "end"]) == 3, 30, "the ends")
        records = all_records()
        check(len(kept) >= 3, f"the file was taken away {len(kept)} times")
        once(records, "taken away")
        for jid in jids:
            end = end_of(records, jid)
            equal(len(processes(records, jid)), many + 1, "every process of a job has its record in one of the files")
            equal((end["processes_seen"], end["processes_not_seen"]), (many + 1, 0), "as its end says")
        equal([r for r in records if r["kind"] == "loss"], [], "nothing was lost")
        equal({instance.records(path)["records"][0]["kind"] for path in kept}, {"config"}, "each file begins with a configuration record")


def in_mount_namespace(part, what):
    needs_root()
    if subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode != 0:
        return not_checked("needs a mount namespace")
    code = subprocess.call(["unshare", "-m", sys.executable, __file__, part.__name__], timeout=200)
    return equal(code, 0, what)


@contextlib.contextmanager
def on_small_disk(size, options=()):
    """An instance whose accounting file is on a file system of that size, and that one's directory."""
    with tempfile.TemporaryDirectory() as name:
        small = pathlib.Path(name)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", small], check=True)
        instance = Instance(options=options)
        instance.pacct = small / "pacct"
        instance.environment["CORRAL_PACCT"] = str(instance.pacct)
        with instance:
            instance.run("run", "--", "/bin/true")
            finished(instance)
            fill_up(small / "filler")
            yield instance, small
        subprocess.run(["umount", "-l", small], check=False)


def full_disk():
    return in_mount_namespace(full_disk_inside, "a full disk")


def fill_up(path):
    with path.open("wb", 0) as file:
        try:
            while file.write(bytes(4096)) == 4096:
                pass
        except OSError:
            pass


def full_disk_inside():
    """What the ring holds is kept; what it does not is counted to the last one, and said."""
    with tempfile.TemporaryDirectory() as name:
        config = pathlib.Path(name) / "corral.toml"
        config.write_text("[accounting]\nring = '1M'\n")
        with on_small_disk("16m", ["--config", config]) as (instance, small):
            within = storm(instance, COUNT)
            instance.run("wait", within)
            doctor = json.loads(instance.run("doctor", "--json").stdout)
            own = next(each for each in doctor["instances"] if each["is_running"])
            equal(own["records_lost"], 0, "the disk is full: a job ends, and nothing is lost yet")
            check(own["records_waiting"] > 0, "doctor says that records wait", own["records_waiting"])
            (small / "filler").unlink()
            records = finished(instance, 2)
            once(records, "full and back")
            end = end_of(records, within)
            equal((len(processes(records, within)), end["processes_seen"], end["processes_not_seen"]), (COUNT + 1, COUNT + 1, 0),
                  "with room again all of it is in the file")
            equal([r for r in records if r["kind"] == "loss"], [], "and no loss is told")
            fill_up(small / "filler")
            beyond = storm(instance, 3 * COUNT)
            instance.run("wait", beyond)
            (small / "filler").unlink()
            records = finished(instance, 3)
            once(records, "longer than the ring holds")
            end = end_of(records, beyond)
            found, told = len(processes(records, beyond)), [r["lost"] for r in records if r["kind"] == "loss"]
            lost = 3 * COUNT + 1 - found
            check(lost > 0 and found >= SMALL_RING - 8, f"{lost} of {3 * COUNT + 1} processes found no room", found)
            equal((end["processes_seen"], end["processes_not_seen"]), (found, lost), "the end knows how many")
            equal(sum(told), lost, "and the file says as many are lost")


def idle_on_full_disk():
    return in_mount_namespace(idle_on_full_disk_inside, "a disk that is full for longer than the collector stays without jobs")


def idle_on_full_disk_inside():
    """A minute without jobs takes the collector away, but not before its records are in the file."""
    with on_small_disk("1m") as (instance, small):
        within = storm(instance, 20)
        instance.run("wait", within)
        wait_until(lambda: "records of processes wait for the accounting file" in instance.stderr(), 75, "the minute", pause=1)
        (small / "filler").unlink()
        records = finished(instance, 2)
        end = end_of(records, within)
        equal((len(processes(records, within)), end["processes_seen"], end["processes_not_seen"]), (21, 21, 0),
              "with room again every process is in the file")
        equal([r for r in records if r["kind"] == "loss"], [], "and nothing is lost")
        fill_up(small / "filler")
        instance.run("wait", storm(instance, 3))
        os.kill(instance.process.pid, signal.SIGTERM)
        instance.process.wait(20)
        unwritten = re.findall(r"(\d+) accounting records are left unwritten", instance.stderr())
        check(len(unwritten) == 1, "an end with a full disk says what is lost", instance.stderr()[-300:])
        (small / "filler").unlink()
        other = Instance()
        other.pacct = instance.pacct
        other.environment["CORRAL_PACCT"] = str(other.pacct)
        with other:
            other.run("run", "--", "/bin/true")
            told = [r["lost"] for r in finished(other, 3) if r["kind"] == "loss"]
        equal(told, [int(unwritten[0])], "and so does the file, by the next instance, which is another one")


def private_on_full_disk():
    return in_mount_namespace(private_on_full_disk_inside, "a private instance whose disk is full")


def private_on_full_disk_inside():
    """A private instance goes a few seconds after its last job, but not while the disk refuses its records. One that is told to go
    leaves jobs open, which the next one of the same user closes, though it has another hid."""
    with tempfile.TemporaryDirectory() as name, corral.Cgroup() as cgroup:
        small, session, mark = pathlib.Path(name) / "state", pathlib.Path(name) / "session", f"CORRAL_TEST_MARK={name}"
        small.mkdir()
        session.mkdir(0o700)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", small], check=True)
        names = {"PATH": os.environ["PATH"], "HOME": name, "XDG_STATE_HOME": str(small), "XDG_RUNTIME_DIR": str(session),
                 "CORRAL_CGROUP_BASE": str(cgroup.path), "CORRAL_TEST_MARK": name}  # fmt: skip

        def run(*words):
            return subprocess.run([corral.COMMAND, *words], env=names, capture_output=True, text=True, timeout=60, check=False).stdout

        def job(called):
            jid = run("run", "-d", "--name", called, "--", "sh", "-c", "i=0; while [ $i -lt 30 ]; do /bin/true; i=$((i+1)); done").strip()
            run("wait", called)
            return jid

        def is_over():
            return not list(corral.processes_with(mark))

        def jobs():
            rows = csv.DictReader(run("report", "--private", "--by", "job", "--csv").splitlines())
            return {row["name"]: (row["open_jobs"], row["processes"]) for row in rows}

        def told():
            return (small / "corral/log/instance.log").read_text()

        try:
            job("first")
            fill_up(small / "filler")
            job("kept")
            wait_until(lambda: "records wait for the disk" in told(), 20, "it to say that it stays")
            check(not is_over(), "a private instance without a job stays while its records wait")
            (small / "filler").unlink()
            wait_until(is_over, 60, "it to go when they are written", pause=0.2)
            equal(jobs(), {"first": ("0", "31"), "kept": ("0", "31")}, "it goes when they are in the file: each process of both jobs")
            left = run("run", "-d", "--name", "left", "--", "sleep", "300").strip()
            wait_until(lambda: "left" in jobs(), 20, "its start")
            fill_up(small / "filler")
            job("more")  # what the last page of the file had room for
            os.kill(min(corral.processes_with(mark)), signal.SIGTERM)
            wait_until(is_over, 30, "it to go when it is told to", pause=0.2)
            unwritten = re.findall(r"(\d+) accounting records are left unwritten", told())
            check(len(unwritten) == 1, "one that is told to go says what is lost", told()[-300:])
            (small / "filler").unlink()
            other = job("next")
            wait_until(lambda: jobs()["left"][0] == "0", 20, "the job to be closed", pause=0.2)
            check(left.split("0000")[0] != other.split("0000")[0], f"the next instance has another hid ({left}, {other})")
            equal({is_open for is_open, _ in jobs().values()}, {"0"}, "no job of the one before is open for ever")
            records = [json.loads(line) for line in run("records", "--json", small / "corral/pacct").splitlines()]
            ended = [r.get("result") for r in records if r.get("kind") == "end" and r.get("jid") == left]
            equal(ended, ["crashed"], "it has one end, and what ended it is not known")
            equal([r["lost"] for r in records if r["kind"] == "loss"], [int(unwritten[0])], "and the file says, once, how many records are lost")
            job("again")
            records = [json.loads(line) for line in run("records", "--json", small / "corral/pacct").splitlines()]
            equal(sum(r["kind"] == "loss" for r in records), 1, "also after another instance")
        finally:
            corral.end_processes_with(mark)
            subprocess.run(["umount", "-l", small], check=False)


# Forks with one number again and again, beside somebody who does the same; tells what it forked.
REUSE = ("import os, sys\n"
         "want, code = int(sys.argv[1]), int(sys.argv[2])\n"
         "last = os.open('/proc/sys/kernel/ns_last_pid', os.O_WRONLY)\n"
         "made = []\n"
         "for i in range(int(sys.argv[3])):\n"
         "    os.pwrite(last, str(want - 1).encode(), 0)\n"
         "    pid = os.fork()\n"
         "    if pid == 0: os._exit(code)\n"
         "    os.waitpid(pid, 0)\n"
         "    made.append(pid)\n"
         "open(sys.argv[4], 'w').write(' '.join(map(str, made)))\n")  # fmt: skip


def reused_pids():
    """Two jobs whose processes have the same number one after the other, many times in a tick."""
    if not os.access("/proc/sys/kernel/ns_last_pid", os.W_OK):
        return not_checked("needs ns_last_pid")
    with Instance() as instance:
        instance.run("run", "--", "/bin/true")
        finished(instance)
        want, made = free_pid(), {}
        began = time.monotonic()
        for code in (1, 2):
            run = instance.popen("run", "-d", "--", *PYTHON, REUSE, str(want), str(code), str(COUNT), str(instance.folder / f"made{code}"),
                                 stdout=subprocess.PIPE, text=True)
            made[run.communicate()[0].strip()] = code
        for jid in made:
            instance.run("wait", jid)
        took = time.monotonic() - began
        records = finished(instance, 3)
        once(records, "pids used again")
        for jid, code in made.items():
            forked = collections.Counter(int(pid) for pid in (instance.folder / f"made{code}").read_text().split())
            mine = [r for r in processes(records, jid) if r["name"] != "x" and r.get("exit_code") == code]
            equal(collections.Counter(r["pid"] for r in mine), forked, f"job {jid}: each of its {forked.total()} processes is one record of it")
            # Not always the one that was asked for: somebody else of this machine may have come by it.
            number, times = forked.most_common(1)[0]
            check(times > COUNT / 10, f"{times} of them had the number {number}, in {took:.1f} s", forked.most_common(3))
            equal([r for r in processes(records, jid) if r.get("exit_code") not in (0, code)], [], "and none of the other's")
            equal(end_of(records, jid)["processes_not_seen"], 0, "the end says that none is missing")
        return None


def free_pid():
    """A number that nobody has, nor will soon."""
    most = int(pathlib.Path("/proc/sys/kernel/pid_max").read_text())
    return next(pid for pid in range(most - 2000, most) if not pathlib.Path(f"/proc/{pid}").exists())


def main():
    obstacle = ebpf_obstacle()
    if obstacle:
        skip(obstacle)
    parts = sys.argv[1:] or ["taken_away", "full_disk", "idle_on_full_disk", "private_on_full_disk", "reused_pids"]
    for part in parts:
        print(f"-- {part}")
        globals()[part]()


if __name__ == "__main__":
    main()
