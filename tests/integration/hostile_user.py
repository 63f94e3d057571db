# SPDX-License-Identifier: Apache-2.0
"""A malicious user before the real supervisor: floods, messages that never end,
crowds of waits and subscriptions, other people's jobs by every verb. Nothing
crashes, no fact leaks, memory stays bounded, and root is served in time."""

import contextlib
import ctypes
import os
import resource
import struct
import subprocess
import sys
import time

import corral
from corral import check, equal, wait_until
from fake_instance import RawClient, call_message, text

HOSTILE = 65534
SECRET = "a-secret-word-among-the-arguments"
EMPTY = struct.pack("<I", 0)


def private_kib(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith("Private_"))


class Hostile:
    """A child process of another user that does something and then waits."""

    def __init__(self, deed):
        reader, writer = os.pipe()
        self.child = os.fork()
        if self.child == 0:
            code = 1
            try:
                os.close(reader)
                resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))
                os.setgroups([])
                os.setresgid(HOSTILE, HOSTILE, HOSTILE)
                os.setresuid(HOSTILE, HOSTILE, HOSTILE)
                keep = deed()  # noqa: F841: what it holds open
                os.write(writer, b"x")
                time.sleep(120)
                code = 0
            except Exception as error:  # never out of this child
                print(repr(error), flush=True)
            finally:
                os._exit(code)
        os.close(writer)
        self.reader = reader

    def done(self):
        """Its deed is done, or it was thrown out."""
        os.read(self.reader, 1)
        os.close(self.reader)

    def end(self):
        with contextlib.suppress(OSError):
            os.kill(self.child, 9)
        os.waitpid(self.child, 0)


def slowest_call(instance, calls=40):
    """The longest that root waits for an answer, in ms."""
    client = RawClient(str(instance.socket))
    longest = 0.0
    for serial in range(1, calls + 1):
        begin = time.perf_counter()
        client.send(call_message("FindJob", text("nobody"), "s", serial=serial))
        while b"NoSuchJob" not in client.receive():
            pass
        longest = max(longest, (time.perf_counter() - begin) * 1e3)
        time.sleep(0.005)
    client.close()
    return longest


def under(instance, what, deed, most_mib):
    """Does it, looks at memory and at how root is served, and ends it."""
    before = private_kib(instance.supervisor)
    supervisor = instance.supervisor
    hostile = Hostile(deed)
    slowest = slowest_call(instance)
    hostile.done()
    grown = (private_kib(instance.supervisor) - before) / 1024
    check(instance.supervisor == supervisor, f"{what}: the supervisor lives")
    check(grown < most_mib, f"{what}: {grown:.1f} MiB more, wanted less than {most_mib}")
    check(slowest < 1000, f"{what}: root's slowest of 40 calls took {slowest:.1f} ms")
    hostile.end()
    equal(instance.run("run", "--", "true").returncode, 0, f"{what}: and afterwards jobs run")


def connect(instance):
    return RawClient(str(instance.socket))


def send_for(client, data, seconds):
    """Sends again and again, without reading."""
    client.socket.settimeout(0.2)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            client.socket.sendall(data)
        except TimeoutError:
            continue
        except OSError:
            return


def floods(instance):
    everything = b"".join(
        call_message(member, body, signature) for member, body, signature in (
            ("ListJobs", EMPTY + b"\0" * 4 + struct.pack("<QI", 0, 100), "a{sv}tu"),
            ("ListJobRows", EMPTY + b"\0" * 4 + struct.pack("<QI", 0, 1000), "a{sv}tu"),
            ("GetUsage", struct.pack("<Q", 1), "t"),
            ("Subscribe", EMPTY, "as"),
            ("CreateJob", EMPTY, "a{sv}")))
    everything += call_message("GetManagedObjects", interface="org.freedesktop.DBus.ObjectManager", path="/org/corral")

    def flood():
        clients = [connect(instance) for _ in range(20)]
        for client in clients:
            send_for(client, everything * 20, 0.15)
        return clients

    under(instance, "requests without end that are not read", flood, 64)


def unfinished_messages(instance):
    """62 messages that say they are 100 MiB long, and are sent as far as they are taken."""

    def begin():
        clients = []
        for _ in range(62):  # beside those that another test had
            client = connect(instance)
            client.send(call_message("CreateJob", EMPTY, "a{sv}", body_length=100 << 20))
            clients.append(client)
        for client in clients:
            send_for(client, b"\0" * 65536, 0.3)
        return clients

    under(instance, "messages that never end", begin, 96)


def crowds(instance, jid):
    def wait():
        clients = [connect(instance) for _ in range(60)]
        for client in clients:
            client.socket.settimeout(0.2)
            with contextlib.suppress(OSError):
                client.socket.sendall(b"".join(call_message("Wait", struct.pack("<Q", jid), "t", serial=serial)
                                               for serial in range(1, 2001)))
        return clients

    under(instance, "120,000 waits", wait, 64)

    def subscribe():
        client = connect(instance)
        client.socket.settimeout(2)
        for serial in range(1, 200):
            client.send(call_message("Subscribe", EMPTY, "as", serial=serial))
        received = []
        with contextlib.suppress(OSError):
            while b"has 64 subscriptions already" not in (message := client.socket.recvmsg(65536, 65536))[0]:
                received.append(message)
        return client, received

    under(instance, "200 subscriptions", subscribe, 16)


def arrays(instance):
    """Dictionaries and arrays as large as they may be, and larger."""

    def send():
        clients = []
        for size in (1 << 16, 1 << 20, 10 << 20, 60 << 20):
            strings = b"".join([text("A=" + "x" * 1014) + b"\0" * 3] * (size // 1024))
            body = (struct.pack("<I", len(strings) + 20) + b"\0" * 4 + text("Env") + b"\2as\0\0" + b"\0" * 1 +
                    struct.pack("<I", len(strings)) + strings)
            client = connect(instance)
            client.socket.settimeout(2)
            client.send(call_message("CreateJob", body, "a{sv}"))
            clients.append(client)
        return clients

    under(instance, "huge arrays", send, 64)


def others_jobs(instance, jid):
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
    told = ""
    for verb in (["show"], ["show", "--json"], ["ps"], ["ps", "--json"], ["tree"], ["tree", "--json"], ["top", "--once"],
                 ["top", "--once", "--json"], ["limit"]):
        names = [f"{jid:x}"] if verb[0] in ("show", "limit") else []
        done = subprocess.run([*words, *verb, *names], env=environment, user=HOSTILE, group=HOSTILE, extra_groups=[],
                              capture_output=True, text=True, check=False, timeout=60)
        told += done.stdout + done.stderr
    check(SECRET not in told, "no view of it holds its arguments")
    check(f"{jid:x}" in told, "though that it is there is everybody's")
    for member in ("Reexec", "ShutDown"):
        client = Answer(instance, member)
        check("AccessDenied" in client.text, f"{member} is refused", client.text)
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
                os.setresgid(HOSTILE, HOSTILE, HOSTILE)
                os.setresuid(HOSTILE, HOSTILE, HOSTILE)
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
        others_jobs(instance, jid)
        same_name(instance)
        floods(instance)
        unfinished_messages(instance)
        crowds(instance, jid)
        arrays(instance)
        sandboxes(instance)
        equal(instance.facts("show", f"{jid:x}")["state"], "running", "the job has run through all of it")


if __name__ == "__main__":
    sys.exit(main())
