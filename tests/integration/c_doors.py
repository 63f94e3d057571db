# SPDX-License-Identifier: Apache-2.0
"""libcorral and libjob: C programs compiled against their headers, linked, run;
what they export; and SGI's commands by their names."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import corral
from corral import BUILD, COMMAND, SOURCE, check, equal, wait_until


def build(work, source, library):
    program = work / source
    subprocess.run(
        ["cc", "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Werror", "-I", str(SOURCE / "capi"), "-o", str(program),
         str(SOURCE / "tests/capi" / f"{source}.c"), "-L", str(BUILD / "capi"), f"-l{library}"], check=True)
    return program


def exports(library):
    out = subprocess.run(["nm", "-D", "--defined-only", str(BUILD / "capi" / library)], check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    return {line.split()[2].partition("@")[0] for line in out.splitlines() if " A " not in line}


def listed(name):
    text = (SOURCE / "capi" / name).read_text()
    names = set()
    for part in text.split("global:")[1:]:
        names |= {word.strip("; ") for word in re.split("local:|}", part)[0].splitlines() if word.strip()}
    return names


def declared(header, prefix):
    text = (SOURCE / "capi" / header).read_text()
    return {word.partition("(")[0].lstrip("*") for word in text.replace("\n", " ").split()
            if word.lstrip("*").startswith(prefix) and "(" in word}


def exports_are_listed():
    for library, names, header, prefix in (("libcorral.so", "libcorral.map", "corral/corral.h", "corral_"),
                                           ("libjob.so", "libjob.map", "job.h", "job_")):
        equal(exports(library), listed(names), f"{library} exports what {names} lists and nothing else")
        equal(declared(header, prefix) - {"job_create((requested),"}, listed(names), f"and {header} declares it")
    needed = subprocess.run(["readelf", "-d", str(BUILD / "capi/libcorral.so")], check=True, text=True,
                            stdout=subprocess.PIPE).stdout
    check("libsystemd" not in needed, "libsystemd is loaded when it is needed, not linked")


class Doors:
    def __init__(self, instance):
        self.instance = instance
        self.environment = dict(instance.environment, LD_LIBRARY_PATH=str(BUILD / "capi"))
        self.work = instance.folder
        self.job_client = build(self.work, "libjob_client", "job")
        self.corral_client = build(self.work, "libcorral_client", "corral")

    def run(self, *words, **options):
        done = subprocess.run([str(word) for word in words], env=self.environment, text=True, capture_output=True,
                              timeout=60, check=False, **options)
        return done.returncode, done.stdout, done.stderr

    def libjob(self, *words, **options):
        return self.run(self.job_client, *words, **options)[:2]


def libcorral(doors):
    code, out, err = doors.run(doors.corral_client, doors.instance.socket)
    equal((code, err), (0, ""), f"a C program uses all of libcorral {out}")
    facts = dict(line.rsplit(" ", 1) for line in out.splitlines())
    zero = {"subscribe", "create", "show", "usage", "end of list", "wall", "no wall", "signal", "wait"}
    wrong = {name: value for name, value in facts.items() if value != ("0" if name in zero else "1")}
    equal(wrong, {}, f"and its {len(facts)} facts are right")
    made = doors.instance.facts("show", "from-c")
    equal((made["project"], made["account"]), ("c-project", "c-account"), "its job is charged as it said")
    equal(made["domain"], "c-nights", "and the site's limits are looked up in the domain that it said")


def libcorral_members(doors):
    """What came later: limits at creation, lifelines, arrays, members, sessions, providers."""
    instance = doors.instance
    has_cgroup = os.geteuid() == 0 and instance.engine == "cgroup2"
    program = build(doors.work, "libcorral_members", "corral")
    code, out, err = doors.run(program, instance.socket, int(has_cgroup))
    equal((code, err), (0, ""), f"a C program uses what libcorral has since 0.2 {out}")
    facts = dict(line.rsplit(" ", 1) for line in out.splitlines())
    equal([name for name, value in facts.items() if value != "1"], [], f"and its {len(facts)} facts are right")
    check(len(facts) >= (49 if has_cgroup else 33), "all of them", facts)


def libjob(doors):
    instance = doors.instance
    jid = instance.facts("run", "-d", "--name", "three", "--", "sh", "-c", "sleep 100 & sleep 100 & wait")["jid"]

    def count():
        return len(instance.facts("tree", jid)[0]["processes"])

    wait_until(lambda: count() >= 3, what="three processes")
    code, out = doors.libjob("show", jid)
    equal((code, out.splitlines()),
          (0, [f"uid {os.getuid()}", "prime is listed 1", f"processes {count()} of {count()}", "cut to 1",
               "job of a process 1"]),
          "a program of libjob's sees owner, processes and prime process of a job")
    equal(doors.libjob("list", jid), (0, "listed 1, counted 1\n"), "and all jobs")
    equal(doors.libjob("fork", jid), (0, "in the child 1, in the parent 1\n"), "also after fork(2)")
    equal(doors.libjob("forks"), (0, "40 children answered\n"), "and in children of a program whose other threads ask")
    equal(doors.libjob("closed"), (0, "closed 1, another's 1, untouched 1, kept 18\n"),
          "and in one that closed its descriptors, whose numbers are its own")
    equal(doors.libjob("misuse", jid)[1].splitlines(),
          ["options -1 : errno EINVAL", "signal -1 : errno EINVAL", "probe 0", "unknown -1 : errno ENODATA",
           "runcsa -1 : errno ENOSYS"], "errors are SGI's")
    equal(doors.libjob("self"), (1, "job_getjid: errno ENODATA\n"), "a process in no job is told so")
    inside = instance.run("run", "--", doors.job_client, "self", env=doors.environment)
    check(inside.stdout.startswith("0x"), "one in a job its jid", inside.stdout, inside.stderr)
    waiter = subprocess.Popen([doors.job_client, "wait", jid], env=doors.environment, text=True, stdout=subprocess.PIPE)
    equal(doors.libjob("kill", jid)[0], 0, "job_killjid signals every process")
    equal(waiter.communicate(timeout=30)[0], "signal 10\n", "job_waitjid has the status")
    held = instance.facts("run", "-d", "--", "sleep", "100")["jid"]
    equal(doors.libjob("threads", held), (0, "counted 1, killed 1, waited 1\n"),
          "a thread that waits holds up no other")
    if os.geteuid() == 0 and instance.engine == "cgroup2":
        other = subprocess.Popen(["sleep", "1000"])
        code, out = doors.libjob("attach", other.pid)
        equal((code, out.splitlines()),
              (0, ["in it 1", "hid 0", "another hid -1 : errno ENOSYS", "attach 1", "processes 2", "again 1", "detach 1", "detach again -1 : errno ENODATA",
                   "no job -1 : errno ENODATA", "no process -1 : errno ESRCH", "another 1, in it 1",
                   "used -1 : errno EBUSY", "foreign -1 : errno EINVAL",
               "requested 1, in it 1", "detached 1"]), "a program makes jobs of itself and of others")
        other.kill()
        other.wait()
    nobody = dict(doors.environment, CORRAL_RUNTIME_DIR="/nonexistent", XDG_RUNTIME_DIR="/nonexistent")
    done = subprocess.run([doors.job_client, "self"], env=nobody, text=True, stdout=subprocess.PIPE, check=False)
    equal(done.stdout, "job_getjid: errno ENOENT\n", "without an instance it is ENOENT")
    if os.geteuid() == 0:
        for folder in (instance.folder, instance.runtime):
            folder.chmod(0o755)
        other = instance.facts("run", "-d", "--", "sleep", "100")["jid"]
        code, out = doors.libjob("kill", other, user=65534, group=65534, extra_groups=[])
        check("errno EPERM" in out or "errno ENOENT" in out, "another user's job is EPERM", out)
        instance.run("kill", "-g", "0", other)


def statuses(doors):
    """A status that nobody knows is none: no caller takes it for success."""
    instance = doors.instance
    code = instance.facts("run", "-d", "--", "sh", "-c", "exit 3")["jid"]
    instance.run("wait", code)
    equal(doors.libjob("wait", code), (0, "exit 3\n"), "job_waitjid has the exit status of a job that has ended")
    no_program = doors.work / "no-program"
    no_program.write_text("#!/nonexistent/interpreter\n")
    no_program.chmod(0o755)
    instance.run("run", "-d", "--name", "unstarted", "--", no_program)
    unstarted = next(job["jid"] for job in instance.facts("ps", "-a") if job["name"] == "unstarted")
    equal(instance.facts("show", unstarted)["result"], "launch-failed", "of a job that could not be started")
    equal(doors.libjob("wait", unstarted), (0, "no status\n"), "it has none")
    if os.geteuid() != 0 or instance.engine != "cgroup2":
        return
    left = instance.facts("run", "-d", "--", "sleep", "1000")["jid"]
    pid = wait_until(lambda: instance.facts("show", left)["main_pid"], what="its process")
    equal(instance.run("detach", str(pid)).returncode, 0, "of one that its main process has left")
    equal(doors.libjob("wait", left), (0, "no status\n"), "it has none either")
    os.kill(pid, 9)


def by_pkg_config(doors):
    """A program that is built as pkg-config says, against what is installed."""
    if shutil.which("pkg-config") is None or shutil.which("meson") is None:
        return corral.not_checked("needs pkg-config and meson")
    root = doors.work / "installed"
    subprocess.run(["meson", "install", "-C", str(BUILD), "--no-rebuild", "--quiet", "--destdir", str(root)], check=True,
                   stdout=subprocess.DEVNULL)
    found = next(root.rglob("corral.pc"))
    environment = dict(os.environ, PKG_CONFIG_PATH=str(found.parent), PKG_CONFIG_SYSROOT_DIR=str(root))
    words = subprocess.run(["pkg-config", "--cflags", "--libs", "corral"], env=environment, check=True, text=True,
                           stdout=subprocess.PIPE).stdout.split()
    version = subprocess.run(["pkg-config", "--modversion", "corral"], env=environment, check=True, text=True,
                             stdout=subprocess.PIPE).stdout.strip()
    check(version in subprocess.run([COMMAND, "--version"], check=True, text=True, stdout=subprocess.PIPE).stdout,
          "pkg-config knows the version of Corral", version)
    program = doors.work / "by-pkg-config"
    subprocess.run(["cc", "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Werror", "-o", str(program),
                    str(SOURCE / "tests/capi/libcorral_client.c"), *words], check=True)
    library = next(root.rglob("libcorral.so")).parent
    done = subprocess.run([str(program), str(doors.instance.socket)], text=True, capture_output=True, check=False, timeout=60,
                          env=dict(doors.environment, LD_LIBRARY_PATH=str(library)))
    check(done.returncode == 0 and "it lives 1" in done.stdout, "a program that is built by its words links and runs", words, done)


def refused_job(doors):
    """Where the site sets limits nobody leaves his job: what was made for him is no job that is left."""
    instance = doors.instance

    def jobs():
        return {job["jid"] for job in instance.facts("ps")}

    for folder in (instance.folder, instance.runtime):
        folder.chmod(0o755)
    as_nobody = {"env": doors.environment, "user": 65534, "group": 65534, "extra_groups": []}
    jid = instance.run("run", "-d", "--", "sh", "-c", f"{doors.job_client} make; exec sleep 100", **as_nobody).stdout.strip()
    wait_until(lambda: instance.run("log", jid).stdout == "job_create: errno EPERM\n", what="the refusal of job_create")
    wait_until(lambda: jobs() == {jid}, what="no job that it made is left")
    check(len(instance.facts("ps", "-a")) == 2, "one was made and has ended")
    instance.run("kill", "-g", "0", jid)


def site_limits():
    if os.geteuid() != 0:
        return corral.not_checked("needs root, to be another user where the site sets limits")
    with tempfile.TemporaryDirectory(prefix="corral-doors-") as folder:
        os.chmod(folder, 0o755)
        limits = pathlib.Path(folder, "limits.toml")
        limits.write_text("[default]\nfiles = 1000\n")
        for engine in set(corral.engines()) & {"cgroup2"}:
            with corral.Instance(engine=engine, options=["--limits", str(limits)]) as instance:
                refused_job(Doors(instance))


def sgi_commands(doors):
    instance = doors.instance
    for name in ("jstat", "jkill", "jwait", "jattach", "jdetach", "jlimit", "jsethid"):
        (doors.work / name).symlink_to(COMMAND)

    def call(name, *words):
        return doors.run(doors.work / name, *words)

    for name in ("jstat", "jkill", "jwait", "jattach", "jdetach", "jlimit", "jsethid"):
        code, out, err = call(name, "--help")
        check((code, err) == (0, "") and out.startswith(f"usage: {name} ") and f"man {name}" in out, f"{name} --help", code, out, err)
        usage = out.splitlines()[0].removeprefix("usage: ")
        wrong = ("-j", "no-jid") if name == "jlimit" else ("-wrong",) if name == "jkill" else ("-x", "-", "-")
        equal(call(name, *wrong), (2, "", f"corral: usage: {usage}\n"), "and says the same when it is misused")
    impatient = dict(doors.environment, SYSTEMD_BUS_TIMEOUT="1")
    lasts = instance.facts("run", "-d", "--", "sleep", "2.5")["jid"]
    done = subprocess.run([doors.work / "jwait", lasts], env=impatient, text=True, capture_output=True, check=False, timeout=30)
    equal((done.returncode, done.stdout), (0, f"job {lasts} exited with code 0\n"), "jwait outlasts sd-bus's time for a call")
    jid = instance.facts("run", "-d", "--accept-less", "--limit", "cpu=1h", "--", "sleep", "100")["jid"]
    code, out, err = call("jstat", "-a")
    lines = [line.split() for line in out.splitlines()]
    equal((code, lines[0]), (0, ["JID", "OWNER", "COMMAND"]), f"jstat -a has SGI's columns {err}")
    check([jid, subprocess.getoutput("id -un"), "sleep", "100"] in lines, "and a line for each job", lines)
    equal(call("jstat", "-j", jid[2:])[1], out, "jstat -j takes a jid without its 0x")
    lines = [line.split() for line in call("jstat", "-p", "-j", jid)[1].splitlines()]
    equal(lines[0], ["JID", "PID", "PPID", "COMMAND"], "jstat -p has the processes' columns")
    equal((lines[1][0], lines[1][3]), (jid, "sleep"), "and a line for each process")
    equal(call("jstat", "-x")[0], 2, "a wrong option is refused")
    check("cpu        3600.000 s" in call("jlimit", "-j", jid)[1], "jlimit shows limits")
    equal(call("jlimit", "-j", jid, "wall=2h")[0], 0, "jlimit changes one")
    code, _, err = call("jlimit", "-j", jid, "wall=2h:1h")
    check(code == 64 and "the soft bound '2h' of 'wall' is above the hard one, '1h'" in err, "and says what is wrong with one", err)
    equal(instance.facts("show", jid)["limits"]["wall"], 7200 * 10**6, "and it holds")
    if os.geteuid() == 0 and instance.engine == "cgroup2":
        other = subprocess.Popen(["sleep", "1000"])
        equal(call("jattach", other.pid, jid), (0, "", ""), "jattach brings a process in")
        check(f" {other.pid} " in call("jstat", "-p", "-j", jid)[1], "and it is there")
        equal(call("jattach", other.pid, "77")[0], 66, "into no job that there is not")
        equal(call("jdetach", "-p", other.pid), (0, "", ""), "jdetach takes it out")
        check(f" {other.pid} " not in call("jstat", "-p", "-j", jid)[1], "and it is gone")
        equal(call("jdetach", other.pid)[0], 2, "jdetach wants -p or -j")
        other.kill()
        other.wait()
    check("KILL" in call("jkill", "-l")[1], "jkill -l lists signals")
    equal(call("jkill", "-9", jid)[0], 0, "jkill -9 kills")
    equal(call("jwait", jid)[:2], (0, f"job {jid} was ended by SIGKILL\n"), "jwait waits and says how it ended")
    equal(call("jkill", "zz")[0], 64, "no jid is refused")
    hid = f"{int(jid, 16) >> 32:x}"
    equal(call("jsethid", hid)[0], 0, "jsethid takes the instance's own hid")
    equal(call("jsethid", "77")[0], 72, "and no other")


def main():
    if shutil.which("cc") is None:
        corral.skip("needs a C compiler")
    exports_are_listed()
    for engine in corral.engines():
        with corral.Instance(engine=engine) as instance:
            print(f"# {engine}")
            doors = Doors(instance)
            libcorral(doors)
            libcorral_members(doors)
            libjob(doors)
            statuses(doors)
            sgi_commands(doors)
            if engine == corral.engines()[0]:
                by_pkg_config(doors)
    site_limits()


main()
