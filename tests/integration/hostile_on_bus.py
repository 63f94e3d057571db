# SPDX-License-Identifier: Apache-2.0
"""A malicious user on a message bus (a dbus-daemon with a system bus's policy): a flood, a crowd of waits and of
subscriptions, calls before the bus said who calls. He has no more there than on the private socket, root is served on both
meanwhile, and the instance keeps its name."""

import shutil
import struct
import subprocess
import sys
import time

import corral
from corral import SOURCE, check, equal, wait_until
from fake_instance import RawClient, call_message, text
from hostile import EMPTY, converse, send_for, under
from private_bus import SYSTEM, Bus

NAME = "org.corral.Manager1"
DRIVER = "org.freedesktop.DBus"
MOST_MS = 2000  # through a dbus-daemon that serves a flood


def connect(bus):
    """A connection that the bus knows."""
    client = RawClient(f"{bus.directory}/bus")
    client.send(call_message("Hello", interface=DRIVER, path="/org/freedesktop/DBus", destination=DRIVER, serial=1 << 30))
    said = b""
    while b"NameAcquired" not in said:
        said += client.receive()
    return client


def call(member, body=b"", signature="", serial=1):
    return call_message(member, body, signature, serial=serial, destination=NAME)


class Root:
    """Asks through the bus in a process of its own, beside the deed."""

    def __init__(self, bus):
        code = ("import dbus.bus,sys,time\n"
                f"c=dbus.bus.BusConnection({bus.address!r})\n"
                f"m=dbus.Interface(c.get_object({NAME!r},'/org/corral/manager',introspect=False),{NAME!r})\n"
                "longest=0\n"
                "for _ in range(40):\n"
                "  begin=time.monotonic()\n"
                "  m.ListJobs({},dbus.UInt64(0),dbus.UInt32(1),signature='a{sv}tu',timeout=30)\n"
                "  longest=max(longest,time.monotonic()-begin)\n"
                "  time.sleep(0.005)\n"
                "print(longest*1e3)\n")
        self.process = subprocess.Popen(["/usr/bin/python3", "-c", code], stdout=subprocess.PIPE, text=True)

    def slowest(self):
        out, _ = self.process.communicate(timeout=120)
        return float(out)


def meanwhile(bus, instance, what, deed, most_mib):
    root = Root(bus)
    facts = under(instance, what, deed, most_mib)
    slowest = root.slowest()
    check(slowest < MOST_MS, f"{what}: root's slowest call over the bus took {slowest:.1f} ms")
    check(has_name(bus), f"{what}: the name is there")
    return facts


def has_name(bus):
    done = subprocess.run(["busctl", f"--address={bus.address}", "list"], text=True, capture_output=True, check=False, timeout=60)
    return NAME in done.stdout


def flood(bus, instance):
    connections = 20
    everything = b"".join(call(member, body, signature, serial) for serial, (member, body, signature) in enumerate((
        ("ListJobs", EMPTY + b"\0" * 4 + struct.pack("<QI", 0, 100), "a{sv}tu"),
        ("ListJobRows", EMPTY + b"\0" * 4 + struct.pack("<QI", 0, 1000), "a{sv}tu"),
        ("GetUsage", struct.pack("<Q", 1 << 60), "t"),
        ("CreateJob", EMPTY + b"\0" * 4, "a{sv}")), 1))

    def deed():
        clients = [connect(bus) for _ in range(connections)]
        sent = [send_for(client, everything * 20, 0.15) for client in clients]
        answers, _, out = converse(clients[0], b"", lambda said: b"NoSuchJob" in said)
        return clients, {"taken": min(taken for taken, _ in sent), "answered": b"NoSuchJob" in answers, "out": out}

    facts = meanwhile(bus, instance, "a flood over the bus", deed, 64)
    check(facts["answered"] and facts["taken"] > 10 * len(everything), f"each of {connections} connections sent a flood, and was answered", facts)


def known(bus):
    """A connection that the supervisor knows: the bus was asked who it is."""
    client = connect(bus)
    converse(client, call("GetUsage", struct.pack("<Q", 1 << 60), "t", 1 << 20), answered)
    return client


def answered(said):
    """The last call of a row is one for a job that is not there."""
    return b"NoSuchJob" in said


def row_of(member, body, signature, calls):
    """So many calls, and one that tells by its answer that all of them were heard."""
    return (b"".join(call(member, body, signature, serial) for serial in range(1, calls + 1)) +
            call("GetUsage", struct.pack("<Q", 1 << 60), "t", calls + 1))


def strangers(bus, instance):
    """Each call is the first of its connection, so that the bus must be asked who it is."""
    connections, calls = 40, 100

    def deed():
        clients, counts = [connect(bus) for _ in range(connections)], []
        for client in clients:
            data = row_of("GetUsage", struct.pack("<Q", 1 << 60), "t", calls)
            answers, _, _ = converse(client, data, lambda said: said.count(b"org.corral.Error.") > calls)
            counts.append((answers.count(b"NoSuchJob"), answers.count(b"too many calls before")))
        return clients, {"told": min(told for told, _ in counts), "answers": sorted({told + parked for told, parked in counts})}

    facts = meanwhile(bus, instance, "callers that nobody knows", deed, 16)
    equal((facts["told"] >= 1, facts["answers"]), (True, [calls + 1]), "each call is answered, or refused as one too many")


def waits(bus, instance, jid):
    """The bound of a user's waits holds for all his connections together, as they are one to us."""
    connections, calls, allowed = 40, 100, 256
    word = b"waits for too many jobs"

    def deed():
        clients, refused = [known(bus) for _ in range(connections)], 0
        for client in clients:
            answers, _, _ = converse(client, row_of("Wait", struct.pack("<Q", jid), "t", calls), answered)
            refused += answers.count(word)
        return clients, {"refused": refused}

    facts = meanwhile(bus, instance, f"{connections * calls:,} waits over the bus", deed, 16)
    equal(facts["refused"], connections * calls - allowed, f"of which {allowed} are taken, the others refused")


def subscriptions(bus, instance):
    calls, allowed = 100, 64
    word = b"has 64 subscriptions already"

    def deed():
        clients, refused, streams = [known(bus) for _ in range(2)], 0, 0
        for client in clients:
            answers, descriptors, _ = converse(client, row_of("Subscribe", EMPTY, "as", calls), answered)
            refused += answers.count(word)
            streams += descriptors
        return clients, {"streams": streams, "refused": refused}

    facts = meanwhile(bus, instance, f"{2 * calls} subscriptions over the bus", deed, 16)
    equal(facts, {"streams": allowed, "refused": 2 * calls - allowed}, f"of which {allowed} are taken")


def main():
    corral.needs_root()
    for program in ("dbus-daemon", "busctl"):
        if shutil.which(program) is None:
            corral.skip(f"needs {program}")
    bus = Bus(policy=SYSTEM, include=SOURCE / "contrib/dbus/org.corral.conf")
    bus.start()
    try:
        with corral.Instance(bus=bus.address) as instance:
            for folder in (instance.folder, instance.runtime):
                folder.chmod(0o755)
            wait_until(lambda: has_name(bus), what="our name on the bus")
            jid = int(instance.facts("run", "-d", "--", "sleep", "1000")["jid"], 16)
            flood(bus, instance)
            strangers(bus, instance)
            waits(bus, instance, jid)
            subscriptions(bus, instance)
            equal(instance.facts("show", f"{jid:x}")["state"], "running", "the job has run through all of it")
            equal(instance.stderr().count(" error"), 0, "and the instance has nothing to complain of")
    finally:
        bus.remove()


if __name__ == "__main__":
    sys.exit(main())
