#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""More than 2 MB of arguments arrive on every way to a job, and what the kernel takes no more gives one sentence: a word
over 128 KiB (MAX_ARG_STRLEN, execve(2)), or so much that our own words before the program's are too much."""

import hashlib
import os
import pathlib
import re
import resource
import shutil
import subprocess
import tempfile

from corral import COMMAND, Instance, check, equal, skip

try:
    import dbus
    import dbus.bus
except ImportError:
    skip("python3-dbus is not installed")

TOO_LONG = "Argument list too long"
WORDS = [f"{number:04}" + "x" * 20_996 for number in range(110)]
DIGEST = hashlib.sha256("\n".join(WORDS).encode() + b"\n").hexdigest()
SCRIPT = ["sh", "-c", r'printf "%s\n" "$@" | sha256sum', "sh"]


def large_stack():
    """The kernel takes a quarter of it for arguments, else 2 MB together with the environment."""
    hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
    resource.setrlimit(resource.RLIMIT_STACK, (64 << 20, hard))


def arrive(text, run):
    equal(run(*SCRIPT, *WORDS), f"{DIGEST}  -\n", f"{text}: {len(''.join(WORDS)) / 1e6:.2f} MB of arguments arrive")


def run_in(environment):
    def run(*words):
        result = subprocess.run([str(COMMAND), "run", "--", *words], env=environment, preexec_fn=large_stack,
                                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        equal((result.returncode, result.stderr), (0, ""), "it runs")
        return result.stdout
    return run


def run_detached(instance):
    def run(*words):
        result = instance.run("run", "-d", "--", *words, preexec_fn=large_stack)
        equal((result.returncode, result.stderr), (0, ""), "it is created")
        equal(instance.run("wait", result.stdout.strip()).returncode, 0, "it runs")
        return instance.run("log", result.stdout.strip()).stdout
    return run


def too_much(environment, text):
    """The most that this command can be given: with corral-init's words it is more than the kernel takes."""
    def run(size):
        words = ["x" * 100_000] * (size // 100_000) + ["x" * (size % 100_000)]
        return subprocess.run([str(COMMAND), "run", "--", "true", *words], env=environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, check=False)

    low, high = 1_000_000, 8_000_000  # it takes the one and not the other
    while high - low > 1:
        middle = (low + high) // 2
        try:
            result, low = run(middle), middle
        except OSError:
            high = middle
    result = run(low)
    equal((result.returncode, result.stdout), (126, ""), f"{text}: {low} bytes are as many as 'corral' can be given")
    check(re.fullmatch(f"corral: cannot execute 'true': {TOO_LONG}.*\n", result.stderr),
          f"they give one sentence: {result.stderr.strip()}")


def long_word(instance):
    """Only a program can ask for it: execve(2) does not let 'corral' have such a word."""
    bus = dbus.bus.BusConnection(f"unix:path={instance.socket}")
    manager = dbus.Interface(bus.get_object("org.corral.Manager1", "/org/corral/manager", introspect=False),
                             "org.corral.Manager1")
    try:
        manager.CreateJob({"Kind": "detached", "Env": dbus.Array(["PATH=/usr/bin:/bin"], signature="s"),
                           "Argv": dbus.Array(["true", "x" * (128 << 10)], signature="s")}, signature="a{sv}")
        told = None
    except dbus.exceptions.DBusException as error:
        told = error
    equal(told and told.get_dbus_name(), "org.corral.Error.NotExecutable", "a word of 128 KiB cannot be executed")
    jid = re.match("job (0x[0-9a-f]+) ", told.get_dbus_message())[1]
    equal(instance.run("wait", jid).returncode, 126, "its job ended with 126")
    equal(instance.facts("show", jid)["sentence"], f"cannot execute 'true': {TOO_LONG}", "and says why")


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="corral-test-"))
    environment = {"PATH": os.environ["PATH"], "CORRAL_RUNTIME_DIR": str(folder / "none"),
                   "CORRAL_PACCT": str(folder / "pacct")}
    try:
        arrive("embedded", run_in(environment))
        too_much(environment, "embedded")
        with Instance() as instance:
            arrive("under an instance", run_in(instance.environment))
            arrive("detached", run_detached(instance))
            too_much(instance.environment, "under an instance")
            long_word(instance)
            equal(instance.run("ps", "--no-header").stdout, "", "no job is left")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


main()
