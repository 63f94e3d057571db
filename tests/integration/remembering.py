#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Ended jobs are known for as long, and as many of them, as corral.toml says ([jobs] remember_for and remember), also across
a death of the supervisor."""

import os
import pathlib
import signal
import tempfile
import time

from corral import Instance, check, equal, wait_until

SECONDS = 4


def ended(instance, code=0):
    """Its jid, and when it had surely not ended yet."""
    begin = time.monotonic()
    jid = instance.run("run", "-d", "--", "sh", "-c", f"exit {code}").stdout.strip()
    equal(instance.run("wait", jid, timeout=20).returncode, code, f"a job ends with {code}")
    return jid, begin


def known(instance):
    return [job["jid"] for job in instance.facts("ps", "-a")]


def for_so_long(instance):
    jid, begin = ended(instance, 3)
    equal(known(instance), [jid], "it is listed when it has ended")
    old = instance.supervisor
    os.kill(old, signal.SIGKILL)
    wait_until(lambda: instance.supervisor not in (None, old), 10, "another supervisor")
    equal(instance.run("wait", jid, timeout=20).returncode, 3, "another supervisor knows how it ended")
    check(time.monotonic() - begin < SECONDS, "that was within the time", time.monotonic() - begin)
    earlier, _ = ended(instance)
    equal(known(instance), [jid, earlier], "the end of another within the time costs it nothing")
    time.sleep(SECONDS + 1)
    # An idle supervisor sleeps: whose time is over is forgotten when the next job ends.
    last, _ = ended(instance)
    equal(known(instance), [last], "after the time those that ended before are forgotten, with the next end")
    for command in ("show", "wait"):
        done = instance.run(command, jid, timeout=20)
        equal(done.returncode, 66, f"{command} knows it no more")
        check("does not exist" in done.stderr or "there is no job" in done.stderr, "and says so", done.stderr)


def so_many(instance):
    jids = [ended(instance)[0] for _ in range(4)]
    equal(known(instance), jids[2:], "of more than two the youngest two")
    equal(instance.run("show", jids[0]).returncode, 66, "the oldest is not known")


def main():
    for text, part in ((f'[jobs]\nremember_for = "{SECONDS}s"\n', for_so_long), ("[jobs]\nremember = 2\n", so_many)):
        with tempfile.TemporaryDirectory(prefix="corral-remembering-") as folder:
            config = pathlib.Path(folder, "corral.toml")
            config.write_text(text)
            with Instance(options=["--config", str(config)]) as instance:
                part(instance)


main()
