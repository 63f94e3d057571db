#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Processes that exist already come into jobs and leave them: what is refused
and in which words, what is inherited, jobs within jobs, who exits meanwhile,
and deaths of the supervisor in between."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import threading
import time

from corral import (Instance, cgroup2_parent, check, children_of, equal, is_alive, needs_root, not_checked,
                    skip, wait_until)
from other_process import KEEPS_STATUS, process

if cgroup2_parent() is None:
    skip("needs a writable cgroup v2 hierarchy")
needs_root()

NOBODY = 65534
KTHREAD = 0x00200000


def cgroup_of(pid):
    for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        if line.startswith("0::"):
            return line[3:]
    return ""


def job_name(jid):
    return f"j{int(jid, 16):016x}"


def is_member(pid, jid):
    return job_name(jid) in cgroup_of(pid).split("/")


def detached(instance, *words):
    return instance.facts("run", "-d", *(words or ("--", "sleep", "1000")))["jid"]


def refused(instance, code, words, *arguments, **options):
    done = instance.run(*arguments, **options)
    check(done.returncode == code and words in done.stderr and done.stderr.count("\n") == 1,
          f"corral {' '.join(map(str, arguments))}: refused: {words}", done.returncode, done.stderr)


def kernel_thread():
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if int((entry / "stat").read_text().rsplit(")", 1)[1].split()[6]) & KTHREAD:
                    return entry.name
    return None


def refusals(instance):
    jid = detached(instance)
    with process("true") as child:
        child.wait()
        gone = child.pid
    refused(instance, 66, f"there is no process {gone}", "attach", jid, gone)
    refused(instance, 64, "'web' is no process id", "attach", jid, "web")
    refused(instance, 66, "there is no job 'nosuch'", "attach", "nosuch", os.getpid())
    # The machine's init is left to unit-supervisor: a failure here would move it.
    for name, pid in (("reaper", instance.reaper), ("supervisor", instance.supervisor), ("store", instance.store)):
        refused(instance, 64, f"process {pid} (", "attach", jid, pid)
        check(not is_member(pid, jid), f"and the {name} was not moved")
    if kernel_thread():
        refused(instance, 64, "is a thread of the kernel's own", "attach", jid, kernel_thread())
    else:
        not_checked("a kernel thread: none is visible here")
    thread = threading.Thread(target=time.sleep, args=(5,))
    thread.start()
    refused(instance, 64, "is a thread of a process", "attach", jid, thread.native_id)
    other = detached(instance)
    member = instance.facts("show", other)["main_pid"]
    refused(instance, 64, f"is in job {other} already; mode 'transfer' takes it from there", "attach", jid, member)
    refused(instance, 64, "is nested in no job", "attach", "--mode", "nested", jid, member)
    with process() as first:
        half = instance.run("attach", "--new", first.pid, member)
        new = half.stdout.strip()
        check(half.returncode == 64 and is_member(first.pid, new) and half.stderr.endswith(
            f"mode 'transfer' takes it from there; the new job {new} stays, with 1 that came in before\n"),
            "a new job that one did not come into is said to stay", half)
        instance.run("kill", "-g", "0", new)
    with process() as child:
        refused(instance, 66, "is in no job of this instance", "detach", child.pid)
        refused(instance, 66, f"there is no process {gone}", "attach", "--new", child.pid, gone)
        check(not [job for job in instance.facts("ps") if job["kind"] == "attached"], "and no job was made of the rest")
        equal(instance.run("kill", "-g", "0", other).returncode, 0, "a job is ended")
        refused(instance, 65, "has ended", "attach", other, child.pid)
        refused(instance, 72, "limit 'files' can be given only to processes that begin", "attach", "--new", "--limit",
                "files=10", child.pid)
        equal(instance.run("attach", jid, child.pid).returncode, 0, "a process is attached")
        equal(instance.run("attach", jid, child.pid).returncode, 0, "a second time nothing happens")
    with process("sleep", "1000", user=NOBODY, group=NOBODY) as theirs, process() as own:
        as_nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        refused(instance, 77, f"belongs to uid 0, not to uid {NOBODY}", "attach", jid, theirs.pid, **as_nobody)
        mine = instance.facts("attach", "--new", theirs.pid, **as_nobody)["jid"]
        equal(instance.facts("show", mine)["owner"], NOBODY, "a user makes a job of a process of his own")
        refused(instance, 77, f"process {own.pid} (sleep) belongs to uid 0", "attach", mine, own.pid, **as_nobody)
        equal(instance.run("detach", theirs.pid, **as_nobody).returncode, 0, "and takes it out again")
        check(not is_member(theirs.pid, mine), "it is not there any more")
    instance.run("kill", "-g", "0", jid)


def life(instance):
    """A job of one process, its child, and the first's status as its result."""
    with process("sh", "-c", "read line; sleep 1000 & read line; kill $!; exit 5", stdin=subprocess.PIPE, text=True) as child:
        made = instance.facts("attach", "--new", "--name", "grown", child.pid)
        jid = made["jid"]
        equal(made["pids"], [child.pid], "corral attach --json says whom it took")
        facts = instance.facts("show", "grown")
        equal((facts["kind"], facts["state"], facts["main_pid"], facts["argv"]), ("attached", "running", child.pid, ["sh"]),
              "show says what it is")
        equal(instance.facts("show", "--pid", child.pid)["jid"], jid, "and which job a process is in")
        child.stdin.write("\n")
        child.stdin.flush()
        grandchild = wait_until(lambda: children_of(child.pid), what="its child")[0]
        check(is_member(grandchild, jid), "what it forks from then on is in the job")
        equal({one["pid"] for one in instance.facts("tree", jid)[0]["processes"]}, {child.pid, grandchild}, "tree has both")
        os.kill(instance.supervisor, signal.SIGKILL)
        wait_until(lambda: instance.supervisor, 10, "another supervisor")
        facts = instance.facts("show", "grown")
        equal((facts["jid"], facts["state"], facts["main_pid"]), (jid, "running", child.pid), "another supervisor knows it")
        waiter = instance.popen("wait", "--json", jid, stdout=subprocess.PIPE, text=True)
        child.stdin.write("\n")
        child.stdin.flush()
        child.wait()
        result = json.loads(waiter.communicate(timeout=20)[0])
    wanted = ("exited", 5) if KEEPS_STATUS else ("unknown", None)
    equal((result["result"], result["exit_code"]), wanted, "the first process's status is the job's, if the kernel keeps it")
    kinds = [one["kind"] for one in instance.records()["records"] if one.get("jid") == jid and one["kind"] != "process"]
    check(len(kinds) == 2, "its start and its end are recorded, once", kinds)
    equal(instance.job_cgroups(), [], "its cgroup has gone")


def killing(instance):
    """Who was attached is contained: signals and kills reach him."""
    jid = detached(instance)
    # It forks when it is in the job: a child of before would stay outside, and outlive this test.
    with process("sh", "-c", "trap '' TERM; read line; setsid sleep 1000 & wait", stdin=subprocess.PIPE, text=True) as child:
        equal(instance.run("attach", jid, child.pid).returncode, 0, "a process is attached to a job that runs")
        child.stdin.write("\n")
        child.stdin.flush()
        escaped = wait_until(lambda: children_of(child.pid), what="its child")[0]
        equal(instance.run("kill", "-g", "200ms", jid).returncode, 0, "the job is ended")
        equal(child.wait(timeout=10), -signal.SIGKILL, "and the process with it")
        wait_until(lambda: not is_alive(escaped), 10, "the end of its child in another session")
    with process() as child:
        jid = instance.facts("attach", "--new", "--limit", "wall=1s", child.pid)["jid"]
        equal(child.wait(timeout=15) < 0, True, "a limit of an attached job ends it")
        instance.run("wait", jid)
        equal(instance.facts("show", jid)["result"], "over-limit", "and is its result")


def leaving(instance):
    with process() as first, process() as second:
        before = cgroup_of(first.pid)
        jid = instance.facts("attach", "--new", first.pid, second.pid)["jid"]
        equal(instance.facts("detach", first.pid)["jid"], jid, "detach says which job it was")
        equal(cgroup_of(first.pid), before, "a process goes back to where the job's first came from")
        facts = instance.facts("show", jid)
        equal((facts["state"], facts["main_pid"]), ("running", None), "the job lives on without its main process")
        equal(instance.facts("detach", "--job", jid)["count"], 1, "all of a job are detached")
        instance.run("wait", jid)
        equal(instance.facts("show", jid)["result"], "detached", "and it ends")
        check(first.poll() is None and second.poll() is None, "and they live on")
    jid = detached(instance)
    pid = instance.facts("show", jid)["main_pid"]
    equal(instance.run("detach", pid).returncode, 0, "the main process of a detached job leaves too")
    instance.run("wait", jid)
    equal((instance.facts("show", jid)["result"], is_alive(pid)), ("detached", True), "the job ends and it lives on")
    os.kill(pid, signal.SIGKILL)
    crowd = detached(instance, "--", "sh", "-c", "for i in $(seq 50); do sleep 1000 & done; wait")
    wait_until(lambda: len(instance.facts("tree", crowd)[0]["processes"]) == 51, what="fifty processes")
    pids = [one["pid"] for one in instance.facts("tree", crowd)[0]["processes"]]
    equal(instance.facts("detach", "--job", crowd)["count"], 51, "fifty-one leave at once")
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def transfer(instance):
    """From one job to another, without a moment in none."""
    old, new = detached(instance), detached(instance)
    with process() as child:
        equal(instance.run("attach", "--mode", "transfer", old, child.pid).returncode, 0, "who is in no job is transferred too")
        equal(instance.run("attach", "-m", "transfer", new, child.pid).returncode, 0, "a member goes to another job")
        check(is_member(child.pid, new) and not is_member(child.pid, old), "it is in that one alone", cgroup_of(child.pid))
        equal(instance.run("attach", "-m", "transfer", new, child.pid).returncode, 0, "again nothing happens")
        fresh = instance.facts("attach", "--new", "-m", "transfer", child.pid)["jid"]
        check(is_member(child.pid, fresh), "and to one that is made of it")
        equal(instance.run("detach", child.pid).returncode, 0, "detached from there")
        check(not is_member(child.pid, new), "it does not go back", cgroup_of(child.pid))
        instance.run("wait", fresh, timeout=20)
    main = instance.facts("show", old)["main_pid"]
    equal(instance.run("attach", "-m", "transfer", new, main).returncode, 0, "the main process goes too")
    instance.run("wait", old, timeout=20)
    equal((instance.facts("show", old)["result"], is_alive(main)), ("detached", True), "its job ends, empty, and it lives on")
    equal(instance.run("kill", "-g", "0", new).returncode, 0, "the other job is ended")
    wait_until(lambda: not is_alive(main), 10, "and it with that")
    user = {"user": NOBODY, "group": NOBODY}
    with process("sleep", "1000", **user) as theirs, process("sleep", "1000", **user) as stays:
        as_nobody = user | {"extra_groups": []}
        mine = instance.facts("attach", "--new", theirs.pid, stays.pid, **as_nobody)["jid"]
        roots = detached(instance)
        equal(instance.run("attach", "-m", "transfer", roots, theirs.pid).returncode, 0, "root takes a user's process over")
        refused(instance, 77, "belongs to uid 0", "attach", "-m", "transfer", mine, theirs.pid, **as_nobody)
        check(is_member(theirs.pid, roots), "from whose job he may not take it back")
        instance.run("kill", "-g", "0", roots)


def nesting(instance):
    outer = detached(instance, "--limit", "cpu=1h,wall=30m", "--name", "outer", "--", "sleep", "1000")
    inner = detached(instance, "--parent", "outer", "--limit", "cpu=2h,wall=10m", "--name", "inner", "--", "sleep", "1000")
    facts = instance.facts("show", "inner")
    equal(facts["parent"], outer, "a nested job says in which it is")
    equal((facts["limits"]["cpu"], facts["limits"]["wall"]), (3600 * 10**6, 600 * 10**6), "its limits are narrowed")
    pid = facts["main_pid"]
    check(is_member(pid, outer) and is_member(pid, inner), "it is contained in both", cgroup_of(pid))
    equal(instance.facts("show", "--pid", pid)["jid"], inner, "a process is shown in the inner one")
    main = instance.facts("show", outer)["main_pid"]
    drawn = instance.run("tree", "outer").stdout.splitlines()
    equal([line.split(" ")[0:3] for line in drawn if "0x" in line], [[outer, "'outer'", "root"], ["", "", inner]],
          "tree draws the inner job in the outer")
    equal([len(line) - len(line.lstrip()) for line in drawn if "- " in line], [2, 4], "and each process in its own")
    equal([one["jid"] for one in instance.facts("tree", "outer")], [outer, inner], "in JSON it stands behind it")
    equal([one["jid"] for one in instance.facts("tree")].count(inner), 1, "among all jobs it stands there once, too")
    refused(instance, 64, f"is in job {outer} already; mode 'nested' keeps it there", "attach", inner, main)
    equal(instance.run("attach", "--mode", "nested", inner, main).returncode, 0, "a process of the outer moves in")
    check(is_member(main, inner), "and is in both")
    equal(instance.facts("detach", main)["jid"], inner, "it leaves the inner")
    check(is_member(main, outer) and not is_member(main, inner), "and is where its parent is")
    made = instance.facts("attach", "--new", "--parent", inner, pid)["jid"]
    equal(instance.facts("show", made)["parent"], inner, "a job is made within, of a process there")
    refused(instance, 64, "other jobs are nested in job", "detach", "--job", inner)
    refused(instance, 66, "there is no job 'nosuch'", "run", "--parent", "nosuch", "--", "true")
    equal(instance.run("run", "--parent", outer, "--", "sh", "-c", "exit 4").returncode, 4, "a nested job in front")
    os.kill(instance.supervisor, signal.SIGKILL)
    wait_until(lambda: instance.supervisor, 10, "another supervisor")
    equal(instance.facts("show", inner)["state"], "running", "another supervisor knows where nested jobs are")
    check(main not in [one["pid"] for one in instance.facts("tree", inner)[0]["processes"]], "and who is in them")
    equal(instance.run("kill", "-g", "0", "outer").returncode, 0, "the outer is ended")
    for jid in (inner, made):
        instance.run("wait", jid, timeout=20)
        facts = instance.facts("show", jid)
        equal((facts["state"], facts["result"]), ("ended", "cancelled"), "what is nested ends with it, by the same hand")
    wait_until(lambda: not instance.job_cgroups(), 10, "their cgroups to go")


def exits_meanwhile(instance):
    """A process that exits while it is attached: refused, or a job of one that ended; nothing stays."""
    outcomes = {}
    for round_ in range(40):
        child = subprocess.Popen(["sleep", f"0.0{round_ % 10}"])
        done = instance.run("attach", "--new", child.pid)
        child.wait()
        words = done.stderr.strip()
        outcomes[done.returncode] = outcomes.get(done.returncode, 0) + 1
        check(done.returncode == 0 or (done.returncode in (65, 66) and "ended" in words or "no process" in words),
              "attached or refused", done.returncode, words)
    wait_until(lambda: not instance.facts("ps"), 20, "every such job to end")
    print(f"  outcomes by exit code: {outcomes}", flush=True)
    for _ in range(6):
        with process() as child:
            attach = instance.popen("attach", "--new", child.pid, stdout=subprocess.PIPE, text=True)
            os.kill(instance.supervisor, signal.SIGKILL)
            jid = attach.communicate(timeout=60)[0].strip()
            equal((attach.returncode, bool(jid)), (0, True), "a supervisor that dies meanwhile costs nothing")
            check(is_member(child.pid, jid), "the process is in the job")
            wait_until(lambda: instance.supervisor, 10, "another supervisor")
            equal(instance.facts("show", jid)["main_pid"], child.pid, "which knows it")
    wait_until(lambda: not instance.facts("ps"), 20, "these jobs to end")


def both_lost(instance):
    """Supervisor and store at once: what was attached and what is nested is found by its cgroup."""
    with process() as child:
        outer = instance.facts("attach", "--new", child.pid)["jid"]
        inner = instance.facts("run", "-d", "--parent", outer, "--", "sleep", "1000")["jid"]
        store, supervisor = instance.store, instance.supervisor
        os.kill(supervisor, signal.SIGSTOP)
        os.kill(store, signal.SIGKILL)
        os.kill(supervisor, signal.SIGKILL)
        wait_until(lambda: instance.supervisor not in (None, supervisor), 10, "another supervisor")
        equal(instance.facts("show", "--pid", child.pid)["jid"], outer, "the job is found")
        equal(instance.facts("show", inner)["parent"], outer, "and that in it")
        equal(instance.run("kill", "-g", "0", outer).returncode, 0, "and can be ended")
        check(child.wait(timeout=10) < 0, "with its process")


def by_number(instance):
    """AttachPid and DetachPid of the bus, as busctl calls them."""
    def call(member, *words):
        return subprocess.run(["busctl", f"--address=unix:path={instance.socket}", "call", "org.corral.Manager1",
                               "/org/corral/manager", "org.corral.Manager1", member, *map(str, words)],
                              text=True, capture_output=True, check=False)
    jid = detached(instance)
    with process() as child:
        equal(call("AttachPid", "tus", int(jid, 16), child.pid, "").returncode, 0, "AttachPid attaches by number")
        check(is_member(child.pid, jid), "and it is there")
        equal(call("DetachPid", "u", child.pid).stdout, f"t {int(jid, 16)}\n", "DetachPid says from where")
        done = call("AttachPid", "tus", int(jid, 16), child.pid, "sideways")
        check("mode 'sideways' is not known" in done.stderr, "a wrong mode is refused", done.stderr)
        done = call("AttachPid", "tus", int(jid, 16), 0, "")
        check("process id 0 does not exist" in done.stderr, "so is process 0", done.stderr)
        done = subprocess.run(["busctl", f"--address=unix:path={instance.socket}", "call", "org.corral.Manager1",
                               f"/org/corral/job/{job_name(jid)}", "org.corral.Job1", "AttachPid", "us", str(child.pid), "move"],
                              text=True, capture_output=True, check=False)
        equal((done.returncode, is_member(child.pid, jid)), (0, True), "so does the job's own method")
        instance.run("detach", child.pid)
    instance.run("kill", "-g", "0", jid)


with Instance() as started:
    for folder in (started.folder, started.runtime):
        folder.chmod(0o755)
    for part in (refusals, life, killing, leaving, transfer, nesting, by_number, exits_meanwhile, both_lost):
        print(f"-- {part.__name__}", flush=True)
        part(started)
with Instance(engine="subreaper") as started:
    held = detached(started)
    with process() as stranger:
        refused(started, 72, "is contained by the engine subreaper", "attach", held, stranger.pid)
        refused(started, 72, "needs the engine 'cgroup2'", "attach", "--new", stranger.pid)
    refused(started, 72, "is contained by the engine subreaper", "detach", "--job", held)
    refused(started, 72, "nested", "run", "-d", "--parent", held, "--", "true")
