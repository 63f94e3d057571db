# SPDX-License-Identifier: Apache-2.0
"""Jobs that live no longer than who made them (CreateJob's and CreateSessionJob's key Lifetime): the creator is killed,
closes its end, passes it on, dies while there is no supervisor; which descriptors are taken; what it costs. On the private
socket and on a message bus."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import corral
from corral import check, equal, is_alive, wait_until
from private_bus import Bus

try:
    import dbus
    import dbus.bus
except ImportError:
    corral.skip("needs python3-dbus")

NAME = "org.corral.Manager1"
MANAGER = "/org/corral/manager"


def manager_at(address):
    found = dbus.bus.BusConnection(address).get_object(NAME, MANAGER, introspect=False)
    # libdbus knows only after a first answer that it may send descriptors.
    dbus.Interface(found, "org.freedesktop.DBus.Peer").Ping()
    return dbus.Interface(found, NAME)


def spec_of(argv, lifetime, **keys):
    return {"Argv": dbus.Array(argv, signature="s"), "Kind": "detached", "Env": dbus.Array(["PATH=/usr/bin:/bin"]),
            "GraceUSec": dbus.UInt64(300_000), "Lifetime": dbus.types.UnixFd(lifetime), **keys}


def ends_of(kind):
    """The end that is handed in, and the creator's."""
    if kind == "pidfd":
        return os.pidfd_open(os.getpid()), os.open("/dev/null", os.O_RDONLY)
    return [one.detach() for one in socket.socketpair(type=socket.SOCK_STREAM if kind == "stream" else socket.SOCK_SEQPACKET)]


def creator(address, kind, *argv):
    """A process of its own: makes the job, says its jid, and does what it is told."""
    theirs, ours = ends_of(kind)
    keys = {"Kind": "array", "ArrayRange": "1-3"} if argv[0] == "array" else {}
    jid, _, _ = manager_at(address).CreateJob(spec_of(argv[1:] if keys else argv, theirs, **keys), signature="a{sv}")
    os.close(theirs)
    print(f"0x{jid:x}", flush=True)
    for line in sys.stdin:
        if line == "close\n":
            os.close(ours)
        elif line == "write\n":
            os.set_blocking(ours, False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    os.write(ours, b"x" * 4096)
        elif line == "pass\n":
            child = subprocess.Popen(["sleep", "1000"], pass_fds=[ours], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            print(child.pid, flush=True)
            continue
        print("done", flush=True)


class Creator:
    def __init__(self, address, kind, *argv):
        self.process = subprocess.Popen([sys.executable, __file__, "creator", address, kind, *argv], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.jid = self.process.stdout.readline().strip()
        check(self.jid.startswith("0x"), f"a job is made with a lifeline that is a {kind}", self.jid)

    def do(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()


def runs(instance, jid):
    return instance.facts("show", jid)["state"] == "running"


def ended(instance, jid, what):
    done = instance.run("wait", jid, timeout=20)
    facts = instance.facts("show", jid)
    equal(facts["result"], "cancelled", what)
    check("was cancelled by its creator's end" in facts["sentence"], "and its result says so", facts["sentence"], done)


def raw(jid):
    return dbus.UInt64(int(jid, 16))


def kinds(instance, address):
    for kind in ("stream", "packets", "pidfd"):
        with Creator(address, kind, "sh", "-c", "exec 2>/dev/null; trap 'echo asked; exit 3' TERM; echo ready; while :; do sleep 0.05; done") as made:
            wait_until(lambda jid=made.jid: instance.run("log", jid).stdout == "ready\n", what="the job")
            check(manager_at(address).ShowJob(raw(made.jid)).get("Lifetime"), f"{kind}: it is shown to have one")
            if kind != "pidfd":
                equal(made.do("write"), "done", f"{kind}: what is written on the creator's side is nothing")
            time.sleep(0.3)
            check(runs(instance, made.jid), f"{kind}: it runs as long as its creator")
            made.kill()
            ended(instance, made.jid, f"{kind}: a creator that is killed ends it")
            equal(instance.run("log", made.jid).stdout, "ready\nasked\n", f"{kind}: by its usual end")
    with Creator(address, "stream", "sh", "-c", "trap '' TERM; while :; do sleep 0.05; done") as made:
        equal(made.do("close"), "done", "a creator closes its end and lives on")
        ended(instance, made.jid, "the job is ended, also one that does not hear its first signal")
        check(made.process.poll() is None, "the creator lives")


def passed_on(instance, address):
    with Creator(address, "stream", "sleep", "1000") as made:
        other = int(made.do("pass"))
        made.kill()
        time.sleep(0.3)
        check(runs(instance, made.jid), "who has a copy keeps it alive when its creator is killed")
        os.kill(other, signal.SIGKILL)
        ended(instance, made.jid, "the last copy ends it")


def restarts(instance, address):
    """The descriptor outlives the supervisor."""
    def another(was):
        wait_until(lambda: instance.supervisor not in (None, was), what="another supervisor")

    with Creator(address, "stream", "sleep", "1000") as made:
        was = instance.supervisor
        os.kill(was, signal.SIGKILL)
        another(was)
        check(runs(instance, made.jid), "another supervisor has the job")
        made.kill()
        ended(instance, made.jid, "and ends it with its creator")
    for kind in ("stream", "pidfd"):
        with Creator(address, kind, "sleep", "1000") as made:
            was = instance.supervisor
            os.kill(instance.reaper, signal.SIGSTOP)
            os.kill(was, signal.SIGKILL)
            made.kill()
            os.kill(instance.reaper, signal.SIGCONT)
            another(was)
            ended(instance, made.jid, f"{kind}: a creator that died while there was none ends it too")
    with Creator(address, "stream", "sleep", "1000") as made:
        was = instance.supervisor
        equal(instance.run("daemon-reexec").returncode, 0, "a new version takes over")
        another(was)
        check(runs(instance, made.jid), "it has the job")
        made.kill()
        ended(instance, made.jid, "and ends it with its creator")
    with Creator(address, "stream", "sleep", "1000") as made:
        store = instance.store
        os.kill(store, signal.SIGKILL)
        wait_until(lambda: instance.store not in (None, store), what="another store")
        instance.run("ps")
        was = instance.supervisor
        os.kill(was, signal.SIGKILL)
        another(was)
        made.kill()
        ended(instance, made.jid, "a new store is given it again")


def by_command(instance, _):
    """`corral run --with-caller`: the calling process is the other side."""
    with subprocess.Popen(["sh", "-c", '"$@"; exec sleep 1000', "sh", str(corral.COMMAND), "run", "-d", "--with-caller", "--", "sleep",
                           "1000"], env=instance.environment, text=True, stdout=subprocess.PIPE) as script:
        jid = script.stdout.readline().strip()
        time.sleep(0.3)
        check(runs(instance, jid), "a script's job runs as long as the script")
        check(instance.facts("show", jid)["with_caller"], "show tells of it")
        check("its creator" in instance.run("show", jid).stdout, "also people")
        script.kill()
        ended(instance, jid, "and ends with it")
    equal(instance.run("run", "--with-caller", "--", "true").returncode, 2, "--with-caller is an option of detached jobs")


def refusals(instance, address):
    manager = manager_at(address)
    reading, writing = os.pipe()
    lone, peer = socket.socketpair()
    peer.close()
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(instance.folder / "listening"))
    listening.listen()
    datagrams = socket.socketpair(type=socket.SOCK_DGRAM)
    fifo = instance.folder / "fifo"
    os.mkfifo(fifo)
    dead = subprocess.Popen(["true"])
    of_dead = os.pidfd_open(dead.pid)
    dead.wait()
    for what, fd in (("a file", os.open(__file__, os.O_RDONLY)), ("/dev/null", os.open("/dev/null", os.O_RDWR)),
                     ("a pipe", reading), ("its writing end", writing), ("a socket whose peer is gone", lone.fileno()),
                     ("a listening socket", listening.fileno()), ("a datagram socket", datagrams[0].fileno()),
                     ("a socket of the network", socket.socket().fileno()), ("a fifo both ways", os.open(fifo, os.O_RDWR)),
                     ("a pidfd of the dead", of_dead), ("a directory", os.open("/proc/self", os.O_RDONLY))):
        try:
            manager.CreateJob(spec_of(["true"], fd), signature="a{sv}")
            check(False, f"{what} is refused")
        except dbus.DBusException as error:
            equal((error.get_dbus_name(), error.get_dbus_message()),
                  ("org.corral.Error.Invalid",
                   "key 'Lifetime' is a descriptor (h), expected a pidfd or one end of a connected stream or packet socket of "
                   "AF_UNIX (socketpair(2)) whose other side is open, and no pipe (h)"), f"{what} is refused in one sentence")
    try:
        manager.CreateJob({**spec_of(["true"], reading), "Lifetime": "socket"}, signature="a{sv}")
        check(False, "text is refused")
    except dbus.DBusException as error:
        check(error.get_dbus_message().startswith("key 'Lifetime' is 'socket' (s), expected a pidfd or"), "text is refused", error)
    equal(instance.facts("ps"), [], "and nothing was made")


def arrays(instance, address):
    with Creator(address, "stream", "array", "sleep", "1000") as made:
        wait_until(lambda: len(instance.facts("ps")) == 4, what="its members")
        made.kill()
        instance.run("wait", made.jid, timeout=20)
        facts = instance.facts("show", made.jid)
        check(facts["sentence"].startswith("was cancelled by its creator's end; 3 of its 3 members ended"),
              "an array ends with its creator, and its members", facts["sentence"])


def sessions(instance, address):
    manager = manager_at(address)
    with subprocess.Popen(["sleep", "1000"]) as leader:
        theirs, ours = ends_of("stream")
        jid, _, existing = manager.CreateSessionJob(
            {"User": "0", "LeaderPid": dbus.UInt32(leader.pid), "Stragglers": "kill",
             "Lifetime": dbus.types.UnixFd(theirs)}, signature="a{sv}")
        equal(bool(existing), False, "a session is opened with a lifeline")
        os.close(theirs)
        check(runs(instance, f"0x{jid:x}"), "it is open")
        os.kill(instance.supervisor, signal.SIGKILL)
        os.close(ours)
        instance.run("wait", f"0x{jid:x}", timeout=20)
        equal(instance.facts("show", f"0x{jid:x}")["result"], "closed", "it is closed when its opener goes")
        check(leader.poll() is None, "and its leader lives on")
        leader.kill()


def costs(instance, address):
    """A descriptor a job, and one for all; and nothing is left."""
    def descriptors():
        return [len(os.listdir(f"/proc/{pid}/fd")) for pid in (instance.supervisor, instance.store)]

    manager = manager_at(address)
    wait_until(lambda: not instance.facts("ps"), what="no job to be left")
    before = descriptors()
    count = 30
    ends, jids = [], []
    for with_one in (False, True):
        for _ in range(count):
            spec = {"Argv": dbus.Array(["sleep", "1000"], signature="s"), "Kind": "detached"}
            if with_one:
                theirs, ours = ends_of("stream")
                spec["Lifetime"] = dbus.types.UnixFd(theirs)
                ends.append(ours)
            jids.append(f"0x{manager.CreateJob(spec, signature='a{sv}')[0]:x}")
            if with_one:
                os.close(theirs)
        if not with_one:
            plain = [here - there for here, there in zip(descriptors(), before)]
    # What came with the requests is closed a little later (supervisor/closer.h).
    wait_until(lambda: all(here - there - 2 * without <= count + 2 for here, there, without in zip(descriptors(), before, plain)),
               what="no more than one descriptor for a lifeline")
    time.sleep(0.3)  # the last closer ends
    with open(f"/proc/{instance.supervisor}/status", encoding="ascii") as file:
        slept = {line.split()[0]: line.split()[1] for line in file if "ctxt_switches" in line}
    time.sleep(1)
    with open(f"/proc/{instance.supervisor}/status", encoding="ascii") as file:
        equal({line.split()[0]: line.split()[1] for line in file if "ctxt_switches" in line}, slept,
              "nothing wakes the supervisor for them")
    for end in ends:
        os.close(end)
    for jid in jids[count:]:
        instance.run("wait", jid, timeout=20)
    check(all(runs(instance, jid) for jid in jids[:count]), "those without one live on")
    for jid in jids[:count]:
        instance.run("kill", "-g", "0", jid)
    wait_until(lambda: not instance.facts("ps"), what="no job to be left")
    wait_until(lambda: max(here - there for here, there in zip(descriptors(), before)) <= 2, what="no descriptor to be left")


def kept_copies(instance, address):
    """The creator keeps the end that it handed in open: when the job is gone that is nothing to the supervisor."""
    def spent():
        with open(f"/proc/{instance.supervisor}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    theirs, ours = ends_of("stream")
    jid = f"0x{manager_at(address).CreateJob(spec_of(['true'], theirs), signature='a{sv}')[0]:x}"
    instance.run("wait", jid)
    wait_until(lambda: not instance.facts("ps"), what="no job to be left")
    os.close(ours)
    before = spent()
    time.sleep(0.5)
    check(spent() - before < 0.1, "an end whose job has ended keeps nobody busy when it hangs up", spent() - before)
    os.close(theirs)


def by_busctl(instance, address):
    """It cannot send a descriptor: what it sends instead is refused, and it shows who has one."""
    def busctl(*words):
        done = subprocess.run(["busctl", f"--address={address}", "call", NAME, MANAGER, NAME, *words], text=True, capture_output=True,
                              check=False)
        return done.stdout + done.stderr

    said = busctl("CreateJob", "a{sv}", "3", "Argv", "as", "2", "sleep", "1000", "Kind", "s", "detached", "Lifetime", "s", "socket")
    check("key 'Lifetime' is 'socket' (s), expected a pidfd or one end of" in said, "busctl is told what a lifeline is", said)
    with Creator(address, "stream", "sleep", "1000") as made:
        said = busctl("ShowJob", "t", str(int(made.jid, 16)))
        check('"Lifetime" b true' in said, "and shows that a job has one", said)
        made.kill()
        ended(instance, made.jid, "which ends it")


def main():
    for engine in corral.engines():
        with corral.Instance(engine=engine) as instance:
            print(f"# {engine}")
            address = f"unix:path={instance.socket}"
            parts = [kinds, restarts, costs, kept_copies]
            if engine == "cgroup2" and os.geteuid() == 0:
                parts.append(sessions)
            if engine == corral.engines()[0]:
                parts += [passed_on, refusals, arrays, by_command]
            for part in parts:
                print(f"-- {part.__name__}", flush=True)
                part(instance, address)
    if shutil.which("dbus-daemon") is None:
        return corral.not_checked("needs dbus-daemon")
    bus = Bus()
    bus.start()
    try:
        with corral.Instance(bus=bus.address) as instance:
            print("# on a bus")
            wait_until(lambda: manager_at(bus.address), what="the name on the bus")
            for part in (kinds, passed_on, by_busctl):
                part(instance, bus.address)
    finally:
        bus.remove()


if sys.argv[1:2] == ["creator"]:
    creator(*sys.argv[2:])
else:
    main()
