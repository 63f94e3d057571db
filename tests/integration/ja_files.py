#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""ja starts and stops the accounting of its own job, into a file that it hands
over: every process once, with marks, whatever is killed; several jobs and files
at once; a file that is full, removed, another one; who may; and no record of
anybody else."""

import json
import os
import pathlib
import pwd
import signal
import subprocess
import sys
import tempfile

import corral
import csa_files
from accounted import Accounted, scribe_of
from csa_site import Site

SHELL = """
cd {folder}; set -e
{body}
"""


class World:
    def __init__(self, **options):
        self.options = options

    def __enter__(self):
        self.site = Site().__enter__()
        self.instance = Accounted(self.site, **self.options).__enter__()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="corral-ja-"))
        self.folder.chmod(0o1777)
        self.site.words("ja")
        self.instance.environment.update(PATH=f"{self.site.bin}:{os.environ['PATH']}", CORRAL_RUNTIME_DIR=str(self.instance.runtime),
                                         TMPDIR=str(self.folder), CSACONFIG=str(self.site.root / "csa.conf"))  # fmt: skip
        for folder in (self.site.root, self.site.bin, self.instance.folder, self.instance.runtime):
            folder.chmod(0o755)
        return self

    def __exit__(self, *error):
        self.instance.__exit__(*error)
        self.site.__exit__(*error)
        subprocess.run(["rm", "-rf", str(self.folder)], check=False)

    def start(self, body, **options):
        """A job of a shell that runs `body`; where it prints."""
        out = self.folder / f"out{len(list(self.folder.iterdir()))}"
        done = self.instance.run("run", "-d", "--json", *options.get("words", []), "--", "sh", "-c",
                                 f"exec >{out} 2>&1 </dev/null; chmod 644 {out};" + SHELL.format(folder=self.folder, body=body))  # fmt: skip
        if done.returncode != 0:
            corral.fail(f"a job was not started: {done.stderr}")
        return json.loads(done.stdout)["jid"], out

    def job(self, body, **options):
        jid, out = self.start(body, **options)
        self.instance.run("wait", jid)
        return jid, out.read_text()

    def file(self, name):
        return self.folder / name


def entries(path):
    return list(csa_files.entries(path.read_bytes()))


def commands(path):
    """Name of each process in a file, in its order."""
    names = []
    for entry in entries(path):
        if entry.kind == csa_files.PROCESS:
            names.append(entry.records[csa_files.PROCESS][80:96].split(b"\0")[0].decode())
    return names


def events(path):
    return [entry.records[csa_files.CONFIGURATION][24] for entry in entries(path) if entry.kind == csa_files.CONFIGURATION]


def is_kernel_counted(world):
    return "cgroup2" in world.instance.run("doctor").stdout and world.instance.engine != "subreaper"


def a_day_of_ja(world):
    """Start, marks, reports, stop."""
    _, out = world.job("ja mine; true; ls >/dev/null; mark=$(ja -m mine); sleep 0; ja -c mine | sed 's/^/c: /'; "
                       "ja -c -M $mark: mine | sed 's/^/m: /'; ja -s mine | sed 's/^/s: /'; ja -t mine; uname; ja -c -s mine | sed 's/^/t: /'")  # fmt: skip
    shown = {line[0]: [] for line in out.splitlines() if line[1:2] == ":"}
    for line in out.splitlines():
        if line[1:2] == ":":
            shown[line[0]].append(line[3:])
    names = commands(world.file("mine"))
    corral.equal(REAPED in out, not is_kernel_counted(world), "who counts is said where few have records")
    corral.check("ls" in names and "sleep" in names and "uname" not in names, "the file has what ended between start and stop", names, out)
    corral.equal(events(world.file("mine")), [2, 2], "each start begins with a configuration record")
    corral.check(any("ls" in line for line in shown["c"]) and any("sleep" in line for line in shown["c"]), "ja -c shows them at once", out)
    corral.check(not any(line.startswith("ls ") for line in shown["m"]) and any("sleep" in line for line in shown["m"]), "ja -M from a mark", out)
    corral.check(any("Number of Commands" in line for line in shown["s"]), "ja -s sums up", out)
    kinds = {entry.kind for entry in entries(world.file("mine"))}
    corral.equal(kinds - {csa_files.PROCESS, csa_files.CONFIGURATION}, set(), "and no other records")


def usual_name(world):
    jid, out = world.job("ja; true; ls .jacct*; ja -s; ja -st; ls .jacct* || echo gone")
    corral.check(f".jacct{int(jid, 16):x}" in out and "gone" in out and "Summary Report" in out, "without a name it is .jacct and the jid", out)


def several(world):
    """Each job its own file, two in one file, another file in the middle."""
    first, _ = world.start("ja one; for i in 1 2 3 4 5; do /bin/true; done; ja -t one")
    second, _ = world.start("ja both; for i in 1 2 3 4 5; do /bin/uname; done; ja -t both")
    third, _ = world.start("ja both; for i in 1 2 3 4 5; do /bin/id; done; ja two; /bin/ls; ja -t two")
    for jid in (first, second, third):
        world.instance.run("wait", jid)
    corral.equal((commands(world.file("one")).count("true"), "uname" in commands(world.file("one"))), (5, False), "one job's records, and no other's")
    both = commands(world.file("both"))
    corral.equal((both.count("uname"), both.count("id"), both.count("ls")), (5, 5, 0), "two jobs into one file, each record whole")
    corral.equal(commands(world.file("two")).count("ls"), 1, "the next file has what comes then")


def switches_do_not_count(world):
    world.instance.run("accounting", "on", "--cpu-threshold", "1h")
    world.instance.run("accounting", "off", "io", "job")
    world.job("ja all; /bin/true; ja -t all")
    corral.equal(commands(world.file("all")).count("true"), 1, "a threshold leaves nobody out of a user's file")
    linked = [entry for entry in entries(world.file("all")) if entry.kind == csa_files.PROCESS]
    corral.check(all(len(entry.records) > 1 for entry in linked), "nor is a kind left out")
    world.instance.run("accounting", "off")
    world.job("ja off; /bin/true; ja -t off")
    corral.equal(commands(world.file("off")).count("true"), 1, "nor accounting that is off")
    world.instance.run("accounting", "on", "csa", "job", "mem", "io", "delay")
    world.instance.run("accounting", "off", "time")


def killed(world):
    """Whoever dies in between, each process is there once."""
    jid, out = world.start("ja killed; i=0; while [ ! -e enough ] || [ $i -lt 400 ]; do /bin/true; i=$((i+1)); done; "
                           "ja -t killed; echo $i")  # fmt: skip
    find = (lambda: world.instance.supervisor, lambda: scribe_of(world.instance), lambda: worker_of(world.instance, b"--worker=job-file"))
    kills = [0, 0, 0]
    while min(kills) < 4:
        who = kills.index(min(kills))
        victim = corral.wait_until(find[who], what=("a supervisor", "a scribe", "a writer")[who])
        try:
            os.kill(victim, signal.SIGKILL)
            kills[who] += 1
        except ProcessLookupError:
            pass  # went with the one before
    world.file("enough").touch()
    world.instance.run("wait", jid)
    count = int(out.read_text().split()[-1])
    corral.wait_until(lambda: commands(world.file("killed")).count("true") >= count, seconds=30, what=f"{count} processes in the file")
    corral.equal(commands(world.file("killed")).count("true"), count, f"{count} processes, each once, over 4 kills of each")


def worker_of(instance, word):
    for pid in corral.descendants_of(instance.supervisor or 0):
        try:
            if word in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                return pid
        except OSError:
            continue
    return None


def uid_of(pid):
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except FileNotFoundError:
        return None  # it has gone since it was listed


def removed(world):
    _, out = world.job("ja gone; /bin/true; rm gone; /bin/true; ja -t gone && echo stopped || echo refused; "
                       "ja again; /bin/true; ja -t again && echo well")  # fmt: skip
    corral.check("refused" in out and "removed" in out and "well" in out, "a file that was removed is told, another can begin", out)
    corral.equal(commands(world.file("again")).count("true"), 1, "and is written")


def ends_with_its_job(world):
    world.job("ja left; /bin/true; exec /bin/uname")
    corral.wait_until(lambda: "uname" in commands(world.file("left")), what="the main process in the file")
    corral.equal(commands(world.file("left")).count("true"), 1, "a job that ends without ja -t has all of its records")
    corral.wait_until(lambda: worker_of(world.instance, b"--worker=job-file") is None, what="no process is left")


def full(world):
    if os.geteuid() != 0:
        return corral.not_checked("needs root")
    small = world.file("small")
    small.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k,mode=1777", "none", str(small)], check=False)
    if done.returncode != 0:
        return corral.not_checked("no tmpfs may be mounted here")
    try:
        jid, out = world.start("ja small/f; i=0; while [ $i -lt 40 ]; do /bin/true; i=$((i+1)); done; ja -t small/f || echo full; "
                               "while [ ! -e room ]; do sleep 0.1; done; ja -t small/f && echo well")  # fmt: skip
        corral.wait_until(lambda: out.exists() and "full" in out.read_text(), seconds=30, what="ja says that the file is full")
        before = small.joinpath("f").stat().st_size
        subprocess.run(["mount", "-o", "remount,size=1m", str(small)], check=True)
        world.file("room").touch()
        world.instance.run("wait", jid)
        corral.check("well" in out.read_text(), "with room the rest goes there", out.read_text())
        names = commands(small / "f")
        corral.equal(names.count("true"), 40, f"each process once, {before} bytes were there before")
    finally:
        subprocess.run(["umount", "-l", str(small)], check=False)


def who(world):
    if os.geteuid() != 0:
        return corral.not_checked("needs root")
    nobody = pwd.getpwnam("nobody")
    user = ["--user", "nobody"]
    _, out = world.job("id -u; ja own; /bin/true; ja -t own && echo well", words=user)
    corral.check("well" in out, "a user starts it for a job of his", out)
    corral.equal((world.file("own").stat().st_uid, commands(world.file("own")).count("true")), (nobody.pw_uid, 1), "in a file of his own")
    jid, _ = world.start("ja watched; sleep 60", words=user)
    writers = lambda: [pid for pid in corral.children_of(world.instance.supervisor) if uid_of(pid) == nobody.pw_uid]
    corral.check(corral.wait_until(writers, what="a writer with the user's rights"), "it is written with his rights")
    world.instance.run("kill", "-g", "0", jid)
    secret = world.file("secret")
    secret.write_bytes(b"")
    secret.chmod(0o600)
    _, out = world.job("ja secret && echo opened; ls -l secret; ln -s secret .link; ja .link && echo opened; true", words=user)
    told = [f"An error occurred creating file '{name}'.\n   System Error(13): Permission denied." in out for name in ("secret", ".link")]
    corral.check(all(told) and "opened" not in out, "a file that he may not write is not opened for him", out)
    corral.equal(secret.read_bytes(), b"", "not a byte")
    _, out = world.job("ja /dev/full && echo opened; mkfifo pipe; ja pipe && echo opened; true", words=user)
    told = [f"An error occurred creating file '{name}'.\n   System Error(13)" in out for name in ("/dev/full", "pipe")]
    corral.check(all(told) and "opened" not in out, "nor a device or a pipe", out)
    # Somebody else's process within the job, and a descriptor that may not be read.
    code = ("import os,sys,subprocess\n"
            "os.setuid(65533)\n"
            "print(subprocess.run(['ja', 'stranger'], capture_output=True, text=True).stderr)\n")  # fmt: skip
    jid, out = world.job(f"ja other; ja other && echo twice; python3 -c \"{code}\"; /bin/true; ja -t other")
    corral.check(f"uid 65533 may not follow the records of job {jid}" in out, "another user's process in it may not", out)
    corral.equal(world.file("stranger").stat().st_size, 0, "and its file has nothing")
    corral.equal(commands(world.file("other")).count("true"), 1, "the job's own user goes on")


REAPED = "who reaps counts the processes of this job"


def says_who_counts():
    """With the engine subreaper few processes have records, which is said."""
    with World(engine="subreaper") as world:
        _, out = world.job("ja mine; sh -c true; ja -t mine; echo done")
        corral.check(REAPED in out and "'corral doctor'" in out and "done" in out, "that only those whom the reaper waits for have records is said", out)
        corral.check(pathlib.Path(world.folder / "mine").exists(), "and the file is there")


def main():
    if len(sys.argv) < 2 or "says_who_counts" in sys.argv[1:]:
        says_who_counts()
    tests = (a_day_of_ja, usual_name, several, switches_do_not_count, removed, ends_with_its_job, full, who, killed)
    for engine in (None,):  # of others only who reaps tells, and few are reaped by it
        if corral.cgroup2_parent() is None:
            corral.not_checked("no cgroup v2 to be written here")
            continue
        with World(engine=engine) as world:
            for test in tests:
                if len(sys.argv) < 2 or test.__name__ in sys.argv[1:]:
                    print(f"--- {test.__name__}, {engine or 'cgroup2'}")
                    test(world)
                    for path in world.folder.glob("*"):
                        if path.is_file():
                            path.unlink()


main()
