#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Limits of an instance's jobs: memory, processes, processor time and files, in
front and detached, changed while they run, across a death of the supervisor,
with each engine; and what cannot be held is refused."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

from corral import Instance, check, equal, engines, not_checked, wait_until
from limits_held import EATER, FORKER, ended, group_of, groups_of, is_held, leaves_nothing

BUSY = "while :; do :; done"
PYTHON = sys.executable


def run_both(instance, *words):
    """The same job in front and detached: its facts, its output."""
    front = instance.run("run", "-n", "front", *words, timeout=60)
    facts = [job for job in json.loads(instance.run("ps", "-a", "--json").stdout) if job["name"] == "front"][-1]
    yield "in front", facts, front.stdout, front.stderr
    made = instance.run("run", "-d", *words)
    equal(made.returncode, 0, f"a detached job is made {made.stderr}")
    jid = made.stdout.strip()
    yield "detached", ended(instance, jid), instance.run("log", jid).stdout, ""


def memory(instance):
    for how, facts, output, _ in run_both(instance, "--limit", "memory=60M", "--", PYTHON, "-c", EATER):
        equal(facts["result"], "over-limit", f"memory, {how}: it ends over its limit")
        check("memory" in facts["sentence"] and "60.0 MiB" in facts["sentence"], f"and says which: {facts['sentence']}")
        check("ate it all" not in output, "before it had it all")
        equal((facts["limit"]["kind"], facts["limit"]["bound"]), ("memory", 60 << 20), "and so does its JSON")
        equal(facts["limits"]["memory"], 60 << 20, "show tells the bound")
    said = instance.run("run", "--report=json", "--limit", "memory=60M", "--", PYTHON, "-c", EATER).stderr
    report = json.loads(next(line for line in said.splitlines() if line.startswith("{")))
    check(report["oom_kills"] >= 1, "the report of a job in front has what its record has", report)
    for how, facts, output, _ in run_both(instance, "--limit", "memory=900M", "--", PYTHON, "-c", EATER):
        equal((facts["result"], output.strip()), ("exited", "ate it all"), f"memory, {how}: within its limit it runs")
        check(facts["memory_peak_bytes"] > 400 << 20, "the peak is counted")


def processes(instance):
    for how, facts, output, _ in run_both(instance, "--limit", "processes=20", "--kill-stragglers", "--", PYTHON, "-c",
                                          FORKER, "100"):
        equal(output.strip(), "19", f"processes, {how}: twenty at a time, itself among them")
        equal(facts["result"], "exited", "a fork that fails is the program's business")


def descriptors(instance):
    """What a program joins its groups by is not its own."""
    words = ["--", "ls", "/proc/self/fd"]
    for (how, _, bare, _), (_, _, bound, _) in zip(run_both(instance, *words),
                                                   run_both(instance, "--limit", "memory=1G,processes=100", *words)):
        equal(len(bound.split()), len(bare.split()), f"descriptors, {how}: a limit leaves none")


def cpu(instance, engine):
    words = ["--limit", "cpu=1s"] + (["--accept-less"] if engine == "subreaper" else [])
    for how, facts, _, _ in run_both(instance, *words, "--", "sh", "-c", f"({BUSY}) & {BUSY}"):
        equal(facts["result"], "over-limit", f"cpu, {how}, {engine}: two busy loops end over their limit: {facts['sentence']}")
        check("cpu time" in facts["sentence"], "and say which")
        if facts["user_us"] is not None:
            used = facts["user_us"] + facts["system_us"]
            check(1000000 <= used <= 1250000, f"it was seen in time: {used} us")


def files(instance, engine):
    for how, _, output, _ in run_both(instance, "--limit", "files=77", "--", "sh", "-c", "ulimit -n"):
        equal(output.strip(), "77", f"files, {how}, {engine}: each process has that limit")


def changes(instance):
    jid = instance.run("run", "-d", "--", "sh", "-c", BUSY).stdout.strip()
    table = instance.run("limit", jid).stdout
    check("cpu" in table and "none" in table, "limit shows a table")
    equal(instance.run("limit", jid, "-l", "cpu=1000s", "-l", "wall=1h").returncode, 0, "a running job gets limits")
    facts = instance.facts("limit", jid)
    equal((facts["limits"]["cpu"], facts["limits"]["wall"]), (10**9, 3600 * 10**6), "they are shown")
    equal(instance.run("limit", jid, "-l", "wall=none").returncode, 0, "one is taken away")
    equal(instance.facts("show", jid)["limits"]["wall"], None, "it is gone")
    wait_until(lambda: instance.facts("show", jid)["user_us"] > 300000, 20, "some use")
    os.kill(instance.supervisor, signal.SIGKILL)
    wait_until(lambda: instance.supervisor, 10, "another supervisor")
    equal(instance.facts("show", jid)["limits"]["cpu"], 10**9, "another supervisor knows them")
    equal(instance.run("limit", jid, "-l", "cpu=200ms").returncode, 0, "a limit below the use")
    equal(ended(instance, jid)["result"], "over-limit", "has been passed")
    result = instance.run("limit", jid, "-l", "cpu=1s")
    equal((result.returncode, result.stderr.count("\n")), (65, 1), "an ended job gets none")
    for bad in ("cpu=0", "cpu", "time=3", "memory=-1", "cpu=1 s", ""):
        result = instance.run("limit", jid, "-l", bad)
        equal(result.returncode, 2, f"'{bad}' is refused: {result.stderr}")


def called(instance, engine):
    """SetLimits, of the manager and of the job, by a client that is not ours: 0 takes a limit away, what is not named stays;
    AcceptsLess where the host cannot hold one for the whole job."""
    jid = instance.run("run", "-d", "--accept-less", "--limit", "wall=1h,cpu=900s", "--", "sleep", "1000").stdout.strip()
    manager = ("/org/corral/manager", "org.corral.Manager1", "SetLimits", "ta{sv}", str(int(jid, 16)))
    job = (f"/org/corral/job/j{int(jid, 16):016x}", "org.corral.Job1", "SetLimits", "a{sv}")

    def called_with(words, *dict_words):
        done = subprocess.run(["busctl", f"--address=unix:path={instance.socket}", "call", "org.corral.Manager1", *words, *dict_words],
                              capture_output=True, text=True, check=False, timeout=20)
        limits = instance.facts("show", jid)["limits"]
        return done.returncode == 0, limits["wall"], limits["cpu"], done.stderr

    cpu = 900 * 10**6
    equal(called_with(manager, "1", "WallTimeUSec", "t", "7200000000"), (True, 7200 * 10**6, cpu, ""), "SetLimits: another limit, the other stays")
    equal(called_with(manager, "1", "WallTimeUSec", "t", "0"), (True, None, cpu, ""), "0 takes the limit away, and no other")
    equal(called_with(job, "1", "WallTimeUSec", "t", "60000000"), (True, 60 * 10**6, cpu, ""), "the same of the job's own object")
    less = ("CpuTimeUSec", "t", "700000000")
    if engine == "subreaper":
        done, *limits, why = called_with(manager, "1", *less)
        equal((done, limits), (False, [60 * 10**6, cpu]), f"what cannot be held for the whole job is refused {why}")
        check("AcceptsLess" in why, "and the way to it is named", why)
        equal(called_with(manager, "2", *less, "AcceptsLess", "b", "false")[0], False, "AcceptsLess false is as without it")
    equal(called_with(manager, "2", *less, "AcceptsLess", "b", "true"), (True, 60 * 10**6, 700 * 10**6, ""), "AcceptsLess takes what there is")
    done, *limits, why = called_with(manager, "2", "WallTimeUSec", "t", "1000000", "Wall", "t", "5")
    equal((done, limits), (False, [60 * 10**6, 700 * 10**6]), f"a key that is not known is refused, and nothing is done {why}")
    check("'Wall' (t)" in why, "by its name", why)
    instance.run("kill", "-g", "0", jid)


def changed_kernel_limits(instance):
    """Who runs already is moved to where processes are counted, however it forks; memory that is used stays uncounted
    on version 1, so a limit of it cannot begin late there."""
    ready = instance.folder / "fork"
    storm = f"while ! test -e {ready}; do :; done; while :; do (:) & done"
    jid = instance.run("run", "-d", "--", "sh", "-c", f"({storm}) & ({storm}) & sleep 1000").stdout.strip()
    ready.touch()
    equal(instance.run("limit", jid, "-l", "processes=200").returncode, 0, "a limit of processes for a job that forks")
    group = group_of(instance.facts("show", jid)["main_pid"], "pids")
    if group and group.rsplit("/", 1)[-1].startswith("j"):
        # Who is dead has left it.
        outside = [pid for pid in instance_members(instance, jid) if group_of_living(pid) != group]
        time.sleep(0.2)
        outside = [pid for pid in outside if group_of_living(pid) not in (group, None)]
        equal(outside, [], "nobody of it is outside")
    instance.run("kill", "-g", "0", jid)
    late = instance.run("run", "-d", "--", "sleep", "100").stdout.strip()
    result = instance.run("limit", late, "-l", "memory=60M")
    if instance.facts("doctor")["limits"]["memory"]["held_by"] == "cgroup1":
        equal((result.returncode, result.stderr.count("\n")), (72, 1), f"a limit of memory cannot begin late: {result.stderr}")
    else:
        equal(result.returncode, 0, f"a limit of memory begins late: {result.stderr}")
    instance.run("kill", "-g", "0", late)
    jid = instance.run("run", "-d", "--limit", "memory=20M", "--", "sh", "-c",
                       f"while ! test -e {ready}2; do sleep 0.05; done; {PYTHON} -c \"{EATER}\" & wait; sleep 1000").stdout.strip()
    equal(instance.run("limit", jid, "-l", "memory=500M").returncode, 0, "a limit is raised")
    equal(instance.run("limit", jid, "-l", "memory=100M").returncode, 0, "and lowered")
    pathlib.Path(f"{ready}2").touch()
    facts = ended(instance, jid)
    check("100.0 MiB of 100.0 MiB" in facts["sentence"], f"a child that meets it is the end of all: {facts['sentence']}")


def instance_members(instance, jid):
    return [process["pid"] for job in instance.facts("tree", jid) for process in job["processes"]]


def group_of_living(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        return group_of(pid, "pids") if state not in "ZX" else None
    except (OSError, IndexError):
        return None


def raised(instance, *words):
    """No limit of each process is left behind by one that was raised."""
    jid = instance.run("run", "-d", "--limit", "cpu=1s", *words, "--", "sh", "-c", BUSY).stdout.strip()
    equal(instance.run("limit", jid, "-l", "cpu=3s", *words).returncode, 0, "a limit of processor time is raised")
    facts = ended(instance, jid)
    check(facts["result"] == "over-limit" and "of 3.000 s" in facts["sentence"], f"and is the limit: {facts['sentence']}")


def kernel_refuses(instance):
    jid = instance.run("run", "-d", "--limit", "processes=100", "--", "sleep", "100").stdout.strip()
    result = instance.run("limit", jid, "-l", "processes=9999999")
    equal((result.returncode, result.stderr.count("\n")), (2, 1), f"more than the kernel counts to is refused: {result.stderr}")
    equal(instance.facts("show", jid)["limits"]["processes"], 100, "and nothing changed")
    instance.run("kill", "-g", "0", jid)


def lowered_below_use(instance):
    jid = instance.run("run", "-d", "--limit", "memory=400M", "--", PYTHON, "-c",
                       "import time; b=bytes([1])*(150<<20); print('up', flush=True); time.sleep(100)").stdout.strip()
    wait_until(lambda: instance.run("log", jid).stdout == "up\n", 10, "the job's memory")
    equal(instance.run("limit", jid, "-l", "memory=50M").returncode, 0, "a limit of memory below the use")
    facts = ended(instance, jid)
    check(facts["result"] == "over-limit" and "memory" in facts["sentence"], f"has been passed: {facts['sentence']}")


def short_above(instance):
    """Memory that runs out above the jobs, for another one's use, ends who used it and not who has a limit."""
    jid = instance.run("run", "-d", "--limit", "memory=300M", "--", "sleep", "100").stdout.strip()
    group = group_of(instance.facts("show", jid)["main_pid"], "memory")
    if group is None or not group.rsplit("/", 1)[-1].startswith("j"):
        return instance.run("kill", "-g", "0", jid)
    above = pathlib.Path(f"/sys/fs/cgroup/memory{group}").parent
    eater = above / "eater"
    eater.mkdir()
    (above / "memory.limit_in_bytes").write_text("100M")
    try:
        command = f"echo 0 > {eater}/cgroup.procs; exec {PYTHON} -c \"{EATER}\""
        status = subprocess.run(["sh", "-c", command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode
        equal(status, -signal.SIGKILL, "memory ran out above the job")
        time.sleep(2)
        equal(instance.facts("show", jid)["state"], "running", "a job that did not use it lives")
    finally:
        (above / "memory.limit_in_bytes").write_text("-1")
        eater.rmdir()
        instance.run("kill", "-g", "0", jid)


def groups_go(instance, places):
    """A job that makes groups in its groups ends like any other; one whose container has gone leaves none to an instance after it."""
    if not places or os.geteuid() != 0:
        return not_checked("needs the hierarchies of version 1, as root")
    inner = "mkdir /sys/fs/cgroup/pids$(sed -n 's/^[0-9]*:pids://p' /proc/self/cgroup)/inner"
    jid = instance.run("run", "-d", "--limit", "processes=50", "--", "sh", "-c", inner).stdout.strip()
    equal(ended(instance, jid)["result"], "exited", "a job that made a group in its group has ended")
    leftover = places[-1] / "j00000000000000ff"
    leftover.mkdir(parents=True)
    os.kill(instance.supervisor, signal.SIGKILL)
    wait_until(lambda: not leftover.exists(), 10, "the next supervisor removes what nobody's container belongs to")


def other_users(instance, engine):
    """In the foreground another user's limits are held as root's are, where the engine holds them (foreground_users.py)."""
    if os.geteuid() != 0:
        return not_checked("needs root")
    for folder in (instance.folder, instance.runtime):
        folder.chmod(0o755)
    instance.socket.chmod(0o666)
    as_nobody = {"user": 65534, "group": 65534, "extra_groups": []}
    result = instance.run("run", "--", "sh", "-c", "id -u; ls /proc/self/fd", **as_nobody)
    equal((result.returncode, result.stdout.split()[:1]), (0, ["65534"]), f"another user's job runs in the foreground {result.stderr}")
    holds = 0 if engine == "cgroup2" else 72
    result = instance.run("run", "--limit", "memory=100M", "--", "true", **as_nobody)
    equal((result.returncode, result.stderr.count("\n")), (holds, holds // 72), f"with a limit of its whole job: {result.stderr}")
    result = instance.run("run", "--engine", "cgroup2", "--", "true", **as_nobody)
    equal((result.returncode, result.stderr.count("\n")), (holds, holds // 72), f"and in a cgroup: {result.stderr}")


def lists(instance):
    jid = instance.run("run", "-d", "--", "sleep", "100").stdout.strip()
    equal(instance.run("limit", jid, "-l", "wall=1h,cpu=1h", "-l", "cpu=2h,cpu=none").returncode, 0, "lists, the last counts")
    limits = instance.facts("limit", jid)["limits"]
    equal((limits["wall"], limits["cpu"]), (3600 * 10**6, None), "as they say")
    result = instance.run("limit", jid, "-l", "files=9")
    equal((result.returncode, result.stderr.count("\n")), (72, 1), f"files were given at the start: {result.stderr}")
    instance.run("kill", "-g", "0", jid)


def crashes(instance):
    jid = instance.run("run", "-d", "--limit", "cpu=700ms,wall=30s", "--", "sh", "-c", BUSY).stdout.strip()
    for _ in range(3):
        os.kill(instance.supervisor, signal.SIGKILL)
        wait_until(lambda: instance.supervisor, 10, "another supervisor")
        time.sleep(0.05)
    equal(ended(instance, jid)["result"], "over-limit", "a limit outlives supervisors")


@contextlib.contextmanager
def stopped(pid):
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def wall_time(instance):
    with stopped(instance.reaper):
        waits = instance.popen("run", "-d", "--limit", "wall=2s", "--", "sh", "-c", "sleep 1; exit 7",
                               stdout=subprocess.PIPE, text=True)
        time.sleep(2.2)
    late = ended(instance, waits.communicate(timeout=30)[0].strip())
    equal(late["exit_code"], 7, "what waits for its launch has not begun to use its wall time")
    with stopped(instance.reaper):
        runs = instance.popen("run", "-d", "--", "sh", "-c", "sleep 1; exit 7", stdout=subprocess.PIPE, text=True)
        time.sleep(0.5)
        os.kill(instance.supervisor, signal.SIGSTOP)
    time.sleep(0.6)
    os.kill(instance.supervisor, signal.SIGCONT)
    told_late = ended(instance, runs.communicate(timeout=30)[0].strip())
    ran = told_late["ended_us"] - told_late["started_us"]
    check(1000000 <= ran < 2000000, "and who is told late of a launch knows when it was", ran)


def refused(instance):
    for limit in ("memory=64M", "processes=9", "cpu=1s"):
        for way in ([], ["-d"]):
            result = instance.run("run", *way, "--limit", limit, "--", "true")
            equal(result.returncode, 72, f"{limit} {way} is not held for a job: {result.stderr}")
            equal(result.stderr.count("\n"), 1, "which is one sentence")
            check("--accept-less" in result.stderr, "that says what to do")
    result = instance.run("run", "--accept-less", "--limit", "memory=100M", "--", PYTHON, "-c", EATER)
    check(result.returncode != 0 and "ate it all" not in result.stdout, "taken as far as it holds it holds for each process")


def main():
    for engine in engines():
        with Instance(engine=engine) as instance:
            if engine == "cgroup2":
                wall_time(instance)
            cpu(instance, engine)
            files(instance, engine)
            called(instance, engine)
            if engine == "subreaper":
                refused(instance)
                raised(instance, "--accept-less")
                continue
            if not is_held(instance, "memory", "processes"):
                not_checked("needs the memory and pids controllers, of either version")
                continue
            memory(instance)
            processes(instance)
            descriptors(instance)
            changes(instance)
            changed_kernel_limits(instance)
            raised(instance)
            lists(instance)
            kernel_refuses(instance)
            lowered_below_use(instance)
            short_above(instance)
            other_users(instance, engine)
            crashes(instance)
            places = groups_of(instance)
            groups_go(instance, places)
            leaves_nothing(instance, places)


main()
