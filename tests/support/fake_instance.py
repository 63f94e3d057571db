# SPDX-License-Identifier: Apache-2.0
"""The program fake-instance (bus/'s server before jobs that are rows) as a
context manager, and a D-Bus client of a few lines on a plain socket, for what
no library would send."""

import os
import shutil
import socket
import struct
import subprocess
import tempfile

from corral import BUILD, fail

PROGRAM = BUILD / "tests" / "unit" / "bus" / "fake-instance"


class FakeInstance:
    def __init__(self, bus_address=None):
        self.directory = tempfile.mkdtemp(prefix="corral-bus-")
        self.socket = f"{self.directory}/private"
        self.address = f"unix:path={self.socket}"
        self.bus_address = bus_address
        self.process = None

    def __enter__(self):
        arguments = [str(PROGRAM), self.socket]
        if self.bus_address:
            arguments.append(self.bus_address)
        self.process = subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            stderr=open(f"{self.directory}/log", "w"))
        if self.process.stdout.readline() != "ready\n":
            fail(f"fake-instance did not start: {self.log()}")
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.wait(10)
        shutil.rmtree(self.directory, ignore_errors=True)

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def is_alive(self):
        return self.process.poll() is None

    def log(self):
        with open(f"{self.directory}/log") as log:
            return log.read()


# --- a client by hand: little-endian, protocol version 1 ---

def auth():
    """Of who the process is now."""
    return (b"\0AUTH EXTERNAL " + str(os.getuid()).encode().hex().encode() +
            b"\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n")


AUTH = auth()


def _aligned(data, to):
    return data + b"\0" * (-len(data) % to)


def text(value):
    raw = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<I", len(raw)) + raw + b"\0"


def header_field(code, signature, value):
    field = bytes([code, len(signature)]) + signature.encode() + b"\0"
    return field + value if signature == "g" else _aligned(field, 4) + value


def call_message(member, body=b"", signature="", serial=1, flags=0,
                 interface="org.corral.Manager1", path="/org/corral/manager",
                 body_length=None, fields_length=None, unix_fds=None, destination=None):
    """A method call, with lengths that may lie."""
    fields = b""
    rows = [(1, "o", text(path)), (2, "s", text(interface)),
            (3, "s", text(member))]
    if destination:
        rows.append((6, "s", text(destination)))
    if signature:
        raw = signature.encode()
        rows.append((8, "g", bytes([len(raw)]) + raw + b"\0"))
    if unix_fds is not None:
        rows.append((9, "u", struct.pack("<I", unix_fds)))
    for code, kind, value in rows:
        fields = _aligned(fields, 8) + header_field(code, kind, value)
    head = struct.pack(
        "<cBBBIII", b"l", 1, flags, 1,
        len(body) if body_length is None else body_length, serial,
        len(fields) if fields_length is None else fields_length)
    return _aligned(head + fields, 8) + body


class RawClient:
    def __init__(self, path, authenticate=True):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(10)
        self.socket.connect(path)
        if authenticate:
            self.socket.sendall(auth())
            received = b""
            while received.count(b"\r\n") < 2:
                said = self.socket.recv(4096)
                if not said:
                    raise ConnectionError("the connection was closed before it was authenticated")
                received += said

    def send(self, data):
        """False when the other side has closed."""
        try:
            self.socket.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def receive(self, size=65536):
        """Bytes; none at the end."""
        try:
            return self.socket.recv(size)
        except ConnectionResetError:
            return b""

    def close(self):
        self.socket.close()
