# SPDX-License-Identifier: Apache-2.0
"""corral-init --health, what a container's probe asks: silence and 0, or one line and 1; and whose zombies there are.

Every case is a main process (Python) under corral-init in a pid namespace of its own, which probes its own init and
prints what came of it."""

import json
import pathlib
import shutil
import subprocess
import tempfile

import corral

SCRATCH = pathlib.Path(tempfile.mkdtemp(prefix="corral-health-"))
NAMESPACE = ["unshare", "--fork", "--pid", "--mount-proc", "--kill-child"]
ANY_UID = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", "--no-new-privs"]

# What the main processes have: `probe` and `tell`; `beside` runs in a child, as the main process itself cannot be asked
# while it is stopped.
PRELUDE = f"""
import ctypes, json, os, signal, subprocess, sys, threading, time
def probe(*words, program={str(corral.INIT)!r}, before=()):
    start = time.monotonic()
    done = subprocess.run([*before, program, "--health", *words], capture_output=True, text=True)
    return [done.returncode, done.stdout, done.stderr, time.monotonic() - start]
def tell(found):
    print(json.dumps(found), flush=True)
def beside(what):
    child = os.fork()
    if child == 0:
        what()
        os._exit(0)
    os.waitpid(child, 0)
def stopped():
    main = os.getppid()
    os.kill(main, signal.SIGSTOP)
    time.sleep(0.1)
    tell(probe())
    os.kill(main, signal.SIGCONT)
"""

# name: (before the init, its options, the main process, code, standard output, the line on standard error)
HEALTHY, LINES = (0, "", ""), "corral-init: "
CASES = {
    "healthy": ([], [], "tell(probe())", *HEALTHY),
    "healthy, named": ([], [], "tell(probe('1'))", *HEALTHY),
    "the probe proper": ([], [], "tell(probe('--', 'echo', 'well'))", 0, "well\n", ""),
    "the probe proper's code": ([], [], "tell(probe('1', '--', 'sh', '-c', 'exit 4'))", 4, "", ""),
    "a probe that is not there": ([], [], "tell(probe('--', '/no/probe'))", 127, "", "cannot execute '/no/probe'"),
    "no such process": ([], [], "tell(probe('4000'))", 1, "", "process 4000 is not in /proc"),
    "another program": ([], [], "tell(probe(str(os.getpid())))", 1, "", "process 2 is 'python3', not corral-init"),
    "stopped": ([], [], "beside(stopped)", 1, "", "main process 'python3' (2) is stopped"),
    "ending": (
        [],
        [],
        "signal.signal(signal.SIGTERM, lambda *_: None); os.kill(1, signal.SIGTERM); time.sleep(0.2); tell(probe())",
        *(1, "", "process 1 is ending its job"),
    ),
    "ending, over a limit": (
        [],
        ["--limit", "wall=300ms", "--report", "/dev/null"],
        "signal.signal(signal.SIGTERM, lambda *_: None); time.sleep(0.3); time.sleep(0.3); tell(probe()); os._exit(0)",
        *(1, "", "process 1 is ending its job"),
    ),
    "only its first thread has ended": (
        [],
        [],
        "threading.Thread(target=lambda: (time.sleep(0.2), tell(probe()), os._exit(0))).start()\n"
        "ctypes.CDLL(None).syscall(60, 0)",
        *HEALTHY,
    ),
    "any user, no_new_privs": (ANY_UID, [], "tell(probe())", *HEALTHY),
    "asked by another user": ([], [], f"tell(probe(before={ANY_UID}))", *HEALTHY),
    "of any user, asked by root": (ANY_UID, [], "tell(probe())", *HEALTHY),
    "a job with records": ([], ["--record", SCRATCH / "pacct"], "tell(probe())", *HEALTHY),
    "stopped, with records": ([], ["--record", SCRATCH / "pacct"], "beside(stopped)", 1, "", "main process 'python3'"),
    "the tree lives on": (
        [],
        ["--wait-all"],
        "beside_orphan = os.fork() or (time.sleep(0.3), tell(probe()), os._exit(0))",
        *HEALTHY,
    ),
    "the tree lives on, asked by another user": (
        [],
        ["--wait-all"],
        f"os.fork() or (time.sleep(0.3), tell(probe(before={ANY_UID})), os._exit(0))",
        *HEALTHY,
    ),
    "another program, asked by another user": (
        [],
        [],
        f"tell(probe(str(os.getpid()), before={ANY_UID}))",
        *(1, "", "process 2 is 'python3', not corral-init"),
    ),
    "stopped, with many descriptors": (
        ["bash", "-c", 'for i in {3..80}; do eval "exec $i</dev/null"; done; exec "$@"', "-"],
        [],
        "beside(stopped)",
        *(1, "", "main process 'python3'"),
    ),
    "stopped, and a child of before": (
        ["sh", "-c", "sleep 9 & exec \"$@\"", "-"],
        [],
        "beside(stopped)",
        *(1, "", "main process 'python3'"),
    ),
    "stopped, with records, and a child of before": (
        ["sh", "-c", "sleep 9 & exec \"$@\"", "-"],
        ["--record", SCRATCH / "pacct"],
        "beside(stopped)",
        *(1, "", "main process 'python3'"),
    ),
    "no lists of children": (
        [],
        [],
        "subprocess.run('mount -t tmpfs none /proc/1/task', shell=True); tell(probe())",
        *HEALTHY,
    ),
    "stopped, no lists of children": (
        [],
        [],
        "subprocess.run('mount -t tmpfs none /proc/1/task', shell=True); beside(stopped)",
        *(1, "", "main process 'python3' (2) is stopped"),
    ),
    "no /proc": (
        [],
        [],
        "subprocess.run('mount -t tmpfs none /proc', shell=True); tell(probe())",
        *(1, "", "process 1 is not in /proc"),
    ),
    "a zombie": (
        [],
        [],
        "child = subprocess.Popen(['true']); time.sleep(0.1); tell(probe()); child.wait()",
        *(0, "", "1 zombie whose parent does not wait for it: 'true' (3) of 'python3' (2)"),
    ),
    "zombies before the probe proper": (
        [],
        [],
        "c = [subprocess.Popen(['true']) for _ in 'ab']; time.sleep(0.1)\n"
        "tell(probe('--', 'echo')); [i.wait() for i in c]",
        *(0, "\n", "2 zombies whose parents do not wait for them: 'true' (3) of 'python3' (2), 'true' (4) of"),
    ),
    "a zombie that is reaped soon": (
        [],
        [],
        "child = subprocess.Popen(['true']); time.sleep(0.1); threading.Timer(0.1, child.wait).start(); tell(probe())",
        *HEALTHY,
    ),
    "a hundred zombies": (
        [],
        [],
        "c = [subprocess.Popen(['true']) for _ in range(100)]; time.sleep(0.3); tell(probe()); [i.wait() for i in c]",
        *(0, "", "at least 32 zombies whose parents do not wait for them: "),
    ),
}


def run(before, options, body, namespace=NAMESPACE, init=corral.INIT):
    """What the main process told."""
    line = [*namespace, *before, init, *options, "--", "/usr/bin/python3", "-c", PRELUDE + body]
    done = subprocess.run([str(word) for word in line], capture_output=True, text=True, check=False, timeout=60)
    if not done.stdout:
        corral.fail(f"nothing was told: {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


def is_as_wanted(found, code, stdout, line):
    """`line` is the beginning of the one line on standard error."""
    stderr = found[2]
    right = stderr.startswith(LINES + line) and stderr.count("\n") == 1 if line else not stderr
    return found[:2] == [code, stdout] and right


def renamed():
    """An engine mounts the init under a name of its own."""
    init, other = SCRATCH / "podman-init", SCRATCH / "another"
    for path in (init, other):
        shutil.copy(corral.INIT, path)
    found = run([], [], f"tell(probe(program={str(init)!r}))", init=init)
    corral.check(is_as_wanted(found, *HEALTHY), "the same file under another name is known", found)
    found = run([], [], f"tell(probe(program={str(other)!r}))", init=init)
    corral.check(is_as_wanted(found, 1, "", "process 1 is 'podman-init', not"), "another file is not", found)


def beside_others():
    """Not PID 1: in the machine's namespace, where a stranger has a zombie."""
    leaves_zombie = "import subprocess as s; p = s.Popen(['true']); s.sys.stdin.read()"
    stranger = subprocess.Popen(["python3", "-c", leaves_zombie], stdin=subprocess.PIPE)
    zombie = "child = subprocess.Popen(['true']); time.sleep(0.1); tell(probe(str(os.getppid()))); child.wait()"
    children = lambda: corral.children_of(stranger.pid)
    corral.wait_until(lambda: any(not corral.is_alive(pid) for pid in children()), what="a zombie")
    found = run([], [], "tell(probe(str(os.getppid())))", namespace=[])
    corral.check(is_as_wanted(found, *HEALTHY), "not PID 1: healthy, and a stranger's zombie is not named", found)
    found = run([], [], zombie, namespace=[])
    corral.check(is_as_wanted(found, 0, "", "1 zombie whose parent"), "not PID 1: its own is", found)
    stranger.communicate()


def main():
    corral.needs_namespaces()
    corral.needs_root()
    SCRATCH.chmod(0o755)
    if corral.INIT == corral.INIT_GLIBC:
        del CASES["no /proc"]  # sanitizers need it
    for name, (before, options, body, *wanted) in CASES.items():
        found = run(before, options, body)
        corral.check(is_as_wanted(found, *wanted), f"{name}: {wanted[0]}, {wanted[2] or 'silence'!r}", found, wanted)
        if name == "healthy":
            corral.check(found[3] < 0.2, f"it took {found[3] * 1000:.1f} ms", found)
    renamed()
    beside_others()
    shutil.rmtree(SCRATCH)


if __name__ == "__main__":
    main()
