#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`corral` and a running instance: foreground and detached jobs, seen, waited
for, signalled, ended, logged, restarted under; and what happens when the
supervisor hangs."""

import json
import os
import pty
import re
import signal
import subprocess
import threading
import time

from corral import Instance, check, engines, equal, is_alive, not_checked, wait_until

JID = re.compile(r"0x[0-9a-f]{1,16}\n")


def said(result, code, pattern, text):
    equal(result.returncode, code, f"{text}: exit code {code}")
    check(re.fullmatch(pattern, result.stderr), f"{text}: one sentence", result.stderr)


def foreground(instance):
    result = instance.run("run", "--report=json", "sh", "-c", "setsid sleep 1000 & sleep 0.1; exit 3")
    equal(result.returncode, 3, "a foreground job passes its exit code on")
    report = json.loads(result.stderr)
    equal(report["stragglers"], 1, "and ends what it left behind")
    facts = instance.facts("show", report["jid"])
    equal((facts["kind"], facts["state"], facts["exit_code"]), ("foreground", "ended", 3), "the instance knows the job")
    piped = subprocess.run(
        ["sh", "-c", f"echo abc | '{instance_command()}' run tr a-z A-Z | '{instance_command()}' run cat"],
        env=instance.environment,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    equal(piped.stdout, "ABC\n", "it stands in a pipeline")
    equal(instance.run("run", "sh", "-c", "kill -9 $$").returncode, -9, "death by a signal is raised again")
    equal(instance.run("run", "no-such-program").returncode, 127, "a program that is not found is 127")


def instance_command():
    from corral import COMMAND

    return COMMAND


def detached(instance):
    result = instance.run("run", "-d", "-n", "web", "-e", "WORD=hello", "--", "sh", "-c", "echo $WORD; sleep 1000")
    check(JID.fullmatch(result.stdout), "run -d prints the jid", result)
    jid = result.stdout.strip()
    line = instance.run("ps", "--no-header").stdout.split()
    equal((line[0], line[1], line[3]), (jid, "web", "running"), "ps lists it")
    wait_until(lambda: re.search(r"`- \d+ sleep", instance.run("tree", "web").stdout), what="the shell's child in the tree")
    check(True, "tree shows its processes")
    said(
        instance.run("run", "-d", "-n", "web", "true"), 73, "corral: .*web.*\n", "a second live job of the name is refused"
    )
    wait_until(lambda: instance.run("log", "web").stdout == "hello\n", what="its output in the log")
    check(True, "log shows its output")
    equal(instance.run("kill", "-s", "USR1", "--main", "web").returncode, 0, "kill -s --main signals")
    equal(instance.run("wait", "web").returncode, 128 + signal.SIGUSR1, "wait exits as a shell would")
    equal(instance.run("wait", jid).returncode, 128 + signal.SIGUSR1, "also by jid, again")
    said(instance.run("kill", "web"), 65, "corral: .*\n", "an ended job cannot be ended")


def followed(instance):
    jid = instance.run("run", "-d", "--", "sh", "-c", "echo one; exec sleep 1000").stdout.strip()
    with instance.popen("log", "-f", jid, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as follower:
        equal(follower.stdout.readline(), b"one\n", "log -f shows what is there")
        check(follower.poll() is None, "and waits for more")
        follower.stdout.close()
        try:
            equal(follower.wait(timeout=20), -signal.SIGPIPE, "until nobody reads it: it ends as by a write")
        finally:
            follower.kill()
        equal(follower.stderr.read(), b"", "without a word")
    instance.run("kill", "-g", "0", jid)


def killing(instance):
    script = "trap '' TERM; (setsid sleep 1000 &) ; while :; do sleep 1000; done"
    jid = instance.run("run", "-d", "-g", "300ms", "sh", "-c", script).stdout.strip()
    wait_until(lambda: len(instance.facts("tree", jid)[0]["processes"]) >= 3, what="its processes")
    pids = [process["pid"] for process in instance.facts("tree", jid)[0]["processes"]]
    equal(instance.run("kill", jid).returncode, 0, "kill ends a job that ignores the signal")
    equal([pid for pid in pids if is_alive(pid)], [], "and returns when nothing of it lives")
    facts = instance.facts("show", jid)
    equal((facts["result"], facts["signal"]), ("cancelled", "SIGKILL"), "the job says why it ended")
    asks = "trap 'kill $!; exit 7' USR1; sleep 1000 & echo up; wait"
    jid = instance.run("run", "-d", "-s", "USR1", "sh", "-c", asks).stdout.strip()
    wait_until(lambda: "up" in instance.run("log", jid).stdout, what="its trap")
    equal(instance.run("kill", "-g", "20s", jid).returncode, 0, "another grace leaves the job its own signal")
    facts = instance.facts("show", jid)
    equal((facts["result"], facts["exit_code"]), ("cancelled", 7), "which its trap has seen")
    jids = [instance.run("run", "-d", "sleep", "1000").stdout.strip() for _ in range(3)]
    equal(instance.run("kill", "--grace", "0", *jids).returncode, 0, "several jobs can be ended at once")
    equal(instance.facts("ps"), [], "none lives")


def probing(instance):
    """Signal 0, as in kill(2): whether another could be sent, and nothing is."""
    script = "trap 'echo caught' HUP INT QUIT USR1 USR2 ALRM TERM CONT WINCH; echo up; while :; do sleep 0.1; done"
    jid = instance.run("run", "-d", "-g", "0", "sh", "-c", script).stdout.strip()
    wait_until(lambda: "up" in instance.run("log", jid).stdout, what="its traps")
    main = instance.facts("show", jid)["main_pid"]
    for words in ((), ("--main",), ("--group", str(os.getpgid(main)))):
        said(instance.run("kill", "-s", "0", *words, jid), 0, "", f"a live job can be signalled {words}")
    equal(instance.facts("kill", "-s", "0", jid), {"jid": jid, "signal": 0, "ended": None}, "--json says that it was asked")
    instance.run("kill", "-s", "USR1", jid)
    wait_until(lambda: "caught" in instance.run("log", jid).stdout, what="a signal")
    equal(instance.run("log", jid).stdout.count("caught"), 1, "none was sent by that, in front of one that was")
    said(instance.run("kill", "-s", "0", "--group", str(os.getpgid(0)), jid), 66, "corral: no process of .*\n", "in no other group")
    said(instance.run("kill", "-s", "65", jid), 2, "corral: kill: option '--signal' has the value '65'; .* or 0 to send none\n", "65 is none")
    said(instance.run("run", "-d", "-s", "0", "true"), 2, "corral: run: option '--signal' has the value '0'; .*\n", "0 ends no job")
    if os.geteuid() == 0:
        refused = call_signal(instance, jid, user=65534, group=65534, extra_groups=[])
        check(refused.returncode != 0 and ("denied" in refused.stderr.lower() or "belongs to" in refused.stderr), "who may not signal it is told so", refused)
        equal(call_signal(instance, jid).returncode, 0, "and who may that he may")
    instance.run("kill", jid)
    said(instance.run("kill", "-s", "0", jid), 65, f"corral: job {jid} has ended\n", "an ended job cannot be")


def main_alone(instance):
    """--main is for the main process: a child that would say that it got the signal has nothing to say."""
    child = "trap 'echo child USR1' USR1; trap 'echo child USR2' USR2; echo $$; while :; do sleep 0.05; done"
    script = f"trap 'echo main USR1' USR1; sh -c \"{child.replace('$', chr(92) + '$')}\" & while :; do sleep 0.05; done"
    for engine in engines():
        for is_detached in (True, False):
            name = f"{engine}-{'detached' if is_detached else 'front'}"
            out = instance.folder / name
            words = ("run", *(["-d"] if is_detached else []), "--engine", engine, "-n", name, "--", "sh", "-c", f"exec >{out}; {script}")
            runner = instance.popen(*words, stdout=subprocess.DEVNULL)
            pid = int(wait_until(lambda out=out: out.exists() and out.read_text().endswith("\n") and out.read_text(), what="its child"))
            equal(instance.facts("kill", "-s", "USR1", "--main", name)["signal"], "SIGUSR1", f"{name}: kill -s USR1 --main")
            wait_until(lambda out=out: "main USR1" in out.read_text(), what="the main process's trap")
            os.kill(pid, signal.SIGUSR2)  # a shell runs its traps by number: USR1's would come first
            said_by = wait_until(lambda out=out: "child USR2" in out.read_text() and out.read_text(), what="the child's trap")
            equal(said_by.split("\n")[1:-1], ["main USR1", "child USR2"], "the main process got it, and its child did not")
            instance.run("kill", "-g", "0", name)
            runner.wait(20)


def call_signal(instance, jid, **who):
    """On the bus, by whom it may be."""
    if who:
        for folder in (instance.folder, instance.runtime):
            folder.chmod(0o755)
    return subprocess.run(["busctl", f"--address=unix:path={instance.socket}", "call", "org.corral.Manager1", "/org/corral/manager",
                           "org.corral.Manager1", "Signal", "tis", str(int(jid, 16)), "0", "all"], capture_output=True, text=True,
                          check=False, timeout=20, **who)


def names_like_jids(instance):
    """A word of hexadecimal digits is a name first, and the jid where no job has the name."""
    def start(*options):
        return instance.run("run", "-d", *options, "sleep", "1000").stdout.strip()

    def meant(word):
        return instance.facts("show", word)["jid"]

    jids = [start()]
    while jids[-1][2:].isdecimal():  # such a word cannot be a name
        jids.append(start())
    bare = jids[-1][2:]
    equal(meant(bare), jids[-1], f"{bare} is the jid as long as no job has the name")
    named = start("--name", bare)
    check(named.startswith("0x"), f"--name {bare} is a name", named)
    equal((meant(bare), meant(f"0x{bare}")), (named, jids[-1]), "then it is the name, and with its 0x the jid")
    equal(meant(named[2:]), named, "other digits are still a jid")
    for word in ("0xself", "dead.beef", ".", "0", "12345678901234567"):
        said(instance.run("show", word), 66, f"corral: there is no job '{re.escape(word)}'; .*\n", f"'{word}' is no job")
    equal(instance.run("kill", "-g", "0", named, *jids).returncode, 0, "and all of them end")


def waiting(instance):
    """A name that is wrong is said before anything is waited for."""
    jid = instance.run("run", "-d", "-n", "slow", "sleep", "1000").stdout.strip()
    said(instance.run("wait", "slow", jid, "nosuch", timeout=20), 66, "corral: there is no job 'nosuch'; .*\n",
         "wait looks for all the jobs first")
    instance.run("kill", "-g", "0", jid)


def patience(instance):
    """No longer than it is told to, of all of them; and as long as it takes otherwise, whatever a bus client's usual time is."""
    jid = instance.run("run", "-d", "-n", "long", "--", "sleep", "1000").stdout.strip()
    done = instance.run("run", "-d", "--", "sh", "-c", "exit 4").stdout.strip()
    instance.run("wait", done)
    begin = time.monotonic()
    said(instance.run("wait", "--timeout", "300ms", "long", done, timeout=20), 75,
         f"corral: job {jid}.* still lives after 300ms, and is not waited for any longer\n", "wait has an end")
    check(0.3 <= time.monotonic() - begin < 10, "which is not far off", time.monotonic() - begin)
    told = [json.loads(line) for line in instance.run("wait", "--json", "--timeout", "0", "long", done).stdout.splitlines()]
    equal([(job["jid"], job["state"]) for job in told], [(jid, "running"), (done, "ended")], "what is so then is printed of all")
    for limit in ("1h", "0"):
        equal(instance.run("wait", "--timeout", limit, done).returncode, 4, f"a job that has ended is told as ever ({limit})")
    impatient = {**instance.environment, "SYSTEMD_BUS_TIMEOUT": "1"}
    end = threading.Timer(2.5, instance.run, ("kill", "-g", "0", "long"))
    end.start()
    equal(instance.run("wait", "long", env=impatient, timeout=60).returncode, 137, "without it a wait outlasts sd-bus's time for a call")
    end.join()


def late_notice(instance):
    """A job that ends while the supervisor is stopped ended then, not when that was noticed."""
    jid = instance.run("run", "-d", "--linger", "sh", "-c", "setsid sleep 0.6 & exit 3").stdout.strip()
    supervisor = instance.supervisor
    os.kill(supervisor, signal.SIGSTOP)
    time.sleep(3)
    os.kill(supervisor, signal.SIGCONT)
    equal(instance.run("wait", jid).returncode, 3, "the job has ended")
    facts = instance.facts("show", jid)
    wall = (facts["ended_us"] - facts["started_us"]) / 1e6
    check(0.3 < wall < 2, f"after {wall:.2f} s, whenever that was noticed", facts)


def watching(instance):
    """The status line of wait: on a terminal only."""
    jid = instance.run("run", "-d", "sh", "-c", "sleep 2.5; exit 3").stdout.strip()
    ours, theirs = pty.openpty()
    waiter = instance.popen("wait", jid, stderr=theirs, env={**instance.environment, "TERM": "xterm"})
    equal(waiter.wait(timeout=20), 3, "wait on a terminal exits as the job did")
    os.close(theirs)
    seen = b""
    while True:
        try:
            seen += os.read(ours, 4096)
        except OSError:
            break
    text = seen.decode()
    check(re.search(r"\r\x1b\[K" + jid + r" running for (\d+ms|\d\.\d\ds).*2 processes", text), "with a status line", text)
    check(re.search(r"exited with code 3 after 2\.\d\ds\x1b\[0m\r\n$", text), "and a last word", text)
    ours, theirs = pty.openpty()
    living = instance.run("run", "-d", "sleep", "1000").stdout.strip()
    waiter = instance.popen("wait", "--timeout", "1500ms", living, stderr=theirs, env={**instance.environment, "TERM": "xterm"})
    equal(waiter.wait(timeout=20), 75, "a wait on a terminal has an end too")
    check(f"{living} still lives after 1500ms" in (text := os.read(ours, 65536).decode()) and " running for " in text, "and says so", text)
    instance.run("kill", "-g", "0", living)
    quiet = instance.run("wait", jid)
    equal((quiet.returncode, quiet.stderr), (3, ""), "elsewhere it says nothing")
    report = instance.run("wait", "--report", jid)
    check("result      exited: exited with code 3" in report.stderr, "but for a report", report.stderr)


def arguments(instance):
    result = instance.run("run", "sh", "-c", "printf %s $#", "sh", *(["x" * 20_000] * 95))
    equal(result.stdout, "95", "1.9 MB of arguments arrive in a foreground job")
    jid = instance.run("run", "-d", "sh", "-c", "printf %s $#", "sh", *(["x" * 20_000] * 95)).stdout.strip()
    instance.run("wait", jid)
    equal(instance.run("log", jid).stdout, "95", "and in a detached one")


def following(instance):
    script = "for i in 1 2 3; do echo $i; sleep 0.2; done"
    jid = instance.run("run", "-d", "sh", "-c", script).stdout.strip()
    equal(instance.run("log", "-f", jid, timeout=20).stdout, "1\n2\n3\n", "log -f goes on until the job has ended")


def restarts(instance):
    jid = instance.run("run", "-d", "sh", "-c", "sleep 1.5; exit 9").stdout.strip()
    waiter = instance.popen("wait", jid)
    time.sleep(0.2)
    os.kill(instance.supervisor, signal.SIGKILL)
    equal(instance.facts("show", jid)["state"], "running", "after kill -9 of the supervisor the job is there")
    main = str(instance.facts("show", jid)["main_pid"])
    equal(instance.facts("show", "--pid", main)["jid"], jid, "show --pid finds it by its process")
    equal(instance.run("daemon-reexec").returncode, 0, "daemon-reexec answers when the instance does again")
    equal(waiter.wait(timeout=30), 9, "and a wait went through both")


def hanging(instance):
    supervisor = instance.supervisor
    os.kill(supervisor, signal.SIGSTOP)
    try:
        begin = time.monotonic()
        result = instance.run("run", "--", "sh", "-c", "exit 4")
        equal(result.returncode, 4, "with a supervisor that hangs the program runs all the same")
        check(time.monotonic() - begin < 6, "after two seconds")
        check(re.fullmatch("corral: running without the instance at .*\n", result.stderr), "said in one line", result.stderr)
    finally:
        os.kill(supervisor, signal.SIGCONT)


def stopped_scopes(instance):
    """What was stopped with its reaper is ended by corral kill all the same."""
    for engine in engines():
        for grace, code in (("0", -signal.SIGKILL), ("300ms", -signal.SIGTERM)):
            name = f"stopped-{engine}-{grace}"
            run = instance.popen("run", "--engine", engine, "-n", name, "--", "sleep", "1000", process_group=0)
            wait_until(lambda name=name: name in [job["name"] for job in instance.facts("ps")], what="the job")
            main = wait_until(lambda name=name: instance.facts("show", name).get("main_pid"), what="a main process")
            os.killpg(run.pid, signal.SIGSTOP)
            wait_until(lambda pids=(run.pid, main): [state_of(pid) for pid in pids] == ["T", "T"], what="both stopped")
            said(instance.run("kill", "-g", grace, name, timeout=20), 0, "", f"{engine}: kill -g {grace} of a stopped scope")
            equal((run.wait(10), is_alive(main)), (code, False), "and its command")


def state_of(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return file.read().rpartition(")")[2].split()[0]


def mistakes(instance):
    said(instance.run("show", "--pid", "1"), 66, "corral: process 1 is in no job of this instance\n", "a process in no job")
    said(instance.run("show", "--pid", "web"), 64, "corral: 'web' is no process id, expected a number from 1 to .*\n", "no process")
    said(instance.run("show", "nothing"), 66, "corral: there is no job 'nothing'; .*'corral ps -a'.*\n", "an unknown job")
    said(instance.run("show", "self"), 66, "corral: this process is in no job.*\n", "no job of its own")
    inside = instance.run("run", "sh", "-c", f"'{instance_command()}' show --json self")
    equal(json.loads(inside.stdout)["state"], "running", "'self' is the job that asks")
    for user in ("no-such-user", "4294967295", "12345678901", "-1", "a:b"):
        words = f"corral: there is no user '{user}'; 'getent passwd' lists those that there are\n"
        for options in (["-d"], []):
            said(instance.run("run", *options, f"--user={user}", "true"), 67, words, f"run {' '.join(options)}: no user '{user}'")
    for words, code, said_of_it in ((["/no/such/program"], 127, "cannot execute '/no/such/program': No such file or directory"),
                                    (["/etc/passwd"], 126, "cannot execute '/etc/passwd': Permission denied"),
                                    (["--cwd", "/no/such", "true"], 125, "'/no/such': No such file or directory")):
        result = instance.run("run", "-d", *words)
        check(result.returncode == code and said_of_it in result.stderr and result.stderr.count("\n") == 1 and not result.stdout,
              f"run -d {' '.join(words)}: {code} and why", result)
    began = time.monotonic()
    codes = set()
    for _ in range(80):  # one by one: what the reaper owes one is not told with the next
        result = instance.run("run", "-d", "/no/such/program")
        codes |= {instance.run("wait", result.stdout.strip(), timeout=20).returncode if result.stdout else result.returncode}
    check(codes == {127}, f"80 of them end, in {time.monotonic() - began:.1f} s", codes)


def attributes(instance):
    seen = instance.run(
        "run", "-d", "-C", "/usr", "sh", "-c", "pwd; umask; ulimit -n; cat /proc/self/status | grep -E 'SigIgn|SigBlk'",
        preexec_fn=lambda: os.umask(0o27),
    )
    jid = seen.stdout.strip()
    instance.run("wait", jid)
    lines = instance.run("log", jid).stdout.splitlines()
    equal(lines[:2], ["/usr", "0027"], "a detached job has the caller's umask and --cwd")
    equal([line.split()[1] for line in lines[3:]], ["0" * 16] * 2, "and clean signals")
    if os.geteuid() != 0:
        return not_checked("needs root")
    for options in (["-d"], []):
        seen = instance.run("run", *options, "-u", "nobody", "--", "sh", "-c", "id -u; id -G; id -un")
        if options:
            instance.run("wait", seen.stdout.strip())
            seen = instance.run("log", seen.stdout.strip())
        equal(seen.stdout, "65534\n65534\nnobody\n", f"run {' '.join(options)} -u nobody is nobody, with his groups")
        seen = instance.run("run", *options, "-u", "54321", "--", "sh", "-c", "id -u; id -G")
        if options:
            instance.run("wait", seen.stdout.strip())
            seen = instance.run("log", seen.stdout.strip())
        equal(seen.stdout, "54321\n54321\n", "a number without an entry is that uid and gid")


def priorities():
    """What an instance was given of priorities, and of the out-of-memory killer's
    attention, is not its jobs'."""
    if os.geteuid() != 0:
        return not_checked("needs root")
    facts = "cat /proc/self/oom_score_adj; nice; chrt -p $$ | sed -n 's/.*policy: //p'; ionice -p $$"
    usual = subprocess.run(["ionice"], stdout=subprocess.PIPE, text=True, check=True).stdout
    instance = Instance()
    try:
        words = 'echo 300 >/proc/self/oom_score_adj && exec nice -n -7 ionice -c 2 -n 0 chrt -b 0 "$@"'
        instance.start(["sh", "-c", words, "sh"])
        for options in ([], ["-u", "nobody"]):
            jid = instance.run("run", "-d", *options, "--", "sh", "-c", facts).stdout.strip()
            equal(instance.run("wait", jid).returncode, 0, "a detached job of an instance with priorities runs")
            equal(instance.run("log", jid).stdout, f"0\n0\nSCHED_OTHER\n{usual}", f"with none of them {' '.join(options)}")
        for name in ("reaper", "supervisor", "store"):
            pid = getattr(instance, name)
            with open(f"/proc/{pid}/oom_score_adj") as file:
                kept = (file.read(), os.getpriority(os.PRIO_PROCESS, pid))
            equal(kept, ("300\n", -7), f"the {name} keeps its own")
    finally:
        instance.close()


priorities()
with Instance() as instance:
    for part in (foreground, detached, killing, probing, main_alone, names_like_jids, waiting, patience, late_notice, following, followed, watching,
                 arguments, restarts, attributes, mistakes, stopped_scopes, hanging):
        part(instance)
