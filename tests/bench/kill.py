#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How long it takes from the request until all processes of a job are dead, against a bare write of cgroup.kill; the same of
a fork bomb against freeze-then-kill; when all of them are recorded; and, in a kill of its own in each round, the longest that
another client waits meanwhile: its calls, up to five hundred a second and before
everybody else, take processors from the dying.

  kill.py --build BUILD [--rounds 9] [--processes 1000] [--bomb 300]
"""

import contextlib
import os
import signal
import statistics
import struct
import subprocess
import time

import measure

SIGKILL = 9


def reads_populated(file):
    """Not after the cgroup was removed."""
    with contextlib.suppress(OSError):
        return b"populated 1" in os.pread(file.fileno(), 256, 0)
    return False


def await_empty(cgroup, begin):
    """Milliseconds from `begin` until nobody in the cgroup lives. Read anew and anew: the notice comes up to 16 ms late. A bomb
    that outlives one kill by seconds is killed again, before it takes all process numbers."""
    again = begin + 2
    with open(cgroup / "cgroup.events", "rb", buffering=0) as file:
        while reads_populated(file):
            time.sleep(0.0005)
            if time.perf_counter() > again:
                (cgroup / "cgroup.kill").write_text("1", encoding="ascii")
                again += 1
    return (time.perf_counter() - begin) * 1e3


def raw(corral, instance, count, kind):
    """Frozen first, if they fork."""
    cgroup = instance.cgroup / "bare"
    cgroup.mkdir()
    maker = subprocess.Popen([str(corral.BUILD / "tests/bench/bench-crowd"), str(count), *kind], stdout=subprocess.PIPE,
                             preexec_fn=lambda: (cgroup / "cgroup.procs").write_text("0", encoding="ascii"))
    maker.stdout.readline()
    begin = time.perf_counter()
    if kind:
        (cgroup / "cgroup.freeze").write_text("1", encoding="ascii")
    (cgroup / "cgroup.kill").write_text("1", encoding="ascii")
    took = await_empty(cgroup, begin)
    maker.wait()
    cgroup.rmdir()
    return took


class Nobody:
    """No other client."""

    slowest = 0.0

    def __init__(self, *_):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


class Pings:
    """Another client's calls, one after the other, while this lives; the longest is `slowest`, in milliseconds. A process of real
    time makes them: how late an ordinary one among a thousand dying gets a processor is not the supervisor's to say."""

    def __init__(self, client, message, ask):
        self.slowest = 0.0
        self.answer, answers = os.pipe()
        self.pid = os.fork()
        if self.pid != 0:
            os.close(answers)
            os.read(self.answer, 1)  # it can be told to end
            return
        over = []
        signal.signal(signal.SIGTERM, lambda *_: over.append(True))
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
        os.write(answers, b"r")
        slowest = 0.0
        while not over:
            begin = time.perf_counter()
            ask(client, message)
            slowest = max(slowest, (time.perf_counter() - begin) * 1e3)
            time.sleep(0.002)  # a client, not a flood: it would take the processors from the dying
        os.write(answers, struct.pack("d", slowest))
        os._exit(0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.kill(self.pid, signal.SIGTERM)
        self.slowest, = struct.unpack("d", os.read(self.answer, 8))
        os.close(self.answer)
        os.waitpid(self.pid, 0)


def kill_job(corral, instance, count, kind, others):
    """Milliseconds until all are dead, until the job has ended, and the longest wait of `others`."""
    from fake_instance import RawClient, call_message, text
    from lists import ask

    log = instance.folder / "crowd.out"
    maker = str(corral.BUILD / "tests/bench/bench-crowd")
    line = f"exec {maker} {count} {' '.join(kind)} >{log}"
    jid = int(instance.facts("run", "-d", "--", "sh", "-c", line)["jid"], 16)
    corral.wait_until(lambda: log.exists() and "ready" in log.read_text(encoding="ascii"), seconds=60, what="the crowd")
    cgroup = next(instance.cgroup.path.rglob(f"j{jid:016x}"))
    client, other = RawClient(str(instance.socket)), RawClient(str(instance.socket))
    client.socket.settimeout(60)
    other.socket.settimeout(60)
    ping = call_message("Ping", interface="org.freedesktop.DBus.Peer")
    ask(client, ping)
    with others(other, ping, ask) as pings:
        begin = time.perf_counter()
        ask(client, call_message("Signal", struct.pack("<Qi", jid, SIGKILL) + text("all"), "tis", serial=2))
        dead = await_empty(cgroup, begin)
        ask(client, call_message("Wait", struct.pack("<Q", jid), "t", serial=3))
        ended = (time.perf_counter() - begin) * 1e3
    log.unlink()
    return dead, ended, pings.slowest


def compare(corral, instance, arguments, count, kind, what, bound):
    print(f"## {what}: {count} processes, {arguments.rounds} interleaved rounds")
    ratios, beside, waits = [], [], []
    for _ in range(arguments.rounds):
        limit = raw(corral, instance, count, kind)
        dead, ended, _ = kill_job(corral, instance, count, kind, Nobody)
        later, _, wait = kill_job(corral, instance, count, kind, Pings)
        ratios.append(dead / limit)
        beside.append(later / limit)
        waits.append(wait)
        print(f"   raw {limit:7.1f} ms   corral {dead:7.1f} ms   ratio {ratios[-1]:.3f}   recorded and told after {ended:.1f} ms"
              f"   beside another client {later:7.1f} ms, who waited {wait:.1f} ms", flush=True)
    print(f"   median ratio {measure.judged(statistics.median(ratios), at_most=bound)}, "
          f"beside the other client's calls {statistics.median(beside):.3f}")
    print(f"   another client's longest wait {measure.judged(max(waits), at_most=10, form='.1f')} ms")


def main():
    parser = measure.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--processes", type=int, default=1000)
    parser.add_argument("--bomb", type=int, default=300)
    arguments = measure.parse(parser)
    import corral  # tests/support

    with corral.Instance() as instance:
        compare(corral, instance, arguments, arguments.processes, [], "kill of a job against cgroup.kill", 1.15)
        compare(corral, instance, arguments, arguments.bomb, ["churn"], "kill of a fork bomb against freeze-then-kill", 1.5)


if __name__ == "__main__":
    main()
