#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Login sessions as jobs, by the command that pam_corral runs: a leader and
what it forks, opened and closed twice, one within another, who is left, leaders
that die, limits by domain, and deaths of the supervisor in between."""

import contextlib
import json
import os
import pathlib
import pwd
import signal
import subprocess

from corral import (Instance, cgroup2_parent, check, children_of, equal, is_alive, needs_root, skip, wait_until)

if cgroup2_parent() is None:
    skip("needs a writable cgroup v2 hierarchy")
needs_root()

NOBODY = 65534
USER = pwd.getpwuid(NOBODY).pw_name
KEEPS_STATUS = tuple(int(part) for part in os.uname().release.split(".")[:2]) >= (6, 15)


class Leader:
    """A service's process: forks what it is told to."""

    def __init__(self):
        self.process = subprocess.Popen(
            ["sh", "-c", 'while read line; do eval "$line"; echo done; done; sleep 1000'], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, bufsize=1)
        self.pid = self.process.pid

    def do(self, line):
        self.process.stdin.write(line + "\n")
        return self.process.stdout.readline()

    def fork(self):
        before = set(children_of(self.pid))
        self.do("sleep 1000 >/dev/null 2>&1 &")
        return (set(children_of(self.pid)) - before).pop()

    def close(self):
        for pid in [*children_of(self.pid), self.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()


@contextlib.contextmanager
def leader():
    made = Leader()
    try:
        yield made
    finally:
        made.close()


def cgroup_of(pid):
    for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        if line.startswith("0::"):
            return line[3:]
    return ""


def is_member(pid, jid):
    return f"j{int(jid, 16):016x}" in cgroup_of(pid).split("/")


def session(instance, of, *options):
    done = instance.run("session", "open", "--user", USER, "--leader", of.pid, *options)
    check(done.returncode == 0 and done.stdout.split()[1:] in (["opened"], ["existing"]), "a session is opened", done.stderr)
    return done.stdout.split()


def life(instance):
    with leader() as service:
        before = cgroup_of(service.pid)
        earlier = service.fork()
        jid, word = session(instance, service, "--service", "sshd")
        equal(word, "opened", "the first who asks opens it")
        facts = instance.facts("show", jid)
        equal((facts["kind"], facts["owner"], facts["domain"], facts["service"], facts["main_pid"]),
              ("session", NOBODY, "interactive", "sshd", service.pid), "it is its user's, with leader and domain")
        child = service.fork()
        check(is_member(service.pid, jid) and is_member(child, jid), "leader and what it forks are in it")
        check(not is_member(earlier, jid), "what it forked before is not")
        equal(session(instance, service, "--service", "sshd"), [jid, "opened"], "asked again it is the same")
        equal([one["jid"] for one in instance.facts("session", "show")], [jid], "session show has it")
        done = instance.run("session", "open", "--user", USER, "--leader", child, "--mode", "logical", "--nest", "new")
        check(done.returncode != 0 and "detach it first" in done.stderr, "who was moved is followed nowhere within", done.stderr)
        check(is_member(child, jid), "he stays")
        wait_until(lambda: len(instance.facts("session", "show")) == 1, 10, "nothing of it to be left")
        check(f"{jid}  {USER}" in instance.run("session", "show").stdout, "also for people",
              instance.run("session", "show").stdout)
        os.kill(instance.supervisor, signal.SIGKILL)
        wait_until(lambda: instance.supervisor, 10, "another supervisor")
        equal(instance.facts("show", jid)["main_pid"], service.pid, "another supervisor knows it")
        equal(instance.run("session", "close", jid).returncode, 0, "it is closed")
        equal(cgroup_of(service.pid), before, "its leader is where it was")
        equal(instance.facts("show", jid)["state"], "running", "who is left stays")
        equal(instance.run("session", "close", jid).returncode, 0, "closing it again is no error")
        os.kill(child, signal.SIGKILL)
        service.do("wait $!")
        instance.run("wait", jid)
        facts = instance.facts("show", jid)
        equal((facts["result"], facts["shell_code"]), ("closed", 0), "it ends when it is empty")
        check(service.process.poll() is None and is_alive(earlier), "and its leader lives on")
        equal(instance.run("session", "close", jid).returncode, 0, "closing what has ended is no error")


def followed_without_cgroups(instance):
    with leader() as service:
        jid, _ = session(instance, service, "--service", "sshd", "--mode", "logical", "--stragglers", "kill")
        child = service.fork()
        equal(instance.facts("show", "--pid", child)["jid"], jid, "without cgroups a session is followed too")
        equal(instance.run("session", "close", jid).returncode, 0, "it is closed")
        instance.run("wait", jid)
        equal(instance.facts("show", jid)["result"], "closed", "and ends")
        check(service.process.poll() is None and is_alive(child), "and kills nobody")
        done = instance.run("session", "open", "--user", USER, "--leader", service.pid)
        check(done.returncode == 72 and "--mode logical follows others" in done.stderr, "nobody is moved there", done.stderr)


def followed(instance):
    """Where another manager, say systemd-logind, has the leader in a cgroup of its own."""
    with leader() as service:
        before = cgroup_of(service.pid)
        jid, word = session(instance, service, "--service", "sshd", "--mode", "logical", "--stragglers", "kill")
        equal(word, "opened", "a followed session is opened")
        child = service.fork()
        check(cgroup_of(service.pid) == cgroup_of(child) == before, "leader and child stay where they are")
        facts = instance.facts("show", jid)
        equal((facts["kind"], facts["main_pid"]), ("session", service.pid), "it is a session with its leader")
        equal(instance.facts("show", "--pid", child)["jid"], jid, "the child is a member")
        equal(session(instance, service, "--service", "sshd", "--mode", "logical"), [jid, "opened"], "asked again it is the same")
        done = instance.run("session", "open", "--user", USER, "--leader", child, "--mode", "logical", "--nest", "new")
        check(done.returncode != 0 and "detach it first" in done.stderr, "none is followed within it", done.stderr)
        equal(instance.facts("show", "--pid", child)["jid"], jid, "and the child stays")
        wait_until(lambda: len(instance.facts("session", "show")) == 1, 10, "nothing of it to be left")
        os.kill(instance.supervisor, signal.SIGKILL)
        wait_until(lambda: instance.supervisor, 10, "another supervisor")
        equal(instance.facts("show", "--pid", child)["jid"], jid, "another supervisor knows the child")
        equal(instance.run("session", "close", jid).returncode, 0, "it is closed")
        instance.run("wait", jid)
        equal(instance.facts("show", jid)["result"], "closed", "and ends")
        check(service.process.poll() is None and is_alive(child), "nobody was killed, whatever is said of stragglers")
        done = instance.run("session", "open", "--user", USER, "--leader", service.pid, "--mode", "nested")
        check(done.returncode != 0 and "expected move or logical" in done.stderr, "a session's mode is move or logical", done.stderr)


def ends(instance):
    for how, grace in (("end", "300ms"), ("kill", "60s")):
        with leader() as service:
            jid, _ = session(instance, service, "--stragglers", how, "--grace", grace)
            service.do("sh -c 'trap \"\" TERM; sleep 1000' >/dev/null 2>&1 &")
            wait_until(lambda: len(instance.facts("tree", jid)[0]["processes"]) == 3, what="its processes")
            equal(instance.run("session", "close", jid).returncode, 0, f"a session with stragglers={how} is closed")
            instance.run("wait", jid, timeout=20)
            equal(instance.facts("show", jid)["result"], "closed", "who was left is ended")
            check(service.process.poll() is None, "but not its leader")
    with leader() as service:
        jid, _ = session(instance, service, "--stragglers", "kill")
        child = service.fork()
        os.kill(service.pid, signal.SIGKILL)
        service.process.wait()
        instance.run("wait", jid, timeout=20)
        equal(instance.facts("show", jid)["result"], "signalled" if KEEPS_STATUS else "unknown", "a leader's death closes it")
        check(not is_alive(child), "and ends who is left")
    with leader() as service:
        jid, _ = session(instance, service)
        child = service.fork()
        equal(instance.run("kill", "-g", "0", jid).returncode, 0, "a session can be ended like any job")
        check(service.process.wait() < 0 and not is_alive(child), "with its leader")


def within(instance):
    with leader() as service, leader() as other:
        jid, _ = session(instance, service, "--service", "sshd")
        equal(instance.run("attach", jid, other.pid).returncode, 0, "root brings another process into it")
        equal(session(instance, other, "--service", "su"), [jid, "existing"], "within a session that is kept")
        inner, word = session(instance, other, "--service", "su", "--nest", "new")
        equal((word, instance.facts("show", inner)["parent"]), ("opened", jid), "or one is nested in it")
        check(is_member(other.pid, jid) and is_member(other.pid, inner), "whose leader is in both")
        equal(instance.run("session", "close", inner).returncode, 0, "the inner is closed")
        check(is_member(other.pid, jid) and not is_member(other.pid, inner), "and its leader is in the outer")
        instance.run("wait", inner, timeout=20)
        instance.run("session", "close", jid)
        check(is_member(other.pid, jid), "the outer's other process stays")
        equal(instance.facts("show", jid)["state"], "running", "and keeps it alive")
    instance.run("wait", jid, timeout=20)
    daemon = instance.facts("run", "-d", "--", "sh", "-c", "sleep 1000 & sleep 1000 & wait")["jid"]
    pids = wait_until(lambda: [one["pid"] for one in instance.facts("tree", daemon)[0]["processes"]
                               if one["command"] == "sleep"], what="its processes")
    done = instance.run("session", "open", "--user", USER, "--leader", pids[0], "--service", "cron")
    jid, word = done.stdout.split()
    facts = instance.facts("show", jid)
    equal((word, facts["parent"], facts["domain"]), ("opened", daemon, "batch"), "in a job of another kind it is nested")
    instance.run("session", "close", jid)
    check(is_member(pids[0], daemon), "and its leader goes back into that")
    instance.run("kill", "-g", "0", daemon)


def refusals(instance):
    as_nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": []}

    def refused(code, words, *arguments, **options):
        done = instance.run("session", *arguments, **options)
        check(done.returncode == code and words in done.stderr, f"session {' '.join(map(str, arguments))}: {words}",
              done.returncode, done.stderr)

    with leader() as service:
        refused(77, f"uid {NOBODY} may not open and close sessions", "open", "--user", USER, **as_nobody)
        refused(2, "'--user NAME' does", "open")
        refused(2, "option '--user' has the value ''", "open", "--user", "")
        equal(instance.run("session", "open", env={**instance.environment, "CORRAL_RUNTIME_DIR": "/nonexistent"}).returncode, 2,
              "without a user it is the same where no instance is")
        refused(67, "there is no user 'nosuch'", "open", "--user", "nosuch", "--leader", service.pid)
        refused(66, "there is no process", "open", "--user", USER, "--leader", 2**30)
        refused(64, "'4000000000' is no process id, expected a number from 1 to 2147483647", "open", "--user", USER,
                "--leader", 4000000000)
        refused(64, "is init or a part of Corral", "open", "--user", USER, "--leader", instance.reaper)
        refused(2, "'begin' is nothing to do with sessions", "begin")
        refused(66, "there is no job", "close", "0x77777")
        equal(instance.facts("session", "show"), [], "nothing of that is a session")
        everybody = instance.facts("ps", "-a")
        refused(64, "is init or a part of Corral", "open", "--user", USER, "--leader", instance.reaper)
        equal(len(instance.facts("ps", "-a")), len(everybody), "nor has one been made for it, and ended")
        jid, _ = session(instance, service)
        child = service.fork()
        os.chown(instance.folder, 0, 0)
        done = instance.run("detach", child, **as_nobody)
        check(done.returncode == 77, "a user takes nothing out of his session", done.stderr)
        plain = instance.facts("run", "-d", "--", "sleep", "1000")["jid"]
        refused(64, "is no session", "close", plain)
        instance.run("kill", "-g", "0", plain)
        instance.run("session", "close", jid)
    instance.run("wait", jid, timeout=20)


def limits(instance, site):
    site.write_text(f'[domain.interactive]\nwall = "1h"\n[domain.batch]\nwall = "1s"\nfiles = "64"\n')
    with leader() as service:
        jid, _ = session(instance, service, "--service", "sshd")
        equal(instance.facts("show", jid)["limits"]["wall"], 3600 * 10**6, "the site's limits hold by domain")
        instance.run("session", "close", jid)
        instance.run("wait", jid)
        jid, _ = session(instance, service, "--domain", "own-word")
        equal((instance.facts("show", jid)["domain"], instance.facts("show", jid)["limits"]["wall"]), ("own-word", None),
              "also a domain of the site's own")
        instance.run("session", "close", jid)
        jid, _ = session(instance, service, "--service", "cron", "--stragglers", "kill")
        child = service.fork()
        facts = instance.facts("show", jid)["limits"]
        equal((facts["wall"], facts["files"]), (10**6, None), "what cannot hold for an attached process is not claimed")
        check("the site's limit 'files' is not held" in instance.stderr(), "but told in the log")
        instance.run("session", "close", jid)
        instance.run("wait", jid, timeout=20)
        check(not is_alive(child), "and the rest holds")
    site.unlink()


def races(instance):
    """A supervisor that dies while a session is opened or closed."""
    for _ in range(5):
        with leader() as service:
            opening = instance.popen("session", "open", "--json", "--user", USER, "--leader", service.pid,
                                     stdout=subprocess.PIPE, text=True)
            os.kill(instance.supervisor, signal.SIGKILL)
            out = opening.communicate(timeout=60)[0]
            equal(opening.returncode, 0, "it is opened")
            jid = json.loads(out)["jid"]
            check(is_member(service.pid, jid), "and its leader is in it")
            wait_until(lambda: instance.supervisor, 10, "another supervisor")
            closing = instance.popen("session", "close", jid)
            os.kill(instance.supervisor, signal.SIGKILL)
            equal(closing.wait(timeout=60), 0, "it is closed")
            wait_until(lambda: instance.supervisor, 10, "another supervisor")
            instance.run("wait", jid, timeout=30)
            check(service.process.poll() is None, "and its leader lives on")
    wait_until(lambda: not instance.facts("session", "show"), 70, "no session to be left")


def going_down(instance):
    """An instance that is shut down ends what it started, and lets others' processes go."""
    with leader() as service, leader() as other:
        before = cgroup_of(service.pid)
        jid, _ = session(instance, service)
        child = service.fork()
        made = instance.facts("attach", "--new", other.pid)["jid"]
        own = instance.facts("run", "-d", "--parent", jid, "--", "sleep", "1000")["jid"]
        started_pid = instance.facts("show", own)["main_pid"]
        done = subprocess.run(["busctl", f"--address=unix:path={instance.socket}", "call", "org.corral.Manager1",
                               "/org/corral/manager", "org.corral.Manager1", "ShutDown"], check=False)
        equal((done.returncode, instance.process.wait(timeout=30)), (0, 0), "an instance with sessions is shut down")
        check(all(one.process.poll() is None for one in (service, other)) and is_alive(child), "others' processes live on")
        equal(cgroup_of(service.pid), before, "where they were")
        check(not is_alive(started_pid), "its own do not")
        ends = {one["jid"]: one["result"] for one in instance.records()["records"] if one["kind"] == "end"}
        equal((ends[jid], ends[made]), ("detached", "detached"), "and the records say so")


limits_file = None
with contextlib.ExitStack() as stack:
    started = Instance()
    limits_file = started.folder / "limits.toml"
    started.environment["CORRAL_LIMITS"] = str(limits_file)
    stack.enter_context(started)
    for folder in (started.folder, started.runtime):
        folder.chmod(0o755)
    for part in (life, followed, ends, within, refusals):
        print(f"-- {part.__name__}", flush=True)
        part(started)
    print("-- limits", flush=True)
    limits(started, limits_file)
    races(started)
    print("-- going_down", flush=True)
    going_down(started)
with Instance(engine="subreaper") as started:
    print("-- followed_without_cgroups", flush=True)
    followed_without_cgroups(started)
