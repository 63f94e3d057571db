#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`corral run` and record mode as PID 1 of a container: a pid namespace of its own, the machine's root or one that has
nothing but a shell and corral-init; as root and as another user. PID 1 cannot die by a signal: it exits with 128 + N."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

from corral import COMMAND, INIT, check, children_of, equal, needs_root, skip, wait_until

folder = pathlib.Path(tempfile.mkdtemp(prefix="corral-test-"))
folder.chmod(0o777)
ENVIRONMENT = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(folder), "CORRAL_RUNTIME_DIR": str(folder / "none")}
NAMESPACE = ["unshare", "--fork", "--pid", "--kill-child", "--propagation", "private"]
# A straggler that says how it was ended: the kernel's end of the namespace would be SIGKILL.
STRAGGLER = "(trap 'echo TERM >{0}; exit' TERM; echo up >{0}; while :; do sleep 0.1; done) & " \
            "until [ -s {0} ]; do sleep 0.1; done; "
CASES = [  # what the command does, the exit code
    ("exit 0", 0),
    ("exit 42", 42),
    ("kill -TERM $$", 128 + 15),
    ("kill -KILL $$", 128 + 9),
    ("kill -SEGV $$", 128 + 11),
    ("exec no-such-program", 127),
    ("[ $PPID = 1 ] && [ $(cat /proc/1/comm) = corral-init ] && exit 7", 7),
]


def bare_root():
    """The container's root: a shell, two tools and corral-init with their libraries, no device, /etc or /sys."""
    root = folder / "root"
    for name in ("bin", "dev", "proc", "tmp"):
        (root / name).mkdir(parents=True)
    (root / "tmp").chmod(0o777)
    (root / "dev" / "null").touch()  # a file will do: dash reads it for what is in the background
    programs = [shutil.which(name) for name in ("sh", "sleep", "cat")] + [str(INIT)]
    for program in programs:
        shutil.copy(program, root / "bin" / ("corral-init" if program == str(INIT) else pathlib.Path(program).name))
        libraries = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
        for library in re.findall(r"/[^ ]+", libraries):
            place = root / library[1:]
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, place)
    return root


def container(words, user, root=None):
    """The command line, and where it sees the test's directory."""
    drop = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
    line = [*NAMESPACE, f"--mount-proc={root / 'proc'}" if root else "--mount-proc"]
    if root:
        # setpriv is not in the root: chroot changes the user itself.
        return [*line, "chroot", *([f"--userspec={user}:{user}", "--groups="] if user else []), str(root), *words]
    return [*line, *drop, *words]


def check_container(name, words, user, root=None):
    inside = pathlib.Path("/tmp") if root else folder
    outside = root / "tmp" if root else folder

    def run(script):
        return subprocess.run(container([*words(inside), "sh", "-c", script], user, root), env=ENVIRONMENT,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)

    for script, code in CASES:
        result = run(script)
        equal(result.returncode, code, f"{name}: {script!r} gives {code}")
    mark = f"mark-{name.replace(' ', '-').replace(',', '')}"
    result = run(STRAGGLER.format(inside / mark) + "exit 4")
    equal((result.returncode, (outside / mark).read_text()), (4, "TERM\n"), f"{name}: a straggler is ended by policy")

    (outside / mark).unlink()
    script = f"trap 'exit 9' TERM; echo up >{inside / mark}; while :; do sleep 0.1; done"
    process = subprocess.Popen(container([*words(inside), "sh", "-c", script], user, root), env=ENVIRONMENT)
    wait_until(lambda: (outside / mark).exists(), what="the command")
    first = children_of(process.pid)[0]
    os.kill(first, signal.SIGTERM)
    equal(process.wait(20), 9, f"{name}: what is sent to PID 1 reaches the command (docker stop)")
    pacct = outside / f"pacct-{user or 0}"
    found = subprocess.run([str(COMMAND), "records", str(pacct), "--json"], capture_output=True, text=True, check=True)
    equal(found.stdout.count('"kind":"end"'), len(CASES) + 2, f"{name}: each job has its record")
    pacct.unlink()


def command(user):
    def words(inside):
        ENVIRONMENT["CORRAL_PACCT"] = str(inside / f"pacct-{user or 0}")
        return [str(COMMAND), "run", "--"]
    return words


def record_mode(program, user):
    return lambda inside: [str(program), "--record", str(inside / f"pacct-{user or 0}"), "--reraise", "--"]


def main():
    needs_root()
    probe = subprocess.run([*NAMESPACE, "--mount-proc", "true"], stderr=subprocess.DEVNULL, check=False)
    if probe.returncode != 0:
        skip("needs a pid namespace")
    for user in (0, 65534):
        who = "another user" if user else "root"
        check_container(f"corral run, {who}", command(user), user)
        check_container(f"record mode, {who}", record_mode(INIT, user), user)
    root = bare_root()
    for user in (0, 65534):
        check_container(f"bare root, {'another user' if user else 'root'}",
                        record_mode("/bin/corral-init", user), user, root)


try:
    main()
finally:
    shutil.rmtree(folder, ignore_errors=True)
