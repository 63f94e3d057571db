#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Group commit: the start of a job is on the disk before its program runs, one
by one with a sync for each; of many at once several share one."""

import os
import re
import signal
import subprocess
import tempfile
import threading

import corral
from accounted import scribe_of

CALL = re.compile(r"\b(write|pwrite64|writev|fdatasync|fsync)\(")


class Traced:
    """Calls of the scribe meanwhile, by their names."""

    def __init__(self, pid):
        self.file = tempfile.NamedTemporaryFile()
        words = ["strace", "-f", "-p", str(pid), "-o", self.file.name, "-e", "trace=write,pwrite64,writev,fdatasync,fsync"]
        self.process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
        if "attached" not in self.process.stderr.readline():
            corral.skip("strace cannot trace here")

    def end(self):
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=30)
        calls = CALL.findall(open(self.file.name).read())
        return {name: calls.count(name) for name in ("write", "fdatasync")}


def launched(instance, count, at_once):
    before = len(instance.records()["records"])
    trace = Traced(scribe_of(instance))

    def work(number):
        for _ in range(count // at_once):
            if instance.run("run", "-d", "--", "true").returncode != 0:
                corral.fail(f"job {number} was not started")

    threads = [threading.Thread(target=work, args=[number]) for number in range(at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    corral.wait_until(lambda: not instance.facts("ps"), 60, "the end of the jobs")
    calls = trace.end()
    appends = [record for record in instance.records()["records"][before:]]
    starts = sum(record["kind"] == "start" for record in appends)
    corral.equal(starts, count, f"{count} jobs, {at_once} at once: {len(appends)} appends, {calls['fdatasync']} fdatasync")
    return len(appends), calls["fdatasync"]


def main():
    with corral.Instance(engine="subreaper") as instance:
        instance.run("run", "--", "true")
        appends, syncs = launched(instance, 60, 1)
        corral.check(syncs >= 60, "one by one each start is synced", syncs)
        corral.check(syncs <= appends, "and no append more than once", syncs, appends)
        appends, syncs = launched(instance, 240, 24)
        corral.check(0 < syncs < appends * 0.8, "of many at once several share a sync", syncs, appends)


main()
