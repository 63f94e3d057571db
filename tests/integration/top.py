# SPDX-License-Identifier: Apache-2.0
"""corral top: tables and JSON for programs; on a terminal a screen that fits,
sorts, kills when it is told to, and leaves the terminal as it was, however it
ends."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import corral
from corral import check, equal, wait_until

LEAVE = b"\x1b[?1049l"


class Terminal:
    """A pty with a shell that has job control, and what it printed."""

    def __init__(self, instance, rows=24, columns=80):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            environment = dict(instance.environment, PS1="P# ", TERM="xterm", LC_ALL="C.UTF-8",
                               PATH=f"{corral.COMMAND.parent}:{os.environ['PATH']}")
            environment.pop("PROMPT_COMMAND", None)
            for number in (signal.SIGINT, signal.SIGQUIT):  # ignored by who ran us in a background, they would stay so
                signal.signal(number, signal.SIG_DFL)
            os.execve("/bin/bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"], environment)
        self.text = b""
        self.resize(rows, columns)
        self.expect(b"P# ")

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds=0.05):
        """Whether anything came."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return False
        self.text += os.read(self.fd, 65536)
        return True

    def expect(self, wanted, seconds=15):
        """Waits for the text and forgets everything up to it; returns that."""
        end = time.monotonic() + seconds
        while wanted not in self.text:
            if time.monotonic() > end:
                corral.fail(f"no {wanted!r} in {self.text[-3000:]!r}")
            self.read()
        before, _, self.text = self.text.partition(wanted)
        return before

    def type(self, keys):
        os.write(self.fd, keys)

    def screen(self, seconds=0.5):
        """The frame that stands when nothing has come for a while, as lines."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.read(0.1)
        while self.read(0.2) and time.monotonic() < end + 5:
            pass  # a frame may come in pieces
        frame = self.text.rpartition(b"\x1b[H")[2].decode(errors="replace")
        frame = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", frame)
        return frame.split("\r\n")

    def modes(self):
        return termios.tcgetattr(self.fd)

    def close(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


def top(terminal, *arguments):
    terminal.type(" ".join(["corral", "top", *arguments]).encode() + b"\n")
    terminal.expect(b"\x1b[?1049h")
    terminal.expect(b"corral top: ")


def tables(instance):
    instance.run("run", "-d", "--name", "spinner", "--accept-less", "--limit", "cpu=1000s", "--", "sh", "-c", "while :; do :; done")
    instance.run("run", "-d", "--name", "sleeper", "--", "sleep", "1000")
    done = instance.run("top", "--once")
    equal(done.returncode, 0, f"--once prints a table {done.stderr}")
    lines = done.stdout.splitlines()
    check(lines[0].startswith("JOB") and "CPU%" in lines[0], "with titles", lines)
    check(lines[1].startswith("spinner"), "the busiest first", lines)
    check("cpu  --------" in lines[1], "and its limit as a bar", lines)
    never = instance.run("top", "-n", "2", "-d", "0")
    equal((never.returncode, never.stderr), (2, "corral: option '--delay' has the value '0'; expected a time above 0; 100ms is the "
                                                "least that is waited\n"), "no delay is refused")
    first, second = map(json.loads, instance.run("top", "--json", "-n", "2", "-d", "500ms").stdout.splitlines())
    jobs = {job["name"]: job for job in second["jobs"]}
    check(jobs["spinner"]["cpu_percent"] > 20, "the second table has the rate since the first", jobs)
    check(jobs["sleeper"]["cpu_percent"] < 20, "an idle job has none", jobs)
    check(jobs["spinner"]["limits"]["cpu"]["bound"] == 1000 * 10**6, "limits are there with their use", jobs)
    check(jobs["sleeper"]["processes"] >= 1 and jobs["sleeper"]["memory_bytes"] > 0, "processes and memory too", jobs)
    check(second["time_us"] > first["time_us"], "each table has its time")
    piped = instance.popen("top", "-d", "200ms", stdout=subprocess.PIPE)
    for _ in range(8):
        check(piped.stdout.readline() != b"", "in a pipe tables follow one another")
    piped.stdout.close()
    equal(piped.wait(20), -signal.SIGPIPE, "until nobody reads any more")
    equal(instance.run("top", "--once", "-n", "2").returncode, 2, "options that contradict are refused")
    equal(instance.run("top", "-n", "0").returncode, 2, "and a number that is none")


def memory_of(instance, name):
    jobs = json.loads(instance.run("top", "--json", "-n", "1").stdout)["jobs"]
    return next((job["memory_bytes"] or 0 for job in jobs if job["name"] == name), 0)


def on_a_terminal(instance):
    terminal = Terminal(instance)
    usual = terminal.modes()
    top(terminal, "-d", "300ms")
    frame = terminal.screen()
    equal(len(frame), 24, "the screen has as many lines as the terminal")
    check(all(len(line) <= 80 for line in frame), "none longer than it", frame)
    check(terminal.modes() != usual, "the terminal is taken")
    terminal.resize(10, 60)
    frame = terminal.screen()
    equal(len(frame), 10, "a terminal that becomes smaller is drawn anew")
    check(all(len(line) <= 60 for line in frame), "within its width", frame)
    terminal.resize(24, 80)
    terminal.type(b"n")
    check("by name" in terminal.screen()[0], "keys sort")
    hog = "sleep 1000 & sleep 1000 & exec /usr/bin/python3 -c 'x = bytearray(80 << 20); import time; time.sleep(1000)'"
    instance.run("run", "-d", "--name", "hog", "--", "sh", "-c", hog)
    wait_until(lambda: memory_of(instance, "hog") > 80 << 20, what="its memory")
    for key, order, first in ((b"m", "memory", "hog"), (b"t", "time", "spinner"), (b"m", "memory", "hog"), (b"c", "cpu", "spinner")):
        terminal.type(key)
        frame = terminal.screen()
        check(f"by {order}" in frame[0] and frame[2].startswith(first), f"{key.decode()} sorts by {order}", frame)
    for key, order, names in ((b"p", "processes", ["hog"]), (b"a", "age", ["spinner", "sleeper", "hog"]), (b"p", "processes", ["hog"])):
        terminal.type(key)
        frame = terminal.screen()
        check(f"by {order}" in frame[0] and [line.split()[0] for line in frame[2 : 2 + len(names)]] == names, f"{key.decode()} sorts by {order}", frame)
    terminal.type(b"i")
    frame = terminal.screen()
    column = frame[1].index("IO/s")
    check("by" in frame[0] and "IO/s" in frame[1], "i sorts by what is read and written", frame)
    told = {line.split()[0]: line[column:column + 4].strip() for line in frame[2:5]}
    counted = {job["name"]: job["storage_bytes_per_second"] for job in json.loads(instance.run("top", "--json", "-n", "1").stdout)["jobs"]}
    equal({name: told[name] == "-" for name in counted}, {name: rate is None for name, rate in counted.items()},
          "and shows no number that nobody counted")
    instance.run("kill", "-g", "0", "hog")
    terminal.type(b"n")
    wait_until(lambda: not any(line.startswith("hog") for line in terminal.screen()), what="it to be gone")
    terminal.type(b"r")
    frame = terminal.screen()
    check("reversed" in frame[0] and frame[2].startswith("spinner"), "and reverse", frame)
    terminal.type(b"\x1b[B")
    check(terminal.screen()[22].startswith("sleeper:"), "arrows select, and the limits of who is selected are shown")
    terminal.type(b"k")
    check("end job 'sleeper'?" in terminal.screen()[23], "k asks")
    terminal.type(b"x")
    check(instance.facts("show", "sleeper")["state"] == "running", "any other key is no")
    terminal.type(b"ky")
    wait_until(lambda: instance.facts("show", "sleeper")["state"] == "ended", what="the end of the job")
    check(True, "y ends the job")
    before = instance.supervisor
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: instance.supervisor not in (None, before), what="the next supervisor")
    check(any("spinner" in line for line in terminal.screen(2)), "a restart of the supervisor is waited for")
    terminal.type(b"q")
    terminal.expect(LEAVE)
    terminal.expect(b"P# ")
    equal(terminal.modes(), usual, "q leaves the terminal as it was")
    terminal.close()


def half_spent(instance):
    """The bar of a job that has spent half of its time, and the share beside it, by the job's own age."""
    bound = 16
    terminal = Terminal(instance)
    top(terminal, "-d", "300ms")
    instance.run("run", "-d", "--name", "brief", "--limit", f"wall={bound}s", "--", "sleep", "1000")

    def spent():
        """The bar and the share in percent."""
        row = next((line for line in terminal.screen() if line.startswith("brief ")), "")
        found = re.search(r" wall ([#-]{8}) (\d+)% ", row)
        return (found[1], int(found[2])) if found else ("", 0)

    def age():
        return instance.facts("show", "brief")["age_us"] / 1e6

    wait_until(lambda: spent()[0], what="its bar")
    before = bar = percent = None
    while percent is None or percent < 50:
        before = age()
        bar, percent = spent()
        check(before < bound and bar == "#" * (8 * percent // 100) + "-" * (8 - 8 * percent // 100), f"its bar is as long as {percent}% are", bar)
    check(before - 3 <= percent * bound / 100 <= age(), "at half of its bound half of it is full, and so much is spent", before, bar, percent)
    instance.run("kill", "-g", "0", "brief")
    terminal.type(b"q")
    terminal.expect(LEAVE)
    terminal.close()


def however_it_ends(instance):
    terminal = Terminal(instance)
    usual = terminal.modes()
    for keys, code in ((b"\x03", b"130"), (b"\x1c", b"131")):
        top(terminal)
        terminal.type(keys)
        terminal.expect(LEAVE)
        terminal.expect(b"P# ")
        equal(terminal.modes(), usual, f"the terminal is as it was after {keys!r}")
        terminal.type(b"echo code=$?\n")
        terminal.expect(b"code=" + code + b"\r")
        check(True, "and the shell sees the signal")
        terminal.expect(b"P# ")
    top(terminal)
    victim = next(pid for pid in corral.descendants_of(terminal.pid) if corral.name_of(pid) == "corral")
    os.kill(victim, signal.SIGTERM)
    terminal.expect(LEAVE)
    terminal.expect(b"P# ")
    equal(terminal.modes(), usual, "and after SIGTERM")
    top(terminal)
    terminal.type(b"\x1a")
    terminal.expect(LEAVE)
    terminal.expect(b"P# ")
    equal(terminal.modes(), usual, "^Z gives the terminal back")
    terminal.type(b"fg\n")
    terminal.expect(b"\x1b[?1049h")
    check(any("spinner" in line for line in terminal.screen()), "fg draws it again")
    terminal.type(b"q")
    terminal.expect(LEAVE)
    terminal.expect(b"P# ")
    equal(terminal.modes(), usual, "and then it ends as ever")
    terminal.close()


def main():
    for engine in corral.engines():
        with corral.Instance(engine=engine) as instance:
            print(f"# {engine}")
            tables(instance)
            on_a_terminal(instance)
            half_spent(instance)
            however_it_ends(instance)


main()
