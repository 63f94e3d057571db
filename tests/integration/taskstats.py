#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The taskstats collector, where eBPF cannot work or is not wanted: each process of a job has a record of its own, also one
that its own parent reaped; none is ever another job's; what the kernel could not tell is known, and told.

    taskstats.py [PART...]      some parts of it, by the names of their functions"""

import collections
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

from collector import PYTHON, end_of, finished, nested_jobs, processes, scribe_of, taskstats_obstacle
from corral import COMMAND, Instance, check, children_of, equal, needs_root, skip, wait_until

STORM = (
    "import os, sys\n"
    "for i in range(int(sys.argv[1])):\n"
    "    pid = os.fork()\n"
    "    if pid == 0: os._exit(i % 256)\n"
    "    os.waitpid(pid, 0)\n"
)


class Counted(Instance):
    def __init__(self, **options):
        super().__init__(environment={"CORRAL_COLLECTOR": "taskstats"}, **options)


def collector_of(instance):
    """The process that reads taskstats."""
    for pid in children_of(instance.supervisor):
        if b"--taskstats" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
            return pid
    return None


def every_process():
    """Each process for itself, with what taskstats tells and without what it does not."""
    with Counted() as instance:
        script = "dd if=/dev/zero of=/dev/null bs=64k count=100 2>/dev/null; sh -c 'kill -9 $$'; exit 3"
        instance.run("run", "--", "/bin/dash", "-c", script)
        records = finished(instance)
        by_name = {record["name"]: record for record in processes(records)}
        equal(sorted(record["name"] for record in processes(records)), ["dash", "dd", "sh"], "each has its record")
        dash, dd, killed = by_name["dash"], by_name["dd"], by_name["sh"]
        check(dd["read_bytes"] >= 6553600 > dash["read_bytes"], "what dd read is dd's alone", dd, dash)
        equal((dash["exit_code"], killed.get("signal"), killed["ppid"]), (3, "SIGKILL", dash["pid"]), "statuses and parents")
        for record in processes(records):
            equal((record["collector"], record["includes_children"]), ("taskstats", False), "the source is noted")
            check("read_calls" not in record, "calls, which taskstats rounds to 1024, are absent", record)
            check(record["peak_resident_bytes"] > 100000 < record["peak_virtual_bytes"], "high-water marks", record)
            check(0 < record["wall_us"] < 10_000_000, "how long it lived", record)
            delays_are_on = pathlib.Path("/proc/sys/kernel/task_delayacct").read_text().strip() == "1"
            equal("block_delay_us" in record, delays_are_on, "delays are there if the kernel counts them, else absent")
        end = end_of(records)
        equal((end["processes_seen"], end["processes_not_seen"]), (3, 0), "and the end says that none is missing")
        order = [record["kind"] for record in records]
        check(order.index("end") > max(i for i, kind in enumerate(order) if kind == "process"),
              "a job's processes stand before its end")


def threads():
    program = (
        "import os, threading\n"
        "def work():\n"
        "    with open('/dev/zero', 'rb', 0) as file: file.read(1 << 20)\n"
        "many = [threading.Thread(target=work) for _ in range(16)]\n"
        "for one in many: one.start()\n"
        "for one in many: one.join()\n"
        "hang = [threading.Thread(target=threading.Event().wait, daemon=True) for _ in range(16)]\n"
        "for one in hang: one.start()\n"
        "os._exit(5)\n"
    )
    with Counted() as instance:
        for _ in range(5):
            instance.run("run", "--", *PYTHON, program)
        found = processes(finished(instance, 5))
        equal(len(found), 5, "one record a process of 33 threads")
        for record in found:
            equal(record.get("exit_code", 5), 5, "its status, or none where its first thread was not the last to end")
            check(16 << 20 <= record["read_bytes"] < 17 << 20, "the reads of all threads, each once", record)


def many_jobs():
    """Short jobs beside each other, detached, foreground and nested: each process is of its own job."""
    with Counted() as instance:
        count = int(os.environ.get("JOBS", 12))
        script = "i=0; while [ $i -lt {0} ]; do /bin/true; i=$((i+1)); done"
        runs = []
        for i in range(count):
            way = [[], ["-d"]][i % 2]
            runs.append((i, instance.popen("run", *way, "--", "/bin/sh", "-c", script.format(i + 1), stdout=subprocess.PIPE,
                                           text=True)))
        for _, run in runs:
            run.communicate()
        instance.run("run", "--", "/bin/sh", "-c", "/bin/true; exec \"$0\" run -- /bin/sh -c '/bin/true; /bin/true'",
                     str(COMMAND))
        records = finished(instance, count + 2)
        sums = collections.Counter(record["jid"] for record in processes(records))
        ends = [record for record in records if record["kind"] == "end"]
        for end in ends:
            equal(sums[end["jid"]], end["processes_seen"], "as many records as the end says")
            if "processes_not_seen" in end:
                equal(end["processes_not_seen"], 0, "none is missing")
        unsure = [end for end in ends if "processes_not_seen" not in end]
        print(f"   {len(unsure)} of {len(ends)} jobs are not sure")
        sizes = sorted(sums.values())
        wanted = sorted([i + 2 for i in range(count)] + [3, 2 + nested_extra(records)])
        if not unsure:
            equal(sizes[:], wanted, "each process is of its own job")
        else:
            check(all(found <= most for found, most in zip(sizes, wanted)), "no job has another's", sizes, wanted)


def jobs_in_jobs():
    """Jobs made in jobs, two deep: each process is of the innermost around it, and of no other."""
    with Counted() as instance, tempfile.TemporaryDirectory() as folder:
        wanted = nested_jobs(instance, folder)
        records = finished(instance, len(wanted))
        found = {jid: sorted(record["pid"] for record in processes(records, jid)) for jid in wanted}
        equal(found, wanted, "each job has its own processes")
        equal({record["collector"] for record in processes(records)}, {"taskstats"}, "counted by taskstats")
        for jid, pids in wanted.items():
            equal(end_of(records, jid)["processes_seen"], len(pids), "as many as its end says")


def nested_extra(records):
    """Of the job in which another was started: what `corral run` itself forked, by the names of the records."""
    jid = next(record["jid"] for record in processes(records) if record["name"].startswith("corral"))
    return len(processes(records, jid)) - 2


def storm():
    """Exits as fast as they come: what the kernel told has a record, and what it could not tell is not called 0."""
    with Counted() as instance:
        count = int(os.environ.get("STORM", 3000))
        instance.run("run", "--", *PYTHON, STORM, str(count))
        records = finished(instance)
        end = end_of(records)
        equal((end["processes_seen"], end["processes_not_seen"]), (count + 1, 0), "each exit is counted")
        equal(len(processes(records)), count + 1, "and in the file")


def overflown():
    """A collector that does not read: the kernel has no room for what it tells, and the job is not sure any longer."""
    with Counted() as instance:
        instance.run("run", "--", "/bin/true")
        finished(instance)
        pid = wait_until(lambda: collector_of(instance), 5, "the collector")
        with instance.popen("run", "--", *PYTHON, "import sys\nsys.stdin.read()\n" + STORM, "60000", stdin=subprocess.PIPE) as run:
            wait_until(lambda: len(instance.job_cgroups()) == 1, 10, "a job")
            time.sleep(0.3)
            os.kill(pid, signal.SIGSTOP)
            run.stdin.close()
            time.sleep(float(os.environ.get("STOPPED", 12)))
            os.kill(pid, signal.SIGCONT)
            run.wait(120)
        records = finished(instance, 2)
        jid = [record["jid"] for record in records if record["kind"] == "end"][-1]
        end, found = end_of(records, jid), processes(records, jid)
        equal(end["processes_seen"], len(found), "what was told is in the file")
        if len(found) == 60001:
            equal(end["processes_not_seen"], 0, "this machine was too slow to fill it")
        else:
            check("processes_not_seen" not in end, "how many were not seen is not known", end)


def killed():
    """The collector and the supervisor die: from then on it is not sure, and goes on; nothing is there twice."""
    for victim in ("collector", "supervisor"):
        with Counted() as instance:
            with instance.popen("run", "-d", "--", *PYTHON, "import time\n" + STORM + "time.sleep(1.5)\n" + STORM, "200",
                                stdout=subprocess.PIPE, text=True) as run:
                jid = run.communicate()[0].strip()
            wait_until(lambda: scribe_of(instance) and collector_of(instance), 5, "a collector")
            time.sleep(0.5)
            os.kill(collector_of(instance) if victim == "collector" else instance.supervisor, signal.SIGKILL)
            records = finished(instance)
            end, found = end_of(records, jid), processes(records, jid)
            twice = [each for each, count in collections.Counter((one["pid"], one["ended_us"]) for one in found).items()
                     if count > 1]
            equal(twice, [], f"the {victim} killed: no process is there twice")
            check(201 <= len(found) <= 401, "what came later is there", len(found))
            check("processes_not_seen" not in end, "and that some may be missing is told", end)
            equal(end["processes_seen"], len(found), "the end counts what is in the file, of before and after")


def project():
    """Each record has the number of the project that its job is charged to, also of a job that a supervisor took over."""
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write('[project.physics]\nid = 4711\nusers = ["*"]\n')
        file.flush()
        with Counted(options=["--config", file.name]) as instance:
            instance.run("run", "-P", "physics", "--", "/bin/sh", "-c", "/bin/true; /bin/true; exit 0")
            instance.run("run", "--", "/bin/true")
            found = processes(finished(instance, 2))
            equal(sorted(record.get("project_id", 0) for record in found), [0, 4711, 4711, 4711], "the project's number is in its records")
            jid = instance.run("run", "-d", "-P", "physics", "--", *PYTHON, "import time\n" + STORM + "time.sleep(1.5)\n" + STORM, "5").stdout.strip()
            wait_until(lambda: collector_of(instance), 5, "a collector")
            os.kill(collector_of(instance), signal.SIGKILL)
            late = processes(finished(instance, 3), jid)
            check(len(late) > 0 and {record.get("project_id") for record in late} == {4711}, "also where the collector was killed", late[:2])


PARTS = [every_process, threads, project, many_jobs, jobs_in_jobs, storm, killed]


def main():
    needs_root()
    if reason := taskstats_obstacle():
        skip(reason)
    longer = [overflown] if os.environ.get("CORRAL_FULL") == "1" or sys.argv[1:] else []
    for part in PARTS + longer:
        if not sys.argv[1:] or part.__name__ in sys.argv[1:]:
            print(f"--- {part.__name__}", flush=True)
            part()


main()
