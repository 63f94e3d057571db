#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The published daemons of CSA 5.0 (jobd by the proc connector, csad by taskstats) beside the eBPF collector, on the same loads,
interleaved: how fast processes end with nothing, with theirs and with ours, and how many have no record of their job.

  published_daemon.py --build BUILD --daemon DIR [--rounds 5] [--scale 1] [--loads NAME...]

DIR holds jobd, csad, csaswitch and libjob.so, built in a scratch folder (docs/TESTING.md says how). They run in a mount namespace of
their own, as their sockets, locks and files have fixed names.
"""

import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import measure

MINIMAL = b"int main(void){return 0;}\n"
SETUP = """mount -t tmpfs none /run && mkdir /run/jobd /run/csad && { [ -L /var/run ] || mount --bind /run /var/run; } &&
"$0/jobd" && sleep 0.5 && "$0/csad" && sleep 0.5 && "$0/csaswitch" -c on >/dev/null 2>&1; echo ready; exec cat >/dev/null"""
IN_A_JOB = """import ctypes, os, sys
lib = ctypes.CDLL(sys.argv[1] + "/libjob.so", use_errno=True)
lib.job_create.restype, lib.job_create.argtypes = ctypes.c_uint64, [ctypes.c_uint64, ctypes.c_uint, ctypes.c_int]
jid = lib.job_create(0, os.getuid(), 0)
if jid == 2 ** 64 - 1: sys.exit("jobd makes no job: " + os.strerror(ctypes.get_errno()))
sys.stderr.write(f"jid {jid:#x}\\n")
os.execv(sys.argv[2], sys.argv[2:])
"""
CONFIG = """CPUMASK all
PACCT_FILE {folder}/pacct
CSA_START on
WKMG_START off
MEM_START on
IO_START on
DELAY_START on
MEMT_START off 1000
TIME_START off 1
CHGRP root
MEMINT 1
"""


def processes_of(program):
    """Those that run it now."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.readlink(entry / "exe") == str(program):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


class Published:
    """The daemons, in a namespace of their own; gone at the end."""

    def __init__(self, folder):
        self.folder = folder.resolve()
        self.scratch = tempfile.TemporaryDirectory()
        config = pathlib.Path(self.scratch.name) / "csa.conf"
        config.write_text(CONFIG.format(folder=self.scratch.name))
        self.pacct = pathlib.Path(self.scratch.name) / "pacct"
        self.pacct.touch(0o664)
        self.environment = {**os.environ, "CSACONFIG": str(config)}

    def __enter__(self):
        if processes_of(self.folder / "jobd"):
            sys.exit("a jobd of that folder runs already")
        self.holder = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-c", SETUP, self.folder],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=self.environment)
        if self.holder.stdout.readline() != "ready\n" or not processes_of(self.folder / "csad"):
            self.end()
            sys.exit("the published daemons do not run here")
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        for name, number in (("csad", signal.SIGKILL), ("jobd", signal.SIGUSR1)):
            for pid in processes_of(self.folder / name):
                os.kill(pid, number)
        self.holder.stdin.close()
        self.holder.wait()
        self.scratch.cleanup()

    def run(self, words):
        """What the load printed, and the jid."""
        done = subprocess.run(["nsenter", "--mount", "--target", str(self.holder.pid), sys.executable, "-S", "-E", "-c", IN_A_JOB,
                               self.folder, *map(str, words)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"'{words}' failed: {done.stderr}")
        return float(done.stdout), re.search("jid (0x[0-9a-f]+)", done.stderr).group(1)

    def records(self, corral, jid):
        """Of the job's processes, once no more come."""
        size = -1
        while size != self.pacct.stat().st_size:
            size = self.pacct.stat().st_size
            time.sleep(1)
        return count_of(corral, self.pacct, jid)


def count_of(corral, file, jid):
    lines = subprocess.run([corral.COMMAND, "records", "--json", file], stdout=subprocess.PIPE, check=False).stdout
    return sum(b'"kind":"process"' in line and f'"jid":"{jid}"'.encode() in line for line in lines.splitlines())


def ours(corral, words, count):
    """Rate, and processes without a record in the file."""
    with corral.Instance(environment={"CORRAL_COLLECTOR": "ebpf"}) as instance:
        instance.run("run", "--", "/bin/true")
        result = instance.run("run", "--", *words, timeout=300)
        if result.returncode != 0:
            sys.exit(f"'{words}' failed: {result.stderr}")
        corral.wait_until(lambda: any(one["kind"] == "end" and one["jid"] == "0x2" for one in instance.records()["records"]), 120, "its end")
        return float(result.stdout), count - count_of(corral, instance.pacct, "0x2")


def theirs(corral, folder, words, count):
    with Published(folder) as daemons:
        rate, jid = daemons.run(words)
        return rate, count - daemons.records(corral, jid)


def measure_load(corral, arguments, name, words, wanted):
    """`wanted`: the least ratio; absent: it is not judged."""
    count = int(words[2]) // 2 * 2 + 3
    print(f"## {name}: {arguments.rounds} interleaved rounds of {count - 3}, two at a time")
    rates, lost = {"nothing": [], "published": [], "corral": []}, {"published": [], "corral": []}
    for _ in range(arguments.rounds):
        rates["nothing"].append(float(subprocess.run(list(map(str, words)), capture_output=True, text=True, check=True).stdout))
        for who, result in (("published", theirs(corral, arguments.daemon, words, count)), ("corral", ours(corral, words, count))):
            rates[who].append(result[0])
            lost[who].append(result[1])
        print("   " + "   ".join(f"{who} {found[-1]:8.0f}/s" for who, found in rates.items()) +
              f"   lost: {lost['published'][-1]} and {lost['corral'][-1]}", flush=True)
    ratio = {who: statistics.median(a / b for a, b in zip(rates[who], rates["nothing"])) for who in lost}
    print(f"   published: ratio {ratio['published']:.3f}, without a record {100 * statistics.median(lost['published']) / count:.2f} %")
    print(f"   corral: ratio {measure.judged(ratio['corral'], at_least=wanted) if wanted else format(ratio['corral'], '.3f')}")
    print(f"   corral: processes without a record: {measure.judged(sum(map(abs, lost['corral'])), at_most=0, form='d')}")


def main():
    made = measure.parser(__doc__)
    made.add_argument("--daemon", type=pathlib.Path, default=os.environ.get("CORRAL_CSA_DAEMON"), help="where the daemons are")
    made.add_argument("--rounds", type=int, default=5)
    made.add_argument("--scale", type=float, default=1, help="so many times as many processes")
    made.add_argument("--loads", nargs="*", choices=["vfork", "fork", "exec", "true"], default=["vfork", "fork", "exec", "true"])
    arguments = measure.parse(made)
    import corral
    from collector import ebpf_obstacle

    if why := ebpf_obstacle():
        return measure.missing("the eBPF collector", f"{why}; nothing is measured")
    if arguments.daemon is None:
        return measure.missing("the published daemon", "nothing is compared; --daemon DIR names it")
    exits = measure.tool(arguments.build, "bench-exits")
    minimal = measure.tool(arguments.build, "bench-minimal")
    subprocess.run(["musl-gcc", "-static", "-Os", "-s", "-xc", "-", "-o", minimal], check=True, input=MINIMAL)
    loads = {"vfork": ("vfork, exit: as fast as they come", [exits, "vfork", 60000], None),
             "fork": ("fork, exit", [exits, "fork", 40000], 0.97),
             "exec": ("vfork, exec of a minimal program, exit", [exits, "exec", 40000, minimal], 0.90),
             "true": ("/bin/true", [exits, "exec", 4000, "/bin/true"], 0.97)}  # fmt: skip
    for name in arguments.loads:
        loads[name][1][2] = int(loads[name][1][2] * arguments.scale)
        measure_load(corral, arguments, *loads[name])
    return None


if __name__ == "__main__":
    main()
