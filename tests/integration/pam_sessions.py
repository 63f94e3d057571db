#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""pam_corral in real services: sshd (key, password, terminal, sftp, a client
that is killed), su, runuser, login, cron, pamtester; and that these work while
the supervisor is stopped, killed or not there. All in namespaces of the test's
own, with a copy of /etc."""

import contextlib
import os
import pathlib
import re
import signal
import subprocess

from corral import COMMAND, Instance, cgroup2_parent, check, equal, is_alive, run_in_own_namespace, skip, wait_until
from pam_machine import MODULE, NEEDED, PORT, Machine, run

FACTS = "echo JID=$CORRAL_JID ID=$JOB_ID; cat /proc/self/cgroup"


def job_of(output):
    """The jid that the session's environment has, which its cgroup must confirm."""
    found = re.search(r"JID=(0x[0-9a-f]+) ID=(0x[0-9a-f]+)", output)
    if not found or found[1] != found[2]:
        return None
    return found[1] if f"/j{int(found[1], 16):016x}" in output else None


def is_closed(instance, jid, words):
    done = instance.run("wait", jid, timeout=20)
    facts = instance.facts("show", jid)
    equal((facts["kind"], facts["state"], facts["result"], facts["user"]), ("session", "ended", "closed", "jane"),
          f"{words}: its session is closed and ended {done.stderr}")
    return facts


def each(machine):
    instance = machine.instance
    done = machine.ssh(FACTS + "; exit 7")
    jid = job_of(done.stdout)
    check(jid and done.returncode == 7, "ssh with a key: the command is in its job", done.stdout, done.stderr)
    equal(is_closed(instance, jid, "ssh with a key")["domain"], "interactive", "in the domain of sshd")
    done = machine.ssh(FACTS, key=False)
    check(job_of(done.stdout), "ssh with a password: in its job", done.stdout, done.stderr)
    is_closed(instance, job_of(done.stdout), "ssh with a password")
    done = machine.ssh("tty; " + FACTS, options=["-tt"])
    check(job_of(done.stdout) and "/dev/pts/" in done.stdout, "ssh -tt: in its job, on a terminal", done.stdout, done.stderr)
    is_closed(instance, job_of(done.stdout), "ssh -tt")
    before = {one["jid"] for one in instance.facts("ps", "-a")}
    done = run("sftp", "-q", "-P", PORT, "-i", machine.work / "user", "-o", "StrictHostKeyChecking=no", "-o",
               "UserKnownHostsFile=/dev/null", "-b", "-", "jane@127.0.0.1", input="pwd\n")
    equal((done.returncode, "Remote working directory" in done.stdout), (0, True), f"sftp works {done.stderr}")
    made = [one["jid"] for one in instance.facts("ps", "-a") if one["jid"] not in before]
    equal(len(made), 1, "and was a session")
    is_closed(instance, made[0], "sftp")
    for words in (["su", "-", "jane", "-c", FACTS], ["su", "jane", "-c", FACTS], ["runuser", "-l", "jane", "-c", FACTS]):
        name = " ".join(words[:-2])
        before = len(instance.facts("ps", "-a"))
        done = run(*words)
        check(job_of(done.stdout), f"{name}: in its job", done.stdout, done.stderr)
        facts = is_closed(instance, job_of(done.stdout), name)
        equal(facts["domain"], "service" if words[0] == "runuser" else "interactive", "in the domain of its service")
        equal(len(instance.facts("ps", "-a")) - before, 1, f"{name}: one session, though the line may be there twice")
    typed = machine.work / "typed"
    typed.write_text(f"{FACTS}\n")
    # What is typed before the shell is there is flushed by login.
    done = run("sh", "-c", f"(sleep 1.5; cat {typed}; sleep 1; echo exit; sleep 1) | script -qec 'login -f jane' /dev/null")
    check(job_of(done.stdout), "login -f: in its job", done.stdout, done.stderr)
    is_closed(instance, job_of(done.stdout), "login -f")
    before = all_jobs(instance)
    done = run("pamtester", "-v", "jobtest", "jane", "open_session", "open_session", "close_session", "close_session")
    equal(done.returncode, 0, f"pamtester: opened twice and closed twice {done.stdout} {done.stderr}")
    made = all_jobs(instance) - before
    equal(len(made), 1, "is one session")
    is_closed(instance, made.pop(), "pamtester")
    wait_until(lambda: not instance.facts("session", "show"), 10, "no session to be left")


def all_jobs(instance):
    return {one["jid"] for one in instance.facts("ps", "-a")}


def account(machine):
    """The account hook, for services that open no session; with both hooks it is one session."""
    instance = machine.instance
    hook = f"{MODULE} program={machine.program}"
    head = "auth required pam_permit.so\naccount required pam_permit.so\n"
    lines = {"jobacct": f"{head}account required {hook}\nsession required pam_permit.so\n",
             "jobboth": f"{head}account required {hook}\nsession required {hook}\n",
             "jobdenied": f"{head}account required {MODULE} program=/nonexistent fail_closed\n"}
    for service, text in lines.items():
        pathlib.Path("/etc/pam.d", service).write_text(text)
    before = all_jobs(instance)
    equal(run("pamtester", "jobacct", "jane", "acct_mgmt").returncode, 0, "the account hook lets in")
    made = all_jobs(instance) - before
    equal(len(made), 1, "and opens a session")
    jid = made.pop()
    instance.run("wait", jid, timeout=20)
    facts = instance.facts("show", jid)
    equal((facts["kind"], facts["state"], facts["user"]), ("session", "ended", "jane"), "which ends with its leader, as nobody closes it")
    before = all_jobs(instance)
    equal(run("pamtester", "jobboth", "jane", "acct_mgmt", "open_session", "close_session").returncode, 0, "both hooks let in")
    made = all_jobs(instance) - before
    equal(len(made), 1, "and are one session")
    is_closed(instance, made.pop(), "both hooks")
    before = all_jobs(instance)
    done = run("pamtester", "jobdenied", "jane", "acct_mgmt")
    check(done.returncode != 0 and "ermission denied" in done.stderr, "with fail_closed it denies", done.stdout, done.stderr)
    equal(all_jobs(instance), before, "and makes no job")


def deadline(machine):
    """The module's own two seconds, for a command that does not answer; and all that it started ends with it."""
    sleeper = machine.work / "sleeper"
    told = machine.work / "told"
    sleeper.write_text(f"#!/bin/sh\nsleep 987 &\necho $$ $(cut -d' ' -f5 /proc/$$/stat) $! > {told}\nexec sleep 300\n")
    sleeper.chmod(0o755)
    pathlib.Path("/etc/pam.d/jobslow").write_text(
        f"auth required pam_permit.so\naccount required pam_permit.so\nsession required {MODULE} program={sleeper}\n")
    took = []
    for _ in range(3):  # the best of them: others use the machine
        done = run("pamtester", "jobslow", "jane", "open_session")
        equal(done.returncode, 0, "a command that does not answer does not keep a login")
        took.append(done.took)
        pid, group, child = map(int, told.read_text().split())
        equal(group, pid, "it runs in a process group of its own")
        wait_until(lambda: not is_alive(pid) and not is_alive(child), 5, "the end of all that it started")
    check(1.9 < min(took) < 2.5, "for more than two seconds", took)


def stays(machine):
    """A client that is killed, and what a user leaves running."""
    instance = machine.instance
    client = subprocess.Popen(machine.ssh("sleep 300", words=True), stdout=subprocess.DEVNULL)
    jid = wait_until(lambda: [one["jid"] for one in instance.facts("session", "show")], 20, "its session")[0]
    wait_until(lambda: "sleep" in [one["command"] for one in instance.facts("tree", jid)[0]["processes"]], 10, "its command")
    client.kill()
    client.wait()
    wait_until(lambda: instance.facts("show", jid)["main_pid"] is None, 20, "a killed client's session to be closed")
    check(True, "a client that is killed closes its session")
    instance.run("kill", "-g", "0", jid)
    done = machine.ssh(FACTS + "; setsid sleep 1000 >/dev/null 2>&1 </dev/null & disown")
    jid = job_of(done.stdout)
    # The client is served before the login is closed, by sshd and `corral session close`.
    wait_until(lambda: [one["command"] for one in instance.facts("tree", jid)[0]["processes"]] == ["sleep"], 20, "the logout")
    equal(instance.facts("show", jid)["state"], "running", "what a user leaves running keeps its session alive")
    equal(instance.run("kill", "-g", "0", jid).returncode, 0, "and can be ended by it")
    machine.configure("sshd", options="stragglers=kill")
    done = machine.ssh(FACTS + "; setsid sleep 1000 >/dev/null 2>&1 </dev/null & disown")
    is_closed(instance, job_of(done.stdout), "with stragglers=kill nothing stays")
    machine.configure("sshd", options="project=lab account=own")
    done = machine.ssh(FACTS)
    facts = instance.facts("show", job_of(done.stdout))
    equal((facts["project"], facts["account"]), ("lab", "own"), "a session is charged to what its line says")
    is_closed(instance, job_of(done.stdout), "with a project")
    start = [one for one in instance.records()["records"] if one["kind"] == "start" and one["jid"] == job_of(done.stdout)]
    equal((start[0]["project"], start[0]["account"]), ("lab", "own"), "its records know that")
    machine.configure("sshd")
    done = machine.ssh(FACTS + "; printf 'secret\\n' | su jane -c 'echo INNER; cat /proc/self/cgroup'")
    outer, _, inner = done.stdout.partition("INNER")
    equal((job_of(outer) is not None, f"/j{int(job_of(outer), 16):016x}" in inner), (True, True),
          "su within a session stays in that one")
    is_closed(instance, job_of(outer), "which is closed once")


def broken(machine):
    """The supervisor stopped, killed, absent: the login goes on."""
    instance = machine.instance

    def logs_in(words, most):
        done = machine.ssh("echo here")
        equal((done.returncode, done.stdout), (0, "here\n"), f"{words}: ssh works")
        check(done.took < most, f"within {most} s", done.took)
        done = run("su", "jane", "-c", "echo here")
        equal((done.returncode, done.stdout), (0, "here\n"), f"{words}: su works")
        check(done.took < most, f"within {most} s", done.took)

    stopped = instance.supervisor
    os.kill(stopped, signal.SIGSTOP)
    logs_in("the supervisor is stopped", 6)
    machine.configure("jobtest", "auth required pam_permit.so\naccount required pam_permit.so\n", "fail_closed timeout=300",
                      "required")
    done = run("pamtester", "jobtest", "jane", "open_session")
    check(done.returncode != 0 and done.took < 3, "with fail_closed a login is refused, in time", done.took, done.stderr)
    os.kill(stopped, signal.SIGCONT)
    equal(run("pamtester", "jobtest", "jane", "open_session", "close_session").returncode, 0, "and not when it goes on")
    with contextlib.ExitStack() as stack:
        client = subprocess.Popen(machine.ssh("echo here; sleep 2; echo there", words=True), stdout=subprocess.PIPE, text=True)
        stack.callback(client.kill)
        equal(client.stdout.readline(), "here\n", "a session is open")
        os.kill(instance.supervisor, signal.SIGKILL)
        equal((client.stdout.read(), client.wait(timeout=20)), ("there\n", 0), "a supervisor that dies disturbs none")
    wait_until(lambda: instance.supervisor, 10, "another supervisor")
    wait_until(lambda: not instance.facts("session", "show"), 70, "no session to be left")
    machine.program.write_text(f"#!/bin/sh\nCORRAL_RUNTIME_DIR=/nonexistent exec {COMMAND} \"$@\"\n")
    logs_in("no instance is there", 4)
    machine.program.unlink()
    logs_in("the command is not there", 4)


def main():
    if cgroup2_parent() is None:
        skip("needs a writable cgroup v2 hierarchy")
    if not MODULE.exists():
        skip("needs the login module")
    missing = [path for path in NEEDED if not os.path.exists(path)]
    if missing:
        skip("needs " + missing[0])
    with Instance() as instance:
        for folder in (instance.folder, instance.runtime):
            folder.chmod(0o755)
        machine = Machine(instance)
        try:
            out = machine.work / "jane/cron.out"
            pathlib.Path("/etc/cron.d/jobtest").write_text(
                f"* * * * * jane (echo JID=$CORRAL_JID ID=$JOB_ID; cat /proc/self/cgroup) >> {out} 2>&1\n")
            run("mount", "-t", "tmpfs", "none", "/var/spool/cron")
            pathlib.Path("/var/spool/cron/crontabs").mkdir(mode=0o1730, exist_ok=True)
            run("mount", "-t", "tmpfs", "none", "/run/lock")
            for part in (each, account, deadline, stays):
                print(f"-- {part.__name__}", flush=True)
                part(machine)
            print("-- cron", flush=True)  # not before: its session would be among those that are counted
            cron = subprocess.Popen(["/usr/sbin/cron", "-f"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            wait_until(lambda: out.exists() and "0::" in out.read_text(), 75, "cron")
            cron.kill()
            cron.wait()
            jid = job_of(out.read_text())
            check(jid, "cron: in its job", out.read_text())
            equal(is_closed(instance, jid, "cron")["domain"], "batch", "in the domain of cron")
            print("-- broken", flush=True)
            broken(machine)
        finally:
            machine.close()


run_in_own_namespace(main)
