#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The provider `parallel` (contrib/corral-parallel): ranks and their aggregates; it waits for all, signals all, ends all
when one rank dies, also those who left their rank; and goes on over a death of the supervisor."""

import json
import os
import signal
import subprocess
import time

import corral
import pty_session
from collector import ebpf_obstacle
from corral import SOURCE, Instance, check, equal, is_alive, wait_until
from provider import Provider

PROGRAM = ["/usr/bin/python3", str(SOURCE / "contrib/corral-parallel")]


class Run:
    def __init__(self, instance, *arguments):
        words = [*PROGRAM, "--socket", str(instance.socket), *map(str, arguments)]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def end(self, seconds=30):
        self.out, self.err = self.process.communicate(timeout=seconds)
        return self.process.returncode


def registered(instance, name):
    probe = Provider(instance, f"probe-{os.getpid()}-{time.monotonic_ns()}", ["job"])
    try:
        return any(one["Name"] == name for one in probe.manager.ListProviders())
    finally:
        probe.close()


def ranks(instance):
    run = Run(instance, "-n", 3, "--json", "--", "sh", "-c", "echo $CORRAL_RANK of $CORRAL_SIZE; sleep $CORRAL_RANK; exit $((CORRAL_RANK * 2))")
    equal(run.end(), 2, f"the exit code is that of the first rank that failed {run.err}")
    lines = run.out.splitlines()
    equal(sorted(line for line in lines if " of " in line), ["0 of 3", "1 of 3", "2 of 3"], "each rank knows its number")
    equal([json.loads(line)["code"] for line in lines if line.startswith("{")], [0, 2, 4], "and each has its code")
    run = Run(instance, "-n", 2, "--", "/nonexistent/program")
    equal(run.end(), 127, "a program that is not there is said to be so")
    check("cannot run '/nonexistent/program'" in run.err, "by name", run.err)
    for words, complaint in ((("-n", 0), "-n 0: expected 1 to 4096 ranks"), (("-n", "x"), "-n x: expected 1 to 4096 ranks"),
                             (("-n", 4097), "-n 4097: expected 1 to 4096 ranks"),
                             (("--grace", "nan"), "--grace nan: expected seconds, 0 to 86400"),
                             (("--name", ""), "--name '': expected a provider's name; without the option it is parallel-PID")):
        run = Run(instance, *words, "--", "true")
        equal((run.end(), run.err), (64, f"corral-parallel: {complaint}\n"), f"refused: {words}")


def waits_for_all(instance, work):
    mark = work / "late"
    script = f"(setsid sh -c 'sleep 1.2; echo >{mark}' &) ; exit 0"
    began = time.monotonic()
    run = Run(instance, "-n", 2, "--name", "waiting", "--", "sh", "-c", script)
    wait_until(lambda: registered(instance, "waiting"), what="the registration")
    equal(run.end(), 0, "it ends")
    check(mark.exists() and time.monotonic() - began > 1, "when the last process has, also one that left its rank's session")


def signals_all(instance, work):
    script = (f"trap 'echo rank >>{work}/signals; exit 0' USR1;"
              f"(trap 'echo child >>{work}/signals; exit 0' USR1; while :; do sleep 0.05; done) & while :; do sleep 0.05; done")
    run = Run(instance, "-n", 2, "--", "sh", "-c", script)
    time.sleep(1.5)
    run.process.send_signal(signal.SIGUSR1)
    equal(run.end(), 0, f"a signal ends them {run.err}")
    said = sorted((work / "signals").read_text().split())
    equal(said, ["child", "child", "rank", "rank"], "it reached every process of every rank")


def state_of(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(")")[2].split()[0]


def on_a_terminal(instance, work):
    """What the terminal sends reaches each rank once, and one that is in another session too."""
    counter = work / "counter"
    counter.write_text(pty_session.COUNTER)
    session = pty_session.Session(" ".join(PROGRAM), str(work))
    start = f"$W --socket {instance.socket} -n 2 -- "
    session.start(f"{start} python3 {counter}", "ready")
    session.expect("ready")
    session.type("\x03")
    for _ in range(2):
        session.expect("got 1 [2]")
    session.prompt()
    session.start(f"{start} sh -c 'exec setsid python3 {counter}'", "ready")
    session.expect("ready")
    session.type("\x03")
    for _ in range(2):
        session.expect("got 1 [2]")
    session.prompt()
    check(not session.is_late, "^C is one SIGINT for each rank, in its group or not", session.transcript())
    session.start(f"{start} sh -c 'echo $PPID $$ >>{work}/stopped; echo up; exec sleep 1000'", "up")
    session.expect("up")
    session.type("\x1a")
    session.expect("Stopped")
    session.prompt()
    lines = (work / "stopped").read_text().split()
    pids = [int(lines[0]), *map(int, lines[1::2])]
    wait_until(lambda: [state_of(pid) for pid in pids] == ["T"] * 3, what="all stopped")
    check(not session.is_late, "^Z stops the ranks and it, and the shell prompts", session.transcript())
    session.type("fg\n")
    wait_until(lambda: [state_of(pid) for pid in pids] == ["S"] * 3, what="all continued")
    check(True, "fg continues them")
    session.type("\x03")
    session.prompt()
    session.run("echo code $?")
    check("code 130" in session.text and not session.is_late, "and ^C ends them", session.transcript())
    session.close()


def kills_all(instance, work):
    pids = work / "pids"
    script = (f"setsid sh -c 'trap \"\" TERM; echo $$ >>{pids}; while :; do sleep 0.1; done' & "
              f"[ $CORRAL_RANK = 1 ] && sleep 0.7 && kill -9 $$; sleep 100")
    run = Run(instance, "-n", 3, "--kill-all", "--grace", 0.5, "--", "sh", "-c", script)
    equal(run.end(), 128 + 9, "with --kill-all the death of one is the end of all")
    check("rank 1 ended with 137: ending all ranks" in run.err, "it says which", run.err)
    left = [int(pid) for pid in pids.read_text().split()]
    equal((len(left), [pid for pid in left if is_alive(pid)]), (3, []), "also those who ignore the signal and left")


def is_killed(instance, work):
    """What it cannot do any more the kernel does for each rank's own process."""
    file = work / "ranks"
    run = Run(instance, "-n", 3, "--", "sh", "-c", f"echo $$ >>{file}; exec sleep 1000")
    wait_until(lambda: file.exists() and len(file.read_text().split()) == 3, what="the ranks")
    run.process.kill()
    run.end()
    ranks = [int(pid) for pid in file.read_text().split()]
    wait_until(lambda: not any(is_alive(pid) for pid in ranks), what="its ranks end when it is killed")


def supervisor_dies(instance, work):
    script = f"echo >>{work}/begun; sleep 3; sh -c 'sleep 0.3; exit 0'; exit 7"
    run = Run(instance, "-n", 2, "--name", "steady", "--", "sh", "-c", script)
    wait_until(lambda: (work / "begun").exists() and len((work / "begun").read_text()) == 2, what="the ranks")
    before = instance.supervisor
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: instance.supervisor not in (None, before), what="the next supervisor")
    wait_until(lambda: registered(instance, "steady"), what="the registration with the next supervisor")
    equal(run.end(), 7, f"it goes on with the next supervisor {run.err}")


def main():
    if os.geteuid() != 0:
        corral.skip("needs root")
    if why := ebpf_obstacle():
        corral.skip(why)
    with Instance() as instance:
        ranks(instance)
        waits_for_all(instance, instance.folder)
        signals_all(instance, instance.folder)
        on_a_terminal(instance, instance.folder)
        kills_all(instance, instance.folder)
        is_killed(instance, instance.folder)
        supervisor_dies(instance, instance.folder)
    with Instance(environment={"CORRAL_EVENT_SOURCE": "none"}) as instance:
        run = Run(instance, "-n", 1, "--", "true")
        equal(run.end(), 69, "where nobody tells of forks it cannot be")
        check("'none' was asked for" in run.err, "and says why", run.err)


main()
