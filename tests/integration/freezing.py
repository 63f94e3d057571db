#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Jobs that stand still: corral freeze and thaw, in front and detached, across
a death of the supervisor, at a job's end; and where it cannot be done."""

import os
import pathlib
import signal
import subprocess
import time

from corral import Instance, cgroup2_parent, check, equal, skip, wait_until

if cgroup2_parent() is None:
    skip("needs a writable cgroup v2 hierarchy")

COUNTER = "n=0; while :; do n=$((n+1)); echo $n > {0}/count; done"


def count_in(instance):
    text = (instance.folder / "count").read_text().strip() if (instance.folder / "count").exists() else ""
    return int(text or 0)


def stands_still(instance):
    """Whether the job's counter does not move; an answer to freeze means that it does not, at once."""
    before = (instance.folder / "count").read_bytes()
    time.sleep(0.3)
    return (instance.folder / "count").read_bytes() == before


def goes_on(instance):
    before = count_in(instance)
    wait_until(lambda: count_in(instance) > before, 10, "the job's counter goes on")
    return True


def freezer_property(instance, jid):
    return subprocess.run(
        ["busctl", f"--address=unix:path={instance.socket}", "get-property", "org.corral.Manager1",
         f"/org/corral/job/j{int(jid, 16):016x}", "org.corral.Job1", "FreezerState"],
        stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def detached(instance):
    jid = instance.run("run", "-d", "--", "sh", "-c", COUNTER.format(instance.folder)).stdout.strip()
    check(goes_on(instance), "a job counts")
    equal(instance.run("freeze", jid).returncode, 0, "it is frozen")
    check(stands_still(instance), "when freeze returns nothing of it runs")
    equal(instance.facts("show", jid)["freezer_state"], "frozen", "show says so")
    check(" frozen " in instance.run("ps").stdout, "ps says so")
    equal(freezer_property(instance, jid), 's "frozen"', "the bus says so")
    equal(instance.run("freeze", jid).returncode, 0, "freezing it again is no error")
    os.kill(instance.supervisor, signal.SIGKILL)
    wait_until(lambda: instance.supervisor, 10, "another supervisor")
    equal(instance.facts("show", jid)["freezer_state"], "frozen", "another supervisor knows it")
    check(stands_still(instance), "and leaves it frozen")
    equal(instance.run("thaw", jid).returncode, 0, "it is thawed")
    check(goes_on(instance), "and goes on")
    equal(instance.facts("show", jid)["freezer_state"], "running", "show says so")
    equal(instance.run("thaw", jid).returncode, 0, "thawing it again is no error")
    equal(instance.run("kill", "-g", "0", jid).returncode, 0, "it can be ended")
    equal(instance.run("freeze", jid).returncode, 65, "an ended job is not frozen")


def ending(instance):
    """A frozen job is thawed to be asked; so is one that passes its limit."""
    jid = instance.run("run", "-d", "--", "sh", "-c", "trap 'echo asked; exit 3' TERM; echo up; while :; do sleep 0.05; done").stdout.strip()
    wait_until(lambda: instance.run("log", jid).stdout == "up\n", 10, "the job's trap")
    equal(instance.run("freeze", jid).returncode, 0, "a job with a trap is frozen")
    equal(instance.run("kill", "-g", "20s", jid, timeout=15).returncode, 0, "killing it does not wait for its grace")
    check(instance.run("log", jid).stdout.endswith("asked\n"), "it was asked, awake")
    jid = instance.run("run", "-d", "--limit", "wall=1s", "--", "sleep", "1000").stdout.strip()
    equal(instance.run("freeze", jid).returncode, 0, "a job with a limit is frozen")
    instance.run("wait", jid, timeout=20)
    equal(instance.facts("show", jid)["result"], "over-limit", "its wall time runs on")


def foreground(instance):
    job = instance.popen("run", "-n", "front", "--", "sh", "-c", COUNTER.format(instance.folder))
    check(goes_on(instance), "a job in front counts")
    equal(instance.run("freeze", "front").returncode, 0, "it is frozen")
    check(stands_still(instance), "and stands still")
    equal(job.poll(), None, "its command waits")
    equal(instance.run("thaw", "front").returncode, 0, "it is thawed")
    check(goes_on(instance), "and goes on")
    equal(instance.run("freeze", "front").returncode, 0, "it is frozen again")
    job.kill()
    job.wait()
    wait_until(lambda: not instance.job_cgroups(), 20, "the end of a frozen job whose scope was killed")


def nested(instance):
    """A job in a frozen one stands still, is said to, and is not idle for that."""
    outer = instance.run("run", "-d", "--", "sleep", "1000").stdout.strip()
    jid = instance.run("run", "-d", "--parent", outer, "--limit", "idle=1s", "--", "sh", "-c",
                       COUNTER.format(instance.folder)).stdout.strip()
    check(goes_on(instance), "a nested job counts")
    equal(instance.run("freeze", outer).returncode, 0, "the job around it is frozen")
    check(stands_still(instance), "and it stands still")
    equal(instance.facts("show", jid)["freezer_state"], "frozen-by-parent", "show says so")
    check(" frozen-by-parent " in instance.run("ps").stdout, "ps says so")
    equal(freezer_property(instance, jid), 's "frozen-by-parent"', "the bus says so")
    time.sleep(2)
    equal(instance.facts("show", jid)["state"], "running", "it is not ended as idle")
    equal(instance.run("freeze", jid).returncode, 0, "it is frozen itself")
    equal(instance.facts("show", jid)["freezer_state"], "frozen", "which is said first")
    equal(instance.run("thaw", outer).returncode, 0, "the outer is thawed")
    check(stands_still(instance), "and it stands still for itself")
    equal(instance.run("thaw", jid).returncode, 0, "it is thawed too")
    check(goes_on(instance), "and goes on")
    equal(instance.facts("show", jid)["freezer_state"], "running", "show says so")
    equal(instance.run("kill", "-g", "0", outer).returncode, 0, "both are ended")


def whole_crash(instance):
    """Store and supervisor at once: what is found by its cgroup is found frozen."""
    jid = instance.run("run", "-d", "--", "sh", "-c", COUNTER.format(instance.folder)).stdout.strip()
    check(goes_on(instance), "one more job counts")
    equal(instance.run("freeze", jid).returncode, 0, "it is frozen")
    store, supervisor = instance.store, instance.supervisor
    os.kill(supervisor, signal.SIGSTOP)
    os.kill(store, signal.SIGKILL)
    os.kill(supervisor, signal.SIGKILL)
    wait_until(lambda: instance.supervisor not in (None, supervisor), 10, "another supervisor")
    equal(instance.facts("show", jid)["freezer_state"], "frozen", "a job that is found by its cgroup is found frozen")
    equal(instance.run("thaw", jid).returncode, 0, "and can be thawed")
    check(goes_on(instance), "and goes on")
    equal(instance.run("kill", "-g", "0", jid).returncode, 0, "and ended")


with Instance() as started:
    for part in (detached, ending, foreground, nested, whole_crash):
        part(started)
        pathlib.Path(started.folder / "count").unlink(missing_ok=True)
with Instance(engine="subreaper") as started:
    job = started.run("run", "-d", "--", "sleep", "1000").stdout.strip()
    refused = started.run("freeze", job)
    equal(refused.returncode, 72, "the engine subreaper cannot freeze")
    check("--signal STOP" in refused.stderr, "and says what can be done", refused.stderr)
