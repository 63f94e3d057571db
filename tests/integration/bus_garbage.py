# SPDX-License-Identifier: Apache-2.0
"""Whatever comes over the private socket, the instance lives on and serves the
next client: noise, half a handshake, lying lengths, wrong signatures, clients
that do not read, that never finish, that are too many."""

import array
import os
import random
import resource
import socket
import struct
import time

from corral import check, equal, not_checked, wait_until
from fake_instance import AUTH, FakeInstance, RawClient, call_message, text

EMPTY_DICT = struct.pack("<I", 0)


def is_served(instance):
    """A well-behaved client gets its answer."""
    client = RawClient(instance.socket)
    client.send(call_message("FindJob", text("nobody"), "s"))
    answer = client.receive()
    client.close()
    return instance.is_alive() and b"org.corral.Error.NoSuchJob" in answer


def garbage_lengths():
    """Messages whose lengths lie, each on a connection of its own."""
    body = EMPTY_DICT
    yield call_message("CreateJob", body, "a{sv}", body_length=0xFFFFFFFF)
    yield call_message("CreateJob", body, "a{sv}", body_length=128 << 20)
    yield call_message("CreateJob", body, "a{sv}", fields_length=0xFFFFFFFF)
    yield call_message("CreateJob", body, "a{sv}", fields_length=3)
    yield call_message("CreateJob", struct.pack("<I", 64 << 20), "a{sv}")
    yield call_message("CreateJob", struct.pack("<I", 4), "a{sv}")
    yield call_message("CreateJob", body, "a{sv}", serial=0)
    yield call_message("CreateJob", body, "a{sv}", unix_fds=5)
    yield call_message("CreateJob", body, "a{s")
    yield call_message("CreateJob", body, "(" * 200)
    yield call_message("CreateJob", b"", "")
    yield call_message("CreateJob", text("x"), "s")
    yield call_message("Signal", text("x"), "s")
    yield call_message("NoSuchMethod")
    yield call_message("ShowJob", struct.pack("<Q", 1), "t",
                       path="/org/corral/job/j00000000000000zz",
                       interface="org.corral.Job1")
    yield call_message("Show", path="/org/corral/job/jffffffffffffffff",
                       interface="org.corral.Job1")
    yield call_message("Hello", interface="org.freedesktop.DBus", path="/")
    yield call_message("FindJob", text(b"\xff\xfe"), "s")
    yield call_message("FindJob", text("a\0b"), "s")
    yield b"B" + call_message("FindJob", text("x"), "s")[1:]
    yield b"\0" * 4096


def check_handshakes(instance):
    for part in (b"", b"\0", b"\0AUTH", AUTH[:20], AUTH[:-2], b"\0AUTH ANONYMOUS\r\n",
                 b"\0AUTH EXTERNAL 39393939\r\nBEGIN\r\n", b"\0BEGIN\r\n",
                 b"\0" + b"A" * 100000, b"\xff" * 5000, b"\r\n" * 5000):
        client = RawClient(instance.socket, authenticate=False)
        client.send(part)
        client.close()
    check(is_served(instance), "broken handshakes do not matter")
    client = RawClient(instance.socket, authenticate=False)
    client.send(b"\0AUTH EXTERNAL 39393939\r\nBEGIN\r\n")
    client.send(call_message("FindJob", text("nobody"), "s"))
    answer = client.receive()
    check(b"REJECTED" in answer and b"org.corral" not in answer,
          "who claims to be another user is not served")


def check_missing_descriptors(instance):
    """Messages that speak of a descriptor that did not come with them."""
    none = struct.pack("<I", 0)
    for member, body, signature, interface in (
            ("AttachPidFd", struct.pack("<Q", 1) + none + text("move"), "ths", "org.corral.Manager1"),
            ("DetachPidFd", none, "h", "org.corral.Manager1"),
            ("StartJobFile", none, "h", "org.corral.Accounting1")):
        client = RawClient(instance.socket)
        client.send(call_message(member, body, signature, interface=interface))
        answer = client.receive()
        client.close()
        check(b"org.corral.Error.Invalid" in answer and b"did not come with the message" in answer,
              f"{member} without its descriptor is refused as invalid", answer)


def check_lengths(instance):
    count = 0
    for message in garbage_lengths():
        client = RawClient(instance.socket)
        client.send(message)
        client.close()
        check(instance.is_alive(), f"lying message {count}")
        count += 1
    check(is_served(instance), f"{count} lying messages do not matter")


def check_noise(instance, seed):
    noise = random.Random(seed)
    good = [call_message("CreateJob", EMPTY_DICT, "a{sv}"),
            call_message("Signal", struct.pack("<Qi", 1, 9) + text("all"), "tis"),
            call_message("ListJobs",
                         EMPTY_DICT + b"\0" * 4 + struct.pack("<QI", 0, 5),
                         "a{sv}tu")]
    for _ in range(400):
        client = RawClient(instance.socket, authenticate=noise.random() < 0.9)
        for _ in range(noise.randrange(1, 4)):
            message = bytearray(noise.choice(good))
            for _ in range(noise.randrange(6)):
                message[noise.randrange(len(message))] = noise.randrange(256)
            if noise.random() < 0.3:
                message = message[:noise.randrange(len(message))]
            if not client.send(bytes(message)):
                break
        client.close()
    check(is_served(instance), f"400 mutated conversations (seed {seed})")


def check_descriptors(instance):
    """Descriptors that nobody asked for are closed again."""
    def open_count():
        return len(os.listdir(f"/proc/{instance.process.pid}/fd"))

    before = open_count()
    for _ in range(20):
        client = RawClient(instance.socket)
        null = os.open("/dev/null", os.O_RDONLY)
        client.socket.sendmsg(
            [call_message("FindJob", text("nobody"), "s", unix_fds=100)],
            [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
              array.array("i", [null] * 100))])
        client.receive()
        client.close()
        os.close(null)
    wait_until(lambda: open_count() <= before, what="descriptors closed again")
    check(is_served(instance), "2,000 unasked descriptors are closed again")


def memory_kib(instance):
    with open(f"/proc/{instance.process.pid}/status") as status:
        for line in status:
            if line.startswith("VmRSS"):
                return int(line.split()[1])
    return 0


def check_slow_reader(instance):
    client = RawClient(instance.socket)
    argv = (struct.pack("<I", 96) + b"\0" * 4 + text("Argv") + b"\2as\0\0\0\0" +
            struct.pack("<I", 76) + text("a" * 71))
    for _ in range(100):
        client.send(call_message("CreateJob", argv, "a{sv}"))
        check(b"/org/corral/job/j" in client.receive(), "a job") if _ == 0 else \
            client.receive()
    before = memory_kib(instance)
    request = call_message("ListJobs",
                           EMPTY_DICT + b"\0" * 4 + struct.pack("<QI", 0, 100),
                           "a{sv}tu")
    client.socket.settimeout(1)
    sent = 0
    try:
        for _ in range(2000):
            client.socket.sendall(request * 50)
            sent += 50
    except (TimeoutError, BrokenPipeError, ConnectionResetError):
        pass
    check(is_served(instance), "a client that does not read delays nobody")
    grown = memory_kib(instance) - before
    check(grown < 32 << 10, f"and is held back: {sent} requests taken, "
          f"{grown} KiB grown")
    client.close()

    listener = RawClient(instance.socket)
    listener.send(call_message("AddMatch", text("type='signal'"), "s",
                               interface="org.freedesktop.DBus",
                               path="/org/freedesktop/DBus"))
    listener.receive()
    peers = int(instance.ask("peers"))
    for _ in range(200):
        instance.ask("storm 100")
    wait_until(lambda: int(instance.ask("peers")) < peers,
               what="the deaf listener's end")
    check(is_served(instance), "a listener that never reads is disconnected")
    listener.close()


def check_many(instance):
    """More clients than one user may have: another user is bounded, and its
    crowd keeps nobody out."""
    if os.geteuid() != 0:
        return not_checked("needs root")
    os.chmod(instance.directory, 0o755)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        clients = []
        for _ in range(100):
            client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            client.connect(instance.socket)
            clients.append(client)
        os.write(writer, b"x")
        time.sleep(60)
        os._exit(0)
    os.read(reader, 1)
    count = wait_until(lambda: int(instance.ask("peers")) >= 64 and
                       int(instance.ask("peers")), what="the crowd")
    check(count <= 66, f"one user has at most 64 connections ({count})")
    check(is_served(instance), "and others are served beside them")
    os.kill(child, 9)
    os.waitpid(child, 0)
    wait_until(lambda: int(instance.ask("peers")) == 0, what="the crowd's end")


def check_no_descriptors(instance):
    """A listener without a descriptor left refuses, and does not spin."""
    pid = instance.process.pid
    used = len(os.listdir(f"/proc/{pid}/fd"))
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 3, hard))
    clients = [RawClient(instance.socket, authenticate=False) for _ in range(8)]

    def ticks():
        with open(f"/proc/{pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    before = ticks()
    time.sleep(1)
    check(ticks() - before < 20, "no spinning without descriptors")
    for client in clients:
        client.close()
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
    wait_until(lambda: int(instance.ask("peers")) == 0, what="room again")
    check(is_served(instance), "clients are served again when there is room")


with FakeInstance() as instance:
    check(is_served(instance), "a client by hand is served")
    check_handshakes(instance)
    check_missing_descriptors(instance)
    check_lengths(instance)
    for seed in range(5):
        check_noise(instance, seed)
    check_descriptors(instance)
    check_slow_reader(instance)
    check_many(instance)
    check_no_descriptors(instance)
    wait_until(lambda: instance.ask("peers") == "0", what="all clients gone")
    equal(instance.ask("waits"), "0 0", "nothing is left of any client")
