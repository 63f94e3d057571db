#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""corral-init called `tini`, `dumb-init` or `catatonit` does what that program's
documentation and source say. The published behaviour is stated here as tables;
where a distribution's own program is installed, every case whose meaning did
not change between its version and the newest is run against it too, and both
must do the same. The first line of every case's answer that matters is exact."""

import os
import pathlib
import re
import select
import signal
import subprocess
import sys
import tempfile
import time

import corral
from corral import check, equal

folder = pathlib.Path(tempfile.mkdtemp(prefix="corral-test-"))
NAMES = {"tini": "tini", "tini-static": "tini", "docker-init": "tini", "dumb-init": "dumb-init", "catatonit": "catatonit"}
OURS = {name: str(folder / name) for name in NAMES}
THEIRS = {name: f"/usr/bin/{name}" for name in ("tini", "dumb-init", "catatonit")}
ENVIRONMENT = {"PATH": f"{folder}/bin:/usr/local/bin:/usr/bin:/bin", "HOME": str(folder)}
NUMBER = re.compile(r"(tini \(|catatonit:|PID |pid:? '|pid=|pid1 \(-?|process )\d+")
NOT_REAPER = "zombie reaping won't work"


def run(program, *arguments, called=None, **options):
    options.setdefault("stdin", subprocess.DEVNULL)
    env = dict(ENVIRONMENT, **options.pop("env", {}))
    result = subprocess.run(
        [called or program, *arguments],
        executable=program,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=30,
        **options,
    )
    result.stdout, result.stderr = (NUMBER.sub(r"\1N", text) for text in (result.stdout, result.stderr))
    return result


def lines_of(result):
    """What is comparable: two processes write, so the order of lines is not."""
    return result.returncode, sorted(result.stdout.splitlines()), sorted(result.stderr.splitlines())


# --- what a command line means ----------------------------------------------
# (name, arguments, exit code, output, errors[, environment]): output and errors are what the stream holds, exactly
# where it ends in a newline, else its parts between … somewhere in it; None is anything. DIFFERS: not the same
# in a distribution's version, or in an order that is chance there.
DIFFERS = object()
LOUD = {"TINI_VERBOSITY": "4"}
QUIET = {"TINI_VERBOSITY": "0"}
REWRITE_HELP = (
    "Usage: -r option takes <signum>:<signum>, where <signum> is between 1 and 31.\n"
    "This option can be specified multiple times.\nUse --help for full usage.\n"
)
CASES = [
    ("tini", ["--version"], 0, "tini version 0.19.0 - git.369448a\n", "", DIFFERS),
    ("tini-static", ["--version"], 0, "tini version 0.19.0 - git.369448a\n", ""),
    ("docker-init", ["--version"], 0, "tini version 0.19.0 - git.369448a\n", ""),
    ("tini", ["--version", "true"], 1, "", "tini: invalid option -- '-'\n…supervision of a valid init process", DIFFERS),
    ("tini", ["-h"], 0, "supervision of a valid init process", "", DIFFERS),
    ("tini", ["-vwgh", "-x"], 0, "more verbose", "", DIFFERS),
    ("tini", ["-l"], 0, "The MIT License (MIT)\n\nCopyright (c) 2015 Thomas Orozco <thomas@orozco.fr>\n…SOFTWARE.\n", ""),
    ("tini", [], 1, "", "more verbose", DIFFERS),
    ("tini", ["-v", "--"], 1, "", "more verbose", DIFFERS),
    ("tini", ["-x", "true"], 1, "", "tini: invalid option -- 'x'\n…", DIFFERS),
    ("tini", ["-vp"], 1, "", "tini: option requires an argument -- 'p'\n…", DIFFERS),
    ("tini", ["-e", "256", "true"], 1, "", "[FATAL tini (N)] Not a valid option for -e: 256\n"),
    ("tini", ["-e", "-1", "true"], 1, "", "[FATAL tini (N)] Not a valid option for -e: -1\n"),
    ("tini", ["-e", "99999999999999999999", "true"], 1, "", "[FATAL tini (N)] Not a valid option for -e: 99999999999999999999\n"),
    ("tini", ["-e1x", "true"], 1, "", "[FATAL tini (N)] Not a valid option for -e: 1x\n"),
    ("tini", ["-e", " ", "true"], 1, "", "[FATAL tini (N)] Not a valid option for -e:  \n"),
    ("tini", ["-e", "", "-e", " +7", "code", "7"], 0, "", NOT_REAPER, DIFFERS),
    ("tini", ["-p", "KILL", "true"], 1, "", "[FATAL tini (N)] Not a valid option for -p: KILL\n"),
    ("tini", ["-p", "9", "true"], 1, "", "[FATAL tini (N)] Not a valid option for -p: 9\n"),
    ("tini", ["-p", "SIGSTKFLT", "true"], 1, "", "[FATAL tini (N)] Not a valid option for -p: SIGSTKFLT\n"),
    ("tini", ["-spSIGTERM", "true"], 0, "", ""),
    ("tini", ["-s", "code", "3", "-e3"], 0, "", ""),
    ("tini", ["-s", "code", "3", "-e", "3"], 3, "", "", {"POSIXLY_CORRECT": ""}),
    ("tini", ["-s", "echo", "--", "-v", "a"], 0, "-v a\n", ""),
    ("tini", ["-s", "echo", "a", "-", "-g", "b"], 0, "a - b\n", ""),
    ("tini", ["-s", "--", "--", "true"], 127, "", "[FATAL tini (N)] exec -- failed: No such file or directory\n"),
    ("tini", ["-se143", "--", "sh", "-c", "kill -TERM $$"], 0, "", ""),
    ("tini", ["-s", "--", "sh", "-c", "kill -9 $$"], 137, "", ""),
    ("tini", ["true"], 0, "", NOT_REAPER, DIFFERS),
    ("tini", ["true"], 0, "", "", QUIET),
    ("tini", ["-vvv", "true"], 0, "", "", QUIET),
    ("tini", ["-vvv", "true"], 0, "", "", {"TINI_VERBOSITY": "x"}),
    ("tini", ["true"], 0, "", "", {"TINI_SUBREAPER": ""}),
    ("tini", ["-s", "true"], 0, "", "", {"TINI_VERBOSITY": "4294967296"}),
    ("tini", ["-s", "true"], 0, "[TRACE tini (N)] Registered as child subreaper\n…", "", {"TINI_VERBOSITY": "-1"}),
    ("tini", ["-vs", "true"], 0, "[INFO  tini (N)] Spawned child process 'true' with pid 'N'\n[INFO  tini (N)] Main child exited normally (with status '0')\n", ""),
    ("tini", ["-vvs", "--", "sh", "-c", "kill -HUP $$"], 129, "Main child exited with signal (with signal 'Hangup')", ""),
    ("tini", ["-s", "no-such"], 127, "[INFO  tini (N)] Main child exited normally (with status '127')", "[FATAL tini (N)] exec no-such failed: No such file or directory\n", LOUD),
    ("tini", ["-s", ""], 127, "", "[FATAL tini (N)] exec  failed: No such file or directory\n"),
    ("tini", ["-s", "/etc"], 126, "", "[FATAL tini (N)] exec /etc failed: Permission denied\n"),
    ("tini", ["-s", "/etc/passwd/x"], 1, "", "[FATAL tini (N)] exec /etc/passwd/x failed: Not a directory\n"),
    ("tini", ["-s", "x"], 1, "", "[FATAL tini (N)] exec x failed: Not a directory\n", {"PATH": "/etc/passwd"}),
    ("tini", ["-s", "x"], 127, "", "[FATAL tini (N)] exec x failed: No such file or directory\n", {"PATH": "/etc/passwd::/bin"}),
    ("tini", ["-s", f"{folder}/loop"], 1, "", f"[FATAL tini (N)] exec {folder}/loop failed: Too many levels of symbolic links\n"),
    ("tini", ["-s", "/" + "x" * 300], 1, "", f"[FATAL tini (N)] exec /{'x' * 300} failed: File name too long\n"),
    ("tini", ["-s", "script", "a", "b"], 5, "a b\n", "", {"PATH": f"{folder}:/bin"}),
    ("dumb-init", [], 1, "", "Usage: dumb-init [option] program [args]\nTry dumb-init --help for full usage.\n"),
    ("dumb-init", ["-c", "--"], 1, "", "Usage: dumb-init [option] program [args]\nTry dumb-init --help for full usage.\n"),
    ("dumb-init", ["-V"], 0, "", "dumb-init v1.2.5\n"),
    ("dumb-init", ["--vers", "true"], 0, "", "dumb-init v1.2.5\n"),
    ("dumb-init", ["-vch"], 0, "", "dumb-init v1.2.5\nUsage: dumb-init [option] command [[arg] ...]\n…Full help is available online at https://github.com/Yelp/dumb-init\n"),
    ("dumb-init", ["--ver"], 1, "", "dumb-init: option '--ver' is ambiguous; possibilities: '--verbose' '--version'\n"),
    ("dumb-init", ["--=x"], 1, "", "dumb-init: option '--=x' is ambiguous; possibilities: '--help' '--single-child' '--rewrite' '--verbose' '--version'\n"),
    ("dumb-init", ["--verbose=x"], 1, "", "dumb-init: option '--verbose' doesn't allow an argument\n"),
    ("dumb-init", ["--rew"], 1, "", "dumb-init: option '--rewrite' requires an argument\n"),
    ("dumb-init", ["-r"], 1, "", "dumb-init: option requires an argument -- 'r'\n"),
    ("dumb-init", ["--yolo=1"], 1, "", "dumb-init: unrecognized option '--yolo=1'\n"),
    ("dumb-init", ["-cy"], 1, "", "dumb-init: invalid option -- 'y'\n"),
    ("dumb-init", ["echo", "-v", "--", "-c"], 0, "-v -- -c\n", ""),
    ("dumb-init", ["-", "x"], 2, "", "[dumb-init] -: No such file or directory\n"),
    ("dumb-init", ["--sing", "--rewrite=1:2", "--", "echo", "--"], 0, "--\n", ""),
    *(("dumb-init", ["-r", text, "true"], 1, "", REWRITE_HELP) for text in ("", "herp", "15", "15::12", "15:x", "0:1", "1:32", "32:1", "15 :1", "-:1", "15:-1", "4294967296:1")),
    *(("dumb-init", ["-r", text, "true"], 0, "", "") for text in ("15:0", " 15: +12x", "+1:\t31", "4294967311:4294967297", "15:-99999999999999999999")),
    ("dumb-init", ["/etc"], 2, "", "[dumb-init] /etc: Permission denied\n"),
    ("dumb-init", ["sh", "-c", "exit 255"], 255, "", ""),
    ("dumb-init", ["sh", "-c", "kill -KILL $$"], 137, "", ""),
    ("dumb-init", ["true"], 0, "", "[dumb-init] Running in debug mode.\n…[dumb-init] setsid complete.\n…", {"DUMB_INIT_DEBUG": "1"}),
    ("dumb-init", ["true"], 0, "", "[dumb-init] Unable to detach from controlling tty (errno=25 Inappropriate ioctl for device).\n…", {"DUMB_INIT_DEBUG": "1"}),
    ("dumb-init", ["true"], 0, "", "", {"DUMB_INIT_DEBUG": "11"}),
    ("dumb-init", ["-v", "true"], 0, "", "[dumb-init] Not running in setsid mode.\n[dumb-init] Child spawned with PID N.\n[dumb-init] Received signal 17.\n[dumb-init] A child with PID N exited with exit status 0.\n[dumb-init] Forwarded signal 15 to children.\n[dumb-init] Child exited with status 0. Goodbye.\n", {"DUMB_INIT_SETSID": "0"}),
    ("dumb-init", ["-vr15:0", "sh", "-c", "kill $$"], 143, "", "…[dumb-init] A child with PID N was terminated by signal 15.\n[dumb-init] Translating signal 15 to 0.\n[dumb-init] Not forwarding signal 0 to children (ignored).\n[dumb-init] Child exited with status 143. Goodbye.\n"),
    ("catatonit", [], 1, "", "ERROR (catatonit:N): missing program name\nusage: catatonit [-ghLPV] [--] <progname> [<arguments>...]\n", DIFFERS),
    ("catatonit", ["-g", "--"], 1, "", "ERROR (catatonit:N): missing program name\nusage: catatonit …", DIFFERS),
    ("catatonit", ["--version"], 0, "tini version 0.2.1_catatonit\n", "", DIFFERS),
    ("catatonit", ["--v", "x"], 0, "tini version 0.2.1_catatonit\n", "", DIFFERS),
    ("catatonit", ["true", "-gV"], 0, "tini version 0.2.1_catatonit\n", "", DIFFERS),
    ("catatonit", ["-h"], 0, "", "usage: catatonit [-ghLPV] [--] <progname> [<arguments>...]\n…--version", DIFFERS),
    ("catatonit", ["-L"], 0, None, "", DIFFERS),
    ("catatonit", ["-x"], 1, "", "catatonit: invalid option -- 'x'\nusage: catatonit …", DIFFERS),
    ("catatonit", ["--help"], 1, "", "catatonit: unrecognized option '--help'\nusage: catatonit …", DIFFERS),
    ("catatonit", ["--=x"], 1, "", "catatonit: option '--version' doesn't allow an argument\nusage: …", DIFFERS),
    ("catatonit", ["-V"], 1, "", "ERROR (catatonit:N): CATATONIT_LOG is reserved for future use\n", {"CATATONIT_LOG": ""}),
    ("catatonit", ["--", "sh", "-c", "exit 9"], 9, "", ""),
    ("catatonit", ["--", "sh", "-c", "kill -9 $$"], 137, "", ""),
    ("catatonit", ["echo", "-g", "--", "-g"], 0, "-g\n", ""),
    ("catatonit", ["no-such"], 1, "", "ERROR (catatonit:N): failed to exec pid1: No such file or directory\n"),
    ("catatonit", ["/etc"], 1, "", "ERROR (catatonit:N): failed to exec pid1: Permission denied\n"),
    ("catatonit", ["script", "a", "b"], 5, "a b\n", "", {"PATH": f"{folder}:/bin"}),
    ("catatonit", ["true"], 0, "", "DEBUG (catatonit:N): pid1 (N) spawned: true\n…", {"CATATONIT_DEBUG": ""}, DIFFERS),
]  # fmt: skip


def holds(found, wanted):
    """Whether a stream holds the parts of `wanted`, in their order."""
    if wanted is None or found == wanted:
        return True
    if not wanted or (wanted.endswith("\n") and "…" not in wanted):
        return False
    at = 0
    for part in wanted.split("…"):
        at = found.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return True


def command_lines():
    for name, arguments, code, output, errors, *more in CASES:
        environment = next((part for part in more if isinstance(part, dict)), {})
        result = run(OURS[name], *arguments, called=name, env=environment)
        text = " ".join([*(f"{k}={v}" for k, v in environment.items()), name, *arguments])
        equal(result.returncode, code, f"{text[:90]!r} exits with {code}")
        check(holds(result.stdout, output), "its output is as told", result.stdout, output)
        check(holds(result.stderr, errors), "its errors are as told", result.stderr, errors)
        if DIFFERS in more or not os.path.exists(THEIRS.get(name, "")):
            continue
        theirs = run(THEIRS[name], *arguments, called=name, env=environment)
        equal(lines_of(result), lines_of(theirs), f"as {THEIRS[name]} does")


# --- what the command and the init find -------------------------------------
FACTS = """
import os, signal
def status(pid):
    with open(f"/proc/{pid}/status") as file:
        return dict(line.split(":\\t") for line in file.read().splitlines() if ":\\t" in line)
init = os.getppid()
mine = status("self")
print("SigBlk", mine["SigBlk"])
print("SigIgn", mine["SigIgn"])
print("leads its group", os.getpgrp() == os.getpid())
print("leads its session", os.getsid(0) == os.getpid())
print("cwd", os.getcwd(), os.readlink(f"/proc/{init}/cwd"))
print("fds", 9 in [int(n) for n in os.listdir("/proc/self/fd")], "9" in os.listdir(f"/proc/{init}/fd"))
print("LISTEN_PID", os.environ.get("LISTEN_PID") == str(os.getpid()))
"""
STATES = {
    # name: blocked, ignored (HUP, USR1, CHLD kept?), leads its group, its session, init's cwd, init keeps fds, LISTEN_PID
    "tini": (1 << 9 | 1 << 20, True, True, False, False, True, False),
    "dumb-init": (0, False, True, True, True, True, False),
    "catatonit": (1 << 9 | 1 << 19 | 1 << 20 | 1 << 21, True, True, False, True, False, True),
}


def facts_of(program):
    launcher = (
        "import os, sys, signal\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "signal.signal(signal.SIGQUIT, signal.SIG_IGN)\n"
        "signal.signal(signal.SIGPIPE, signal.SIG_DFL)\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n"
        "signal.pthread_sigmask(signal.SIG_SETMASK, {signal.SIGUSR1, signal.SIGTTIN})\n"
        "os.dup2(0, 9)\n"
        "os.environ['LISTEN_PID'] = str(os.getpid())\n"
        "os.execv(sys.argv[1], sys.argv[1:])\n"
    )
    # The facts wait until the init has settled: what it does after the fork is not at once.
    facts = "import time; time.sleep(0.2)\n" + FACTS
    return run(sys.executable, "-c", launcher, program, "--", sys.executable, "-c", facts, cwd=folder).stdout


def states():
    for name, (blocked, keeps, group, session, root, fds, listens) in STATES.items():
        found = facts_of(OURS[name])
        # Python itself ignores PIPE and XFSZ; HUP and QUIT are bits 0 and 2.
        ignored = 0x1001000 | (5 if keeps else 0)
        wanted = (
            f"SigBlk {blocked:016x}\nSigIgn {ignored:016x}\nleads its group {group}\nleads its session {session}\n"
            f"cwd {folder} {'/' if root else folder}\nfds True {fds}\nLISTEN_PID {listens}\n"
        )
        equal(found, wanted, f"{name}: signals, group, session, directory, descriptors, LISTEN_PID")
        if os.path.exists(THEIRS[name]):
            theirs = facts_of(THEIRS[name])
            if name == "catatonit":  # since 0.2.0 it leaves the directory
                theirs = theirs.replace(f"cwd {folder} {folder}", f"cwd {folder} /")
            equal(found, theirs, f"as {THEIRS[name]} does")


# --- signals ----------------------------------------------------------------
LISTENER = """
import os, signal
def tell(number, frame): os.write(1, b"%d\\n" % number)
for number in range(1, 65):
    if number not in (9, 17, 19, 32, 33): signal.signal(number, tell)
signal.pthread_sigmask(signal.SIG_SETMASK, set())
os.write(1, b"ready\\n")
while True: signal.pause()
"""


def child_of(pid):
    return int(pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


class Running:
    """A program that runs LISTENER, or other Python."""

    def __init__(self, name, *options, program=LISTENER, before=()):
        self.process = subprocess.Popen(
            [*before, OURS[name], *options, "--", sys.executable, "-c", program],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=ENVIRONMENT,
        )
        self.pid = self.process.pid
        equal(self.line(), "ready", f"{name} {' '.join(options)}: the command runs")
        self.child = child_of(self.pid)

    def line(self, seconds=10):
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        return os.read(self.process.stdout.fileno(), 4096).decode().strip() if ready else None

    def send(self, number):
        os.kill(self.pid, number)

    def state(self, pid):
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]

    def end(self):
        self.send(signal.SIGCONT)
        os.kill(self.child, signal.SIGKILL)
        equal(self.process.wait(10), 137, "it ends as its child does")


FAULTS = {4, 5, 6, 7, 8, 11, 31}
TERMINAL = {20, 21, 22}
PASSED = {
    # name: the signals that the child gets as they are
    "tini": set(range(1, 65)) - {9, 17, 19, 32, 33} - FAULTS - {21, 22},
    "dumb-init": set(range(1, 65)) - {9, 17, 19, 32, 33} - TERMINAL,
    "catatonit": set(range(1, 65)) - {9, 17, 19, 32, 33} - FAULTS - TERMINAL,
}


def signals():
    for name, passed in PASSED.items():
        running = Running(name)
        got = set()
        for number in sorted(passed - {signal.SIGCONT}) + [signal.SIGCONT]:
            running.send(number)
            got.add(int(running.line(3) or 0))
        equal(got, passed, f"{name} passes on what it should")
        if name != "dumb-init":
            for number in TERMINAL - {20} if name == "tini" else TERMINAL:
                running.send(number)
            equal(running.line(0.3), None, f"{name} keeps the terminal's signals to itself")
            equal(running.state(running.pid), "S", "and goes on")
        running.end()
    for name, faults in (("tini", FAULTS), ("catatonit", FAULTS)):
        for number in sorted(faults):
            running = Running(name)
            running.send(number)
            equal(running.process.wait(10), -number, f"{name} dies of signal {number} itself")
            os.kill(running.child, signal.SIGKILL)


def suspension():
    for number in TERMINAL:
        running = Running("dumb-init")
        running.send(number)
        corral.wait_until(lambda: running.state(running.pid) == "T", what="dumb-init's own stop")
        corral.wait_until(lambda: running.state(running.child) == "T", what="the child's stop")
        check(True, f"signal {number} stops dumb-init and, rewritten, its child")
        running.send(signal.SIGCONT)
        equal(running.line(), "18", "and both go on")
        running.end()
    running = Running("dumb-init", "-c")
    running.send(signal.SIGTSTP)
    equal(running.line(), "20", "alone, the child gets the signal itself")
    corral.wait_until(lambda: running.state(running.pid) == "T", what="dumb-init's own stop")
    running.end()
    running = Running("dumb-init", "-r", "20:1", "-r", "15:10", "-r", "2:0")
    for number, got in ((15, "10"), (2, None), (20, "1")):
        running.send(number)
        equal(running.line(0.4 if got is None else 10), got, f"rewritten, signal {number} arrives as {got}")
    corral.wait_until(lambda: running.state(running.pid) == "T", what="dumb-init's own stop")
    running.end()


GROUP = """
import os, signal, subprocess
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
child = subprocess.Popen(["sleep", "100"], preexec_fn=lambda: signal.signal(signal.SIGUSR1, signal.SIG_DFL))
os.write(1, b"ready\\n")
os._exit(child.wait() & 127)
"""


def groups():
    for name, options in (("tini", ["-g"]), ("dumb-init", []), ("catatonit", ["-g"])):
        running = Running(name, *options, program=GROUP)
        running.send(signal.SIGUSR1)
        equal(running.process.wait(10), -signal.SIGUSR1 & 127, f"{name} {options}: the whole group is signalled")
    for name, options in (("tini", []), ("dumb-init", ["-c"]), ("catatonit", [])):
        running = Running(name, *options, program=GROUP)
        running.send(signal.SIGUSR1)
        time.sleep(0.2)
        equal(running.process.poll(), None, f"{name} {options}: the child alone is signalled")
        os.kill(child_of(running.child), signal.SIGTERM)
        equal(running.process.wait(10), -signal.SIGTERM & 127, "which then ends of itself")
    left = subprocess.Popen(
        [OURS["dumb-init"], "sh", "-c", "trap 'echo got; exit' TERM; (trap 'echo got' TERM; echo up; sleep 5 & wait) & read x"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT,
    )  # fmt: skip
    equal(left.stdout.readline(), "up\n", "dumb-init's child has a child")
    left.stdin.close()
    equal(left.stdout.readline(), "got\n", "which gets TERM when the main one ends")
    left.wait(10)


def reaping():
    script = "sh -c 'sleep 0.1 & :'; sleep 0.5"
    result = run(OURS["tini"], "-sw", "--", "sh", "-c", script)
    check("[WARN  tini (N)] Reaped zombie process with pid=N\n" in result.stderr, "tini -w names orphans", result.stderr)
    result = run(OURS["catatonit"], "--", "sh", "-c", script, env={"CATATONIT_DEBUG": "1"})
    check("child process N exited with code 0" in result.stderr, "catatonit is a subreaper", result.stderr)
    running = Running("tini", "-s")
    before = switches(running.pid)
    time.sleep(2.5)
    equal(switches(running.pid), before, "tini does not wake when nothing happens")
    running.end()
    for name in ("tini", "catatonit"):
        code = "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
        result = run(sys.executable, "-c", code, OURS[name], "--", "sh", "-c", "exit 4")
        equal(result.returncode, 4, f"{name} ends though its caller ignores SIGCHLD")


def switches(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return [line for line in text.splitlines() if "ctxt_switches" in line]


def buffered_output():
    """As stdio has it: a pipe gets tini's lines last, standard error at once."""
    result = run(OURS["tini"], "-svv", "echo", "first")
    check(result.stdout.startswith("first\n["), "tini's own lines come at its end", result.stdout)
    result = run(OURS["tini"], "-sv", "true", preexec_fn=lambda: os.close(0), stdin=None)
    equal(result.returncode, 1, "without a standard input tini's child ends")
    check("tcsetpgrp failed: Bad file descriptor" in result.stderr, "and says why", result.stderr)


def pause_mode():
    for number in (signal.SIGTERM, signal.SIGINT):
        pause = subprocess.Popen([OURS["catatonit"], "-P"], env=ENVIRONMENT)
        corral.wait_until(lambda: os.readlink(f"/proc/{pause.pid}/cwd") == "/", what="catatonit -P")
        os.kill(pause.pid, signal.SIGUSR1)
        time.sleep(0.1)
        equal(pause.poll(), None, "a pause goes on after other signals")
        os.kill(pause.pid, number)
        equal(pause.wait(10), 0, f"and ends with {number.name}")


def parent_death():
    code = (
        "import os, subprocess, sys\n"
        "child = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        "os.write(1, b'%d' % child.pid)\n"
    )
    result = run(sys.executable, "-c", code, OURS["tini"], "-sp", "SIGUSR2", "--", "sh", "-c", "echo up; exec sleep 60")
    pid = int(result.stdout)
    corral.wait_until(lambda: not os.path.exists(f"/proc/{pid}") or "Z" in status_of(pid), what="tini's end")
    check(True, "tini -p: the parent's death is passed on")


def status_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def terminals():
    """On a terminal: who is in its foreground, and whose it is."""
    program = (
        "import os; print('foreground', os.tcgetpgrp(0) == os.getpgrp());"
        "print('session', os.getsid(0) == os.getpid(), os.open('/dev/tty', os.O_RDWR) > 0)"
    )
    wanted = {"tini": "session False", "dumb-init": "session True", "catatonit": "session False"}
    for name, session in wanted.items():
        for path in (OURS[name], THEIRS[name]):
            if not os.path.exists(path):
                continue
            text = on_terminal([path, "--", sys.executable, "-c", program])
            check("foreground True" in text, f"{path}: the command is in the foreground", text)
            check(f"{session} True" in text, f"and {session}", text)
    text = on_terminal([OURS["dumb-init"], "-v", "sleep", "0.5"])
    for number in (signal.SIGHUP, signal.SIGCONT):
        check(f"Ignoring tty hand-off signal {int(number)}." in text, f"dumb-init keeps its own {number.name}", text)


def on_terminal(command):
    import pty  # noqa: PLC0415

    pid, fd = pty.fork()
    if pid == 0:
        os.execve(command[0], command, ENVIRONMENT)
    text = b""
    while True:
        try:
            data = os.read(fd, 4096)
        except OSError:
            break
        if not data:
            break
        text += data
    os.waitpid(pid, 0)
    os.close(fd)
    return text.decode()


def main():
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)  # whoever runs the test may ignore them
    for name, path in OURS.items():
        os.symlink(corral.INIT, path)
    (folder / "bin").mkdir()
    (folder / "bin" / "code").write_text("#!/bin/sh\nexit $1\n")
    (folder / "bin" / "code").chmod(0o755)
    (folder / "script").write_text('echo "$@"\nexit 5\n')
    (folder / "script").chmod(0o755)
    (folder / "loop").symlink_to("loop")
    for part in (command_lines, states, signals, suspension, groups, reaping, buffered_output, pause_mode, parent_death, terminals):
        print(f"-- {part.__name__}")
        part()


main()
