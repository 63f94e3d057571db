#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The scope's side of its link: it reports launch, stops and exits, repeats
them to a new supervisor, obeys, and ends its job alone when nobody is left."""

import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
import time

import corral
from reaper_driver import EXIT_TYPE, HELLO, RECORD_ACK, Exit, PacketLink

LAUNCHED, FAILED, STOPPED, POPULATED = 128, 129, 130, 131
SIGNAL, KILL, INSPECT, ENDED = 144, 145, 146, 147
ENDED_BODY = struct.Struct("=11QIIIIiiBBBBI96s120s")
STARTED = struct.Struct("=ii")
ANSWER = struct.Struct("=QQiiII")


class Scope:
    """A scope and the supervisor's end of its link."""

    def __init__(self, *command, options=(), cgroup=None, prefix=()):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        fds = [theirs.fileno()]
        words = ["--scope", str(theirs.fileno()), "--jid", "8000000100000002", *options]
        if cgroup is not None:
            fds.append(cgroup)
            words += ["--cgroup-fd", str(cgroup)]
        self.process = subprocess.Popen(
            [*prefix, str(corral.INIT), *words, "--", *command],
            pass_fds=fds, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        theirs.close()
        self.link = PacketLink(os.dup(ours.fileno()))
        ours.close()

    def launched(self):
        packet = self.link.expect(LAUNCHED)
        self.pid, self.scope_pid = STARTED.unpack(packet.body)
        corral.equal(self.scope_pid, self.process.pid, "the scope names itself")
        packet.close()
        return self.pid

    def wait_for_stop(self):
        def is_stopped():
            with open(f"/proc/{self.process.pid}/stat") as file:
                return file.read().split()[2] == "T"

        corral.wait_until(is_stopped, what="the scope stopped like its command")

    def exit(self):
        return Exit(self.link.expect(EXIT_TYPE).body)

    def end(self, status=0, reason=1, **numbers):
        values = dict(jid=0x8000000100000002, started=1000000, ended=3500000, seen=1, stragglers=0, names=b"")
        values.update(numbers)
        self.link.send(ENDED, ENDED_BODY.pack(
            values["jid"], values["started"], values["ended"], 0, 0, 0, 0, 0, 0, 0, 0,
            0, values["seen"], values["stragglers"], 0, status, 0, reason, 1, 0, 0, 0, b"", values["names"]))

    def finish(self, seconds=10):
        out, err = self.process.communicate(timeout=seconds)
        return self.process.returncode, out, err


def whole_course():
    scope = Scope("sh", "-c", "echo out; exit 3", options=["--report", "2"])
    pid = scope.launched()
    end = scope.exit()
    corral.equal((end.pid, end.wait_status >> 8, end.sequence, end.comm), (pid, 3, 1, "sh"), "the exit is reported")
    corral.equal(end.jid, 0x8000000100000002, "with the job that the scope was told")
    corral.check(scope.process.poll() is None, "the scope waits for the supervisor's word")
    scope.end(3 << 8, stragglers=2, seen=3, names=b"sleep, sh")
    code, out, err = scope.finish()
    corral.equal((code, out), (3, "out\n"), "it ends with the command's code")
    corral.check("wall time   2.500 s" in err and "2 processes left behind: sleep, sh" in err,
                 "the report shows the supervisor's facts", err)


def quick_orphan():
    """A look at the descriptors that is older than the exec, held up until an orphan has ended already."""
    tracer = ["strace", "-D", "-qq", "-o", "/dev/null"]
    if subprocess.run([*tracer, "true"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        return print("# strace cannot trace here: an orphan's end before the news of the launch is not tried")
    scope = Scope("sh", "-c", "(true &); sleep 1", prefix=[*tracer, "-e", "inject=poll:retval=1:delay_exit=300000:when=1..2"])
    scope.launched()
    corral.equal(scope.exit().sequence, 1, "an orphan that ended at once is told of, after the launch")
    scope.exit()
    scope.end()
    corral.equal(scope.finish()[0], 0, "and the scope ends")


def launch_failure():
    scope = Scope("nonesuch")
    packet = scope.link.expect(FAILED)
    _, _, pid, code, stage, _ = ANSWER.unpack(packet.body)
    corral.equal((pid, code), (0, 2), "a launch that failed is reported with its errno")
    scope.end(0, reason=7)
    code, _, err = scope.finish()
    corral.equal(code, 127, "and the scope ends with 127")
    corral.check("cannot execute 'nonesuch': no such file, searched PATH=" in err, "after one clear sentence", err)


def removed_container():
    """The supervisor removes the cgroup, dies, and its successor is late with
    the word that the job has ended: the scope sleeps."""
    directory = corral.Cgroup()
    cgroup = os.open(directory.path, os.O_RDONLY | os.O_DIRECTORY)
    scope = Scope("true", cgroup=cgroup)
    scope.launched()
    scope.exit()
    corral.wait_until(lambda: not directory.is_populated(), what="the empty cgroup")
    directory.path.rmdir()

    def cpu_ns():
        with open(f"/proc/{scope.process.pid}/schedstat") as file:
            return int(file.read().split()[0])

    time.sleep(0.1)
    before = cpu_ns()
    time.sleep(0.3)
    corral.check(cpu_ns() - before < 3e6, "a scope whose cgroup was removed sleeps", before, cpu_ns())
    scope.end()
    corral.equal(scope.finish()[0], 0, "until it hears of the job's end")
    os.close(cgroup)


def new_supervisor():
    scope = Scope("sh", "-c", "(exit 5) & wait; kill -STOP $$; exit 4")
    scope.launched()
    scope.link.expect(STOPPED)
    scope.wait_for_stop()
    scope.link.send(HELLO, struct.pack("=Q", 1))
    scope.link.expect(LAUNCHED).close()
    scope.link.expect(STOPPED)
    corral.check(True, "a new supervisor hears of the launch again, and that the job is stopped")
    scope.wait_for_stop()
    os.kill(scope.process.pid, signal.SIGCONT)
    # It may end before the scope can say that it goes on.
    packets = {packet.kind: packet for packet in (scope.link.receive(10.0), scope.link.receive(10.0))}
    corral.equal(set(packets), {STOPPED, EXIT_TYPE}, "that it goes on and its end are told")
    first = Exit(packets[EXIT_TYPE].body)
    corral.equal((first.sequence, first.wait_status >> 8), (1, 4), "a continued scope continues its command")
    while scope.link.receive(0.3):
        pass
    scope.link.send(HELLO, struct.pack("=Q", 2))
    scope.link.expect(LAUNCHED).close()
    corral.equal(scope.exit().sequence, 1, "exits are repeated under the same number until acknowledged")
    scope.link.send(RECORD_ACK, struct.pack("=Q", 1))
    scope.link.send(HELLO, struct.pack("=Q", 3))
    scope.link.expect(LAUNCHED).close()
    corral.check(scope.link.receive(0.3) is None, "an acknowledged exit is not")
    scope.end(4 << 8)
    corral.equal(scope.finish()[0], 4, "the code is the command's")


def orders(engine):
    with contextlib.ExitStack() as stack:
        cgroup = None
        if engine == "cgroup2":
            directory = corral.Cgroup()
            stack.callback(directory.remove)
            cgroup = os.open(directory.path, os.O_RDONLY | os.O_DIRECTORY)
            stack.callback(os.close, cgroup)
        scope = Scope("bash", "-c", "trap 'exit 9' USR1; setsid sleep 77 & echo ready; while :; do sleep 0.05; done",
                      cgroup=cgroup)
        scope.launched()
        corral.equal(scope.process.stdout.readline(), "ready\n", f"{engine}: the command runs")
        if cgroup is not None:
            corral.wait_until(lambda: scope.pid in directory.processes(), what="the command in its cgroup")
        scope.link.send(INSPECT)
        count, _, names = struct.unpack("=II120s", scope.link.expect(POPULATED).body)
        corral.check(count >= 2 and b"bash" in names, f"{engine}: an inspection names {names.split(bytes(1))[0]!r}")
        scope.link.send(SIGNAL, struct.pack("=iI", signal.SIGUSR1, 1))
        main = next(end for end in iter(scope.exit, None) if end.pid == scope.pid)
        corral.equal(main.wait_status >> 8, 9, f"{engine}: a signal to the main process arrives")
        scope.link.send(KILL)
        # On a busy machine it has not yet become a sleep.
        other = next(end for end in iter(scope.exit, None) if end.comm in ("sleep", "setsid") and end.wait_status)
        corral.equal(other.wait_status, 9, f"{engine}: the kill finds what called setsid")
        scope.link.send(INSPECT)
        packet = scope.link.receive()
        while packet.kind != POPULATED:
            packet = scope.link.receive()
        corral.equal(struct.unpack_from("=I", packet.body)[0], 0, f"{engine}: then it is empty")
        scope.end(9 << 8)
        corral.equal(scope.finish()[0], 9, f"{engine}: the scope ends")


def kill_of_a_stopped_job():
    scope = Scope("sh", "-c", "kill -STOP $$; exit 4", options=["--reraise"])
    scope.launched()
    scope.link.expect(STOPPED)
    scope.wait_for_stop()
    scope.link.send(INSPECT)
    packet = scope.link.receive()
    while packet.kind != POPULATED:
        packet = scope.link.receive()
    corral.equal(struct.unpack_from("=I", packet.body)[0], 1, "a stopped scope still answers")
    corral.equal(open(f"/proc/{scope.pid}/stat").read().split()[2], "T", "and its command stays stopped")
    scope.link.send(KILL)
    packet = scope.link.receive()
    while packet.kind != EXIT_TYPE:
        packet = scope.link.receive()
    corral.equal(Exit(packet.body).wait_status, 9, "a stopped job is killed")
    scope.end(9)
    corral.equal(scope.finish()[0], -9, "and the scope dies by the same signal")


def many_exits_unacknowledged():
    scope = Scope("bash", "-c", "for i in {1..200}; do (setsid sh -c 'sleep 0.5; exit 1' &) ; done; sleep 3; exit 2")
    scope.launched()
    seen = []
    while (packet := scope.link.receive(4)) is not None:
        seen.append(Exit(packet.body))
    corral.equal([end.sequence for end in seen], list(range(1, 65)), "64 exits are kept, then the dead wait")
    while not any(end.pid == scope.pid for end in seen):
        scope.link.send(RECORD_ACK, struct.pack("=Q", seen[-1].sequence))
        seen.append(scope.exit())
    while len(seen) < 201:
        scope.link.send(RECORD_ACK, struct.pack("=Q", seen[-1].sequence))
        seen.append(scope.exit())
    corral.equal([end.sequence for end in seen], list(range(1, len(seen) + 1)), "all follow, in order, none twice")
    scope.end(2 << 8)
    corral.equal(scope.finish()[0], 2, "the code is the command's")


def garbage():
    scope = Scope("sh", "-c", "sleep 0.5; exit 6")
    scope.launched()
    for data in (b"x", bytes(16), os.urandom(300), os.urandom(4000)):
        scope.link.send(0, raw=data)
    for kind in list(range(1, 150)):
        if kind not in (KILL, SIGNAL, ENDED):
            scope.link.send(kind, os.urandom(kind))
    corral.equal(next(end for end in iter(lambda: scope.link.receive(), None) if end.kind == EXIT_TYPE).kind, EXIT_TYPE,
                 "garbage on the link changes nothing")
    scope.end(6 << 8)
    corral.equal(scope.finish()[0], 6, "the code is the command's")


def alone(reraise):
    scope = Scope("sh", "-c", "setsid sleep 88 & sleep 0.4; kill -TERM $$",
                  options=["--grace", "200", *(["--reraise"] if reraise else [])])
    scope.launched()
    scope.link.close()
    start = time.monotonic()
    code, _, err = scope.finish()
    corral.equal(code, -15 if reraise else 143, "without supervisor and store the command ends as ever")
    corral.equal(err.count("\n"), 1, "after one sentence on standard error")
    corral.check("supervisor" in err and time.monotonic() - start < 5, "which tells what happened", err)
    corral.check(not any("sleep\0" + "88" in text for text in command_lines()), "and its stragglers are ended")


def killed():
    scope = Scope("sh", "-c", "setsid sleep 86 & sleep 87 & exec sleep 85", options=["--engine", "subreaper"])
    scope.launched()
    words = [f"sleep\0{number}" for number in (85, 86, 87)]
    corral.wait_until(lambda: all(any(word in text for text in command_lines()) for word in words), what="three sleepers")
    scope.process.kill()
    corral.wait_until(lambda: not any(word in text for text in command_lines() for word in words), seconds=10,
                      what="the end of all that a killed scope without a cgroup leaves")
    corral.check(True, "what a killed scope without a cgroup leaves is ended by its guard, the supervisor could not")
    scope.link.close()


def command_lines():
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{name}/cmdline") as file:
            yield file.read()


def main():
    whole_course()
    quick_orphan()
    launch_failure()
    new_supervisor()
    orders("subreaper")
    if corral.cgroup2_parent():
        orders("cgroup2")
        removed_container()
    kill_of_a_stopped_job()
    many_exits_unacknowledged()
    garbage()
    killed()
    alone(reraise=False)
    alone(reraise=True)


if __name__ == "__main__":
    sys.exit(main())
