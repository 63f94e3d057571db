#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`corral run -- X` can replace X: the same typing into bash on a pty, once with
X bare and once with X under a wrapper, gives the same bytes. The wrappers are
`corral run --` without an instance, the same under a running one, and the
reaper by itself with each engine.

The wrapper stands in $W, which is empty for the bare run, so that bash prints
the same command lines; $E holds the variables by which it finds its instance,
for what clears the environment. Only process numbers are blanked. Run by hand
for some cases, or for another wrapper:

    WRAPPER="build/cli/corral run --" python3 pty_fidelity.py control_c stop_and_fg
"""

import concurrent.futures
import contextlib
import os
import shutil
import sys
import tempfile

import corral
from pty_session import COUNTER, FORKING, PROMPT, Session
from pty_wrappers import BARE, Wrapper, check_remains, check_ways, wrappers

# --- The cases: each types into a session -----------------------------------

CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


def lines(name, *texts):
    """A case that only types lines and waits for prompts."""

    def play(session):
        for text in texts:
            session.run(text)

    CASES[name] = play


@case
def control_c(s):
    s.start("$W sh -c 'echo ready; exec sleep 99'", "ready\r\n")
    s.type("\x03")
    s.prompt()
    s.run("echo $?")


@case
def control_c_once(s):
    s.start("$W bash -c 'trap \"echo got\" INT; echo ready; sleep 0.5; sleep 0.2; echo end'", "ready\r\n")
    s.type("\x03")
    s.prompt()
    s.run("echo $?")


@case
def control_c_ignored(s):
    s.start("$W bash -c 'trap \"\" INT; echo ready; sleep 0.4; echo end; exit 4'", "ready\r\n")
    s.type("\x03")
    s.prompt()
    s.run("echo $?")


@case
def control_backslash(s):
    s.run("ulimit -c 0")
    s.start("$W sh -c 'echo ready; exec sleep 99'", "ready\r\n")
    s.type("\x1c")
    s.prompt()
    s.run("echo $?")


@case
def loop_is_interrupted(s):
    s.start("for i in 1 2 3; do echo turn $i; $W sleep 5; done", "turn 1\r\n")
    s.pause()
    s.type("\x03")
    s.prompt()
    s.run("echo $?")


@case
def loop_goes_on_after_handled_interrupt(s):
    s.start(
        "for i in 1 2; do $W bash -c 'trap \"exit 0\" INT; echo ready; sleep 0.6'; echo $?; done", "ready\r\n"
    )
    s.type("\x03")
    s.expect("ready\r\n")
    s.prompt()


@case
def while_pipe_is_interrupted(s):
    s.start("while true; do echo turn; $W sleep 5 | cat; done", "turn\r\n")
    s.pause()
    s.type("\x03")
    s.prompt()
    s.run("echo $?")


@case
def stop_and_fg(s):
    s.start("$W sh -c 'echo ready; exec sleep 99'", "ready\r\n")
    s.type("\x1a")
    s.prompt()
    s.run("echo $?")
    s.run("jobs")
    s.start("fg", "\r\n")
    s.pause()
    s.type("\x1a")
    s.prompt()
    s.run("jobs")
    s.start("fg %1", "\r\n")
    s.pause()
    s.type("\x03")
    s.prompt()
    s.run("echo $?; jobs")


@case
def stop_and_bg(s):
    # dash makes sleep by vfork: if ^Z stops that child before its exec, dash never stops, bare or not.
    s.start("$W sh -c 'echo ready; sleep 0.6; exit 9'", "ready\r\n")
    s.pause()
    s.type("\x1a")
    s.prompt()
    s.run("bg")
    s.run("jobs")
    s.run("wait %1; echo $?")
    s.run("jobs")


@case
def stop_with_handler(s):
    # In wait, bash hears of the stop at once; before a child of its own it would only after that child's end.
    s.start(
        "$W bash -c 'trap \"echo tstp; kill -STOP \\$\\$\" TSTP; trap \"echo cont\" CONT; sleep 0.4 & echo ready; "
        "wait; wait; wait; echo end'",
        "ready\r\n",
    )
    s.type("\x1a")
    s.prompt()
    s.run("jobs")
    s.start("fg", "end\r\n")
    s.prompt()
    s.run("echo $?")


@case
def stopped_by_itself(s):
    s.run("$W sh -c 'kill -STOP $$; echo resumed; exit 3'")
    s.run("jobs")
    s.start("fg", "resumed\r\n")
    s.prompt()
    s.run("echo $?")


@case
def stopped_and_killed_by_job(s):
    s.start("$W sh -c 'echo ready; exec sleep 99'", "ready\r\n")
    s.type("\x1a")
    s.prompt()
    s.run("kill %1; sleep 0.2")
    s.run("jobs")


@case
def stopped_and_killed_hard(s):
    s.start("$W sh -c 'echo ready; exec sleep 99'", "ready\r\n")
    s.type("\x1a")
    s.prompt()
    s.run("kill -9 %1; sleep 0.2")
    s.run("jobs")


@case
def stopped_and_killed_inside(s):
    s.run("$W sh -c 'echo $$ > number; kill -STOP $$'")
    s.run("kill -9 $(cat number); sleep 0.3")
    s.run("jobs")


@case
def stopped_and_continued_by_pid(s):
    s.run("$W bash -c 'trap \"echo cont\" CONT; kill -STOP $$; echo resumed; exit 3' &")
    s.pause(0.3)
    s.run("jobs")
    s.start("kill -CONT $!", "resumed\r\n")
    s.pause()
    s.run("wait $!; echo $?")


@case
def stop_group_continue_group(s):
    s.run("$W sleep 0.5 &")
    s.run("kill -STOP %1; sleep 0.2")
    s.run("jobs")
    s.run("kill -CONT %1; wait %1; echo $?")


def trap_case(name, line, signals):
    """How often the command got a signal, whichever way it was sent."""

    def play(session):
        session.start(
            f"$W bash -c '(trap \"\" {signals}; exec sleep 0.6) & trap \"echo got >>log\" {signals}; sleep 0.1; echo ready;"
            " wait; wait; wait; echo end >>log' &",
            "ready\r\n",
        )
        session.run(f"{line}; wait; cat log")
        session.run("")

    CASES[name] = play


trap_case("kill_pid_once", "kill $!", "TERM")
trap_case("kill_job_once", "kill %1", "TERM")
trap_case("kill_group_once", "kill -TERM -- -$!", "TERM")
trap_case("kill_usr1_once", "kill -USR1 $!", "USR1")
trap_case("kill_realtime_once", "kill -RTMIN+3 $!", "RTMIN+3")
trap_case("kill_realtime_job_once", "kill -RTMIN %1", "RTMIN")
trap_case("kill_hup_job_once", "kill -HUP %1", "HUP")
trap_case("kill_winch_pid_once", "kill -WINCH $!", "WINCH")
trap_case("kill_twice_both_ways", "kill %1; sleep 0.1; kill $!", "TERM")


def write_counter(s):
    """A command that counts: unlike a trap of bash it sees every single signal."""
    path = os.path.join(s.directory, "counter")
    with FORKING, open(path, "w") as file:  # a bash that was forked now would hold it open: ETXTBSY
        file.write(COUNTER)
    os.chmod(path, 0o755)


def count_case(name, target, number):
    def play(s):
        write_counter(s)
        s.start("$W ./counter >out & sleep 0.4", PROMPT)
        s.run(f"for i in {{1..20}}; do kill -{number} {target}; sleep 0.02; done; wait; cat out")
        s.run("")

    CASES[name] = play


count_case("count_job_term", "%1", "TERM")
count_case("count_job_int", "%1", "INT")
count_case("count_job_realtime", "%1", "RTMIN+3")
count_case("count_pid_term", "$!", "TERM")
count_case("count_pid_realtime", "$!", "RTMIN+3")


@case
def count_control_c(s):
    write_counter(s)
    s.start("$W ./counter", "ready\r\n")
    for _ in range(10):
        s.type("\x03")
        s.pause(0.05)
    s.prompt()


@case
def count_window_sizes(s):
    write_counter(s)
    s.start("$W ./counter", "ready\r\n")
    for rows in range(30, 40):
        s.set_size(rows, 90)
        s.pause(0.05)
    s.prompt()


@case
def kill_hard(s):
    s.run("$W sleep 99 &")
    s.run("kill -9 $!; wait $!; echo $?")


@case
def kill_pid_default(s):
    s.run("$W sleep 99 &")
    s.run("sleep 0.1; kill $!; wait $!; echo $?")


@case
def background_read(s):
    s.run("$W cat &")
    s.pause(0.3)
    s.run("jobs")
    s.start("fg", "\r\n")
    s.type("text\n")
    s.expect("text\r\ntext\r\n")
    s.type("\x04")
    s.prompt()
    s.run("echo $?")


@case
def background_write_tostop(s):
    s.run("stty tostop")
    s.run("$W sh -c 'sleep 0.2; echo hi; exit 5' &")  # it stops after bash's prompt, not sometimes before
    s.pause(0.5)
    s.run("jobs")
    s.start("fg", "hi\r\n")
    s.prompt()
    s.run("echo $?; stty -tostop")


@case
def window_size(s):
    s.start(
        "$W bash -c 'trap \"stty size\" WINCH; stty size; echo ready; sleep 0.3 & wait; wait; echo end'", "ready\r\n"
    )
    s.set_size(40, 100)
    s.expect("40 100\r\n")
    s.prompt()


@case
def dev_tty(s):
    s.start("$W sh -c 'echo ready >/dev/tty; read x </dev/tty; echo got $x'", "ready\r\n")
    s.type("word\n")
    s.prompt()


@case
def no_echo(s):
    s.start("$W sh -c 'stty -echo; echo ready; read x; stty echo; echo got $x'", "ready\r\n")
    s.type("secret\n")
    s.prompt()


@case
def raw_terminal(s):
    s.start("$W sh -c 'stty raw -echo; echo ready; head -c 3 | od -c; stty -raw echo'", "ready")
    s.type("a\x03\x1a")
    s.prompt()


@case
def nested_interactive_shell(s):
    s.start("$W bash --noediting --norc --noprofile -i", PROMPT)
    s.start("sh -c 'echo ready; exec sleep 99'", "ready\r\n")
    s.type("\x1a")
    s.prompt()
    s.run("jobs; kill -9 %1; sleep 0.2")
    s.run("exit 3")
    s.run("echo $?")


@case
def reads_terminal_to_end(s):
    s.type("$W cat\n")
    s.expect("\n")
    s.type("one\n")
    s.expect("one\r\none\r\n")
    s.type("\x04")
    s.prompt()
    s.run("echo $?")


@case
def two_in_one_pipeline(s):
    s.start("$W sh -c 'echo ready >&2; exec sleep 99' | $W cat", "ready\r\n")
    s.type("\x1a")
    s.prompt()
    s.run("jobs")
    s.start("fg", "\r\n")
    s.pause()
    s.type("\x03")
    s.prompt()
    s.run("echo ${PIPESTATUS[@]}; jobs")


lines("exit_codes", "for c in 0 1 2 77 124 125 126 127 128 130 143 254 255; do $W sh -c \"exit $c\"; echo $?; done")
lines(
    "signals",
    "ulimit -c 0",
    "for s in HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM XCPU XFSZ VTALRM PROF IO PWR SYS"
    " RTMIN RTMIN+5 RTMAX; do bash -c '$W sh -c \"kill -$1 \\$\\$\"; echo $?' - $s 2>/dev/null; done",
)
lines("signal_words", "ulimit -c 0", *(f"$W sh -c 'kill -{s} $$'; echo $?" for s in ("HUP", "SEGV", "TERM", "KILL", "USR1")))
lines("if_and_not", "if $W false; then echo yes; else echo no; fi; ! $W true; echo $?", "$W true && echo and || echo or")
lines("not_executable", "$W /etc 2>/dev/null; echo $?", "$W /etc/passwd 2>/dev/null; echo $?")
lines("not_found", "$W nonesuch 2>/dev/null; echo $?", "$W ./nonesuch 2>/dev/null; echo $?")
lines(
    "no_interpreter",
    "printf '#!/none/such\\n' >s; chmod +x s; $W ./s 2>/dev/null; echo $?",
    "printf 'echo a script $1\\n' >t; chmod +x t; $W ./t arg; echo $?",
    "printf '\\0\\0' >u; chmod +x u; $W ./u 2>/dev/null; echo $?",
)
lines("pipe_into", "echo hello | $W cat", "$W echo hello | $W tr a-z A-Z | cat")
lines("pipe_breaks", "$W yes | head -1; echo ${PIPESTATUS[@]}")
lines("pipe_ends_early", "$W sh -c 'exec >&-; sleep 0.5; exit 6' | cat; echo ${PIPESTATUS[@]}")
lines("reader_goes_early", "(for i in 1 2 3 4 5 6; do echo $i || break; sleep 0.1; done) 2>/dev/null | $W sh -c 'exec <&-; sleep 0.9'; echo ${PIPESTATUS[@]}")
lines("descriptors", "echo text >f; exec 3<f; $W cat <&3; exec 3<&-", "$W cat <(echo substituted)", "exec 7>g; $W sh -c 'echo seven >&7'; exec 7>&-; cat g")
lines("descriptor_numbers", "$W ls /proc/self/fd; $W ls /proc/self/fd <&-; $W ls /proc/self/fd 9</dev/null")
lines("closed", "$W sh -c 'cat <&0' <&- 2>/dev/null; echo $?", "$W sh -c 'echo x' >&- 2>/dev/null; echo $?", "$W sh -c 'echo x >&2' 2>&-; echo $?", "$W sh -c 'exit 3' <&- >&- 2>&-; echo $?")
lines("umask_and_limits", "umask 027; $W sh -c umask", "ulimit -n 77; ulimit -s 4096; $W bash -c 'ulimit -n; ulimit -s; ulimit -c; ulimit -u'")
lines("nohup", "nohup $W sh -c 'kill -HUP $$; echo alive' 2>/dev/null | cat", "trap '' TERM; $W sh -c 'kill $$; echo alive'")
lines("signal_state", "$W grep Sig[BIC] /proc/self/status", "nohup $W grep Sig[BIC] /proc/self/status 2>/dev/null | cat", "(trap '' CHLD INT; $W grep Sig[BIC] /proc/self/status)")
lines("background_ignores", "bash -c '$W grep SigI /proc/self/status & wait $!; echo $?'")
lines("group_and_session", "$W sh -c 'ps -o stat=,tty= -p $$ | tr -d l; ps -o sid= -p $$ | grep -qw '$$' && echo same session'")
lines("niceness", "nice -n 5 $W sh -c 'ps -o ni= -p $$'")
lines("working_directory", "cd /usr; $W pwd; cd - >/dev/null")
lines("environment", "A=1 $W sh -c 'echo $A'; env -i A=2 PATH=/bin $E $W env | grep -v -e ^_= -e ^CORRAL_ -e ^XDG_")
lines("arguments", "$W printf '[%s]' a '' 'b c' -- --name -h; echo", "$W sh -c 'echo $0 $#' name 1 2 3")
lines("wait_and_jobs", "$W sh -c 'sleep 0.2; exit 5' & wait $!; echo $?", "$W sleep 99 & jobs; kill %1; wait %1; echo $?")
lines("substitution", "x=$($W echo one; echo $?); echo \"$x\"", "x=$($W sh -c 'echo out; exit 4'); echo $x $?")
lines("exec_in_subshell", "(exec $W sh -c 'exit 7'); echo $?", "(sleep 0.6 & exec $W sh -c 'exit 8'); echo $?")
lines("script", "printf '%s\\n' 'set -e' '$W true' '$W sh -c \"exit 6\"' 'echo not reached' >s; bash s; echo $?")
lines("timeout", "timeout 0.3 $W sleep 9; echo $?", "timeout -s KILL 0.3 $W sleep 9; echo $?", "timeout --foreground 0.3 $W sleep 9; echo $?")
lines("errexit_on_signal", "bash -c 'trap \"echo trapped\" TERM; $W sh -c \"kill \\$\\$\"; echo $?'")


def here_document(s):
    s.type("$W cat <<EOF\n")
    s.expect("> ")
    s.type("line $((1 + 1))\n")
    s.expect("> ")
    s.type("EOF\n")
    s.prompt()


CASES["here_document"] = here_document


@case
def time_keeps_quiet(s):
    s.run("{ time $W true; } 2>&1 | grep -c real")


# --- Running them ------------------------------------------------------------


def play(name, wrapper):
    directory = tempfile.mkdtemp(prefix="corral-pty-")
    session = Session(wrapper.words, directory, wrapper.session_variables())
    try:
        CASES[name](session)
    finally:
        session.close()
        shutil.rmtree(directory, ignore_errors=True)
    return session


def is_same(bare, wrapped):
    return not bare.is_late and wrapped.transcript() == bare.transcript()


def compare(name, tested):
    """Each wrapper's session with the bare one that was played beside it."""
    result = {}
    # What a busy machine made late says nothing: it is played again.
    for _ in range(3):
        left = [label for label in tested if label not in result or not is_same(*result[label])]
        if not left:
            break
        with concurrent.futures.ThreadPoolExecutor(1 + len(left)) as pool:
            bare, *played = pool.map(lambda wrapper: play(name, wrapper), [BARE, *(tested[label] for label in left)])
        result |= {label: (bare, wrapped) for label, wrapped in zip(left, played)}
    return result


def play_all(names, tested):
    differing = []
    os.environ["PTY_TEST_MARK"] = f"pty-{os.getpid()}"
    for name in names:
        for label, (bare, wrapped) in compare(name, tested).items():
            if is_same(bare, wrapped):
                print(f"ok: {name} ({label}): {len(bare.text)} bytes are the same", flush=True)
                continue
            differing.append(f"{name} ({label})")
            print(f"DIFFERS: {name} ({label})\n--- bare\n{bare.transcript()}\n--- wrapped\n{wrapped.transcript()}\n---")
    del os.environ["PTY_TEST_MARK"]
    corral.check(not differing, f"{len(names)} cases under {len(tested)} wrappers behave as bare", differing)


def main():
    names = sys.argv[1:] or list(CASES)
    if "WRAPPER" in os.environ:
        play_all(names, {"WRAPPER": Wrapper(os.environ["WRAPPER"])})
        return
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="corral-pty-records-"))
        instance = stack.enter_context(corral.Instance())
        tested = wrappers(folder, instance)
        play_all(names, tested)
        check_remains(tested, instance)
        check_ways(instance, folder)


if __name__ == "__main__":
    main()
