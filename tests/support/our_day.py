# SPDX-License-Identifier: Apache-2.0
"""Accounting files of a real instance with one of everything that Corral writes:
processes with all linked records where the host collects them, starts, ends and
a crashed end, limits asked for and changed, project and account, nested jobs,
kinds turned on and off, records of daemons, records lost, switched files."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess

import corral
from accounted import Accounted, scribe_of
from collector import ebpf_obstacle

PROJECTS = '[project.physics]\nid = 4711\nusers = ["*"]\naccounts = ["grant"]\n[accounting]\nring = "1M"\n'
STORM = "i=0; while [ $i -lt 6000 ]; do /bin/true & wait; i=$((i+1)); done"
EVERY_KIND = {"start", "process", "end", "loss", "config", "limits", "daemon"}


@contextlib.contextmanager
def delays_counted():
    """The kernel counts delays meanwhile, where this process may say so."""
    switch = pathlib.Path("/proc/sys/kernel/task_delayacct")
    try:
        before = switch.read_text()
        switch.write_text("1\n")
    except OSError:
        yield False
        return
    try:
        yield True
    finally:
        switch.write_text(before)


def not_here():
    """Kinds of records that this host cannot make."""
    return {"loss"} if ebpf_obstacle() else set()


def told(instance, *words):
    done = instance.run(*words)
    if done.returncode != 0:
        corral.fail(f"corral {' '.join(map(str, words))}: {done.returncode}: {done.stderr}")
    return done.stdout


def started(instance, *words):
    return json.loads(told(instance, "run", "-d", "--json", *words))["jid"]


def workload(instance, jid, **values):
    words = {"provider": "SLURM", "machine": "node1", "request": "sim", "queue": "batch", "reqid": 17, "jid": jid, **values}
    told(instance, "accounting", "record", "wkmg", *(f"{key}={value}" for key, value in words.items()))


def jobs(instance, site):
    """What one day has. Each command that fails on purpose has its own code."""
    busy = "i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done"
    told(instance, "run", "-P", "physics", "-A", "grant", "-n", "sums", "--", "sh", "-c", f"{busy}; ls -R /usr/include >/dev/null; true")
    instance.run("run", "--limit", "wall=1h,files=100,cpu=1h", "--", "sh", "-c", "(sleep 0.1; :) & exit 3")
    instance.run("run", "--", "sh", "-c", "cat /proc/self/status >/dev/null; kill -9 $$")
    instance.run("run", "--limit", "cpu=1s,files=50", "--", "sh", "-c", "while :; do :; done")
    instance.csa("csaswitch", "-c", "off", "-n", "io")
    told(instance, "run", "--", "sh", "-c", "dd if=/dev/zero of=/dev/null bs=64k count=100 2>/dev/null")
    instance.csa("csaswitch", "-c", "on", "-n", "io")
    instance.csa("csaswitch", "-c", "on", "-n", "wkmg")
    told(instance, "accounting", "on", "tape", "site1", "site2")
    outer = started(instance, "-P", "physics", "--", "sleep", "60")
    told(instance, "run", "--parent", outer, "--", "sh", "-c", "true; uname >/dev/null")
    told(instance, "limit", outer, "--limit", "wall=2h")
    told(instance, "limit", outer, "--limit", "wall=none")
    instance.switch()
    request = started(instance, "--", "sh", "-c", f"sleep 1; {busy}; true")
    workload(instance, request, type="init", subtype="start")
    told(instance, "kill", "-g", "0", outer)
    told(instance, "wait", request)
    workload(instance, request, type="term", subtype="exit", code=0, utime="2s", stime="1s", memory="64M", ncpus=2, waited="9s")
    (site.root / "told").write_bytes(bytes(range(256)) * 3)
    for kind in ("tape", "site1", "site2"):
        told(instance, "accounting", "record", kind, str(site.root / "told"))


def loss(instance):
    """The ring is full while the scribe stands still; False: no ring here."""
    scribe = scribe_of(instance)
    os.kill(scribe, signal.SIGSTOP)
    jid = started(instance, "--", "sh", "-c", STORM)
    corral.wait_until(lambda: not instance.job_cgroups(), 60, "the end of the storm")
    os.kill(scribe, signal.SIGCONT)
    told(instance, "wait", jid)


def crash(instance):
    """Reaper, supervisor and store at once; the job's processes with them."""
    left = started(instance, "--", "sleep", "1000")
    for pid in (instance.reaper, instance.supervisor, instance.store):
        os.kill(pid, signal.SIGSTOP)
    for pid in (instance.reaper, instance.supervisor, instance.store):
        os.kill(pid, signal.SIGKILL)
    instance.process.wait()
    for cgroup in instance.job_cgroups():
        (cgroup / "cgroup.kill").write_text("1")
    return left


def make(site, folder):
    """Writes folder/day1, day2 and so on; the kinds of records that are in them."""
    config = site.root / "corral.toml"
    config.write_text(PROJECTS)
    with delays_counted(), Accounted(site, engine=None, options=("--config", str(config))) as instance:
        jobs(instance, site)
        if not not_here():
            loss(instance)
        left = crash(instance)
        instance.start()
        ends = lambda: [one for one in instance.records()["records"] if one["kind"] == "end" and one.get("jid") == left]
        corral.wait_until(ends, what="the end of what was open")
        told(instance, "run", "--", "true")
        instance.switch()
        told(instance, "run", "--", "true")
        instance.csa("csaswitch", "-c", "off", "-n", "csa")
        instance.csa("csaswitch", "-c", "on", "-n", "delay")
        told(instance, "run", "-n", "last", "--", "uname")
        instance.csa("csaswitch", "-c", "status")  # behind all that was written
        records = []
        for number, path in enumerate(instance.switched(), 1):
            (folder / f"day{number}").write_bytes(path.read_bytes())
            records += instance.records(path)["records"]
        return records


if __name__ == "__main__":
    import sys

    from csa_site import Site

    with Site() as site:
        folder = pathlib.Path(sys.argv[1])
        folder.mkdir(exist_ok=True)
        made = make(site, folder)
        print({kind: sum(one["kind"] == kind for one in made) for kind in EVERY_KIND})
        subprocess.run(["ls", "-l", folder], check=True)
