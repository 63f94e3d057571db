#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Jids of the caller's choice: which can be had (who may choose is in
bus_authority.py), and that none is given twice, whoever of the instance is
killed. Tags on jobs, and jobs found by them."""

import os
import signal

from corral import Instance, check, equal, wait_until


def chosen(instance, jid, *command):
    return instance.run("run", "-d", "--jid", jid, "--", *(command or ("true",)))


def base_of(instance):
    """The upper half of the instance's jids."""
    first = int(instance.run("run", "-d", "--", "true").stdout, 16)
    return first & ~0xFFFFFFFF


def kill_supervisor(instance):
    before = instance.supervisor
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: instance.supervisor not in (None, before), 10, "another supervisor")


def jids(instance):
    base = base_of(instance)

    def number(sequence):
        return f"{base | sequence:#x}"
    made = chosen(instance, number(0x50), "sleep", "1000")
    equal(made.stdout.strip(), number(0x50), f"a jid is chosen {made.stderr}")
    equal(instance.facts("show", number(0x50))["state"], "running", "and the job has it")
    equal(instance.run("run", "-d", "--", "true").stdout.strip(), number(0x51), "the next is above it")
    equal(chosen(instance, number(0x20)).stdout.strip(), number(0x20), "one that was passed over can be had")
    equal(instance.run("run", "-d", "--", "true").stdout.strip(), number(0x52), "which changes nothing of the next")
    for sequence, code, part in ((0x50, 73, f"jids above {number(0x52)} can be had"), (0x20, 73, "may have been"),
                                 (0xFFFFFFF0, 64, "too few jids")):
        refused = chosen(instance, number(sequence))
        equal(refused.returncode, code, f"{number(sequence)} cannot be had {refused.stderr}")
        check(part in refused.stderr, "which is said", refused.stderr)
    refused = chosen(instance, f"{(base ^ (3 << 32)) | 9:#x}")
    equal(refused.returncode, 64, f"another instance's cannot {refused.stderr}")
    check("another instance's number" in refused.stderr, "which is said", refused.stderr)
    for words, part in ((("--jid", "0", "-d"), "expected 0x"), (("--jid", "0x77"), "'--detach'")):
        refused = instance.run("run", *words, "--", "true")
        equal(refused.returncode, 2, f"{' '.join(words)} is a mistake")
        check(part in refused.stderr, "which is said", refused.stderr)
    # Far beyond the block that is reserved, and after every kind of death.
    equal(chosen(instance, number(0x12345)).stdout.strip(), number(0x12345), "one far above is had too")
    kill_supervisor(instance)
    equal(chosen(instance, number(0x12345)).returncode, 73, "but not again by another supervisor")
    equal(chosen(instance, number(0x20)).returncode, 73, "nor one that was passed over and given")
    equal(chosen(instance, number(0x200)).stdout.strip(), number(0x200), "another that was passed over is had of that one too")
    equal(chosen(instance, number(0x2000)).returncode, 73, "but none beyond the block that was reserved then")
    equal(instance.run("run", "-d", "--", "true").stdout.strip(), number(0x12346), "which goes on above it")
    supervisor, store = instance.supervisor, instance.store
    os.kill(supervisor, signal.SIGSTOP)
    os.kill(store, signal.SIGKILL)
    os.kill(supervisor, signal.SIGKILL)
    wait_until(lambda: instance.supervisor not in (None, supervisor), 10, "another supervisor without a journal")
    refused = chosen(instance, number(0x12345))
    equal(refused.returncode, 73, f"nor where the journal is lost {refused.stderr}")
    equal(chosen(instance, number(0x201)).returncode, 73, "where nobody knows any more what was passed over it is refused")
    later = int(instance.run("run", "-d", "--", "true").stdout, 16)
    check(later > base | 0x12346, "and the next is above all", hex(later))


def tags(instance):
    def names(*words):
        return [job["name"] for job in instance.facts("ps", "-a", *words)]
    for name, some in (("one", ("night", "phase=1")), ("two", ("phase=2",)), ("three", ())):
        words = [word for tag in some for word in ("--tag", tag)]
        equal(instance.run("run", "-d", "-n", name, *words, "--", "true").returncode, 0, f"a job with {len(some)} tags")
    equal(names("--tag", "phase"), ["one", "two"], "jobs are found by a key")
    equal(names("--tag", "phase=2"), ["two"], "by its value")
    equal(names("-t", "night", "-t", "phase=1"), ["one"], "by two tags")
    equal(names("--tag", "nobody"), [], "or not")
    kill_supervisor(instance)
    equal(instance.facts("show", "one")["tags"], ["night", "phase=1"], "a supervisor's death does not lose them")
    check("night phase=1" in instance.run("show", "one").stdout, "show shows them")
    for some, part in ((("a b",), "KEY=VALUE"), (("a=1", "a=2"), "each KEY once")):
        words = [word for tag in some for word in ("--tag", tag)]
        refused = instance.run("run", "-d", *words, "--", "true")
        check(refused.returncode != 0, f"{some} are no tags")
        check(part in refused.stderr, "which is said", refused.stderr)
    made = instance.run("run", "-d", "--array", "1-2", "-n", "parts", "-t", "of=array", "--", "true")
    equal(made.returncode, 0, "an array with a tag")
    instance.run("wait", "parts")
    equal(names("--tag", "of=array"), ["parts", "parts[1]", "parts[2]"], "its members have it too")


with Instance() as started:
    jids(started)
    tags(started)
