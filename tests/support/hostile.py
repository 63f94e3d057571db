# SPDX-License-Identifier: Apache-2.0
"""A malicious user: a child process of another user that does a deed and says what came of it, and how the supervisor
and root fare meanwhile."""

import contextlib
import json
import os
import resource
import select
import struct
import time

from answer_times import AnswerTimes
from corral import check, equal, fail
from fake_instance import RawClient, call_message, text

HOSTILE = 65534
EMPTY = struct.pack("<I", 0)


def private_kib(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith("Private_"))


def become_hostile():
    os.setgroups([])
    os.setresgid(HOSTILE, HOSTILE, HOSTILE)
    os.setresuid(HOSTILE, HOSTILE, HOSTILE)


class Hostile:
    """A child process of another user that does something and then waits. The deed returns what it holds open, and its
    facts: what came of it, by name."""

    def __init__(self, deed):
        reader, writer = os.pipe()
        self.child = os.fork()
        if self.child == 0:
            told = {"error": "it was ended"}
            try:
                os.close(reader)
                resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))
                become_hostile()
                keep, facts = deed()  # noqa: F841: what it holds open
                told = {"facts": facts}
            except BaseException as error:  # never out of this child
                told = {"error": repr(error)}
            finally:
                os.write(writer, json.dumps(told).encode())
                os.close(writer)
                time.sleep(120)
                os._exit(0)
        os.close(writer)
        self.reader = reader

    def facts(self):
        """Waits for the end of its deed: one that did not come to its end has tested nothing."""
        said = os.read(self.reader, 1 << 16)  # one write; processes of its own may hold the other end
        os.close(self.reader)
        told = json.loads(said) if said else {"error": "it said nothing"}
        if "error" in told:
            fail(f"the deed did not come to its end: {told['error']}")
        return told["facts"]

    def end(self):
        with contextlib.suppress(OSError):
            os.kill(self.child, 9)
        os.waitpid(self.child, 0)


def slowest_call(instance, calls=40):
    """The longest that root waits for an answer, in ms."""
    client = RawClient(str(instance.socket))
    times = AnswerTimes(instance.supervisor)
    for serial in range(1, calls + 1):
        with times.measured():
            client.send(call_message("FindJob", text("nobody"), "s", serial=serial))
            while b"NoSuchJob" not in client.receive():
                pass
        time.sleep(0.005)
    client.close()
    return times.slowest * 1e3


def under(instance, what, deed, most_mib):
    """Does it, looks at memory and at how root is served, and ends it. Returns what came of the deed."""
    before = private_kib(instance.supervisor)
    supervisor = instance.supervisor
    hostile = Hostile(deed)
    try:
        slowest = slowest_call(instance)
        facts = hostile.facts()
        grown = (private_kib(instance.supervisor) - before) / 1024
        check(instance.supervisor == supervisor, f"{what}: the supervisor lives")
        check(grown < most_mib, f"{what}: {grown:.1f} MiB more, wanted less than {most_mib}")
        check(slowest < 1000, f"{what}: root's slowest of 40 calls took {slowest:.1f} ms")
    finally:
        hostile.end()
    equal(instance.run("run", "--", "true").returncode, 0, f"{what}: and afterwards jobs run")
    return facts


def send_for(client, data, seconds, most=1 << 60):
    """Sends again and again, without reading, `most` bytes or a little more. Bytes that were taken; whether it was thrown
    out."""
    client.socket.settimeout(0.2)
    end, taken, at = time.monotonic() + seconds, 0, 0
    while time.monotonic() < end and taken < most:
        try:
            sent = client.socket.send(data[at:])
        except TimeoutError:
            continue
        except OSError:
            return taken, True
        taken, at = taken + sent, (at + sent) % len(data)
    return taken, False


def converse(client, data, until, seconds=20):
    """Sends all of it and reads meanwhile, until until(answers) or the connection's end. Returns the answers, how many
    descriptors came with them and whether it was thrown out."""
    client.socket.setblocking(False)
    answers, descriptors, at, end = bytearray(), 0, 0, time.monotonic() + seconds
    while not until(answers):
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"{at} of {len(data)} bytes taken, {len(answers)} answered: {bytes(answers[-200:])!r}")
        readable, writable, _ = select.select([client.socket], [client.socket] if at < len(data) else [], [], left)
        try:
            if writable:
                at += client.socket.send(data[at:at + 65536])
            if readable:
                received, extra, _, _ = client.socket.recvmsg(65536, 65536)
                if not received:
                    return answers, descriptors, True
                answers += received
                descriptors += sum(len(one[2]) // 4 for one in extra)
        except OSError:
            return answers, descriptors, True
    return answers, descriptors, False
