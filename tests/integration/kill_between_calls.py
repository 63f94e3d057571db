#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Kills the supervisor between every two consecutive system calls of one
launch and one end: a tracer stops it as its Nth call returns and sends SIGKILL,
for N = 1, 2, 3, ... until the job is over before the Nth call is reached.

    STEP=1 tests/integration/kill_between_calls.py     every point
"""

import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import corral  # noqa: E402

STEP = int(os.environ.get("STEP", "9"))
MOST = int(os.environ.get("MOST", "2000"))
CODE = 37


def one_round(instance, number):
    """One job with the supervisor killed after its Nth call. Returns what the
    tracer hit and the job's jid."""
    tracer = subprocess.Popen(
        [corral.BUILD / "tests/support/kill-at-syscall", str(instance.supervisor), str(number)],
        stdout=subprocess.PIPE,
        text=True,
    )
    if tracer.stdout.readline().strip() != "ready":
        # The supervisor made its Nth call before we could read the first line.
        corral.fail("the tracer did not attach")
    started = instance.run("run", "-d", "--", "sh", "-c", f"exit {CODE}")
    if started.returncode != 0:
        corral.fail(f"point {number}: run -d: {started.returncode}: {started.stderr}")
    jid = started.stdout.strip().splitlines()[-1]
    waited = instance.run("wait", jid)
    if waited.returncode != CODE:
        corral.fail(f"point {number}: wait {jid}: {waited.returncode}: {waited.stderr}")
    tracer.send_signal(signal.SIGTERM)
    return tracer.communicate(timeout=20)[0].strip(), jid


def main():
    with corral.Instance() as instance:
        jids, calls = [], []
        for number in range(1, MOST, STEP):
            corral.wait_until(lambda: instance.run("ps").returncode == 0, what="an answer")
            hit, jid = one_round(instance, number)
            jids.append(jid)
            if not hit.startswith("killed"):
                print(f"# the launch and the end were over before call {number}: {hit}")
                break
            calls.append(hit.rpartition(" ")[2])
        corral.equal(len(set(jids)), len(jids), f"{len(jids)} jobs, each launched once")
        kinds = {}
        for record in instance.records()["records"]:
            kinds.setdefault(int(record.get("jid", "0"), 16), []).append(record["kind"])
        for jid in jids:
            found = sorted(kinds.get(int(jid, 16), []))
            if found != ["end", "process", "start"]:
                corral.fail(f"job {jid}: records {found}")
        corral.check(True, f"{3 * len(jids)} records compared, each exactly once")
        print(f"# points hit: {len(calls)}, after {len(set(calls))} different system calls")


if __name__ == "__main__":
    main()
