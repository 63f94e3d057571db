#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Two boots of the machine in one accounting file, and what the commands of the cycle make of it: the next boot has a
configuration record of its own, so a job that the crash ended is no job that goes on. The second boot is a time namespace
whose CLOCK_BOOTTIME begins now (tests/vm has a machine that really goes down): its /proc/stat shows that boot too, while the
clock of the day, which files and records have, is the machine's."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import corral
import csa_files

FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="corral-boots-"))
WEIGHTS = "BASIC TIME STIME UTIME MEM XMEM VMEM IO CIO LIO DELAY CPUDELAY BLKDELAY SWPDELAY".split()
CONFIGURATION = [
    "PACCT_FILE pacct", "MEMINT 1", "BUILD_MAXFILES 200", "HOLIDAY_FILE holidays", "NUM_HOLIDAYS 20",
    "WKMG_NUM_QUEUES 1", "WKMG_QUEUE0 1.0 queue", "WKMG_NUM_MACHINES 1", "WKMG_MACHINE0 1.0 machine",
    *(f"WKMG_TERM_{how} 1" for how in "EXIT REQUEUE HOLD RERUN MIGRATE".split()),
    *(f"{when}_{weight} 1.0" for when in ("P", "NP") for weight in WEIGHTS),
]  # fmt: skip
TOOLS = pathlib.Path(os.environ.get("CORRAL_CSA_TOOLS", "/none"))


def next_boot():
    """The words before a command by which the machine began a second ago for it."""
    seconds = int(float(pathlib.Path("/proc/uptime").read_text().split()[0]))
    return ["unshare", "-T", "--boottime", str(1 - seconds)]


def need():
    if os.geteuid() != 0:
        corral.skip("needs root")
    if subprocess.run([*next_boot(), "true"], capture_output=True, check=False).returncode != 0:
        corral.skip("needs a time namespace")


def records(path):
    done = subprocess.run([corral.COMMAND, "records", "--json", path], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def boots_of(path):
    """The event and the boot of each configuration record."""
    return [(record["name"], record["booted_us"] // 10**6) for record in records(path) if record["kind"] == "config"]


def csa(folder, name, *words, tool=None):
    environment = {**os.environ, "CSACONFIG": str(folder / "csa.conf"), "TZ": "UTC", "LC_ALL": "C"}
    command = [tool] if tool else [corral.COMMAND, name]
    return subprocess.run([*map(str, command), *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


def scope(path, *words, prefix=()):
    return [*prefix, corral.INIT, "--quiet", "--engine", "subreaper", "--record", path, "--", *words]


def killed_scope(path):
    """A job in record mode that is open, and then gone with all that belonged to it: as the machine."""
    process = subprocess.Popen([str(word) for word in scope(path, "sleep", "1000")], start_new_session=True, stdin=subprocess.DEVNULL)
    corral.wait_until(lambda: path.exists() and any(r["kind"] == "start" for r in records(path)), what="its start")
    corral.wait_until(lambda: corral.children_of(process.pid), what="its processes")
    everybody = [process.pid, *corral.children_of(process.pid)]
    for pid in everybody:
        os.kill(pid, signal.SIGSTOP)
    for pid in everybody:
        os.kill(pid, signal.SIGKILL)
    process.wait()
    return next(r["jid"] for r in reversed(records(path)) if r["kind"] == "start")


def check_cycle(path, dead, boots, text, tools=None):
    """csabuild knows the boots in their order, the dead job is of the first of them and crashed, and nothing is preserved."""
    folder = FOLDER / f"cycle-{len(list(FOLDER.glob('cycle-*')))}"
    folder.mkdir()
    (folder / "csa.conf").write_text("\n".join(CONFIGURATION) + "\n")
    (folder / "holidays").write_text("HOLIDAYFILE_VERSION1\nYEAR *\nweekday 0730 1730\nsaturday all none\nsunday none all\n")
    shutil.copy(path, folder / "day1")
    run = lambda name, *words: csa(folder, name, *words, tool=tools / name if tools else None)  # noqa: E731
    built = run("csabuild", "-P", "day", "-s", "sorted", "-i")
    corral.equal((built.returncode, built.stdout), (0, ""), f"{text}: csabuild sorts the file ({built.stderr.strip()[:300]})")
    uptimes, jobs = csa_files.sorted_jobs((folder / "sorted").read_bytes())
    corral.equal(len(uptimes), boots, f"{text}: it knows the boots")
    corral.equal(uptimes, sorted(set(uptimes)), f"{text}: each once, in their order")
    of_dead = [(uptime, flags & 1) for uptime, jid, flags in jobs if jid == int(dead, 16)]
    corral.equal(of_dead, [(0, 1)], f"{text}: the dead job is of the first boot, and ended by the crash")
    corral.equal([jid for uptime, jid, flags in jobs if uptime < boots - 1 and not flags & 0b1101 and jid != 0], [],
                 f"{text}: no job of an earlier boot goes on")
    (folder / "kept0").touch()
    kept = run("csarecy", "-R", "-s", "sorted", "-P", "kept")
    corral.equal((kept.returncode, kept.stderr), (0, ""), f"{text}: csarecy -R")
    corral.check(f"{int(dead, 16):#x}" not in kept.stdout, f"{text}: csarecy does not preserve it", kept.stdout)
    shown = run("csajrep", "-s", "sorted", "-b")
    headings = [line for line in shown.stdout.splitlines() if "BOOT PERIOD STARTING AT" in line]
    corral.equal(len(set(headings)), boots, f"{text}: csajrep has a heading for each boot ({shown.stderr.strip()[:300]})")
    return folder


def goes_on(tools=None):
    """A job that lives when its day is made is put back, without our site records: nothing of that is damage to us."""
    path = FOLDER / "alive"
    process = subprocess.Popen([str(word) for word in scope(path, "sh", "-c", "for i in 1 2 3; do (/bin/true &); done; sleep 1000")], stdin=subprocess.DEVNULL)
    corral.wait_until(lambda: path.exists() and sum(r["kind"] == "process" for r in records(path)) == 3, what="its processes")
    folder = FOLDER / f"alive-{'published' if tools else 'own'}"
    folder.mkdir()
    (folder / "csa.conf").write_text("\n".join(CONFIGURATION) + "\n")
    (folder / "holidays").write_text("HOLIDAYFILE_VERSION1\nYEAR *\nweekday 0730 1730\nsaturday all none\nsunday none all\n")
    shutil.copy(path, folder / "day1")
    for name, *words in (("csabuild", "-P", "day", "-s", "sorted"), ("csarecy", "-s", "sorted", "-P", "kept")):
        done = csa(folder, name, *words, tool=tools / name if tools else None)
        corral.equal((done.returncode, done.stderr), (0, ""), f"{name} of a job that goes on")
    for file in ("day1", "kept0"):
        done = subprocess.run([corral.COMMAND, "report", "--by", "command", "--json", folder / file], capture_output=True, text=True)
        corral.equal((done.returncode, done.stderr), (0, ""), f"{file} has no damage")
        rows = {row["command"]: row["processes"] for row in json.loads(done.stdout)["rows"]}
        corral.equal(rows, {"true": 3}, f"and all processes of the job")
    process.terminate()
    process.wait()
    path.unlink()


def in_record_mode():
    """A scope that finds a file of the boot before."""
    path = FOLDER / "scopes"
    dead = killed_scope(path)
    corral.equal([name for name, _ in boots_of(path)], ["accounting on"], "a new file begins with one configuration record")
    subprocess.run([str(word) for word in scope(path, "true")], check=True)
    corral.equal(len(boots_of(path)), 1, "a job of the same boot writes none")
    time.sleep(3)
    subprocess.run([str(word) for word in scope(path, "true", prefix=next_boot())], check=True)
    told = boots_of(path)
    corral.equal([name for name, _ in told], ["accounting on", "boot"], "the first job of the next boot tells of it")
    corral.check(told[1][1] > told[0][1] + 60, "with its time", told)
    subprocess.run([str(word) for word in scope(path, "true", prefix=next_boot())], check=True)
    corral.equal(len(boots_of(path)), 2, "the second does not")
    check_cycle(path, dead, 2, "scopes")
    if (TOOLS / "csabuild").exists():
        check_cycle(path, dead, 2, "scopes, the published tools", tools=TOOLS)
    # Nobody wrote to it since the machine began, and the last configuration record is far.
    path = FOLDER / "long"
    for _ in range(12):
        subprocess.run([str(word) for word in scope(path, "sh", "-c", "true; true")], check=True)
    time.sleep(3)
    subprocess.run([str(word) for word in scope(path, "true", prefix=next_boot())], check=True)
    corral.equal([name for name, _ in boots_of(path)], ["accounting on", "boot"], "also where the last such record is far")
    # A file that was written to since, and tells of another time: also a boot of its own.
    path = FOLDER / "scopes"
    subprocess.run([str(word) for word in scope(path, "true", prefix=["unshare", "-T", "--boottime", "1000000"])], check=True)
    corral.equal([name for name, _ in boots_of(path)], ["accounting on", "boot", "boot"], "nor is one that began before a boot of it")


def under_an_instance():
    """The scribe; and what an instance that crashed left open, in the same boot and over two."""
    with corral.Instance(engine="subreaper") as instance:
        def crash():
            for pid in (instance.reaper, instance.supervisor, instance.store):
                os.kill(pid, signal.SIGSTOP)
            for pid in (instance.reaper, instance.supervisor, instance.store):
                os.kill(pid, signal.SIGKILL)
            instance.process.wait()

        def end_of(jid):
            return [r for r in instance.records()["records"] if r["kind"] == "end" and r["jid"] == jid]

        def detached(*words):
            return instance.run("run", "-d", "--", *words).stdout.strip()

        first = detached("sleep", "1000")
        crash()
        instance.start()
        corral.wait_until(lambda: end_of(first), what="the end of the job that a crash within the boot left open")
        second = detached("sleep", "1000")
        corral.equal(len(boots_of(instance.pacct)), 1, "a new instance in the same boot writes no configuration record")
        crash()
        time.sleep(3)
        instance.start(prefix=next_boot())
        corral.wait_until(lambda: end_of(second), what="the end of the job that the boot before left open")
        corral.equal([(r["result"], r.get("exit_code")) for r in end_of(second)], [("crashed", None)], "it is one, and crashed")
        third = detached("true")
        corral.equal(instance.run("wait", third).returncode, 0, "a job of the second boot")
        corral.equal(instance.run("accounting", "off").returncode, 0, "accounting off")
        corral.equal(instance.run("accounting", "on").returncode, 0, "and on")
        told = boots_of(instance.pacct)
        corral.equal([name for name, _ in told], ["accounting on", "boot", "accounting off", "accounting on"], "the scribe tells of the boot once")
        corral.equal(len({when for _, when in told[1:]}), 1, "all that is told in it has its time")
        corral.equal(instance.run("accounting", "switch").returncode, 0, "the file is switched")
        corral.equal(boots_of(instance.pacct)[0][1], told[-1][1], "the next file has it too")
        switched = instance.folder / "pacct1"
        check_cycle(switched, second, 2, "an instance")
        if (TOOLS / "csabuild").exists():
            check_cycle(switched, second, 2, "an instance, the published tools", tools=TOOLS)
        report = instance.run("report", second, str(switched))
        corral.check("crashed" in report.stdout, "corral report says why it ended", report.stdout[-500:], report.stderr)


try:
    need()
    goes_on()
    if (TOOLS / "csarecy").exists():
        goes_on(tools=TOOLS)
    in_record_mode()
    under_an_instance()
finally:
    shutil.rmtree(FOLDER, ignore_errors=True)
