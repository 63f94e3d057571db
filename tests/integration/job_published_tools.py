# SPDX-License-Identifier: Apache-2.0
"""The commands and the PAM module of SGI's published package `job`, built against our job.h and linked to our libjob.so by
whoever has them, on a live instance. CORRAL_JOB_TOOLS names the folder that has jstat, jkill, jwait, jattach, jdetach, jsethid
(docs/TESTING.md says how they are built); pam_job.so there is used too. None of them is ours or in this tree."""

import os
import pathlib
import re
import shutil
import subprocess

import corral
from corral import BUILD, check, equal, is_alive, wait_until

TOOLS = os.environ.get("CORRAL_JOB_TOOLS")
if not TOOLS:
    corral.skip("needs the published job tools (CORRAL_JOB_TOOLS)")
TOOLS = pathlib.Path(TOOLS)


class Tools:
    def __init__(self, instance):
        self.instance = instance
        self.environment = dict(instance.environment, LD_LIBRARY_PATH=str(BUILD / "capi"))

    def run(self, name, *words, seconds=60, **options):
        done = subprocess.run([TOOLS / name, *map(str, words)], env=self.environment, text=True, capture_output=True,
                              timeout=seconds, check=False, stdin=subprocess.DEVNULL, **options)
        return done.returncode, done.stdout, done.stderr

    def popen(self, name, *words, **options):
        return subprocess.Popen([TOOLS / name, *map(str, words)], env=self.environment, text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, **options)


def full(jid):
    return f"0x{int(jid, 16):016x}"


def rows(text):
    return [line.split() for line in text.splitlines() if line.startswith("0x")]


def shows(tools, jid):
    instance = tools.instance
    user = subprocess.getoutput("id -un")
    equal(rows(tools.run("jstat", "-a")[1]), [[full(jid), user, "sh"]], "their jstat -a lists our jobs")
    equal(rows(tools.run("jstat", "-j", jid)[1]), [[full(jid), user, "sh"]], "jstat -j shows one")
    code, out, _ = tools.run("jstat", "-p", "-j", jid)
    known = {one["pid"]: one["ppid"] for one in instance.facts("tree", jid)[0]["processes"]}
    equal((code, {int(row[2]): int(row[3]) for row in rows(out)}), (0, known), "jstat -p its processes and their parents")
    check("Not attached to any job" in tools.run("jstat")[1], "jstat says that its caller is in none")
    inside = instance.run("run", "--", TOOLS / "jstat", env=tools.environment)
    check(len(rows(inside.stdout)) == 1, "and in which it is", inside.stdout, inside.stderr)


def changes(tools, jid):
    hid = int(jid, 16) >> 32
    equal(tools.run("jsethid", f"{hid:x}")[0], 0, "jsethid takes the instance's own host id")
    check(tools.run("jsethid", f"{hid + 5:x}")[0] != 0, "and no other")
    with subprocess.Popen(["sleep", "1000"]) as other:
        equal(tools.run("jattach", other.pid, jid)[0], 0, "jattach brings a process in")
        check(str(other.pid) in [row[2] for row in rows(tools.run("jstat", "-p", "-j", jid)[1])], "jstat has it")
        equal(tools.run("jdetach", "-p", other.pid)[0], 0, "jdetach takes it out")
        check(str(other.pid) not in [row[2] for row in rows(tools.run("jstat", "-p", "-j", jid)[1])], "and jstat has it no more")
        other.kill()
    code, _, err = tools.run("jattach", os.getpid(), "0x99")
    check(code != 0 and "No such job" in err, "into no job that there is not", err)
    check("SIGUSR1" in tools.run("jkill", "-l")[1], "jkill -l lists signals")
    code, _, err = tools.run("jkill", "-USR2", "0x99")
    check(code != 0 and "No such job" in err, "jkill knows no job that there is not", err)
    pids = [one["pid"] for one in tools.instance.facts("tree", jid)[0]["processes"]]
    waiter = tools.popen("jwait", jid)
    equal(tools.run("jkill", "-TERM", jid)[0], 0, "jkill signals a job")
    out = waiter.communicate(timeout=30)[0]
    check(waiter.returncode == 0 and re.search(r"Signal detected with signal: 15", out), "jwait says how it ended", out)
    wait_until(lambda: not any(map(is_alive, pids)), what="its processes to be gone")
    again = tools.instance.facts("run", "-d", "--", "sleep", "1000")["jid"]
    pid = wait_until(lambda: tools.instance.facts("show", again)["main_pid"], what="its process")
    equal(tools.run("jdetach", "-j", again)[0], 0, "jdetach -j takes all out")
    tools.instance.run("wait", again)
    check(is_alive(pid), "who lives on")
    os.kill(pid, 9)


def login(tools):
    """Their module: the service's process is the job."""
    if not (TOOLS / "pam_job.so").exists() or shutil.which("pamtester") is None:
        return corral.not_checked("needs pam_job.so and pamtester")
    instance = tools.instance
    service = "corral-published-job"
    rules = instance.folder / service
    rules.write_text(f"auth required pam_permit.so\naccount required pam_permit.so\nsession required {TOOLS}/pam_job.so\n")
    script = (f"mount -t tmpfs none /mnt && cp -a /etc/pam.d/. /mnt && cp {rules} /mnt/{service} && mount --bind /mnt /etc/pam.d && "
              f"exec pamtester {service} root open_session close_session")
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], env=tools.environment, text=True, capture_output=True, timeout=60,
                          check=False, stdin=subprocess.DEVNULL)
    check(done.returncode == 0 and "successfully opened a session" in done.stdout, "their PAM module opens a session", done)
    ended = [one for one in instance.facts("ps", "-a") if one["kind"] == "attached"]
    check(len(ended) >= 1 and all(one["owner"] == 0 for one in ended), "which is a job of the user's", ended)


def main():
    missing = [name for name in ("jstat", "jkill", "jwait", "jattach", "jdetach", "jsethid")
               if not os.access(TOOLS / name, os.X_OK)]
    equal(missing, [], f"the tools are in {TOOLS}")
    corral.needs_root()
    corral.needs_cgroup2()
    with corral.Instance(engine="cgroup2") as instance:
        tools = Tools(instance)
        jid = instance.facts("run", "-d", "--", "sh", "-c", "sleep 1000 & sleep 1000 & wait")["jid"]
        wait_until(lambda: len(instance.facts("tree", jid)[0]["processes"]) == 3, what="three processes")
        shows(tools, jid)
        changes(tools, jid)
        login(tools)


main()
