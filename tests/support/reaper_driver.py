# SPDX-License-Identifier: Apache-2.0
"""Drives the reaper daemon in place of corrald.

The reaper starts a stand-in (this file as a program) that hands its two links to the test through a socket and then
sleeps. The test speaks the packets of reaper/protocol.h itself, and kills the stand-in when a supervisor is to die.
"""
import array
import ctypes
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

import corral

HEAD = struct.Struct('=IHHII')
LAUNCHED = struct.Struct('=QQiiII')
WELCOME = struct.Struct('=iIQQQII')
LAUNCH_HEADER = struct.Struct('=12I')
EXIT = struct.Struct('=19QIiiiIIIi16sII')
MAGIC, VERSION = 0x314C5243, 1
HELLO, LAUNCH, LAUNCH_ACK, RECORD_ACK, REEXEC, SHUT_DOWN, BARRIER = 1, 2, 3, 4, 5, 6, 8
WELCOME_TYPE, LAUNCHED_TYPE, EXIT_TYPE, STORE_LINK, SIGNALLED, REEXEC_REFUSED = 32, 33, 34, 35, 36, 37
BARRIER_PASSED = 38
PUT, DROP, LIST, PROMOTE, FETCH, CHANGE = 64, 65, 66, 67, 68, 69
ENTRY, LIST_END, NO_ENTRY, PUT_REFUSED = 80, 81, 82, 83
IN_CGROUP, NEW_SESSION, SET_USER, NO_NEW_PRIVILEGES, SET_UMASK = 1, 2, 4, 8, 16
INLINE = 32 * 1024
STAGES = ('none decode clone session terminal descriptors limits schedule directory groups user privileges signals '
          'exec').split()
EXIT_FIELDS = ('sequence jid order start_boot_us end_boot_us end_real_us utime_us stime_us maxrss_kib minflt majflt '
               'nvcsw nivcsw rchar wchar syscr syscw read_bytes write_bytes present wait_status pid ppid uid gid '
               'kernel_flags nice comm reserved checksum').split()

libc = ctypes.CDLL(None, use_errno=True)


def stand_in(path, argv):
    """The supervisor that the reaper starts: gives its links away and sleeps."""
    numbers = [3, 4] + ([5] if '--ready-fd=5' in argv else [])
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
        try:
            door.connect(path)
        except OSError:
            os._exit(0)  # the test is over; at its end a test ends who holds its output, which is not for us to do
        socket.send_fds(door, ['\n'.join(argv).encode() + b'\n%d' % os.getpid()], numbers)
    for number in numbers:
        os.close(number)
    while True:
        signal.pause()


class Packet:
    def __init__(self, kind, body, fds):
        self.kind, self.body, self.fds = kind, body, fds

    def close(self):
        for fd in self.fds:
            os.close(fd)


class PacketLink:
    """One end of a packet socket."""

    def __init__(self, fd):
        self.socket = socket.socket(fileno=fd)
        self.socket.setblocking(False)

    def send(self, kind, body=b'', fds=(), raw=None):
        data = raw if raw is not None else HEAD.pack(MAGIC, VERSION, kind, len(body), 0) + body
        while True:
            try:
                socket.send_fds(self.socket, [data], list(fds))
                return
            except BlockingIOError:
                select.select([], [self.socket], [], 10)

    def receive(self, timeout=10.0):
        """The next packet; None when there is none in time. Raises EOFError when the peer closed."""
        if not select.select([self.socket], [], [], timeout)[0]:
            return None
        data, fds, flags, _ = socket.recv_fds(self.socket, 65536, 16)
        if not data:
            raise EOFError
        assert not flags & socket.MSG_CTRUNC
        magic, version, kind, size, _ = HEAD.unpack_from(data)
        assert (magic, version, size) == (MAGIC, VERSION, len(data) - HEAD.size)
        return Packet(kind, data[HEAD.size:], fds)

    def expect(self, kind, timeout=10.0):
        """The next packet, which must be of this kind."""
        packet = self.receive(timeout)
        assert packet is not None, 'no packet in %s s, expected kind %d' % (timeout, kind)
        assert packet.kind == kind, 'packet of kind %d, expected %d' % (packet.kind, kind)
        return packet

    def close(self):
        self.socket.close()


class Exit:
    """An exit record."""

    def __init__(self, body):
        self.__dict__.update(zip(EXIT_FIELDS, EXIT.unpack(body)))
        self.comm = self.comm.rstrip(b'\0').decode()


class Answer:
    """The answer to a launch order."""

    def __init__(self, packet):
        self.epoch, self.order, self.pid, self.code, stage, _ = LAUNCHED.unpack(packet.body)
        self.stage = STAGES[stage]
        self.pidfd = packet.fds[0] if packet.fds else -1

    def close(self):
        if self.pidfd >= 0:
            os.close(self.pidfd)
        self.pidfd = -1


def launch_block(argv, env=(), cwd='/', search=None, flags=0, uid=0, gid=0, groups=(), limits=(), targets=(),
                 umask=0o22):
    """A launch block as reaper/launch_block.h describes it."""
    texts = b''
    start = LAUNCH_HEADER.size + 8 * (len(argv) + 1 + len(env) + 1) + 24 * len(limits) + 4 * len(groups) + 4 * len(targets)

    def text(value):
        nonlocal texts
        at = start + len(texts)
        texts += os.fsencode(value) + b'\0'
        return at
    argv_at = [text(word) for word in argv] + [0]
    envp_at = [text(word) for word in env] + [0]
    cwd_at, search_at = text(cwd), text(search) if search is not None else 0
    body = struct.pack('=%dQ' % (len(argv_at) + len(envp_at)), *argv_at, *envp_at)
    for resource, soft, hard in limits:
        body += struct.pack('=iIQQ', resource, 0, soft, hard)
    body += struct.pack('=%dI%di' % (len(groups), len(targets)), *groups, *targets)
    size = start + len(texts)
    return LAUNCH_HEADER.pack(size, flags, len(argv), len(env), len(groups), len(limits), len(targets), uid, gid, umask,
                              cwd_at, search_at) + body + texts


def sealed_memfd(data, seals=0x0F):
    fd = os.memfd_create('block', os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view):]
    import fcntl
    if seals:
        fcntl.fcntl(fd, 1033, seals)  # F_ADD_SEALS
    return fd


class Reaper:
    """A reaper daemon under test, and the supervisor's ends of its links."""

    def __init__(self, program=None, options=(), program_of_supervisor=None, preexec=None, wrapper=(), open_door=False):
        build = os.environ.get('CORRAL_BUILD', '.')
        self.program = program or os.path.join(build, 'reaper', 'corral-init')
        self.directory = tempfile.mkdtemp(prefix='A-reaper-')
        self.path = os.path.join(self.directory, 'door')
        self.door = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.door.bind(self.path)
        self.door.listen(8)
        if open_door:  # for a reaper under another uid
            os.chmod(self.directory, 0o755)
            os.chmod(self.path, 0o777)
        self.null = os.open('/dev/null', os.O_RDWR)
        self.epoch, self.next_order = 7, 1
        self.link = self.store = None
        self.stand_in_pid = None
        command = [*(program_of_supervisor or [sys.executable, os.path.abspath(__file__)]), self.path]
        self.process = subprocess.Popen([*wrapper, self.program, '--supervise', *options, '--', *command],
                                        close_fds=False, preexec_fn=preexec)
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            for pid in children_of(self.pid):  # not to be left behind by a test that failed
                os.kill(pid, signal.SIGKILL)
            self.process.kill()
        self.process.wait()
        if self.stand_in_pid:
            try:
                os.kill(self.stand_in_pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        for link in (self.link, self.store):
            if link:
                link.close()
        self.door.close()
        os.close(self.null)
        os.unlink(self.path)
        os.rmdir(self.directory)

    def accept(self, hello=True, timeout=15.0):
        """Waits for the next supervisor and takes its links over. Returns the Welcome's fields."""
        self.door.settimeout(timeout)
        connection, _ = self.door.accept()
        with connection:
            data, fds, _, _ = socket.recv_fds(connection, 65536, 4)
        for link in (self.link, self.store):
            if link:
                link.close()
        self.words = data.decode().split('\n')
        self.stand_in_pid = int(self.words.pop())
        self.link, self.store = PacketLink(fds[0]), PacketLink(fds[1])
        self.ready = fds[2] if len(fds) > 2 else -1
        return self.hello() if hello else None

    def hello(self, epoch=None):
        self.epoch = epoch if epoch is not None else self.epoch
        self.link.send(HELLO, struct.pack('=Q', self.epoch))
        return self.take_welcome()

    def take_welcome(self):
        fields = 'pid starts generation first next is_pid1 level'.split()
        welcome = self.link.expect(WELCOME_TYPE)
        welcome.close()  # the exit ring
        return dict(zip(fields, WELCOME.unpack(welcome.body)))

    def kill_supervisor(self):
        os.kill(self.stand_in_pid, signal.SIGKILL)

    def order(self, argv, fds=None, jid=0x42, timeout_us=5000000, cgroup=None, order=None, memfd=False, **block):
        """Sends a launch order; returns its number."""
        if order is None:
            order, self.next_order = self.next_order, self.next_order + 1
        fds = {0: self.null, 1: self.null, 2: 2} if fds is None else fds
        if cgroup is not None:
            block['flags'] = block.get('flags', 0) | IN_CGROUP
        data = launch_block(argv, targets=list(fds), **block)
        passed = ([cgroup] if cgroup is not None else []) + list(fds.values())
        launch = struct.pack('=QQQQII', self.epoch, order, jid, timeout_us, len(data), 0)
        if len(data) > INLINE or memfd:
            block_fd = sealed_memfd(data)
            self.link.send(LAUNCH, launch, [block_fd] + passed)
            os.close(block_fd)
        else:
            self.link.send(LAUNCH, launch + data, passed)
        return order

    def answer(self, timeout=10.0):
        return Answer(self.link.expect(LAUNCHED_TYPE, timeout))

    def acknowledge(self, order):
        self.link.send(LAUNCH_ACK, struct.pack('=QQ', self.epoch, order))

    def launch(self, argv, **options):
        """Orders, takes the answer, acknowledges it."""
        order = self.order(argv, **options)
        answer = self.answer()
        assert answer.order == order
        self.acknowledge(order)
        return answer

    def exit(self, timeout=10.0, acknowledge=True):
        """The next exit record."""
        record = Exit(self.link.expect(EXIT_TYPE, timeout).body)
        if acknowledge:
            self.acknowledge_record(record.sequence)
        return record

    def acknowledge_record(self, sequence):
        self.link.send(RECORD_ACK, struct.pack('=Q', sequence))

    def pass_barrier(self):
        """Returns when the reaper has read everything sent before."""
        self.link.send(BARRIER, struct.pack('=Q', 1))
        self.link.expect(BARRIER_PASSED)

    def shut_down(self, code=0):
        self.link.send(SHUT_DOWN, struct.pack('=ii', code, 0))
        self.kill_supervisor()
        return self.process.wait(10)

    # The store.
    def put(self, name, fd):
        self.store.send(PUT, name.encode().ljust(48, b'\0'), [fd])

    def drop(self, name):
        self.store.send(DROP, name.encode().ljust(48, b'\0'))

    def change(self, changes, fds):
        """Changes in one packet: (name, whether it puts), the descriptors of those that put."""
        words = b''.join(struct.pack('=II48s', puts, 0, name.encode()) for name, puts in changes)
        self.store.send(CHANGE, words, fds)

    def list(self):
        """What the store keeps: name -> descriptor, to be closed by the caller."""
        self.store.send(LIST)
        entries = {}
        while True:
            packet = self.store.receive()
            assert packet is not None, 'the store does not answer'
            if packet.kind == LIST_END:
                count, self.store_level = struct.unpack('=II', packet.body)
                assert count == len(entries)
                return entries
            assert packet.kind == ENTRY
            entries[packet.body.rstrip(b'\0').decode()] = packet.fds[0]


def check(what, claim, *facts):
    corral.check(claim, what, *facts)


def wait_until(condition, timeout=10.0):
    """For facts that no descriptor announces to a test."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, 'not in %s s' % timeout
        time.sleep(0.01)


def children_of(pid):
    with open('/proc/%d/task/%d/children' % (pid, pid), encoding='ascii') as file:
        return [int(word) for word in file.read().split()]


if __name__ == '__main__':
    try:
        stand_in(sys.argv[1], sys.argv)
    except OSError:  # the test has ended, and nobody is at the door
        os._exit(1)  # what a test does at its end would end the test itself
