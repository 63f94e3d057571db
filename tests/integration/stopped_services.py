#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the real supervisor asks of others hangs: the name service (its worker is stopped) and the message bus (stopped,
killed, started again), while jobs run. Calls on the private socket take less than 10 ms throughout. The bus has the
policy of a system bus and contrib/dbus/org.corral.conf on top."""

import os
import pathlib
import shutil
import signal
import subprocess
import time

from corral import SOURCE, Instance, check, children_of, equal, fail, is_alive, needs_root, skip, wait_until
from fake_instance import RawClient, call_message, text
from private_bus import SYSTEM, Bus

LIMIT_MS = 10.0
CALLS, ROUNDS = 200, 5
MANAGER = ["org.corral.Manager1", "/org/corral/manager", "org.corral.Manager1"]


def longest_call(instance):
    """The longest of 200 calls on the private socket, in ms."""
    client = RawClient(str(instance.socket))
    longest = 0
    for serial in range(1, CALLS + 1):
        begin = time.perf_counter()
        client.send(call_message("FindJob", text("nobody"), "s", serial=serial))
        while b"NoSuchJob" not in (data := client.receive()):  # signals come between
            if not data:
                fail("the private socket was closed")
        longest = max(longest, (time.perf_counter() - begin) * 1e3)
    client.close()
    return longest


def check_prompt(instance, state):
    """Other programs may take the processor from us for 10 ms in one round; who waits for another does in each."""
    rounds = []
    while not rounds or min(rounds) >= LIMIT_MS and len(rounds) < ROUNDS:
        rounds.append(longest_call(instance))
    check(min(rounds) < LIMIT_MS, f"{state}: the longest of {CALLS} calls took {min(rounds):.2f} ms", rounds)


def names_worker(instance):
    def is_names(pid):
        return b"--worker=names" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()

    return next((pid for pid in children_of(instance.supervisor) if is_names(pid)), None)


def as_nobody(instance):
    return instance.popen("run", "-d", "-u", "nobody", "--", "id", "-u", stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)


def names(instance):
    jid = instance.run("run", "-d", "-u", "nobody", "--", "id", "-u").stdout.strip()
    equal(instance.run("wait", jid).returncode, 0, "run -d -u nobody")
    equal(instance.run("log", jid).stdout, "65534\n", "is nobody")
    worker = names_worker(instance)
    os.kill(worker, signal.SIGSTOP)
    asking = as_nobody(instance)
    check_prompt(instance, "the name service hangs")
    equal(asking.poll(), None, "who asked for a user still waits")
    jid = instance.run("run", "-d", "--", "true").stdout.strip()
    equal(instance.run("wait", jid).returncode, 0, "who did not has his job meanwhile")
    os.kill(worker, signal.SIGCONT)
    out, err = asking.communicate(timeout=20)
    equal((asking.returncode, err), (0, ""), "it goes on: the job is created")
    equal(instance.run("wait", out.strip()).returncode, 0, "and runs")
    equal(instance.run("log", out.strip()).stdout, "65534\n", "as nobody")

    os.kill(worker, signal.SIGSTOP)
    begin = time.monotonic()
    asking = as_nobody(instance)
    out, err = asking.communicate(timeout=30)
    took = time.monotonic() - begin
    check(9.5 < took < 14, f"a name service that hangs on is given up after {took:.1f} s")
    equal((asking.returncode, out, err),
          (69, "", "corral: looking up user 'nobody' took more than 10 s; is a name service of /etc/nsswitch.conf "
                   "down?\n"), "said in one sentence")
    wait_until(lambda: not is_alive(worker), what="the end of the worker")
    jid = instance.run("run", "-d", "-u", "nobody", "--", "id", "-u").stdout.strip()
    equal(instance.run("wait", jid).returncode, 0, "the next one has a new worker")


def busctl(bus, *words, **options):
    return subprocess.run(["busctl", f"--address={bus.address}", "--timeout=5", *words], capture_output=True, text=True,
                          timeout=30, check=False, **options)


def has_name(bus):
    return MANAGER[0] in busctl(bus, "list", "--acquired", "--no-legend").stdout


def policy(bus):
    """As anybody else: may call, may not have the name."""
    result = busctl(bus, "call", *MANAGER, "ListJobs", "a{sv}tu", "0", "0", "10", user="nobody")
    equal(result.returncode, 0, "another user may call")
    result = busctl(bus, "call", "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName",
                    "su", "org.corral.Manager1", "4", user="nobody")
    check(result.returncode != 0 and "Access denied" in result.stderr, "but not have the name", result.stderr)
    result = busctl(bus, "introspect", *MANAGER, user="nobody")
    check("CreateJob" in result.stdout, "and look what there is", result.stderr)


def message_bus(instance, bus):
    jid = int(instance.facts("run", "-d", "-n", "long", "--", "sleep", "1000")["jid"], 16)
    wait_until(lambda: has_name(bus), what="the name on the bus")
    check(True, "the real supervisor has its name on a bus with contrib/dbus/org.corral.conf")
    shown = busctl(bus, "call", *MANAGER, "ShowJob", "t", str(jid))
    check('"State" s "running"' in shown.stdout, "busctl sees the job", shown.stdout, shown.stderr)
    policy(bus)
    check_prompt(instance, "the bus answers")
    bus.signal(signal.SIGSTOP)
    check_prompt(instance, "the bus is stopped")
    equal(instance.run("run", "--", "sh", "-c", "exit 3").returncode, 3, "jobs come and go meanwhile")
    bus.signal(signal.SIGCONT)
    check("running" in busctl(bus, "call", *MANAGER, "ShowJob", "t", str(jid)).stdout, "it goes on: busctl is answered")
    for _ in range(2):
        bus.kill()
        check_prompt(instance, "the bus was killed")
        equal(instance.run("run", "--", "sh", "-c", "exit 3").returncode, 3, "jobs come and go meanwhile")
        bus.start()
        wait_until(lambda: has_name(bus), what="the name on the new bus")
        check("running" in busctl(bus, "call", *MANAGER, "ShowJob", "t", str(jid)).stdout,
              "started again: the name is back and the job is there")
    reaper = instance.reaper
    os.kill(instance.supervisor, signal.SIGKILL)
    wait_until(lambda: has_name(bus), what="the name of the next supervisor")
    equal((instance.reaper, instance.facts("show", f"{jid:#x}")["state"]), (reaper, "running"),
          "the next supervisor has the name, and the job")


needs_root()
if not shutil.which("dbus-daemon"):
    skip("dbus-daemon is not installed")
the_bus = Bus(SYSTEM, SOURCE / "contrib" / "dbus" / "org.corral.conf")
try:
    the_bus.start()
    with Instance(bus=the_bus.address) as the_instance:
        names(the_instance)
        message_bus(the_instance, the_bus)
finally:
    the_bus.remove()
