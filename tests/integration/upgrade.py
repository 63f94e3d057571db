#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An upgrade under running jobs: new files in the place of the old ones, then `corral daemon-reexec`. Reaper and
supervisor really run the new files, and no job notices; an image that does not understand the state is not taken. A new
supervisor over an old reaper, as it is while the image is checked and after it was refused, ends every job."""

import os
import pathlib
import shutil
import subprocess
import tempfile

import corral
from corral import check, equal, is_alive, wait_until

folder = pathlib.Path(tempfile.mkdtemp(prefix="corral-test-"))


def install(source, name):
    """As a package manager does: a new file is renamed over the old one."""
    shutil.copy(source, folder / "new")
    os.rename(folder / "new", folder / name)
    return (folder / name).stat().st_ino


def image_of(pid):
    return os.stat(f"/proc/{pid}/exe").st_ino


def upgrade(instance, fifo):
    reaper = instance.reaper
    jid = instance.run("run", "-d", "--", "sh", "-c", "read x <$0; exit $x", fifo).stdout.strip()
    foreground = instance.popen("run", "--", "sh", "-c", "read x; exit $x", stdin=subprocess.PIPE)
    wait_until(lambda: [job["state"] for job in instance.facts("ps")] == ["running"] * 2, what="both jobs")
    pid = instance.facts("show", jid)["main_pid"]
    for round_number in (1, 2):
        old = image_of(reaper), image_of(instance.supervisor)
        install(corral.INIT, "corral-init")
        wanted = install(corral.REAPER, "corral-reaper"), install(corral.BUILD / "supervisor" / "corrald", "corrald")
        check(not set(old) & set(wanted), "the new files are others")
        equal((image_of(reaper), image_of(instance.supervisor)), old, "by themselves they change nothing")
        equal(instance.run("daemon-reexec").returncode, 0, f"daemon-reexec, {round_number}")
        equal(instance.reaper, reaper, "the reaper is the same process")
        equal((image_of(reaper), image_of(instance.supervisor)), wanted, "reaper and supervisor run the new files")
        check(is_alive(pid) and pid in corral.descendants_of(reaper), "the detached job is where it was")
    return jid, foreground


def refused(instance):
    """A new corral-init that is none."""
    before = image_of(instance.reaper)
    (folder / "new").write_text("#!/bin/sh\nexit 1\n")
    (folder / "new").chmod(0o755)
    os.rename(folder / "new", folder / "corral-init")
    instance.run("daemon-reexec")
    wait_until(lambda: "would not have the state" in instance.stderr(), what="the reaper's refusal")
    equal(image_of(instance.reaper), before, "a new image that does not take the state is not become")
    said = [line for line in instance.stderr().splitlines() if "would not have the state" in line]
    check(len(said) == 1, f"said once: {said}")


def old_reaper():
    """It knows no barriers: nobody waits for them."""
    daemon, corral.DAEMON = corral.DAEMON, folder / "old" / "corrald"
    corral.DAEMON.parent.mkdir()
    corral.DAEMON.symlink_to(corral.SOURCE / "tests" / "support" / "old_reaper.py")
    real = corral.BUILD / "supervisor" / "corrald"
    with corral.Instance(environment={"CORRAL_TEST_CORRALD": str(real)}) as instance:
        for code in (0, 5):
            jid = instance.run("run", "-d", "--", "sh", "-c", f"sleep 0.2; exit {code}").stdout.strip()
            equal(instance.run("wait", jid, timeout=30).returncode, code, f"a new supervisor over an old reaper: status {code}")
        jid = instance.run("run", "-d", "--", "sh", "-c", "setsid sleep 1000 & exit 6").stdout.strip()
        equal(instance.run("wait", jid, timeout=30).returncode, 6, "and a job with stragglers")
    corral.DAEMON = daemon


def under_load():
    """The supervisor hears of the next image by a second welcome while it has orders out: each is carried out once, and
    nobody who waits for an answer is cut off."""
    with corral.Instance() as instance:
        trace = folder / "trace"
        rounds, clients, jobs = 12, 6, 40
        loop = f"for i in $(seq {jobs}); do {corral.COMMAND} run -d -- sh -c 'echo $0 >> {trace}' $0.$i >/dev/null || exit 1; done"
        runners = [subprocess.Popen(["sh", "-c", loop, str(client)], env=instance.environment, stdout=subprocess.DEVNULL,
                                    stderr=subprocess.PIPE, text=True) for client in range(clients)]
        for _ in range(rounds):
            equal(instance.run("daemon-reexec").returncode, 0, "daemon-reexec under load")
        for runner in runners:
            words = runner.communicate(timeout=100)[1]
            equal((runner.returncode, words), (0, ""), "nobody was cut off")
        wait_until(lambda: not instance.facts("ps"), 30, "the end of all")
        wanted = {f"{client}.{job}" for client in range(clients) for job in range(1, jobs + 1)}
        ran = trace.read_text().split()
        equal((len(ran), set(ran)), (len(wanted), wanted), "each job ran once")


def main():
    install(corral.INIT, "corral-init")
    install(corral.REAPER, "corral-reaper")
    install(corral.DAEMON, "corrald")
    corral.DAEMON = folder / "corrald"
    os.mkfifo(folder / "fifo")
    with corral.Instance(init=folder / "corral-init") as instance:
        jid, foreground = upgrade(instance, folder / "fifo")
        refused(instance)
        (folder / "fifo").write_text("7\n")
        equal(instance.run("wait", jid).returncode, 7, "the detached job ends with its own code")
        foreground.communicate(b"8\n")
        equal(foreground.returncode, 8, "and so does the one in the foreground")

        def codes():
            return sorted(record["exit_code"] for record in instance.records()["records"] if record["kind"] == "end")

        wait_until(lambda: len(codes()) >= 2, what="both records")
        equal(codes(), [7, 8], "each has one record")
    old_reaper()
    under_load()


try:
    main()
finally:
    shutil.rmtree(folder, ignore_errors=True)
