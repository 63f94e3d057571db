# SPDX-License-Identifier: Apache-2.0
"""A registered aggregate provider, for tests: through a binding that knows nothing of Corral."""

import json
import os
import select
import socket
import time

from corral import fail

NAME, MANAGER = "org.corral.Manager1", "/org/corral/manager"


class Provider:
    """A registration under `name` and the events that it was told."""

    def __init__(self, instance, name, events=()):
        import dbus.bus

        self.dbus = dbus
        self.name = name
        self.bus = dbus.bus.BusConnection(f"unix:path={instance.socket}")
        self.manager = dbus.Interface(self.bus.get_object(NAME, MANAGER), NAME)
        stream = self.manager.RegisterProvider(name, dbus.Array(events, signature="s"), timeout=30)
        self.stream = socket.socket(fileno=stream.take())
        self.events = []
        self.is_over = False
        self.wait(lambda event: event["event"] == "begin")
        self.source = self.events[0]["source"]

    def _what(self, job, pid, pidfd):
        if job is not None:
            return {"Job": self.dbus.UInt64(job)}
        if pid is not None:
            return {"Pid": self.dbus.UInt32(pid)}
        return {"PidFd": self.dbus.types.UnixFd(pidfd)}

    def attach(self, aggregate, job=None, pid=None, pidfd=None):
        what = self.dbus.Dictionary(self._what(job, pid, pidfd), signature="sv")
        self.manager.AttachToAggregate(self.name, self.dbus.UInt64(aggregate), what)

    def detach(self, aggregate, job=None, pid=None, pidfd=None):
        what = self.dbus.Dictionary(self._what(job, pid, pidfd), signature="sv")
        self.manager.DetachFromAggregate(self.name, self.dbus.UInt64(aggregate), what)

    def refusal(self, call, *arguments, **options):
        """The error's last word and its sentence; None: it was done."""
        try:
            call(*arguments, **options)
        except self.dbus.DBusException as error:
            return error.get_dbus_name().rpartition(".")[2], error.get_dbus_message()
        return None

    def read(self, seconds=0):
        """Takes what is there, or comes within that time."""
        while not self.is_over and select.select([self.stream], [], [], seconds)[0]:
            try:
                packet = self.stream.recv(65536)
            except ConnectionResetError:
                continue
            self.is_over = not packet
            self.events += [json.loads(line) for line in packet.decode().splitlines()]
            seconds = 0
        return self.events

    def wait(self, claim, seconds=20, what="an event"):
        """The first event of which it holds."""
        end = time.monotonic() + seconds
        at = 0
        while True:
            for at in range(at, len(self.events)):
                if claim(self.events[at]):
                    return self.events[at]
            at = len(self.events)
            if self.is_over or time.monotonic() > end:
                fail(f"{what} did not come in {seconds} s; the last: {self.events[-5:]}")
            self.read(0.1)

    def wait_for(self, event, seconds=20, **facts):
        def fits(found):
            return found["event"] == event and all(found.get(key) == value for key, value in facts.items())

        return self.wait(fits, seconds, f"{event} {facts}")

    def of(self, *kinds, **facts):
        return [event for event in self.events
                if event["event"] in kinds and all(event.get(key) == value for key, value in facts.items())]

    def facts(self):
        """How the instance lists it."""
        for facts in self.manager.ListProviders():
            if facts["Name"] == self.name:
                return {str(key): value for key, value in facts.items()}
        return None

    def close(self):
        self.stream.close()
        self.bus.close()
