#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""pam_corral in real services: sshd (key, password, terminal, sftp, a client
that is killed), su, runuser, login, cron, pamtester; and that these work while
the supervisor is stopped, killed or not there. All in namespaces of the test's
own, with a copy of /etc."""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile

from corral import COMMAND, Instance, cgroup2_parent, check, equal, is_alive, not_checked, run_in_own_namespace, skip, wait_until
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


SITE = """[default]
files = 77
[domain.interactive]
processes = 40
wall = "2h"
[domain.batch]
processes = 30
"""


def limits_of_the_site(machine):
    """What limits.toml says of a domain holds for the logins of its services: the kernel refuses the next process, and a login that
    lasts too long is ended."""
    instance = machine.instance
    if not machine.is_held:
        return
    machine.site.write_text(SITE)
    done = machine.ssh(f"echo JID=$CORRAL_JID ID=$JOB_ID; cat /proc/self/cgroup; {forks(machine)}")
    jid = job_of(done.stdout)
    limits = instance.facts("limit", jid)["limits"]
    equal((limits["processes"], limits["wall"], limits["files"]), (40, 7200 * 10**6, None), "sshd's sessions have the limits of 'interactive'")
    equal(counted(done.stdout), 40, "and the kernel holds them to it: forty processes, no more")
    is_closed(instance, jid, "ssh under limits")
    check("the site's limit 'files' is not held for a job of uid" in instance.stderr(), "what nothing holds of a session is told to the log")
    machine.site.write_text('[domain.interactive]\nwall = "1500ms"\n')
    done = machine.ssh(FACTS + "; exec sleep 300")
    check(done.returncode != 0 and done.took < 60, "a login over its limit of wall time is ended", done.took, done.stderr)
    jid = job_of(done.stdout)
    instance.run("wait", jid, timeout=20)
    facts = instance.facts("show", jid)
    equal((facts["result"], facts["limit"]["word"], facts["limit"]["bound"]), ("over-limit", "wall", 1500000), "and its job says why")
    machine.site.unlink()


def forks(machine):
    """For a shell: starts processes until the kernel refuses one, and says how many there were then in its cgroup."""
    program = machine.work / "forker"
    program.write_text(FORKER)
    program.chmod(0o644)
    return f"python3 {program} 100"


def counted(text):
    return int(re.search(r"^TASKS=(\d+)$", text, re.M)[1])


# Its cgroup's own count at the moment of the refusal is what the kernel compares with the bound.
FORKER = """import os, sys, time
made = []
for _ in range(int(sys.argv[1])):
    try:
        pid = os.fork()
    except BlockingIOError:
        break
    if pid == 0:
        time.sleep(60)
        os._exit(0)
    made.append(pid)
own = next(line.strip()[3:] for line in open('/proc/self/cgroup') if line.startswith('0::'))
tasks = 0
for pid in os.listdir('/proc'):
    try:
        if pid.isdigit() and '0::' + own + '\\n' in open(f'/proc/{pid}/cgroup'):
            tasks += len(os.listdir(f'/proc/{pid}/task'))
    except OSError:
        pass
print(f'TASKS={tasks}', flush=True)
for pid in made:
    os.kill(pid, 9)
"""


def options(machine):
    """Each option of the module does what pam_corral(8) says of it."""
    instance = machine.instance

    def with_options(words, *calls, around=()):
        """What was made by a stack with those options."""
        machine.configure("jobtest", "auth required pam_permit.so\naccount required pam_permit.so\n", words, "required")
        before = all_jobs(instance)
        done = run(*around, "pamtester", "jobtest", "jane", *(calls or ("open_session", "close_session")))
        equal(done.returncode, 0, f"'{words}': lets in {done.stderr}")
        made = sorted(all_jobs(instance) - before, key=lambda jid: int(jid, 16))
        for jid in made:
            instance.run("wait", jid, timeout=20)
        return [instance.facts("show", jid) for jid in made]

    equal([one["domain"] for one in with_options("")], ["interactive"], "a service that is not known is interactive")
    equal([one["domain"] for one in with_options("domain=lab.nights")], ["lab.nights"], "domain= says another")
    equal(with_options("skip=sshd,jobtest,cron"), [], "skip= names services whose sessions are no jobs")
    equal(len(with_options("skip=jobtes,jobtest2,test,")), 1, "by their whole names")
    # In a session that is open already: another service's, or su's in it.
    inside = ("sh", "-c", f'{machine.program} session open -u jane -s outer --leader $$ >/dev/null && "$@"; :', "sh")
    for words, number in (("", 1), ("nest=keep", 1), ("nest=new", 2)):
        made = with_options(words, around=inside)
        equal([one["service"] for one in made], ["outer", "jobtest"][:number], f"'{words}' in an open session: {number} of them")
        equal([one["parent"] for one in made], [None, made[0]["jid"]][:number], "nested in it" if number == 2 else "that one")
    for words, lives in (("stragglers=end grace=1500ms", 1.5), ("stragglers=end grace=100ms", 0.1), ("stragglers=end", 5)):
        machine.configure("sshd", options=words)
        told = machine.work / "jane/told"
        told.unlink(missing_ok=True)
        stays_on = f"setsid sh -c 'trap \"echo TERM >> {told}\" TERM; echo up >> {told}; while :; do sleep 0.05; done' >/dev/null 2>&1 </dev/null &"
        done = machine.ssh(f"{FACTS}; {stays_on} until grep -q up {told}; do sleep 0.05; done; date +LOGOUT=%s.%N")
        facts = is_closed(instance, job_of(done.stdout), f"ssh with {words}")
        equal(told.read_text(), "up\nTERM\n", "who is left is asked to end")
        # It was asked after the logout, and before it said so.
        ended = facts["ended_us"] / 1e6
        logout, asked = float(re.search(r"LOGOUT=(.*)", done.stdout)[1]), told.stat().st_mtime
        check(ended - logout > lives and ended - asked < lives + 1.5, f"and is killed when it has not after {lives} s", logout, asked, ended)
    machine.configure("sshd")
    silent, spoken, unknown = (logged(machine, words) for words in ("", "verbose", "verbos nest=new"))
    equal(silent, [], "the system log has nothing of a session that is a job")
    check(len(spoken) == 1 and re.fullmatch(r".*pam_corral\(jobtest:session\): the session of jane is job 0x[0-9a-f]+ opened", spoken[0]),
          "with verbose it has", spoken)
    check(len(unknown) > 0 and all("option 'verbos' counts for nothing: expected fail_closed, verbose, accept_less, or" in line
                                   for line in unknown), "an option that there is not is told it, and what there is", unknown)
    for option, expected in (("timeout=0", "milliseconds from 1 to 60000"), ("timeout=2s", "milliseconds from 1 to 60000"),
                             ("nest=", "a value behind the '='")):
        lines = logged(machine, option)
        check(len(lines) > 0 and all(line.endswith(f"option '{option}' counts for nothing: expected {expected}") for line in lines),
              "an option with a wrong value is told it, and what was expected", lines)
    gives_up_first(machine, with_options)


def gives_up_first(machine, with_options):
    """The command waits for an instance half as long as the module for the command: so it can say that there is none."""
    patience = machine.work / "patience"
    program = machine.work / "asks-patience"
    program.write_text(f'#!/bin/sh\necho "$CORRAL_TIMEOUT" >> {patience}\nexec {machine.program} "$@"\n')
    program.chmod(0o755)
    for words, half in (("", "1000ms"), ("timeout=5001", "2501ms")):
        patience.unlink(missing_ok=True)
        equal(len(with_options(f"program={program} {words}")), 1, f"a program of another name makes the session's job '{words}'")
        equal(set(patience.read_text().split()), {half}, "and is given half of the time")


def logged(machine, words):
    """What a session with those options tells the system log: a /dev of its own for the process that opens it."""
    machine.configure("jobtest", "auth required pam_permit.so\naccount required pam_permit.so\n", words, "required")
    folder = machine.work / "dev"
    folder.mkdir(exist_ok=True)
    place = machine.work / "syslog"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(str(place))
        nodes = "null zero random urandom tty"
        script = (f"mount -t tmpfs none {folder}; for node in {nodes}; do touch {folder}/$node; mount --bind /dev/$node {folder}/$node; done; "
                  f"touch {folder}/log; mount --bind {place} {folder}/log; mount --rbind {folder} /dev; "
                  "exec pamtester jobtest jane open_session close_session")
        done = run("unshare", "-m", "sh", "-ec", script)
        place.unlink()
        equal(done.returncode, 0, f"a session with a system log {done.stderr}")
        lines = []
        log.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                lines.append(log.recv(4096).decode())
    return [line for line in lines if "pam_corral" in line]


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
    with tempfile.TemporaryDirectory(prefix="corral-pam-") as folder:
        site = pathlib.Path(folder) / "limits.toml"
        with Instance(options=["--limits", site]) as instance:
            logins(instance, site)


def logins(instance, site):
    for folder in (instance.folder, instance.runtime):
        folder.chmod(0o755)
    machine = Machine(instance)
    machine.site = site
    doctor = json.loads(instance.run("doctor", "--json").stdout)  # which has other things to say here, and exits with 1
    machine.is_held = doctor["limits"]["processes"]["lacking"] is None
    if not machine.is_held:
        not_checked("needs the pids controller, of either version")
    try:
        run("mount", "-t", "tmpfs", "none", "/var/spool/cron")
        pathlib.Path("/var/spool/cron/crontabs").mkdir(mode=0o1730, exist_ok=True)
        run("mount", "-t", "tmpfs", "none", "/run/lock")
        for part in (each, account, deadline, stays, options, limits_of_the_site, by_cron, broken):
            print(f"-- {part.__name__}", flush=True)
            part(machine)
    finally:
        machine.close()


def by_cron(machine):
    """Not before the others: its session would be among those that are counted."""
    instance = machine.instance
    machine.site.write_text(SITE if machine.is_held else "")
    out = machine.work / "jane/cron.out"
    pathlib.Path("/etc/cron.d/jobtest").write_text(
        f"* * * * * jane (echo JID=$CORRAL_JID ID=$JOB_ID; cat /proc/self/cgroup; {forks(machine)}) >> {out} 2>&1\n")
    cron = subprocess.Popen(["/usr/sbin/cron", "-f"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: out.exists() and "TASKS=" in out.read_text(), 75, "cron")
    cron.kill()
    cron.wait()
    jid = job_of(out.read_text())
    check(jid, "cron: in its job", out.read_text())
    facts = is_closed(instance, jid, "cron")
    equal(facts["domain"], "batch", "in the domain of cron")
    if machine.is_held:
        equal((facts["limits"]["processes"], counted(out.read_text())), (30, 30), "held to the site's limits of 'batch'")
    machine.site.unlink()


run_in_own_namespace(main)
