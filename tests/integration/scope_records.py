#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A scope without a supervisor: its records, and that nothing which goes wrong
with them, with the machine's bounds or with the command's name changes what
the caller sees beyond one clear sentence."""

import json
import os
import pathlib
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

import corral

NOBODY = 65534
START, END, PROCESS, OPENED, SITE = 0o12, 0o14, 0o1, 0o20, 0o122
SITE_LOSS = 4
DIRECTORY = pathlib.Path(tempfile.mkdtemp(prefix="corral-records-"))


def records_of(path):
    """The records of a pacct file: their types, and the kind of site records."""
    data = path.read_bytes()
    at, result = 0, []
    while at < len(data):
        magic, _, kind, _, size = struct.unpack_from("=HHBBH", data, at)
        if data[at:at + 1] != b"J" or size < 8:
            corral.fail(f"no record at byte {at} of {path}")
        site = struct.unpack_from("=i", data, at + 20)[0] & 0xFF if kind == SITE else 0
        result.append((kind, site))
        at += size
    corral.equal(at, len(data), f"{path.name} holds whole records only")
    return result


def kinds(path):
    return [kind for kind, _ in records_of(path) if kind in (START, END, PROCESS)]


def run(*command, options=(), record=None, engine=None, **more):
    words = [str(corral.INIT), "--quiet", "--record", str(record or DIRECTORY / "pacct"), "--engine", engine or "subreaper"]
    if engine == "cgroup2":
        words += ["--cgroup-base", str(corral.cgroup2_parent() / f"corral-test-records-{os.getpid()}")]
    return subprocess.run([*words, *options, "--", *command], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, **more)


def one_sentence(result, *words):
    corral.check(result.stderr.count("\n") == 1 and all(word in result.stderr for word in words),
                 f"one sentence says: {result.stderr.strip()!r}", words)


def whole_job():
    path = DIRECTORY / "new" / "deep" / "pacct"
    result = run("sh", "-c", "(sleep 0.1 &) ; setsid sleep 66 & exit 3", record=path, options=["--grace", "500"])
    corral.equal((result.returncode, result.stderr), (3, ""), "a job is run and recorded silently")
    corral.equal(path.parent.stat().st_mode & 0o777, 0o700, "the directory was made for its owner only")
    found = kinds(path)
    corral.equal((found[0], found[-1]), (START, END), "the file begins with the job's start and ends with its end")
    corral.check(found.count(PROCESS) >= 3, "every process that was reaped has its record", found)
    corral.equal(records_of(path)[0][0], OPENED, "a new file begins with its configuration")


def unwritable():
    result = run("sh", "-c", "echo out; exit 5", record="/proc/none/pacct")
    corral.equal((result.returncode, result.stdout), (5, "out\n"), "the command runs without records")
    lines = result.stderr.splitlines()
    corral.check(len(lines) == 2 and "cannot write records to '/proc/none/pacct'" in lines[0]
                 and "could not be written" in lines[1], "what is missing is said at the start and at the end", lines)


def not_a_pacct_file():
    """What is no accounting file is left as it is, and said; the command runs."""
    pipe, other, short, empty = (DIRECTORY / name for name in ("pipe", "other", "short", "empty"))
    os.mkfifo(pipe)
    other.write_text("a file of somebody's\n")
    short.write_text("J")
    empty.touch()
    for path, why in ((pipe, "expected a regular file, found a pipe or a device"),
                      (pathlib.Path("/dev/full"), "expected a regular file, found a pipe or a device"),
                      (DIRECTORY, "directory"),
                      (other, "expected a pacct file, found other contents"),
                      (short, "expected a pacct file, found other contents")):
        result = run("sh", "-c", "exit 5", record=path)
        lines = result.stderr.splitlines()
        corral.check(result.returncode == 5 and len(lines) == 2 and f"cannot write records to '{path}': " in lines[0]
                     and all(why in line for line in lines), f"records into {path.name}: {why}", result)
    corral.equal((other.read_text(), short.read_text()), ("a file of somebody's\n", "J"), "nothing was appended")
    corral.equal(run("true", record=empty).stderr, "", "an empty file is begun")
    corral.equal(run("true", record=empty).stderr, "", "and appended to")
    corral.equal(kinds(empty).count(END), 2, "both jobs are in it")


def base_elsewhere():
    """A cgroup base outside of cgroup v2: one line, and nothing is made there."""
    for base in (DIRECTORY / "base", DIRECTORY / "none" / "base"):
        for engine in ([], ["--engine", "cgroup2"]):
            result = subprocess.run([str(corral.INIT), "--record", str(DIRECTORY / "pacct"), *engine, "--cgroup-base", str(base),
                                     "--", "echo", "ran"], capture_output=True, text=True, timeout=60)
            corral.equal((result.returncode, result.stdout), (125, ""), "a base outside of cgroup v2 is refused")
            one_sentence(result, f"'--cgroup-base' expects a directory in cgroup v2, not '{base}'")
            corral.check(not base.exists() and not (DIRECTORY / "none").exists(), "nothing is made")
    corral.equal(run("true", engine="subreaper", options=["--cgroup-base", "/tmp"]).returncode, 0, "the other engine needs none")


def full_disk():
    if os.geteuid() != 0:
        return corral.not_checked("needs root")
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0:
        return corral.not_checked("needs a mount namespace")
    script = DIRECTORY / "full.sh"
    script.write_text(f"""
mount -t tmpfs -o size=64k none {DIRECTORY}/small || exit 99
{corral.INIT} --quiet --engine subreaper --record {DIRECTORY}/small/pacct -- sh -c \
  'dd if=/dev/zero of={DIRECTORY}/small/fill bs=1k 2>/dev/null; for i in $(seq 30); do (setsid true &); done; sleep 0.3; \
   [ $1 = free ] && rm {DIRECTORY}/small/fill; exit 6' - "$1"
echo $?
cp {DIRECTORY}/small/pacct {DIRECTORY}/copy
""")
    (DIRECTORY / "small").mkdir()
    for room in ("free", "none"):
        result = subprocess.run(["unshare", "-m", "sh", str(script), room], capture_output=True, text=True, timeout=60)
        corral.equal(result.stdout, "6\n", "a full disk does not change the exit code")
        found = kinds(DIRECTORY / "copy")
        if room == "free":
            corral.equal((found[0], found[-1], result.stderr), (START, END, ""),
                         "what was kept is written when there is room again")
            corral.check(found.count(PROCESS) >= 30, "all of it", found)
        else:
            corral.check(END not in found, "the end did not fit")
            one_sentence(result, "records", "could not be written", "No space left")


def killed_scope(engine):
    base = corral.cgroup2_parent() / f"corral-test-records-{os.getpid()}" if engine == "cgroup2" else None
    path = DIRECTORY / f"killed-{engine}"
    words = ["--cgroup-base", str(base)] if base else []
    scope = subprocess.Popen([str(corral.INIT), "--quiet", "--record", str(path), "--engine", engine, *words, "--", "sh", "-c",
                              "sleep 555 & sleep 556 & echo ready; wait"], stdout=subprocess.PIPE, text=True)
    corral.equal(scope.stdout.readline(), "ready\n", f"{engine}: a job runs")
    scope.kill()
    scope.wait()
    corral.wait_until(lambda: not any(b"sleep\x0055" in line for line in command_lines()),
                      what="the end of a killed scope's job")
    corral.check(True, f"{engine}: a killed scope's job is ended by its guard")
    corral.wait_until(lambda: kinds_quietly(path)[-1:] == [END], what="the record of the end")
    corral.check(True, f"{engine}: and its end is recorded")
    if base:
        corral.wait_until(lambda: not [p for p in (base / "alone").iterdir() if p.is_dir()], what="an empty base")


def killed_early(engine):
    """At any instant round the command's birth: where there is a command, there is a guard."""
    mark = f"CORRAL_EARLY={os.getpid()}"
    environment = dict(os.environ, **dict([mark.split("=")]))
    base = ["--cgroup-base", str(corral.cgroup2_parent() / f"corral-test-records-{os.getpid()}")] if engine == "cgroup2" else []
    words = [str(corral.INIT), "--record", str(DIRECTORY / "early"), "--engine", engine, *base, "--", "sleep", "600"]
    for number in range(int(os.environ.get("ROUNDS", "40"))):
        scope = subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL)
        time.sleep(0.0001 * (number * 7 % 60))
        scope.kill()
        scope.wait()
        corral.wait_until(lambda: not list(corral.processes_with(mark)), what=f"the end of what round {number} left behind")
    corral.check(True, f"{engine}: a scope that is killed while it starts leaves nobody")


def killed_in_grace():
    """Its main process had ended: the guard knows how."""
    base = corral.cgroup2_parent() / f"corral-test-records-{os.getpid()}"
    path = DIRECTORY / "killed-in-grace"
    scope = subprocess.Popen([str(corral.INIT), "--quiet", "--record", str(path), "--engine", "cgroup2", "--cgroup-base", str(base),
                              "--grace", "60000", "--", "sh", "-c", "trap '' TERM; sleep 558 & exit 3"])
    corral.wait_until(lambda: path.exists() and kinds_quietly(path)[-1:] == [PROCESS], what="the record of the main process")
    scope.kill()
    scope.wait()
    corral.wait_until(lambda: kinds_quietly(path)[-1:] == [END], what="the record of the end")
    corral.wait_until(lambda: not any(b"sleep\x00558" in line for line in command_lines()), what="the straggler's end")
    done = subprocess.run([str(corral.COMMAND), "records", "--json", str(path)], stdout=subprocess.PIPE, text=True, check=True)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    ends = [(one["result"], one["exit_code"]) for one in told if one["kind"] == "end"]
    corral.equal(ends, [("exited", 3)], "a scope that is killed while stragglers have their grace: one end, the true one")


def killed_with_its_group(engine):
    """As timeout(1) kills: all of the caller's process group; the guard is not in it."""
    path = DIRECTORY / f"group-{engine}"
    mark = f"sleep 60{len(engine)}"
    words = [str(corral.INIT), "--record", str(path), "--engine", engine, "--", "sh", "-c", f"trap '' TERM; {'setsid' if engine == 'cgroup2' else ''} {mark}.5 & {mark}.25"]
    if engine == "cgroup2":
        words[5:5] = ["--cgroup-base", str(corral.cgroup2_parent() / f"corral-test-records-{os.getpid()}")]
    scope = subprocess.Popen(words, process_group=0)
    corral.wait_until(lambda: sum(mark.replace(" ", "\0").encode() in line for line in command_lines()) >= 2, what="both processes")
    os.killpg(scope.pid, 9)
    scope.wait()
    corral.wait_until(lambda: path.exists() and kinds_quietly(path)[-1:] == [END], what="the record of the end")
    # Without a cgroup an orphan that had left the group has fallen to another reaper.
    corral.wait_until(lambda: not any(mark.replace(" ", "\0").encode() in line for line in command_lines()), what="the end of all")
    corral.check(True, f"{engine}: a job does not outlive a kill of the caller's whole process group")


def pid_namespace():
    """The command is the init of its namespace, which does not end before the dead in it are waited for; the scope's helpers,
    which were born in it too, end with it."""
    if not corral.has_namespaces():
        return corral.not_checked("needs a pid namespace")
    words = [str(corral.INIT), "--record", str(DIRECTORY / "namespace"), "--", "sh", "-c", "sleep 0.2; exit 6"]
    scope = subprocess.run(["unshare", "--pid", *words], timeout=20, check=False)
    corral.equal(scope.returncode, 6, "a caller's pid namespace ends with its command")


def many_at_once():
    """One ends and tidies up while the other has just made its directory."""
    base = corral.cgroup2_parent() / f"corral-test-records-{os.getpid()}"
    words = [str(corral.INIT), "--record", str(DIRECTORY / "many"), "--engine", "cgroup2", "--cgroup-base", str(base), "--", "true"]
    codes = []
    for _ in range(4):
        scopes = [subprocess.Popen(words, stderr=subprocess.DEVNULL) for _ in range(60)]
        codes += [scope.wait(60) for scope in scopes]
    corral.equal([code for code in codes if code != 0], [], f"{len(codes)} scopes, sixty at once, have their cgroups")


def kinds_quietly(path):
    data, at, result = path.read_bytes(), 0, []
    while at + 8 <= len(data):
        kind, size = struct.unpack_from("=xxxxBxH", data, at)
        result += [kind] if kind in (START, END, PROCESS) else []
        at += size
    return result


def command_lines():
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            yield pathlib.Path(f"/proc/{name}/cmdline").read_bytes()
        except OSError:
            continue


def bad_commands():
    missing = run("nonesuch")
    corral.equal(missing.returncode, 127, "a command that is not found gives 127")
    one_sentence(missing, "cannot execute 'nonesuch': no such file, searched PATH=")
    cases = {
        "directory": (None, 126, ["Permission denied"]),
        "binary": (b"\0\0\0", 126, ["no program for this machine, nor a script"]),
        "lost": (b"#!/none/such\n", 127, ["the interpreter it names does not exist"]),
    }
    for name, (content, code, words) in cases.items():
        path = DIRECTORY / name
        path.mkdir() if content is None else path.write_bytes(content)
        path.chmod(0o755)
        result = run(str(path))
        corral.equal(result.returncode, code, f"a {name} gives {code}")
        one_sentence(result, *words)
    result = run("true", options=["--cwd", "/none/such"])
    corral.equal(result.returncode, 125, "a directory that is not there gives 125")
    one_sentence(result, "changing the directory to '/none/such'", "No such file")
    result = run("true", *("x" * 100000 for _ in range(20)))
    corral.equal((result.returncode, result.stderr), (0, ""), "2 MB of arguments pass")


def bounds():
    is_static = b"libc.so" not in corral.INIT.read_bytes()
    for count in range(3, 16) if is_static else [64]:  # else the loader fails first
        result = run("true", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (count, count)))
        corral.check(result.returncode in (0, 125) and "descriptors" in result.stderr or not result.stderr,
                     f"with {count} descriptors: {result.returncode}, {result.stderr.strip()!r}")
        if not result.stderr:
            break
    corral.equal((result.returncode, result.stderr), (0, ""), f"{count} descriptors are enough")
    if os.geteuid() == 0:
        def no_processes():
            resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
            os.setgid(NOBODY)
            os.setuid(NOBODY)

        DIRECTORY.chmod(0o777)
        init = DIRECTORY / "init"
        shutil.copy(corral.INIT, init)
        result = subprocess.run([str(init), "--record", str(DIRECTORY / "nobody"), "--", "true"], capture_output=True,
                                text=True, preexec_fn=no_processes)
        corral.equal(result.returncode, 125, "no process to be had gives 125")
        one_sentence(result, "creating the process", "Resource temporarily unavailable")
        result = subprocess.run([str(init), "--record", str(DIRECTORY / "nobody2"), "--uid", "0", "--gid", "0", "--", "true"],
                                capture_output=True, text=True, user=NOBODY, group=NOBODY, extra_groups=[])
        corral.equal(result.returncode, 125, "a user that one may not become gives 125")
        one_sentence(result, "setting groups", "Operation not permitted")
    else:
        corral.not_checked("needs root")


def limits_and_reports():
    result = run("sleep", "9", options=["--limit", "wall=200ms", "--report", "2"])
    corral.equal(result.returncode, 143, "a job over its wall time is ended")
    corral.check("over-limit: passed its limit of wall time" in result.stderr, "the report says so")
    result = run("sh", "-c", "trap '' TERM; sleep 9 & wait; wait", engine="cgroup2" if corral.cgroup2_parent() else None,
                 options=["--limit", "wall=100ms", "--grace", "100", "--report-json", "1"])
    corral.equal(result.returncode, 137, "a deaf one is killed after its grace")
    import json
    report = json.loads(result.stdout)
    corral.equal((report["result"], report["signal"], report["memory_peak_bytes"]), ("over-limit", "SIGKILL", None),
                 "the report for programs is JSON, with null for what was not collected")


def outsiders():
    result = subprocess.run(
        ["sh", "-c", f"sleep 444 & echo $! >{DIRECTORY}/pid; exec {corral.INIT} --quiet --record {DIRECTORY}/o "
                     "--engine subreaper -- sh -c 'setsid sleep 445 & exit 3'"],
        stdin=subprocess.DEVNULL, timeout=20)
    pid = int((DIRECTORY / "pid").read_text())
    lives = pathlib.Path(f"/proc/{pid}/cmdline").exists()
    os.kill(pid, signal.SIGKILL)
    corral.equal((result.returncode, lives), (3, True), "a child that the shell had before is left alone")
    corral.check(not any(b"sleep\x00445" in line for line in command_lines()), "the job's own is ended")


def many_outsiders():
    """More children from before than a small table holds."""
    count = 100
    result = subprocess.run(
        ["sh", "-c", f"for i in $(seq {count}); do sleep 446 & echo $! >>{DIRECTORY}/pids; done; exec {corral.INIT} --quiet "
                     f"--record {DIRECTORY}/many-outsiders --engine subreaper -- sh -c 'setsid sleep 447 & exit 3'"],
        stdin=subprocess.DEVNULL, timeout=20)
    pids = [int(word) for word in (DIRECTORY / "pids").read_text().split()]
    living = [pid for pid in pids if corral.is_alive(pid)]
    for pid in living:
        os.kill(pid, signal.SIGKILL)
    corral.equal((result.returncode, len(living)), (3, count), f"{count} children that the shell had before are left alone")
    corral.check(not any(b"sleep\x00447" in line for line in command_lines()), "the job's own is ended")


def no_idle_wakeups():
    scope = subprocess.Popen([str(corral.INIT), "--quiet", "--record", str(DIRECTORY / "idle"), "--", "sleep", "3"])
    time.sleep(0.5)

    def switches():
        children = pathlib.Path(f"/proc/{scope.pid}/task/{scope.pid}/children").read_text().split()
        text = "".join(pathlib.Path(f"/proc/{pid}/status").read_text() for pid in [str(scope.pid), *children])
        return [int(line.split()[1]) for line in text.splitlines() if "ctxt_switches" in line]

    before = switches()
    time.sleep(2)
    corral.equal(switches(), before, "scope, sentinel and command sleep without waking")
    scope.wait()


def no_wakeups_in_grace(engine):
    """While stragglers have their grace, everybody sleeps too."""
    base = corral.cgroup2_parent() / f"corral-test-records-{os.getpid()}" if engine == "cgroup2" else None
    words = ["--cgroup-base", str(base)] if base else []
    scope = subprocess.Popen([str(corral.INIT), "--quiet", "--record", str(DIRECTORY / "grace"), "--engine", engine, *words,
                              "--grace", "1500", "--", "sh", "-c", "trap '' TERM; sleep 557 & exit 0"])
    time.sleep(0.6)

    def switches():
        text = pathlib.Path(f"/proc/{scope.pid}/status").read_text()
        return [int(line.split()[1]) for line in text.splitlines() if "ctxt_switches" in line]

    before = switches()
    time.sleep(0.5)
    corral.equal(switches(), before, f"{engine}: a scope sleeps through the grace of a straggler")
    corral.equal(scope.wait(20), 0, "and then ends it")


def main():
    os.environ["PATH"] = "/usr/local/bin:/usr/bin:/bin"
    try:
        whole_job()
        unwritable()
        not_a_pacct_file()
        base_elsewhere()
        full_disk()
        for engine in corral.engines():
            killed_scope(engine)
            killed_with_its_group(engine)
            killed_early(engine)
        if "cgroup2" in corral.engines():
            killed_in_grace()
            pid_namespace()
            many_at_once()
            no_wakeups_in_grace(engine)
        bad_commands()
        bounds()
        limits_and_reports()
        outsiders()
        many_outsiders()
        no_idle_wakeups()
    finally:
        shutil.rmtree(DIRECTORY, ignore_errors=True)
        if corral.cgroup2_parent():
            base = corral.cgroup2_parent() / f"corral-test-records-{os.getpid()}"
            if base.exists():
                (base / "alone").rmdir()
                base.rmdir()


if __name__ == "__main__":
    sys.exit(main())
