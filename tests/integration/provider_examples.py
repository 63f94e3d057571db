#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The aggregate providers of contrib/examples, in C and in Python, follow a job and a process to their ends."""

import json
import pathlib
import shutil
import subprocess
import tempfile

import corral
from collector import ebpf_obstacle
from corral import SOURCE, Instance, check


def in_c(instance, folder):
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "libsystemd"], capture_output=True, text=True, check=False)
    if shutil.which("cc") is None or flags.returncode != 0:
        corral.not_checked("needs a C compiler")
        return
    program = folder / "provider"
    subprocess.run(["cc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", SOURCE / "contrib/examples/provider.c", "-o", program,
                    *flags.stdout.split()], check=True)
    started = instance.run("run", "-d", "--json", "--", "sh", "-c", "trap 'exit 9' USR1; while :; do sleep 0.02; done")
    jid = json.loads(started.stdout)["jid"]
    example = subprocess.Popen([program, instance.socket, jid], stdout=subprocess.PIPE, text=True)
    first = example.stdout.readline()  # it is attached
    instance.run("kill", "-s", "USR1", "--main", jid)
    out, _ = example.communicate(timeout=60)
    check(example.returncode == 0 and '"exit_code":9' in out, "the example in C follows a job to its end", first + out)
    refused = subprocess.run([program, instance.socket, "0x77"], capture_output=True, text=True, timeout=60, check=False)
    check("there is no job" in refused.stderr, "and says what is refused", refused)


def in_python(instance):
    target = subprocess.Popen(["sh", "-c", "read line; /bin/true; exit 3"], stdin=subprocess.PIPE)
    words = ["/usr/bin/python3", SOURCE / "contrib/examples/provider.py", instance.socket, str(target.pid)]
    example = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    first = example.stdout.readline()  # it is attached
    target.communicate(b"\n")  # what is not waited for has not ended for a parent, but for the kernel
    out, _ = example.communicate(timeout=60)
    check(example.returncode == 0 and "all have ended" in out, "the example in Python follows a process to its end", first + out)


def main():
    if corral.cgroup2_parent() is None:
        corral.skip("needs a writable cgroup v2 hierarchy")
    if why := ebpf_obstacle():
        corral.skip(why)
    with Instance() as instance, tempfile.TemporaryDirectory(prefix="corral-test-") as folder:
        in_c(instance, pathlib.Path(folder))
        in_python(instance)


main()
