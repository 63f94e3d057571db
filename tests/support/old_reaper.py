#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Stands between a reaper and corrald, in corrald's place, and makes the reaper one of an earlier version: what such a
one did not know is dropped, and its Welcome says nothing of it. corrald itself is named by CORRAL_TEST_CORRALD."""

import os
import select
import socket
import struct
import subprocess
import sys

HEAD = struct.Struct("=IHHII")
SHUT_DOWN, WELCOME, BARRIER_PASSED = 6, 32, 38


def forward(source, target, change):
    """One packet. False: the source has closed."""
    data, fds, _, _ = socket.recv_fds(source, 65536, 16)
    if data:
        changed = change(data, fds)
        if changed:
            socket.send_fds(target, [changed[0]], changed[1])
    for fd in fds:
        os.close(fd)
    return bool(data)


def to_reaper(data, fds):
    return (data, fds) if HEAD.unpack_from(data)[2] <= SHUT_DOWN else None


def to_supervisor(data, fds):
    kind = HEAD.unpack_from(data)[2]
    if kind == WELCOME:
        return data[:-4] + bytes(4), []
    return (data, fds[:1]) if kind != BARRIER_PASSED else None


def main():
    reaper = socket.socket(fileno=os.dup(3))
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    os.dup2(theirs.fileno(), 3)
    theirs.close()
    fds = [fd for fd in range(3, 8) if os.path.exists(f"/proc/self/fd/{fd}") and fd not in (reaper.fileno(), ours.fileno())]
    process = subprocess.Popen([os.environ["CORRAL_TEST_CORRALD"], *sys.argv[1:]], pass_fds=fds)
    for fd in fds:
        os.close(fd)
    ways = {reaper: (ours, to_supervisor), ours: (reaper, to_reaper)}
    try:
        while all(forward(source, *ways[source]) for source in select.select(list(ways), [], [])[0]):
            pass
    except OSError:
        pass  # one of them has gone
    reaper.close()
    ours.close()
    sys.exit(max(process.wait(), 0))


if __name__ == "__main__":
    main()
