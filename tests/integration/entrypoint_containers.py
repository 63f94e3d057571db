# SPDX-License-Identifier: Apache-2.0
"""corral-init as the init of real containers: runc, crun and podman, in the surroundings that users and platforms
choose.

    entrypoint_containers.py [WORD...]     only the cases whose names hold one of the words"""

import subprocess
import sys
import time

import corral
from containers import DEFAULT_PROFILE, PEERS, Scratch, Surroundings

ENTRYPOINT = ["/corral-init", "--"]
INIT = "/dev/init"

# name: (what surrounds it, what stands before the command)
CASES = {
    "as the entrypoint": (Surroundings(), ENTRYPOINT),
    "as the engine's init": (Surroundings(engine_init=INIT), []),
    "read-only root": (Surroundings(read_only=True), ENTRYPOINT),
    "any uid, no passwd": (Surroundings(uid=12345), ENTRYPOINT),
    "no_new_privs": (Surroundings(no_new_privs=True), ENTRYPOINT),
    "on a terminal": (Surroundings(terminal=True), ENTRYPOINT),
    "on a terminal, the engine's init": (Surroundings(terminal=True, engine_init=INIT), []),
    "the engines' seccomp profile": (Surroundings(seccomp="default"), ENTRYPOINT),
    "without newer system calls": (Surroundings(seccomp="old"), ENTRYPOINT),
    "all at once": (Surroundings(12345, True, False, True, "old", INIT), []),
    "all at once, on a terminal": (Surroundings(12345, True, True, True, "default"), ENTRYPOINT),
    "as docker-init": (Surroundings(engine_init="/sbin/docker-init"), []),
    "as tini": (Surroundings(seccomp="default"), ["/tini", "-g", "--"]),
    "as tini, on a terminal": (Surroundings(terminal=True), ["/tini", "--"]),
    "as dumb-init": (Surroundings(uid=12345), ["/dumb-init", "--"]),
    "as dumb-init, on a terminal": (Surroundings(terminal=True), ["/dumb-init"]),
    "as catatonit": (Surroundings(read_only=True), ["/catatonit", "--"]),
}

# The main process: it leaves an orphan that is to be asked to end, and one that is to be reaped, and says where it is.
COURSE = """
trap 'echo main ends; exit 3' TERM INT
(setsid sh -c 'trap "echo orphan ends; exit" TERM; echo orphan lives; while :; do sleep 1 & wait $!; done' &)
(sleep 0.05 &)
sleep 0.2
mode() { awk -v key="$1:" '$1 == key { print $2 }' /proc/self/status; }
zombies() { grep -l ') Z ' /proc/[0-9]*/stat 2>/dev/null | wc -l; }
for i in $(seq 50); do [ "$(zombies)" = 0 ] && break; sleep 0.1; done
echo "FACTS uid=$(id -u) read_only=$(awk '$2 == "/" { print $4 ~ /^ro/ }' /proc/mounts)" \
  "terminal=$(tty -s && echo 1 || echo 0) no_new_privs=$(mode NoNewPrivs) seccomp=$(mode Seccomp)" \
  "zombies=$(zombies) $(missing)"
echo READY
while :; do sleep 1 & wait $!; done
"""

# Whether two of the newer calls are missing: that the profile is in force.
MISSING_SOURCE = r"""
#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void) {
  int clone3 = syscall(SYS_clone3, NULL, 0) < 0 && errno == ENOSYS;
  int pidfd_open = syscall(SYS_pidfd_open, 1, -1) < 0 && errno == ENOSYS;
  return printf("missing=%d\n", clone3 && pidfd_open) < 0;
}
"""


def facts_of(surroundings):
    """What COURSE is to say of them."""
    return {
        "uid": surroundings.uid,
        "read_only": int(surroundings.read_only),
        "terminal": int(surroundings.terminal),
        "no_new_privs": int(surroundings.no_new_privs),
        "seccomp": 2 if surroundings.seccomp else 0,
        "zombies": 0,
        "missing": int(surroundings.seccomp == "old"),
    }


def facts_in(output):
    lines = [line for line in output.splitlines() if line.startswith("FACTS ")]
    return {key: int(value) for key, value in (pair.split("=") for pair in lines[0].split()[1:])} if lines else None


def probe(container, path):
    """The health command by the way that a probe takes."""
    health = container.execute(path, "--health")
    asked = container.execute(path, "--health", "--", "sh", "-c", "exit 5")
    return health.returncode, (health.stdout + health.stderr).strip(), asked.returncode


def run_course(scratch, engine, name, surroundings, before):
    title = f"{engine.name}, {name}"
    init = engine.init_path(surroundings) or before[0]
    is_peer = init.rpartition("/")[2] in PEERS
    # A peer asks nobody but the main process or its group, and is asked for its health through the image's own.
    last_words = ["main ends"] if is_peer else ["main ends", "orphan ends"]
    with engine.run(surroundings, [*before, "sh", "-c", COURSE]) as container:
        if not (container.read_until("READY") and container.read_until("orphan lives")):
            corral.fail(f"{title}: the main process did not come so far: {container.output}")
        corral.equal(facts_in(container.output), facts_of(surroundings), f"{title}: is as ordered, without zombies")
        if init != "/sbin/docker-init":  # another file than the image's own
            answers = probe(container, ENTRYPOINT[0] if is_peer else init)
            corral.equal(answers, (0, "", 5), f"{title}: is healthy, and asks the probe proper")
        start = time.monotonic()
        if surroundings.terminal:
            container.type("\x03")
        else:
            engine.stop(container.name)
        code = container.wait()
        took = time.monotonic() - start
        said = [line for line in ("main ends", "orphan ends") if line in container.output]
        corral.equal((code, said), (3, last_words), f"{title}: {' and '.join(last_words)} when asked, code 3")
        corral.check(took < 5, f"{title}: in {took:.2f} s", container.output)
    corral.equal(scratch.living(), [], f"{title}: nobody lives")


# name: (variables, the command, exit code, at least and at most so many seconds after the engine's stop)
ENDS = {
    "an exit code": ([], "echo READY; exit 7", 7, None),
    "a death by signal": ([], "echo READY; kill -KILL $$", 137, None),
    "no such command": ([], None, 127, None),
    "deaf processes": (
        ["CORRAL_INIT_STOP_TIMEOUT=700ms"],
        "trap '' TERM; (setsid sleep 1000 &); echo READY; while :; do sleep 1000; done",
        137,
        (0.6, 4),
    ),
}


def run_ends(scratch, engine):
    for name, (variables, command, code, seconds) in ENDS.items():
        title = f"{engine.name}, {name}"
        words = ["sh", "-c", command] if command else ["/no/such/command"]
        with engine.run(Surroundings(), [*ENTRYPOINT, *words], variables) as container:
            container.read_until("READY", 20 if command else 0)
            start = time.monotonic()
            if seconds:
                engine.stop(container.name)
            corral.equal(container.wait(), code, f"{title}: {code}")
            took = time.monotonic() - start
        if seconds:
            corral.check(seconds[0] < took < seconds[1], f"{title}: {took:.2f} s after it was asked to stop", seconds)
        corral.equal(scratch.living(), [], f"{title}: nobody lives")


def main():
    if not DEFAULT_PROFILE.exists():
        corral.skip(f"needs {DEFAULT_PROFILE}")
    words = sys.argv[1:]
    with Scratch() as scratch:
        for engine in scratch.engines():
            source = ["cc", "-O1", "-static", "-x", "c", "-", "-o", engine.root / "bin" / "missing"]
            subprocess.run(source, input=MISSING_SOURCE, text=True, check=True)
            for name, (surroundings, before) in CASES.items():
                if not words or any(word in f"{engine.name}, {name}" for word in words):
                    run_course(scratch, engine, name, surroundings, before)
            if not words or any(word in f"{engine.name}, ends" for word in words):
                run_ends(scratch, engine)


if __name__ == "__main__":
    main()
