#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Processes of a job that end as fast as this machine can have them end, for a minute, with the eBPF collector: how many a
second, how many have no record, how much memory scribe and supervisor take, how large the file becomes and how much longer
than the storm it takes to be whole.

  exit_storm.py --build BUILD [--seconds 60] [--how vfork]
"""

import subprocess
import threading
import time

import measure


class Memory:
    """The most private memory that each program had, KiB."""

    def __init__(self, pids):
        self.most = dict.fromkeys(pids, 0)
        self._pids = pids
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self):
        while not self._is_over.wait(0.2):
            for name, pid in self._pids.items():
                self.most[name] = max(self.most[name], measure.private_kib(pid))

    def end(self):
        self._is_over.set()
        self._thread.join()
        return ", ".join(f"{name} {kib} KiB" for name, kib in self.most.items())


def main():
    made = measure.parser(__doc__)
    made.add_argument("--seconds", type=int, default=60)
    made.add_argument("--how", choices=["vfork", "fork"], default="vfork")
    arguments = measure.parse(made)
    import corral
    from collector import ebpf_obstacle, scribe_of

    if why := ebpf_obstacle():
        return measure.missing("the eBPF collector", f"{why}; nothing is measured")
    exits = measure.tool(arguments.build, "bench-exits")
    with corral.Instance() as instance:
        rate = float(instance.run("run", "--", exits, arguments.how, "30000").stdout)
        count = int(rate * arguments.seconds) // 2 * 2
        print(f"## {count} processes ({arguments.how}), two at a time")
        memory = Memory({"scribe": scribe_of(instance), "supervisor": instance.supervisor})
        begin = time.monotonic()
        result = instance.run("run", "--", exits, arguments.how, count, timeout=20 * arguments.seconds + 60)
        print(f"   {time.monotonic() - begin:9.1f} s, exits a second: {measure.judged(float(result.stdout), at_least=20000, form='.0f')}")
        corral.wait_until(lambda: instance.facts("show", "0x2")["state"] == "ended", 120, "the end of the job")
        begin = time.monotonic()
        corral.wait_until(lambda: not instance.facts("doctor")["instances"][0]["records_waiting"], 120, "all records", pause=0.1)
        print(f"   {time.monotonic() - begin:9.1f} s after its end all is in the file ({instance.pacct.stat().st_size >> 20} MiB)")
        print(f"   at most: {memory.end()}")
        job = instance.facts("show", "0x2")
        print(f"   counted by the kernel: {job['processes_seen'] + job['processes_not_seen']} (wanted: {count + 3})")
        print(f"   lost: {measure.judged(job['processes_not_seen'], at_most=0, form='d')}")
        lines = subprocess.run([corral.COMMAND, "records", "--json", instance.pacct], stdout=subprocess.PIPE, check=True).stdout
        found = sum(b'"kind":"process"' in line and b'"jid":"0x2"' in line for line in lines.splitlines())
        print(f"   without a record in the file: {measure.judged(count + 3 - found, at_most=0, form='d')}")
    return None


if __name__ == "__main__":
    main()
