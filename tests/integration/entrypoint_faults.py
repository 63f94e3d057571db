#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""corral-init as an entrypoint when the world is bad: storms of signals, jobs
that fork faster than anybody kills, pids that are used again at once, system
calls that a filter denies, no room for a process."""

import errno
import os
import pathlib
import pty
import resource
import shutil
import signal
import subprocess
import tempfile
import time

import corral

MARK = f"CORRAL_FAULTS={os.getpid()}"
SCRATCH = pathlib.Path(tempfile.mkdtemp(prefix="corral-faults-"))
SIGNALS = int(os.environ.get("SIGNALS", "20000"))
NOBODY = 65534
#: Nobody may not go before the bomb: beside 400 processes that fork all the time it runs only now and then.
PATIENCE = 10
MODES = {"plain": [], "record": ["--record", str(SCRATCH / "pacct")]}

# Counts what it gets, in order to write it down when it is asked to end.
COUNTER = r"""
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
static volatile sig_atomic_t done;
static volatile unsigned counts[65];
static void count(int number) { counts[number]++; if (number == SIGTERM) done = 1; }
int main(void) {
  struct sigaction action = {.sa_handler = count};
  sigfillset(&action.sa_mask);
  for (int number = 1; number <= 64; ++number) sigaction(number, &action, NULL);
  puts("ready"); fflush(stdout);
  while (!done) pause();
  for (int number = 1; number <= 64; ++number) if (counts[number]) printf("%d:%u\n", number, counts[number]);
  return 0;
}
"""

BOMB = r"""
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
int main(void) {
  signal(SIGTERM, SIG_IGN);
  puts("ready"); fflush(stdout);
  for (;;) if (fork() == 0) setsid();
}
"""

# Its first thread has gone, the second one sleeps and is not asked.
HEADLESS = r"""
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
static void *sleep_on(void *none) { for (;;) pause(); return none; }
int main(void) {
  pthread_t thread;
  signal(SIGTERM, SIG_IGN);
  puts("ready"); fflush(stdout);
  pthread_create(&thread, NULL, sleep_on, NULL);
  pthread_exit(NULL);
}
"""


def compile_c(name, source):
    path = SCRATCH / name
    subprocess.run([*os.environ.get("CC", "cc").split(), "-O1", "-pthread", "-xc", "-", "-o", path], input=source, text=True, check=True)
    path.chmod(0o755)
    return str(path)


def start(words, **settings):
    environment = dict(os.environ, **dict([MARK.split("=")]))
    process = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **settings)
    if process.stdout.readline() != "ready\n":
        corral.fail(f"{words}: not ready: {process.communicate()}")
    return process


def check_storm():
    """Mixed signals; those that queue are all counted, the others are merged by the kernel, never lost for good."""
    counter = compile_c("counter", COUNTER)
    queued = [signal.SIGRTMIN + n for n in (0, 1, 5, 30)]
    merged = [signal.SIGUSR1, signal.SIGHUP, signal.SIGWINCH, signal.SIGURG, signal.SIGCONT]
    for mode, options in MODES.items():
        process = start([str(corral.INIT), *options, "--", counter])
        sent = dict.fromkeys([*queued, *merged], 0)
        for number in range(SIGNALS):
            chosen = (queued + merged)[number % 9]
            os.kill(process.pid, chosen)
            sent[chosen] += 1
            if number % 2048 == 0:
                # The kernel keeps only so many for a user (RLIMIT_SIGPENDING).
                corral.wait_until(lambda: not is_pending(process.pid), 20, "room for signals")
        corral.wait_until(lambda: not is_pending(process.pid), 20, "the last signal")
        time.sleep(0.2)
        process.terminate()
        out, err = process.communicate(timeout=30)
        got = {int(line.split(":")[0]): int(line.split(":")[1]) for line in out.splitlines()}
        corral.equal({n: got.get(n) for n in queued}, {n: sent[n] for n in queued},
                     f"of {SIGNALS} signals all {sum(sent[n] for n in queued)} that queue arrived ({mode})")
        corral.check(all(got.get(n, 0) > 0 for n in merged) and process.returncode == 0, f"and of the others some ({mode})",
                     got, err)


def is_pending(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(next(line for line in file if line.startswith("ShdPnd:")).split()[1], 16) != 0


def check_bomb():
    corral.needs_root()
    bomb = compile_c("bomb", BOMB)
    SCRATCH.chmod(0o777)

    def limit():
        resource.setrlimit(resource.RLIMIT_NPROC, (400, 400))
        if mode != "pid 1":
            os.setgid(NOBODY)
            os.setuid(NOBODY)
    for mode, words in {
        "plain": [str(corral.INIT)],
        "record": [str(corral.INIT), "--record", str(SCRATCH / "bomb-pacct"), "--engine", "subreaper"],
        "pid 1": ["unshare", "-fp", "--kill-child", "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
                  str(corral.INIT)],
    }.items():
        shutil.rmtree(SCRATCH / "home", ignore_errors=True)
        process = start([*words, "--stop-timeout", "300ms", "--", bomb], preexec_fn=limit)
        time.sleep(0.5)
        begin = time.monotonic()
        target = corral.children_of(process.pid)[0] if mode == "pid 1" else process.pid
        os.kill(target, signal.SIGTERM)
        process.communicate(timeout=60)
        took = time.monotonic() - begin
        corral.check(process.returncode == 137 and took < PATIENCE, f"a fork bomb is ended in {took:.2f} s ({mode})", process.returncode)
        corral.check(not list(corral.processes_with(MARK)), f"and nothing of it lives ({mode})")


def check_headless():
    """The last thread wakes us while it still dies: at real-time priority nobody else got on before the kernel's second."""
    headless = compile_c("headless", HEADLESS)
    for mode, options in MODES.items():
        slowest = 0.0
        for _ in range(10):
            process = start([str(corral.INIT), *options, "--stop-timeout", "100ms", "--", headless])
            time.sleep(0.05)
            begin = time.monotonic()
            process.terminate()
            process.communicate(timeout=30)
            slowest = max(slowest, time.monotonic() - begin)
        corral.check(slowest < 0.7, f"of 10 whose first thread has gone the slowest is ended in {slowest:.2f} s ({mode})")


def state_of(pid):
    return pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]


def on_terminal(words):
    """In the foreground of a terminal, as a shell starts it, which then waits for its end alone: (shell, terminal, init,
    command)."""
    shell, terminal = pty.fork()
    if shell == 0:
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        process = subprocess.Popen(words, process_group=0, env=dict(os.environ, **dict([MARK.split("=")])))
        os.tcsetpgrp(0, process.pid)
        os._exit(process.wait())
    found = lambda names, of: [pid for pid in corral.children_of(of) if corral.name_of(pid) in names]
    init = corral.wait_until(lambda: found(["corral-init"], shell), what="the init")[0]
    return shell, terminal, init, corral.wait_until(lambda: found(["sleep", "sh"], init), what="the command")[0]


def check_stopped_alike():
    """A shell sees us stopped as the command is; it must see too that the command was ended from elsewhere meanwhile."""
    for mode, options in MODES.items():
        shell, terminal, init, sleep = on_terminal([str(corral.INIT), *options, "--", "sleep", "60"])
        for _ in range(2):
            os.kill(sleep, signal.SIGTSTP)
            corral.wait_until(lambda: state_of(init) == "T", what=f"to be stopped alike ({mode})")
            os.kill(sleep, signal.SIGCONT)
            os.kill(init, signal.SIGCONT)
            corral.wait_until(lambda: state_of(init) == "S", what=f"to go on ({mode})")
            time.sleep(0.2)  # until the SIGCONT was passed on too
        os.kill(sleep, signal.SIGTSTP)
        corral.wait_until(lambda: state_of(init) == "T", what=f"to be stopped alike ({mode})")
        os.kill(sleep, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(shell, 0)[1])
        os.close(terminal)
        corral.equal(code, 137, f"stopped as its command is, it ends when that is killed ({mode})")


def check_stops_in_vain():
    """A job cannot get out of its end by stopping: neither where nobody would let us go on, nor while it is being ended, nor
    over a limit."""
    stops, again = "kill -TSTP $$; exec sleep 60", "trap 'kill -TSTP $$' TERM; while :; do sleep 0.05; done"
    for what, options in (("its stop", []), ("its stop, with a report", ["--report", "/dev/null"])):
        for script, code in ((stops, 143), (again, 137)):
            process = subprocess.Popen([str(corral.INIT), *options, "--stop-timeout", "300ms", "--", "sh", "-c", script], process_group=0,
                                       stderr=subprocess.DEVNULL, env=dict(os.environ, **dict([MARK.split("=")])))
            time.sleep(0.3)
            process.terminate()
            corral.equal(process.wait(timeout=10), code, f"a job that stops itself does not escape {what}")
        shell, terminal, init, _ = on_terminal([str(corral.INIT), *options, "--stop-timeout", "300ms", "--", "sh", "-c", again])
        time.sleep(0.2)
        os.kill(init, signal.SIGTERM)
        code = os.waitstatus_to_exitcode(os.waitpid(shell, 0)[1])
        os.close(terminal)
        corral.equal(code, 137, f"on a terminal neither: {what}")
    shell, terminal, init, sleep = on_terminal([str(corral.INIT), "--limit", "wall=1s", "--stop-timeout", "200ms", "--", "sleep", "60"])
    os.kill(sleep, signal.SIGTSTP)
    corral.wait_until(lambda: state_of(init) == "T", what="to be stopped alike")
    code = os.waitstatus_to_exitcode(os.waitpid(shell, 0)[1])
    os.close(terminal)
    corral.equal(code, 143, "stopped on a terminal a job is over its limit all the same")


FLOOD = r"""
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
/* Sends its init signal 40 for so many seconds, out of the main process's sight; before that so many orphans end. */
int main(int argc, char** argv) {
  const pid_t init = getppid();
  signal(40, SIG_IGN);
  const time_t end = time(NULL) + atoi(argv[1]);
  if (fork() == 0) {
    setsid();
    for (int i = atoi(argv[2]); argc && i > 0; --i)
      if (fork() == 0) { if (fork() == 0) { usleep(200000); _exit(0); } _exit(0); }
    while (time(NULL) < end) kill(init, 40);
    _exit(0);
  }
  sleep(atoi(argv[3]));
  return 7;
}
"""


def check_flood():
    """A job that sends its init signals without end keeps it neither from reaping nor from holding it to a limit."""
    flood = compile_c("flood", FLOOD)
    for what, options, words, code, most in (
            ("a limit", ["--limit", "wall=500ms", "--stop-timeout", "300ms"], ("5", "0", "4"), 143, 3.0),
            ("the end", [], ("3", "200", "1"), 7, 4.5), ("the end, with a report", ["--report", "/dev/null"], ("3", "200", "1"), 7, 4.5)):
        begin = time.monotonic()
        process = subprocess.run([str(corral.INIT), "--quiet", *options, "--", flood, *words], check=False, timeout=60,
                                 stderr=subprocess.DEVNULL, env=dict(os.environ, **dict([MARK.split("=")])))
        took = time.monotonic() - begin
        corral.check(process.returncode == code and took < most, f"a flood of signals: {what} comes after {took:.1f} s", process)


def check_survivors_once():
    """What a group is sent after the command has ended reaches who outlived it once: the init does not repeat it."""
    counter = compile_c("counter", COUNTER)
    process = start([str(corral.INIT), "--report", "/dev/null", "--wait-all", "--", "sh", "-c", f"{counter} & sleep 0.3; exit 0"],
                    process_group=0)
    time.sleep(0.8)
    for _ in range(10):
        os.killpg(process.pid, signal.SIGRTMIN + 6)
    time.sleep(0.2)
    process.terminate()
    out, err = process.communicate(timeout=30)
    corral.check(f"{signal.SIGRTMIN + 6}:10" in out.split(), "ten signals to the group reach who outlived the command ten times", out, err)


def check_recycled_pids():
    """Beside a job that is swept, in a namespace that has a hundred pids to give, strangers come and go by the thousand: none is hit."""
    if not corral.has_namespaces():
        corral.not_checked("needs a mount namespace")
        return
    script = f"""
mount -t proc proc /proc && echo 400 >/proc/sys/kernel/pid_max 2>/dev/null || {{ echo unsupported; exit 0; }}
hit=0; runs=0
for round in 1 2 3 4 5 6; do
  {corral.INIT} --quiet --stop-timeout 50ms -- sh -c 'trap "" TERM; for i in 1 2 3 4 5 6 7 8; do (sleep 9 &); done; while :; do (:); done' &
  init=$!
  (sleep 0.3; kill $init) &
  while kill -0 $init 2>/dev/null; do
    sleep 0.001; code=$?; runs=$((runs + 1)); [ $code -eq 0 ] || hit=$((hit + 1))
  done
  wait $init
done
echo runs $runs hit $hit
"""
    result = subprocess.run(["unshare", "-fpm", "--kill-child", "sh", "-c", script], stdout=subprocess.PIPE, text=True,
                            stderr=subprocess.DEVNULL, timeout=120, check=False, env=dict(os.environ, **dict([MARK.split("=")])))
    words = result.stdout.split()
    if words[:1] == ["unsupported"]:
        corral.not_checked("needs a kernel whose pid namespaces have a pid_max")
        return
    corral.check(words[2:] == ["hit", "0"] and int(words[1]) > 100, f"{result.stdout.strip()}: no stranger was signalled", result)


# What older kernels and engines' profiles lack. Numbers by Python's C library would be nicer; these are the kernel's.
CALLS = {"clone3": "SYS_clone3", "pidfd_open": "SYS_pidfd_open", "pidfd_send_signal": "SYS_pidfd_send_signal",
         "pidfd_getfd": "SYS_pidfd_getfd", "close_range": "SYS_close_range", "openat2": "SYS_openat2",
         "faccessat2": "SYS_faccessat2", "statx": "SYS_statx", "getrandom": "SYS_getrandom",
         "memfd_create": "SYS_memfd_create", "timerfd_create": "SYS_timerfd_create", "signalfd4": "SYS_signalfd4",
         "bpf": "SYS_bpf", "sched_setscheduler": "SYS_sched_setscheduler", "prlimit64": "SYS_prlimit64"}
#: Without these record mode cannot run at all, and says so; they are of 2007.
NEEDED = {("record", "signalfd4")}


def numbers_of(calls):
    source = "#include <sys/syscall.h>\n" + "".join(f"{name} = {symbol}\n" for name, symbol in calls.items())
    text = subprocess.run([*os.environ.get("CC", "cc").split(), "-E", "-P", "-"], input=source, stdout=subprocess.PIPE,
                          text=True, check=True).stdout
    found = {}
    for line in text.splitlines():
        name, _, number = line.partition(" = ")
        if number.strip().isdigit():
            found[name] = number.strip()
    return found


def check_denied_calls():
    deny = str(corral.BUILD / "tests" / "support" / "deny-calls")
    numbers = numbers_of(CALLS)
    corral.equal(set(numbers), set(CALLS), "every call has a number here")
    groups = {name: [number] for name, number in numbers.items()}
    groups["all of them but signalfd4"] = [number for name, number in numbers.items() if name != "signalfd4"]
    for code in (errno.ENOSYS, errno.EPERM):
        for name, denied in groups.items():
            for mode, options in MODES.items():
                if (mode, name) in NEEDED:
                    continue
                what = f"{name} denied by {errno.errorcode[code]} ({mode})"
                words = [deny, str(code), *denied, "--", str(corral.INIT), *options, "--stop-timeout", "300ms", "--"]
                process = start([*words, "sh", "-c", "trap 'exit 7' TERM; setsid setsid sh -c 'trap \"\" TERM; sleep 600; "
                                 "sleep 600' & sleep 0.1; echo ready; while :; do sleep 0.02; done"])
                process.terminate()
                _, err = process.communicate(timeout=30)
                corral.check(process.returncode == 7, f"{what}: signals, codes", process.returncode, err)
                left = list(corral.processes_with(MARK))
                corral.check(not left, f"{what}: an escaped orphan is ended", [corral.name_of(pid) for pid in left], err)


def check_killed_scope():
    """Who kills the scope ends the job, also where there is no pidfd to watch it by."""
    deny = [str(corral.BUILD / "tests" / "support" / "deny-calls"), str(errno.ENOSYS), numbers_of(CALLS)["pidfd_open"], "--"]
    for what, before in {"as usual": [], "without pidfd_open": deny}.items():
        process = start([*before, str(corral.INIT), "--report", "/dev/null", "--", "sh", "-c", "echo ready; sleep 600; exit"])
        time.sleep(0.1)
        process.kill()
        process.wait()
        corral.wait_until(lambda: not list(corral.processes_with(MARK)), what=f"the end of the job ({what})")
        corral.check(True, f"a killed scope's job is ended ({what})")


def check_full_table():
    corral.needs_root()

    def limit():
        resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
        os.setgid(NOBODY + 0)
        os.setuid(12345)
    for mode, options in {"plain": [], "record": ["--record", "/dev/null"]}.items():
        blocker = subprocess.Popen(["sleep", "60"], preexec_fn=lambda: os.setuid(12345))
        result = subprocess.run([str(corral.INIT), *options, "--", "true"], preexec_fn=limit, stderr=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True, check=False)
        blocker.kill()
        blocker.wait()
        words = [line for line in result.stderr.splitlines() if "Resource temporarily unavailable" in line]
        corral.check(result.returncode == 125 and len(words) == 1, f"no room for a process: 125 and one line ({mode})", result)


def main():
    try:
        check_storm()
        check_bomb()
        check_headless()
        check_stopped_alike()
        check_stops_in_vain()
        check_flood()
        check_survivors_once()
        check_recycled_pids()
        check_denied_calls()
        check_killed_scope()
        check_full_table()
    finally:
        corral.end_processes_with(MARK)
        shutil.rmtree(SCRATCH, ignore_errors=True)


if __name__ == "__main__":
    main()
