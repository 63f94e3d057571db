#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Jobs within jobs that may use less than the job around them: memory, processes and processors, asked for and
changed while they run; whose bound it was that was met; across a death of the supervisor. Controllers of version 1 here;
tests/vm/supervised_limits.sh has those of version 2."""

import os
import pathlib
import signal
import sys
import time

from corral import Instance, check, equal, needs_root, not_checked, wait_until
from limits_held import EATER, FORKER, ended, group_of, groups_of, is_held, leaves_nothing

PYTHON = sys.executable
MIB = 1 << 20


def detached(instance, *words):
    made = instance.run("run", "-d", *words)
    equal(made.returncode, 0, f"a job is made: {' '.join(map(str, words[:6]))} {made.stderr}")
    return made.stdout.strip()


def refused(instance, code, text, *words):
    done = instance.run(*words)
    check(done.returncode == code and text in done.stderr, f"{words[0]} is refused: {text}", done.returncode, done.stderr)


def forks(instance, jid):
    return instance.run("log", jid).stdout.strip()


def main_of(instance, jid):
    return instance.facts("show", jid)["main_pid"]


def is_in_group(pid, jid):
    path = group_of(pid, "pids")
    return path is None or path.endswith(f"/j{int(jid, 16):016x}")


def processes(instance):
    outer = detached(instance, "--limit", "processes=40", "--", "sleep", "1000")
    inner = detached(instance, "--parent", outer, "--limit", "processes=6", "--", PYTHON, "-c", FORKER, "20")
    ended(instance, inner)
    equal(forks(instance, inner), "5", "the inner job is held to its own bound")
    beside = detached(instance, "--parent", outer, "--", PYTHON, "-c", FORKER, "20")
    ended(instance, beside)
    equal(forks(instance, beside), "20", "another within is not")
    more = detached(instance, "--parent", outer, "--limit", "processes=1000", "--", PYTHON, "-c", FORKER, "60")
    equal(instance.facts("show", more)["limits"]["processes"], 40, "what is more than the outer's is narrowed")
    ended(instance, more)
    check(int(forks(instance, more)) < 40, "and held by that, with all in it counted", forks(instance, more))
    deep = detached(instance, "--parent", outer, "--limit", "processes=12", "--", "sleep", "1000")
    deepest = detached(instance, "--parent", deep, "--limit", "processes=4", "--", PYTHON, "-c", FORKER, "20")
    ended(instance, deepest)
    equal(forks(instance, deepest), "3", "so it is in the third")
    full = detached(instance, "--parent", deep, "--limit", "processes=1", "--", "sleep", "1000")
    refused(instance, 75, f"{full} is at its limit 'processes' of 1", "run", "-d", "--parent", full, "--", "true")
    instance.run("kill", "-g", "0", outer)
    for jid in (deep, full):
        equal(ended(instance, jid)["result"], "cancelled", "what is within ends with it")


def memory(instance):
    outer = detached(instance, "--limit", "memory=300M", "--", "sleep", "1000")
    inner = detached(instance, "--parent", outer, "--limit", "memory=60M", "--", PYTHON, "-c", EATER)
    facts = ended(instance, inner)
    equal((facts["result"], facts["limit"]["kind"], facts["limit"]["bound"]), ("over-limit", "memory", 60 * MIB),
          "the inner job passes its own bound")
    equal(instance.facts("show", outer)["state"], "running", "and the outer goes on")
    roomy = detached(instance, "--parent", outer, "--", PYTHON, "-c", EATER.replace("400", "100"))
    equal(ended(instance, roomy)["result"], "exited", "another within has what the outer has")
    instance.run("kill", "-g", "0", outer)
    equal(ended(instance, outer)["result"], "cancelled", "which was never over its own")

    outer = detached(instance, "--limit", "memory=80M", "--", "sleep", "1000")
    inner = detached(instance, "--parent", outer, "--limit", "memory=70M", "--", PYTHON, "-c",
                     EATER.replace("400", "50") + "\nimport time\ntime.sleep(1000)")
    wait_until(lambda: "ate it all" in instance.run("log", inner).stdout, 20, "the inner job has its memory")
    second = detached(instance, "--parent", outer, "--limit", "memory=70M", "--", PYTHON, "-c", EATER.replace("400", "60"))
    facts = ended(instance, outer)
    equal((facts["result"], facts["limit"]["bound"]), ("over-limit", 80 * MIB), "together they pass the outer's")
    for jid in (inner, second):
        result = ended(instance, jid)["result"]
        check(result in ("cancelled", "out-of-memory", "signalled"), "who is within passed none of his own", result)


def changes(instance):
    outer = detached(instance, "--", "sleep", "1000")
    inner = detached(instance, "--parent", outer, "--limit", "processes=30,cpu-rate=80%", "--", "sleep", "1000")
    equal(instance.run("limit", inner, "-l", "processes=9").returncode, 0, "the inner's limit is changed")
    equal(instance.facts("show", inner)["limits"]["processes"], 9, "and is another")
    done = instance.run("limit", outer, "-l", "processes=5", "-l", "cpu-rate=50%")
    equal(done.returncode, 0, f"the outer's is set while another is nested in it {done.stderr}")
    limits = instance.facts("show", inner)["limits"]
    equal((limits["processes"], limits["cpu-rate"]), (5, 50), "and narrows the inner's")
    for jid in (outer, inner):
        check(is_in_group(main_of(instance, jid), jid), "each is in its own group", group_of(main_of(instance, jid), "pids"))
    crowd = detached(instance, "--parent", outer, "--", PYTHON, "-c", FORKER, "20")
    ended(instance, crowd)
    equal(forks(instance, crowd), "2", "whose bound counts all three")
    equal(instance.run("limit", outer, "-l", "processes=none").returncode, 0, "the outer's is taken away")
    equal(instance.facts("show", inner)["limits"]["processes"], 5, "the inner's stays")
    refused(instance, 72, "counts from a job's beginning on here", "limit", outer, "-l", "memory=1G")
    equal(instance.run("limit", outer, "-l", "memory=none").returncode, 0, "to take away what is not there is no change")
    before = instance.supervisor
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: instance.supervisor not in (None, before), 10, "another supervisor")
    more = detached(instance, "--parent", inner, "--", PYTHON, "-c", FORKER, "20")
    ended(instance, more)
    equal(forks(instance, more), "3", "another supervisor's jobs are held to it too")
    main = main_of(instance, outer)
    equal(instance.run("attach", "--mode", "nested", inner, main).returncode, 0, "one of the outer moves in")
    check(is_in_group(main, inner), "and is in the inner's group", group_of(main, "pids"))
    equal(instance.run("detach", main).returncode, 0, "and leaves it")
    check(is_in_group(main, outer), "for the outer's", group_of(main, "pids"))
    instance.run("kill", "-g", "0", outer)
    ended(instance, inner)


def not_counted(instance, restarts=0):
    """A group that an outer job has for an inner one alone tells nothing of the outer's memory."""
    outer = detached(instance, "--", PYTHON, "-c", EATER.replace("400", "100") + "\nimport time\ntime.sleep(1000)")
    wait_until(lambda: "ate it all" in instance.run("log", outer).stdout, 20, "the outer job has its memory")
    inner = detached(instance, "--parent", outer, "--limit", "memory=60M", "--", "sleep", "1000")
    for _ in range(restarts):
        before = instance.supervisor
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: instance.supervisor not in (None, before), 10, "another supervisor")
    instance.run("kill", "-g", "0", outer)
    equal(ended(instance, inner)["limit"], None, "the inner ends with it")
    equal(ended(instance, outer)["memory_peak_bytes"], None, "its memory is not told as less than it was")


def deep_end(instance):
    jids = [detached(instance, "--", "sleep", "1000")]
    for _ in range(7):
        jids.append(detached(instance, "--parent", jids[-1], "--", "sleep", "1000"))
    refused(instance, 75, "jobs are nested 8 deep at most", "run", "-d", "--parent", jids[-1], "--", "true")
    began = time.monotonic()
    instance.run("kill", "-g", "0", jids[0])
    ended(instance, jids[0])
    return time.monotonic() - began


def deep_ends(instance):
    """Each container goes as soon as those within have gone, not at its next try: pauses between tries are doubled. The quickest of
    some counts, as a machine that others use is slow too."""
    took = min(deep_end(instance) for _ in range(4))
    check(took < 0.15, f"eight jobs, each within the other, end in {took:.2f} s")


def not_counted_later(instance):
    not_counted(instance, restarts=2)


def both_lost(instance):
    """Without a journal the jobs are found by their cgroups, and their groups go with them."""
    outer = detached(instance, "--limit", "processes=40,memory=1G", "--", "sleep", "1000")
    inner = detached(instance, "--parent", outer, "--limit", "processes=6,memory=500M", "--", "sleep", "1000")
    places = groups_of(instance)
    store, supervisor = instance.store, instance.supervisor
    os.kill(supervisor, signal.SIGSTOP)
    os.kill(store, signal.SIGKILL)
    os.kill(supervisor, signal.SIGKILL)
    wait_until(lambda: instance.supervisor not in (None, supervisor), 10, "another supervisor")
    equal(instance.facts("show", inner)["parent"], outer, "the inner job is found in the outer")
    instance.run("kill", "-g", "0", outer)
    for jid in (outer, inner):
        ended(instance, jid)
    return places


def main():
    needs_root()
    with Instance() as instance:
        if instance.facts("doctor")["engine"] != "cgroup2" or not is_held(instance, "memory", "processes", "cpu-rate"):
            return not_checked("needs cgroup2 with the controllers memory, pids and cpu")
        for directory in (instance.folder, instance.runtime):
            pathlib.Path(directory).chmod(0o755)
        for part in (processes, memory, changes, deep_ends, not_counted, not_counted_later):
            print(f"-- {part.__name__}", flush=True)
            part(instance)
        leaves_nothing(instance, both_lost(instance))


if __name__ == "__main__":
    main()
