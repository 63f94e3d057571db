#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The engines pidns and cgroup2+pidns: a job in a pid namespace of its own, also in a cgroup, with a supervisor and
without. Nobody leaves it or survives it, its status is exact whoever is killed, and what the engine cannot do is
refused."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time

from corral import COMMAND, Instance, check, children_of, descendants_of, is_alive, name_of, needs_namespaces, \
    needs_root, processes_with, wait_until

DAEMON = "import os,sys,time\nif os.fork(): sys.exit(0)\nos.setsid()\nif os.fork(): os._exit(0)\ntime.sleep(600)\n"
DAEMONISE = f"/usr/bin/python3 -c '{DAEMON}'"
BOMB = "import os,time\nwhile 1:\n  try: os.fork()\n  except OSError: time.sleep(0.001)\n"
NOBODY = 65534
ENGINES = ("pidns", "cgroup2+pidns")


def equal(found, wanted, text, *facts):
    check(found == wanted, text, f"{found!r}, expected {wanted!r}", *facts)


class Alone:
    """Jobs without an instance."""

    def __init__(self, folder, user=None, engine="pidns"):
        self.folder, self.user, self.engine = pathlib.Path(folder), user, engine
        self.count = 0
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("CORRAL_")}
        self.environment |= {"CORRAL_PACCT": str(self.folder / "pacct"), "HOME": str(self.folder),
                             "CORRAL_RUNTIME_DIR": str(self.folder / "none"), "CORRAL_TEST": f"{os.getpid()}.alone"}
        self.environment["PATH"] = f"{COMMAND.parent}:{os.environ['PATH']}"

    def start(self, script, *options, prefix=(), **more):
        self.count += 1
        self.report = self.folder / f"report{self.count}"
        words = [*prefix, str(COMMAND), "run", "--engine", self.engine, "--report=json", *options, "--", "sh", "-c", script]
        return subprocess.Popen(words, env=self.environment, user=self.user, group=self.user,
                                extra_groups=[] if self.user else None, stdin=subprocess.DEVNULL, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)

    def run(self, script, *options, **more):
        process = self.start(script, *options, **more)
        process.out, process.err = process.communicate(timeout=60)
        lines = [line for line in process.err.splitlines() if line.startswith("{")]
        process.report = json.loads(lines[-1]) if lines else None
        return process


def scope_of(process):
    """The scope of a foreground job, and its init inside: (scope, init, main)."""
    found = {}

    def has_all():
        for pid in children_of(process.pid):
            with contextlib.suppress(OSError):  # who makes the namespace has ended by now
                status = pathlib.Path(f"/proc/{pid}/status").read_text()
                inside = [line.split()[-1] for line in status.splitlines() if line.startswith("NSpid:")][0]
                found[inside] = pid
        return "1" in found and "2" in found

    wait_until(has_all, what="an init and a main process")
    return process.pid, found["1"], found["2"]


def inside(alone, who):
    done = alone.run("echo $$; ls /proc | grep -c '^[0-9]'; cat /proc/1/comm; readlink /proc/self/ns/pid; id -u")
    pid, count, init, namespace, uid = done.out.split()
    equal((done.returncode, pid, init), (0, "2", "corral-pidns"), f"{who}: it is in a pid namespace of its own", done.err)
    check(int(count) <= 4, "its /proc shows nobody else", count)
    check(namespace != os.readlink("/proc/self/ns/pid"), "which is not ours")
    equal(int(uid), alone.user or 0, "as the same user")
    mounts = pathlib.Path("/proc/self/mountinfo").read_text()
    equal(mounts.count(" /proc "), 1, "and /proc is mounted over nobody else's")


def statuses(alone, who):
    for script, code in (("exit 0", 0), ("exit 7", 7), ("exit 255", 255), ("kill -TERM $$", -15), ("kill -SEGV $$", -11),
                         ("kill -USR1 $$", -10)):
        done = alone.run(script)
        equal(done.returncode, code, f"{who}: '{script}': the caller sees {code}", done.err)
        wanted = (code, None) if code >= 0 else (None, signal.Signals(-code).name)
        equal((done.report["exit_code"], done.report["signal"]), wanted, "and so does the report")
    done = alone.run("kill -9 $$; echo not reached")
    equal((done.returncode, done.out), (-9, ""), "it can kill itself")
    equal(alone.start("exec /no/such-program").wait(30), 127, "what the shell says of it stands")
    done = subprocess.run([str(COMMAND), "run", "--engine", alone.engine, "--", "/no/such"], env=alone.environment,
                          capture_output=True, text=True, timeout=30, check=False)
    equal(done.returncode, 127, "a program that is not there is told so", done.stderr)


def daemons(alone, who):
    began = time.monotonic()
    done = alone.run(f"{DAEMONISE}; sleep 0.2; exit 3", "--grace", "200ms")
    equal(done.returncode, 3, f"{who}: a job that leaves a daemon", done.err)
    equal(done.report["stragglers"], 1, "tells of it", done.report)
    check(time.monotonic() - began < 20, "and is over")
    equal(alone_processes(alone), [], "nobody is left")
    done = alone.run(f"{DAEMONISE}; (trap '' TERM; sleep 77) & sleep 0.2; exit 4", "--kill-stragglers")
    equal((done.returncode, alone_processes(alone)), (4, []), "nor where they are killed at once")
    check(done.report["processes_seen"] >= 3, "who is killed is counted", done.report)


def alone_processes(alone):
    return list(processes_with("CORRAL_TEST=" + alone.environment["CORRAL_TEST"]))


def malice(alone, who):
    """Who kills everything that he sees."""
    script = "sleep 55 & kill -9 1; kill -STOP 1; kill -9 -1 2>/dev/null; for p in /proc/[0-9]*; do n=${p#/proc/}; " \
             "[ $n = $$ ] || kill -9 $n 2>/dev/null; done; " + DAEMONISE + "; exit 9"
    done = alone.run(script, "--grace", "100ms")
    equal((done.returncode, alone_processes(alone)), (9, []), f"{who}: who kills all that he sees harms nobody", done.err)


def bomb(alone, who):
    """Bounded by the user's number of processes."""
    process = alone.start(f"exec prlimit --nproc=600 /usr/bin/python3 -c '{BOMB}'", "--grace", "0")
    wait_until(lambda: len(descendants_of(process.pid)) > 300, 30, "a few hundred")
    began = time.monotonic()
    process.terminate()
    process.communicate(timeout=60)
    took = time.monotonic() - began
    check(took < 60, f"{who}: a fork bomb of some hundreds is over in {took:.2f} s")
    equal(alone_processes(alone), [], "nobody is left")


def killed_scope(alone, who):
    """The scope, and with it everything, by SIGKILL from outside."""
    process = alone.start(f"{DAEMONISE}; sleep 600")
    scope, init, main = scope_of(process)
    wait_until(lambda: len(descendants_of(init)) > 0, what="the daemon falls to the init")
    os.kill(scope, signal.SIGKILL)
    process.wait(10)
    wait_until(lambda: not is_alive(init) and not is_alive(main), 5, "both are gone")
    wait_until(lambda: alone_processes(alone) == [], 5, f"{who}: a killed scope takes all with it")
    process = alone.start(f"{DAEMONISE}; sleep 600")
    scope, init, main = scope_of(process)
    for helper in set(children_of(scope)) - {init, main}:
        os.kill(helper, signal.SIGKILL)
    os.kill(scope, signal.SIGKILL)
    process.wait(10)
    wait_until(lambda: alone_processes(alone) == [], 5, f"{who}: a scope that was killed after its guard takes all with it too")
    process = alone.start("sleep 600")
    _, init, main = scope_of(process)
    os.kill(init, signal.SIGKILL)
    process.communicate(timeout=10)
    equal(process.returncode, -signal.SIGKILL, "who kills the init kills all, and the status says so")


def grace(alone, who):
    process = alone.start("trap 'sleep 0.3; exit 21' TERM; echo up; while :; do sleep 0.05; done", "--grace", "10s")
    equal(process.stdout.readline(), "up\n", f"{who}: it runs")
    began = time.monotonic()
    process.terminate()
    process.communicate(timeout=30)
    equal(process.returncode, 21, "it was asked, and had its grace")
    check(0.25 < time.monotonic() - began < 5, "no more")


def nested(alone, who):
    """Namespaces within one another, each with its own reaper."""
    if alone.user:
        return
    done = alone.run("corral run --engine pidns -- sh -c 'echo $$; setsid sleep 66 & exit 5'; echo $?")
    equal(done.out.split(), ["2", "5"], f"{who}: a job in a job", done.err)
    equal(alone_processes(alone), [], "nobody is left")


def without_namespaces(alone):
    """Where none can be made it says so, in one line."""
    hook = ["prlimit", "--nofile=1024", "unshare", "--user", "--map-root-user", "sh", "-c",
            "echo 0 > /proc/sys/user/max_pid_namespaces; exec \"$@\"", "sh"]
    process = alone.start("true", prefix=hook)
    _, err = process.communicate(timeout=30)
    lines = [line for line in err.splitlines() if "the engine pidns cannot work here" in line]
    equal((process.returncode, len(lines)), (125, 1), "without namespaces it is refused with one sentence", err)


def without_instance():
    with tempfile.TemporaryDirectory(prefix="corral-test-") as folder:
        os.chmod(folder, 0o777)
        for user, engine, who in ((None, "pidns", "root"), (NOBODY, "pidns", "nobody"), (None, "cgroup2+pidns", "both")):
            home = pathlib.Path(folder) / who
            home.mkdir()
            os.chown(home, user or 0, user or 0)
            alone = Alone(home, user, engine)
            for part in (inside, statuses, daemons, malice, killed_scope, grace, nested):
                part(alone, who)
            if user:
                bomb(alone, who)
        without_namespaces(Alone(folder))


def start(instance, script, *options, engine="pidns"):
    done = instance.run("run", "-d", "--engine", engine, *options, "--", "sh", "-c", script)
    check(done.returncode == 0, "a job begins", script, done.stderr)
    return done.stdout.strip()


def marked(instance):
    return [pid for pid in processes_with(instance.mark) if name_of(pid) in ("sleep", "python3")]


def supervised(instance, engine):
    jid = start(instance, "sleep 0.2; exit 7", engine=engine)
    equal(instance.facts("show", jid)["engine"], engine, "the job tells its engine")
    equal(instance.run("wait", jid).returncode, 7, "its status is exact")
    jid = start(instance, "kill -SEGV $$", engine=engine)
    equal(instance.run("wait", jid).returncode, 128 + signal.SIGSEGV, "its signal too")
    jid = start(instance, f"{DAEMONISE}; sleep 600", engine=engine)
    wait_until(lambda: len(marked(instance)) == 2, what="a daemon and a sleep")
    tree = instance.run("tree", jid).stdout
    check("corral-pidns" not in tree and "python3" in tree, "its processes are shown, the init is none", tree)
    equal(instance.run("kill", "--grace", "0", jid).returncode, 0, "it can be killed")
    equal(instance.run("wait", jid).returncode, 128 + signal.SIGKILL, "and was")
    equal(marked(instance), [], "with its daemon")
    seen = [record for record in instance.records()["records"] if record["kind"] == "process"]
    check(len([record for record in seen if "python3" in str(record)]) >= 1, "who fell to the init has a record", seen[-3:])
    foreground = instance.run("run", "--engine", engine, "--", "sh", "-c", "echo $$; setsid sleep 600 & exit 8")
    equal((foreground.returncode, foreground.stdout), (8, "2\n"), "in the foreground too", foreground.stderr)
    wait_until(lambda: marked(instance) == [], 5, "nobody is left of it")


def signals(instance, engine):
    jid = start(instance, "trap 'exit 31' USR1; (trap 'exit 0' USR1; while :; do sleep 0.05; done) & echo up; "
                          "while :; do sleep 0.05; done", "--grace", "100ms", engine=engine)
    wait_until(lambda: len(instance.facts("show", jid).get("processes", [])) != 1, what="two processes")
    time.sleep(0.3)
    equal(instance.run("kill", "-s", "USR1", jid).returncode, 0, "everybody of it is signalled")
    equal(instance.run("wait", jid).returncode, 31, "and hears it")
    jid = start(instance, "trap 'sleep 0.2; exit 22' TERM; while :; do sleep 0.05; done", "--grace", "10s", engine=engine)
    time.sleep(0.3)
    equal(instance.run("kill", jid).returncode, 0, "it is asked to end")
    equal(instance.run("wait", jid).returncode, 22, "and has its grace")
    jid = start(instance, "trap '' TERM; while :; do sleep 0.05; done", "--grace", "200ms", engine=engine)
    time.sleep(0.3)
    instance.run("kill", jid)
    equal(instance.run("wait", jid).returncode, 128 + signal.SIGKILL, "after that it is killed")


def lingers(instance):
    """A job may outlive its main process, and its namespace then does."""
    jid = instance.facts("run", "-d", "--linger", "--engine", "pidns", "--", "sh", "-c", "sleep 1.5 & exit 3")["jid"]
    wait_until(lambda: instance.facts("show", jid)["main_pid"] is None, what="the end of the main process")
    equal(instance.facts("show", jid)["state"], "running", "with --linger it lives as long as its processes")
    equal(instance.run("wait", jid, timeout=30).returncode, 3, "and ends with the last of them")


def is_refused(instance, words, what):
    done = instance.run(*words)
    check(done.returncode != 0 and done.stderr.count("\n") == 1, f"{what} is refused in one sentence", done.stderr)


def refused(instance):
    jid = start(instance, "sleep 600")
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        for words, what in ((("attach", jid, stranger.pid), "attach"), (("freeze", jid), "freeze"),
                            (("run", "--parent", jid, "--", "true"), "a nested job"),
                            (("run", "-d", "--engine", "pidns", "--limit", "cpu-rate=50%", "--", "true"), "a rate")):
            is_refused(instance, words, what)
    finally:
        stranger.kill()
        stranger.wait()
        instance.run("kill", "--grace", "0", jid)
        instance.run("wait", jid)


def in_cgroup(instance):
    """What the cgroup adds."""
    jid = start(instance, "trap 'exit 0' TERM; setsid sleep 600 & while :; do sleep 0.05; done", engine=ENGINES[1])
    wait_until(lambda: len(marked(instance)) >= 2, what="a daemon and a sleep")
    directory = pathlib.Path("/sys/fs/cgroup" if pathlib.Path("/sys/fs/cgroup/cgroup.procs").exists() else
                             "/sys/fs/cgroup/unified") / instance.facts("show", jid)["container"].lstrip("/")
    members = {name_of(int(pid)) for pid in (directory / "cgroup.procs").read_text().split()}
    equal(members, {"sh", "sleep"}, "the namespace's init has no place in the job's cgroup")
    equal(instance.run("freeze", jid).returncode, 0, "it can be frozen")
    equal(instance.facts("show", jid)["freezer_state"], "frozen", "and is")
    equal(instance.run("kill", "--grace", "0", jid).returncode, 0, "it is killed while it is frozen")
    equal(instance.run("wait", jid, timeout=20).returncode, 128 + signal.SIGKILL, "and was")
    equal(marked(instance), [], "with its daemon")
    check(not directory.exists(), "its cgroup is gone")
    stranger = subprocess.Popen(["sleep", "600"])
    jid = start(instance, "sleep 600", engine=ENGINES[1])
    try:
        for words, what in ((("attach", jid, stranger.pid), "attach"), (("run", "--parent", jid, "--", "true"), "a nested job")):
            is_refused(instance, words, what)
    finally:
        stranger.kill()
        stranger.wait()
        instance.run("kill", "--grace", "0", jid)
    outer = instance.run("run", "-d", "--", "sleep", "600").stdout.strip()
    inner = start(instance, "exit 6", "--parent", outer, engine=ENGINES[1])
    equal(instance.run("wait", inner).returncode, 6, "it can be nested in a job with a cgroup")
    instance.run("kill", "--grace", "0", outer)


def limits(instance, engine):
    jid = start(instance, "setsid sleep 600 & while :; do :; done", "--limit", "wall=1s", "--grace", "0", engine=engine)
    instance.run("wait", jid, timeout=30)
    equal(instance.facts("show", jid)["result"], "over-limit", "over its time it is ended")
    jid = start(instance, "(while :; do :; done) & (while :; do :; done) & wait", "--limit", "cpu=1s", "--accept-less", engine=engine)
    instance.run("wait", jid, timeout=60)
    equal(instance.facts("show", jid)["result"], "over-limit", "processor time is that of all of it")
    equal(marked(instance), [], "nobody is left")


def crashes(engine):
    """The supervisor, then the reaper."""
    with Instance() as instance:
        jids = {code: start(instance, f"sleep 2; exit {code}", engine=engine) for code in (41, 42)}
        stayer = start(instance, f"{DAEMONISE}; sleep 600", engine=engine)
        os.kill(instance.supervisor, signal.SIGKILL)
        wait_until(lambda: len(instance.facts("ps")) == 3, what="three jobs")
        for code, jid in jids.items():
            equal(instance.run("wait", jid).returncode, code, f"the supervisor was killed: {code} is told")
        jids = {code: start(instance, f"sleep 2; exit {code}", engine=engine) for code in (43, 44)}
        ended = start(instance, "sleep 2; kill -USR1 $$", engine=engine)
        supervisor, reaper = instance.supervisor, instance.reaper
        os.kill(reaper, signal.SIGKILL)
        instance.process.wait()
        wait_until(lambda: name_of(supervisor) == "corral-reaper", what="the supervisor's new life")
        for code, jid in jids.items():
            equal(instance.run("wait", jid).returncode, code, f"the reaper was killed: {code} is told")
        equal(instance.run("wait", ended).returncode, 128 + signal.SIGUSR1, "a signal too")
        equal(instance.run("kill", "--grace", "0", stayer).returncode, 0, "who stays can be ended")
        instance.run("wait", stayer)
        equal(marked(instance), [], "with its daemon")


def main():
    needs_root()
    needs_namespaces()
    without_instance()
    with Instance() as instance:
        for engine in ENGINES:
            for part in (supervised, signals, limits):
                part(instance, engine)
        refused(instance)
        lingers(instance)
        in_cgroup(instance)
    for engine in ENGINES:
        crashes(engine)


if __name__ == "__main__":
    main()
