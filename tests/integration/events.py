# SPDX-License-Identifier: Apache-2.0
"""corral events, and the descriptor behind it: every event in order, jobs of
others too but nothing that may not be seen, limits, restarts of the supervisor,
readers that stop, pipes, and a site's operators."""

import json
import os
import signal
import socket
import subprocess
import time

import corral
from corral import check, equal, wait_until


class Lines:
    """`corral events ARGUMENTS` and the lines that it has printed."""

    def __init__(self, instance, *arguments):
        self.process = instance.popen("events", *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        os.set_blocking(self.process.stdout.fileno(), False)
        os.set_blocking(self.process.stderr.fileno(), False)
        self.text = ""
        self.complaints = ""

    def read(self):
        self.text += (self.process.stdout.read() or b"").decode()
        self.complaints += (self.process.stderr.read() or b"").decode()
        return self.text.splitlines()

    def wait_for(self, text, what=None):
        wait_until(lambda: any(text in line for line in self.read()), what=what or f"an event with {text!r}")

    def end(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(20)


def jid_of(instance, *arguments):
    return json.loads(instance.run("run", "-d", "--json", *arguments).stdout)["jid"]


def subscribe(instance):
    """The descriptor itself, through a binding that knows nothing of Corral."""
    import dbus.bus

    bus = dbus.bus.BusConnection(f"unix:path={instance.socket}")
    manager = dbus.Interface(bus.get_object("org.corral.Manager1", "/org/corral/manager"), "org.corral.Manager1")
    return bus, socket.socket(fileno=manager.Subscribe([]).take())


def follows_everything(instance):
    lines = Lines(instance, "--json")
    lines.wait_for('"begin"')
    jid = jid_of(instance, "--name", "short", "--", "sh", "-c", "exit 7")
    equal(instance.run("wait", "short").returncode, 7, "the job ends with 7")
    lines.wait_for('"ended"')
    events = [json.loads(line) for line in lines.read()]
    of_job = [event for event in events if event.get("jid") == jid]
    equal(of_job[0]["event"], "new", "the first event of a job is that it is new")
    equal(of_job[-1]["event"], "ended", "the last is its end")
    equal((of_job[-1]["result"], of_job[-1]["exit_code"], of_job[-1]["shell_code"]), ("exited", 7, 7), "with its result")
    numbers = [event["number"] for event in events]
    equal(numbers, sorted(numbers), "events come in the order of their numbers")
    check(all(event["event"] in ("changed", "new", "ended") for event in of_job), "and between are changes")
    check(any(event["main_pid"] for event in of_job), "one of which names the main process")
    equal(lines.end(), -signal.SIGINT, "^C ends it as a shell expects")
    equal(lines.complaints, "", "and nothing is complained of")


def follows_one_job(instance):
    other = jid_of(instance, "--", "sleep", "100")
    jid_of(instance, "--name", "one", "--", "sh", "-c", "sleep 0.5")
    lines = Lines(instance, "one")
    equal(lines.process.wait(20), 0, "with a job it ends when the job has ended, with 0")
    text = lines.read()
    check(text and "ended: exited with code 0" in text[-1], "its last line is the end", text)
    check(not any(other in line for line in text), "no other job is told of", text)
    equal(instance.run("events", "one").returncode, 0, "one that has ended already is told at once")
    check("ended" in instance.run("events", "one").stdout, "with its end")
    equal(instance.run("events", "nosuch").returncode, 66, "one that is not there is an error")
    instance.run("kill", "-g", "0", other)


def tells_of_limits(instance):
    lines = Lines(instance, "--json")
    lines.wait_for('"begin"')
    jid_of(instance, "--limit", "wall=200ms", "--name", "bounded", "--grace", "0", "--", "sleep", "100")
    lines.wait_for('"limit",')
    event = next(json.loads(line) for line in lines.read() if '"event":"limit"' in line)
    equal((event["limit"]["kind"], event["limit"]["bound"]), ("wall time", 200000), "a limit that is passed is told")
    lines.end()


def goes_on_after_a_restart(instance):
    lines = Lines(instance, "--json")
    lines.wait_for('"begin"')
    jid_of(instance, "--name", "long", "--", "sleep", "100")
    one = Lines(instance, "long")
    lines.wait_for('"main_pid":')
    time.sleep(0.2)
    before = instance.supervisor
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: instance.supervisor not in (None, before), what="the next supervisor")
    wait_until(lambda: sum('"begin"' in line for line in lines.read()) == 2, what="the second subscription")
    wait_until(lambda: "events may be missing" in (lines.read(), lines.complaints)[1], what="the message")
    check(True, "after a restart it subscribes again and says that events may be missing")
    instance.run("kill", "-g", "0", "long")
    lines.wait_for('"ended"')
    equal(one.process.wait(20), 0, "the follower of one job sees its end")
    lines.end()


def ends_with_its_reader(instance):
    events = instance.popen("events", "--json", stdout=subprocess.PIPE)
    check(b"begin" in events.stdout.readline(), "in a pipe the first line comes at once")
    jid_of(instance, "--", "true")
    check(b"new" in events.stdout.readline(), "and every other as it happens")
    events.stdout.close()
    equal(events.wait(20), -signal.SIGPIPE, "it ends when nobody reads it, without an event")


def bounds_a_reader_that_stops(instance):
    bus, stopped = subscribe(instance)
    for _ in range(60):
        instance.run("run", "--", "true")
    check(instance.run("run", "--", "true").returncode == 0, "jobs run beside a subscriber that does not read")
    first = json.loads(stopped.recv(65536).decode().splitlines()[0])
    equal((first["event"], first["format"]), ("begin", 1), "its first line is the beginning")
    stopped.close()
    bus.close()


def tells_operators(work):
    """As root: corral.toml makes a group operators; others stay what they are."""
    if os.geteuid() != 0:
        return corral.not_checked("needs root")
    config = work / "corral.toml"
    config.write_text("[authority]\noperators = [\"60001\"]\n[jobs]\nremember = 2\n")
    with corral.Instance(options=["--config", config]) as instance:
        for folder in (instance.folder, instance.runtime):
            folder.chmod(0o755)
        jid_of(instance, "--user", "65534", "--name", "theirs", "--", "sleep", "100")
        words = [str(corral.COMMAND), "kill", "-s", "USR2"]

        def kill(job, user, group):
            return subprocess.run([*words, job], env=instance.environment, user=user, group=group, extra_groups=[group],
                                  capture_output=True, text=True, check=False)

        jid_of(instance, "--name", "roots", "--", "sleep", "100")
        stranger = kill("roots", 60002, 60003)
        equal(stranger.returncode, 77, f"a stranger may not signal root's job ({stranger.stderr})")
        operator = kill("roots", 60002, 60001)
        equal(operator.returncode, 77, "nor may an operator")
        for number in range(4):
            instance.run("run", "--name", f"ended{number}", "--", "true")
        equal(instance.run("show", "ended0").returncode, 66, "as many ended jobs are remembered as the site says")
        equal(instance.run("wait", "ended3").returncode, 0, "and can be waited for")
    config.write_text("[authority]\noperators = 5\n")
    with corral.Instance(options=["--config", config]) as instance:
        check("corral.toml:2: authority.operators: the value is 5, expected an array of groups" in instance.stderr(),
              "what is wrong in the file is told with its place, and the instance runs", instance.stderr())


def main():
    for engine in corral.engines():
        with corral.Instance(engine=engine) as instance:
            print(f"# {engine}")
            follows_everything(instance)
            follows_one_job(instance)
            tells_of_limits(instance)
            goes_on_after_a_restart(instance)
            ends_with_its_reader(instance)
            bounds_a_reader_that_stops(instance)
    with corral.Instance() as instance:
        tells_operators(instance.folder)


main()
