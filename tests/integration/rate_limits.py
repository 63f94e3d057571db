#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Limits over which a job waits, or by which it stays where it is: processor
rate and set, swap, bytes and operations of its disks; by controllers of either
version, changed live, gone with the job; refused where nothing holds them."""

import os
import pathlib
import signal
import sys
import time

from corral import Instance, check, engines, equal, not_checked, wait_until

BUSY = "while :; do :; done"
PYTHON = sys.executable
CONTROLLERS = {"cpu-rate": "cpu", "cpu-set": "cpuset", "io-rate": "blkio", "io-ops": "blkio", "swap": "memory"}


def detached(instance, *words):
    made = instance.run("run", "-d", *words)
    equal(made.returncode, 0, f"a detached job is made {made.stderr}")
    return made.stdout.strip()


def held_by(instance, kind):
    return instance.facts("doctor")["limits"][kind]["held_by"]


def control(instance, jid, kind, file1, file2):
    """What the kernel holds the job to: of the file of version 1, or of version 2."""
    facts = instance.facts("show", jid)
    if held_by(instance, kind) == "cgroup2":
        return pathlib.Path(f"/sys/fs/cgroup{facts['container']}", file2).read_text().strip()
    for line in pathlib.Path(f"/proc/{facts['main_pid']}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if CONTROLLERS[kind] in controllers.split(","):
            return pathlib.Path(f"/sys/fs/cgroup/{CONTROLLERS[kind]}{path}", file1).read_text().strip()
    return None


def used(instance, jid):
    facts = instance.facts("show", jid)
    return facts["user_us"] + facts["system_us"]


def cpu_rate(instance):
    for words in (["-d"], []):
        name = f"rate{len(words)}"
        job = instance.popen("run", *words, "-n", name, "--limit", "cpu-rate=20%", "--", "sh", "-c", f"{BUSY} & {BUSY}")
        wait_until(lambda: "running" in instance.run("show", name).stdout, 10, "it runs")
        before, begun = used(instance, name), time.monotonic()
        time.sleep(2)
        share = (used(instance, name) - before) / (time.monotonic() - begun) / 1e6
        check(0.03 < share < 0.26, f"two loops get a fifth of a processor {words}: {share:.3f}")
        equal(instance.facts("show", name)["limits"]["cpu-rate"], 20, "as it is shown")
        if words:
            equal(instance.run("limit", name, "-l", "cpu-rate=none").returncode, 0, "it is taken away")
            before, begun = used(instance, name), time.monotonic()
            time.sleep(1.5)
            share = (used(instance, name) - before) / (time.monotonic() - begun) / 1e6
            check(share > 0.3, f"and they get more: {share:.3f}")
        instance.run("kill", "-g", "0", name)
        job.wait(20)


def late_rate(instance):
    """Who runs already is held too, and by the next supervisor."""
    jid = detached(instance, "--", "sh", "-c", f"({BUSY}) & {BUSY}")
    time.sleep(0.2)
    equal(instance.run("limit", jid, "-l", "cpu-rate=15%").returncode, 0, "a rate for a job that runs")
    os.kill(instance.supervisor, signal.SIGKILL)
    wait_until(lambda: instance.supervisor, 10, "another supervisor")
    before, begun = used(instance, jid), time.monotonic()
    time.sleep(2)
    share = (used(instance, jid) - before) / (time.monotonic() - begun) / 1e6
    check(share < 0.21, f"it holds: {share:.3f}")
    instance.run("kill", "-g", "0", jid)


def cpu_set(instance):
    script = "import os,time\nprint(sorted(os.sched_getaffinity(0)), flush=True)\ntime.sleep(60)"
    front = instance.run("run", "--limit", "cpu-set=0", "--", PYTHON, "-c", "import os;print(sorted(os.sched_getaffinity(0)))")
    equal(front.stdout.strip(), "[0]", f"in front it runs on the one it may {front.stderr}")
    jid = detached(instance, "--limit", "cpu-set=0", "--", PYTHON, "-c", script)
    wait_until(lambda: instance.run("log", jid).stdout == "[0]\n", 10, "detached likewise")
    if os.cpu_count() > 1:
        equal(instance.run("limit", jid, "-l", "cpu-set=1").returncode, 0, "it is moved")
        equal(os.sched_getaffinity(instance.facts("show", jid)["main_pid"]), {1}, "at once")
    equal(control(instance, jid, "cpu-set", "cpuset.cpus", "cpuset.cpus"), str(min(1, os.cpu_count() - 1)), "the kernel says so")
    online = pathlib.Path("/sys/devices/system/cpu/online").read_text().strip()
    wanted = f"corral: limit 'cpu-set' has processors that are not there: 60-63; this machine has {online}\n"
    before = [job["jid"] for job in instance.facts("ps", "-a")]
    for words in (["limit", jid], ["run", "-d"], ["run"], ["run", "-d", "--accept-less"]):
        result = instance.run(*words, "-l", "cpu-set=60-63", *(["--", "true"] if words[0] == "run" else []))
        equal((result.returncode, result.stderr), (64, wanted), f"processors that are not there: {words}")
    equal([job["jid"] for job in instance.facts("ps", "-a")], before, "and no job was begun")
    instance.run("kill", "-g", "0", jid)


def disk(folder):
    """A file on a disk, to be read past the cache; None where nothing there is on one."""
    file = pathlib.Path(folder, "on-disk")
    file.write_bytes(bytes(8 << 20))
    try:
        os.close(os.open(file, os.O_RDONLY | os.O_DIRECT))
    except OSError:
        return None
    device = file.stat().st_dev
    return file if pathlib.Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}").exists() else None


def io(instance):
    limits = instance.facts("doctor")["limits"]["io-rate"]
    less = ["--accept-less"] if limits["lacking"] else []
    if less:
        result = instance.run("run", "--limit", "io-rate=1M", "--", "true")
        equal((result.returncode, result.stderr.count("\n")), (72, 1), f"what holds less is refused: {result.stderr}")
    device = disk(instance.folder)
    if device is None:
        return not_checked("needs a file on a disk")
    begun = time.monotonic()
    done = instance.run("run", *less, "--limit", "io-rate=4M", "--", "dd", f"if={device}", "of=/dev/null", "bs=256k", "count=32", "iflag=direct")
    equal(done.returncode, 0, f"eight megabytes are read {done.stderr}")
    check(time.monotonic() - begun > 1.2, f"in two seconds: {time.monotonic() - begun:.2f} s")
    begun = time.monotonic()
    instance.run("run", *less, "--limit", "io-ops=20", "--", "dd", f"if={device}", "of=/dev/null", "bs=4k", "count=40", "iflag=direct")
    check(time.monotonic() - begun > 1.2, f"and forty operations too: {time.monotonic() - begun:.2f} s")


def swap(instance):
    holder = held_by(instance, "swap")
    if holder == "nothing":
        return not_checked("needs a cgroup that counts what is swapped out")
    if holder == "cgroup1":
        result = instance.run("run", "--limit", "swap=8M", "--", "true")
        equal((result.returncode, result.stderr.count("\n")), (72, 1), f"not without memory on version 1: {result.stderr}")
    jid = detached(instance, "--limit", "memory=64M,swap=8M", "--", "sleep", "60")
    equal(int(control(instance, jid, "swap", "memory.memsw.limit_in_bytes", "memory.swap.max")),
          (72 if holder == "cgroup1" else 8) << 20, "so much and no more")
    if holder == "cgroup1":
        equal(instance.run("limit", jid, "-l", "memory=none").returncode, 72, "what it is bound with cannot go alone")
    equal(instance.run("limit", jid, "-l", "swap=16M").returncode, 0, "it is changed")
    equal(int(control(instance, jid, "swap", "memory.memsw.limit_in_bytes", "memory.swap.max")),
          (80 if holder == "cgroup1" else 16) << 20, "there too")
    instance.run("kill", "-g", "0", jid)


def refused(instance):
    for limit in ("cpu-rate=50%", "cpu-set=0", "io-rate=1M", "io-ops=10", "swap=1M"):
        result = instance.run("run", "-d", "--limit", limit, "--", "true")
        equal((result.returncode, result.stderr.count("\n")), (72, 1), f"{limit} is not held here: {result.stderr}")
        accepted = instance.run("run", "-d", "--accept-less", "--limit", limit, "--", "sleep", "1000")
        equal(accepted.returncode, 0, "which may be accepted")
        jid, word = accepted.stdout.strip(), limit.partition("=")[0]
        check(accepted.stderr.startswith(f"corral: job {jid}: limit '{word}' is not held"), "and is said then", accepted.stderr)
        equal([word in sentence for sentence in instance.facts("show", jid)["not_held"]], [True], "show tells it later")
        check("not held" in instance.run("show", jid).stdout, "and shows it")
        changed = instance.run("limit", jid, "--accept-less", "-l", limit)
        check(f"limit '{word}' is not held" in changed.stderr, "as limit does", changed.stderr)
        instance.run("kill", "-g", "0", jid)


def soft(instance):
    result = instance.run("run", "-d", "--limit", "cpu-rate=10%:50%", "--", "true")
    equal((result.returncode, "no soft bound" in result.stderr), (72, True), f"a rate has no soft bound: {result.stderr}")


def leaves_nothing(instance):
    wait_until(lambda: not instance.job_cgroups(), 10, "no job's cgroup is left")
    for controller in ("cpu", "cpuset", "blkio", "memory"):
        left = list(pathlib.Path("/sys/fs/cgroup", controller).glob(f"**/{instance.cgroup.path.name}.*"))
        equal(left, [], f"nothing is left in the hierarchy of {controller}")


def main():
    for engine in engines():
        with Instance(engine=engine) as instance:
            if engine == "subreaper":
                refused(instance)
                continue
            for kind, test in (("cpu-rate", cpu_rate), ("cpu-rate", late_rate), ("cpu-rate", soft), ("cpu-set", cpu_set),
                               ("io-rate", io), ("swap", swap)):
                if held_by(instance, kind) == "nothing":
                    not_checked(f"needs the controller of {kind}")
                    continue
                test(instance)
            leaves_nothing(instance)


if __name__ == "__main__":
    main()
