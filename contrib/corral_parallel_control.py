# SPDX-License-Identifier: Apache-2.0
"""How others ask a corral-parallel that runs for a part of its application: the asked side and the asking one."""

import contextlib
import json
import os
import signal
import socket
import stat
import struct
import sys

EXIT_USAGE, EXIT_NONE, EXIT_UNAVAILABLE, EXIT_DENIED = 64, 66, 69, 77
MOST_ASKING, LONGEST_QUESTION, SO_PEERCRED = 64, 256, 17


def say(text):
    print(f"corral-parallel: {text}", file=sys.stderr, flush=True)


def control_address(uid, name):
    """In the abstract namespace: it goes with its process."""
    return f"\0corral-parallel/{uid}/{name}"


def peer_of(connection):
    """The user at its other end, by the kernel's word."""
    return struct.unpack("iII", connection.getsockopt(socket.SOL_SOCKET, SO_PEERCRED, 12))[1]


class Control:
    """Where others ask for a part: one line each, answered by lines of JSON; who waits is answered when it is over."""

    def __init__(self, name):
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(control_address(os.geteuid(), name))
        self.listener.listen(16)
        self.listener.setblocking(False)
        self.asking, self.waiting = [], []  # connections, and (connection, part)

    def descriptors(self):
        return [one.fileno() for one in (self.listener, *self.asking, *(one for one, _ in self.waiting))]

    def take(self, ready, answer):
        """`answer(words)` gives lines, or a part that is to be over first."""
        # Who waits says nothing more: he has gone.
        for connection, part in [one for one in self.waiting if one[0].fileno() in ready]:
            self.waiting.remove((connection, part))
            connection.close()
        if self.listener.fileno() in ready:
            self.accept()
        for connection in [one for one in self.asking if one.fileno() in ready]:
            self.asking.remove(connection)
            with contextlib.suppress(OSError):
                said = answer(connection.recv(LONGEST_QUESTION).decode(errors="replace").split())
                if not isinstance(said, list):
                    self.waiting.append((connection, said))
                    continue
                self.say(connection, said)
            connection.close()

    def accept(self):
        with contextlib.suppress(OSError):
            connection = self.listener.accept()[0]
            if peer_of(connection) not in (0, os.geteuid()):
                self.say(connection, [{"error": "it is another user's", "exit": EXIT_DENIED}])
            elif len(self.asking) + len(self.waiting) >= MOST_ASKING:
                self.say(connection, [{"error": f"{MOST_ASKING} ask already", "exit": EXIT_UNAVAILABLE}])
            else:
                connection.setblocking(False)
                self.asking.append(connection)
                return
            connection.close()

    def tell(self):
        """Those whose part is over."""
        for connection, part in [one for one in self.waiting if one[1].is_over()]:
            self.waiting.remove((connection, part))
            self.say(connection, [{**part.facts(), "exit": part.code()}])
            connection.close()

    @staticmethod
    def say(connection, facts):
        with contextlib.suppress(OSError):
            for one in facts:
                connection.send(json.dumps(one).encode())


def number_of(text, kind):
    """None if it is none."""
    try:
        return kind(text)
    except (ValueError, OverflowError):
        return None


def signal_number(word):
    """By number or name, with or without SIG, or 0, as kill(2) has it; None if it is none."""
    number = number_of(word, int)
    names = {one.name.removeprefix("SIG"): int(one) for one in signal.Signals}
    return names.get(word.upper().removeprefix("SIG")) if number is None else number if number in (0, *names.values()) else None


def fault_of_question(options):
    """What is wrong with the second form; None: nothing."""
    if [options.signal is not None, options.wait, options.show].count(True) != 1 or options.words:
        return f"--of {options.of}: expected one of --signal SIGNAL, --wait and --show, and no program"
    if options.signal is not None and signal_number(options.signal) is None:
        return f"--signal {options.signal}: expected a signal's name or number"
    return None


def ask(options):
    """The second form: of an application of ours, or, for root, of who has one of that name."""
    name, _, word = options.of.partition("/")
    verb = "wait" if options.wait else "show" if options.show else "signal"
    found = find_control(name)
    if found is None:
        say(f"no application '{name}' of yours runs here; 'corral-parallel --name NAME' names one")
        return EXIT_NONE
    number = f" {signal_number(options.signal)}" if options.signal is not None else ""
    # A word that is empty would not be one: the whole is asked for by none.
    found.send(f"{verb} {word}{number}".encode() if word else f"{verb}-all{number}".encode())
    code = 0
    while packet := found.recv(1 << 20):
        facts = json.loads(packet)
        if "error" in facts:
            say(facts["error"])
        elif options.show:
            print(json.dumps(facts))
        code = facts.get("exit", 0)
    return code


def find_control(name):
    """Root finds that of any user, his own first; None: there is none."""
    users = [os.geteuid()]
    if os.geteuid() == 0:
        with open("/proc/net/unix", encoding="utf-8", errors="replace") as file:
            ours = [line.split()[-1].split("/") for line in file if "@corral-parallel/" in line]
        users += sorted({int(words[1]) for words in ours if words[2:] == [name] and words[1].isdigit()} - {0})
    for uid in users:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with contextlib.suppress(OSError):
            connection.connect(control_address(uid, name))
            if peer_of(connection) == uid:  # who listens there is who he says
                return connection
        connection.close()
    return None


def possible_sockets(which=None):
    """Where an instance may listen, in the order in which corral(1) looks; `which` may be "system" or "private"."""
    if folder := os.environ.get("CORRAL_RUNTIME_DIR"):
        return [f"{folder}/private"]
    own = f"corral-{os.geteuid()}"
    session = os.environ.get("XDG_RUNTIME_DIR")
    temporary = f"{os.environ.get('TMPDIR') or '/tmp'}/{own}"
    private = [f"{session}/corral"] if session else []
    folders = ["/run/corral"] if which != "private" else []
    folders += private if which != "system" else []
    return [f"{folder}/private" for folder in (*folders, temporary, f"/dev/shm/{own}")]


def is_listening(path):
    """Whether somebody whom we trust, root or ourselves, listens there."""
    try:
        facts = os.lstat(os.path.dirname(path))
        if not stat.S_ISDIR(facts.st_mode) or facts.st_uid not in (0, os.geteuid()) or facts.st_mode & 0o022:
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.setblocking(False)
            probe.connect(path)
    except BlockingIOError:  # its queue is full
        return True
    except OSError:
        return False
    return True


def find_socket(which=None):
    """The first that is listened at; without one this is the end."""
    paths = possible_sockets(which)
    for path in paths:
        if is_listening(path):
            return path
    say(f"no instance answers at {' or '.join(paths)}")
    sys.exit(EXIT_UNAVAILABLE)
