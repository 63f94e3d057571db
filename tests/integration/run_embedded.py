#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`corral run` where no Corral is running: no daemon, nothing set up. The
program sees exactly what it would have seen without us."""

import fcntl
import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
import tempfile

from corral import COMMAND, Cgroup, cgroup2_parent, check, equal, not_checked

folder = pathlib.Path(tempfile.mkdtemp(prefix="corral-test-"))
ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": str(folder),
    "CORRAL_RUNTIME_DIR": str(folder / "nobody"),
    "CORRAL_PACCT": str(folder / "pacct"),
}


def run(*arguments, under=(), **options):
    options.setdefault("env", ENVIRONMENT)
    options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run(
        [*under, str(COMMAND), "run", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
        **options,
    )


def exit_codes():
    for code in (0, 1, 42, 255):
        equal(run("--", "sh", "-c", f"exit {code}").returncode, code, f"exit code {code} is passed on")
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGUSR1):
        equal(
            run("--", "sh", "-c", f"kill -{int(number)} $$").returncode,
            -number,
            f"death by {number.name} is raised again",
        )
    missing = run("--", "no-such-program")
    equal(missing.returncode, 127, "a program that is not found is 127")
    check("'no-such-program'" in missing.stderr, "and is named", missing.stderr)
    plain = folder / "plain"
    plain.write_text("#!/bin/sh\n")
    equal(run("--", str(plain)).returncode, 126, "a file that may not be executed is 126")
    lost = folder / "lost"
    lost.write_text("#!/no/such/interpreter\n")
    lost.chmod(0o755)
    result = run("--", str(lost))
    equal(result.returncode, 127, "a missing interpreter is 127, as in a shell")
    check(result.stderr.count("\n") == 1, "said in one line", result.stderr)


def arguments_and_streams():
    words = ["", " ", "-x", "--", "--report", "a\nb", "*", "\\"]
    result = run("printf", "[%s]", *words)
    equal(result.stdout, "".join(f"[{word}]" for word in words), "arguments arrive byte for byte")
    piped = subprocess.run(
        f"printf 'a b' | '{COMMAND}' run -- tr a-z A-Z | '{COMMAND}' run cat",
        shell=True,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    equal(piped.stdout, "A B", "it stands in a pipeline")
    big = "x" * 100_000
    result = run("sh", "-c", 'printf %s "$1" | wc -c', "sh", big)
    equal(result.stdout.strip(), "100000", "a long argument arrives whole")
    many = ["x" * 20_000] * 95
    result = run("sh", "-c", "printf %s $# $(printf %s $* | wc -c)", "sh", *many)
    equal(result.stdout, "951900000", "1.9 MB of arguments arrive")


SEEN = r"""
import fcntl
import json, os, resource, signal, sys
fds = {}
for name in os.listdir('/proc/self/fd'):
    try: fds[int(name)] = os.readlink('/proc/self/fd/' + name)
    except OSError: pass
fds = {fd: t for fd, t in fds.items() if '/proc/' not in t and t != 'x'}
status = dict(line.split(':\t', 1) for line in open('/proc/self/status').read().splitlines() if ':\t' in line)
out = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
json_text = json.dumps({
  'fds': sorted(fds.items()), 'umask': status['Umask'].strip(), 'cwd': os.getcwd(),
  'limits': [resource.getrlimit(i) for i in range(16)],
  'environment': sorted(i for i in os.environ.items() if i[0] != '_'), 'session': os.getsid(0),
  'group': os.getpgid(0), 'nice': os.nice(0),
  'signals': [status[k].strip() for k in ('SigBlk', 'SigIgn')],
  'ids': [status[k].strip() for k in ('Uid', 'Gid', 'Groups', 'NoNewPrivs', 'Seccomp')]})
os.write(out, json_text.encode())
"""


def attributes():
    """What the program sees, bare and under corral run."""
    script = folder / "seen.py"
    script.write_text(SEEN)
    variants = {
        "as it is": "",
        "standard input closed": "exec <&-;",
        "standard output closed": "exec >&-;",
        "standard error closed": "exec 2>&-;",
        "all three closed": "exec <&- >&- 2>&-;",
        "descriptors 7 and 90 open": "exec 7</dev/null 90>/dev/null;",
        "umask 027 and lower limits": "umask 027; ulimit -n 200; ulimit -c 0; ulimit -s 4096;",
        "HUP, INT and PIPE ignored": "trap '' HUP INT PIPE;",
        "another directory": "cd /usr;",
        "nice 5": "renice -n 5 -p $$ >/dev/null;",
    }
    for name, setting in variants.items():
        seen = []
        for prefix in ("", f"'{COMMAND}' run -- "):
            out = folder / "seen"
            out.unlink(missing_ok=True)
            subprocess.run(
                ["bash", "-c", f"{setting} {prefix}/usr/bin/python3 -S -E {script} {out}; exit 0"],
                env={**ENVIRONMENT, "SPECIAL": "a=b\nc"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
                start_new_session=True,
            )
            check(out.exists(), f"{name}: the program ran {'under corral run' if prefix else 'bare'}")
            facts = json.loads(out.read_text())
            for key in ("session", "group"):
                facts.pop(key)
            seen.append(facts)
        for key in seen[0]:
            equal(seen[1][key], seen[0][key], f"{name}: the same {key}")


def blocked_signals():
    """A blocked mask cannot be set by a shell."""

    def block():
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGTERM, signal.SIGCHLD])

    script = 'grep SigBlk /proc/self/status'
    bare = subprocess.run(["sh", "-c", script], preexec_fn=block, stdout=subprocess.PIPE, text=True, check=False)
    equal(run("sh", "-c", script, preexec_fn=block).stdout, bare.stdout, "blocked signals stay blocked")


def stragglers():
    mark = f"{os.getpid()}{os.getpid()}"
    result = run(
        "--report",
        "--",
        "sh",
        "-c",
        f"setsid sleep {mark}.1 & (setsid sleep {mark}.2 &) ; sleep 0.2; exit 3",
    )
    equal(result.returncode, 3, "the main process's code is passed on")
    left = subprocess.run(["pgrep", "-f", f"sleep {mark}"], stdout=subprocess.PIPE, check=False).stdout
    equal(left, b"", "nothing that it left behind lives")
    check("2 processes left behind: sleep, sleep" in result.stderr, "the report says what was ended", result.stderr)


def reports():
    result = run("-n", "web", "--report=json", "sh", "-c", "exit 4")
    facts = json.loads(result.stderr)
    equal((facts["name"], facts["result"], facts["exit_code"]), ("web", "exited", 4), "--report=json tells")
    check(re.fullmatch("0x[0-9a-f]{1,16}", facts["jid"]), "with a jid", facts["jid"])
    closed = subprocess.run(
        ["bash", "-c", f"exec 2>&-; '{COMMAND}' run --report -- sh -c 'exit 5'"], env=ENVIRONMENT, check=False
    )
    equal(closed.returncode, 5, "a report nobody can read changes nothing")


def options():
    result = run("-e", "A=1", "--env", "PATH=/bin", "-C", "/usr", "sh", "-c", "echo $A $PATH $PWD")
    equal(result.stdout, "1 /bin /usr\n", "--env and --cwd are the program's")
    result = run("-l", "wall=200ms", "--report=json", "sleep", "60")
    equal(json.loads(result.stderr)["result"], "over-limit", "a wall-time limit ends the job")
    result = run("-g", "100ms", "-l", "wall=100ms", "--report=json", "sh", "-c", "trap '' TERM; while :; do sleep 1; done")
    equal(json.loads(result.stderr)["signal"], "SIGKILL", "what ignores the signal is killed after its grace")
    if os.geteuid() == 0:
        result = run("-u", "nobody", "sh", "-c", "id -un; id -G")
        wanted = subprocess.run(["id", "-G", "nobody"], stdout=subprocess.PIPE, text=True, check=False).stdout
        equal(result.stdout, f"nobody\n{wanted}", "--user runs it as that user, with its groups")
    result = run("-u", "no-such-user", "true")
    equal(result.returncode, 67, "an unknown user has an exit code")
    equal(
        result.stderr,
        "corral: there is no user 'no-such-user'; 'getent passwd' lists those that there are\n",
        "and a sentence",
    )
    equal(run("-u", "4294967295", "true").returncode, 67, "the number that is nobody's is no user")
    if os.geteuid() == 0:
        equal(run("-u", "54321", "sh", "-c", "id -u; id -G").stdout, "54321\n54321\n", "any other number is one")
    result = run("--system", "true")
    equal(result.returncode, 69, "--system wants the system instance")
    equal(run("--reprot", "true").returncode, 2, "misuse is 2")


def engines():
    for engine in ("subreaper", "cgroup2"):
        if engine == "cgroup2" and cgroup2_parent() is None:
            not_checked("needs a writable cgroup v2 hierarchy")
            continue
        with Cgroup() if engine == "cgroup2" else tempfile.TemporaryDirectory() as base:
            environment = dict(ENVIRONMENT)
            if engine == "cgroup2":
                environment["CORRAL_CGROUP_BASE"] = str(base / "jobs")
            result = run("--engine", engine, "sh", "-c", "setsid sleep 1000 & cat /proc/self/cgroup", env=environment)
            equal(result.returncode, 0, f"the {engine} engine can be forced")
            is_inside = re.search("/jobs/.*j[0-9a-f]{16}$", result.stdout, re.M) is not None
            equal(is_inside, engine == "cgroup2", f"and contains ({engine})")


def file_size_limit():
    """Our own write that passes the caller's limit of file size is not the program's affair."""
    pacct = pathlib.Path(ENVIRONMENT["CORRAL_PACCT"])
    check(pacct.stat().st_size > 1024, "the accounting file is larger than the limit")
    low = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))  # noqa: E731
    result = run("--", "sh", "-c", "sleep 0.1; echo fine; exit 3", preexec_fn=low)
    equal((result.stdout, result.returncode), ("fine\n", 3), "a program under ulimit -f 1 ends as it wants")
    check("File too large" in result.stderr, "that there is no record is said", result.stderr)
    result = run("--", "sh", "-c", "head -c 4096 /dev/zero > big", preexec_fn=low, cwd=folder)
    check(result.returncode != 0, "and the program's own limit holds", result)


def caller_locks():
    """fcntl(2)'s locks are the process's, and outlive an exec: with-lock-ex(1) holds them round a command."""
    lock = folder / "lock"
    lock.write_text("")
    program = ("import fcntl, os, sys\nf = open(sys.argv[1], 'r+')\nos.set_inheritable(f.fileno(), True)\nfcntl.lockf(f, fcntl.LOCK_EX)\n"
               "os.execvp(sys.argv[2], sys.argv[2:])")
    held = subprocess.Popen([sys.executable, "-c", program, lock, COMMAND, "run", "sh", "-c", "sleep 0.3; echo begun; sleep 0.3"],
                            env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
    equal(held.stdout.readline(), "begun\n", "the command runs under the lock")
    with open(lock, "r+", encoding="utf-8") as other:
        try:
            fcntl.lockf(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_free = True
        except OSError:
            is_free = False
        check(not is_free, "which is held as long as it runs")
        equal(held.wait(), 0, "it ends")
        fcntl.lockf(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        check(True, "and the lock with it")


def pending_signals():
    """A signal that the caller sent itself, and had blocked, comes when the command unblocks it."""
    program = "import os, signal, sys\nsignal.pthread_sigmask(signal.SIG_BLOCK, [15])\nos.kill(os.getpid(), 15)\nos.execvp(sys.argv[1], sys.argv[1:])"
    unblocks = "import signal, time\nsignal.pthread_sigmask(signal.SIG_UNBLOCK, [15])\ntime.sleep(5)"
    for before in ([], [COMMAND, "run"]):
        result = subprocess.run([sys.executable, "-c", program, *before, sys.executable, "-c", unblocks], env=ENVIRONMENT, check=False)
        equal(result.returncode, -15, f"a pending signal of the caller's own is not lost: {'corral run' if before else 'bare'}")


def nobody():
    """Without root, in a home that cannot be written."""
    if os.geteuid() != 0:
        return not_checked("needs root")
    environment = {"PATH": ENVIRONMENT["PATH"], "HOME": "/"}
    private = tempfile.mkdtemp(prefix="corral-test-")
    os.chmod(private, 0o1777)
    quiet = run("--", "true", env={**environment, "TMPDIR": private}, user="nobody")
    equal((quiet.returncode, quiet.stderr), (0, ""), "a user with the home '/' is told nothing")
    records = list(pathlib.Path(private).glob("corral-*/pacct"))
    equal(len(records), 1, "his records are in a directory of his own")
    subprocess.run(["rm", "-rf", private], check=False)
    environment = {"PATH": ENVIRONMENT["PATH"], "HOME": "/nonexistent", "CORRAL_RUNTIME_DIR": "/nonexistent"}
    result = run("--report=json", "--", "sh", "-c", "setsid sleep 1000 & exit 6", env=environment, user="nobody")
    equal(result.returncode, 6, "without rights and without a home the code is passed on")
    report = json.loads(result.stderr.splitlines()[-1])
    equal(report["stragglers"], 1, "and stragglers are ended")


for part in (exit_codes, arguments_and_streams, attributes, blocked_signals, caller_locks, pending_signals, stragglers, reports, options, engines, file_size_limit, nobody):
    part()
subprocess.run(["rm", "-rf", str(folder)], check=False)
sys.exit(0)
