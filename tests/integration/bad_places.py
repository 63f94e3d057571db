#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""/run is read-only, or the temporary directory is full: what does not need
the place goes on, and what does says in one sentence which path it is and what
can be done. In a mount namespace of its own: nothing outside changes."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from corral import (COMMAND, DAEMON, INIT, check, end_processes_with, end_within, equal, needs_root, processes_with,
                    wait_until)

MARK = f"CORRAL_TEST=places.{os.getpid()}"
folder = pathlib.Path(os.environ.get("BAD_PLACES") or tempfile.mkdtemp(prefix="corral-test-"))
readonly, made, full, crowded, home, usable = (
    folder / name for name in ("readonly", "made", "full", "crowded", "home", "tmp"))
RUNTIME, LOGS = "CORRAL_RUNTIME_DIR chooses another directory", "CORRAL_LOG_DIR chooses another directory"
READ_ONLY, NO_ROOM = "Read-only file system", "No space left on device"


def environment(**more):
    base = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(home), "CORRAL_ENGINE": "subreaper",
            **dict([MARK.split("=")])}
    return {**base, **{name: str(value) for name, value in more.items()}}


def run(*command, **places):
    return subprocess.run([str(word) for word in command], env=environment(**places), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60, check=False)


def mount(*words):
    subprocess.run(["mount", *map(str, words)], check=True)


def make_places():
    """A read-only directory with a runtime directory made before; a temporary directory without a free block, one
    without a free inode."""
    for path in (readonly, made, full, crowded, home, usable):
        path.mkdir()
    usable.chmod(0o1777)
    (readonly / "made").mkdir(mode=0o700)
    mount("--bind", readonly, readonly)
    mount("-o", "remount,ro,bind", readonly)
    mount("-t", "tmpfs", "-o", "size=64k", "none", full)
    mount("-t", "tmpfs", "-o", "size=64k,nr_inodes=2", "none", crowded)
    (crowded / "ballast").touch()
    with open(full / "ballast", "wb", buffering=0) as ballast:
        try:
            while ballast.write(bytes(4096)):
                pass
        except OSError:
            pass


def foreground():
    places = {
        "a read-only runtime directory": {"CORRAL_RUNTIME_DIR": readonly / "run"},
        "one that was made before": {"CORRAL_RUNTIME_DIR": readonly / "made"},
        "a full temporary directory": {"TMPDIR": full},
        "one without an inode": {"TMPDIR": crowded},
    }
    for name, variables in places.items():
        result = run(COMMAND, "run", "--", "sh", "-c", "echo out; exit 3", **variables)
        equal((result.returncode, result.stdout, result.stderr), (3, "out\n", ""), f"corral run: {name} is not needed")


def detached():
    """What cannot be: (the place, code, path, errno's words, the fix)."""
    rows = [
        ({"CORRAL_RUNTIME_DIR": readonly / "run"}, readonly / "run", READ_ONLY, RUNTIME),
        ({"CORRAL_RUNTIME_DIR": readonly / "made"}, readonly / "made", READ_ONLY, RUNTIME),
        ({"XDG_RUNTIME_DIR": readonly, "TMPDIR": crowded}, crowded / "corral-0", NO_ROOM, RUNTIME),
        ({"TMPDIR": crowded}, crowded / "corral-0", NO_ROOM, RUNTIME),
        ({"TMPDIR": usable, "CORRAL_LOG_DIR": readonly / "log"}, readonly / "log", READ_ONLY, LOGS),
    ]
    for places, path, why, fix in rows:
        result = run(COMMAND, "run", "-d", "--private", "--", "true", **places)
        equal((result.returncode, result.stdout), (69, ""), f"corral run -d: no instance in {' '.join(places)}")
        check(re.fullmatch(f"corral: cannot start a private instance: [a-z ]+ '{path}': {why}; {fix}\n", result.stderr),
              f"said in one sentence: {result.stderr.strip()}")
    # What can: the other place is taken, or the full one has room enough.
    for name, places, socket in (
            ("a read-only XDG_RUNTIME_DIR", {"XDG_RUNTIME_DIR": readonly, "TMPDIR": usable}, usable / "corral-0"),
            ("no block in TMPDIR", {"TMPDIR": full}, full / "corral-0")):
        result = run(COMMAND, "run", "-d", "--private", "--", "sh", "-c", "echo out; exit 4", **places)
        equal((result.returncode, result.stderr), (0, ""), f"corral run -d: {name} does not matter")
        check((socket / "private").is_socket(), f"the instance is in '{socket.name}'")
        jid = result.stdout.strip()
        equal(run(COMMAND, "wait", "--private", jid, **places).returncode, 4, "its job runs and ends")
        equal(run(COMMAND, "log", "--private", jid, **places).stdout, "out\n", "and has its output")
        wait_until(lambda: not list(processes_with(MARK)), 20, "the end of the instance")


def supervisor():
    """corrald by itself ends with its sentence before it does anything."""
    rows = [
        ({"CORRAL_RUNTIME_DIR": readonly / "run"}, readonly / "run", READ_ONLY),
        ({"CORRAL_RUNTIME_DIR": readonly / "made"}, readonly / "made", READ_ONLY),
        ({"XDG_RUNTIME_DIR": readonly, "TMPDIR": crowded}, crowded / "corral-0", NO_ROOM),
    ]
    for places, path, why in rows:
        result = run(DAEMON, "--private", "--bus", "none", "--pacct", folder / "p", "--log-dir", folder / "l",
                     "--reaper-fd", "3", "--store-fd", "4", **places)
        equal((result.returncode, result.stdout), (2, ""), f"corrald ends without a place: {' '.join(places)}")
        check(re.fullmatch(rf".* critical: [a-z: ]+ '{path}': {why}; {RUNTIME}\n", result.stderr),
              f"said in one sentence: {result.stderr.strip()}")


def doctor():
    """What it says of each place is what happens there."""
    def checks(**places):
        result = run(COMMAND, "doctor", "--json", TMPDIR=usable, **places)
        return {entry["name"]: entry for entry in json.loads(result.stdout)["checks"]}

    place = folder / "pacct"
    place.mkdir()
    (place / "directory").mkdir()
    os.mkfifo(place / "fifo")
    (place / "empty").touch()
    (place / "text").write_text("somebody's\n")
    (place / "link").symlink_to(place / "made")
    (place / "dangling").symlink_to(place / "none" / "such")
    run(INIT, "--record", place / "pacct", "--", "true")
    for name, wanted in (("directory", "Is a directory"), ("fifo", "expected a regular file, found a pipe or a device"),
                         ("text", "expected a pacct file, found other contents"),
                         ("dangling", f"it is a link to '{place}/none/such', which cannot be made: No such file"),
                         ("empty", None), ("pacct", None), ("link", None), ("new", None)):
        found = checks(CORRAL_PACCT=place / name)["accounting"]
        equal((found["status"], (wanted or "can be written") in found["finding"]), ("problem" if wanted else "ok", True),
              f"corral doctor: {found['finding']}")
    equal(checks(CORRAL_PACCT="/proc/x")["accounting"]["finding"], "'/proc/x': '/proc' cannot be written: nobody can make a file there",
          "corral doctor: no file is made in /proc")
    (place / "near").symlink_to("unmade")
    for name, target in (("near", None), ("unmade", None), ("dangling", "is a link to")):
        result = run("sh", "-c", 'cd "$0" && exec "$@"', place, COMMAND, "doctor", "--json", CORRAL_PACCT=name)
        found = next(entry for entry in json.loads(result.stdout)["checks"] if entry["name"] == "accounting")
        equal((found["status"], (target or "can be written") in found["finding"]), ("problem" if target else "ok", True),
              f"a relative accounting file: {found['finding']}")
    instances = json.loads(run(COMMAND, "doctor", "--json", TMPDIR=usable).stdout)["instances"]
    kinds = {entry["socket"]: entry["kind"] for entry in instances}
    equal((kinds["/dev/shm/corral-0/private"], kinds["/run/corral/private"]), ("private", "system"),
          "the private places are called so")


def odd_places():
    """Of a runtime directory doctor says what 'run -d' says, and it advises nothing that harms."""
    def both(runtime, wanted, fix):
        result = run(COMMAND, "doctor", "--json", TMPDIR=usable, CORRAL_RUNTIME_DIR=runtime)
        found = {entry["name"]: entry for entry in json.loads(result.stdout)["checks"]}["runtime"]
        equal((found["status"], found["finding"], found["fix"]), ("problem", wanted, fix), f"corral doctor: {wanted}")
        result = run(COMMAND, "run", "-d", "--private", "--", "true", CORRAL_RUNTIME_DIR=runtime, TMPDIR=usable)
        equal((result.returncode, result.stderr), (69, f"corral: cannot start a private instance: {wanted}; {fix}\n"),
              "and so does who starts an instance there")

    def directory(name, mode=0o700):
        path = folder / name
        path.mkdir()
        path.chmod(mode)
        return path

    def loose(mode):
        return f"found mode {mode} of uid 0, expected mode 0700 of uid 0"

    path, spaced, mine = directory("open", 0o755), directory("it's open", 0o755), directory("mine", 0o755)
    quoted = str(spaced).replace("'", "\\'").replace(" ", "\\ ")
    (mine / "letter").touch()
    both(path, f"use the runtime directory '{path}': {loose('0755')}", f"'chmod 700 {path}' mends it")
    both(spaced, f"use the runtime directory '{spaced}': {loose('0755')}", f"'chmod 700 {quoted}' mends it")
    both(mine, f"use the runtime directory '{mine}': {loose('0755')}", RUNTIME)
    both(usable, f"use the runtime directory '{usable}': {loose('1777')}", RUNTIME)
    both("/", f"use the runtime directory '/': {loose('0755')}", RUNTIME)
    both("/proc/x", "make directory '/proc/x': No such file or directory", RUNTIME)
    both(folder / "no" / "run", f"stat '{folder}/no': No such file or directory", RUNTIME)
    longer = folder / ("x" * (99 - len(str(folder))))
    both(longer, f"runtime directory '{longer}' is 100 bytes long, expected at most 99 for the path of a socket", RUNTIME)
    kinds = {"a directory": lambda path: path.mkdir(), "a pipe": os.mkfifo, "a symbolic link": lambda path: path.symlink_to("x")}
    for number, (kind, make) in enumerate(kinds.items()):
        for name, wanted in (("private.lock", "a regular file"), ("lock", "a regular file"), ("private", "a socket")):
            path = directory(f"{name}.{number}")
            make(path / name)
            both(path, f"'{path}/{name}' is {kind}, expected {wanted} or nothing", f"move it away; or {RUNTIME}")
            equal(os.listdir(path), [name], "nothing is made there")


def relative():
    """Two directories to call it from would be two places."""
    words = "corral: environment variable 'CORRAL_RUNTIME_DIR' is 'run', expected an absolute path\n"
    for verb in (["ps"], ["tree"], ["show", "x"], ["kill", "x"], ["wait", "x"], ["log", "x"], ["records", "x"], ["daemon-reexec"],
                 ["run", "--", "true"], ["run", "-d", "--", "true"]):  # fmt: skip
        result = run(COMMAND, *verb, CORRAL_RUNTIME_DIR="run")
        equal((result.returncode, result.stdout, result.stderr), (64, "", words), f"corral {verb[0]}: a relative place is refused")
    result = run(COMMAND, "doctor", CORRAL_RUNTIME_DIR="run")
    check(result.returncode == 1 and "runtime directory 'run' is relative, expected an absolute path" in result.stdout,
          "corral doctor finds it", result)
    equal(run(COMMAND, "ps", "--help", CORRAL_RUNTIME_DIR="run").returncode, 0, "help is given all the same")


def wrong_variables():
    """corral says what corrald says, before it does anything; the doctor names them all."""
    path, duration = "an absolute path", "a duration such as 5s or 500ms"
    rows = (("CORRAL_RUNTIME_DIR", "run", path), ("CORRAL_PACCT", "relative", path), ("CORRAL_LOG_DIR", "log", path),
            ("CORRAL_CGROUP_BASE", "jobs", "the absolute path of a cgroup directory"),
            ("CORRAL_ENGINE", "cgroup3", "'cgroup2', 'subreaper', 'pidns' or 'cgroup2+pidns'"), ("CORRAL_TIMEOUT", "0", duration),
            ("CORRAL_TIMEOUT", "soon", duration), ("CORRAL_INIT_STOP_TIMEOUT", "soon", duration),
            ("CORRAL_CONFIG", "corral.toml", path), ("CORRAL_LIBEXEC", "bin", path))  # fmt: skip
    for name, value, expected in rows:
        said = f"environment variable '{name}' is '{value}', expected {expected}\n"
        for verb in (["run", "--", "true"], ["run", "-d", "--private", "--", "true"], ["ps"]):
            result = run(COMMAND, *verb, **{name: value}, TMPDIR=usable)
            equal((result.returncode, result.stdout, result.stderr), (64, "", f"corral: {said}"), f"corral {verb[:2]}: {said[:-1]}")
        if name in ("CORRAL_TIMEOUT", "CORRAL_LIBEXEC"):
            continue
        result = run(DAEMON, "--private", "--bus", "none", **{name: value})
        told = said.split(", expected")[0]
        check(result.returncode == 2 and told in result.stderr, f"and so says corrald: {result.stderr.strip()}")
    values = {name: value for name, value, _ in rows}
    result = run(COMMAND, "doctor", "--json", **values)
    found = [entry for entry in json.loads(result.stdout)["checks"] if entry["name"] == "environment"]
    equal((result.returncode, {entry["status"] for entry in found}, len(found)), (1, {"problem"}, len(values)), "corral doctor tells each")
    check(all(any(f"'{name}' is '{value}'" in entry["finding"] for entry in found) for name, value in values.items()),
          "by its name", found)
    equal(run(COMMAND, "run", "--", "true", CORRAL_TIMEOUT="", CORRAL_LIBEXEC="").returncode, 0, "an empty one is none")


def no_cgroup():
    """A cgroup base that is named and no place for one: nothing is made in it."""
    for base in (usable / "base", usable / "no" / "base"):
        result = run(COMMAND, "run", "--", "true", CORRAL_ENGINE="", CORRAL_CGROUP_BASE=base)
        equal((result.returncode, result.stderr.count("\n")), (125, 1), f"corral run: {result.stderr.strip()}")
        result = run(COMMAND, "doctor", CORRAL_ENGINE="", CORRAL_CGROUP_BASE=base)
        check(re.search("problem +engine .* is not in cgroup v2", result.stdout), "corral doctor tells", result.stdout)
        units = folder / "units"
        units.mkdir(exist_ok=True)
        result = run(INIT, "--units", units, "--", "--bus", "none", "--pacct", folder / "p", TMPDIR=usable, CORRAL_ENGINE="",
                     CORRAL_CGROUP_BASE=base)
        said = [line for line in result.stderr.splitlines() if "expects a directory in cgroup v2" in line]
        check(result.returncode != 0 and said and str(base) in said[0], f"an instance does not start: {said[:1]}")
        check(not base.exists() and not (usable / "no").exists(), "nothing was made")


def system_instance():
    """The machine's own instance with a read-only /run lives in the temporary directory, where it is found."""
    mount("-t", "tmpfs", "-o", "mode=755,ro", "none", "/run")
    ready, theirs = os.pipe()
    log = open(folder / "log", "w", encoding="utf-8")
    reaper = subprocess.Popen(
        [str(INIT), "--supervise", f"--ready-fd={theirs}", "--", str(DAEMON), "--bus", "none", "--pacct",
         str(readonly / "pacct" / "file"), "--log-dir", str(folder / "log.d")],
        env=environment(TMPDIR=usable), pass_fds=[theirs], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    os.close(theirs)
    try:
        equal(os.read(ready, 8), b"1\n", "corrald with a read-only /run becomes ready")
        result = run(COMMAND, "run", "--system", "--", "sh", "-c", "exit 5", TMPDIR=usable)
        equal((result.returncode, result.stderr), (5, ""), "its clients find it in the temporary directory")
        jid = run(COMMAND, "run", "-d", "--system", "--", "sh", "-c", "exit 6", TMPDIR=usable).stdout.strip()
        equal(run(COMMAND, "wait", jid, TMPDIR=usable).returncode, 6, "detached jobs too")
        lines = (folder / "log").read_text().splitlines()
        said = [line for line in lines if "accounting has no place" in line]
        check(len(said) == 1 and f"'{readonly}/pacct': {READ_ONLY}; CORRAL_PACCT chooses another file" in said[0],
              f"a read-only accounting directory is said once: {said}")
    finally:
        reaper.terminate()
        reaper.wait(20)


def set_uid():
    """What a set-uid program executes believes no variable of its user."""
    place = folder / "set-uid"
    (place / "evil").mkdir(parents=True)
    for path in (folder, place, place / "evil"):
        path.chmod(0o755)
    evil = place / "evil" / "corral-init"
    evil.write_text("#!/bin/sh\necho the evil one\n")
    evil.chmod(0o755)
    program = place / "program"
    subprocess.run(["cc", "-xc", "-", "-o", program], check=True,
                   input=b"#include <unistd.h>\nint main(int n, char** v) { (void)n; execv(v[1], v + 1); return 99; }\n")
    program.chmod(0o4755)
    theirs = environment(CORRAL_LIBEXEC=place / "evil", CORRAL_PACCT=place / "theirs")
    result = subprocess.run([program, COMMAND, "run", "--", "true"], env=theirs, user=65534, group=65534, extra_groups=[],
                            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    equal((result.returncode, result.stdout), (0, ""), f"its user's CORRAL_LIBEXEC is not executed {result.stderr}")
    check(not (place / "theirs").exists(), "and his CORRAL_PACCT not written")


def inside():
    try:
        make_places()
        for part in (foreground, detached, supervisor, doctor, odd_places, relative, wrong_variables, no_cgroup, system_instance, set_uid):
            part()
    finally:
        end_processes_with(MARK)


if os.environ.get("BAD_PLACES"):
    inside()
else:
    needs_root()
    try:
        code = subprocess.run(["unshare", "-m", "--propagation", "private", sys.executable, __file__], check=False,
                              env={**os.environ, "BAD_PLACES": str(folder)}).returncode
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    end_within(code)
