#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""corral-init as an entrypoint: which signals reach whom, how it stops, when it
ends and with which code, and what it says. Each row runs as a plain process (a
subreaper), as PID 1 of a pid namespace, and in record mode, unless it says
otherwise."""

import json
import os
import pathlib
import pty
import re
import shutil
import signal
import subprocess
import tempfile
import time

import corral

MARK = f"CORRAL_NATIVE={os.getpid()}"
SCRATCH = pathlib.Path(tempfile.mkdtemp(prefix="corral-native-"))
WORLDS = {
    "plain": [],
    "pid 1": ["unshare", "-fp", "--mount-proc", "--kill-child"],
    "record": [],
}
WAIT = "while :; do sleep 0.02; done"


def command_of(world, options, words):
    extra = ["--record", str(SCRATCH / "pacct")] if world == "record" else []
    return [*WORLDS[world], str(corral.INIT), *extra, *options, "--", *words]


def run(world, options, script, env=None, **settings):
    environment = dict(os.environ, **dict([MARK.split("=")]), **(env or {}))
    words = script if isinstance(script, list) else ["sh", "-c", script]
    return subprocess.run(command_of(world, options, words), env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=60, check=False, **settings)


def nothing_left(what):
    left = [corral.name_of(pid) for pid in corral.processes_with(MARK)]
    corral.check(not left, f"{what}: nothing is left", left)


def worlds_of(only):
    return [only] if only else list(WORLDS)


# --- When it ends, with which code, and what it says ---------------------------

# name, options, script, code, standard output, standard error (a pattern), only in
ENDS = [
    ("success says nothing", [], "exit 0", 0, "", "", None),
    ("a code is told", [], "exit 3", 3, "", r"'sh' \(pid \d+\) exited with code 3", None),
    ("a signal is 128 + N", [], "kill -KILL $$", 137, "", r"'sh' \(pid \d+\) was ended by SIGKILL", None),
    ("quiet", ["--quiet"], "exit 3", 3, "", "", None),
    ("a code is mapped", ["--map-exit", "3:0,4:9"], "exit 3", 0, "", "", None),
    ("a code is mapped to another", ["--map-exit", "4:9"], "exit 4", 9, "", r"exited with code 4", None),
    ("a signal's code is mapped", ["--map-exit", "143"], "kill -TERM $$", 0, "", "", None),
    ("a straggler is ended", [], "setsid sleep 600 & sleep 0.1; exit 0", 0, "",
     r"the command left 1 process \(sleep\) behind; ending them", None),
    ("a straggler gets the signal", [],
     "setsid sh -c 'trap \"echo asked; exit\" TERM; " + WAIT + "' & sleep 0.3; exit 0", 0, "asked\n", r"left \d", None),
    ("a straggler that ignores it is killed", ["--stop-timeout", "200ms"],
     "setsid sh -c 'trap \"\" TERM; " + WAIT + "' & sleep 0.2; exit 0", 0, "", r"killed [12] process", None),
    ("kill", ["--stragglers", "kill"], "setsid sh -c 'trap \"echo no\" TERM; " + WAIT + "' & sleep 0.1; exit 0", 0, "",
     r"left 1|left 2", None),
    ("wait for all", ["--wait-all"], "(sleep 0.3; echo late) & exit 0", 0, "late\n", "", None),
    ("wait for all, the main one's code", ["--wait-all"], "(sleep 0.2; exit 4) & exit 6", 6, "", r"code 6", None),
    ("the code of another process", ["--exit-from", "inner"],
     f"({SCRATCH}/inner -c 'sleep 0.1; exit 7' &); sleep 1; exit 0", 7, "", "", None),
    ("a name longer than the kernel's", ["--exit-from", "inner-of-many-letters"],
     f"({SCRATCH}/inner-of-many-letters -c 'sleep 0.1; exit 7' &); sleep 1; exit 0", 7, "", "", None),
    ("a process that is not seen", ["--exit-from", "nobody"], "exit 0", 125, "",
     r"no process named 'nobody' was seen to end; exiting with 125", None),
    ("an orphan's fault is told", [], "(sh -c 'kill -SEGV $$' &); sleep 0.2; exit 0", 0, "",
     r"'sh' \(pid \d+\) was ended by SIGSEGV", None),
    ("so is that of each of a crowd that ended at once, some by their pid alone", [],
     "kill -STOP $PPID; for i in 1 2 3 4 5 6 7 8 9 10 11 12; do (sh -c 'kill -SEGV $$' &); done; sleep 0.3; "
     "kill -CONT $PPID; sleep 0.2; exit 0", 0, "",
     r"(corral-init: 'sh' \(pid \d+\) was ended by SIGSEGV.*\n){8}(corral-init: a process \(pid \d+\) was ended by SIGSEGV.*\n){4}$",
     "plain"),
    ("an orphan's code is not", [], "(sh -c 'exit 9' &); sleep 0.2; exit 0", 0, "", "", None),
    ("no program", [], ["/nowhere/at-all"], 127, "", r"cannot execute '/nowhere/at-all': No such file", None),
    ("no right", [], ["/etc/passwd"], 126, "", r"cannot execute '/etc/passwd': Permission denied", None),
    ("leave", ["--stragglers", "leave"], "setsid sleep 1 >/dev/null 2>&1 & exit 0", 0, "", "", "plain"),
    ("a variable", [], "exit 3", 0, "", "", None, {"CORRAL_INIT_MAP_EXIT": "3:0"}),
    ("an option goes before a variable", ["--map-exit", "3:5"], "exit 3", 5, "", r"code 3", None,
     {"CORRAL_INIT_MAP_EXIT": "3:0"}),
    ("a flag as a variable", [], "exit 3", 3, "", "", None, {"CORRAL_INIT_QUIET": "1"}),
    ("a flag turned off", [], "exit 3", 3, "", r"code 3", None, {"CORRAL_INIT_QUIET": "0"}),
    ("an empty variable is not set", [], "exit 3", 3, "", r"code 3", None, {"CORRAL_INIT_QUIET": "", "CORRAL_INIT_STOP_TIMEOUT": ""}),
    ("a flag that is neither", [], "exit 3", 2, "", r"variable 'CORRAL_INIT_QUIET' expects 1 or 0, not 'false'", None,
     {"CORRAL_INIT_QUIET": "false"}),
    ("a Service of this name", [], "exit 3", 3, "", r"code 3", None,
     {"CORRAL_INIT_SERVICE_HOST": "10.0.0.1", "CORRAL_INIT_PORT": "tcp://10.0.0.1:80", "CORRAL_INIT_PORT_80_TCP_PROTO": "tcp"}),
    ("wait for all, after leave", ["--stragglers", "leave", "--wait-all"], "(sleep 0.3; echo late) & exit 0", 0, "late\n", "", None),
    ("wait for all, before a variable", ["--wait-all"], "(sleep 0.3; echo late) & exit 0", 0, "late\n", "", None,
     {"CORRAL_INIT_STRAGGLERS": "leave"}),
]


def check_ends():
    shutil.copy("/bin/sh", SCRATCH / "inner")
    shutil.copy("/bin/sh", SCRATCH / "inner-of-many-letters")
    for name, options, script, code, out, err, only, *rest in ENDS:
        for world in worlds_of(only):
            result = run(world, options, script, *rest)
            corral.check((result.returncode, result.stdout) == (code, out), f"{name} ({world}): {code}", result)
            # The shell tells of its own `sleep` that was asked too.
            lines = [line for line in result.stderr.splitlines() if line not in ("Terminated", "Killed")]
            corral.check(bool(re.search(err, result.stderr)) if err else not lines, f"{name} ({world}): its words", result)
            corral.check(all(line.startswith("corral-init: ") for line in lines), f"{name} ({world}): only ours", lines)
    time.sleep(1.2)  # what was left on purpose
    nothing_left("after all ends")


# --- Signals ------------------------------------------------------------------


class Running:
    """An entrypoint whose command has said `ready`."""

    def __init__(self, world, options, script, **settings):
        environment = dict(os.environ, **dict([MARK.split("=")]))
        words = script if isinstance(script, list) else ["sh", "-c", script]
        self.process = subprocess.Popen(command_of(world, options, words), env=environment,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **settings)
        if self.process.stdout.readline() != "ready\n":
            corral.fail(f"{world} {options}: not ready: {self.process.communicate()}")
        # unshare's child is the entrypoint.
        self.init = corral.children_of(self.process.pid)[0] if world == "pid 1" else self.process.pid

    def send(self, number):
        os.kill(self.init, number)

    def end(self, timeout=30):
        begin = time.monotonic()
        out, err = self.process.communicate(timeout=timeout)
        return self.process.returncode, out, err, time.monotonic() - begin


TRAP = "for s in HUP INT QUIT USR1 USR2 TERM WINCH; do trap \"echo $s\" $s; done; echo ready; "
CHILD = "sh -c 'trap \"echo child $0\" {0}; echo ready; " + WAIT + "' & "

# name, options, script, signal, code, output, at most seconds
SIGNALS = [
    ("a signal reaches the main process", [], TRAP + "sleep 0.4; sleep 0.1; exit 5", signal.SIGUSR1, 5, "USR1\n"),
    ("only the main process", [], "trap 'echo main' USR1; sh -c 'trap \"echo child\" USR1; echo ready; sleep 0.5' & "
     "wait; wait; exit 5", signal.SIGUSR1, 5, "main\n"),
    ("the process group", ["--signal-to", "group"], "trap 'echo one' USR1; "
     "sh -c 'trap \"echo one\" USR1; echo ready; sleep 0.5; exit' & wait; wait; exit 5", signal.SIGUSR1, 5, "one\none\n"),
    ("the whole job", ["--signal-to", "job"], "trap 'echo one' USR1; "
     "setsid sh -c 'trap \"echo one\" USR1; echo ready; sleep 0.5; exit' & wait; wait; exit 5", signal.SIGUSR1, 5, "one\none\n"),
    ("one is rewritten", ["--rewrite", "USR1:HUP"], TRAP + "sleep 0.4; sleep 0.1; exit 5", signal.SIGUSR1, 5, "HUP\n"),
    ("a stop is dropped", ["--rewrite", "TERM:0", "--stop-timeout", "100ms"], TRAP + "sleep 0.4; exit 5", signal.SIGTERM, 5, ""),
    ("one is dropped", ["--rewrite", "USR1:0"], TRAP + "sleep 0.4; sleep 0.1; exit 5", signal.SIGUSR1, 5, ""),
    ("a number, a list", ["--rewrite", "1:0,10:12"], TRAP + "sleep 0.4; sleep 0.1; exit 5", signal.SIGUSR1, 5, "USR2\n"),
    ("a real-time signal kills", [], "echo ready; exec sleep 9", signal.SIGRTMIN + 5, 128 + signal.SIGRTMIN + 5, ""),
    ("a real-time signal is rewritten", ["--rewrite", "RTMIN+5:USR2"], TRAP + "sleep 0.4; exit 5", signal.SIGRTMIN + 5, 5, "USR2\n"),
    ("the stop signal ends all", [], "setsid sleep 600 & echo ready; exec sleep 600", signal.SIGTERM, 143, ""),
    ("a stop that is heeded", [], "trap 'echo bye; exit 0' TERM; setsid setsid sleep 600 & sleep 0.1; echo ready; " + WAIT,
     signal.SIGTERM, 0, "bye\n"),
    ("another stop signal", ["--stop-signal", "QUIT,RTMIN+3"], "trap 'echo no' TERM; trap 'exit 4' QUIT; setsid sleep 600 & "
     "sleep 0.1; echo ready; " + WAIT, signal.SIGQUIT, 4, ""),
    ("the job is stopped with another one", ["--stop-with", "INT"], "trap 'exit 6' INT; echo ready; " + WAIT, signal.SIGTERM, 6,
     ""),
    ("a stop that is rewritten", ["--rewrite", "TERM:INT"], "trap 'exit 6' INT; echo ready; " + WAIT, signal.SIGTERM, 6, ""),
    ("no stop signal", ["--stop-signal", "none"], TRAP + "sleep 0.4; exit 5", signal.SIGTERM, 5, "TERM\n"),
    ("the main process alone is asked, the rest after it", ["--stop-to", "main"],
     "trap 'sleep 0.2; echo first; exit 0' TERM; setsid sh -c 'trap \"echo second; exit\" TERM; echo ready; " + WAIT + "' & "
     + WAIT, signal.SIGTERM, 0, "first\nsecond\n"),
    ("budget", ["--stop-timeout", "300ms"], "trap '' TERM; setsid setsid sh -c 'trap \"\" TERM; " + WAIT + "' & sleep 0.1; "
     "echo ready; " + WAIT, signal.SIGTERM, 137, ""),
]


def check_signals():
    for name, options, script, number, code, output in SIGNALS:
        for world in WORLDS:
            running = Running(world, options, script)
            running.send(number)
            found, out, err, seconds = running.end()
            corral.check((found, out) == (code, output), f"{name} ({world}): {code}, {output!r}", found, out, err)
            corral.check(seconds < 2, f"{name} ({world}): in {seconds:.2f} s, no grace is slept out")
    nothing_left("after all signals")


def check_stopped_main():
    for world in WORLDS:
        running = Running(world, [], "trap 'exit 7' TERM; echo ready; " + WAIT)
        main = corral.children_of(running.init)[0]
        os.kill(main, signal.SIGSTOP)
        corral.wait_until(lambda pid=main: " T " in pathlib.Path(f"/proc/{pid}/stat").read_text(), what="a stop")
        running.send(signal.SIGTERM)
        found, _, err, seconds = running.end()
        corral.check(found == 7 and seconds < 2, f"a stopped main process is stopped properly ({world})", found, err)


# --- What the command gets -------------------------------------------------------

STATE = "grep -E '^Sig(Blk|Ign|Cgt)|^NoNew' /proc/self/status; ls -l /proc/self/fd | wc -l; pwd; ulimit -a; umask"


def check_inheritance():
    def settings():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTIN, signal.SIGUSR2, signal.SIGTERM})
        os.umask(0o27)
    environment = dict(os.environ)
    bare = subprocess.run(["cat", "/proc/self/status"], preexec_fn=settings, stdout=subprocess.PIPE, text=True,
                          env=environment, check=False).stdout
    signals = [line for line in bare.splitlines() if line.startswith(("SigBlk", "SigIgn", "SigCgt"))]
    for world in ("plain", "record"):
        under = subprocess.run(command_of(world, [], ["cat", "/proc/self/status"]), preexec_fn=settings,
                               stdout=subprocess.PIPE, text=True, env=environment, check=False).stdout
        corral.equal([line for line in under.splitlines() if line.startswith(("SigBlk", "SigIgn", "SigCgt"))], signals,
                     f"mask and dispositions are the caller's ({world})")
        result = subprocess.run(["sh", "-c", "LISTEN_FDS=1 LISTEN_PID=$$ exec \"$@\"", "sh",
                                 *command_of(world, [], ["sh", "-c", "test $LISTEN_PID = $$ && echo same"])],
                                stdout=subprocess.PIPE, text=True, env=environment, check=False)
        corral.equal(result.stdout, "same\n", f"LISTEN_PID follows ({world})")
        reading, writing = os.pipe()
        folder = SCRATCH / "cwd"
        folder.mkdir(exist_ok=True)
        process = subprocess.Popen(command_of(world, [], ["sh", "-c", f"exec {writing}>&-; sleep 600"]), cwd=folder,
                                   pass_fds=[writing])
        os.close(writing)
        corral.equal(os.read(reading, 1), b"", f"a passed descriptor is not pinned ({world})")
        corral.wait_until(lambda: os.readlink(f"/proc/{process.pid}/cwd") == "/", what=f"the working directory let go ({world})")
        process.terminate()
        corral.equal(process.wait(10), 143, f"and it stops ({world})")


def sentinels_of(shell):
    return [pid for pid in corral.descendants_of(shell) if corral.name_of(pid) == "corral-sentinel"]


def check_terminal():
    """^C, ^Z and fg before an interactive bash, and a shell of its own inside."""
    from pty_session import Session
    limited = "--limit wall=1h --signal-to group"
    for options in ("", "--signal-to group", limited):
        session = Session(f"{corral.INIT} {options} --", str(SCRATCH))
        session.start("$W sh -c 'echo ready; exec sleep 99'", "ready\r\n")
        session.type("\x03")
        session.prompt()
        session.start("$W sh -c 'echo ready; exec cat'", "ready\r\n")
        session.type("\x1a")
        session.prompt()
        session.start("fg", "cat'\r\n")
        session.pause(0.2)
        session.type("word\n")
        session.expect("word\r\nword\r\n")
        session.type("\x04")
        session.prompt()
        session.run("$W bash --norc --noediting -i")
        session.type("sleep 55\n")
        session.pause(0.3)
        session.type("\x1a")
        session.expect("Stopped")
        session.prompt()
        session.run("kill -9 %1")
        session.pause(0.2)
        session.run("jobs")
        session.run("exit 3")
        session.run("echo code $?")
        corral.check("code 3" in session.text and not session.is_late, f"^C, ^Z, fg and job control inside ({options})",
                     session.text)
        session.close()
    for options, has_sentinel in (("", True), ("--limit wall=1h", True), ("--limit wall=1h", False)):
        session = Session(f"{corral.INIT} {options} --stop-signal INT --stop-timeout 500ms --", str(SCRATCH))
        session.start("$W sh -c 'trap \"echo heard\" INT; echo ready; while :; do sleep 0.02; done'", "ready\r\n")
        if not has_sentinel:  # as in the first milliseconds, which nobody can be sure to hit
            sentinel = corral.wait_until(lambda: sentinels_of(session.pid), what="the sentinel is there")[0]
            os.kill(sentinel, signal.SIGKILL)
            corral.wait_until(lambda: not os.path.exists(f"/proc/{sentinel}"), what="that it has gone is noticed")
        session.type("\x03")
        session.expect("heard\r\n")
        session.prompt()
        session.run("echo code $?")
        corral.check("code 137" in session.text and session.text.count("heard\r\n") == 1, f"^C stops where INT does ({options}, sentinel: {has_sentinel})", session.text)
        session.close()


#: What timeout(1) and `kill -- -PGID` send: options, the command, the code it is to end with. The command is in the group unless
#: it has one of its own.
GROUPS = [
    ("a stop that is not heeded", ["--stop-timeout", "300ms"], "trap '' TERM; echo ready; " + WAIT, signal.SIGTERM, 137),
    ("a stop, to a group of its own", ["--signal-to", "group"], "echo ready; exec sleep 9", signal.SIGTERM, 143),
    ("a signal, to a group of its own", ["--stop-to", "group"], "trap 'exit 4' USR1; echo ready; " + WAIT, signal.SIGUSR1, 4),
    ("a stop, to daemons too", ["--stop-timeout", "9s"],
     "setsid sh -c 'trap \"exit\" TERM; " + WAIT + "' & trap 'exit 3' TERM; sleep 0.1; echo ready; " + WAIT, signal.SIGTERM, 3),
    ("the command left the group", [], ["python3", "-c", "import os, time; os.setpgid(0, 0); print('ready', flush=True); time.sleep(9)"],
     signal.SIGTERM, 143),
    ("no stop, but the command has it", ["--rewrite", "TERM:0"], "echo ready; exec sleep 9", signal.SIGTERM, 143),
]


def check_whole_group():
    """Signals to the whole process group of corral-init, in plain and in record mode."""
    for name, options, script, number, code in GROUPS:
        for world in ("plain", "record"):
            running = Running(world, options, script, start_new_session=True)
            os.killpg(running.process.pid, number)
            found, _, err, seconds = running.end()
            corral.check(found == code and seconds < 5, f"the whole group: {name} ({world})", found, seconds, err)
            nothing_left(name)
    for world, names in (("plain", {"sleep"}), ("record", {"corral-guard", "corral-sentinel", "sleep"})):
        running = Running(world, [], "echo ready; exec sleep 9")
        corral.wait_until(lambda: {corral.name_of(pid) for pid in corral.children_of(running.process.pid)} == names,
                          what=f"{names} below corral-init ({world})")
        running.process.terminate()
        running.end()


def check_stale_signal():
    """A signal to everybody but PID 1 is no sign that the next one to PID 1 is everybody's."""
    script = "trap 'exit 3' TERM; sleep 0.2; kill -TERM -1; echo ready; " + WAIT
    running = Running("pid 1", ["--limit", "wall=1h", "--stop-timeout", "300ms"], script)
    init = corral.children_of(running.process.pid)[0]
    os.kill(init, signal.SIGTERM)
    found, _, err, seconds = running.end()
    corral.check(found == 3 and seconds < 4, "a stop after a signal to everybody reaches the main process", found, seconds, err)


def check_recycled_main():
    """An orphan that gets the dead main process's number is not the main process."""
    script = """import os, time
main = os.getpid()
if os.fork() == 0:
    os.setsid()
    while os.path.exists(f"/proc/{main}"):
        time.sleep(0.02)
    for _ in range(50):
        open("/proc/sys/kernel/ns_last_pid", "w").write(str(main - 1))
        pid = os.fork()
        if pid == 0:
            time.sleep(0.3)
            os._exit(42)
        if pid == main:
            print("again", flush=True)
            os._exit(0)
    os._exit(0)
os._exit(7)
"""
    for options in ([], ["--report", "/dev/null"]):
        result = run("pid 1", ["--wait-all", *options], ["python3", "-c", script])
        if "again" not in result.stdout:
            corral.not_checked("needs ns_last_pid")
            return
        corral.equal(result.returncode, 7, f"the main process's code, though its number was used again {options}")


def check_blindness():
    """Without /proc nobody but the main process can be found: that one is asked and killed, and corral-init ends."""
    if not corral.has_namespaces():
        return corral.not_checked("needs a mount namespace")
    for options in ([], ["--limit", "wall=1h", "--engine", "subreaper"]):
        inside = f"umount -l /proc; exec {corral.INIT} --stop-timeout 300ms {' '.join(options)} -- sh -c \"$0\""
        for name, script, code in (("a stop is heeded", "trap 'exit 5' TERM; echo ready; " + WAIT, 5),
                                   ("a stop is not heeded", "trap '' TERM; echo ready; " + WAIT, 137),
                                   ("somebody is left", "setsid sh -c 'exec sleep 3' >/dev/null 2>&1 & echo ready; exit 4", 4)):
            begin = time.monotonic()
            process = subprocess.Popen(["unshare", "-m", "sh", "-c", inside, script], stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL, text=True)
            process.stdout.readline()
            if code != 4:
                process.terminate()
            code_found = process.wait(20)
            corral.check(code_found == code and time.monotonic() - begin < 2.5, f"without /proc: {name} {options}", code_found)
            process.stdout.close()
    corral.end_processes_with(MARK)


NAME = ("option '--name' expects 1 to 64 letters, digits and _.@:-; no number, 0x..., -..., '.', '..' or 'self'")
REWRITE = "option '--rewrite' expects SIGNAL:SIGNAL, the first not KILL, STOP or CHLD, or SIGNAL:0 to drop it"
STOP_SIGNAL = "option '--stop-signal' expects signals with commas between, not KILL, STOP or CHLD, or none"
HEALTH = "option '--health' expects a pid, or '--' and a command"


def check_odd_bytes():
    """A name that is no UTF-8 and would move a cursor: the JSON is JSON, and people see it escaped."""
    folder = os.fsencode(SCRATCH)
    odd = folder + b"/a\xff\x1b[2J\n\xc2\x9b"
    shutil.copy("/bin/sh", odd)
    shown = b"a\\xff\\x1b[2J\\x0a\\xc2\\x9b"

    def run_odd(*words):
        return subprocess.run([os.fsencode(corral.INIT), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)

    result = run_odd(b"--report", b"1", b"--report-format", b"json", b"--", odd, b"-c", b"exit 3")
    report = json.loads(result.stdout.decode("utf-8"))
    corral.check(report["name"].endswith("a\ufffd\x1b[2J\n\u009b"), "a report in JSON is UTF-8", report)
    corral.check(shown in result.stderr and result.stderr.count(b"\n") == 1, "and the words are one line", result.stderr)
    log = SCRATCH / "odd-words"
    result = run_odd(b"--report", b"1", b"--termination-log", os.fsencode(log), b"--", odd, b"-c", b"exit 3")
    corral.check(shown in result.stdout and b"\x1b" not in result.stdout, "a report in words is escaped", result.stdout)
    corral.check(shown in log.read_bytes() and log.read_bytes().count(b"\n") == 1, "so are the last words", log.read_bytes())
    result = run_odd(b"--", b"no\x1bsuch\xff")
    corral.check(b"cannot execute 'no\\x1bsuch\\xff'" in result.stderr, "and what could not be executed", result.stderr)


def check_outputs():
    """Where nothing can be written one line says so, and the job keeps its exit code."""
    for what, options, wanted in [
        ("a full device", ["--report", "/dev/full"], "cannot write the report to '/dev/full': No space left on device"),
        ("a closed descriptor", ["--report-json", "77"], "cannot write the report to '--report-json': Bad file descriptor"),
        ("no such directory", ["--termination-log", "/none/such"],
         "cannot write the last words to '/none/such': No such file or directory"),
        ("a full device", ["--termination-log", "/dev/full"],
         "cannot write the last words to '/dev/full': No space left on device"),
    ]:
        result = run("plain", ["--quiet", *options], "exit 4")
        corral.equal((result.returncode, result.stderr.lower()), (4, f"corral-init: {wanted}\n".lower()),
                     f"{options[0]} into {what}: one line and the job's code")


def check_words():
    """--termination-log and its convention, a closed standard error, bad words."""
    log = SCRATCH / "why"
    for world in WORLDS:
        log.unlink(missing_ok=True)
        run(world, ["--termination-log", str(log), "--quiet"], "exit 9")
        corral.check(re.fullmatch(r"'sh' \(pid \d+\) exited with code 9\n", log.read_text()), f"last words ({world})")
        result = subprocess.run(["sh", "-c", 'exec "$@" 2>&-', "sh", *command_of(world, [], ["sh", "-c", "exit 9"])],
                                check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        corral.equal(result.returncode, 9, f"a closed standard error is no harm ({world})")
    os.mkfifo(SCRATCH / "fifo")
    result = run("plain", ["--report", str(SCRATCH / "fifo")], "exit 0")
    corral.equal((result.returncode, result.stderr.count("\n")), (125, 1), "a report into a FIFO that nobody reads: one line")
    if os.geteuid() == 0:
        result = run("plain", ["--groups", "7"], ["id", "-G"])
        corral.equal(result.stdout.split(), ["0", "7"], "--groups holds without --uid")
    for words, wanted in [
        (["--nothing"], "option '--nothing' is unknown; 'corral-init --help' lists them"),
        (["--stop-timeout", "soon", "x"], "option '--stop-timeout' expects a duration such as 8s or 500ms, not 'soon'"),
        (["--stop-timeout"], "option '--stop-timeout' expects a duration such as 8s or 500ms"),
        (["--rewrite", "TERM", "x"], f"{REWRITE}, not 'TERM'"),
        (["--rewrite", "KILL:TERM", "x"], f"{REWRITE}, not 'KILL:TERM'"),
        (["--rewrite", "HUP:INT,19:0", "x"], f"{REWRITE}, not 'HUP:INT,19:0'"),
        (["--stop-signal", "TERM,FOO", "x"], f"{STOP_SIGNAL}, not 'TERM,FOO'"),
        (["--stop-signal", "KILL", "x"], f"{STOP_SIGNAL}, not 'KILL'"),
        (["--stop-signal", "CHLD", "x"], f"{STOP_SIGNAL}, not 'CHLD'"),
        (["--stop-signal", "TERM,STOP", "x"], f"{STOP_SIGNAL}, not 'TERM,STOP'"),
        (["--uid", "1000", "x"], "option '--uid' expects '--gid' too; '--gid 0' keeps root's group"),
        (["--name", "", "x"], f"{NAME}, not ''"),
        (["--name", "0x12", "x"], f"{NAME}, not '0x12'"),
        (["--name", "123", "x"], f"{NAME}, not '123'"),
        (["--name", "self", "x"], f"{NAME}, not 'self'"),
        (["--name", "a\nb", "x"], f"{NAME}, not 'a\\x0ab'"),
        (["--health", "x"], HEALTH),
        (["--health", "1", "x"], HEALTH),
        (["--signal-to", "all", "x"], "option '--signal-to' expects main, group or job, not 'all'"),
        (["--map-exit", "256:0", "x"], "option '--map-exit' expects CODE:CODE, from 0 to 255, not '256:0'"),
        (["--quiet=yes", "x"], "option '--quiet' takes no value"),
        ([], "no command; 'corral-init --help' lists the options"),
        (["--termination-log", "log", "--", "true"], "option '--termination-log' expects the absolute path of a file, not 'log'"),
        (["--report-format", "json", "--", "true"], "option '--report-format' expects '--report' too"),
    ]:
        result = subprocess.run([str(corral.INIT), *words], stderr=subprocess.PIPE, text=True, check=False)
        corral.equal((result.returncode, result.stderr), (2, f"corral-init: {wanted}\n"), f"{words}: one line and 2")
    help_text = subprocess.run([str(corral.INIT), "--help"], stdout=subprocess.PIPE, text=True, check=True).stdout
    corral.check("--stop-timeout" in help_text and help_text.startswith("usage: "), "--help lists the options")
    corral.check("--cgroup-fd" not in help_text, "but not those that only Corral's programs give")


def main():
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)  # whoever runs the test may ignore them
    if not corral.has_namespaces():
        WORLDS.pop("pid 1")
        corral.not_checked("needs a pid namespace")
    try:
        check_ends()
        check_signals()
        check_stopped_main()
        check_inheritance()
        check_terminal()
        check_whole_group()
        check_blindness()
        if "pid 1" in WORLDS:
            check_stale_signal()
            check_recycled_main()
        check_words()
        check_odd_bytes()
        check_outputs()
        nothing_left("at the end")
    finally:
        corral.end_processes_with(MARK)
        shutil.rmtree(SCRATCH, ignore_errors=True)


if __name__ == "__main__":
    main()
