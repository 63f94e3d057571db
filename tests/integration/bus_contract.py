# SPDX-License-Identifier: Apache-2.0
"""The bus is what bus/interfaces/*.xml says, to every client: the server's
introspection is compared with the contract, and busctl, gdbus and python3-dbus
speak to the private socket as to any bus."""

import os
import re
import subprocess
import xml.etree.ElementTree as ElementTree

from corral import SOURCE, check, equal, skip
from fake_instance import FakeInstance

try:
    import dbus
    import dbus.bus
except ImportError:
    skip("python3-dbus is not installed")

NAME = "org.corral.Manager1"
MANAGER = "/org/corral/manager"
EMITS = "org.freedesktop.DBus.Property.EmitsChangedSignal"


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout.strip(), done.stderr.strip()


# --- the contract ---


def members(interface):
    """An interface element as comparable facts."""
    facts = {}
    for element in interface:
        if element.tag in ("method", "signal"):
            facts[element.tag, element.get("name")] = [
                (argument.get("name"), argument.get("type"),
                 argument.get("direction"))
                for argument in element.iter("arg")]
        elif element.tag == "property":
            emits = [note.get("value") for note in element.iter("annotation")
                     if note.get("name") == EMITS]
            facts["property", element.get("name")] = (
                element.get("type"), element.get("access"),
                emits[0] if emits else "true")
    return facts


def interface_of(root, name):
    for interface in root.iter("interface"):
        if interface.get("name") == name:
            return members(interface)
    return None


def check_contract(instance, job):
    for name, path in ((NAME, MANAGER), ("org.corral.Accounting1", MANAGER), ("org.corral.Job1", job)):
        wanted = interface_of(
            ElementTree.parse(SOURCE / "bus" / "interfaces" / f"{name}.xml"),
            name)
        code, out, err = run("busctl", f"--address={instance.address}",
                             "--xml-interface", "introspect", NAME, path)
        equal(code, 0, f"busctl introspects {path} {err}")
        found = interface_of(ElementTree.fromstring(out), name)
        equal(sorted(found), sorted(wanted), f"{name} has the contract's members")
        for member, facts in wanted.items():
            equal(found[member], facts, f"{name} {' '.join(member)}")


def check_documented_keys():
    """Every key that the tables know is in the contract's prose."""
    prose = (SOURCE / "bus/interfaces/org.corral.Manager1.xml").read_text()
    for source, table in (("job_fields.cc", "kFields[]"),
                          ("spec_keys.cc", "kKeys[]")):
        text = (SOURCE / "bus" / source).read_text()
        text = text[text.index(table):text.index("\n};\n", text.index(table))]
        keys = set(re.findall(r'"([A-Z][A-Za-z]+)"', text))
        missing = [key for key in keys
                   if key[0].isupper() and f"{key} " not in prose]
        check(len(keys) > 10 and not missing,
              f"all {len(keys)} keys of {source} are documented", missing)
    text = (SOURCE / "core/job_news.h").read_text()
    text = text[text.index("name_of(NewsKind"):text.index('return "unknown"')]
    names = re.findall(r'return "([a-z-]+)";', text)
    missing = [name for name in names if f'"event":"{name}"' not in prose]
    check(len(names) > 4 and not missing, f"so are all {len(names)} events", missing)


# --- the clients ---


def check_filter(instance):
    for words, complaint in (
            (("Tags", "as", "1", "a b"), "key 'Tags' is a list of 1 (as), expected "),
            (("Project", "s", ""), "key 'Project' is '' (s), expected "),
            (("Colour", "s", "red"), "key 'Colour' (s) is not known, expected one of 'Uid' (u)")):
        code, _, err = run("busctl", f"--address={instance.address}", "call", NAME, MANAGER, NAME, "ListJobs", "a{sv}tu", "1",
                           *words, "0", "10")
        check(code != 0 and complaint in err, f"a filter's {words[0]} is refused by what is wrong with it", err)


def check_busctl(instance):
    code, out, err = run(
        "busctl", f"--address={instance.address}", "call", NAME, MANAGER, NAME,
        "CreateJob", "a{sv}", "3", "Argv", "as", "2", "sleep", "5", "Kind", "s",
        "detached", "Name", "s", "first")
    equal(code, 0, f"busctl makes a job {err}")
    jid = int(out.split()[1])
    equal(out, f'toa{{sv}} {jid} "/org/corral/job/j{jid:016x}" 1 "Engine" s '
          '"cgroup2"', "the answer is jid, object and engine")
    code, out, _ = run("busctl", f"--address={instance.address}", "tree", NAME)
    check(f"/org/corral/job/j{jid:016x}" in out, "busctl tree shows the job")
    code, out, _ = run("busctl", f"--address={instance.address}",
                       "get-property", NAME, f"/org/corral/job/j{jid:016x}",
                       "org.corral.Job1", "State")
    equal(out, 's "running"', "busctl reads a property of the job")
    code, _, err = run("busctl", f"--address={instance.address}", "call", NAME,
                       MANAGER, NAME, "ShowJob", "t", "99")
    check(code != 0 and "job 0x63 does not exist" in err,
          "a refusal's sentence reaches the user of busctl", err)
    return jid


def check_gdbus(instance, jid):
    code, out, err = run("gdbus", "call", "-a", instance.address, "-d", NAME,
                         "-o", MANAGER, "-m", f"{NAME}.ShowJob", str(jid))
    check(code == 0 and "'Name': <'first'>" in out, "gdbus shows the job", err)
    code, out, err = run("gdbus", "call", "-a", instance.address, "-d", NAME,
                         "-o", MANAGER, "-m", f"{NAME}.FindJob", "nobody")
    check(code != 0 and "org.corral.Error.NoSuchJob" in err,
          "gdbus gets our error's name", err)
    code, out, err = run("gdbus", "introspect", "-a", instance.address, "-d",
                         NAME, "-o", MANAGER)
    check(code == 0 and "CreateJob(in  a{sv} spec," in out,
          "gdbus introspects", err)


def refusal(call, *arguments):
    try:
        call(*arguments)
    except dbus.DBusException as error:
        return error.get_dbus_name(), error.get_dbus_message()
    return None


def check_python(instance, kind):
    bus = kind(instance.address)
    manager = dbus.Interface(bus.get_object(NAME, MANAGER, introspect=False),
                             NAME)
    # libdbus knows only after a first answer that it may send descriptors.
    dbus.Interface(bus.get_object(NAME, MANAGER, introspect=False),
                   "org.freedesktop.DBus.Peer").Ping()
    output, given = os.pipe()
    jid, path, extra = manager.CreateJob(
        {"Argv": dbus.Array(["cat"], signature="s"), "Kind": "detached",
         "Umask": dbus.UInt32(0o77), "Env": dbus.Array([], signature="s"),
         "StandardOutput": dbus.types.UnixFd(given),
         "Rlimits": dbus.Array(
             [(7, dbus.UInt64(256), dbus.UInt64(1024))], signature="(itt)")},
        signature="a{sv}")
    equal(str(path), f"/org/corral/job/j{jid:016x}",
          f"{kind.__name__}: a job with a descriptor and limits")
    os.close(given)
    os.close(output)
    wanted = "org.corral.Error.Invalid"
    for spec, sentence in (
            ({"Argv": dbus.Array(["a"], signature="s"),
              "Umask": dbus.UInt32(4096)},
             "key 'Umask' is 4096 (u), expected a mask of file modes, at most "
             "0777 octal (u)"),
            ({"Argv": "sleep 5"},
             "key 'Argv' is 'sleep 5' (s), expected a list of 1 to 1048576 "
             "arguments (as or aay)"),
            ({"Argv": dbus.Array(["a"], signature="s"), "Colour": 1.5},
             "key 'Colour' is not known, its type is d"),
            ({"Argv": dbus.Array(["a"], signature="s"), "Name": "a b"},
             "key 'Name' is 'a b' (s), expected 1 to 64 letters, digits and "
             "_.@:-; no number, 0x..., -..., '.', '..' or 'self'"),
            ({"Name": "x"}, "key 'Argv' is missing")):
        equal(refusal(lambda: manager.CreateJob(spec, signature="a{sv}")),
              (wanted, sentence), sentence)
    raw = [dbus.ByteArray(b"printf"), dbus.ByteArray(b"\xff\xfe")]
    jid, _, _ = manager.CreateJob(
        {"Argv": dbus.Array(raw, signature="ay")}, signature="a{sv}")
    view = manager.ShowJob(jid)
    equal([bytes(argument) for argument in view["Argv"]],
          [b"printf", b"\xff\xfe"], "arguments that are not UTF-8 stay bytes")
    processes = manager.GetProcesses(jid)
    equal(str(processes[0][2]), "sle\ufffdep", "a command's name is shown")
    log = manager.OpenLog(jid)
    equal(os.read(log.take(), 100), b"hello\n", "OpenLog gives a descriptor")
    equal(refusal(lambda: manager.Signal(jid, 65, "all", signature="tis")),
          (wanted, "65 is no signal, expected 1 to 64, or 0 to send none"), "signal 65")
    manager.Signal(jid, 15, "main", signature="tis")
    job = bus.get_object(NAME, f"/org/corral/job/j{jid:016x}", introspect=False)
    everything = dbus.Interface(job, "org.freedesktop.DBus.Properties").GetAll(
        "org.corral.Job1")
    equal((everything["State"], everything["Jid"]), ("running", jid),
          "all properties of a job")
    dbus.Interface(job, "org.corral.Job1").End(
        dbus.Dictionary({"GraceUSec": dbus.UInt64(1)}, signature="sv"))
    view = manager.Wait(jid)
    equal((view["Result"], view["WaitStatus"], view["Sentence"]),
          ("exited", 3 << 8, "exited with code 3"), "Wait tells the end")
    check("MemoryPeakBytes" not in view and view["UserUSec"] == 0,
          "a counter that was not collected has no key; 0 is 0")
    gone = bus.get_object(NAME, "/org/corral/job/j00000000000000aa",
                          introspect=False)
    equal(refusal(lambda: dbus.Interface(gone, "org.corral.Job1").Show())[0],
          "org.corral.Error.NoSuchJob", "an object that is not there")
    bus.close()


def check_pages(instance):
    bus = dbus.bus.BusConnection(instance.address)
    manager = dbus.Interface(bus.get_object(NAME, MANAGER, introspect=False),
                             NAME)
    for _ in range(130):
        manager.CreateJob({"Argv": dbus.Array(["x"], signature="s")},
                          signature="a{sv}")
    nothing = dbus.Dictionary({}, signature="sv")
    first, more = manager.ListJobs(nothing, 0, 1000, signature="a{sv}tu")
    check(len(first) == 100 and more, "a page has at most 100 jobs")
    rest, more = manager.ListJobs(nothing, first[-1]["Jid"], 100,
                                  signature="a{sv}tu")
    jids = [job["Jid"] for job in list(first) + list(rest)]
    check(not more and jids == sorted(set(jids)) and len(jids) >= 130,
          "pages go on by jid")
    bus.close()


with FakeInstance() as instance:
    jid = check_busctl(instance)
    check_contract(instance, f"/org/corral/job/j{jid:016x}")
    check_documented_keys()
    check_filter(instance)
    check_gdbus(instance, jid)
    check_python(instance, dbus.bus.BusConnection)
    check_python(instance, dbus.connection.Connection)
    check_pages(instance)
    check(instance.is_alive(), "the instance is still there")
