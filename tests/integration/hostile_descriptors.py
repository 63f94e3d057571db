# SPDX-License-Identifier: Apache-2.0
"""Descriptors that hang whoever closes them, handed in by an ordinary user: files of a file system of his own, pipes of
which he holds the lock, sockets with such pipes in their queues; as streams and lifelines of jobs, with calls that take
none, in messages that nobody reads. The supervisor answers others meanwhile, jobs run, its death is seen by who is
connected; who goes too far is not served."""

import contextlib
import os
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

import corral
from corral import check, equal, wait_until
from fake_instance import RawClient, call_message, text
from hanging_files import HangingFiles, can_serve, prepare
from hostile import HOSTILE, Hostile, become_hostile, slowest_call


def job_with(key, argv=("true",)):
    """CreateJob's body, with the message's first descriptor as `key`."""
    body = b""

    def entry(name, signature, value, alignment):
        nonlocal body
        body += b"\0" * (-len(body) % 8) + text(name) + bytes([len(signature)]) + signature.encode() + b"\0"
        body += b"\0" * (-len(body) % alignment) + value

    words = b""
    for word in argv:
        words += b"\0" * (-len(words) % 4) + text(word)
    entry("Argv", "as", struct.pack("<I", len(words)) + words, 4)
    entry("Kind", "s", text("detached"), 4)
    entry(key, "h", struct.pack("<I", 0), 4)
    return struct.pack("<I", len(body)) + b"\0" * 4 + body


def send(client, message, descriptor, is_file):
    socket.send_fds(client.socket, [message], [descriptor])
    if not is_file:  # whose close would hang us
        # Where it is closed at once ours may be the last all the same.
        threading.Thread(target=os.close, args=[descriptor], daemon=True).start()


def stream(client, descriptor, is_file):
    send(client, call_message("CreateJob", job_with("StandardOutput"), "a{sv}", unix_fds=1), descriptor, is_file)
    return client.receive()


def lifetime(client, descriptor, is_file):
    send(client, call_message("CreateJob", job_with("Lifetime"), "a{sv}", unix_fds=1), descriptor, is_file)
    return client.receive()


def superfluous(client, descriptor, is_file):
    send(client, call_message("FindJob", text("nobody"), "s", unix_fds=1), descriptor, is_file)
    return client.receive()


def not_announced(client, descriptor, is_file):
    send(client, call_message("FindJob", text("nobody"), "s"), descriptor, is_file)
    return client.receive()


def not_read(client, descriptor, is_file):
    """It is in the queue when the connection is ended for what was said before."""
    client.socket.sendall(b"garbage " * 100)
    with contextlib.suppress(OSError):
        send(client, b"more", descriptor, is_file)
    return client.receive()


DEEDS = [(how, make) for how in (stream, lifetime, superfluous, not_announced, not_read) for make in ("file", "pipe", "socket")]


def deed_of(path, folder, how, make, times=1):
    def deed():
        os.setsid()
        files = HangingFiles(folder)
        clients, said = [], []
        for _ in range(times):
            try:
                clients.append(RawClient(path))
                said.append(how(clients[-1], getattr(files, make)(), make == "file").decode("latin-1"))
            except OSError:
                said.append("thrown out")
        return (files, clients), said
    return deed


def end(one):
    """It and all that it started: who hangs is let go."""
    os.killpg(one.child, signal.SIGKILL)
    one.end()


def closers(instance):
    """The processes that the supervisor started to close things, and what they started."""
    with open(f"/proc/{instance.supervisor}/cmdline", "rb") as file:
        name = file.read()
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
            if file.read() == name and int(pid) != instance.supervisor:
                wait_until(lambda pid=int(pid): corral.name_of(pid) != "corrald",
                           what="who closes to have a name of its own, and not to be taken for a supervisor")
                found.append(int(pid))
    return found


def each(instance, folder):
    for how, make in DEEDS:
        what = f"{make}, {how.__name__.replace('_', ' ')}"
        supervisor = instance.supervisor
        one = Hostile(deed_of(str(instance.socket), folder, how, make))
        try:
            said = one.facts()[0]
            slowest = slowest_call(instance, calls=60)
            check(slowest < 100, f"{what}: root's slowest of 60 calls took {slowest:.1f} ms")
            equal(instance.supervisor, supervisor, f"{what}: the supervisor lives")
            if how is stream:
                check(("file system in user space" in said) == (make == "file"), f"{what}: files that nobody vouches for are refused", said)
            equal(instance.run("run", "--", "true").returncode, 0,
                  f"{what}: jobs run meanwhile")
        finally:
            end(one)
        wait_until(lambda: not closers(instance), what=f"no closer of a {what} to be left")


def death_beside(instance, folder):
    """A supervisor that dies in the moments after it closed something for a user who then handed in what hangs."""
    def deed():
        os.setsid()
        files, clients = HangingFiles(folder), [RawClient(str(instance.socket)) for _ in range(2)]
        superfluous(clients[0], os.pipe()[1], False)
        time.sleep(0.006)
        superfluous(clients[1], files.file(), True)
        return (files, clients), []

    for _ in range(3):
        one = Hostile(deed)
        try:
            one.facts()
            was = instance.supervisor
            os.kill(was, signal.SIGKILL)
            wait_until(lambda was=was: instance.supervisor not in (None, was), what="another supervisor, though it held what hangs")
            wait_until(lambda: is_served(instance), what="it to answer")
        finally:
            end(one)


def is_served(instance):
    client = RawClient(str(instance.socket))
    client.send(call_message("FindJob", text("nobody"), "s"))
    said = b"NoSuchJob" in client.receive()
    client.close()
    return said


def serves_hostile(instance):
    child = os.fork()
    if child == 0:
        status = 1
        with contextlib.suppress(OSError):
            become_hostile()
            status = 0 if is_served(instance) else 1
        os._exit(status)
    return os.waitpid(child, 0)[1] == 0


def deaths(instance, folder):
    """Only the closer is left behind when the supervisor dies: who is connected hears of it."""
    one = Hostile(deed_of(str(instance.socket), folder, superfluous, "file"))
    try:
        one.facts()
        time.sleep(0.3)
        check(closers(instance), "a closer hangs")
        client = RawClient(str(instance.socket))
        was = instance.supervisor
        os.kill(was, signal.SIGKILL)
        begin = time.monotonic()
        equal(client.receive(), b"", "a client hears of a supervisor's death")
        check(time.monotonic() - begin < 1, "at once", time.monotonic() - begin)
        wait_until(lambda: instance.supervisor not in (None, was), what="another supervisor")
        wait_until(lambda: is_served(instance), what="it to answer")
    finally:
        end(one)


def too_many(instance, folder):
    """Sixteen closers of a user, and no more."""
    one = Hostile(deed_of(str(instance.socket), folder, superfluous, "file", times=30))
    try:
        said = one.facts()
        wait_until(lambda: len(closers(instance)) == 2 * 16, what="sixteen closers with their guards")
        check("NoSuchJob" in said[0], "which he asked for in passing", said[0])
        wait_until(lambda: not serves_hostile(instance), what="who hangs more not to be served")
        time.sleep(0.3)
        equal(len(closers(instance)), 2 * 16, "no more of them")
        slowest = slowest_call(instance, calls=60)
        check(slowest < 100, f"root's slowest of 60 calls took {slowest:.1f} ms")
    finally:
        end(one)
    wait_until(lambda: not closers(instance), what="no closer to be left")
    check(serves_hostile(instance), f"user {HOSTILE} is served again when they have come back")


def harmless(instance):
    """What an ordinary user hands in and means well is closed soon, and costs no more than a moment."""
    def pipes():
        folder = f"/proc/{instance.supervisor}/fd"
        found = []
        for name in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                found += [name] if os.readlink(f"{folder}/{name}").startswith("pipe:") else []
        return found

    wait_until(lambda: not pipes(), what="the supervisor to have no pipe")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        become_hostile()
        client = RawClient(str(instance.socket))
        send(client, call_message("CreateJob", job_with("StandardOutput", ["echo", "hello"]), "a{sv}", unix_fds=1), writing, False)
        client.receive()
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    begin = time.monotonic()
    with os.fdopen(reading, "rb") as file:
        equal(file.read(), b"hello\n", "a pipe is a job's output, and ends with it")
    check(time.monotonic() - begin < 2, "soon", time.monotonic() - begin)
    wait_until(lambda: not pipes(), what="no pipe to be left with the supervisor")
    wait_until(lambda: not closers(instance), what="nor a closer")


def malformed(instance):
    """sd-bus forgets what came with a message that is none; we do not, and its sender is turned away."""
    with_fds = lambda count: call_message("ListJobs", b"\0" * 8 + struct.pack("<QI", 0, 1), "a{sv}tu", unix_fds=count)
    good = with_fds(5)
    kinds = {
        "as many as announced": good,
        "an unknown method": call_message("Nosuch", unix_fds=5),
        "half a message": good[:40],
        "none announced": with_fds(None),
        "fewer announced": with_fds(2),
        "more announced": with_fds(9),
        "a reply to nothing": good[:1] + b"\2" + good[2:],
        "protocol 9": good[:3] + b"\x09" + good[4:],
        "a name that is none": call_message("List Jobs", unix_fds=5),
        "a path that is none": call_message("ListJobs", path="x", unix_fds=5),
        "none announced, and then a good one": with_fds(None) + with_fds(0),
        "none announced, and behind it what has no end": with_fds(None) + b"l" * 8,
    }
    count = lambda: len(os.listdir(f"/proc/{instance.supervisor}/fd"))
    for name, message in kinds.items():
        before = count()
        child = os.fork()
        if child == 0:
            become_hostile()
            for _ in range(10):
                client = RawClient(str(instance.socket))
                reading, writing = os.pipe()
                socket.send_fds(client.socket, [message], [writing] * 5)
                os.close(writing)
                os.close(reading)
                client.socket.settimeout(0.05 if name == "half a message" else 5)
                try:
                    client.receive()
                except OSError:
                    pass
                client.close()
            os._exit(0)
        os.waitpid(child, 0)
        wait_until(lambda: count() <= before, what=f"{before} descriptors, not {count()}")
        check(True, f"{name}: every descriptor that came is closed")
    client = RawClient(str(instance.socket))
    socket.send_fds(client.socket, [with_fds(None)], [0] * 5)
    equal(client.receive(), b"", "whoever sends such a message is turned away")
    client.close()


def price(instance):
    """Streams that cannot hang cost no process; of others many are closed by one pair."""
    with tempfile.NamedTemporaryFile() as log:
        words = ["strace", "-e", "trace=clone", "-o", log.name, "-p", str(instance.supervisor)]
        tracer = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
        if "attached" not in tracer.stderr.readline():
            return corral.not_checked("strace cannot trace here")
        client = RawClient(str(instance.socket))

        def jobs(count, key, open_one):
            for serial in range(1, count + 1):
                descriptor = open_one()
                send(client, call_message("CreateJob", job_with(key), "a{sv}", serial=serial, unix_fds=1), descriptor, True)
                os.close(descriptor)
                while b"/org/corral/job" not in client.receive():
                    pass
            return processes()

        def processes():
            time.sleep(0.3)
            with open(log.name) as file:
                return file.read().count("clone(")

        equal(jobs(60, "StandardOutput", lambda: os.open("/dev/null", os.O_WRONLY)), 0, "60 jobs with /dev/null cost no process")
        with open("/dev/null", "wb") as null:
            send(client, call_message("FindJob", text("nobody"), "s", serial=61, unix_fds=1), null.fileno(), True)
        client.receive()
        equal(processes(), 0, "nor does /dev/null with a call that takes none")
        begin = time.monotonic()
        pairs = jobs(60, "StandardOutput", lambda: os.pipe()[1])
        most = 2 + (time.monotonic() - begin) / 0.05
        check(0 < pairs <= most, f"60 jobs with pipes cost {pairs} closers, at most {most:.1f} are wanted")
        client.close()
        tracer.terminate()
        tracer.wait()
    return None


def main():
    corral.needs_root()
    if not can_serve():
        corral.skip("needs /dev/fuse")
    with corral.Instance() as instance:
        folder = instance.folder / "own"
        folder.mkdir()
        for one in (instance.folder, instance.runtime, folder):
            one.chmod(0o755)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                prepare(folder)
                for part in (each, deaths, death_beside, too_many):
                    print(f"-- {part.__name__}", flush=True)
                    part(instance, folder)
                status = 0
            except SystemExit as stop:
                status = stop.code or 0
            finally:
                os._exit(status)
        equal(os.waitpid(child, 0)[1], 0, "none of them hung the supervisor")
        malformed(instance)
        harmless(instance)
        price(instance)


main()
