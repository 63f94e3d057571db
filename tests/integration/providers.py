#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Aggregate providers: what they are told of processes and jobs, with each source of events; that every fork, exec and
exit is told once and none that is not of their aggregates; that a provider which does not read, hangs or dies loses
events and delays nobody, and the count is exact; who may; what ends a registration; that nothing is in the kernel while
none is registered.

    providers.py [PART...]     some parts of it, by the names of their functions"""

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

import corral
from answer_times import AnswerTimes
from collector import bpftool, ebpf_obstacle
from corral import SOURCE, Instance, check, equal, wait_until
from provider import Provider

PYTHON = [sys.executable, "-S", "-E", "-c"]
# So many children, one after the other, each of which execs `true`.
FAMILY = (
    "import os, sys\n"
    "for i in range(int(sys.argv[1])):\n"
    "    pid = os.fork()\n"
    "    if pid == 0: os.execv('/bin/true', ['true'])\n"
    "    os.waitpid(pid, 0)\n"
    "os._exit(5)\n"
)
# The same without exec.
STORM = FAMILY.replace("os.execv('/bin/true', ['true'])", "os._exit(i % 256)")


def start(instance, *arguments):
    """The jid of a detached job, as a number."""
    return int(json.loads(instance.run("run", "-d", "--json", *arguments).stdout)["jid"], 16)


def finish(instance, jid, seconds=60):
    return instance.run("wait", hex(jid), timeout=seconds)


def links():
    """The numbers of what hangs in the kernel's tracepoints."""
    listed = json.loads(subprocess.run([bpftool(), "-j", "link", "list"], capture_output=True, text=True, check=True).stdout)
    return {one["id"] for one in listed}


def links_of(pid):
    """Those that a process holds."""
    numbers = set()
    for path in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            numbers |= {int(number) for number in re.findall(r"^link_id:\s*(\d+)", path.read_text(), re.MULTILINE)}
    return numbers


# --- what is told ---


def a_job_by_its_reports(instance):
    """Without a source: jobs, attaching, detaching, and ends by who reaps."""
    provider = Provider(instance, "plain", ["attach", "exit", "detach", "job"])
    jid = start(instance, "--name", "quick", "--", "sh", "-c", "sleep 0.3; exit 3")
    provider.attach(5, job=jid)
    finish(instance, jid)
    ended = provider.wait_for("job", state="ended")
    equal((ended["aggregate"], ended["jid"], ended["exit_code"], ended["name"]), ("0x5", hex(jid), 3, "quick"),
          "the end of the job is told with its aggregate, number and result")
    exits = provider.of("exit", aggregate="0x5")
    check([event["exit_code"] for event in exits].count(3) == 1, "the end of its process is told, once", exits)
    check(provider.events.index(exits[-1]) < provider.events.index(ended), "before the end of the job")
    states = [event["state"] for event in provider.of("job")]
    equal(states[-1], "ended", "the job's states come in their order")
    equal(len(states), len(set(states)), "and each once")
    numbers = [event["number"] for event in provider.events if "number" in event]
    equal(numbers, list(range(1, len(numbers) + 1)), "events are numbered without a gap")
    provider.close()


def every_process(instance, count=20):
    """Forks, execs and exits of a job's processes, and of no other."""
    provider = Provider(instance, "all")
    jid = start(instance, "--", *PYTHON, f"import time; time.sleep(0.5)\n{FAMILY}", count)
    provider.attach(1, job=jid)
    noise = subprocess.run(["sh", "-c", "for i in 1 2 3 4 5; do /bin/true; done"], check=True)
    equal(noise.returncode, 0, "meanwhile others fork too")
    finish(instance, jid)
    provider.wait_for("job", state="ended")
    main = next(event for event in provider.of("exit") if event["exit_code"] == 5)["pid"]
    forks = provider.of("fork", pid=main)
    equal(len(forks), count, "each fork of the job's process is told")
    children = {event["child"] for event in forks}
    for kind in ("exec", "exit"):
        pids = [event["pid"] for event in provider.of(kind) if event["pid"] in children]
        equal(sorted(pids), sorted(children), f"and one {kind} of each child")
    told = {event["pid"] for event in provider.of("fork", "exec", "exit")}
    equal(told - children - {main}, set(), "nobody else is told of")
    orders = {tuple(event["event"] for event in provider.events if child in (event.get("pid"), event.get("child")))
              for child in children}
    equal(orders, {("fork", "exec", "exit")}, "in this order for each: fork, exec, exit")
    # The proc connector does not tell it: of one that has gone before it was looked at nobody knows.
    names = {event["command"] for event in provider.of("exec") if event["pid"] in children}
    may_lack = {None} if provider.events[0]["source"] == "proc-connector" else set()
    equal(names - may_lack, {"true"}, "an exec names the program")
    check(all(event["jid"] == hex(jid) for event in provider.of("fork")), "each says by which job it is a member")
    equal(provider.of("lost"), [], "and nothing is lost")
    provider.close()


def jobs_to_come(instance):
    """The provider `job`: every job is an aggregate."""
    provider = Provider(instance, "job")
    second = Provider(instance, "job", ["job"])
    result = instance.run("run", "--", "sh", "-c", "/bin/true; exit 6")
    equal(result.returncode, 6, "a job in front runs")
    ended = provider.wait_for("job", state="ended")
    jid = ended["jid"]
    equal(ended["aggregate"], jid, "an aggregate is a jid")
    first = provider.of("attach", aggregate=jid)[0]
    check(first["pid"] > 0, "its first process is told as attached", first)
    of_first = [event["event"] for event in provider.events if event.get("pid") == first["pid"]]
    equal(of_first[0], "attach", "before anything else of it")
    equal(of_first[-1], "exit", "and its end last")
    equal(provider.of("exit", pid=first["pid"])[0]["exit_code"], 6, "with its status")
    second.wait_for("job", state="ended")
    equal({event["event"] for event in second.events}, {"begin", "job"}, "another of that name is told what it asked for")
    killed = start(instance, "--", "sleep", "100")
    instance.run("kill", "-s", "TERM", hex(killed))
    provider.wait_for("job", state="ended", aggregate=hex(killed))
    equal([event["signal"] for event in provider.of("exit", aggregate=hex(killed))][-1], "SIGTERM",
          "an end by a signal names it")
    equal(provider.refusal(provider.attach, 1, job=killed)[0], "Invalid", "nothing is attached to the aggregates of `job`")
    provider.close()
    second.close()


def many_providers(instance):
    """A process may be in aggregates of several providers, by its job and by itself."""
    one, two = Provider(instance, "one"), Provider(instance, "two")
    jid = start(instance, "--", *PYTHON, f"import time; time.sleep(0.7)\n{FAMILY}", 3)
    main = wait_until(lambda: instance.facts("show", hex(jid)).get("main_pid"), what="the main process")
    one.attach(1, job=jid)
    one.attach(2, pid=main)
    with open(os.pidfd_open(main)) as pidfd:
        two.attach(9, pidfd=pidfd.fileno())
        two.attach(9, pidfd=pidfd.fileno())
    equal(len(one.wait_for("attach", aggregate="0x2") and one.of("attach", aggregate="0x2")), 1,
          "a process that is attached by itself is told as attached")
    finish(instance, jid)
    one.wait_for("exit", aggregate="0x2", pid=main)
    two.wait_for("exit", aggregate="0x9", pid=main)
    for provider, aggregate, by in ((one, "0x1", hex(jid)), (one, "0x2", None), (two, "0x9", None)):
        equal(len(provider.of("fork", aggregate=aggregate, pid=main)), 3, f"the forks are told for aggregate {aggregate}")
        equal(len(provider.of("exit", aggregate=aggregate)), 4, "with the ends of all")
        equal({event["jid"] for event in provider.of("fork", aggregate=aggregate)}, {by}, "and by what it is a member")
    equal(len(two.of("attach")), 1, "what is repeated is done once")
    one.close()
    two.close()


def own_processes(instance):
    """Processes that are in no job: attached with those to come, and detached."""
    provider = Provider(instance, "own")
    around = Provider(instance, "around", ["exit"])
    around.attach(9, pid=os.getpid())  # as we are, our children are members
    # So many events wait to be read that the shell's birth is read after it was attached.
    os.kill(instance.supervisor, signal.SIGSTOP)
    subprocess.run(["sh", "-c", "i=0; while [ $i -lt 200 ]; do /bin/true; i=$((i+1)); done"], check=True)
    shell = subprocess.Popen(["sh"], stdin=subprocess.PIPE, text=True, bufsize=1)
    threading.Timer(0.3, os.kill, (instance.supervisor, signal.SIGCONT)).start()
    provider.attach(3, pid=shell.pid)
    shell.stdin.write("(/bin/true; /bin/true; exit 4)\n")
    nested = provider.wait_for("exit", exit_code=4)
    around.wait_for("exit", pid=nested["pid"])
    around.close()
    equal(len(provider.of("fork", pid=nested["pid"])) >= 1, True, "children of children are members too")
    provider.detach(3, pid=shell.pid)
    provider.wait_for("detach", pid=shell.pid)
    told = len(provider.read(0.2))
    shell.stdin.write("/bin/true\n/bin/true\nexit 7\n")
    equal(shell.wait(20), 7, "the shell goes on, and ends")
    equal(len(provider.read(0.3)), told, "of one that was detached nothing more is told")
    equal(provider.refusal(provider.attach, 3, pid=shell.pid)[0], "NoSuchProcess", "one that has ended is not attached")
    equal(provider.refusal(provider.attach, 3, pid=1)[0], "Invalid", "nor is init")
    equal(provider.refusal(provider.attach, 3, job=99)[0], "NoSuchJob", "nor a job that is not there")
    equal(provider.refusal(provider.detach, 3, pid=os.getpid())[0], "Invalid", "who is not in it is not detached")
    provider.close()


def comes_and_goes(instance):
    """Attaching to jobs and detaching from them; nested jobs."""
    provider = Provider(instance, "watcher")
    outer = start(instance, "--name", "outer", "--", "sleep", "100")
    provider.attach(1, job=outer)
    stranger = subprocess.Popen(["sleep", "100"])
    instance.run("attach", "outer", str(stranger.pid))
    provider.wait_for("attach", pid=stranger.pid)
    instance.run("detach", str(stranger.pid))
    provider.wait_for("detach", pid=stranger.pid)
    check(True, "a process that comes into the job and leaves it alive is told as attached and detached")
    stranger.kill()
    stranger.wait()
    inner = start(instance, "--parent", "outer", "--", "sh", "-c", "/bin/true; exit 3")
    finish(instance, inner)
    exits = provider.wait_for("exit", exit_code=3)
    equal(exits["jid"], hex(outer), "a process of a nested job is a member by the job around it")
    provider.detach(1, job=outer)
    told = len(provider.read(0.2))
    instance.run("kill", "-g", "0", "outer")
    finish(instance, outer)
    equal(len(provider.read(0.3)), told, "of a job that was detached from the aggregate nothing more is told")
    provider.close()


# --- faults ---


def does_not_read(instance, count=3000):
    """A storm under a provider that does not read: the loss is exact, and nobody waits."""
    hung = Provider(instance, "hung", ["fork", "exit"])
    jid = start(instance, "--", *PYTHON, f"import time; time.sleep(0.5)\n{STORM}", count)
    hung.attach(1, job=jid)
    times, end = AnswerTimes(instance.supervisor), time.monotonic() + 3
    while time.monotonic() < end:
        with times.measured():
            facts = hung.facts()
        time.sleep(0.02)
    finish(instance, jid)
    check(times.slowest < 0.25, f"calls are answered meanwhile (the slowest took {times.slowest * 1000:.1f} ms)")
    wanted = 2 * count + 1
    facts = wait_until(lambda: (listed := hung.facts())["Told"] + listed["Waiting"] + listed["Lost"] >= wanted and listed,
                       20, f"the account of {wanted} events")
    equal(int(facts["Told"] + facts["Waiting"] + facts["Lost"]), wanted, "told, waiting and lost are all that there were")
    check(facts["Lost"] > 0, f"{facts['Lost']} of them are lost", facts)
    hung.wait_for("exit", exit_code=5)
    lost = sum(event["count"] for event in hung.of("lost"))
    equal(len(hung.of("fork", "exit")) + lost, wanted, "what it reads later and what it is told to have lost are all")
    numbers = [event["number"] for event in hung.events if "number" in event]
    equal(numbers, sorted(numbers), "in the order of their numbers")
    equal(numbers[-1], wanted, "which count the lost ones too")
    hung.close()


def kernel_is_full(instance, count=12000):
    """A storm while the supervisor stands still: what had no room in the kernel's ring is counted there, exactly."""
    provider = Provider(instance, "patient", ["fork", "exit"])
    jid = start(instance, "--", *PYTHON, f"import time; time.sleep(0.5)\n{STORM}", count)
    provider.attach(1, job=jid)
    supervisor = instance.supervisor
    os.kill(supervisor, signal.SIGSTOP)
    main = int(instance_main(instance, jid))
    wait_until(lambda: not corral.is_alive(main) or state_of(main) == "Z", 60, "the end of the storm", pause=0.1)
    os.kill(supervisor, signal.SIGCONT)
    finish(instance, jid)
    wanted = 2 * count + 1
    provider.wait(lambda event: event.get("number", 0) >= wanted or event["event"] == "lost", 30)
    end = time.monotonic() + 20
    while time.monotonic() < end:
        provider.read(0.1)
        lost = sum(event["count"] for event in provider.of("lost"))
        if len(provider.of("fork", "exit")) + lost >= wanted:
            break
    equal(len(provider.of("fork", "exit")) + lost, wanted, "what was told and what was lost are all that there were")
    check(lost > 0, f"{lost} of them are lost")
    provider.close()


def instance_main(instance, jid):
    """Read where no supervisor is needed: the first process of the job's cgroup."""
    procs = next(corral.cgroup2_root().rglob(f"j{jid:016x}/cgroup.procs"))
    return min(map(int, procs.read_text().split()))


def state_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def dies(instance):
    """A provider that is killed: its registration is over, its name is free."""
    script = ("import sys; sys.path[:0] = sys.argv[3:]; import corral; from provider import Provider\n"
              "class I: socket = sys.argv[1]\n"
              "p = Provider(I, 'mortal'); p.attach(1, job=int(sys.argv[2])); print('ready', flush=True)\n"
              "import time; time.sleep(100)")
    jid = start(instance, "--", "sleep", "100")
    words = [sys.executable, "-c", script, str(instance.socket), str(jid), *sys.path[:3], str(SOURCE / "tests/support")]
    provider = subprocess.Popen(words, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": ":".join(sys.path)})
    check(b"ready" in provider.stdout.readline(), "a provider registers")
    other = Provider(instance, "other", ["job"])
    equal(other.refusal(Provider, instance, "mortal")[0], "NameTaken", "its name is taken")
    provider.send_signal(signal.SIGSTOP)
    equal(instance.run("run", "--", "true").returncode, 0, "while it is stopped jobs run")
    provider.kill()
    provider.wait()
    wait_until(lambda: not any(one["Name"] == "mortal" for one in other.manager.ListProviders()),
               what="the end of the registration")
    again = Provider(instance, "mortal", ["job"])
    check(True, "when it is killed its registration ends, and the name is free")
    again.stream.close()
    wait_until(lambda: again.facts() is None, what="the end of the registration")
    check(True, "one that closes its descriptor is registered no longer")
    third = Provider(instance, "mortal", ["job"])
    third.manager.UnregisterProvider("mortal")
    third.read(5)
    check(third.is_over, "nor one that says so: its descriptor ends")
    equal(third.refusal(third.manager.UnregisterProvider, "mortal")[0], "Invalid", "which cannot be done twice")
    first, second = Provider(instance, "job", ["job"]), Provider(instance, "job", ["job"])
    for ended, said in ((first, "of several `job` of a user the calling connection's ends"), (second, "and if it has none, another")):
        first.manager.UnregisterProvider("job")
        ended.read(5)
        second.read(0.1)
        equal((first.is_over, second.is_over), (True, ended is second), said)
    fourth = Provider(instance, "mortal", ["job"])
    fourth.bus.close()
    fourth.read(5)
    check(fourth.is_over, "nor one whose connection is closed: its descriptor ends too")
    fourth.stream.close()
    instance.run("kill", "-g", "0", hex(jid))
    for one in (other, again, third, first, second):
        one.close()


def supervisor_dies(instance):
    """SIGKILL of the supervisor: the descriptor ends, and one registers again."""
    provider = Provider(instance, "lasting")
    jid = start(instance, "--", "sleep", "100")
    provider.attach(1, job=jid)
    before = instance.supervisor
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: instance.supervisor not in (None, before), what="the next supervisor")
    wait_until(lambda: provider.read(0.1) and provider.is_over, what="the end of the descriptor")
    provider.close()
    again = wait_until(lambda: try_again(instance), what="a new registration")
    again.attach(1, job=jid)
    attached = again.wait_for("attach", aggregate="0x1")
    equal(attached["jid"], hex(jid), "registered again it is told who is in the job")
    instance.run("kill", "-g", "0", hex(jid))
    again.wait_for("exit", pid=attached["pid"])
    check(True, "and what becomes of it")
    again.close()


def try_again(instance):
    try:
        return Provider(instance, "lasting")
    except Exception:  # of the binding: nobody listens yet
        return None


def who_may(instance):
    """Owners and root, by what the kernel says of the caller."""
    if os.geteuid() != 0:
        return corral.not_checked("needs root")
    provider = Provider(instance, "roots", ["job", "attach"])
    for bad, what in (("", "no name"), ("a b", "no name"), ("self", "a word with a meaning")):
        equal(provider.refusal(Provider, instance, bad)[0], "Invalid", f"'{bad}' is {what}")
    equal(provider.refusal(Provider, instance, "x", ["forks"]),
          ("Invalid", "event 'forks' is not known, expected 'attach', 'fork', 'exec', 'exit', 'detach' or 'job'"),
          "an event that is not known is refused with those that are")
    equal(provider.refusal(provider.attach, 1, pid=os.getpid())[0], "NotSupported",
          "who asks for no fork, exec or exit attaches no process")
    jid = start(instance, "--", "sleep", "100")
    for folder in (instance.folder, instance.runtime):
        folder.chmod(0o755)
    words = ["busctl", f"--address=unix:path={instance.socket}", "call", "org.corral.Manager1", "/org/corral/manager",
             "org.corral.Manager1"]

    def as_nobody(*call):
        done = subprocess.run([*words, *map(str, call)], capture_output=True, text=True, user=65534, group=65534,
                              extra_groups=[], check=False)
        return done.returncode, done.stderr

    code, text = as_nobody("AttachToAggregate", "sta{sv}", "roots", 1, 1, "Job", "t", jid)
    check(code != 0 and "belongs to uid 0" in text, "another user does not attach to root's provider", text)
    code, text = as_nobody("UnregisterProvider", "s", "roots")
    check(code != 0 and "belongs to uid 0" in text, "nor ends it", text)
    code, text = as_nobody("RegisterProvider", "sas", "roots", 0)
    equal((code, text), (0, ""), "but may have a provider of the same name")
    nobodys = (f"import sys; sys.path[:0] = {sys.path!r}\n"
               "import os; os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
               "import corral; from provider import Provider\n"
               f"class I: socket = {str(instance.socket)!r}\n"
               "p = Provider(I, 'theirs'); j = Provider(I, 'job')\n"
               f"print(p.refusal(p.attach, 1, job={jid}), p.refusal(p.attach, 1, pid={os.getpid()}), flush=True)\n"
               "input(); print(len(j.read(0.2)))\n")
    user = subprocess.Popen([sys.executable, "-c", nobodys], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    line = user.stdout.readline()
    equal(line.count("AccessDenied"), 2, f"another user puts neither root's job nor root's process into his own ({line})")
    instance.run("run", "--", "true")
    out, _ = user.communicate("\n", timeout=20)
    equal(out.strip(), "1", "and as `job` he is told of no job of root's")
    instance.run("kill", "-g", "0", hex(jid))
    provider.close()


# --- the sources ---


def opens_when_it_is_needed(instance):
    """Nothing is in the kernel while nobody asks for it."""
    if bpftool() is None:
        return corral.not_checked("needs bpftool")
    supervisor = instance.supervisor
    instance.run("run", "--", "true")  # the collector is there from now on
    wait_until(lambda: len(links_of(supervisor)) == 1, what="the end of the providers before")
    plain = Provider(instance, "plain", ["job", "attach"])
    equal(len(links_of(supervisor)), 1, "a provider that asks for no fork, exec or exit opens no source")
    one, two = Provider(instance, "one"), Provider(instance, "two")
    opened = links_of(supervisor)
    equal(len(opened), 4, "two that do have one between them")
    one.close()
    time.sleep(0.2)
    equal(links_of(supervisor), opened, "which stays for the second")
    two.close()
    wait_until(lambda: len(opened & links()) == 1, what="the end of the programs in the kernel")
    check(True, "and goes with it")
    again = Provider(instance, "again")
    opened = links_of(supervisor) - opened
    equal((again.source, len(opened)), ("ebpf", 3), "the next one opens it again")
    os.kill(supervisor, signal.SIGKILL)
    wait_until(lambda: not opened & links(), what="the end of the programs in the kernel")
    check(True, "a supervisor that dies leaves nothing there")
    wait_until(lambda: instance.supervisor not in (None, supervisor), what="the next supervisor")
    for one in (plain, again):
        one.close()
    return None


def without_any(instance):
    provider = Provider(instance, "blind")
    begin = provider.events[0]
    equal((begin["source"], begin["why"]), ("none", "'none' was asked for"), "the first line says that nobody tells, and why")
    kind, text = provider.refusal(provider.attach, 1, pid=os.getpid())
    check(kind == "NotSupported" and "'none' was asked for" in text, "a process cannot be attached, for that reason", text)
    provider.close()
    a_job_by_its_reports(instance)


def main():
    if corral.cgroup2_parent() is None:
        corral.skip("needs a writable cgroup v2 hierarchy")
    wanted = sys.argv[1:]

    def run(instance, *parts):
        for part in parts:
            if not wanted or part.__name__ in wanted:
                print(f"# {part.__name__}")
                part(instance)

    told = (a_job_by_its_reports, every_process, jobs_to_come, many_providers, own_processes, comes_and_goes, does_not_read)
    with Instance(environment={"CORRAL_EVENT_SOURCE": "none"}) as instance:
        run(instance, without_any, dies, who_may)
    why = ebpf_obstacle()
    if why:
        corral.not_checked(why)
    else:
        with Instance() as instance:
            run(instance, *told, kernel_is_full, dies, supervisor_dies, opens_when_it_is_needed)
    if os.geteuid() != 0:
        return corral.not_checked("needs root")
    if why and why.startswith("this is a container"):
        corral.not_checked(why)  # the proc connector tells the machine's own namespace only
    else:
        with Instance(environment={"CORRAL_EVENT_SOURCE": "proc-connector"}) as instance:
            run(instance, *told, supervisor_dies)
    with Instance(engine="subreaper", environment={"CORRAL_EVENT_SOURCE": "none"}) as instance:
        run(instance, a_job_by_its_reports)
    return None


main()
