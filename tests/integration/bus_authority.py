# SPDX-License-Identifier: Apache-2.0
"""D-Bus in full on a bus of the test's own with a system bus's policy and
contrib/dbus/org.corral.conf: objects come and go, properties change, events
come on a descriptor, and who may do what is decided by user, by group and, if
it is there, by the real polkitd."""

import json
import os
import pathlib
import pty
import pwd
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree

import corral
from corral import SOURCE, check, equal, wait_until
from private_bus import OPEN, SYSTEM, Bus

NAME = "org.corral.Manager1"
MANAGER = "/org/corral/manager"
POLKITD = "/usr/lib/polkit-1/polkitd"
OPERATORS = 60001
STRANGER = 1  # daemon; 2 is bin, 5 games: the bus must know its users
SCHEDULER = 5
LAB_OPERATOR = 6  # man
LAB_GROUP = 60002
ASKED = 13  # proxy
# Which action the rules of polkit grant to whom.
GRANTED = {"nobody": "org.corral.control-jobs", "lp": "org.corral.inspect-jobs", "news": "org.corral.create-jobs-for-others",
           "uucp": "org.corral.manage-instance"}


def call(bus, *words, user=None, groups=()):
    """busctl as a user; returns code, output, complaint."""
    options = {} if user is None else {"user": user, "group": user, "extra_groups": list(groups)}
    done = subprocess.run(["busctl", f"--address={bus.address}", "--timeout=20", *map(str, words)], text=True,
                          capture_output=True, timeout=60, check=False, **options)
    return done.returncode, done.stdout.strip(), done.stderr.strip()


def method(bus, member, *arguments, **options):
    return call(bus, "call", NAME, MANAGER, NAME, member, *arguments, **options)


def jid_of(instance, *words):
    return int(json.loads(instance.run("run", "-d", "--json", *words).stdout)["jid"], 16)


def path_of(jid):
    return f"/org/corral/job/j{jid:016x}"


def objects(bus, instance):
    """GetManagedObjects, and the signals of who listens by gdbus."""
    out = bus.directory + "/monitor"
    with open(out, "wb") as file:
        monitor = subprocess.Popen(["gdbus", "monitor", "-a", bus.address, "-d", NAME], stdout=file)
    wait_until(lambda: b"owned by" in pathlib.Path(out).read_bytes(), what="the monitor")
    jid = jid_of(instance, "--name", "seen", "--limit", "wall=1s", "--grace", "0", "--", "sleep", "100")
    code, text, err = call(bus, "call", NAME, "/org/corral", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
    check(code == 0 and path_of(jid) in text and MANAGER in text, f"GetManagedObjects has manager and job {err}", text)
    check('"Name" s "seen"' in text, "with its properties")
    instance.run("wait", f"{jid:x}")
    said = wait_until(lambda: (text := pathlib.Path(out).read_text()).count("JobRemoved") and text, what="JobRemoved")
    check(f"InterfacesAdded (objectpath '{path_of(jid)}'" in said, "InterfacesAdded tells of a new object", said)
    check("PropertiesChanged ('org.corral.Job1', {" in said and "'State': <'ended'>" in said, "PropertiesChanged of a state")
    check(".LimitHit (" in said and "'wall time'" in said, "LimitHit of a limit that was passed", said)
    soft = jid_of(instance, "--limit", "wall=300ms:60s/signal=USR1", "--", "sh", "-c", "trap '' USR1; while :; do sleep 0.1; done")
    told = f".SoftLimitHit (uint64 {soft}, objectpath '{path_of(soft)}', 'wall time', uint64 "
    said = wait_until(lambda: (text := pathlib.Path(out).read_text()).count(told) and text, what="SoftLimitHit")
    value, bound, number = said.split(told)[1].split(")")[0].replace("uint64 ", "").split(", ")
    check(int(value) >= 300000 and (bound, number) == ("300000", "10"), "SoftLimitHit of a soft bound, with the signal", value, bound, number)
    equal(instance.facts("show", f"0x{soft:x}")["state"], "running", "the job goes on")
    inner = jid_of(instance, "--parent", f"0x{soft:x}", "--", "sleep", "100")
    instance.run("freeze", f"0x{soft:x}")
    changed = f"{path_of(inner)}: org.freedesktop.DBus.Properties.PropertiesChanged ('org.corral.Job1', {{"
    told_of_inner = lambda: [line.split("'FreezerState': <'")[1].split("'")[0] for line in pathlib.Path(out).read_text().splitlines()
                             if line.startswith(changed) and "'FreezerState'" in line]  # fmt: skip
    wait_until(lambda: told_of_inner()[-1:] == ["frozen-by-parent"], what="PropertiesChanged of a nested job")
    instance.run("thaw", f"0x{soft:x}")
    wait_until(lambda: told_of_inner()[-1:] == ["running"], what="PropertiesChanged of a nested job that goes on")
    instance.run("kill", "-g", "0", f"0x{soft:x}")
    said = wait_until(lambda: (text := pathlib.Path(out).read_text()).count(f"JobRemoved (uint64 {soft},") and text, what="its JobRemoved")
    equal((said.count(told), f".LimitHit (uint64 {soft}," in said), (1, False), "it was told once, and no hard one")
    for _ in range(3):
        instance.run("run", "--", "true")
    wait_until(lambda: f"InterfacesRemoved (objectpath '{path_of(jid)}', ['org.corral.Job1'])"
               in pathlib.Path(out).read_text(), what="InterfacesRemoved")
    check(True, "InterfacesRemoved tells that an ended job was forgotten")
    monitor.kill()
    monitor.wait()
    many = [jid_of(instance, "--", "sleep", "100") for _ in range(140)]
    _, text, _ = call(bus, "call", NAME, "/org/corral", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
    check(all(path_of(jid) in text for jid in many), "many objects come in one answer")
    code, text, err = method(bus, "ListJobRows", "a{sv}tu", 0, 0, 1000)
    check(code == 0 and all(str(jid) in text for jid in many), f"ListJobRows has them all {err}")
    for jid in many:
        method(bus, "EndJob", "ta{sv}", jid, 1, "GraceUSec", "t", 0)


def python(bus, instance):
    import dbus.bus

    connection = dbus.bus.BusConnection(bus.address)
    manager = dbus.Interface(connection.get_object(NAME, MANAGER, introspect=False), NAME)
    events = os.fdopen(manager.Subscribe(["job"]).take(), "rb", buffering=0)
    check(b'"begin"' in events.read(65536), "Subscribe gives a descriptor over the bus")
    jid = jid_of(instance, "--", "sleep", "100")
    text = b""
    while b'"main_pid":' not in text:
        text += events.read(65536)
    check(f"{jid:#x}".encode() in text, "on which events come")
    waits = jid_of(instance, "--", "sleep", "1000")
    words = ("call", NAME, MANAGER, NAME, "Wait", "t", str(waits))
    began = time.monotonic()
    code, _, err = call(bus, "--timeout=1", *words)
    check(code != 0 and time.monotonic() - began < 20, "a client that gives up loses the answer of Wait", err)
    equal(instance.facts("show", f"0x{waits:x}")["state"], "running", "and not the job")
    end = threading.Timer(1.5, instance.run, ("kill", "-g", "0", f"0x{waits:x}"))
    end.start()
    code, out, err = call(bus, "--timeout=60", *words)
    end.join()
    check(code == 0 and '"State" s "ended"' in out, "one that has time has it, through the bus", out, err)
    usage = manager.GetUsage(dbus.UInt64(jid))
    check(usage["State"] == "running" and usage.get("Processes", 1) == 1, "GetUsage has counters", usage)
    try:
        manager.Subscribe(["colours"])
        corral.fail("a class that is not known was taken")
    except dbus.DBusException as error:
        equal(str(error.get_dbus_name()), "org.corral.Error.Invalid", "a class that is not known is refused")
    method(bus, "EndJob", "ta{sv}", jid, 1, "GraceUSec", "t", 0)
    events.close()
    connection.close()


def of_project(bus, instance):
    """Operators of a project, by user and by group: for the jobs that are charged to it, and for no other."""
    spec = ("CreateJob", "a{sv}", 3, "Argv", "as", 4, "env", "WORD=secret-word", "sleep", "100", "Kind", "s", "detached",
            "Project", "s")
    jobs = {}
    for project in ("lab", "other"):
        code, text, err = method(bus, *spec, project, user=STRANGER)
        equal(code, 0, f"a job is charged to '{project}' {err}")
        jobs[project] = int(text.split()[1])
    roots = jid_of(instance, "--project", "lab", "--", "sleep", "100")
    for what, caller in (("the user", {"user": LAB_OPERATOR}), ("a member of the group", {"user": STRANGER + 1, "groups": [LAB_GROUP]})):
        code, text, err = method(bus, "ShowJob", "t", jobs["lab"], **caller)
        check(code == 0 and "secret-word" in text, f"{what} that operates a project inspects its jobs {err}", text)
        code, _, err = method(bus, "Signal", "tis", jobs["lab"], 18, "all", **caller)
        equal(code, 0, f"and signals them {err}")
        code, text, _ = method(bus, "ShowJob", "t", jobs["other"], **caller)
        check("secret-word" not in text, "not those of another", text)
        code, _, err = method(bus, "Signal", "tis", jobs["other"], 18, "all", **caller)
        check(code != 0 and "belongs to uid" in err, "and does not signal them", err)
        code, _, err = method(bus, "Signal", "tis", roots, 18, "all", **caller)
        check(code != 0, "nor root's", err)
    code, _, err = method(bus, "EndJob", "ta{sv}", jobs["lab"], 1, "GraceUSec", "t", 0, user=LAB_OPERATOR)
    equal(code, 0, f"a project's operator ends its job {err}")
    for jid in (jobs["other"], roots):
        method(bus, "EndJob", "ta{sv}", jid, 1, "GraceUSec", "t", 0)


def decides(bus, instance):
    """By user and by group, as the bus tells them."""
    spec = ("CreateJob", "a{sv}", 2, "Argv", "as", 2, "sleep", "100", "Kind", "s", "detached")
    code, text, err = method(bus, *spec, user=STRANGER)
    equal(code, 0, f"anybody may make a job over the bus {err}")
    theirs = int(text.split()[1])
    roots = jid_of(instance, "--", "sleep", "100")
    signal = ("Signal", "tis")
    code, _, err = method(bus, *signal, theirs, 18, "all", user=STRANGER + 1)
    check(code != 0 and "belongs to uid" in err, "a stranger may not signal it", err)
    code, _, err = method(bus, *signal, theirs, 18, "all", user=STRANGER + 1, groups=[OPERATORS])
    equal(code, 0, f"a member of the operators' group may {err}")
    code, _, err = method(bus, *signal, roots, 18, "all", user=STRANGER + 1, groups=[OPERATORS])
    check(code != 0, "but not root's job", err)
    code, text, err = method(bus, "ShowJob", "t", roots, user=STRANGER)
    check(code == 0 and "Argv" not in text, "others see that it is there, and not its arguments", text)
    code, _, err = method(bus, "GetProcesses", "t", roots, user=STRANGER)
    check(code != 0, "nor its processes")
    of_project(bus, instance)
    for user, wanted in ((STRANGER, False), (SCHEDULER, True)):
        code, _, err = method(bus, "CreateJob", "a{sv}", 3, "Argv", "as", 1, "true", "Kind", "s", "detached", "User", "s",
                              "65534", user=user)
        equal(code == 0, wanted, f"uid {user} {'may' if wanted else 'may not'} make jobs for others {err}")
    code, _, err = method(bus, "CreateJob", "a{sv}", 3, "Argv", "as", 1, "true", "Kind", "s", "detached", "User", "s", "0",
                          user=SCHEDULER)
    check(code != 0, "a scheduler may not make jobs of root's")
    for user, wanted in ((STRANGER, False), (SCHEDULER, True)):
        chosen = roots + 1000 + user
        code, text, err = method(bus, "CreateJob", "a{sv}", 3, "Argv", "as", 1, "true", "Kind", "s", "detached", "Jid", "t",
                                 chosen, user=user)
        equal(code == 0 and int(text.split()[1]) == chosen, wanted,
              f"uid {user} {'may' if wanted else 'may not'} choose a jid {err}")
    for member in ("Reexec", "ShutDown"):
        code, _, err = method(bus, member, user=SCHEDULER)
        check(code != 0 and "may not" in err, f"{member} is root's", err)
    for member in ("Switch", "Off", "On"):
        code, _, err = call(bus, "call", NAME, MANAGER, "org.corral.Accounting1", member, user=SCHEDULER)
        check(code != 0 and "may not" in err, f"so is {member} of the accounting file", err)
    code, out, err = call(bus, "call", NAME, MANAGER, "org.corral.Accounting1", "Status", user=STRANGER)
    check(code == 0 and '"On" b true' in out, "its status is everybody's", out, err)
    return theirs


def each_action(bus, instance, theirs, is_there):
    """What polkit grants by each action to who has it, and that it grants nothing of the others. Without polkit nobody has anything."""
    made = ("CreateJob", "a{sv}", 3, "Argv", "as", 1, "whoami", "Kind", "s", "detached", "User", "s", "bin")
    calls = {"org.corral.inspect-jobs": ("GetProcesses", "t", theirs), "org.corral.control-jobs": ("Signal", "tis", theirs, 18, "all"),
             "org.corral.create-jobs-for-others": made, "org.corral.manage-instance": ("Reexec",)}
    for name, granted in GRANTED.items():
        user = pwd.getpwnam(name).pw_uid
        for action, words in calls.items():
            supervisor = instance.supervisor
            code, out, err = method(bus, *words, user=user)
            equal(code == 0, is_there and action == granted, f"polkit {'lets' if code == 0 else 'does not let'} '{name}' {words[0]} {err}")
            if code == 0 and words == made:
                jid = f"{int(out.split()[1]):#x}"
                instance.run("wait", jid)
                equal(instance.run("log", jid).stdout, "bin\n", "the job runs as the other user")
            if code == 0 and words[0] == "Reexec":
                wait_until(lambda before=supervisor: instance.supervisor not in (None, before), what="another supervisor")
                wait_until(lambda: NAME in call(bus, "list")[1] and method(bus, "GetJob", "t", theirs)[0] == 0, what="our name on the bus")


def asks_a_person(bus, theirs):
    """A caller who allows it is asked for a password by his polkit agent (here pkttyagent(1), on a terminal, and PAM lets everybody
    in); who does not is denied, and nobody is asked."""
    work = pathlib.Path(bus.directory)
    folder = work / "pam.d"
    folder.mkdir()
    (folder / "polkit-1").write_text("auth required pam_permit.so\naccount required pam_permit.so\n")
    for allows in (True, False):
        words = [f"--allow-interactive-authorization={'yes' if allows else 'no'}", f"--address={bus.address}", "--timeout=30"]
        caller = subprocess.Popen(["sh", "-c", 'read -r _; exec busctl "$@"', "sh", *words, "call", NAME, MANAGER, NAME, "Signal", "tis",
                                   str(theirs), "18", "all"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, user=ASKED,
                                  group=ASKED, extra_groups=[])
        ready, shut = os.pipe()  # the agent shuts it when it is registered
        os.set_inheritable(shut, True)
        # Its helper, which has no environment, looks for the bus at its usual place.
        script = f"""set -e
mount --bind {folder} /etc/pam.d
mount -t tmpfs none /run
mkdir /run/dbus
ln -s {work}/bus /run/dbus/system_bus_socket
exec pkttyagent --process {caller.pid} --notify-fd {shut}"""
        agent, terminal = pty.fork()
        if agent == 0:
            os.execvp("unshare", ["unshare", "-m", "sh", "-c", script])
        os.close(shut)
        try:
            equal((select.select([ready], [], [], 20)[0], os.read(ready, 1)), ([ready], b""), "a polkit agent is there")
            _, complaint = caller.communicate("go\n", timeout=40)
            equal(caller.returncode == 0, allows, f"a caller who {'allows' if allows else 'does not allow'} that a person is asked {complaint}")
            os.set_blocking(terminal, False)
            try:
                asked = os.read(terminal, 65536).decode()
            except OSError:
                asked = ""
            equal("Authentication is required to control jobs of other users" in asked, allows, f"a person {'is' if allows else 'is not'} asked, in our words {asked}")
        finally:
            caller.kill()
            caller.wait()
            os.kill(agent, signal.SIGKILL)
            os.waitpid(agent, 0)
            os.close(terminal)
            os.close(ready)


def asks_polkit(bus, instance, theirs):
    """The real polkitd, with our actions and one rule, in a mount namespace of its own."""
    if not os.path.exists(POLKITD):
        return corral.not_checked("needs polkitd")
    if not corral.has_namespaces():
        return corral.not_checked("needs a mount namespace")
    work = pathlib.Path(bus.directory)
    rule = work / "10-corral.rules"
    rule.write_text(f"""polkit.addRule(function(action, subject) {{
  if ({json.dumps(GRANTED)}[subject.user] == action.id) return polkit.Result.YES;
}});
polkit.addAdminRule(function(action, subject) {{ return ["unix-user:root"]; }});""")
    script = f"""set -e
mount -t tmpfs none /usr/share/polkit-1/actions
mount -t tmpfs none /etc/polkit-1
mkdir /etc/polkit-1/rules.d
cp {SOURCE}/contrib/dbus/org.corral.policy /usr/share/polkit-1/actions
cp {rule} /etc/polkit-1/rules.d
chmod -R a+rX /etc/polkit-1 /usr/share/polkit-1/actions
exec {POLKITD} --no-debug"""
    before = method(bus, "Signal", "tis", theirs, 18, "all", user=65534)
    check(before[0] != 0, "without polkit what is denied is denied")
    each_action(bus, instance, theirs, is_there=False)
    polkit = subprocess.Popen(["unshare", "-m", "sh", "-c", script], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              env=dict(os.environ, DBUS_SYSTEM_BUS_ADDRESS=bus.address))
    try:
        wait_until(lambda: "org.freedesktop.PolicyKit1" in call(bus, "list")[1], seconds=20, what="polkitd")
        code, _, err = method(bus, "Signal", "tis", theirs, 18, "all", user=65534)
        equal(code, 0, f"polkit grants what its rule says {err}")
        code, _, err = method(bus, "GetProcesses", "t", theirs, user=65534)
        check(code != 0 and "belongs to uid" in err, "and nothing else", err)
        code, _, err = method(bus, "Signal", "tis", theirs, 18, "all", user=STRANGER + 1)
        check(code != 0 and "belongs to uid" in err, "to nobody else", err)
        each_action(bus, instance, theirs, is_there=True)
        asks_a_person(bus, theirs)
        polkit.send_signal(19)
        begin = time.monotonic()
        waiting = subprocess.Popen(["busctl", f"--address={bus.address}", "--timeout=5", "call", NAME, MANAGER, NAME,
                                    "Signal", "tis", str(theirs), "18", "all"], user=65534, group=65534, extra_groups=[],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.3)
        equal(instance.run("ps").returncode, 0, "while polkit hangs others are answered")
        check(time.monotonic() - begin < 3, "at once")
        equal(method(bus, "GetJob", "t", theirs)[0], 0, "on the bus too")
        polkit.send_signal(18)
        equal(waiting.wait(20), 0, "who waits for polkit gets its answer when it goes on")
    finally:
        polkit.kill()
        polkit.wait()
    wait_until(lambda: "org.freedesktop.PolicyKit1" not in call(bus, "list")[1], what="polkit's end")
    check(method(bus, "Signal", "tis", theirs, 18, "all", user=65534)[0] != 0, "and when it is gone all is denied again")


def is_activatable():
    """The activation file names the unit; a bus without systemd fails at once."""
    bus = Bus(policy=f"<servicedir>{SOURCE}/contrib/dbus</servicedir>" + OPEN)
    bus.start()
    _, names, _ = call(bus, "call", "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "ListActivatableNames")
    check(f'"{NAME}"' in names, "the bus can start us", names)
    begin = time.monotonic()
    code, _, err = method(bus, "GetJob", "t", 1)
    check(code != 0 and time.monotonic() - begin < 10, f"a call while no instance runs fails at once ({err})")
    check("not provided by any .service" not in err, "because it was tried, and not because nothing is known of us", err)
    bus.remove()
    ElementTree.parse(SOURCE / "contrib/dbus/org.corral.policy")
    actions = (SOURCE / "contrib/dbus/org.corral.policy").read_text()
    header = (SOURCE / "core/authority.h").read_text()
    named = {word for word in header.replace('"', " ").replace(";", " ").split() if word.startswith("org.corral.")}
    check(len(named) == 4 and all(f'id="{name}"' in actions for name in named), "every action of core/authority.h is in it")


def main():
    corral.needs_root()
    for program in ("dbus-daemon", "busctl", "gdbus"):
        if shutil.which(program) is None:
            corral.skip(f"needs {program}")
    bus = Bus(policy=SYSTEM + '<policy user="root"><allow own="org.freedesktop.PolicyKit1"/></policy>'
              '<policy user="polkitd"><allow own="org.freedesktop.PolicyKit1"/>'
              '<allow send_interface="org.freedesktop.PolicyKit1.AuthenticationAgent"/></policy>'
              '<policy context="default"><allow send_destination="org.freedesktop.PolicyKit1"/></policy>',
              include=SOURCE / "contrib/dbus/org.corral.conf")
    bus.start()
    config = pathlib.Path(bus.directory, "corral.toml")
    config.write_text(f"[authority]\noperators = [\"{OPERATORS}\"]\nschedulers = [\"games\"]\n[jobs]\nremember = 2\n"
                      f"[project.lab]\nusers = [\"*\"]\noperators = [\"man\"]\noperator_groups = [\"{LAB_GROUP}\"]\n"
                      "[project.other]\nusers = [\"*\"]\n")
    try:
        with corral.Instance(bus=bus.address, options=["--config", config]) as instance:
            wait_until(lambda: NAME in call(bus, "list")[1], what="our name on the bus")
            objects(bus, instance)
            python(bus, instance)
            theirs = decides(bus, instance)
            asks_polkit(bus, instance, theirs)
    finally:
        bus.remove()
    is_activatable()


if __name__ == "__main__":
    sys.exit(main())
