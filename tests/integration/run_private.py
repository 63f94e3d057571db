#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The private instance of a user: started by the first `run -d`, once however
many start it together, and gone when it has no job."""

import json
import os
import pathlib
import resource
import socket
import subprocess
import tempfile

from corral import COMMAND, check, end_processes_with, equal, fail, processes_with, wait_until

MARK = f"CORRAL_TEST=private.{os.getpid()}"
folder = pathlib.Path(tempfile.mkdtemp(prefix="corral-test-"))
ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": str(folder),
    "XDG_RUNTIME_DIR": str(folder / "run"),
    "XDG_STATE_HOME": str(folder / "state"),
    "TMPDIR": str(folder),
    "CORRAL_ENGINE": "subreaper",
    **dict([MARK.split("=")]),
}
(folder / "run").mkdir(mode=0o700)


def corral(*arguments, **options):
    return subprocess.run(
        [str(COMMAND), *arguments],
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
        **options,
    )


def is_gone():
    return not list(processes_with(MARK))


def first_use():
    none = corral("ps", "--private")
    equal(none.returncode, 69, "before it runs, ps says so")
    check("'corral run -d' starts a private one" in none.stderr, "and says how it starts", none.stderr)
    result = corral("run", "-d", "--private", "--json", "-n", "first", "--", "sleep", "1000")
    check(result.returncode == 0, "run -d starts it", result.stderr)
    facts = json.loads(result.stdout)
    equal((facts["name"], facts["instance"]), ("first", "private"), "run -d --json tells")
    check(int(facts["jid"], 16) >> 63, "its jids have the top bit of a private instance", facts["jid"])
    mode = (folder / "run" / "corral").stat().st_mode & 0o777
    equal(mode, 0o700, "nobody else can look into its directory")
    equal(corral("kill", "first").returncode, 0, "its job can be ended")
    wait_until(is_gone, 20, "the end of the instance without a job")
    check(True, "it ends when it has no job")


def together():
    starters = [
        subprocess.Popen(
            [str(COMMAND), "run", "-d", "--private", "--", "sleep", "1000"],
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(8)
    ]
    results = [(*starter.communicate(timeout=60), starter.returncode) for starter in starters]
    equal([result[2] for result in results], [0] * 8, "eight commands that start it together all succeed")
    jids = {result[0] for result in results}
    equal(len(jids), 8, "with eight jobs")
    jobs = json.loads(corral("ps", "--private", "--json").stdout)
    equal(len(jobs), 8, "in one instance")
    equal(corral("kill", "-g", "0", *(job["jid"] for job in jobs)).returncode, 0, "that can be ended")
    wait_until(is_gone, 20, "the end of the instance")


def descriptors():
    """A caller's pipe must not be held open by the instance."""
    result = subprocess.run(
        ["sh", "-c", f"'{COMMAND}' run -d --private sleep 1000 | cat"],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        text=True,
        timeout=30,
        check=False,
    )
    check(result.stdout.startswith("0x"), "a pipeline with run -d ends: the instance holds nothing of it")
    corral("kill", "-g", "0", result.stdout.strip())
    wait_until(is_gone, 20, "the end of the instance")


def low_limits():
    """The shell that happens to start the instance does not bound all jobs to come."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    for limit, values, option in ((resource.RLIMIT_NOFILE, (24, 24), "-n"), (resource.RLIMIT_FSIZE, (9999, 9999), "-f")):
        refused = corral("run", "-d", "--private", "true", preexec_fn=lambda: resource.setrlimit(limit, values))
        equal(refused.returncode, 69, f"a hard limit too low for an instance (ulimit {option}) starts none")
        check(f"(ulimit -H {option}) is {values[1]}" in refused.stderr, "and is named", refused.stderr)
        check(is_gone(), "nothing is left running")
    low = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))  # noqa: E731
    job = corral("run", "-d", "--private", "sh", "-c", "ulimit -Sn; sleep 1000", preexec_fn=low).stdout.strip()
    daemon = next(pid for pid in processes_with(MARK) if pathlib.Path(f"/proc/{pid}/comm").read_text() == "corrald\n")
    equal(resource.prlimit(daemon, resource.RLIMIT_NOFILE), (hard, hard), "the instance takes what it may")
    wait_until(lambda: corral("log", job).stdout, 10, "the job's output")
    equal(corral("log", job).stdout, "64\n", "the job keeps its caller's limits")
    equal(corral("kill", "-g", "0", job).returncode, 0, "it is ended")
    wait_until(is_gone, 20, "the end of the instance")


def strangers():
    """A directory that others may write is not trusted: the instance lives
    elsewhere, and nobody is asked there."""
    open_folder = folder / "run" / "corral"
    for entry in open_folder.iterdir():
        entry.unlink()
    os.chmod(open_folder, 0o777)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(open_folder / "private"))
    listener.listen()
    listener.setblocking(False)
    result = corral("run", "-d", "--private", "true")
    equal(result.returncode, 0, "with a runtime directory that others may write a job runs")
    check((folder / "corral-0" / "private").exists() or os.geteuid() != 0, "in an instance at another place")
    try:
        listener.accept()
        fail("somebody connected to the socket of a stranger")
    except BlockingIOError:
        check(True, "and the stranger's socket was not asked")
    wait_until(is_gone, 20, "the end of the instance")


try:
    for part in (first_use, together, descriptors, low_limits, strangers):
        part()
finally:
    end_processes_with(MARK)
    subprocess.run(["rm", "-rf", str(folder)], check=False)
