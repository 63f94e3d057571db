#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Kills the supervisor, and in other parts the store, between every two
consecutive system calls of one launch and one end: a tracer stops it as its Nth
call returns and sends SIGKILL, for N = 1, 2, 3, ... until the job is over
before the Nth call is reached. The job is a detached one in a cgroup, one under
a scope, or a foreground one. "killed" is one that runs, and `corral kill` of it:
a request that was answered is done, whoever is killed then.

    STEP=1 tests/integration/kill_between_calls.py              every point
    STEP=1 FIRST=40 MOST=50 ... store foreground                some, of some parts
"""

import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import corral  # noqa: E402
import job_records  # noqa: E402

STEP = int(os.environ.get("STEP", "9"))
FIRST = int(os.environ.get("FIRST", "1"))
MOST = int(os.environ.get("MOST", "2000"))
TRUTH = job_records.Truth(code=37)
KILLED = job_records.Truth(signal=signal.SIGTERM)
PATIENCE = 20

VICTIMS = ("supervisor", "store")
WAYS = {
    "detached": ["-d"],
    "detached, subreaper": ["-d", "--engine", "subreaper"],
    "foreground": [],
    "foreground, subreaper": ["--engine", "subreaper"],
    "killed": None,
}
if os.geteuid() == 0 and corral.has_namespaces():
    WAYS |= {
        "detached, pidns": ["-d", "--engine", "pidns"],
        "foreground, cgroup2+pidns": ["--engine", "cgroup2+pidns"],
    }


def truth_of(way):
    return KILLED if way == "killed" else TRUTH


def prepare(instance, way, name):
    """What is there before the victim is traced."""
    if way != "killed":
        return None
    return int(instance.run("run", "-d", "--name", name, "--", "sleep", "1000").stdout.strip(), 16)


def kill(instance, jid, name):
    killed = instance.run("kill", "--no-wait", f"{jid:#x}", timeout=PATIENCE)
    # The answer may be lost with who gave it: the client asks again, too late.
    is_late = killed.returncode == 65 and killed.stderr.endswith("has ended\n")
    if (killed.returncode, killed.stderr) != (0, "") and not is_late:
        corral.fail(f"{name}: kill: {killed.returncode}: {killed.stderr}")
    waited = instance.run("wait", f"{jid:#x}", timeout=PATIENCE)
    if waited.returncode != KILLED.shell_code:
        corral.fail(f"{name}: wait {jid:#x}: {waited.returncode}: {waited.stderr}")
    return jid


def play(instance, way, name):
    """One job to its end. Returns its jid, None where it is not told."""
    command = ["run", *WAYS[way], "--name", name, "--", "sh", "-c", f"exit {TRUTH.code}"]
    started = instance.run(*command, timeout=PATIENCE)
    if "-d" not in WAYS[way]:
        if started.returncode != TRUTH.code or started.stderr:
            corral.fail(f"{name}: {started.returncode}: {started.stderr}")
        return None
    if started.returncode != 0:
        corral.fail(f"{name}: run -d: {started.returncode}: {started.stderr}")
    jid = int(started.stdout.strip().splitlines()[-1], 16)
    waited = instance.run("wait", f"{jid:#x}", timeout=PATIENCE)
    if waited.returncode != TRUTH.code:
        corral.fail(f"{name}: wait {jid:#x}: {waited.returncode}: {waited.stderr}")
    return jid


def one_round(instance, victim, way, number):
    """One job with the victim killed after its Nth call. Returns what the
    tracer hit, the job's name and its jid."""
    name = f"{victim}_{way.replace(', ', '_').replace('+', '_')}_{number}"
    prepared = prepare(instance, way, name)
    pid = getattr(instance, victim)
    tracer = subprocess.Popen(
        [corral.BUILD / "tests/support/kill-at-syscall", str(pid), str(number)],
        stdout=subprocess.PIPE,
        text=True,
    )
    if tracer.stdout.readline().strip() != "ready":
        # It made its Nth call before we could read the first line.
        corral.fail("the tracer did not attach")
    try:
        jid = kill(instance, prepared, name) if prepared else play(instance, way, name)
    except subprocess.TimeoutExpired as error:
        said = "".join(instance.run("show", job["jid"]).stdout for job in instance.facts("ps"))
        corral.fail(f"{name}: hangs: {error.cmd}\n{said or 'there is no live job'}")
    tracer.send_signal(signal.SIGTERM)
    hit = tracer.communicate(timeout=20)[0].strip()
    if hit.startswith("killed"):
        corral.wait_until(lambda: getattr(instance, victim) not in (pid, None), what=f"a new {victim}")
    return hit, name, jid


def named_jids(records):
    return {record["name"]: int(record["jid"], 16) for record in records if record["kind"] == "start"}


def part(victim, way):
    """All points of one victim and one kind of job, under an instance of its own."""
    with corral.Instance() as instance:
        jobs, calls = {}, []
        # The store makes few calls for a job: all of its points are always made.
        for number in range(FIRST, MOST, STEP if victim == "supervisor" else 1):
            corral.wait_until(lambda: instance.run("ps").returncode == 0, what="an answer")
            hit, name, jid = one_round(instance, victim, way, number)
            jobs[name] = jid
            if not hit.startswith("killed"):
                print(f"# the launch and the end were over before call {number}: {hit}")
                break
            calls.append(hit.rpartition(" ")[2])
        corral.wait_until(lambda: instance.facts("ps") == [], what="the end of all jobs")
        records = instance.records()["records"]
        named = named_jids(records)
        jids = [jid or named.get(name) for name, jid in jobs.items()]
        corral.equal(len(set(jids)), len(jobs), f"{victim}, {way}: {len(jobs)} jobs, each launched once")
        job_records.check_jobs(records, {jid: truth_of(way) for jid in jids}, f"{victim}, {way}")
        print(f"# points hit: {len(calls)}, after {len(set(calls))} different system calls", flush=True)


def main():
    for victim in VICTIMS:
        for way in WAYS:
            if all(word in f"{victim} {way}".split() for word in sys.argv[1:]):
                part(victim, way)


if __name__ == "__main__":
    main()
