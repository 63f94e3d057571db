# SPDX-License-Identifier: Apache-2.0
"""What a test must not leave behind: a process that holds the test's output.
meson waits for the end of that pipe, so one forgotten sleep is a test that
passed and then timed out, with nothing said."""

import contextlib
import os
import pathlib
import signal
import time

PATIENCE = 5.0


def _ancestors():
    pid = os.getpid()
    while pid > 0:
        yield pid
        try:
            stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return
        pid = int(stat.rsplit(")", 1)[1].split()[1])


def _holds(pid, pipe):
    with contextlib.suppress(OSError):
        return any(os.readlink(f"/proc/{pid}/fd/{number}") == pipe for number in (1, 2))
    return False


def _held_by(pipe, spared):
    return [int(entry) for entry in os.listdir("/proc")
            if entry.isdigit() and int(entry) not in spared and _holds(entry, pipe)]


def end_survivors():
    """Ends the processes that still hold this one's output, and names them: "pid (command line)".
    Nothing is looked for when the output is no pipe, as by hand."""
    pipe = os.readlink("/proc/self/fd/1")
    if not pipe.startswith("pipe:"):
        return []
    spared = set(_ancestors())
    end = time.monotonic() + PATIENCE
    while (left := _held_by(pipe, spared)) and time.monotonic() < end:
        time.sleep(0.02)
    names = []
    for pid in left:
        with contextlib.suppress(OSError):
            words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            os.kill(pid, signal.SIGKILL)
            names.append(f"{pid} ({words.strip()})")
    return names
