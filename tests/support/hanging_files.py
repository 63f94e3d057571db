# SPDX-License-Identifier: Apache-2.0
"""Files that never finish: a file system of an ordinary user's own (FUSE, fuse(4)) in a user and a mount namespace of its
own, whose files hang whoever closes them or reads their memory, and pipes whose lock such memory holds. All of them let go
when its process ends."""

import contextlib
import ctypes
import mmap
import os
import socket
import stat
import struct
import time

LIBC = ctypes.CDLL(None, use_errno=True)
NEW_MOUNTS, NEW_USER = 0x20000, 0x10000000
PRIVATE_AND_BELOW = 0x44000  # MS_REC | MS_PRIVATE
LOOKUP, FORGET, GETATTR, SETATTR, OPEN, READ, WRITE, RELEASE, FLUSH, INIT, OPENDIR, INTERRUPT = 1, 2, 3, 4, 14, 15, 16, 18, 25, 26, 27, 36
FILE = 2  # the node that every name is


def call(name, *arguments):
    if getattr(LIBC, name)(*arguments) < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


def can_serve():
    """Whether a test may make such a file system here: /dev/fuse is there, and root makes a copy that others may open."""
    return os.geteuid() == 0 and os.path.exists("/dev/fuse") and os.path.exists("/proc/self/ns/user")


def prepare(folder):
    """As root, in a child process: puts a /dev/fuse that everybody may open into `folder`, for this process alone."""
    call("unshare", NEW_MOUNTS)
    call("mount", None, b"/", None, PRIVATE_AND_BELOW, None)
    call("mount", b"none", os.fsencode(folder), b"tmpfs", 0, b"mode=777")
    os.mknod(f"{folder}/fuse", 0o666 | stat.S_IFCHR, os.makedev(10, 229))
    os.chmod(f"{folder}/fuse", 0o666)


def attributes(node):
    mode, size = (stat.S_IFDIR | 0o755, 0) if node == 1 else (stat.S_IFREG | 0o666, 1 << 20)
    return struct.pack("<6Q10I", node, size, 1, 0, 0, 0, 0, 0, 0, mode, 1, os.geteuid(), os.getegid(), 0, 4096, 0)


def serve(device):
    """Answers everything but what is to hang."""
    while True:
        try:
            request = os.read(device, 1 << 17)
        except OSError:
            os._exit(0)
        _, code, unique, node = struct.unpack_from("<IIQQ", request)
        if code in (FORGET, FLUSH, READ, INTERRUPT):
            continue
        error, body = 0, b""
        if code == INIT:
            body = struct.pack("<IIIIHHIIHHII", 7, 31, 1 << 17, 0, 16, 12, 1 << 16, 1, 0, 0, 0, 0).ljust(64, b"\0")
        elif code == LOOKUP:
            body = struct.pack("<QQQQII", FILE, 0, 3600, 3600, 0, 0) + attributes(FILE)
        elif code in (GETATTR, SETATTR):
            body = struct.pack("<QII", 3600, 0, 0) + attributes(node)
        elif code in (OPEN, OPENDIR):
            body = struct.pack("<QII", 1, 0, 0)
        elif code == WRITE:
            body = struct.pack("<II", struct.unpack_from("<QQI", request, 40)[2], 0)
        elif code != RELEASE:
            error = -38  # ENOSYS
        os.write(device, struct.pack("<IiQ", 16 + len(body), error, unique) + body)


class HangingFiles:
    """Made by an ordinary user, after prepare(). The child that serves it is its own."""

    def __init__(self, folder):
        user, group = os.geteuid(), os.getegid()
        call("unshare", NEW_USER | NEW_MOUNTS)
        call("prctl", 4, 1, 0, 0, 0)  # PR_SET_DUMPABLE: /proc/self is ours again
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{name}", "wb") as file:
                file.write(text.encode())
        self.place = f"{folder}/files"
        os.makedirs(self.place, exist_ok=True)
        device = os.open(f"{folder}/fuse", os.O_RDWR)
        call("mount", b"hanging", os.fsencode(self.place), b"fuse.hanging", 6,
             f"fd={device},rootmode=40000,user_id={user},group_id={group},allow_other".encode())
        self.server = os.fork()
        if self.server == 0:
            serve(device)
        os.close(device)
        self.written = mmap.mmap(self.file(os.O_RDWR), 1 << 20)
        self.pages = 0
        self.writers = []

    def file(self, flags=os.O_RDWR):
        """Who closes it waits for ever."""
        return os.open(f"{self.place}/file", flags)

    def pipe(self):
        """The reading end of a pipe of which a writer holds the lock: whose close is the last one waits for ever."""
        reading, writing = os.pipe()
        at = self.pages * 4096
        self.pages += 1
        writer = os.fork()
        if writer == 0:
            os.close(reading)
            with contextlib.suppress(OSError):
                os.write(writing, memoryview(self.written)[at:at + 4096])
            os._exit(0)
        os.close(writing)
        self.writers.append(writer)
        seen = 0
        while seen < 3:  # it sleeps, and not only for a moment
            time.sleep(0.005)
            seen = seen + 1 if self.sleeps(writer) else 0
        return reading

    @staticmethod
    def sleeps(writer):
        with open(f"/proc/{writer}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] in b"DS"

    def socket(self):
        """A socket in whose queue such a pipe is: whose close is the last one waits for ever."""
        theirs, ours = socket.socketpair()
        pipe = self.pipe()
        socket.send_fds(ours, [b"x"], [pipe])
        os.close(pipe)
        ours.close()
        return theirs.detach()

    def end(self):
        for process in [self.server, *self.writers]:
            with contextlib.suppress(OSError):
                os.kill(process, 9)
                os.waitpid(process, 0)
