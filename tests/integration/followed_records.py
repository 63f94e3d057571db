#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Who descends from a process that is followed where it is (attach --mode logical, a session of that mode), where eBPF counts:
each has one record, those too whose parents have gone; the kernel hands the job on at each fork, whoever of us lives; and show,
JobOfPid, tree and the end's numbers say the same. Nothing is in the forks' way while nobody is followed.

    followed_records.py [PART...]     some parts of it, by the names of their functions"""

import collections
import json
import os
import pathlib
import signal
import subprocess
import sys

from collector import PYTHON, bpftool, ebpf_obstacle, finished
from corral import Instance, check, children_of, equal, is_alive, needs_root, skip, wait_until

# For each line of input COUNT children, one after another, each with a child of its own that it does not wait for.
STORM = ("import os, sys\n"
         "print(flush=True)\n"
         "for line in sys.stdin:\n"
         "    for i in range(int(line)):\n"
         "        pid = os.fork()\n"
         "        if pid == 0:\n"
         "            if os.fork() == 0: os._exit(9)\n"
         "            os._exit(i % 7)\n"
         "        os.waitpid(pid, 0)\n"
         "    print(flush=True)\n"
         "os._exit(3)\n")  # fmt: skip


class Storm:
    """A process of ours that is told to fork."""

    def __init__(self):
        self.process = subprocess.Popen([*PYTHON, STORM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def fork(self, count):
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        self.process.stdout.readline()

    def end(self):
        self.process.stdin.close()
        return self.process.wait(timeout=60)


def follow(instance, child):
    return instance.facts("attach", "--mode", "logical", "--new", child.pid)["jid"]


def of_job(records, jid, kind):
    return [record for record in records if record["kind"] == kind and record["jid"] == jid]


def links_of_forks():
    """How many programs of that name are attached to the tracepoint of forks, of the whole machine."""
    told = {}
    for kind in ("prog", "link"):
        listed = subprocess.run([bpftool(), "-j", kind, "show"], capture_output=True, text=True, check=True)
        told[kind] = json.loads(listed.stdout or "[]")
    forked = {one["id"] for one in told["prog"] if one.get("name") == "follow_child"}
    return sum(link["prog_id"] in forked for link in told["link"])


def check_whole(instance, jid, processes, what):
    """The end is sure, and each process has one record."""
    records = finished(instance)
    end = of_job(records, jid, "end")[0]
    found = of_job(records, jid, "process")
    equal((end["processes_seen"], end.get("processes_not_seen")), (processes, 0), f"{what}: the end knows them all")
    equal(len({(one["pid"], one["started_us"]) for one in found}), len(found), f"{what}: none twice")
    equal(len(found), processes, f"{what}: each has a record")
    equal({one["collector"] for one in found}, {"ebpf"}, f"{what}: by the kernel's own counters")
    return found


def every_descendant():
    with Instance() as instance, Storm() as child:
        child.fork(20)  # before: none of the job's
        jid = follow(instance, child)
        child.fork(300)
        equal(child.end(), 3, "it ends")
        instance.run("wait", jid)
        found = check_whole(instance, jid, 601, "300 children and as many orphans")
        root = [one for one in found if one["pid"] == child.pid]
        equal([(one["exit_code"], one["includes_children"]) for one in root], [(3, False)], "itself too, without its children")
        equal(sum(one.get("exit_code") == 9 for one in found), 300, "those whose parents had gone")
        codes = collections.Counter(one["exit_code"] for one in found if one["ppid"] == child.pid)
        equal(codes, collections.Counter(i % 7 for i in range(300)), "with their statuses")


def nobody_followed():
    """The program of forks is there while somebody is followed, and only then."""
    with Instance() as instance, Storm() as child, Storm() as other:
        instance.run("run", "--", "/bin/true")
        before = links_of_forks()
        jids = [follow(instance, one) for one in (child, other)]
        equal(links_of_forks(), before + 1, "it comes with the first who is followed, for all")
        child.end()
        instance.run("wait", jids[0])
        equal(links_of_forks(), before + 1, "and stays for the other")
        other.end()
        instance.run("wait", jids[1])
        wait_until(lambda: links_of_forks() == before, 10, "it to be gone")


def parent_of(pid):
    return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def membership():
    """A daemon that left its parents is a member in all that is shown, and ends with the job."""
    with Instance() as instance:
        script = "read line; sh -c 'setsid sleep 1000 >&- & echo $!'; exec sleep 1000"
        child = subprocess.Popen(["sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            jid = follow(instance, child)
            child.stdin.write("\n")
            child.stdin.flush()
            daemon = int(child.stdout.readline())
            wait_until(lambda: parent_of(daemon) != child.pid and not children_of(child.pid), 10, "an orphan")
            for turn in range(2):
                equal(instance.facts("show", "--pid", daemon)["jid"], jid, "show --pid knows whose it is")
                tree = {one["pid"] for one in instance.facts("tree", jid)[0]["processes"]}
                check({child.pid, daemon} <= tree, "so does the tree", tree)
                if turn == 0:
                    before = instance.supervisor
                    os.kill(before, signal.SIGKILL)
                    wait_until(lambda pid=before: instance.supervisor not in (None, pid), 20, "another supervisor")
            equal(instance.run("kill", "-g", "0", jid).returncode, 0, "the job is ended")
            wait_until(lambda: not is_alive(daemon), 10, "the daemon's end")
            child.wait(timeout=10)
            instance.run("wait", jid)
        finally:
            child.kill()
            child.wait()
        records = finished(instance)
        check(any(one["pid"] == daemon and one.get("signal") == "SIGKILL" for one in of_job(records, jid, "process")),
              "the daemon has its record", daemon)
        equal(of_job(records, jid, "end")[0].get("processes_not_seen"), 0, "and nothing is unknown")


def deaths():
    """The supervisor dies while it forks, and while it ends."""
    with Instance() as instance, Storm() as child:
        jid = follow(instance, child)
        for _ in range(3):
            before = instance.supervisor
            os.kill(before, signal.SIGSTOP)
            child.fork(100)
            os.kill(before, signal.SIGKILL)
            child.fork(100)
            wait_until(lambda pid=before: instance.supervisor not in (None, pid), 20, "another supervisor")
            child.fork(100)
        before = instance.supervisor
        os.kill(before, signal.SIGSTOP)
        child.end()  # nobody of ours sees that
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: instance.supervisor not in (None, before), 20, "another supervisor")
        instance.run("wait", jid)
        check_whole(instance, jid, 1801, "over four deaths")


def two_jobs():
    """Each has its own, and who is detached is nobody's with all that it forks then."""
    with Instance() as instance, Storm() as one, Storm() as other, Storm() as third:
        first, second, last = (follow(instance, child) for child in (one, other, third))
        for child, count in ((one, 50), (other, 70), (third, 10)):
            child.fork(count)
        equal(instance.facts("detach", third.pid)["jid"], last, "one is detached")
        third.fork(40)
        for child in (one, other):
            child.end()
        for jid in (first, second, last):
            instance.run("wait", jid)
        records = finished(instance, 3)
        for jid, count in ((first, 101), (second, 141), (last, 20)):
            equal(len(of_job(records, jid, "process")), count, "its own processes, no other's")
            equal(of_job(records, jid, "end")[0].get("processes_not_seen"), 0, "and sure of it")


def detached():
    """Who is detached takes out who descends from it, though another is followed still: what those fork then is nobody's."""
    with Instance() as instance, Storm() as other:
        jid = instance.facts("run", "-d", "--", "sleep", "1000")["jid"]
        read, write = os.pipe()
        child = subprocess.Popen(["sh", "-c", f"sh -c 'read line <&{read}; /bin/true; exit 0' & wait"], pass_fds=[read])
        wait_until(lambda: children_of(child.pid), 10, "its child")
        for pid in (other.pid, child.pid):
            equal(instance.run("attach", "--mode", "logical", jid, pid).returncode, 0, "it is followed")
        grandchild = children_of(child.pid)[0]
        equal(instance.facts("show", "--pid", grandchild)["jid"], jid, "with its child")
        equal(instance.facts("detach", child.pid)["jid"], jid, "it is detached")
        equal(instance.run("show", "--pid", grandchild).returncode, 66, "and its child with it")
        os.write(write, b"\n")
        child.wait(timeout=20)
        instance.run("kill", "-g", "0", jid)
        instance.run("wait", jid)
        pids = {one["pid"] for one in of_job(finished(instance), jid, "process")}
        check(other.pid in pids and len(pids) == 2 and grandchild not in pids, "the job has its own alone", pids)
        os.close(read)
        os.close(write)


def within():
    """A descendant that is attached elsewhere is the other job's from then on: a container is nearer than who forked whom."""
    with Instance() as instance, Storm() as child:
        outer = follow(instance, child)
        inner = instance.facts("run", "-d", "--", "sleep", "1000")["jid"]
        cgroup = next(folder for folder in instance.job_cgroups() if pathlib.Path(folder).name.endswith(inner.removeprefix("0x")))
        child.fork(5)
        (pathlib.Path(cgroup) / "cgroup.procs").write_text(str(child.pid))
        child.fork(7)
        child.end()
        instance.run("wait", outer)
        instance.run("kill", "-g", "0", inner)
        instance.run("wait", inner)
        records = finished(instance, 2)
        equal((len(of_job(records, outer, "process")), len(of_job(records, inner, "process"))), (10, 16), "none is in two")


def existing():
    """Who was there already when it was followed, and whom these fork then."""
    with Instance() as instance:
        read, write = os.pipe()
        script = f"sh -c 'read line <&{read}; /bin/true; /bin/true; exit 4' & wait"
        child = subprocess.Popen(["sh", "-c", script], pass_fds=[read])
        try:
            wait_until(lambda: children_of(child.pid), 10, "its child")
            jid = follow(instance, child)
            os.write(write, b"\n")
            child.wait(timeout=20)
            instance.run("wait", jid)
            check_whole(instance, jid, 4, "a child that was there, and two of its own")
        finally:
            child.kill()
            child.wait()
            os.close(read)
            os.close(write)


def at_full_rate():
    """As fast as they come: the map of who is followed loses nobody."""
    count = int(os.environ.get("STORM", 5000))
    with Instance() as instance, Storm() as child:
        jid = follow(instance, child)
        child.fork(count)
        child.end()
        instance.run("wait", jid, timeout=120)
        check_whole(instance, jid, 2 * count + 1, f"{count} forks and orphans in a row")


needs_root()
if why := ebpf_obstacle():
    skip(why)
PARTS = (every_descendant, nobody_followed, membership, deaths, two_jobs, detached, within, existing, at_full_rate)
for part in PARTS:
    if len(sys.argv) == 1 or part.__name__ in sys.argv[1:]:
        print(f"-- {part.__name__}", flush=True)
        part()
