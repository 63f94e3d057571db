# SPDX-License-Identifier: Apache-2.0
"""corral-init --limit, --strict-limits, --report and --report-format without a
supervisor: how every limit holds here, what is said where it holds less than
was asked, and that a limit's name and numbers reach report and record."""

import contextlib
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import corral

FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="corral-limits-"))
INIT = FOLDER / "corral-init"
OTHER = 54321  # a uid that nobody else has here
BASE = corral.cgroup2_parent() and corral.cgroup2_parent() / f"corral-test-limits-{os.getpid()}"
ENGINES = ["subreaper"] + (["cgroup2"] if BASE else [])
BUSY = "while :; do :; done"
EXPECTED = ("wall= or cpu=TIME (500ms, 30s, 2h), memory=BYTES (64M), processes= or files=NUMBER, "
            "each above 0")  # fmt: skip
NO_MEMORY = "no writable cgroup with the memory controller"
NO_PIDS = "no writable cgroup with the pids controller"

NOTES = {
    "cpu": "limit 'cpu' is counted in /proc, without what nobody waited for: no writable cgroup",
    "memory": f"limit 'memory' holds for the data of each process (RLIMIT_DATA), not for the job: {NO_MEMORY}",
    "root": f"limit 'processes' is not held, as the kernel does not count root's processes: {NO_PIDS}",
    "user": f"limit 'processes' counts all processes and threads of uid {OTHER} (RLIMIT_NPROC), not the job's: {NO_PIDS}",
}


def words(*options, engine="subreaper"):
    line = [str(INIT), "--quiet", "--engine", engine]
    if engine == "cgroup2":
        line += ["--cgroup-base", str(BASE)]
    return line + list(options)


def run(script, *options, engine="subreaper", **more):
    """Runs `script` in a shell, or the list of a command."""
    command = script if isinstance(script, list) else ["sh", "-c", script]
    return subprocess.run([*words(*options, engine=engine), "--", *command], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, cwd=FOLDER, **more)


def other(**more):
    return {"user": OTHER, "group": OTHER, "extra_groups": [], **more}


def report_of(script, *options, **more):
    """The JSON report, from a file, and the result."""
    path = FOLDER / "report"
    result = run(script, "--report", str(path), "--report-format", "json", *options, **more)
    return json.loads(path.read_text()), result


def said(*notes):
    return "".join(f"corral-init: {note}\n" for note in notes)


def bad_values():
    for value in ("cpu", "cpu=", "cpu=0", "cpu=-1", "cpu=1.5s", "wall=10x", "memory=64m", "memory=1KB", "processes=5K",
                  "files=many", "time=3s", "=5", "wall=99999999999h"):  # fmt: skip
        result = run("echo ran", "--limit", value)
        corral.equal((result.returncode, result.stdout, result.stderr),
                     (2, "", said(f"option '--limit' expects {EXPECTED}, not '{value}'")), f"--limit {value} is refused")
    for options, text in (
        (["--report-format", "xml"], "option '--report-format' expects text or json, not 'xml'"),
        (["--report", ""], "option '--report' expects a file or a descriptor, not ''"),
        (["--strict-limits=1"], "option '--strict-limits' takes no value"),
    ):
        result = run("echo ran", *options)
        corral.equal((result.returncode, result.stderr), (2, said(text)), text)


def notes_and_strict():
    """What holds less than asked is one line, and with --strict-limits the end."""
    root = os.geteuid() == 0
    table = [
        ("cpu=9", NOTES["cpu"], {}),
        ("memory=1G", NOTES["memory"], {}),
        ("wall=9", "", {}),
        ("files=64", "", {}),
    ]
    if root:
        table += [("processes=9", NOTES["root"], {}), ("processes=9", NOTES["user"], other())]
    for limit, note, more in table:
        result = run("echo ran", "--limit", limit, **more)
        corral.equal((result.returncode, result.stdout, result.stderr), (0, "ran\n", said(note) if note else ""),
                     f"{limit} holds: {note or 'as asked'}")
        result = run("echo ran", "--limit", limit, "--strict-limits", "--record", str(FOLDER / "strict"), **more)
        wanted = (125, "", said(note + "; refused (--strict-limits)")) if note else (0, "ran\n", "")
        corral.equal((result.returncode, result.stdout, result.stderr), wanted, f"and so with --strict-limits: {wanted}")
        if note:
            corral.check(not (FOLDER / "strict").exists(), "nothing is recorded of what never began")
        else:
            (FOLDER / "strict").unlink()
    result = run("echo ran", "--limit", "cpu=9", "--limit", "memory=1G", "--strict-limits")
    corral.equal(result.stderr, said(*(NOTES[name] + "; refused (--strict-limits)" for name in ("cpu", "memory"))),
                 "every limit that holds less has its line")
    if BASE:
        result = run("echo ran", "--limit", "cpu=9", "--strict-limits", engine="cgroup2")
        corral.equal((result.returncode, result.stderr), (0, ""), "in a cgroup of its own cpu time is exact")
        has_memory = "memory" in (BASE.parent / "cgroup.controllers").read_text()
        result = run("echo ran", "--limit", "memory=1G", engine="cgroup2")
        corral.equal(result.stderr, "" if has_memory else said(NOTES["memory"]), "memory depends on its controller")
        result = run("echo ran", "--limit", "memory=1G", "--strict-limits", engine="cgroup2")
        corral.equal([path for path in (BASE / "alone").iterdir() if path.is_dir()], [], "no cgroup is left behind")


# --- each limit ------------------------------------------------------------


def wall():
    report, result = report_of(["sleep", "9"], "--limit", "wall=200ms")
    corral.equal((result.returncode, result.stderr), (143, ""), "over its wall time a job is asked to end")
    corral.equal((report["result"], report["limit"]["kind"], report["limit"]["bound"]), ("over-limit", "wall time", 200000),
                 "and the report names the limit")
    begin = time.monotonic()
    report, result = report_of(f"trap '' TERM; {BUSY}", "--limit", "wall=100ms", "--grace", "200")
    spent = time.monotonic() - begin
    corral.equal((result.returncode, report["signal"]), (137, "SIGKILL"), "a deaf one is killed when its grace is over")
    corral.check(0.3 <= spent < 2, f"after the limit and the grace: {spent:.3f} s")


CPU_LOADS = {
    "one busy process": BUSY,
    "four busy processes": f"for i in 1 2 3; do ({BUSY}) & done; {BUSY}",
    "busy in a daemon": f"(setsid sh -c '{BUSY}' &) ; sleep 60",
    "many short children": "while :; do /bin/true; done",
    "short grandchildren": "while :; do (/bin/true; /bin/true); done",
    "busy after a rest": f"sleep 0.7; for i in 1 2 3; do ({BUSY}) & done; {BUSY}",
}


def cpu_of_children():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return round((usage.ru_utime + usage.ru_stime) * 1_000_000)


def cpu():
    worst = 0
    for engine in ENGINES:
        for name, script in CPU_LOADS.items():
            bound = 2_000_000 if name.startswith("four") else 600_000
            for _ in range(3):  # what a busy machine made late is tried again
                before = cpu_of_children()
                report, result = report_of(script, "--limit", f"cpu={bound // 1000}ms", engine=engine)
                limit = report["limit"] or {}
                corral.equal((report["result"], limit.get("kind"), limit.get("bound"), result.returncode),
                             ("over-limit", "cpu time", bound, 143), f"{engine}, {name}: over its cpu time")
                # By the kernel's own count: the job to its very end, and corral-init.
                over = cpu_of_children() - before - bound
                over_as_seen = limit["value"] - bound
                if over <= max(100_000, bound // 100):
                    break
            worst = max(worst, over)
            corral.check(over <= max(100_000, bound // 100), f"by {over / 1000:.1f} ms of {bound / 1000:.0f} ms ({over_as_seen / 1000:.1f} ms when it was seen)")
    print(f"worst overshoot of cpu time: {worst / 1000:.1f} ms", flush=True)


def cpu_backstop():
    """When we cannot run, the kernel's limit of each process holds."""
    path = FOLDER / "report"
    init = subprocess.Popen([*words("--limit", "cpu=500ms", "--report", str(path)), "--", "sh", "-c",
                             f"echo $$; {BUSY}"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    main = int(init.stdout.readline())
    init.send_signal(signal.SIGSTOP)
    corral.wait_until(lambda: not corral.is_alive(main), 20, "the end by RLIMIT_CPU")
    init.send_signal(signal.SIGCONT)
    corral.equal(init.wait(10), 128 + signal.SIGXCPU, "a stopped corral-init's job ends by SIGXCPU")
    corral.check("over-limit: passed its limit of cpu time" in path.read_text(), "which is the cpu limit's doing",
                 path.read_text())
    report, _ = report_of(BUSY, "--limit", "cpu=100s",
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (1, 9)))
    corral.equal((report["signal"], report["limit"]), ("SIGXCPU", None), "the caller's own lower limit is not ours")
    report, _ = report_of("kill -KILL $$", "--limit", "cpu=100s")
    corral.equal((report["result"], report["limit"]), ("signalled", None), "nor is any other SIGKILL")


def idle_under_a_limit():
    for engine in ENGINES:
        init = subprocess.Popen([*words("--limit", "cpu=1h", "--limit", "wall=1h", engine=engine), "--", "sleep", "3"],
                                stderr=subprocess.DEVNULL)
        time.sleep(0.6)

        def switches():
            text = pathlib.Path(f"/proc/{init.pid}/status").read_text()
            return [line for line in text.splitlines() if "ctxt_switches" in line]

        before = switches()
        time.sleep(1.5)
        corral.equal(switches(), before, f"{engine}: no wakeup of an idle job with time left")
        init.wait()


def memory():
    script = "try:\n  x = bytearray(400 << 20)\n  print('got it')\nexcept MemoryError:\n  print('none left')"
    for bound, wanted in (("100M", "none left\n"), ("2G", "got it\n")):
        result = run([sys.executable, "-c", script], "--limit", f"memory={bound}")
        corral.equal((result.stdout, result.stderr), (wanted, said(NOTES["memory"])), f"400 MB of {bound}: {wanted.strip()}")
    reserve = "import mmap; mmap.mmap(-1, 8 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=0); print('reserved')"
    corral.equal(run([sys.executable, "-c", reserve], "--limit", "memory=100M").stdout, "reserved\n",
                 "address space that is only reserved is not counted")


def processes():
    if os.geteuid() != 0:
        return
    script = "for i in 1 2 3 4 5 6 7 8; do sleep 0.3 & done; wait; echo all"
    result = run(script, "--limit", "processes=20", **other())
    corral.equal((result.stdout, result.stderr), ("all\n", said(NOTES["user"])), "eight children fit into 20")
    result = run(script, "--limit", "processes=5", **other())
    corral.check("fork" in result.stderr and result.stdout == "", "but not into 5", result.stderr)
    result = run("for i in 1 2 3 4; do sleep 0.3 & done; wait; echo all", "--limit", "processes=5", **other())
    corral.equal(result.stdout, "all\n", "four and their shell do: corral-init's own are not counted")
    result = run(script, "--limit", "processes=5")
    corral.equal((result.stdout, result.stderr), ("all\n", said(NOTES["root"])), "root's are not counted")
    result = run(script, "--limit", "processes=5", "--uid", str(OTHER), "--gid", str(OTHER))
    corral.check("fork" in result.stderr, "unless it runs the command as another user")


def files():
    corral.equal(run("ulimit -Sn; ulimit -Hn", "--limit", "files=77").stdout, "77\n77\n", "open files are limited")
    script = f"import os\ntry:\n  for i in range(99): os.open('/', 0)\nexcept OSError as e: print(i, e.errno)"
    corral.equal(run([sys.executable, "-c", script], "--limit", "files=20").stdout, "17 24\n", "to the very number")
    low = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 128))  # noqa: E731
    result = run("ulimit -n", "--limit", "files=100", preexec_fn=low)
    corral.equal((result.stdout, result.stderr), ("100\n", ""), "a soft limit is raised to what was asked")
    note = "limit 'files' is 128 only: no right to raise the hard limit"
    more = other(preexec_fn=low) if os.geteuid() == 0 else {"preexec_fn": low}
    result = run("ulimit -n", "--limit", "files=200", **more)
    corral.equal((result.stdout, result.stderr), ("128\n", said(note)), note)
    result = run("ulimit -n", "--limit", "files=200", "--strict-limits", **more)
    corral.equal((result.returncode, result.stderr), (125, said(note + "; refused (--strict-limits)")), "or refused")


def killed_within_head_start(join):
    """Over before corral-init does what can wait (kHeadStart, 5 ms), as no Python is: corral-init is kept from it."""
    if subprocess.run(["strace", "-o", "/dev/null", "true"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        return corral.not_checked("strace cannot trace here")
    path = FOLDER / "report"
    line = words("--report", str(path), "--report-format", "json")
    subprocess.run(["strace", "-o", "/dev/null", "-e", "trace=poll", "-e", "inject=poll:delay_enter=5000000:when=1", *line, "--",
                    "tail", "/dev/zero"], timeout=60, check=False, **join)  # fmt: skip
    report = json.loads(path.read_text())
    corral.check(report["wall_us"] > 4_000_000, "the command ended within the head start", report)
    corral.equal((report["result"], report["signal"]), ("out-of-memory", "SIGKILL"), "and is known to have run out of memory")


def killed_before_it_was_counted(join, group):
    """The plain entrypoint counts after its command's head start. What is over by then it can tell only as the PID 1 of a
    container with a cgroup namespace, before whom nobody was in its cgroup."""
    delay = ["strace", "-f", "-o", "/dev/null", "-e", "trace=rt_sigtimedwait", "-e",
             "inject=rt_sigtimedwait:delay_enter=4000000:when=1"]  # fmt: skip
    init = [str(INIT), "--", "tail", "/dev/zero"]
    pid1 = ["unshare", "--pid", "--fork", "--mount-proc"]
    container = ["unshare", "--cgroup", *pid1[1:], "sh", "-c",
                 f'mount --bind {group} /sys/fs/cgroup/memory && exec "$@"', "sh"]  # fmt: skip
    for who, before, told in (("who is not PID 1", [], "SIGKILL\n"), ("PID 1 in another's cgroup", pid1, "SIGKILL\n"),
                              ("a container's PID 1", container, "memory ran out")):  # fmt: skip
        result = subprocess.run([*delay, *before, *init], capture_output=True, text=True, timeout=60, check=False, **join)
        corral.check(told in result.stderr, f"{who} says: {told.strip()}", result.stderr)


def out_of_memory():
    """A container's own memory cgroup tells why somebody got SIGKILL; here it
    is one of version 1 that the test makes round corral-init."""
    own = [line.split(":", 2)[2] for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines()
           if line.split(":")[1] == "memory"]
    parent = pathlib.Path("/sys/fs/cgroup/memory" + own[0]) if own else None
    if parent is None or not os.access(parent / "cgroup.procs", os.W_OK):
        corral.not_checked("needs a writable cgroup v1 memory hierarchy")
        return
    group = parent / f"corral-test-limits-{os.getpid()}"
    group.mkdir()
    try:
        (group / "memory.limit_in_bytes").write_text("40M")
        join = {"preexec_fn": lambda: (group / "cgroup.procs").write_text("0")}
        report, result = report_of([sys.executable, "-c", "x = bytearray(200 << 20)"], **join)
        corral.equal((report["result"], report["signal"], report["oom_kills"], result.returncode),
                     ("out-of-memory", "SIGKILL", None, 137), "the kernel's out-of-memory killer is named")
        if shutil.which("strace"):
            killed_before_it_was_counted(join, group)
        killed_within_head_start(join)
        report, _ = report_of("kill -KILL $$", **join)
        corral.equal((report["result"], report["signal"]), ("signalled", "SIGKILL"), "another SIGKILL is not taken for it")
    finally:
        corral.wait_until(lambda: (group / "cgroup.procs").read_text() == "", what="an empty memory cgroup")
        group.rmdir()


# --- reports and records ---------------------------------------------------


def reports():
    path = FOLDER / "text"
    path.write_text("x" * 5000)
    result = run("exit 3", "--report", "text", "--name", "build")
    corral.equal((result.returncode, result.stdout, result.stderr), (3, "", ""), "a report to a file is silent")
    corral.check(path.read_text().startswith("corral: job 0x") and "'build'\n  result      exited: exited with code 3\n"
                 in path.read_text(), "it is text, and the file was emptied before", path.read_text())
    new = FOLDER / "new"
    before = os.umask(0)
    run("exit 3", "--report=new", "--report-format=json")
    os.umask(before)
    corral.equal((new.stat().st_mode & 0o777, json.loads(new.read_text())["exit_code"]), (0o644, 3),
                 "a new file has the mode 0644 and can be JSON")
    for form, begin in (("text", "corral: job 0x"), ("json", '{"jid":"0x')):
        reading, writing = os.pipe()
        run("exit 4", "--report", str(writing), "--report-format", form, pass_fds=[writing])
        os.close(writing)
        corral.check(os.read(reading, 4096).decode().startswith(begin), f"a descriptor gets {form}")
        os.close(reading)
    result = run("exit 5", "--report", "1", "--report-json", "2")
    corral.check(result.stdout.startswith("corral: job") and json.loads(result.stderr)["exit_code"] == 5,
                 "both forms can be had at once")
    result = run("ls -l /proc/self/fd", "--report", "held")
    corral.check("held" not in result.stdout, "the command does not have the report's descriptor", result.stdout)
    result = run("echo ran", "--report", "/none/such")
    corral.equal((result.returncode, result.stdout, result.stderr),
                 (125, "", said("cannot open the report '/none/such': No such file or directory")), "an unwritable report is the end")
    result = run("echo ran", "--report", "99")
    corral.equal((result.returncode, result.stdout, result.stderr),
                 (125, "", said("cannot open the report '99': Bad file descriptor")), "so is a closed descriptor")
    result = subprocess.run(["sh", "-c", 'exec "$@" >&-', "-", *words("--report", "1"), "--", "true"], check=False,
                            stderr=subprocess.PIPE, text=True)
    corral.equal((result.returncode, result.stderr), (125, said("cannot write the report to '1': Bad file descriptor")),
                 "a closed one of the standard descriptors")
    result = run("env", env=dict(os.environ, CORRAL_INIT_REPORT="2", CORRAL_INIT_SERVICE_HOST="10.0.0.1"))
    corral.check("CORRAL_INIT_REPORT" not in result.stdout and "CORRAL_INIT_SERVICE_HOST" in result.stdout
                 and "corral: job" in result.stderr, "the variables are the init's, and not its command's", result)
    with open("/dev/null", "rb") as null:
        number = null.fileno()
        result = run("echo ran", "--report", str(number), pass_fds=[number])
    corral.equal((result.returncode, result.stdout, result.stderr),
                 (125, "", said(f"cannot write the report to '{number}': Bad file descriptor")), "and one to read from")


def reports_to_nobody():
    """A full pipe that nobody reads keeps nobody for ever; who was ended by a limit has left nobody behind."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, b"x" * 4096)
    os.set_blocking(writing, True)
    result = run("exit 4", "--report", str(writing), pass_fds=[writing])
    corral.check(result.returncode == 4 and "timed out" in result.stderr, "a full pipe: the job's code and one line", result)
    os.close(reading)
    os.close(writing)
    result = subprocess.run([str(INIT), "--limit", "wall=300ms", "--", "sh", "-c", "sleep 9 & wait"], stderr=subprocess.PIPE,
                            text=True, timeout=30, check=False)
    corral.check("limit" in result.stderr and "behind" not in result.stderr, "a limit's end leaves nobody behind", result)


def records():
    if not corral.COMMAND.exists():
        corral.skip("needs corral")
    path = FOLDER / "pacct"
    table = [(BUSY, "wall=100ms", "wall time", 100000), (BUSY, "cpu=200ms", "cpu time", 200000)]
    for engine in ENGINES:
        for script, limit, kind, bound in table:
            run(script, "--limit", limit, "--record", str(path), "--name", f"{engine}-{kind.split()[0]}", engine=engine)
            out = subprocess.run([corral.COMMAND, "records", "--json", path], capture_output=True, text=True, check=True)
            data = json.loads(out.stdout) if out.stdout.startswith("[") else [json.loads(x) for x in out.stdout.splitlines()]
            text = json.dumps(data[-1])
            corral.check("over-limit" in text and f'"kind": "{kind}"' in text and f'"bound": {bound}' in text,
                         f"{engine}: the record of the end names {kind}, {bound}", data[-1])
    for limit in ("memory=1G", "processes=99", "files=99"):
        result = run("exit 6", "--limit", limit, "--record", str(path))
        corral.equal(result.returncode, 6, f"recording works with {limit}")
    out = subprocess.run([corral.COMMAND, "records", path], capture_output=True, text=True, check=True)
    print("\n".join(out.stdout.splitlines()[-6:]), flush=True)


def main():
    FOLDER.chmod(0o777)
    shutil.copy(corral.INIT, INIT)
    try:
        for test in (bad_values, notes_and_strict, wall, cpu, cpu_backstop, idle_under_a_limit, memory, processes, files,
                     out_of_memory, reports, reports_to_nobody, records):  # fmt: skip
            test()
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)
        if BASE and BASE.exists():
            (BASE / "alone").rmdir()
            BASE.rmdir()


if __name__ == "__main__":
    main()
