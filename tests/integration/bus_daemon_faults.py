# SPDX-License-Identifier: Apache-2.0
"""A message bus that comes late, is stopped, is killed and comes back delays
nobody: the instance's loop never waits for it, clients of the private socket
are served throughout, and the name is there again when the bus is."""

import os
import shutil
import signal
import subprocess
import time

from corral import check, equal, skip, wait_until
from fake_instance import FakeInstance, RawClient, call_message, text
from private_bus import Bus

try:
    import dbus
    import dbus.bus
except ImportError:
    skip("python3-dbus is not installed")
if not shutil.which("dbus-daemon"):
    skip("dbus-daemon is not installed")

NAME = "org.corral.Manager1"
LATENCY_US = 10_000


def ask_private(instance, count):
    client = RawClient(instance.socket)
    for serial in range(1, count + 1):
        client.send(call_message("FindJob", text("nobody"), "s", serial=serial))
        if b"NoSuchJob" not in client.receive():
            return False
    client.close()
    return True


def check_prompt(instance, state):
    instance.ask("latency")
    check(ask_private(instance, 200), f"{state}: the private socket is served")
    instance.ask("storm 500")
    check(ask_private(instance, 200), f"{state}: and after 500 jobs came and went")
    longest = int(instance.ask("latency"))
    return longest


def manager_on(bus):
    connection = dbus.bus.BusConnection(bus.address)
    return connection, dbus.Interface(
        connection.get_object(NAME, "/org/corral/manager", introspect=False),
        NAME)


def check_callers(bus, instance):
    connection, manager = manager_on(bus)
    jid, path, _ = manager.CreateJob(
        {"Argv": dbus.Array(["sleep"], signature="s")}, signature="a{sv}")
    equal(int(manager.ShowJob(jid)["Uid"]), os.geteuid(),
          "the caller's uid is the bus's word")
    try:
        manager.ShowJob(12345, signature="t")
        check(False, "a job that does not exist")
    except dbus.DBusException as error:
        equal(error.get_dbus_name(), "org.corral.Error.NoSuchJob",
              "our errors cross the bus")
    waiter = subprocess.Popen(
        ["busctl", f"--address={bus.address}", "--timeout=60", "call", NAME,
         "/org/corral/manager", NAME, "Wait", "t", str(jid)],
        stdout=subprocess.PIPE, text=True)
    wait_until(lambda: instance.ask("waits").split()[0] == "1",
               what="the open wait")
    waiter.kill()
    waiter.wait()
    wait_until(lambda: instance.ask("waits") == "0 1",
               what="the wait of a caller that left to be forgotten")
    check(True, "a wait is forgotten when its caller leaves the bus")
    waiter = subprocess.Popen(
        ["busctl", f"--address={bus.address}", "--timeout=60", "call", NAME,
         "/org/corral/manager", NAME, "Wait", "t", str(jid)],
        stdout=subprocess.PIPE, text=True)
    wait_until(lambda: instance.ask("waits").split()[0] == "1",
               what="the second wait")
    instance.ask(f"finish {jid}")
    out, _ = waiter.communicate(timeout=10)
    check('"Result" s "exited"' in out, "Wait answers over the bus")
    connection.close()


def check_signals(bus, instance):
    """JobRemoved follows the answer of Wait: both are in order on the bus."""
    monitor = subprocess.Popen(
        ["dbus-monitor", "--address", bus.address, "path=/org/corral/manager",
         "interface=org.freedesktop.DBus.Properties"],
        stdout=subprocess.PIPE, text=True)
    for _ in range(2):
        monitor.stdout.readline()
    time.sleep(0.2)
    instance.ask("storm 1")
    seen = []
    while not any("JobRemoved" in line for line in seen):
        seen.append(monitor.stdout.readline())
    text_seen = "".join(seen)
    check(text_seen.index("member=JobNew") < text_seen.index("member=JobRemoved"),
          "JobNew and JobRemoved go to the bus, in order")
    monitor.kill()
    monitor.wait()


bus = Bus()
try:
    with FakeInstance(bus.address) as instance:
        check_prompt(instance, "no bus")
        equal(instance.ask("bus"), "0", "an instance without a bus has no name")
        bus.start()
        wait_until(lambda: instance.ask("bus") == "1", what="the name")
        check(True, "the bus came later: the name is there")
        check_callers(bus, instance)
        check_signals(bus, instance)
        longest = check_prompt(instance, "the bus answers")

        bus.signal(signal.SIGSTOP)
        longest = check_prompt(instance, "the bus is stopped")
        check(longest < LATENCY_US,
              f"the bus is stopped: the longest round took {longest} us")
        for _ in range(10):
            instance.ask("storm 1000")
        longest = check_prompt(instance, "stopped, its socket full")
        check(longest < LATENCY_US,
              f"stopped, its socket full: the longest round took {longest} us")
        bus.signal(signal.SIGCONT)
        wait_until(lambda: instance.ask("bus") == "1", what="the name")
        check(True, "it goes on: the name is there")

        for _ in range(3):
            bus.kill()
            wait_until(lambda: instance.ask("bus") == "0", what="no name")
            longest = check_prompt(instance, "the bus was killed")
            check(longest < LATENCY_US,
                  f"the bus was killed: the longest round took {longest} us")
            bus.start()
            wait_until(lambda: instance.ask("bus") == "1", what="the name")
        connection, manager = manager_on(bus)
        manager.CreateJob({"Argv": dbus.Array(["x"], signature="s")},
                          signature="a{sv}")
        connection.close()
        check(True, "killed and started three times: the name is there")

        bus.kill()
        os.unlink(f"{bus.directory}/bus")
        wait_until(lambda: instance.ask("bus") == "0", what="no name")
        time.sleep(3)

        def switches():
            with open(f"/proc/{instance.process.pid}/status") as status:
                return sum(int(line.split()[1]) for line in status
                           if "ctxt_switches" in line)
        before = switches()
        time.sleep(3)
        check(switches() - before == 0,
              "with the bus gone, nothing wakes the instance")
finally:
    bus.remove()
