#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Starting `corral` stays cheap: a plain run (cli/front.cc) loads nothing at
all and opens nothing, every other one nothing but libc. Prints what it costs in
front of `true` against `sh -c true`; the bench judges that."""

import os
import re
import statistics
import subprocess
import tempfile
import time

from corral import COMMAND, WHOLE_COMMAND, equal, fail

ROUNDS = 100


def needed():
    dynamic = subprocess.run(["readelf", "-d", WHOLE_COMMAND if WHOLE_COMMAND.exists() else COMMAND], stdout=subprocess.PIPE, text=True, check=True).stdout
    libraries = set(re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic))
    strange = {name for name in libraries if not re.match(r"(libc\.so\.|ld-linux)", name)}
    sanitized = any("asan" in name or "ubsan" in name for name in libraries)
    if sanitized:
        print("note: a build with sanitizers has libraries of its own")
        return True
    equal(strange, set(), "corral needs libc and nothing else")
    return False


def little_is_opened(environment, is_plain):
    """What one run opens before it becomes corral-init."""
    trace = subprocess.run(
        ["strace", "-qq", "-e", "trace=execve,openat,socket,clone,clone3", COMMAND, "run", *([] if is_plain else ["--name=n"]), "true"],
        env=environment if is_plain else {**environment, "CORRAL_RUNTIME_DIR": environment["XDG_RUNTIME_DIR"]},
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    ).stderr
    before, _, _ = trace.rpartition("execve(")
    programs = [os.path.basename(path) for path in re.findall(r'execve\("([^"]+)"', trace)]
    wanted = ["corral", "corral-init"] if is_plain else ["corral", "corral-command", "corral-init"]
    equal(programs, wanted, "corral run is one process that becomes another")
    opened = re.findall(r'openat\(AT_FDCWD, "([^"]+)"', before)
    # Where there has been an instance the front looks whether its lock is free.
    opened = [path for path in opened if not re.search(r"/corral(-\d+)?(/private\.lock)?$", path)]
    wanted = set() if is_plain else {"ld.so.cache", "libc.so.6"}
    equal({os.path.basename(path) for path in opened}, wanted, "and opens its loader's cache and libc at most")
    equal(re.findall("(?:clone|clone3|socket)\\(", before), [], "with no process and no socket")


def time_of(line, environment):
    null = os.open("/dev/null", os.O_RDWR)
    begin = time.perf_counter()
    pid = os.posix_spawn(line[0], line, environment, file_actions=[(os.POSIX_SPAWN_DUP2, null, 1)])
    _, status = os.waitpid(pid, 0)
    end = time.perf_counter()
    os.close(null)
    if status != 0:
        fail(f"{line} ended with status {status}")
    return end - begin


def ratio(environment):
    lines = {"sh": ["/bin/sh", "-c", "true"], "corral": [str(COMMAND), "run", "--", "true"]}
    times = {name: [] for name in lines}
    for _ in range(ROUNDS):
        for name, line in lines.items():
            times[name].append(time_of(line, environment))
    # The tenth part that went fastest: on a busy machine the rest measures the others.
    fast = {name: statistics.quantiles(values, n=10)[0] for name, values in times.items()}
    found = fast["corral"] / fast["sh"]
    print(f"sh -c true {fast['sh'] * 1e6:.0f} us, corral run -- true {fast['corral'] * 1e6:.0f} us: {found:.2f}x")
    return found


# Records in memory: what the disk takes is the bench's to tell.
memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
with tempfile.TemporaryDirectory(dir=memory) as folder:
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": folder,
        "XDG_RUNTIME_DIR": folder + "/nobody",
        "XDG_STATE_HOME": folder,
    }
    is_sanitized = needed()
    if not is_sanitized:
        if WHOLE_COMMAND.exists():
            little_is_opened(environment, is_plain=True)
            little_is_opened(environment, is_plain=False)
        # For people: tests/bench/startup.py measures; a busy machine fails nobody.
        print(f"# corral run -- true costs {ratio(environment):.2f} of sh -c true (wanted: at most 3)")
