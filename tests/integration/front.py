#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The static front of `corral` (cli/front.cc): a plain run becomes corral-init at once, with the very words that
corral-command would give it; everything else, and whatever is in doubt, is corral-command's."""

import fcntl
import os
import re
import shutil
import socket
import subprocess
import tempfile

from corral import COMMAND, INIT, WHOLE_COMMAND, check, equal, run_in_own_namespace, skip

if not WHOLE_COMMAND.exists():
    skip("without musl there is no front")


def programs_of(words, environment, program=COMMAND, name="corral", before=None, cwd=None):
    """The programs that `words` executes in its first process, each with its words."""
    with tempfile.NamedTemporaryFile("r") as log:
        line = ["strace", "-qq", "-v", "-s", "100000", "-e", "trace=execve", "-e", "signal=none", "-o", log.name,
                "bash", "-c", f'{before or ":"}; exec -a "$0" "$@"', name, program, *words]
        subprocess.run([str(word) for word in line], env=environment, cwd=cwd, stdin=subprocess.DEVNULL, timeout=30,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        found = re.findall(r'^execve\("([^"]+)", \[(.*?)\], \[(.*)\]\) = 0$', log.read(), re.MULTILINE)
    # The first is bash; which path it was found by is no matter.
    return [(os.path.basename(path), re.sub(r'^"[^"]*"', f'"{os.path.basename(path)}"', argv), set(env.split(", ")))
            for path, argv, env in found][1:]


class Place:
    """A user's directories, in which no instance has ever been."""

    def __init__(self, folder):
        self.folder = folder
        self.home = os.path.join(folder, "home")
        self.session = os.path.join(folder, "session")
        os.mkdir(self.home)
        os.mkdir(self.session)

    def environment(self, **more):
        names = {"PATH": os.environ["PATH"], "HOME": self.home, "XDG_RUNTIME_DIR": self.session, "TMPDIR": self.folder}
        names.update(more)
        return {name: value for name, value in names.items() if value is not None}


def is_plain(words, environment, what, **more):
    """The front and corral-command come to the same."""
    front = programs_of(words, environment, **more)
    whole = programs_of(words, environment, program=WHOLE_COMMAND, **more)
    equal([name for name, _, _ in front[:2]], ["corral", "corral-init"], f"{what}: the front becomes corral-init")
    equal([name for name, _, _ in whole[:2]], ["corral-command", "corral-init"], f"{what}: and so does corral-command")
    equal(front[1][1:], whole[1][1:], f"{what}: with the same words and variables")


def is_not_plain(words, environment, what, **more):
    front = programs_of(words, environment, **more)
    whole = programs_of(words, environment, program=WHOLE_COMMAND, **more)
    equal([name for name, _, _ in front[:2]], ["corral", "corral-command"], f"{what}: the front leaves it to corral-command")
    own = f'"{COMMAND.name}"'
    check(front[1][1].startswith('"corral-command"') and front[1][1].count(",") == front[0][1].replace(own, "").count(","),
          f"{what}: with all its words", front[1][1])
    equal([entry[:2] for entry in front[2:]], [entry[:2] for entry in whole[1:]], f"{what}: which comes to the same")


def same_words(place):
    environment = place.environment()
    is_plain(["run", "true"], environment, "a command")
    is_plain(["run", "--", "true"], environment, "a command after '--'")
    is_plain(["run", "sh", "-c", "exit 3", "--", "--name", ""], environment, "a command with options and an empty word")
    is_plain(["run", "--", "--strange"], environment, "a command that begins with '-'")
    is_plain(["run", "true", *["word"] * 4000], environment, "4,000 words")
    is_plain(["run", "true"], environment, "by a path", name="/usr/bin/corral")
    is_plain(["run", "true"], place.environment(XDG_STATE_HOME=place.folder), "a state directory of its own")
    is_plain(["run", "true"], place.environment(XDG_STATE_HOME="", TMPDIR=""), "variables that are empty")
    is_plain(["run", "true"], place.environment(XDG_RUNTIME_DIR=None, TMPDIR=None), "no session and the usual temporary directory")
    is_plain(["run", "true"], place.environment(TMPDIR=place.folder + "/nowhere"), "a temporary directory that is not there")


def other_words(place):
    environment = place.environment()
    for words in ([], ["--version"], ["run"], ["run", "--"], ["run", "--", ""], ["run", ""], ["run", "--name", "n", "true"],
                  ["run", "-h"], ["run", "--help"], ["run", "--json", "true"], ["ps"], ["runs", "true"], ["rum", "true"]):
        is_not_plain(words, environment, f"corral {' '.join(words)!r}")
    is_not_plain(["run", "true", *["word"] * 5000], environment, "5,000 words")
    is_not_plain(["run", "true"], environment, "another name", name="jstat")
    is_not_plain(["run", "true"], environment, "another name that ends likewise", name="mycorral")


def variables(place):
    for name, value in (("CORRAL_TIMEOUT", "1s"), ("CORRAL_ENGINE", "subreaper"), ("CORRAL_ENGINE", "wrong"),
                        ("CORRAL_PACCT", place.folder + "/pacct"), ("CORRAL_UNKNOWN", "")):
        is_not_plain(["run", "true"], place.environment(**{name: value}), f"{name}={value}")
    is_not_plain(["run", "true"], place.environment(XDG_STATE_HOME="relative"), "a relative state directory", cwd=place.folder)
    is_not_plain(["run", "true"], place.environment(XDG_STATE_HOME=place.session), "records in the runtime directory")
    state = place.home + "/.local/state"
    os.makedirs(state, exist_ok=True)
    is_not_plain(["run", "true"], place.environment(XDG_RUNTIME_DIR=state), "the runtime directory where the records would be")
    is_not_plain(["run", "true"], place.environment(HOME="/"), "the home '/'")
    is_not_plain(["run", "true"], place.environment(HOME=None), "no home")
    is_not_plain(["run", "true"], place.environment(HOME="relative"), "a relative home", cwd=place.folder)
    is_not_plain(["run", "true"], place.environment(HOME=place.folder + "/nowhere"), "a home that is not there")
    is_not_plain(["run", "true"], place.environment(HOME="/" + "h/" * 2040), "a home of 4 KiB")
    is_not_plain(["run", "true"], place.environment(XDG_RUNTIME_DIR="/" + "s/" * 2045), "a session of 4 KiB")
    for number in range(3):
        is_not_plain(["run", "true"], place.environment(), f"descriptor {number} closed", before=f"exec {number}>&-")


def instances(place):
    """A socket where an instance may be, whoever listens. The two that are the machine's are in file systems of ours."""
    uid = os.geteuid()
    directories = [f"{place.session}/corral", f"{place.folder}/corral-{uid}", f"/dev/shm/corral-{uid}", "/run/corral"]
    for directory in directories:
        shutil.rmtree(directory, ignore_errors=True)
        os.mkdir(directory, 0o700)
        is_plain(["run", "true"], place.environment(), f"{directory} without a socket")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"{directory}/private")
            is_not_plain(["run", "true"], place.environment(), f"{directory} with a socket")
        shutil.rmtree(directory)
    os.mkdir(f"{place.session}/corral")
    directory = os.open(f"{place.session}/corral", os.O_RDONLY)
    is_plain(["run", "true"], place.environment(), "a directory that nobody has locked")
    fcntl.flock(directory, fcntl.LOCK_EX)
    is_not_plain(["run", "true"], place.environment(), "a directory that an instance without a socket has locked",
                 before="exec 9>&-")
    os.close(directory)
    with open(f"{place.session}/corral/private.lock", "w", encoding="utf-8") as lock:
        is_plain(["run", "true"], place.environment(), "a lock that nobody has")
        fcntl.flock(lock, fcntl.LOCK_EX)
        is_not_plain(["run", "true"], place.environment(), "a lock that somebody has")
    shutil.rmtree(f"{place.session}/corral")
    with open(f"{place.session}/corral", "w", encoding="utf-8"):  # neither is certain there
        is_not_plain(["run", "true"], place.environment(), "a file where the directory would be")
    os.unlink(f"{place.session}/corral")


def without_proc(place):
    """Found by PATH, where the kernel alone knows where it is."""
    words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", 'umount -l /proc; exec "$@"', "sh"]
    environment = place.environment(PATH=f"{COMMAND.parent}:{os.environ['PATH']}")
    for more, what in ([], "a plain run"), (["--name", "n"], "and one with an option"):
        ran = subprocess.run([*words, "corral", "run", *more, "sh", "-c", "exit 9"], env=environment, check=False)
        equal(ran.returncode, 9, f"without /proc: {what}")


def not_found(place):
    """The front alone, and with corral-init only."""
    folder = os.path.join(place.folder, "bin")
    os.mkdir(folder)
    alone = shutil.copy(COMMAND, folder)
    ran = subprocess.run([alone, "ps"], env=place.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    equal((ran.returncode, ran.stdout),
          (125, f"corral: cannot execute '{folder}/corral-command': No such file or directory; it belongs beside 'corral' or in ../libexec/corral, or CORRAL_LIBEXEC names its directory\n"),
          "a front without its command says so")
    shutil.copy(INIT, folder)
    ran = subprocess.run([alone, "run", "sh", "-c", "exit 7"], env=place.environment(), check=False)
    equal(ran.returncode, 7, "and runs plain jobs with corral-init beside it")


def main():
    for directory in ("/run", "/dev/shm"):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=1777", "none", directory], check=True)
    with tempfile.TemporaryDirectory() as scratch:
        place = Place(scratch)
        same_words(place)
        other_words(place)
        variables(place)
        instances(place)
        not_found(place)
        without_proc(place)


run_in_own_namespace(main)
