#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Who counts what processes use. With the eBPF collector each process that ends in a job has one record of its own, also
one that its own parent reaped, that has threads, or that lives in a nested or delegated cgroup; over deaths of scribe,
supervisor and store; and what was lost is counted. Without it nothing is different from before, and doctor says why.

    collectors.py [PART...]     some parts of it, by the names of their functions"""

import collections
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import corral
from collector import PYTHON, ebpf_obstacle, end_of, finished, nested_jobs, processes, scribe_of
from corral import BUILD, Instance, check, equal, fail, needs_root, skip, wait_until

# So many processes end by themselves, each reaped by its parent, and a few are left to the reaper.
STORM = (
    "import os, sys\n"
    "for i in range(int(sys.argv[1])):\n"
    "    pid = os.fork()\n"
    "    if pid == 0: os._exit(i % 256)\n"
    "    os.waitpid(pid, 0)\n"
    "    if i % 100 == 0 and os.fork() == 0:\n"
    "        if os.fork() == 0: os._exit(7)\n"  # an orphan: the reaper's
    "        os._exit(8)\n"
)


def one_each(records, what):
    """Every process has one record."""
    twice = [each for each, count in collections.Counter(
        (record["pid"], record["ended_us"]) for record in processes(records)).items() if count > 1]
    equal(twice, [], f"{what}: no process is in the file twice")
    keys = collections.Counter((record["instance"], record["key"]) for record in records if record["kind"] == "process")
    equal([key for key, count in keys.items() if count > 1], [], f"{what}: no key is there twice")


def every_process():
    """Each process for itself: what it did, and not what its children did."""
    with Instance() as instance:
        script = "dd if=/dev/zero of=/dev/null bs=64k count=100 2>/dev/null; sh -c 'kill -9 $$'; exit 3"
        instance.run("run", "--", "/bin/dash", "-c", script)
        records = finished(instance)
        by_name = collections.defaultdict(list)
        for record in processes(records):
            by_name[record["name"]].append(record)
        equal(sorted((name, len(found)) for name, found in by_name.items()), [("dash", 1), ("dd", 1), ("sh", 1)],
              "every process has a record, those that their parent reaped too")
        dash, dd, killed = by_name["dash"][0], by_name["dd"][0], by_name["sh"][0]
        check(dd["read_bytes"] >= 6553600 > dash["read_bytes"], "what dd read is dd's alone", dd, dash)
        check(100 <= dd["read_calls"] < 200 and dash["read_calls"] < 100, "calls are counted, not rounded", dd)
        equal((dash["exit_code"], killed.get("signal"), killed["ppid"]), (3, "SIGKILL", dash["pid"]), "statuses and parents")
        for record in processes(records):
            equal((record["collector"], record["includes_children"]), ("ebpf", False), "the source is noted")
            check(record["peak_resident_bytes"] > 100000 < record["peak_virtual_bytes"], "high-water marks", record)
            check({"resident_mbyte_us", "processor_waits", "voluntary_switches"} <= set(record), "counters", record)
            delays_are_on = pathlib.Path("/proc/sys/kernel/task_delayacct").read_text().strip() == "1"
            equal("block_delay_us" in record, delays_are_on, "delays are there if the kernel counts them, else absent")
        end = end_of(records)
        equal((end["processes_seen"], end["processes_not_seen"]), (3, 0), "and the end says that none is missing")
        total = sum(record["user_us"] + record["system_us"] for record in processes(records))
        check(total <= end["user_us"] + end["system_us"], "their sum is not above the job's total", total, end)
        order = [record["kind"] for record in records]
        check(order.index("end") > max(i for i, kind in enumerate(order) if kind == "process"),
              "a job's processes stand before its end")


def crowds():
    """Orphans that all end at once: the reaper tells of the first few only. Each has its record all the same, each job its main
    process's status, and nobody is left dead."""
    with Instance() as instance:
        script = "for i in $(seq 40); do (sleep 1 &) ; done; exit $1"
        jids = [instance.facts("run", "-d", "--", "sh", "-c", script, "sh", str(code))["jid"] for code in range(20)]
        codes = [instance.run("wait", jid).returncode for jid in jids]
        equal(codes, list(range(20)), "a crowd's main processes: each status is told")
        records = finished(instance, len(jids))
        one_each(records, "crowds")
        for jid in jids:
            end = next(record for record in records if record["kind"] == "end" and record["jid"] == jid)
            equal((end["processes_seen"], end["processes_not_seen"]), (82, 0), f"{jid}: each of the crowd has a record")
        check(all(map(corral.is_alive, corral.descendants_of(instance.process.pid))), "and nobody is left dead")


def threads():
    """A process is one record, whatever its threads do and in which order they end."""
    program = (
        "import os, sys, threading\n"
        "def work():\n"
        "    with open('/dev/zero', 'rb', 0) as file: file.read(1 << 20)\n"
        "for round in range(4):\n"
        "    many = [threading.Thread(target=work) for _ in range(8)]\n"
        "    for one in many: one.start()\n"
        "    for one in many: one.join()\n"
        "hang = [threading.Thread(target=threading.Event().wait, daemon=True) for _ in range(32)]\n"
        "for one in hang: one.start()\n"
        "os._exit(5)\n"
    )
    with Instance() as instance:
        rounds = int(os.environ.get("ROUNDS", 10))
        for _ in range(rounds):
            instance.run("run", "--", *PYTHON, program)
        records = finished(instance, rounds)
        found = processes(records)
        equal(len(found), rounds, "one record a process of 65 threads")
        for record in found:
            equal(record["exit_code"], 5, "its status")
            check(32 << 20 <= record["read_bytes"] < 33 << 20, "the reads of all threads, each once", record)
        ends = {record["jid"]: record for record in records if record["kind"] == "end"}
        for record in found:
            end = ends[record["jid"]]
            used, total = record["user_us"] + record["system_us"], end["user_us"] + end["system_us"]
            check(0.5 * total < used <= total, "their processor time", used, total)


def nested():
    """A process is of the job whose cgroup is the nearest around its own."""
    with Instance() as instance:
        with instance.popen("run", "--", "/bin/sh", "-c", "sleep 5 & wait", stdout=subprocess.DEVNULL):
            cgroup = wait_until(lambda: [path for path in instance.job_cgroups()
                                         if len((path / "cgroup.procs").read_text().split()) == 2], 10, "a job")[0]
            jid = instance.facts("ps")[0]["jid"]
            own = cgroup / "own"
            own.mkdir()
            inner = subprocess.Popen(["/bin/sh", "-c", "read x; /bin/echo in a cgroup of its own > /dev/null"],
                                     stdin=subprocess.PIPE)
            (own / "cgroup.procs").write_text(str(inner.pid))
            inner.communicate(b"go\n")
            own.rmdir()
            instance.run("kill", jid)
        records = finished(instance)
        names = collections.Counter(record["name"] for record in processes(records, jid))
        equal((names["echo"], names["sh"], names["sleep"]), (1, 2, 1), "those in a cgroup below the job's are the job's")
        equal(end_of(records)["processes_seen"], 4, "and counted")


def jobs_in_jobs():
    """Jobs made in jobs, two deep: each process is of the innermost around it, and of no other."""
    with Instance() as instance, tempfile.TemporaryDirectory() as folder:
        wanted = nested_jobs(instance, folder)
        records = finished(instance, len(wanted))
        found = {jid: sorted(record["pid"] for record in processes(records, jid)) for jid in wanted}
        equal(found, wanted, "each job has its own processes")
        ends = {jid: (end_of(records, jid)["processes_seen"], end_of(records, jid)["processes_not_seen"]) for jid in wanted}
        equal(ends, {jid: (len(pids), 0) for jid, pids in wanted.items()}, "and its end says that none is missing")
        equal({record["collector"] for record in processes(records)}, {"ebpf"}, "counted by the kernel")


def make_and_strace():
    """What strace counts of a build."""
    with Instance() as instance, tempfile.TemporaryDirectory() as folder:
        rules = ["all: " + " ".join(f"o{i}" for i in range(40))]
        for i in range(40):
            rules += [f"o{i}:", f"\t@printf 'int f{i};' > c{i}.c && gcc -c c{i}.c -o o{i}.o && cat o{i}.o | wc -c >/dev/null"]
        pathlib.Path(folder, "Makefile").write_text("\n".join(rules) + "\n")
        strace = ["strace", "-f", "-q", "-o", f"{folder}/trace", "-e", "trace=none", "-e", "signal=none"]
        instance.run("run", "--", *strace, "make", "-s", "-j2", "-C", folder, timeout=240)
        exited = re.findall(r"^(\d+) +\+\+\+ (?:exited|killed)", pathlib.Path(folder, "trace").read_text(), re.MULTILINE)
        records = finished(instance)
        found = processes(records)
        strangers = [record for record in found if record["name"] in ("strace",)]
        equal(len(found) - len(strangers), len(exited), "make -j2: as many processes as strace -f counts")
        equal(sorted(record["pid"] for record in found if record not in strangers), sorted(map(int, exited)), "the same ones")
        equal((end_of(records)["processes_seen"], end_of(records)["processes_not_seen"]), (len(found), 0), "and the end agrees")


def expected_of(count):
    return count + 1 + 2 * ((count + 99) // 100)


def storm_under(deed, what, count, jobs=2):
    """Storms of exits while `deed` is done to the instance again and again: none is lost, none is there twice. It says
    whether it found whom to kill."""
    with Instance() as instance:
        instance.run("run", "--", "/bin/true")
        runs = [instance.popen("run", "-d", "--", *PYTHON, STORM, str(count), stdout=subprocess.PIPE, text=True)
                for _ in range(jobs)]
        jids = [run.communicate()[0].strip() for run in runs]
        deeds = tries = 0
        while instance_is_busy(instance, jids) and tries < 40:
            deeds += deed(instance)
            tries += 1
            time.sleep(0.15)
        check(deeds >= 2, f"{what}, {deeds} times of {tries}")
        records = finished(instance, jobs + 1, 120)
        one_each(records, what)
        for jid in jids:
            end = end_of(records, jid)
            equal(len(processes(records, jid)), expected_of(count), f"{what}, {deeds} times: every process of {jid}")
            equal((end["processes_seen"], end["processes_not_seen"]), (expected_of(count), 0), "as the end says")
        equal([record for record in records if record["kind"] == "loss"], [], "nothing was lost")


def instance_is_busy(instance, jids):
    return any(any(jid in path.name for path in instance.job_cgroups()) for jid in (jid[2:] for jid in jids))


def kill_pid(pid):
    """Whether there was one."""
    if pid:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
            return True
    return False


def killed_supervisor():
    storm_under(lambda instance: kill_pid(instance.supervisor), "the supervisor killed", int(os.environ.get("STORM", 4000)))


def killed_scribe():
    storm_under(lambda instance: kill_pid(scribe_of(instance)), "the scribe killed", int(os.environ.get("STORM", 4000)))


def killed_store():
    storm_under(lambda instance: kill_pid(instance.store), "the store killed", int(os.environ.get("STORM", 4000)))


def all_killed():
    """Supervisor, store and scribe at once, with what nobody had written yet: the reaper holds the collector."""
    with Instance() as instance:
        with instance.popen("run", "-d", "--", *PYTHON, "import time\n" + STORM + "time.sleep(1.5)\n" + STORM, "500",
                            stdout=subprocess.PIPE, text=True) as run:
            jid = run.communicate()[0].strip()
        wait_until(lambda: scribe_of(instance), 5, "a scribe")
        time.sleep(0.3)
        victims = [scribe_of(instance), instance.store, instance.supervisor]
        for pid in victims:
            os.kill(pid, signal.SIGSTOP)
        equal([kill_pid(pid) for pid in victims], [True] * 3, "scribe, store and supervisor are killed")
        records = finished(instance)
        one_each(records, "all killed")
        end, found = end_of(records, jid), processes(records, jid)
        equal({record["collector"] for record in found}, {"ebpf"}, "its processes are counted as before")
        equal(len(found), 2 * expected_of(500) - 1, "all of them, before and after")
        equal((end["processes_seen"], end["processes_not_seen"]), (len(found), 0), "as the end says")
        check(kill_pid(instance.store), "the next store too")
        wait_until(lambda: len(maps_of(instance.supervisor)) == 6, 5, "a supervisor with the collector")
        instance.run("run", "--", "/bin/true")
        equal([record["collector"] for record in processes(finished(instance, 2))][-1], "ebpf", "and it goes on")


# So many records find room in a ring of 1 MiB (accounting/kernel_exit.h: 264 bytes, and 8 of the ring's own).
SMALL_RING = ((1 << 20) - 1) // 272


def overflown():
    """A ring that nobody reads: what found no room is counted, to the last one, and told by file, end and doctor."""
    with tempfile.TemporaryDirectory() as folder:
        site, gate = pathlib.Path(folder, "corral.toml"), pathlib.Path(folder, "gate")
        site.write_text("[accounting]\nring = '1M'\n")
        os.mkfifo(gate)
        with Instance(options=["--config", site]) as instance:
            instance.run("run", "--", "/bin/true")
            finished(instance)
            run = instance.popen("run", "-d", "--", *PYTHON, f"open('{gate}').read()\n" + STORM, "6000",
                                 stdout=subprocess.PIPE, text=True)
            jid = run.communicate()[0].strip()
            equal(instance.run("index", instance.pacct).returncode, 0, "an index has the file as far as the start")
            scribe = scribe_of(instance)
            os.kill(scribe, signal.SIGSTOP)
            gate.write_text("go")
            wait_until(lambda: not instance_is_busy(instance, [jid[2:]]), 60, "the end of the storm")
            os.kill(scribe, signal.SIGCONT)
            records = finished(instance, 2)
            lost = expected_of(6000) - SMALL_RING
            equal(len(processes(records, jid)), SMALL_RING, "as many records as the ring holds")
            end = end_of(records, jid)
            equal((end["processes_seen"], end["processes_not_seen"]), (SMALL_RING, lost), "the end knows how many there are not")
            equal([record["lost"] for record in records if record["kind"] == "loss"], [lost], "the file has the loss once")
            for how in (", behind what an index has", ", by an index in two parts"):
                told = json.loads(instance.run("report", jid, "--json", instance.pacct).stdout)
                equal((told["records_lost"], told["processes_not_seen"]), (lost, lost), "and a report of the job has it" + how)
                equal(instance.run("index", instance.pacct).returncode, 0, "indexed")
            facts = json.loads(instance.run("doctor", "--json").stdout)
            own = next(each for each in facts["instances"] if each["is_running"])
            equal(own["records_lost"], lost, "doctor tells it")
            check("1 MiB" in own["collector_why"], "and how large the ring is", own["collector_why"])
            instance.run("run", "--", *PYTHON, STORM, "1000")
            records = finished(instance, 3)
            equal(len([record for record in records if record["kind"] == "loss"]), 1, "with a reader nothing more is lost")
            one_each(records, "overflown")


def at_full_rate():
    """As fast as processes can end here: none is lost, and nothing grows with them (longer: tests/bench/exit_storm.py)."""
    exits = BUILD / "tests" / "bench" / "bench-exits"
    count = int(os.environ.get("EXITS", 40000))
    with Instance() as instance:
        instance.run("run", "--", "/bin/true")
        run = instance.popen("run", "--", exits, "vfork", str(count), stdout=subprocess.PIPE, text=True)
        scribe = wait_until(lambda: scribe_of(instance), 5, "a scribe")
        most = 0
        while run.poll() is None:
            most = max(most, memory_of(scribe), memory_of(instance.supervisor))
            time.sleep(0.05)
        print(f"   {run.communicate()[0].strip()} exits a second; {most} KiB at most")
        records = finished(instance, 2, 120)
        end = end_of(records[::-1])
        equal((end["processes_seen"], end["processes_not_seen"]), (count + 3, 0), "each exit is counted, none is lost")
        equal(len(processes(records, end["jid"])), count + 3, "and in the file")
        check(most < 40000, "scribe and supervisor stay small", most)
        slept = sleeps_of(scribe)
        check(0 < slept < count / 20, f"no record wakes the scribe: it slept {slept} times in {count} of them")


def sleeps_of(pid):
    """How often it waited, and so was woken."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(text.partition("\nvoluntary_ctxt_switches:")[2].split()[0])


def memory_of(pid):
    """KiB that are the process's own: the ring, which it maps, is the kernel's."""
    with contextlib.suppress(OSError):
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1])
    return 0


def switched_and_off():
    """Nothing is lost where the file is switched, and nothing is written while accounting is off."""
    with Instance() as instance:
        run = instance.popen("run", "-d", "--", *PYTHON, STORM, "3000", stdout=subprocess.PIPE, text=True)
        jid = run.communicate()[0].strip()
        for _ in range(5):
            time.sleep(0.1)
            result = subprocess.run([BUILD / "cli" / "corral", "csaswitch", "-c", "switch"], env=instance.environment,
                                    capture_output=True, text=True, check=False)
            if result.returncode != 0:
                fail(f"csaswitch: {result.stdout}{result.stderr}")
        wait_until(lambda: not instance.job_cgroups(), 60, "the end of the job")
        time.sleep(0.2)
        files = sorted(instance.folder.glob("pacct*"))
        check(len(files) >= 5, "the file was switched", files)
        records = [record for file in files for record in instance.records(file)["records"]]
        equal(len(processes(records, jid)), expected_of(3000), "every process is in one of the files")
        one_each(records, "switched")
        subprocess.run([BUILD / "cli" / "corral", "csaswitch", "-c", "off", "-n", "csa"], env=instance.environment,
                       capture_output=True, check=True)
        size = instance.pacct.stat().st_size
        instance.run("run", "--", "/bin/sh", "-c", "/bin/true; /bin/true")
        wait_until(lambda: not instance.job_cgroups(), 10, "the end of the job")
        equal(instance.pacct.stat().st_size, size, "nothing is written while accounting is off")


def maps_of(pid):
    """The eBPF descriptors that a process has."""
    found = []
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found += [os.readlink(entry)] if "bpf" in os.readlink(entry) else []
    return found


def taken_away():
    """A minute without jobs, and there is nothing of it in the kernel; the next job has it again."""
    with Instance() as instance:
        equal(maps_of(instance.supervisor) + maps_of(instance.store), [], "before the first job it is not there")
        for count in (1, 2):
            instance.run("run", "--", "/bin/true")
            records = finished(instance, count)
            equal([record["collector"] for record in processes(records)], ["ebpf"] * count, "the job is counted by it")
            wait_until(lambda: len(maps_of(instance.supervisor)) == len(maps_of(instance.store)) == 6, 5, "its descriptors, kept")
            wait_until(lambda: not maps_of(instance.supervisor) + maps_of(instance.store), 75, "its end", pause=1)


def by_choice():
    """The choice: by the environment, by the option, by the site's file; what is used and why is told."""
    with tempfile.TemporaryDirectory() as folder:
        site = pathlib.Path(folder, "corral.toml")
        site.write_text("[accounting]\ncollector = 'wait'\n")
        ways = {"the environment": ({"environment": {"CORRAL_COLLECTOR": "wait"}}, "wait"),
                "the option": ({"options": ["--collector", "wait"]}, "wait"),
                "the site's file": ({"options": ["--config", site]}, "wait"),
                "taskstats by the option": ({"options": ["--collector", "taskstats"]}, "taskstats"),
                "the option above the file": ({"options": ["--config", site, "--collector", "ebpf"]}, "ebpf"),
                "the engine": ({"engine": "subreaper"}, "wait")}
        for way, (arguments, wanted) in ways.items():
            with Instance(**arguments) as instance:
                instance.run("run", "--", "/bin/sh", "-c", "/bin/true; exit 0")
                records = finished(instance)
                equal({record["collector"] for record in processes(records)}, {wanted}, f"{way}: {wanted}")
                equal(len(processes(records)), 1 if wanted == "wait" else 2, f"{way}: as many records")
                if wanted == "wait":
                    equal({record["includes_children"] for record in processes(records)}, {True}, f"{way}: marked inclusive")
                    check("peak_virtual_bytes" not in processes(records)[0], "what wait does not collect is absent")
                facts = json.loads(instance.run("doctor", "--json").stdout)
                own = next(each for each in facts["instances"] if each["is_running"])
                equal(own["collector"], wanted, f"{way}: doctor says so")
                check(wanted == "ebpf" or own["collector_why"], f"{way}: and why", own)
        with Instance(environment={"CORRAL_COLLECTOR": "taskstats"}) as instance:
            found = instance.run("doctor").stdout
            check("taskstats: every process of a job" in found and "not ebpf: CORRAL_COLLECTOR says 'taskstats'" in found,
                  "doctor tells what is used, and why nothing better", found)
    result = subprocess.run([BUILD / "supervisor" / "corrald", "--collector", "acct"], capture_output=True, text=True,
                            check=False)
    equal((result.returncode, result.stderr.strip()),
          (2, "corrald: option '--collector' is 'acct', expected 'auto', 'ebpf', 'taskstats' or 'wait'"), "another word is refused")


def looked_at(instance):
    """Which files of the dead the reaper reads during a job of one process and two orphans: {file: how often}."""
    with tempfile.NamedTemporaryFile("r") as calls:
        tracer = subprocess.Popen(["strace", "-q", "-e", "trace=open,openat", "-o", calls.name, "-p", str(instance.reaper)])
        wait_until(lambda: "TracerPid:\t0" not in pathlib.Path(f"/proc/{instance.reaper}/status").read_text(), what="the tracer")
        jid = instance.facts("run", "-d", "--", "/bin/sh", "-c", "(true &); (true &); sleep 0.3; exit 5")["jid"]
        instance.run("wait", jid)
        tracer.terminate()
        tracer.wait()
        return collections.Counter(re.findall(r'"/proc/\d+/(\w+)"', calls.read()))


def read_of_the_dead():
    """Where the kernel counts, the reaper asks of an orphan only whose it was; over the death of the supervisor too."""
    with Instance() as instance:
        instance.run("run", "--", "/bin/true")
        thrifty = {"io": 1, "stat": 1, "cgroup": 2}
        equal(dict(looked_at(instance)), thrifty, "counted by the kernel: little is read of the dead")
        supervisor = instance.supervisor
        os.kill(supervisor, signal.SIGKILL)
        wait_until(lambda: instance.supervisor not in (None, supervisor), what="the next supervisor")
        instance.run("run", "--", "/bin/true")
        equal(dict(looked_at(instance)), thrifty, "and so for the next supervisor")
    with Instance(options=["--collector", "wait"]) as instance:
        instance.run("run", "--", "/bin/true")
        found = looked_at(instance)
        check(found["io"] == found["stat"] == found["status"] == 3, "counted by who reaps: all of it is read", found)


def no_loader():
    """Without corral-collect nothing is different from before."""
    with tempfile.TemporaryDirectory() as folder:
        for program in ("reaper/corral-init", "reaper/corral-reaper", "supervisor/corrald"):
            shutil.copy(BUILD / program, folder)
        corral.DAEMON = pathlib.Path(folder, "corrald")
        with Instance(init=pathlib.Path(folder, "corral-init"), environment={"CORRAL_LIBEXEC": folder}) as instance:
            instance.run("run", "--", "/bin/true")
            records = finished(instance)
            equal([record["collector"] for record in processes(records)], ["wait"], "by who reaps it")
            result = instance.run("doctor")
            check("wait (corral-collect is not installed)" in result.stdout, "doctor says why", result.stdout)


PARTS = [every_process, crowds, threads, nested, jobs_in_jobs, make_and_strace, killed_supervisor, killed_scribe, killed_store, all_killed,
         overflown, at_full_rate, switched_and_off, by_choice, read_of_the_dead, no_loader]


def main():
    needs_root()
    if reason := ebpf_obstacle():
        skip(reason)
    longer = [taken_away] if os.environ.get("CORRAL_FULL") == "1" or sys.argv[1:] else []
    for part in PARTS + longer:
        if not sys.argv[1:] or part.__name__ in sys.argv[1:]:
            print(f"--- {part.__name__}", flush=True)
            part()


main()
