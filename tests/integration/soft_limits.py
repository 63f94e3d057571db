#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Soft and hard bounds with signal, action and grace: who is told, when, how
often; idle time; what each process is given; live changes, a death of the
supervisor between both bounds; what is refused; with each engine, in front and
detached."""

import json
import os
import signal
import subprocess
import sys
import time

from corral import COMMAND, Instance, check, engines, equal, not_checked, wait_until

BUSY = "while :; do :; done"
TOLD = "trap 'echo told' USR1; trap 'echo xcpu' XCPU; echo up; while :; do :; done"
# One megabyte after another until a file is there, then it waits.
EATER = ("import sys,time,signal\nsignal.signal(signal.SIGXCPU, lambda *_: print('told', flush=True))\nb=[]\n"
         "for _ in range(int(sys.argv[1])): b.append(bytes([1])*(1<<20))\n"
         "print('ate', flush=True)\ntime.sleep(60)")
PYTHON = sys.executable


class Lines:
    """`corral events --json` and what it has told."""

    def __init__(self, instance):
        self.process = instance.popen("events", "--json", stdout=subprocess.PIPE)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.text = ""
        self.wait_for('"begin"')

    def read(self):
        self.text += (self.process.stdout.read() or b"").decode()
        return self.text.splitlines()

    def wait_for(self, text):
        wait_until(lambda: any(text in line for line in self.read()), 30, f"an event with {text!r}")

    def end(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(20)


def tolerance(bound):
    """How much later a limit of time may be seen: a hundredth, or 100 ms."""
    return max(100000, bound // 100)


def detached(instance, *words):
    made = instance.run("run", "-d", *words)
    equal(made.returncode, 0, f"a detached job is made {made.stderr}")
    return made.stdout.strip()


def log_of(instance, jid):
    """What the job said; a scope's own words, how it holds less, are no part of that."""
    lines = instance.run("log", jid).stdout.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("corral-init: "))


def ended(instance, jid):
    instance.run("wait", jid, timeout=60)
    return instance.facts("show", jid)


def events_of(lines, jid, event):
    found = [json.loads(line) for line in lines.read()]
    return [each for each in found if each["event"] == event and int(each["jid"], 16) == int(jid, 16)]


def cpu(instance, less):
    """Told once over the soft bound, ended over the hard one, both in time."""
    lines = Lines(instance)
    jid = detached(instance, *less, "--limit", "cpu=400ms:1s/signal=USR1/grace=300ms", "--", "sh", "-c", TOLD)
    facts = ended(instance, jid)
    lines.wait_for('"ended"')
    equal(log_of(instance, jid).splitlines(), ["up", "told"], "it was told, once")
    equal(facts["result"], "over-limit", f"and ended over the hard bound: {facts['sentence']}")
    equal((facts["limit"]["kind"], facts["limit"]["bound"]), ("cpu time", 10**6), "the result says which bound")
    equal((facts["limits"]["cpu"], facts["soft_limits"]["cpu"]), (10**6, 400000), "both are shown")
    equal(facts["limit_actions"]["cpu"], {"signal": "SIGUSR1", "grace_us": 300000}, "and what was to be done")
    soft = events_of(lines, jid, "soft-limit")
    equal(len(soft), 1, "one event tells of the soft bound")
    equal((soft[0]["limit"]["kind"], soft[0]["limit"]["bound"], soft[0]["signal"]), ("cpu time", 400000, "SIGUSR1"), "it")
    late = soft[0]["limit"]["value"] - 400000
    check(0 <= late <= tolerance(400000), f"seen in time: {late} us late")
    late = facts["limit"]["value"] - 10**6
    check(0 <= late <= tolerance(10**6), f"the hard one too: {late} us late")
    hard = events_of(lines, jid, "limit")
    check(len(hard) == 1 and hard[0]["number"] > soft[0]["number"], "the hard bound is told behind it")
    lines.end()


def plain_signal(instance, less):
    """Without a choice it is SIGXCPU, which ends who does not mind it; and then that was the limit."""
    jid = detached(instance, *less, "--limit", "wall=300ms:60s", "--", "sh", "-c", "sleep 30")
    facts = ended(instance, jid)
    equal((facts["result"], facts["signal"]), ("over-limit", "SIGXCPU"), f"it died of the signal: {facts['sentence']}")
    equal((facts["limit"]["kind"], facts["limit"]["bound"]), ("wall time", 300000), "over its soft bound")
    found = [record["limit"]["bound"] for record in instance.records()["records"]
             if record.get("jid") == facts["jid"] and record.get("limit")]
    equal(found, [300000], "and so says its record")


def in_front(instance, less):
    done = instance.run("run", "-n", "front", *less, "--report=json", "--limit", "wall=200ms:700ms/signal=USR1/action=INT", "--",
                        "sh", "-c", "trap 'echo told' USR1; trap 'echo ends; exit 3' INT; while :; do sleep 0.05; done")
    equal(done.stdout.splitlines(), ["told", "ends"], f"in front it is told and ended like any other {done.stderr}")
    report = json.loads(next(line for line in done.stderr.splitlines() if line.startswith("{")))
    equal((report["result"], report["limit"]["bound"], report["exit_code"]), ("over-limit", 700000, 3), "its report says so")


def kill_at_once(instance, less):
    begun = time.monotonic()
    jid = detached(instance, *less, "--limit", "wall=300ms/action=kill", "--", "sh", "-c", "trap '' TERM; sleep 30 & wait; sleep 30")
    facts = ended(instance, jid)
    equal((facts["result"], facts["signal"]), ("over-limit", "SIGKILL"), "action=kill asks nobody")
    check(time.monotonic() - begun < 4, "and has no grace")


def idle(instance, less):
    jid = detached(instance, *less, "--limit", "idle=1s", "--", "sh", "-c", "i=0; while test $i -lt 100000; do i=$((i+1)); done; exec sleep 60")
    facts = ended(instance, jid)
    equal((facts["result"], facts["limit"]["kind"]), ("over-limit", "idle time"), f"who does nothing ends: {facts['sentence']}")
    late = facts["limit"]["value"] - 10**6
    check(0 <= late <= tolerance(10**6), f"in time: {late} us late")
    busy = detached(instance, *less, "--limit", "idle=400ms", "--", "sh", "-c", BUSY)
    time.sleep(1.5)
    equal(instance.facts("show", busy)["state"], "running", "who works does not")
    instance.run("kill", "-g", "0", busy)


def idle_frozen(instance):
    jid = detached(instance, "--limit", "idle=500ms", "--", "sleep", "60")
    equal(instance.run("freeze", jid).returncode, 0, "it is frozen")
    time.sleep(1.2)
    equal(instance.facts("show", jid)["state"], "running", "what stands still by request is not idle")
    equal(instance.run("thaw", jid).returncode, 0, "it is thawed")
    equal(ended(instance, jid)["limit"]["kind"], "idle time", "then it is")


def changes(instance, less):
    jid = detached(instance, "--", "sh", "-c", TOLD)
    wait_until(lambda: "up" in log_of(instance, jid), 10, "it runs")
    equal(instance.run("limit", jid, *less, "-l", "wall=1ms:1h/signal=USR1").returncode, 0, "a running job gets both bounds")
    wait_until(lambda: "told" in log_of(instance, jid), 10, "a soft bound below the use is passed at once")
    rows = {line.split()[0]: line.split()[1:] for line in instance.run("limit", jid).stdout.splitlines()}
    equal(rows["wall"][-6:], ["0.001", "s", "3600.000", "s", "soft", "SIGUSR1"], f"the table shows all that was said: {rows['wall']}")
    wanted = len(instance.facts("tree", jid)[0]["processes"])
    equal(rows["processes"], [str(wanted), "-", "none", "-"], "and how many processes there are")
    equal(instance.run("limit", jid, *less, "-l", "idle=1h/action=INT/grace=90s").returncode, 0, "another with an action and a grace")
    check("idle time 3600.000 s (hard SIGINT, grace 1m30s)" in instance.run("show", jid).stdout, "show tells them")
    shown = subprocess.run(["jlimit", "-j", jid], executable=COMMAND, env=instance.environment, capture_output=True, text=True,
                           check=False)
    check(any(line.split() == ["wall", "0.001", "s", "3600.000", "s"] for line in shown.stdout.splitlines()),
          f"jlimit too: {shown.stdout} {shown.stderr}")
    os.kill(instance.supervisor, signal.SIGKILL)
    wait_until(lambda: instance.supervisor, 10, "another supervisor")
    facts = instance.facts("show", jid)
    equal((facts["soft_limits"]["wall"], facts["limits"]["wall"]), (1000, 3600 * 10**6), "which knows them")
    time.sleep(0.3)
    equal(log_of(instance, jid).splitlines().count("told"), 1, "and tells nobody again")
    equal(instance.run("limit", jid, "-l", "wall=1ms:200ms/action=KILL").returncode, 0, "a hard bound below the use")
    equal(ended(instance, jid)["signal"], "SIGKILL", "is passed, by its own action")


def between_bounds(instance, less):
    jid = detached(instance, *less, "--limit", "cpu=300ms:900ms/signal=USR1", "--", "sh", "-c", TOLD)
    wait_until(lambda: "told" in log_of(instance, jid), 20, "the soft bound")
    os.kill(instance.supervisor, signal.SIGKILL)
    facts = ended(instance, jid)
    equal((facts["result"], facts["limit"]["bound"]), ("over-limit", 900000), f"the hard one outlives supervisors: {facts['sentence']}")
    equal(log_of(instance, jid).splitlines().count("told"), 1, "the soft one is told once")


def memory(instance):
    limits = instance.facts("doctor")["limits"]
    if limits["memory"]["lacking"] is not None:
        return not_checked("needs the memory controller, of either version")
    lines = Lines(instance)
    jid = detached(instance, "--limit", "memory=40M:400M", "--", PYTHON, "-c", EATER, "100")
    wait_until(lambda: "told" in log_of(instance, jid), 20, "its soft bound of memory is told")
    wait_until(lambda: "ate" in log_of(instance, jid), 20, "and slows nobody for long")
    lines.wait_for('"soft-limit"')
    told = events_of(lines, jid, "soft-limit")
    equal((len(told), told[0]["limit"]["bound"]), (1, 40 << 20), "once")
    equal(instance.facts("show", jid)["state"], "running", "it goes on")
    lines.end()
    instance.run("kill", "-g", "0", jid)


def of_each_process(instance, less):
    """Each process begins with these, soft and hard, as ulimit shows them."""
    script = "ulimit -Sn; ulimit -Hn; ulimit -Hv; ulimit -Hf; ulimit -Hc; ulimit -Sl"
    # What root locks nobody bounds, so it is not given that.
    locked = subprocess.run(["bash", "-c", "ulimit -Sl"], capture_output=True, text=True, check=True).stdout.strip()
    wanted = ["50", "60", str(1 << 20), "8192", "0", locked if os.geteuid() == 0 else "64"]
    words = [*less, "--limit", "files=50:60,virtual=1G,file-size=8M,core=0,locked=64K:64K", "--", "bash", "-c", script]
    result = instance.run("run", "--accept-less", *words)
    equal(result.stdout.split(), wanted, f"in front {result.stderr}")
    jid = detached(instance, "--accept-less", *words)
    ended(instance, jid)
    equal(log_of(instance, jid).split(), wanted, "detached")
    jid = detached(instance, *less, "--limit", "file-size=1M", "--", "dd", "if=/dev/zero", f"of={instance.folder}/big", "bs=64k", "count=100")
    facts = ended(instance, jid)
    equal((facts["result"], facts["limit"]["kind"], facts["limit"]["bound"]), ("over-limit", "file size", 1 << 20),
          f"who writes more has passed that limit: {facts['sentence']}")


def threads(instance):
    if instance.facts("doctor")["limits"]["threads"]["lacking"] is not None:
        return not_checked("needs the pids controller, of either version")
    script = ("import threading,time\nn=0\ntry:\n    for _ in range(50):\n        threading.Thread(target=time.sleep, args=(1,), daemon=True).start(); n += 1\n"
              "except RuntimeError: pass\nprint(n)")
    result = instance.run("run", "--limit", "threads=10", "--", PYTHON, "-c", script)
    equal(result.stdout.strip(), "9", f"ten threads at a time, the first among them {result.stderr}")


def refused(instance):
    for limit, words in (("processes=5:10", "soft"), ("threads=5:10", "soft")):
        result = instance.run("run", "-d", "--limit", limit, "--", "true")
        equal((result.returncode, result.stderr.count("\n")), (72, 1), f"{limit} is refused with a sentence: {result.stderr}")
        check(words in result.stderr and "--accept-less" in result.stderr, "that says why")
    for limit in ("cpu=2:1", "cpu=1/signal=USR1", "idle=0", "cpu=1:2/signal=NONE", "nothing=1", "cpu=1:2/grace="):
        result = instance.run("run", "-d", "--limit", limit, "--", "true")
        equal(result.returncode, 2, f"{limit} is none: {result.stderr}")
    if os.geteuid() == 0:
        result = instance.run("run", "-d", "--limit", "locked=64K", "--", "true")
        equal(result.returncode, 72, f"what root locks nobody bounds: {result.stderr}")
    jid = detached(instance, "--", "sleep", "60")
    result = instance.run("limit", jid, "-l", "file-size=1M")
    equal((result.returncode, result.stderr.count("\n")), (72, 1), f"what each process was given is not changed: {result.stderr}")
    instance.run("kill", "-g", "0", jid)


def without_instance():
    with Instance() as instance:
        environment = dict(instance.environment)
    result = subprocess.run([str(COMMAND), "run", "--limit", "idle=1h", "--", "true"], env=environment, capture_output=True,
                            text=True, check=False)
    equal((result.returncode, result.stderr.count("\n")), (72, 1), f"a job's own reaper does not know it: {result.stderr}")


def main():
    for engine in engines():
        with Instance(engine=engine) as instance:
            less = ["--accept-less"] if engine == "subreaper" else []
            cpu(instance, less)
            plain_signal(instance, less)
            in_front(instance, less)
            kill_at_once(instance, less)
            idle(instance, less)
            changes(instance, less)
            between_bounds(instance, less)
            of_each_process(instance, less)
            if engine == "subreaper":
                continue
            idle_frozen(instance)
            memory(instance)
            threads(instance)
            refused(instance)
    without_instance()


if __name__ == "__main__":
    main()
