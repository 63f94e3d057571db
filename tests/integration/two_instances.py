#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Two system instances over one directory of cgroups, as two containers have it that share a cgroup: each has its own
jobs, whatever the other does and whichever of their parts dies."""

import os
import pathlib
import signal

from corral import Cgroup, Instance, check, equal, needs_cgroup2, wait_until


def detached(instance, *words):
    return instance.facts("run", "-d", "--", *words)["jid"]


def state(instance, jid):
    return instance.facts("show", jid)["state"]


def own_jobs(first, second):
    held, other = detached(first, "sleep", "1000"), detached(second, "sleep", "1000")
    equal((held, int(other, 16) >> 63), ("0x1", 1), "the second gives jids that the first will not")
    equal([[job["jid"] for job in one.facts("ps")] for one in (first, second)], [[held], [other]], "each has its own job")
    equal(second.run("kill", "-g", "0", other).returncode, 0, "a job of the second is ended")
    equal(state(first, held), "running", "and that of the first is not")
    return held


def deaths(first, second, held):
    for victims in (("supervisor",), ("store",), ("supervisor", "store")):
        pids = [getattr(first, name) for name in victims]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: first.supervisor not in (None, *pids), 10, "another supervisor")
        equal(state(first, held), "running", f"the first loses its {' and '.join(victims)}: it has its job")
        equal(first.facts("ps")[0]["jid"], held, "by the same jid")
        equal(second.facts("ps"), [], "and the second has not")


def third(base, first, held):
    with Instance(engine="cgroup2", cgroup_base=base) as late:
        other = detached(late, "sleep", "1000")
        check(int(other, 16) >> 63, "one that comes later is no heir while the first lives", other)
    equal(state(first, held), "running", "and its end ends nobody else's job")


def main():
    needs_cgroup2()
    cgroup = Cgroup()
    base = pathlib.Path(cgroup / "jobs")
    base.mkdir()
    try:
        with Instance(engine="cgroup2", cgroup_base=base) as first:
            with Instance(engine="cgroup2", cgroup_base=base) as second:
                held = own_jobs(first, second)
                deaths(first, second, held)
            third(base, first, held)
    finally:
        cgroup.remove()


main()
