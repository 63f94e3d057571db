#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An aggregate provider in Python (docs/PROVIDERS.md): puts a process, and what
it forks from then on, into an aggregate of its own; keeps the set of those that
live, and ends when that is empty.

  provider.py SOCKET PID       as: provider.py /run/corral/private 4711

Needs python3-dbus.
"""

import json
import os
import socket
import sys

import dbus
import dbus.bus

NAME = "example-in-python"
AGGREGATE = 7  # any number of our own


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: provider.py SOCKET PID")
    # The registration lasts as long as this connection, and as the descriptor.
    bus = dbus.bus.BusConnection(f"unix:path={sys.argv[1]}")
    manager = dbus.Interface(bus.get_object("org.corral.Manager1", "/org/corral/manager"), "org.corral.Manager1")
    events = socket.socket(fileno=manager.RegisterProvider(NAME, ["attach", "fork", "exit"]).take())
    with os.fdopen(os.pidfd_open(int(sys.argv[2]))) as process:  # a pidfd is never another's
        what = dbus.Dictionary({"PidFd": dbus.types.UnixFd(process.fileno())}, signature="sv")
        manager.AttachToAggregate(NAME, dbus.UInt64(AGGREGATE), what)
    alive, ever = set(), 0
    while packet := events.recv(32768):
        for event in map(json.loads, packet.decode().splitlines()):
            print(json.dumps(event), flush=True)
            if event["event"] == "attach":
                alive.add(event["pid"])
            elif event["event"] == "fork":
                alive.add(event["child"])
            elif event["event"] == "exit":
                alive.discard(event["pid"])
            elif event["event"] == "lost":
                sys.exit(f"{event['count']} events are lost: who lives is not known any more")
            ever = max(ever, len(alive))
        if ever and not alive:
            print(f"all have ended; {ever} lived at a time")
            return
    sys.exit("the supervisor has gone: register and attach again")


if __name__ == "__main__":
    main()
