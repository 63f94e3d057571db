# SPDX-License-Identifier: Apache-2.0
"""What can count the processes of jobs here."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import sys

from corral import BUILD, cgroup2_parent, wait_until

# Quick to start: nothing of a site is looked for.
PYTHON = [sys.executable, "-S", "-E", "-c"]


def ebpf_obstacle():
    """Why the kernel cannot count the processes of jobs here; None: it does."""
    loader = BUILD / "collect" / "corral-collect"
    if os.environ.get("CORRAL_COLLECTOR") == "wait":
        return "CORRAL_COLLECTOR says so"
    if not loader.exists():
        return "corral-collect was not built (clang, bpftool, libbpf-dev)"
    if os.geteuid() != 0 or cgroup2_parent() is None:
        return "the eBPF collector takes root and a cgroup v2"
    result = subprocess.run([loader, "--check"], capture_output=True, text=True, check=False)
    return None if result.returncode == 0 else result.stdout.strip()


def bpftool():
    """The program's path; None: it is not here."""
    return shutil.which("bpftool", path="/usr/sbin:/usr/bin:/sbin:/bin")


def scribe_of(instance):
    """The process that writes the instance's records."""
    for name in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            words = (name / "cmdline").read_bytes()
            if b"--worker=scribe" in words and str(instance.pacct).encode() in words:
                return int(name.name)
    return None


def taskstats_obstacle():
    """Why taskstats cannot count the processes of jobs here; None: it does."""
    loader = BUILD / "collect" / "corral-collect"
    if not loader.exists():
        return "corral-collect was not built (clang, bpftool, libbpf-dev)"
    if os.geteuid() != 0 or cgroup2_parent() is None:
        return "the taskstats collector takes root and a cgroup v2"
    result = subprocess.run([loader, "--check-taskstats"], capture_output=True, text=True, check=False)
    return None if result.returncode == 0 else result.stdout.strip()


def finished(instance, count=1, seconds=60):
    """The records of the file, once so many jobs have their end in it."""

    def records():
        found = instance.records()["records"]
        ends = [record for record in found if record["kind"] == "end"]
        return found if len(ends) >= count else None

    return wait_until(records, seconds, f"{count} ends of jobs in the file", pause=0.05)


def processes(records, jid=None):
    return [record for record in records if record["kind"] == "process" and (jid is None or record["jid"] == jid)]


def end_of(records, jid=None):
    return next(record for record in records if record["kind"] == "end" and (jid is None or record["jid"] == jid))


NESTED = ("echo $$ >> $0; i=0; while [ $i -lt $1 ]; do sh -c 'echo $$ >> $0' $0; i=$((i+1)); done; echo >> $0; read x < $2; exit 0")


def nested_jobs(instance, folder):
    """Three jobs, each made in the one before by --parent, all alive together: the pids of each, as its own processes
    told them, by its jid. Records of all are in the file."""
    told, parent = {}, []
    for count in (2, 3, 4):
        file, gate = pathlib.Path(folder, f"pids{count}"), pathlib.Path(folder, f"gate{count}")
        os.mkfifo(gate)
        jid = instance.facts("run", "-d", *parent, "--", "/bin/sh", "-c", NESTED, file, count, gate)["jid"]
        wait_until(lambda file=file: file.exists() and "\n\n" in file.read_text(), 20, f"the {count} children of a job")
        told[jid], parent = (file, gate), ["--parent", jid]
    jids = list(told)
    parents = [instance.facts("show", jid)["parent"] for jid in jids[1:]]
    assert parents == jids[:-1], parents
    for jid in reversed(jids):
        told[jid][1].write_text("go\n")
        instance.run("wait", jid)
    finished(instance, len(jids))
    return {jid: sorted(map(int, file.read_text().split())) for jid, (file, _) in told.items()}
