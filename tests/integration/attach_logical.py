#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Processes that are followed where they are (attach --mode logical): listed, signalled, counted and ended with their
job, whoever dies meanwhile; what is refused, and in which words."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import time

from collector import ebpf_obstacle, taskstats_obstacle
from corral import (Instance, cgroup2_parent, check, children_of, equal, is_alive, needs_root, not_checked,
                    skip, wait_until)
from other_process import KEEPS_STATUS, process

if cgroup2_parent() is None:
    skip("needs a writable cgroup v2 hierarchy")
needs_root()

NOBODY = 65534
KTHREAD = 0x00200000
FOLLOW = ("attach", "--mode", "logical")


def cgroup_of(pid):
    return pathlib.Path(f"/proc/{pid}/cgroup").read_text()


def detached(instance, *options):
    return instance.facts("run", "-d", *options, "--", "sleep", "1000")["jid"]


def tree_pids(instance, jid):
    return {one["pid"] for one in instance.facts("tree", jid)[0]["processes"]}


def follow(instance, jid, child):
    done = instance.run(*FOLLOW, jid, child.pid)
    equal((done.returncode, done.stderr), (0, ""), "a process is followed")


def refused(instance, code, words, *arguments, **options):
    done = instance.run(*arguments, **options)
    check(done.returncode == code and words in done.stderr and done.stderr.count("\n") == 1,
          f"corral {' '.join(map(str, arguments))}: refused: {words}", done.returncode, done.stderr)


def new_supervisor(instance):
    before = instance.supervisor
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: instance.supervisor not in (None, before), 10, "another supervisor")


def kernel_thread():
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if int((entry / "stat").read_text().rsplit(")", 1)[1].split()[6]) & KTHREAD:
                    return entry.name
    return None


def membership(instance):
    """It stays where it is, and is a member in all that is shown."""
    jid = detached(instance, "--name", "around")
    main = instance.facts("show", jid)["main_pid"]
    with process("sh", "-c", "read line; sleep 1000 & wait", stdin=subprocess.PIPE, text=True) as child:
        before = cgroup_of(child.pid)
        follow(instance, jid, child)
        equal(cgroup_of(child.pid), before, "it was not moved")
        equal(instance.facts("show", jid)["followed"], 1, "the job says that it follows one")
        check("1 where they are" in instance.run("show", jid).stdout, "for people too")
        child.stdin.write("\n")
        child.stdin.flush()
        grandchild = wait_until(lambda: children_of(child.pid), what="its child")[0]
        equal(tree_pids(instance, jid), {main, child.pid, grandchild}, "tree has it, with what it forked")
        for pid, kind in ((main, "contained"), (child.pid, "followed"), (grandchild, "followed")):
            facts = instance.facts("show", "--pid", pid)
            equal((facts["jid"], facts["process"]["membership"], facts["process"]["is_main"]), (jid, kind, pid == main),
                  f"show --pid: {kind}")
        equal(instance.run(*FOLLOW, jid, child.pid).returncode, 0, "a second time nothing happens")
        equal(instance.facts("show", jid)["followed"], 1, "and it is one still")
        refused(instance, 64, "is followed with who it descends from", "detach", grandchild)
        equal(instance.facts("detach", child.pid)["jid"], jid, "it is detached")
        equal((instance.facts("show", jid)["followed"], tree_pids(instance, jid)), (0, {main}), "and followed no longer")
        refused(instance, 66, "is in no job of this instance", "detach", child.pid)
        os.kill(grandchild, signal.SIGKILL)
    instance.run("kill", "-g", "0", jid)
    instance.run("wait", jid)
    end = next(record for record in instance.records()["records"] if record["kind"] == "end" and record["jid"] == jid)
    if ebpf_obstacle():
        check("processes_not_seen" not in end, "of who descended from it nobody can tell how many there were", end)
    else:
        equal(end.get("processes_not_seen"), 0, "the kernel knew who descended from it")


def not_counted(collector):
    """Where each process is counted otherwise than by eBPF nobody counts who descends from who is followed."""
    script = "read line; /bin/true; exit 0"
    with Instance(environment={"CORRAL_COLLECTOR": collector}) as instance, process("sh", "-c", script, stdin=subprocess.PIPE, text=True) as child:
        jid = instance.facts(*FOLLOW, "--new", child.pid)["jid"]
        child.communicate("\n", timeout=20)
        instance.run("wait", jid)
        end = next(record for record in instance.records()["records"] if record["kind"] == "end" and record["jid"] == jid)
        check("processes_not_seen" not in end, f"{collector}: the end does not say how many were not seen", end)


def refusals(instance):
    jid = detached(instance)
    with process("true") as child:
        child.wait()
        refused(instance, 66, f"there is no process {child.pid}", *FOLLOW, jid, child.pid)
    if kernel_thread():
        refused(instance, 64, "is a thread of the kernel's own", *FOLLOW, jid, kernel_thread())
    else:
        not_checked("a kernel thread: none is visible here")
    refused(instance, 64, "a part of Corral", *FOLLOW, jid, instance.supervisor)
    other = detached(instance)
    member = instance.facts("show", other)["main_pid"]
    refused(instance, 64, f"is in job {other} already; detach it first", *FOLLOW, jid, member)
    with process() as own, process("sleep", "1000", user=NOBODY, group=NOBODY) as theirs:
        as_nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        mine = instance.facts(*FOLLOW, "--new", theirs.pid, **as_nobody)["jid"]
        refused(instance, 77, f"process {own.pid} (sleep) belongs to uid 0", *FOLLOW, mine, own.pid, **as_nobody)
        refused(instance, 64, f"is in job {mine} already; detach it first", *FOLLOW, jid, theirs.pid)
        follow(instance, jid, own)
        refused(instance, 72, "follows processes that are not in its container", "freeze", jid)
        refused(instance, 72, "would not hold for the processes that it follows", "limit", jid, "-l", "processes=50")
        equal(instance.run("freeze", other).returncode, 0, "a job without followed processes is frozen")
        instance.run("detach", own.pid)
        refused(instance, 64, "is frozen, and process", *FOLLOW, other, own.pid)
        instance.run("kill", "-g", "0", other)
        bound = detached(instance, "--limit", "processes=50")
        refused(instance, 72, "the limit 'processes' of job", *FOLLOW, bound, own.pid)
        timed = detached(instance, "--limit", "wall=1h,cpu=1h")
        follow(instance, timed, own)
        for ended in (jid, bound, timed):
            instance.run("kill", "-g", "0", ended)


def signals_and_end(instance):
    jid = instance.facts("run", "-d", "--", "sh", "-c", "trap '' USR1; sleep 1000")["jid"]
    script = "trap '' USR1; setsid sleep 1000 & trap 'echo usr1' USR1; trap 'echo term' TERM; echo ready; while :; do wait; done"
    with process("sh", "-c", script, stdout=subprocess.PIPE, text=True) as child:
        equal(child.stdout.readline(), "ready\n", "it runs")
        sleeper = wait_until(lambda: children_of(child.pid), what="its child in another session")[0]
        follow(instance, jid, child)
        equal(instance.run("kill", "-s", "USR1", jid).returncode, 0, "a signal to the job")
        check(is_alive(child.pid), "is sent to who is followed")
        equal(child.stdout.readline(), "usr1\n", "and arrives there")
        group = os.getpgid(sleeper)
        equal(instance.run("kill", "-s", "CONT", "--group", str(group), jid).returncode, 0, "a group of it can be meant")
        equal(instance.run("kill", "-g", "300ms", jid).returncode, 0, "the job is ended")
        instance.run("wait", jid)
        equal(child.wait(timeout=5), -signal.SIGKILL, "and who is followed with it, whatever it ignores")
        check("term" in child.stdout.read(), "after it was asked")
        wait_until(lambda: not is_alive(sleeper), 5, "the end of its child")
    equal(instance.facts("show", jid)["result"], "cancelled", "the job says why")


def emptiness(instance):
    """The job ends when who is followed has ended, and not before."""
    jid = instance.facts("run", "-d", "--linger", "--", "sh", "-c", "sleep 0.3")["jid"]
    with process("sh", "-c", "read line; exit 7", stdin=subprocess.PIPE, text=True) as child:
        follow(instance, jid, child)
        wait_until(lambda: instance.facts("show", jid)["main_pid"] is None, what="the end of its main process")
        equal(instance.facts("show", jid)["state"], "running", "it lives while somebody is followed")
        child.stdin.write("\n")
        child.stdin.flush()
        child.wait()
    equal(instance.run("wait", jid, timeout=20).returncode, 0, "then it ends")
    facts = instance.facts("show", jid)
    check(facts["processes_seen"] >= 2, "and counted the end of who was followed", facts["processes_seen"])
    jid = detached(instance)
    main = instance.facts("show", jid)["main_pid"]
    with process() as child:
        follow(instance, jid, child)
        os.kill(main, signal.SIGTERM)
        equal(instance.run("wait", jid, timeout=20).returncode, 143, "without --linger its main process's end ends all")
        equal(child.wait(timeout=5), -signal.SIGTERM, "who is followed too")
    equal(instance.facts("show", jid)["stragglers"], 1, "as a straggler")


def new_job(instance):
    with process("sh", "-c", "read line; exit 5", stdin=subprocess.PIPE, text=True) as child:
        jid = instance.facts(*FOLLOW, "--new", "--name", "apart", child.pid)["jid"]
        facts = instance.facts("show", "apart")
        equal((facts["kind"], facts["main_pid"], facts["followed"]), ("attached", child.pid, 1), "a job of who is followed")
        new_supervisor(instance)
        facts = instance.facts("show", "apart")
        equal((facts["state"], facts["main_pid"], facts["followed"]), ("running", child.pid, 1), "another supervisor knows it")
        waiter = instance.popen("wait", "--json", jid, stdout=subprocess.PIPE, text=True)
        child.stdin.write("\n")
        child.stdin.flush()
        child.wait()
        result = json.loads(waiter.communicate(timeout=20)[0])
    wanted = ("exited", 5) if KEEPS_STATUS else ("unknown", None)
    equal((result["result"], result["exit_code"]), wanted, "its status is the job's, if the kernel keeps it")
    records = [one for one in instance.records()["records"] if one.get("jid") == jid]
    equal(sorted(one["kind"] for one in records), ["end", "process", "start"], "start, process and end are recorded once")


def deaths(instance):
    """The supervisor dies at some instant of an attachment, or who is followed does while there is none."""
    for _ in range(6):
        jid = detached(instance)
        with process() as child:
            attach = instance.popen(*FOLLOW, jid, child.pid)
            os.kill(instance.supervisor, signal.SIGKILL)
            equal(attach.wait(timeout=60), 0, "a supervisor that dies meanwhile costs nothing")
            wait_until(lambda: instance.supervisor, 10, "another supervisor")
            equal(instance.facts("show", jid)["followed"], 1, "it is followed, once")
            equal(instance.run("kill", "-g", "0", jid).returncode, 0, "and ended")
            equal(child.wait(timeout=10), -signal.SIGKILL, "with its job")
    jid = detached(instance)
    with process() as child:
        follow(instance, jid, child)
        before = instance.supervisor
        os.kill(before, signal.SIGSTOP)
        child.kill()
        child.wait()
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: instance.supervisor not in (None, before), 10, "another supervisor")
        wait_until(lambda: instance.facts("show", jid)["followed"] == 0, 10, "an end that nobody saw")
    instance.run("kill", "-g", "0", jid)
    outcomes = {}
    for turn in range(40):
        child = subprocess.Popen(["sleep", f"0.0{turn % 10}"])
        done = instance.run(*FOLLOW, "--new", child.pid)
        child.wait()
        outcomes[done.returncode] = outcomes.get(done.returncode, 0) + 1
        check(done.returncode == 0 or (done.returncode in (65, 66) and "ended" in done.stderr) or "no process" in done.stderr,
              "followed, or refused", done.returncode, done.stderr)
    wait_until(lambda: not instance.facts("ps"), 20, "every such job to end")
    print(f"  outcomes by exit code: {outcomes}", flush=True)


def use(instance):
    """What it used since it was attached is the job's, and bounds it."""
    busy = "import time\nwhile time.process_time() < 0.4: pass\nprint(flush=True)\ninput()\nwhile True: pass"
    with process("/usr/bin/python3", "-c", busy, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        child.stdout.readline()
        jid = instance.facts(*FOLLOW, "--new", "--limit", "cpu=1s", child.pid)["jid"]
        facts = instance.facts("show", jid)
        check(facts["user_us"] + facts["system_us"] < 200000, "what it had used before is not the job's", facts["user_us"])
        child.stdin.write("\n")
        child.stdin.flush()
        start = time.process_time()
        equal(child.wait(timeout=20) < 0, True, "over the limit of processor time it is ended")
        del start
    instance.run("wait", jid)
    facts = instance.facts("show", jid)
    equal(facts["result"], "over-limit", "which is the job's result")


def without_cgroups(instance):
    held = detached(instance)
    with process("sh", "-c", "setsid sleep 1000 & wait") as child, process() as second:
        wait_until(lambda: children_of(child.pid), what="its child")
        follow(instance, held, second)
        equal(instance.run("kill", "-g", "0", held).returncode, 0, "a job of a subreaper follows too")
        equal(second.wait(timeout=10), -signal.SIGKILL, "and ends who is followed")
        jid = instance.facts(*FOLLOW, "--new", child.pid)["jid"]
        equal(len(tree_pids(instance, jid)), 2, "a job without a container lists them")
        new_supervisor(instance)
        equal(len(tree_pids(instance, jid)), 2, "whoever the supervisor is")
        sleeper = children_of(child.pid)[0]
        equal(instance.run("kill", "-g", "0", jid).returncode, 0, "and ends them")
        equal(child.wait(timeout=10), -signal.SIGKILL, "all")
        wait_until(lambda: not is_alive(sleeper), 5, "its child's end")
        instance.run("wait", jid, timeout=20)
        equal(instance.facts("show", jid)["result"], "cancelled", "and the job has ended")
    with process() as child:
        jid = instance.facts(*FOLLOW, "--new", child.pid)["jid"]
        equal(instance.facts("detach", "--job", jid)["count"], 1, "all are detached")
        instance.run("wait", jid, timeout=20)
        check(is_alive(child.pid), "and live on")


with Instance() as started:
    for folder in (started.folder, started.runtime):
        folder.chmod(0o755)
    for part in (membership, refusals, signals_and_end, emptiness, new_job, deaths, use):
        print(f"-- {part.__name__}", flush=True)
        part(started)
with Instance(engine="subreaper") as started:
    print("-- without_cgroups", flush=True)
    without_cgroups(started)
print("-- not_counted", flush=True)
not_counted("wait")
if not taskstats_obstacle():
    not_counted("taskstats")
