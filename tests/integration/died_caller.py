# SPDX-License-Identifier: Apache-2.0
"""A connection that outlives who made it: its socket was inherited, and the number of who connected is another process's
now. What it asks for is not judged by that process: neither its job nor its sandbox, or the lack of one, is the caller's.
On the private socket and on a message bus, in a pid namespace in which numbers can be chosen."""

import os
import shutil
import signal
import struct
import subprocess
import sys
import time

import corral
from corral import check, equal, run_in_own_namespace, wait_until
from fake_instance import RawClient, auth, call_message
from private_bus import Bus

NAME = "org.corral.Manager1"
DRIVER = "org.freedesktop.DBus"
LAST_PID = "/proc/sys/kernel/ns_last_pid"
SPEC = (struct.pack("<I", 57) + b"\0" * 4 + struct.pack("<I", 4) + b"Argv\0" + b"\2as\0" + b"\0" * 3 +
        struct.pack("<I", 9) + struct.pack("<I", 4) + b"true\0" + b"\0" * 3 +
        struct.pack("<I", 4) + b"Kind\0" + b"\1s\0" + struct.pack("<I", 8) + b"detached\0")


class Inherited(RawClient):
    """A connection made by a child, `pid`, that has ended since."""

    def __init__(self, path, destination=None):
        import socket

        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(10)
        self.destination = destination
        self.serial = 0
        self.pid = os.fork()
        if self.pid == 0:
            try:
                self.socket.connect(str(path))
                self.socket.sendall(auth())
                said = b""
                while said.count(b"\r\n") < 2:
                    said += self.socket.recv(4096)
                if destination:  # on a bus
                    self.socket.sendall(call_message("Hello", interface=DRIVER, path="/org/freedesktop/DBus", destination=DRIVER,
                                                     serial=1 << 20))
                    while b"NameAcquired" not in said:
                        said += self.socket.recv(4096)
                os._exit(0 if b"NoSuchJob" in self.job_of_caller() else 2)
            finally:
                os._exit(1)
        status = os.waitpid(self.pid, 0)[1]
        equal(os.waitstatus_to_exitcode(status), 0, "a process connects, is told that it is in no job, and ends")
        self.serial = 1000

    def ask(self, member, body, signature):
        self.serial += 1
        self.send(call_message(member, body, signature, serial=self.serial, destination=self.destination))
        said = self.receive()
        while self.destination and b"NameAcquired" in said:
            said = self.receive()
        return said

    def job_of_caller(self):
        return self.ask("GetJobByPid", struct.pack("<I", 0), "u")


def process_with(pid, enter):
    """A process of that number, in the cgroup of a job."""
    with open(LAST_PID, "w", encoding="ascii") as file:
        file.write(str(pid - 1))
    child = os.fork()
    if child == 0:
        try:
            enter()
            time.sleep(1000)
        finally:
            os._exit(1)
    equal(child, pid, "another process has its number")
    return child


def judged(what, caller, jid, enter):
    said = caller.job_of_caller()
    check(b"NoSuchProcess" in said, f"{what}: who connected is no more", said)
    other = process_with(caller.pid, enter)
    try:
        wait_until(lambda: f"{jid:016x}" in open(f"/proc/{other}/cgroup", encoding="utf-8").read(), what="its cgroup")
        said = caller.job_of_caller()
        check(b"NoSuchProcess" in said, f"{what}: the job of who has its number is not its own", said)
        said = caller.ask("CreateJob", SPEC, "a{sv}")
        check(b"cannot be read" in said, f"{what}: nor is the lack of a sandbox", said)
    finally:
        os.kill(other, signal.SIGKILL)
        os.waitpid(other, 0)
    caller.close()


def main():
    corral.needs_cgroup2()
    if not os.access(LAST_PID, os.W_OK):
        corral.skip("the kernel lets nobody choose a pid")
    bus = Bus() if shutil.which("dbus-daemon") else None
    if bus:
        bus.start()
    try:
        with corral.Instance(bus=bus.address if bus else "none") as instance:
            job = instance.facts("run", "-d", "--", "sleep", "1000")
            jid = int(job["jid"], 16)
            wait_until(lambda: instance.facts("show", job["jid"])["state"] == "running", what="the job")
            procs = next(instance.cgroup_base.glob(f"**/j{jid:016x}")) / "cgroup.procs"

            def enter():
                procs.write_text("0", encoding="ascii")

            alive = RawClient(str(instance.socket))
            alive.send(call_message("CreateJob", SPEC, "a{sv}"))
            check(b"org.corral.Error" not in alive.receive(), "who lives and is not confined has a detached job")
            judged("on the private socket", Inherited(instance.socket), jid, enter)
            if bus is None:
                return corral.not_checked("needs dbus-daemon")
            wait_until(lambda: NAME in subprocess.run(["busctl", f"--address={bus.address}", "list"], capture_output=True,
                                                      text=True, check=False).stdout, what="the name")
            judged("on a message bus", Inherited(f"{bus.directory}/bus", NAME), jid, enter)
    finally:
        if bus:
            bus.remove()


if __name__ == "__main__":
    sys.exit(run_in_own_namespace(main))
