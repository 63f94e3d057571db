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


def told(instance, name):
    """How many events the provider was sent."""
    probe = Provider(instance, f"probe-{os.getpid()}-{time.monotonic_ns()}", ["job"])
    try:
        return next((int(one["Told"]) for one in probe.manager.ListProviders() if one["Name"] == name), 0)
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
    script = (f"trap 'echo rank >>{work}/signals; exit 0' USR1; echo >>{work}/trapped;"
              f"(trap 'echo child >>{work}/signals; exit 0' USR1; echo >>{work}/trapped; while :; do sleep 0.05; done) &"
              f"while :; do sleep 0.05; done")
    run = Run(instance, "-n", 2, "--", "sh", "-c", script)
    wait_until(lambda: (work / "trapped").exists() and len((work / "trapped").read_text()) == 4, 30, "the traps")
    time.sleep(0.3)  # it is told of the last fork
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


def ask(instance, *words, **options):
    return subprocess.run([*PROGRAM, *map(str, words)], text=True, capture_output=True, check=False, timeout=30, **options)


def shown(instance, of):
    return [json.loads(line) for line in ask(instance, "--of", of, "--show").stdout.splitlines()]


def teams(instance, work):
    """Aggregates within an aggregate: each is signalled, waited for and ended by itself."""
    file = work / "teams"
    script = (f"echo $CORRAL_RANK $CORRAL_TEAM $CORRAL_TEAMS $CORRAL_TEAM_RANK $CORRAL_TEAM_SIZE >>{file};"
              f"trap 'echo $CORRAL_RANK >>{work}/rank-got; exit $CORRAL_RANK' USR1; echo $CORRAL_TEAM $$ >>{work}/trapped; (setsid sh -c '"
              f"trap \"echo $CORRAL_RANK >>{work}/child-got; exit\" USR1; echo $CORRAL_TEAM $$ >>{work}/trapped;"
              f"while :; do sleep 0.05; done' &); while :; do sleep 0.05; done")
    (work / "trapped").write_text("")
    run = Run(instance, "-n", 5, "--teams", 2, "--name", "app", "--json", "--", "sh", "-c", script)
    wait_until(lambda: file.exists() and len(file.read_text().splitlines()) == 5, what="the ranks")
    equal(sorted(file.read_text().splitlines()), ["0 0 2 0 3", "1 0 2 1 3", "2 0 2 2 3", "3 1 2 0 2", "4 1 2 1 2"],
          "each rank knows its team and its place there")
    def trapped():
        return [line.split() for line in (work / "trapped").read_text().splitlines()]

    wait_until(lambda: len(trapped()) == 10, what="the traps")
    wait_until(lambda: {int(pid) for _, pid in trapped()} <= set(shown(instance, "app")[0]["processes"]), what="what the ranks forked")
    parts = {one["part"]: one for one in shown(instance, "app")}
    equal({word: (one["aggregate"], one["ranks"]) for word, one in parts.items() if not word.startswith("rank")},
          {"": (0, [0, 1, 2, 3, 4]), "team0": (6, [0, 1, 2]), "team1": (7, [3, 4])}, "application, teams and their ranks")
    for team in ("team0", "team1"):
        equal(set(parts[team]["processes"]), {pid for rank in parts[team]["ranks"] for pid in parts[f"rank{rank}"]["processes"]},
              f"{team} is its ranks, with what left their sessions")
    equal([one["part"] for one in shown(instance, "app/team1")], ["team1", "rank3", "rank4"], "a team is shown with what is within")
    waiting = subprocess.Popen([*PROGRAM, "--of", "app/team1", "--wait"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    equal(ask(instance, "--of", "app/team1", "--signal", "usr1").returncode, 0, "a team is signalled")
    check(waiting.wait(timeout=20) in (3, 4), "who waits for it has the code of its first rank that failed", waiting.returncode)
    equal(sorted((work / "rank-got").read_text().split()), ["3", "4"], "its ranks got the signal, and no others")
    equal(sorted((work / "child-got").read_text().split()), ["3", "4"], "so did what they forked")
    check(run.process.poll() is None and all(is_alive(int(pid)) for team, pid in trapped() if team == "0"), "the other team lives")
    equal(shown(instance, "app/team1")[0]["processes"], [], "nobody of the team does")
    equal(ask(instance, "--of", "app/team1", "--wait").returncode, waiting.returncode, "who comes late is told the same code")
    before = instance.supervisor
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: instance.supervisor not in (None, before), what="the next supervisor")
    wait_until(lambda: registered(instance, "app"), what="the registration with it")
    equal(ask(instance, "--of", "app/rank1", "--signal", "0").returncode, 0, "signal 0 asks, and nobody gets any")
    lasting = {int(pid) for _, pid in trapped()} & set(parts["rank1"]["processes"])  # without the sleeps between
    check(len(lasting) == 2 and all(is_alive(pid) for pid in lasting), "so that the rank lives", lasting)
    equal(ask(instance, "--of", "app/rank1", "--signal", "USR1").returncode, 0, "one rank is signalled")
    equal(ask(instance, "--of", "app/rank1", "--wait").returncode, 1, "and waited for, also with the next supervisor")
    for words, code, said in ((("app/team9", "--wait"), 66, "'app' has no 'team9', but 5 ranks and 2 teams"),
                              (("nosuch", "--show"), 66, "no application 'nosuch' of yours runs here"),
                              (("app", "--signal", "NOSUCH"), 64, "--signal NOSUCH: expected a signal's name or number"),
                              (("app",), 64, "expected one of --signal SIGNAL, --wait and --show")):
        done = ask(instance, "--of", *words)
        check(done.returncode == code and said in done.stderr, f"refused: {words}", done)
    done = ask(instance, "--of", "app", "--signal", "KILL", user=65534, group=65534, extra_groups=[])
    check(done.returncode == 66 and run.process.poll() is None, "another user has no application of that name", done)
    equal(ask(instance, "--of", "app", "--signal", "USR1").returncode, 0, "all are signalled")
    run.end()
    lines = {line["team"]: line["ranks"] for line in map(json.loads, run.out.splitlines()) if "team" in line}
    equal(lines, {"team0": [0, 1, 2], "team1": [3, 4]}, f"and at the end there is a line for each team {run.err}")
    for words in (("--teams", 0), ("--teams", 3), ("--teams", "x"), ("--kill-team",), ("--show",)):
        run = Run(instance, "-n", 2, *words, "--", "true")
        check(run.end() == 64 and "expected" in run.err, f"refused: {words}", run.err)


def teams_are_aggregates(instance):
    """Of the instance, not of corral-parallel alone: what becomes of a rank is told of its team too."""
    counts = []
    for name, words in (("alone", ()), ("teamed", ("--teams", 1))):
        run = Run(instance, "-n", 1, "--name", name, *words, "--", "sleep", "1000")
        wait_until(lambda name=name: told(instance, name) > 0, what="its first events")
        time.sleep(0.5)
        counts.append(told(instance, name))
        run.process.send_signal(signal.SIGTERM)
        run.end()
    check(counts[1] > counts[0], "an event of a rank is one of its team as well", counts)


def kills_team(instance, work):
    file = work / "members"
    script = (f"echo $CORRAL_RANK $$ >>{file}; trap '' TERM; [ $CORRAL_RANK = 2 ] && sleep 0.7 && exit 9; "
              f"[ $CORRAL_TEAM = 0 ] && exec sleep 3; while :; do sleep 0.1; done")
    began = time.monotonic()
    run = Run(instance, "-n", 4, "--teams", 2, "--kill-team", "--grace", 0.3, "--json", "--", "sh", "-c", script)
    equal(run.end(), 9, f"with --kill-team the death of one {run.err}")
    check("rank 2 ended with 9: ending all ranks of team1" in run.err, "is the end of its team", run.err)
    equal([json.loads(line)["code"] for line in run.out.splitlines() if '"rank"' in line], [0, 0, 9, 137], "and of no other")
    check(time.monotonic() - began > 2.5, "which goes on to its own end")


def where(instance):
    """It finds its instance as corral(1) does: by CORRAL_RUNTIME_DIR, XDG_RUNTIME_DIR, TMPDIR, --system and --private."""
    clean = {name: value for name, value in os.environ.items() if name not in ("CORRAL_RUNTIME_DIR", "XDG_RUNTIME_DIR", "TMPDIR")}

    def run(*words, **variables):
        return subprocess.run([*PROGRAM, "-n", "1", *words, "--", "sh", "-c", "exit 5"], env={**clean, **variables}, text=True,
                              capture_output=True, check=False, timeout=60)

    session, temporary = instance.folder / "session", instance.folder / "temporary"
    for link in (session / "corral", temporary / f"corral-{os.geteuid()}"):
        link.mkdir(parents=True)
        link.chmod(0o700)
        (link / "private").symlink_to(instance.socket)
    equal(run(CORRAL_RUNTIME_DIR=str(instance.runtime)).returncode, 5, "the instance of $CORRAL_RUNTIME_DIR is found")
    equal(run("--private", XDG_RUNTIME_DIR=str(session)).returncode, 5, "the private one of $XDG_RUNTIME_DIR")
    equal(run("--private", TMPDIR=str(temporary)).returncode, 5, "and the one of $TMPDIR")
    equal(run("--private", XDG_RUNTIME_DIR=str(instance.folder / "nothing"), TMPDIR=str(temporary)).returncode, 5, "also where the first is not there")
    nowhere = str(instance.folder / "nowhere")
    done = run(XDG_RUNTIME_DIR=str(session), CORRAL_RUNTIME_DIR=nowhere)
    check(done.returncode == 69 and f"{nowhere}/private" in done.stderr, "who names a place means that place", done)
    (session / "corral").chmod(0o777)
    equal(run("--private", XDG_RUNTIME_DIR=str(session), TMPDIR=nowhere).returncode, 69, "a place that others may write to is not trusted")
    done = run("--private", "--system")
    check(done.returncode == 64 and "not allowed with" in done.stderr, "both exclude each other", done)


def main():
    if os.geteuid() != 0:
        corral.skip("needs root")
    if why := ebpf_obstacle():
        corral.skip(why)
    with Instance() as instance:
        ranks(instance)
        where(instance)
        waits_for_all(instance, instance.folder)
        signals_all(instance, instance.folder)
        on_a_terminal(instance, instance.folder)
        kills_all(instance, instance.folder)
        is_killed(instance, instance.folder)
        teams(instance, instance.folder)
        teams_are_aggregates(instance)
        kills_team(instance, instance.folder)
        supervisor_dies(instance, instance.folder)
    with Instance(environment={"CORRAL_EVENT_SOURCE": "none"}) as instance:
        run = Run(instance, "-n", 1, "--", "true")
        equal(run.end(), 69, "where nobody tells of forks it cannot be")
        check("'none' was asked for" in run.err, "and says why", run.err)


main()
