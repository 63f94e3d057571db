#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The totals in the end-of-job record are the cgroup's, never a sum of process records: a sum misses what a process that
ignores SIGCHLD had done for it, and without a cgroup there is no total. Who was reaped by another is not invented: the
number of processes not seen is 'unknown'. And the start of a job is on the disk before its program runs."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from corral import COMMAND, Instance, cgroup2_parent, check, children_of, engines, equal, skip, wait_until

os.environ["CORRAL_COLLECTOR"] = "wait"  # what it is about; the other is in collectors.py

BURN = "import time\nwhile time.process_time() < 0.5: pass"
# How the first process does with the one that burns 0.5 s.
PARENTS = {
    "waits for its child": "import subprocess, sys; sys.exit(subprocess.run(sys.argv[1:]).returncode)",
    "ignores SIGCHLD": "import os, signal, sys\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
                       "pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)\n"
                       "try: os.waitpid(pid, 0)\nexcept ChildProcessError: pass",
}
PYTHON = [sys.executable, "-S", "-E", "-c"]


def command(parent):
    return ["--", *PYTHON, PARENTS[parent], *PYTHON, BURN]


def cpu(record):
    return None if "user_us" not in record else (record["user_us"] + record["system_us"]) / 1e6


def records_of(pacct, environment):
    result = subprocess.run([str(COMMAND), "records", str(pacct), "--json"], env=environment, capture_output=True,
                            text=True, check=True)
    return [json.loads(line) for line in result.stdout.splitlines()]


def judge(where, engine, parent, records, text):
    processes = [record for record in records if record["kind"] == "process"]
    end = next(record for record in records if record["kind"] == "end")
    total, summed = cpu(end), sum(map(cpu, processes))
    said = f"{where}, {engine}, {parent}: total {total}, sum of {len(processes)} records {summed:.3f} s"
    if engine == "subreaper":
        check(total is None, f"{said}: no total is made from the sum")
    elif parent == "ignores SIGCHLD":
        check(total >= 0.5 > summed + 0.2, f"{said}: the total is not the sum")
    else:
        check(0.5 <= total < 0.8 and summed >= 0.5, f"{said}: the child counts once", total, summed)
    check(all(record["includes_children"] for record in processes), "the process records are marked inclusive")
    equal((end["processes_seen"], end.get("processes_not_seen")), (1, None), "the child was not seen")
    check("1 process seen, unknown not seen" in text or "1 processes seen, unknown not seen" in text,
          "and nobody says how many were not", text)


def embedded(folder, engine, parent):
    pacct = folder / f"{engine}-{parent.split()[0]}"
    base = cgroup2_parent() / f"corral-test-{os.getpid()}-e" if engine == "cgroup2" else None
    environment = {"PATH": "/usr/bin:/bin", "CORRAL_RUNTIME_DIR": str(folder / "none"), "CORRAL_PACCT": str(pacct)}
    if base:
        environment["CORRAL_CGROUP_BASE"] = str(base)
    try:
        subprocess.run([str(COMMAND), "run", "--engine", engine, *command(parent)], env=environment, check=True)
    finally:
        if base and base.exists():
            (base / "alone").rmdir()
            base.rmdir()
    text = subprocess.run([str(COMMAND), "records", str(pacct)], env=environment, capture_output=True, text=True,
                          check=True).stdout
    judge("embedded", engine, parent, records_of(pacct, environment), text)


def supervised(instance, engine, parent, options):
    before = len(instance.records()["records"]) if instance.pacct.exists() else 0
    jid = instance.facts("run", "-d", *command(parent))["jid"] if options else None
    if jid:
        equal(instance.run("wait", jid).returncode, 0, "a detached job")
    else:
        equal(instance.run("run", *command(parent)).returncode, 0, "a foreground job")

    def new_records():
        found = instance.records()["records"][before:]
        return found if any(record["kind"] == "end" for record in found) else None

    records = wait_until(new_records, what="the end in the file")
    judge("detached" if options else "foreground", engine, parent, records,
          instance.run("records", str(instance.pacct)).stdout)


def strace(log, *words):
    return ["strace", "-f", "-y", "-o", str(log), "-e", "trace=fdatasync,fsync,execve", "-e",
            "inject=fdatasync,fsync:delay_exit=200000", *map(str, words)]


def is_synced_first(log, pacct, text):
    """In one tracer's log, where the sync is made to take 0.2 s longer."""
    lines = log.read_text().splitlines()
    executed = next((i for i, line in enumerate(lines) if re.search(r'execve\("/bin/true"', line)), None)
    synced = next((i for i, line in enumerate(lines) if re.search(rf"sync.*{re.escape(str(pacct))}>?\)? .*= 0|"
                                                                  r"sync resumed>.*= 0", line)), None)
    check(executed is not None and synced is not None and synced < executed, text, *lines)


def synced(folder):
    if subprocess.run(["strace", "-o", "/dev/null", "true"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        skip("strace cannot trace here")
    log = folder / "strace"
    environment = {"PATH": "/usr/bin:/bin", "CORRAL_RUNTIME_DIR": str(folder / "none"),
                   "CORRAL_PACCT": str(folder / "pacct")}
    subprocess.run(strace(log, COMMAND, "run", "--engine", "subreaper", "--", "/bin/true"), env=environment, check=True)
    is_synced_first(log, folder / "pacct", "embedded: the start is synced before the program is executed")
    with Instance() as instance:
        equal(instance.run("run", "true").returncode, 0, "the scribe has its file")
        scribe = next(pid for pid in children_of(instance.supervisor)
                      if b"--worker=scribe" in open(f"/proc/{pid}/cmdline", "rb").read())
        for options in ([], ["-d"]):
            shell = subprocess.Popen(["sh", "-c", f"read x; exec '{COMMAND}' run {' '.join(options)} -- /bin/true"],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=instance.environment)
            pids = [word for pid in (instance.reaper, scribe, shell.pid) for word in ("-p", pid)]
            tracer = subprocess.Popen(strace(log, *pids), stderr=subprocess.PIPE, text=True)
            for _ in range(3):
                while "attached" not in tracer.stderr.readline():
                    pass
            out, _ = shell.communicate(b"\n", timeout=30)
            if options:
                instance.run("wait", out.decode().strip())
            tracer.terminate()
            tracer.wait(10)
            is_synced_first(log, instance.pacct,
                            f"{'detached' if options else 'foreground'}: the start is synced before the program is executed")


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="corral-test-"))
    try:
        for engine in engines():
            for parent in PARENTS:
                embedded(folder, engine, parent)
            with Instance(engine=engine) as instance:
                for parent in PARENTS:
                    for options in ([], ["-d"]):
                        supervised(instance, engine, parent, options)
        synced(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
