# SPDX-License-Identifier: Apache-2.0
"""A bash on a pty, typed into by a test, and what it printed."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import threading
import time

PROMPT = "P# "
PATIENCE = 10.0

COUNTER = """#!/usr/bin/python3
import signal
signals = {signal.SIGINT, signal.SIGTERM, signal.SIGWINCH, signal.SIGHUP, signal.SIGRTMIN + 3}
signal.pthread_sigmask(signal.SIG_BLOCK, signals)
print("ready", flush=True)
got = []
patience = 5
while (info := signal.sigtimedwait(signals, patience)) is not None:
    got.append(info.si_signo)
    patience = 0.8
print(f"got {len(got)} {sorted(set(got))}")
"""


# Sessions are played side by side: no bash may inherit another one's terminal.
FORKING = threading.Lock()


class Session:
    """A bash on a pty, and all that it ever printed."""

    def __init__(self, wrapper, directory, variables=None):
        self.text = ""
        self.seen = 0
        self.is_late = False
        self.directory = directory
        with FORKING:
            self.pid, self.fd = pty.fork()
            if self.pid != 0:
                os.set_inheritable(self.fd, False)
        if self.pid == 0:
            for number in range(1, 65):
                if number not in (signal.SIGKILL, signal.SIGSTOP, 32, 33):
                    signal.signal(number, signal.SIG_DFL)
            os.chdir(directory)
            # None of ours but what the wrapper has: with one of them set no run is a plain one (cli/front.cc).
            outside = {name: value for name, value in os.environ.items() if not name.startswith("CORRAL_")}
            environment = dict(outside, W=wrapper, PS1=PROMPT, PS2="> ", TERM="dumb", LC_ALL="C", **(variables or {}))
            environment.pop("PROMPT_COMMAND", None)
            os.execve("/bin/bash", ["bash", "--noediting", "--norc", "--noprofile", "-i"], environment)
        self.set_size(24, 80)
        self.prompt()

    def set_size(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds):
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.text += data.decode("utf-8", "replace")
        return bool(data)

    def expect(self, text):
        if self.is_late:
            return  # it is not compared any more: no use in waiting again
        end = time.monotonic() + PATIENCE
        while True:
            at = self.text.find(text, self.seen)
            if at >= 0:
                self.seen = at + len(text)
                return
            if time.monotonic() > end or not self.read(max(0, end - time.monotonic())):
                self.is_late = True
                self.text += f"<no {text!r}>"
                self.seen = len(self.text)
                return

    def prompt(self):
        self.expect(PROMPT)

    def type(self, keys):
        os.write(self.fd, keys.encode())

    def start(self, line, ready):
        """Types a line and waits for the echo, then for a text from the command."""
        self.type(line + "\n")
        self.expect("\n")
        self.expect(ready)

    def run(self, line):
        self.type(line + "\n")
        self.expect("\n")
        self.prompt()

    def pause(self, seconds=0.15):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.read(left)

    def close(self):
        if not self.is_late:
            self.type("exit\n")
            end = time.monotonic() + 2
            while time.monotonic() < end and self.read(0.5):
                pass
        os.close(self.fd)
        os.waitpid(self.pid, 0) if not self.is_late else self.kill()

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def transcript(self):
        text = re.sub(r"\[(\d)\] \d+", r"[\1] PID", self.text)
        text = re.sub(r"\bpts/\d+", "pts/N", text)
        text = re.sub(r"(line \d+): +\d+ ", r"\1: PID ", text)
        text = re.sub(r"\((\d+)\) - No such", "(PID) - No such", text)
        # Which job is the current one depends on what bash hears first.
        return re.sub(r"^\[(\d)\][+-] ", r"[\1]  ", text, flags=re.MULTILINE)


def is_running(needle):
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                if needle.encode() in file.read():
                    return name
        except OSError:
            continue
    return None
