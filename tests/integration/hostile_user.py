# SPDX-License-Identifier: Apache-2.0
"""A malicious user before the real supervisor: floods, messages that never end,
crowds of waits and subscriptions, other people's jobs by every verb. Nothing
crashes, no fact leaks, memory stays bounded, and root is served in time."""

import ctypes
import os
import struct
import subprocess
import sys

import corral
from corral import check, equal, wait_until
from fake_instance import RawClient, call_message, text
from hostile import EMPTY, HOSTILE, become_hostile, converse, send_for, under

SECRET = "a-secret-word-among-the-arguments"


def connect(instance):
    return RawClient(str(instance.socket))


def floods(instance):
    everything = b"".join(
        call_message(member, body, signature) for member, body, signature in (
            ("ListJobs", EMPTY + b"\0" * 4 + struct.pack("<QI", 0, 100), "a{sv}tu"),
            ("ListJobRows", EMPTY + b"\0" * 4 + struct.pack("<QI", 0, 1000), "a{sv}tu"),
            ("GetUsage", struct.pack("<Q", 1 << 60), "t"),
            ("Subscribe", EMPTY, "as"),
            ("CreateJob", EMPTY + b"\0" * 4, "a{sv}")))
    everything += call_message("GetManagedObjects", interface="org.freedesktop.DBus.ObjectManager", path="/org/corral")

    def flood():
        clients = [connect(instance) for _ in range(20)]
        sent = [send_for(client, everything * 20, 0.15) for client in clients]
        clients[0].socket.settimeout(5)
        answers = b""
        while b"NoSuchJob" not in answers:
            answers += clients[0].socket.recv(65536)
        return clients, {"taken": min(taken for taken, _ in sent), "out": sum(out for _, out in sent)}

    facts = under(instance, "requests without end that are not read", flood, 64)
    check(facts["taken"] > 10 * len(everything) and facts["out"] == 0, "each of 20 connections sent a flood, and was answered", facts)


def unfinished_messages(instance):
    """62 messages that say they are 100 MiB long, and 62 of 11 MiB, which are sent as far as they are taken."""

    def begin(length):
        clients, out = [], 0
        for _ in range(62):  # beside those that another test had
            client = connect(instance)
            client.send(call_message("CreateJob", EMPTY, "a{sv}", body_length=length))
            clients.append(client)
        for client in clients:
            out += send_for(client, b"\0" * 65536, 0.3, most=10 << 20)[1]
        return clients, {"out": out}

    facts = under(instance, "messages that never end", lambda: begin(100 << 20), 96)
    equal(facts["out"], 62, "a message that is too long ends its connection")
    facts = under(instance, "messages as long as one may be", lambda: begin(11 << 20), 96)
    equal(facts["out"], 62 - 5, "five of a user may go on, as all of his are 64 MiB at most")


def crowds(instance, jid):
    calls, allowed, connections = 2000, 256, 60

    def wait():
        clients, refused = [connect(instance) for _ in range(connections)], []
        waits = b"".join(call_message("Wait", struct.pack("<Q", jid), "t", serial=serial) for serial in range(1, calls + 1))
        for client in clients:
            answers, _, out = converse(client, waits, lambda said: said.count(b"waits for too many jobs") >= calls - allowed)
            refused.append(-1 if out else answers.count(b"waits for too many jobs"))
        return clients, {"refused": sorted(set(refused))}

    facts = under(instance, f"{connections * calls:,} waits", wait, 64)
    equal(facts["refused"], [calls - allowed], f"{allowed} of a connection's waits are taken, the others refused")

    def subscribe():
        client = connect(instance)
        subscriptions = b"".join(call_message("Subscribe", EMPTY, "as", serial=serial) for serial in range(1, 201))
        word = b"has 64 subscriptions already"
        answers, descriptors, _ = converse(client, subscriptions, lambda said: said.count(word) >= 200 - 64)
        return client, {"streams": descriptors, "refused": answers.count(word)}

    facts = under(instance, "200 subscriptions", subscribe, 16)
    equal(facts, {"streams": 64, "refused": 200 - 64}, "of which 64 are taken")


def array_of(size):
    """Env, an array of so many bytes in strings of a KiB."""
    strings = b"\0\0\0".join([text("A=" + "x" * 1014)] * (size // 1024))
    entry = text("Env") + b"\2as\0" + struct.pack("<I", len(strings)) + strings
    return struct.pack("<I", len(entry)) + b"\0" * 4 + entry


def arrays(instance):
    """Arrays as large as they may be, and larger."""
    sizes = {"64 KiB": 1 << 16, "1 MiB": 1 << 20, "10 MiB": 10 << 20, "60 MiB": 60 << 20}

    def send():
        clients, facts = [], {}
        for name, size in sizes.items():
            client = connect(instance)
            message = call_message("CreateJob", array_of(size), "a{sv}")
            answers, _, out = converse(client, message, lambda said: b"org.corral.Error." in said)
            facts[name] = "thrown out" if out else bytes(answers).partition(b"org.corral.Error.")[2].partition(b"\0")[0].decode()
            clients.append(client)
        return clients, facts

    facts = under(instance, "huge arrays", send, 64)
    equal(facts, {"64 KiB": "Invalid", "1 MiB": "Invalid", "10 MiB": "Invalid", "60 MiB": "thrown out"},
          "each is refused, and one above the bound ends its connection")


def members(instance):
    return [one for one in instance.facts("ps") if (one["name"] or "").startswith("many[")]


def others_jobs(instance, jid, array):
    """By every verb: nothing is done, and nothing is told that is not everybody's."""
    log = instance.facts("show", f"{jid:x}")
    words = [str(corral.COMMAND)]
    environment = dict(instance.environment, CORRAL_TIMEOUT="5s")
    verbs = [["kill", "-s", "TERM"], ["kill", "-g", "0"], ["freeze"], ["thaw"], ["limit", "--limit", "wall=1s"], ["log"], ["detach", "--job"], ["session", "close"]]
    for verb in verbs:
        done = subprocess.run([*words, *verb, f"{jid:x}"], env=environment, user=HOSTILE, group=HOSTILE, extra_groups=[],
                              capture_output=True, text=True, check=False, timeout=60)
        check(done.returncode in (64, 77), f"'corral {' '.join(verb)}' is refused ({done.returncode})", done.stderr)
        check(SECRET not in done.stdout + done.stderr, "and tells nothing")
    instance.run("run", "-d", "--name", "failed", "--", f"/nowhere/{SECRET}")
    failed = wait_until(lambda: [row["jid"] for row in instance.facts("ps", "-a") if row["name"] == "failed"],
                        what="the job that is not launched")[0]
    check(SECRET in instance.run("show", failed).stdout, "root is told which program is not there")
    told = ""
    for verb in (["show"], ["show", "--json"], ["ps"], ["ps", "--json"], ["tree"], ["tree", "--json"], ["top", "--once"],
                 ["top", "--once", "--json"], ["limit"],
                 ["show", failed], ["show", "--json", failed], ["ps", "-a"], ["ps", "-a", "--json"]):
        names = [f"{jid:x}"] if verb in (["show"], ["show", "--json"], ["limit"]) else []
        done = subprocess.run([*words, *verb, *names], env=environment, user=HOSTILE, group=HOSTILE, extra_groups=[],
                              capture_output=True, text=True, check=False, timeout=60)
        told += done.stdout + done.stderr
    check(SECRET not in told, "no view of it holds its arguments")
    check(f"{jid:x}" in told, "though that it is there is everybody's")
    group = instance.facts("show", f"{jid:x}")["main_pid"]
    for member, body, signature in (("Reexec", b"", ""), ("ShutDown", b"", ""),
                                    ("SignalGroup", struct.pack("<QIi", jid, group, 9), "tui"),
                                    ("EndMember", struct.pack("<QI", array, 1) + EMPTY, "tua{sv}"),
                                    ("EndMember", struct.pack("<QI", array, 3) + EMPTY, "tua{sv}"),  # not made yet
                                    ("EndJob", struct.pack("<Q", array) + EMPTY + b"\0" * 4, "ta{sv}")):
        client = Answer(instance, member, body, signature)
        check("AccessDenied" in client.text, f"{member} is refused", client.text)
        check(SECRET not in client.text, "and tells nothing")
    equal(instance.facts("show", f"{array:x}")["state"], "running", "nothing was done to the array")
    equal(len(members(instance)), 2, "nor to its members")
    after = instance.facts("show", f"{jid:x}")
    equal((after["state"], after["limits"], after["freezer_state"]), (log["state"], log["limits"], log["freezer_state"]),
          "and nothing was done to it")


def same_name(instance):
    """Somebody's younger job of the same name is not taken for one's own."""
    mine = instance.facts("run", "-d", "--name", "web", "--", "sleep", "1000")["jid"]
    done = subprocess.run([str(corral.COMMAND), "run", "-d", "--name", "web", "--", "sleep", "1000"], env=instance.environment,
                          user=HOSTILE, group=HOSTILE, extra_groups=[], capture_output=True, text=True, check=False, timeout=60)
    theirs = done.stdout.strip()
    check(done.returncode == 0 and theirs != mine, "another user's job has the same name", done.stderr)
    equal(instance.facts("show", "web")["jid"], mine, "a name means one's own job first")
    equal(instance.run("kill", "-g", "0", "web").returncode, 0, "and is killed by it")
    equal([instance.facts("show", jid)["state"] for jid in (mine, theirs)], ["ended", "running"], "and that one only")
    equal(instance.facts("show", "web")["jid"], mine, "also when it has ended")
    instance.run("kill", "-g", "0", theirs)


class Answer:
    """What the hostile user is answered to one call."""

    def __init__(self, instance, member, body=b"", signature=""):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                become_hostile()
                client = connect(instance)
                client.send(call_message(member, body, signature))
                os.write(writer, client.receive())
            except Exception as error:  # never out of this child
                os.write(writer, repr(error).encode())
            finally:
                os._exit(0)
        os.close(writer)
        with os.fdopen(reader, "rb") as file:
            self.text = file.read().decode(errors="replace")
        os.waitpid(child, 0)


def sandboxes(instance):
    """A detached job would lead out of what confines its caller, also where that cannot be seen."""

    def asks(confine):
        line = [str(corral.COMMAND), "run", "-d", "--", "true"]
        return subprocess.run(line, env=instance.environment, capture_output=True, text=True, check=False, preexec_fn=confine)

    libc = ctypes.CDLL(None, use_errno=True)
    check(asks(None).returncode == 0, "who is not confined has a detached job")
    for what, confine, said in (
        ("no_new_privs", lambda: libc.prctl(38, 1, 0, 0, 0), "is confined by no_new_privs"),
        ("another mount namespace", lambda: libc.unshare(0x20000), "is confined by another mount namespace"),
        ("what stands behind 8,000 groups", lambda: os.setgroups(range(1_000_000, 1_008_000)), "is confined by a process that cannot be read"),
    ):  # fmt: skip
        refused = asks(confine)
        check(refused.returncode != 0 and said in refused.stderr, f"who is confined by {what} has none", refused.stderr)
    with_many = asks(lambda: os.setgroups(range(1_000_000, 1_001_000)))
    check(with_many.returncode == 0, "a thousand groups are no sandbox", with_many.stderr)


def main():
    corral.needs_root()
    with corral.Instance() as instance:
        for folder in (instance.folder, instance.runtime):
            folder.chmod(0o755)
        jid = int(instance.facts("run", "-d", "--", "sh", "-c", f": {SECRET}; exec sleep 1000")["jid"], 16)
        wait_until(lambda: instance.facts("show", f"{jid:x}")["state"] == "running", what="the job")
        array = int(instance.facts("run", "-d", "--name", "many", "--array", "1-3%2", "--", "sleep", "1000")["jid"], 16)
        wait_until(lambda: len(members(instance)) == 2, what="its members")
        others_jobs(instance, jid, array)
        equal(instance.run("kill", "-g", "0", f"{array:x}").returncode, 0, "root ends the array")
        same_name(instance)
        floods(instance)
        unfinished_messages(instance)
        crowds(instance, jid)
        arrays(instance)
        sandboxes(instance)
        equal(instance.facts("show", f"{jid:x}")["state"], "running", "the job has run through all of it")


if __name__ == "__main__":
    sys.exit(main())
