#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Foreground jobs of ordinary users under the system instance are contained by cgroups as root's are: limits, kill,
escapes, deaths of the scope and of the supervisor between the steps; and nobody but the caller's own child is moved."""

import contextlib
import ctypes
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

import corral
from corral import Instance, check, children_of, equal, is_alive, wait_until
from fake_instance import RawClient, _aligned, call_message, text
from hostile import HOSTILE, become_hostile
from limits_held import EATER, FORKER, group_of, is_held, leaves_nothing
from reaper_driver import HEAD, MAGIC, VERSION
from scope_link import ANSWER, FAILED, LAUNCHED, STARTED

AS_NOBODY = {"user": HOSTILE, "group": HOSTILE, "extra_groups": []}
WHERE = "cat /proc/self/cgroup"


def cgroup_of(pid):
    """Below the mount of version 2."""
    for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        if line.startswith("0::"):
            return line[3:]
    return None


def front(instance, *words, **more):
    return instance.popen("run", *words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          **AS_NOBODY, **more)


def run(instance, *words, **more):
    return instance.run("run", *words, **AS_NOBODY, **more)


def number(job):
    """The last part of its cgroup's path."""
    return f"j{int(job['jid'], 16):016x}"


def last(instance):
    return instance.facts("ps", "-a")[-1]


def main_of(instance, name):
    def running():
        return [job for job in instance.facts("ps") if job["name"] == name and job["main_pid"]]

    wait_until(running, what=f"{name} runs")
    return running()[0]


def contained(instance):
    result = run(instance, "--", "sh", "-c", f"id -u; {WHERE}; ls /proc/self/fd | wc -l; exit 7")
    job = last(instance)
    equal((result.returncode, job["engine"], job["exit_code"]), (7, "cgroup2", 7), f"an ordinary user's job {result.stderr}")
    lines = result.stdout.splitlines()
    place = next(line for line in lines if line.startswith("0::"))
    equal((lines[0], place.rsplit("/", 1)[-1]), (str(HOSTILE), number(job)), "its first word comes out of its cgroup")
    root = instance.run("run", "--", "sh", "-c", "ls /proc/self/fd | wc -l")
    equal(lines[-1], root.stdout.strip(), "with no descriptor more than root's has")
    result = run(instance, "--", "/nonesuch")
    equal((result.returncode, result.stderr.count("\n")), (127, 1), f"what cannot be executed is told as ever {result.stderr}")
    result = run(instance, "--", "sh", "-c", "kill -9 $$")
    equal((result.returncode, last(instance)["signal"]), (-9, "SIGKILL"), "and how it died")
    scope = front(instance, "-n", "held", "--", "sh", "-c", "kill -STOP $$; exit 4")
    wait_until(lambda: pathlib.Path(f"/proc/{scope.pid}/stat").read_text().split()[2] == "T", what="it stops as its command")
    os.kill(scope.pid, signal.SIGCONT)
    equal(scope.wait(10), 4, "and goes on with it")
    leaves_nothing(instance, [])


def escapes(instance):
    escape = "setsid sleep 311 & (setsid sleep 311 &) ; (setsid sh -c 'trap \"\" TERM; sleep 311; sleep 311' &) ; sleep 0.1; exit 3"
    result = run(instance, "--kill-stragglers", "--", "sh", "-c", escape)
    equal(result.returncode, 3, "the command's own end")
    check(not [pid for pid in corral.processes_with(instance.mark) if corral.name_of(pid) == "sleep"], "who left its session ends with it")
    scope = front(instance, "-n", "orphaned", "--", "sh", "-c", "(setsid sleep 312 &) ; exec sleep 312")
    job = main_of(instance, "orphaned")
    os.kill(scope.pid, signal.SIGKILL)
    scope.wait()
    wait_until(lambda: not [pid for pid in corral.processes_with(instance.mark) if corral.name_of(pid) == "sleep"], what="a killed scope takes all along")
    wait_until(lambda: instance.facts("show", job["jid"])["state"] == "ended", what="the job ends")
    scope = front(instance, "-n", "killed", "--", "sh", "-c", "trap '' TERM; (setsid sleep 313 &) ; while :; do sleep 313; done")
    main_of(instance, "killed")
    equal(instance.run("kill", "-g", "0", "killed", **AS_NOBODY).returncode, 0, "its user ends it")
    equal(scope.wait(10), -9, "and all of it dies")
    leaves_nothing(instance, [])


def limits(instance):
    if not instance.holds:
        return corral.not_checked("no controllers here")
    result = run(instance, "--limit", "memory=60M", "--", sys.executable, "-c", EATER)
    job = last(instance)
    equal((job["result"], job["limit"]["kind"]), ("over-limit", "memory"), f"memory of the whole job {result.stderr}")
    result = run(instance, "--limit", "processes=20", "--kill-stragglers", "--", sys.executable, "-c", FORKER, "100")
    equal(result.stdout.strip(), "19", f"processes {result.stderr}")
    scope = front(instance, "-n", "bound", "--limit", "memory=100M,processes=50,cpu-rate=50%", "--", "sleep", "100")
    job = main_of(instance, "bound")
    name = number(job)
    for controller in ("memory", "pids", "cpu"):
        path = group_of(job["main_pid"], controller) or cgroup_of(job["main_pid"])
        equal(path.rsplit("/", 1)[-1], name, f"its first process is in its group of {controller}")
    equal(instance.run("limit", "bound", "-l", "memory=90M", **AS_NOBODY).returncode, 0, "and it can be lowered")
    instance.run("kill", "bound")
    scope.wait()


def records(instance):
    run(instance, "--", "sh", "-c", "true & (setsid true &) ; sleep 0.2; /bin/true; exit 0")
    job = last(instance)
    check(job["processes_seen"] >= 5, "all of its processes are counted", job)
    check(job["user_us"] is not None, "what it used is told", job)
    check(job["memory_peak_bytes"] is None or job["memory_peak_bytes"] > 0, "and its peak, where a controller tells it", job)


class Caller:
    """In a process of another user: a job of its own making, and what its scope would have."""

    def __init__(self, instance, *, engine="cgroup2"):
        client = RawClient(str(instance.socket))
        entries = b""
        for key, value in (("Kind", "foreground"), ("Engine", engine)):
            entries = _aligned(entries, 8) + text(key) + b"\1s\0"
            entries = _aligned(entries, 4) + text(value)
        entries = _aligned(entries, 8) + text("Argv") + b"\2as\0"
        argv = text("sleep")
        entries = _aligned(entries, 4) + struct.pack("<I", len(argv)) + argv
        body = struct.pack("<I", len(entries)) + b"\0" * 4 + entries
        client.send(call_message("CreateJob", body, "a{sv}"))
        data, self.fds, _, _ = socket.recv_fds(client.socket, 65536, 8)
        if b"org.corral.Error" in data:
            raise RuntimeError(data)
        at = data.rindex(b"/org/corral/job/j")
        self.jid = int(data[at + 17:at + 33], 16)
        self.client = client
        # In the order of the answer: the link, then what the child writes to.
        self.link, *self.joins = self.fds
        os.set_blocking(self.link, True)

    def say(self, kind, body, fds=()):
        link = socket.socket(fileno=os.dup(self.link))
        socket.send_fds(link, [HEAD.pack(MAGIC, VERSION, kind, len(body), 0) + body], list(fds))


def deed_of(instance, deed):
    """What `deed()` returns, in a process of another user."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        said = {"error": "it was ended"}
        try:
            become_hostile()
            said = {"facts": deed()}
        except BaseException as error:
            said = {"error": repr(error)}
        finally:
            os.write(writer, json.dumps(said).encode())
            os.close(writer)
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        told = json.loads(file.read() or b'{"error": "it said nothing"}')
    os.waitpid(child, 0)
    if "error" in told:
        corral.fail(f"the deed did not come to its end: {told['error']}")
    return told["facts"]


def ask_to_come_in(caller, writer):
    """In the child: writes to place and gate, and tells `writer` what came of it."""
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    os.write(caller.joins[0], b"0")
    try:
        os.write(caller.joins[1], b"0")
        said = "in"
    except (BrokenPipeError, ConnectionResetError):
        said = "refused"
    os.write(writer, f"{said} {cgroup_of('self')}".encode())


def come(caller, before=lambda: None):
    """A child that asks to be let in, after `before()`, and waits; says whether the gate was opened, and where it is then."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        before()
        ask_to_come_in(caller, writer)
        os.close(writer)
        time.sleep(60)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        said, _, where = file.read().decode().partition(" ")
    return child, said, where


def hostile(instance):
    """Whoever writes to a job's place is moved only if it is the caller's own child."""
    own = cgroup_of("self")

    def honest():
        caller = Caller(instance)
        child, said, where = come(caller)
        os.kill(child, signal.SIGKILL)
        return [said, where.rsplit("/", 1)[-1] == f"j{caller.jid:016x}"]

    equal(deed_of(instance, honest), ["in", True], "the caller's child comes in")

    def threaded():
        caller = Caller(instance)
        child, said, where = come(caller, lambda: threading.Thread(target=time.sleep, args=[60], daemon=True).start())
        os.kill(child, signal.SIGKILL)
        return [said, where]

    equal(deed_of(instance, threaded), ["refused", own], "not with a second thread, whose exec would give its number away")

    def flooding():
        """Sends through the gate without end while it is opened."""
        caller = Caller(instance)
        gate = socket.socket(fileno=os.dup(caller.joins[1]))
        gate.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)

        def flood():
            with contextlib.suppress(OSError):
                while True:
                    gate.send(b"0")

        child = os.fork()
        if child == 0:
            os.write(caller.joins[0], b"0")
            time.sleep(60)
            os._exit(0)
        for _ in range(4):
            threading.Thread(target=flood, daemon=True).start()
        wait_until(lambda: cgroup_of(child).endswith(f"j{caller.jid:016x}"), what="the child is moved")
        time.sleep(0.5)
        os.kill(child, signal.SIGKILL)

    deed_of(instance, flooding)
    equal(instance.run("ps").returncode, 0, "who floods the gate holds nobody up")

    def orphan():
        caller = Caller(instance)
        reader, writer = os.pipe()
        middle = os.fork()
        if middle == 0:
            if os.fork() == 0:
                while os.getppid() == middle:
                    time.sleep(0.001)
                time.sleep(0.1)
                ask_to_come_in(caller, writer)
            os._exit(0)
        os.close(writer)
        os.waitpid(middle, 0)
        with os.fdopen(reader, "rb") as file:
            return file.read().decode().split(" ")

    equal(deed_of(instance, orphan), ["refused", own], "his process that is not the caller's child stays where it is")

    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        os.chmod(folder, 0o755)
        raised = pathlib.Path(folder, "raised")
        raised.write_bytes(pathlib.Path("/bin/dash").read_bytes())
        raised.chmod(0o4755)

        def setuid():
            """What root's authority runs in, though it is his child, as that of sudo would be."""
            caller = Caller(instance)
            words = [str(raised), "-p", "-c", 'printf 0 >&3; (trap "" PIPE; printf 0 >&4 && echo in || echo refused) 2>/dev/null; cat /proc/self/cgroup; id -u']
            child = subprocess.Popen(["/bin/sh", "-c", 'exec "$0" "$@" 3>&%d 4>&%d' % tuple(caller.joins), *words],
                                     pass_fds=caller.joins, stdout=subprocess.PIPE, text=True)
            out = child.communicate(timeout=20)[0].splitlines()
            return [out[0], next(line[3:] for line in out if line.startswith("0::"))]

        equal(deed_of(instance, setuid), ["refused", own], "nor a child of his that runs as root")

    bystander = subprocess.Popen(["sleep", "300"], start_new_session=True)
    try:
        def liar(engine):
            def lie():
                caller = Caller(instance, engine=engine)
                pidfd = os.pidfd_open(bystander.pid)
                caller.say(LAUNCHED, STARTED.pack(bystander.pid, os.getpid()), [pidfd])
                time.sleep(0.3)
                return caller.jid
            return lie

        for engine in ("cgroup2", "subreaper"):
            jid = deed_of(instance, liar(engine))
            wait_until(lambda jid=jid: instance.facts("show", hex(jid))["state"] == "ended", what="a liar's job ends")
            if engine == "cgroup2":
                equal(instance.facts("show", hex(jid))["result"], "launch-failed", "a scope whose command did not come in has launched none")
            check(is_alive(bystander.pid) and bystander.poll() is None, f"{engine}: whom a scope names as its command is not killed for it")
        equal(cgroup_of(bystander.pid), own, "nor moved")

        def false_scope():
            """Names root's process as his scope, of which the bystander is a child, and ends a process group."""
            caller = Caller(instance, engine="subreaper")
            caller.say(LAUNCHED, STARTED.pack(os.getpid(), os.getppid()))
            time.sleep(0.3)
            group = os.getpgid(bystander.pid)
            told = subprocess.run([str(corral.COMMAND), "kill", "-s", "KILL", "--group", str(group), hex(caller.jid)],
                                  env=instance.environment, capture_output=True, text=True, check=False)
            return told.returncode

        equal(deed_of(instance, false_scope) != 0, True, "whom he names as his scope makes nobody a member")
        check(is_alive(bystander.pid) and bystander.poll() is None, "and root's process is not killed by his group")
    finally:
        bystander.kill()
        bystander.wait()

    def held():
        """A member of his other job, though the caller's child, stays in that."""
        caller = Caller(instance)
        reader, writer = os.pipe()
        go, gone = os.pipe()
        child = os.fork()
        if child == 0:
            os.read(go, 1)
            ask_to_come_in(caller, writer)
            os._exit(0)
        os.close(writer)
        attached = subprocess.run([str(corral.COMMAND), "attach", "other", str(child)], env=instance.environment, check=False).returncode
        os.write(gone, b"x")
        with os.fdopen(reader, "rb") as file:
            return [attached, *file.read().decode().split(" ")]

    other = front(instance, "-n", "other", "--", "sleep", "100")
    job = main_of(instance, "other")
    attached, said, where = deed_of(instance, held)
    equal((attached, said, where.rsplit("/", 1)[-1]), (0, "refused", number(job)), "nor who is held by another job of his")
    nested = run(instance, "--parent", "other", "--", "sh", "-c", WHERE)
    check(f"/{number(job)}/j" in nested.stdout, "where the job may be nested", nested)
    inside = run(instance, "--", str(corral.COMMAND), "run", "--", "sh", "-c", WHERE)
    equal((inside.returncode, last(instance)["engine"]), (0, "subreaper"), "a job that is begun within another one stays in its cgroup")
    inside = run(instance, "--", str(corral.COMMAND), "run", "--engine", "cgroup2", "--", "true")
    check(inside.returncode == 72 and "would leave it" in inside.stderr, "and cannot ask for one of its own beside it", inside)
    confined = run(instance, "--engine", "cgroup2", "--", "true", preexec_fn=lambda: ctypes.CDLL(None).prctl(38, 1, 0, 0, 0))
    check(confined.returncode == 72 and "no_new_privs" in confined.stderr, "nor who is confined", confined)
    instance.run("kill", "-g", "0", "other")
    other.wait()
    leader = subprocess.Popen(["sh", "-c", "read -r go; \"$0\" run -- sh -c true; \"$0\" run --engine cgroup2 -- true; echo $?", str(corral.COMMAND)],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=instance.environment, **AS_NOBODY)
    followed = instance.facts("attach", "--mode", "logical", "--new", str(leader.pid))["jid"]
    out, err = leader.communicate("go\n", timeout=20)
    equal((out.strip(), "would leave" in err), ("72", True), f"nor does a job leave one that follows who asks {followed} {err}")


def movers_of(instance):
    return [pid for pid in children_of(instance.supervisor)
            if b"--worker=mover" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")]


def go_on(pids):
    for pid in pids:
        os.kill(pid, signal.SIGCONT)


def stuck_at_gate(instance, name, *words):
    """A job whose mover stands still."""
    run(instance, "--", "true")  # the worker stays
    movers = movers_of(instance)
    for pid in movers:
        os.kill(pid, signal.SIGSTOP)
    scope = front(instance, "-n", name, "--", *words)

    def waits():
        return [pid for pid in children_of(scope.pid) if "sock_alloc" in pathlib.Path(f"/proc/{pid}/wchan").read_text()]

    wait_until(waits, what="the child waits at the gate")
    return scope, movers


def deaths(instance):
    scope, _ = stuck_at_gate(instance, "patient", "sh", "-c", f"{WHERE}; exit 5")
    os.kill(instance.supervisor, signal.SIGKILL)
    out, err = scope.communicate(timeout=20)
    equal(scope.returncode, 5, f"the supervisor dies while a process waits: the next lets it in {err}")
    check(out.strip().rsplit("/", 1)[-1].startswith("j"), "moved", out)
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        os.chmod(folder, 0o777)
        scope, movers = stuck_at_gate(instance, "ended", "touch", f"{folder}/ran")
        equal(instance.run("kill", "-g", "0", "ended").returncode, 0, "a job is ended while its process waits")
        go_on(movers)
        scope.wait(15)
        check(scope.returncode != 0 and not os.path.exists(f"{folder}/ran"), "which executes nothing", scope.returncode)
        scope, movers = stuck_at_gate(instance, "impatient", "touch", f"{folder}/ran")
        scope.kill()
        go_on(movers)
        wait_until(lambda: not instance.facts("ps"), what="a scope that is killed there ends its job")
        check(not os.path.exists(f"{folder}/ran"), "which executed nothing")
    for pause in (0, 1, 2, 4, 8, 16, 32):
        scope = front(instance, "--", "sh", "-c", f"{WHERE}; exit 6")
        time.sleep(pause / 1000)
        os.kill(instance.supervisor, signal.SIGKILL)
        out, err = scope.communicate(timeout=30)
        equal(scope.returncode, 6, f"killed after {pause} ms: the job has run {err}")
        wait_until(lambda: instance.supervisor, what="the next supervisor")
    leaves_nothing(instance, [])


def main():
    corral.needs_root()
    corral.needs_cgroup2()
    with Instance() as instance:
        instance.holds = is_held(instance, "memory", "processes")
        for folder in (instance.folder, instance.runtime):
            folder.chmod(0o755)
        for part in (contained, escapes, limits, records, hostile, deaths):
            print(f"-- {part.__name__}", flush=True)
            part(instance)


if __name__ == "__main__":
    main()
