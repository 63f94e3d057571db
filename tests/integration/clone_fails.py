#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""clone3(2) fails (a tracer makes it): the caller gets 125 and one sentence, the record says why, nothing is left, and
the next job runs. On every way to a job: embedded, a scope under an instance, the reaper with an order, and the
supervisor that starts a worker. And mkdir(2) of a job's cgroup."""

import json
import os
import pathlib
import re
import subprocess
import tempfile

from corral import COMMAND, Instance, cgroup2_parent, check, engines, equal, has_namespaces, not_checked, skip

ERRORS = {
    "ENOMEM": "(Out of memory|Cannot allocate memory)",
    "EAGAIN": "Resource temporarily unavailable",
    "EMFILE": "(No file descriptors available|Too many open files)",
}
CLONES = "clone3,clone,fork,vfork"
folder = pathlib.Path(tempfile.mkdtemp(prefix="corral-test-"))
LOG = folder / "strace"


NAMESPACES = ["pidns", "cgroup2+pidns"] if os.geteuid() == 0 and has_namespaces() and cgroup2_parent() else []


def injection(calls, error):
    return ["-o", str(LOG), "-e", f"trace={calls}", "-e", f"inject={calls}:error={error}:when=1"]


def was_injected():
    return LOG.read_text().count("(INJECTED)") == 1


class Attached:
    """A process whose next call fails."""

    def __init__(self, pid, calls, error):
        self.process = subprocess.Popen(["strace", "-p", str(pid), *injection(calls, error)], stderr=subprocess.PIPE,
                                        text=True)
        self.said = self.process.stderr.readline()

    def __enter__(self):
        check("attached" in self.said, "the next clone fails", self.said)

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)


def foreground(environment, where, engine=()):
    """`corral run` with each error: the first clone3 of the whole is the scope's, for the command."""
    for error, words in ERRORS.items():
        result = subprocess.run(
            ["strace", "-f", *injection("clone3", error), str(COMMAND), "run", *engine, "--", "sh", "-c", "exit 3"],
            env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        equal((result.returncode, result.stdout, was_injected()), (125, "", True), f"{where}: {error} gives 125")
        wanted = f"corral-(init|pidns): cannot start 'sh': creating the process: {words}\n"
        if "pidns" in "".join(engine):  # what it is of the engine first
            wanted = f"corral-pidns: the engine pidns cannot work here: clone3: {words}\n{wanted}"
        check(re.fullmatch(wanted, result.stderr), f"and a sentence: {result.stderr.strip()}")


def ends_in(pacct, environment):
    lines = subprocess.run([str(COMMAND), "records", str(pacct), "--json"], env=environment, capture_output=True,
                           text=True, check=True).stdout.splitlines()
    return [record for record in map(json.loads, lines) if record["kind"] == "end"]


def embedded():
    for engine in [*engines(), *NAMESPACES]:
        base = cgroup2_parent() / f"corral-test-{os.getpid()}-e" if "cgroup2" in engine else None
        environment = {"PATH": "/usr/bin:/bin", "CORRAL_RUNTIME_DIR": str(folder / "none"),
                       "CORRAL_PACCT": str(folder / engine)}
        if base:
            environment["CORRAL_CGROUP_BASE"] = str(base)
        try:
            foreground(environment, f"embedded, {engine}", ["--engine", engine])
            ends = ends_in(folder / engine, environment)
            equal([end["result"] for end in ends], ["launch-failed"] * len(ERRORS), "each has its record")
            if base:
                equal([str(path) for path in (base / "alone").iterdir() if path.is_dir()], [], "no cgroup is left")
        finally:
            if base and base.exists():
                (base / "alone").rmdir()
                base.rmdir()


def orders(instance):
    """The reaper with a launch order."""
    for error, words in ERRORS.items():
        with Attached(instance.reaper, "clone3", error):
            result = instance.run("run", "-d", "--", "sh", "-c", "exit 3")
            equal((result.returncode, was_injected()), (125, True), f"an order: {error} gives 125")
            jid = re.search("job (0x[0-9a-f]+) failed while", result.stderr)[1]
            next_jid = instance.run("run", "-d", "--", "sh", "-c", "exit 3").stdout.strip()
            equal(instance.run("wait", next_jid).returncode, 3, "the next one runs")
        facts = instance.facts("show", jid)
        check(re.fullmatch(f"failed while creating the process: {words}", facts["sentence"]),
              f"its job says why: {facts['sentence']}")


def workers(instance):
    """The supervisor that cannot start a worker tries again."""
    for error in ("ENOMEM", "EAGAIN"):
        before = instance.stderr().count("start worker 'names'")
        with Attached(instance.supervisor, CLONES, error):
            jid = instance.run("run", "-d", "-u", "nobody", "--", "id", "-u").stdout.strip()
            equal((instance.run("wait", jid).returncode, was_injected()), (0, True), f"a worker: {error} is got over")
        equal(instance.run("log", jid).stdout, "65534\n", "the job ran as the user")
        said = [line for line in instance.stderr().splitlines() if "start worker 'names'" in line]
        check(len(said) == before + 1 and said[-1].endswith("; trying again"), f"said once: {said[-1:]}")
        instance.run("daemon-reexec")  # the worker goes with its supervisor


def containers(instance):
    """No cgroup for the job: the supervisor gives up on it, in front and detached, and says why."""
    if instance.cgroup_base is None:
        return not_checked("needs a writable cgroup v2 hierarchy")
    bound = instance.cgroup_base / "cgroup.max.descendants"
    bound.write_text("0")
    for words in (["-d"], []):
        result = instance.run("run", *words, "-n", "nowhere", "--", "true")
        if words:
            equal((result.returncode, result.stderr.count("\n")), (69, 1), "a job without a cgroup is refused in one sentence")
            check("given up" in result.stderr and "unavailable" in result.stderr, f"with the reason: {result.stderr}")
        else:
            check("given up" in result.stderr and "running without the instance" in result.stderr, "in front it runs all the same")
    job = [job for job in instance.facts("ps", "-a") if job["name"] == "nowhere"][0]
    equal((job["result"], job["shell_code"]), ("gave-up", 125), "show says so")
    bound.write_text("max")


def main():
    probe = subprocess.run(["strace", "-o", "/dev/null", "true"], stderr=subprocess.DEVNULL, check=False)
    if probe.returncode != 0:
        skip("strace cannot trace here")
    embedded()
    with Instance() as instance:
        foreground(instance.environment, "under an instance")
        for engine in NAMESPACES:
            foreground(instance.environment, f"under an instance, {engine}", ["--engine", engine])
        orders(instance)
        containers(instance)
        if os.geteuid() == 0:
            workers(instance)
        else:
            not_checked("needs root")
        equal(instance.job_cgroups(), [], "no cgroup is left")
        equal(len(instance.facts("ps")), 0, "and no job")
    subprocess.run(["rm", "-rf", str(folder)], check=False)


main()
