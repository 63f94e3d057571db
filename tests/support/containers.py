# SPDX-License-Identifier: Apache-2.0
"""Real containers for the tests: a busybox root, and runc, crun and podman to run it, with nothing left behind.

    with containers.Scratch() as scratch:
        for engine in scratch.engines():
            container = engine.run(Surroundings(uid=12345), ["/corral-init", "--", "sh"])

Everything is in the scratch folder; cgroups are below one of the test's own name in every hierarchy. Root."""

import contextlib
import dataclasses
import itertools
import json
import os
import pathlib
import pty
import select
import shutil
import signal
import subprocess
import tempfile
import time

import corral

SUPPORT = pathlib.Path(__file__).resolve().parent
PURE_V2 = SUPPORT / "pure-v2-namespace.sh"
DEFAULT_PROFILE = pathlib.Path("/usr/share/containers/seccomp.json")
BUSYBOX = pathlib.Path("/bin/busybox")

# What an engine gives root in a container when nobody says otherwise.
CAPABILITIES = [
    f"CAP_{name}"
    for name in (
        "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID SETPCAP "
        "SETUID SYS_CHROOT"
    ).split()
]

# The names by which it does as its peers do.
PEERS = ("docker-init", "tini", "dumb-init", "catatonit")

# What an engine older than the kernel answers with ENOSYS.
NEWER_CALLS = [
    *("clone3", "pidfd_open", "pidfd_send_signal", "pidfd_getfd", "close_range", "openat2", "faccessat2"),
    *("epoll_pwait2", "process_madvise", "process_mrelease", "futex_waitv", "statx", "rseq", "bpf"),
]


@dataclasses.dataclass(frozen=True)
class Surroundings:
    """What a container's user or platform chooses."""

    uid: int = 0
    read_only: bool = False
    terminal: bool = False
    no_new_privs: bool = False
    seccomp: str = ""  # "", "default" (the engines') or "old" (NEWER_CALLS are not there)
    engine_init: str = ""  # the engine brings the init, at this place if it can, and puts it before the command


# --- seccomp -----------------------------------------------------------------


def for_runtime(profile):
    """A profile as engines have it (Docker's form: rules by capability and architecture) in the runtimes' own."""

    def holds(rule):
        includes, excludes = rule.get("includes") or {}, rule.get("excludes") or {}
        has_all = all(name in CAPABILITIES for name in includes.get("caps", []))
        has_none = not any(name in CAPABILITIES for name in excludes.get("caps", []))
        return has_all and has_none and "amd64" in includes.get("arches", ["amd64"])

    keys = ("names", "action", "args", "errnoRet")
    rules = [
        {key: rule[key] for key in keys if rule.get(key) is not None} for rule in profile["syscalls"] if holds(rule)
    ]
    return {
        "defaultAction": profile["defaultAction"],
        "defaultErrnoRet": profile.get("defaultErrnoRet", 1),
        "architectures": ["SCMP_ARCH_X86_64"],
        "syscalls": rules,
    }


OLD_PROFILE = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "architectures": ["SCMP_ARCH_X86_64"],
    "syscalls": [{"names": NEWER_CALLS, "action": "SCMP_ACT_ERRNO", "errnoRet": 38}],
}


# --- a container that runs ---------------------------------------------------


class Container:
    """The engine's process in the foreground, and what the container printed."""

    def __init__(self, engine, name, line, terminal):
        self.engine, self.name, self.output = engine, name, ""
        theirs = None
        if terminal:
            self.fd, theirs = pty.openpty()
            ends = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
        else:
            ends = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        words = [str(word) for word in line]
        self.process = subprocess.Popen(words, start_new_session=True, env=engine.environment, **ends)
        if terminal:
            os.close(theirs)
        else:
            self.fd = self.process.stdout.fileno()

    def read_until(self, word, seconds=20):
        """Whether it printed `word`; an empty one waits for the end of the output."""
        end = time.monotonic() + seconds
        while not word or word not in self.output:
            ready, _, _ = select.select([self.fd], [], [], max(0, end - time.monotonic()))
            data = b""
            with contextlib.suppress(OSError):  # a terminal without another end
                data = os.read(self.fd, 65536) if ready else b""
            if not data:
                return not word and bool(ready)
            self.output += data.decode(errors="replace").replace("\r", "")
        return True

    def type(self, text):
        os.write(self.fd, text.encode())

    def execute(self, *words):
        """Runs something else in it; returns its completed process."""
        return self.engine.call(*self.engine.exec_words(self.name), *words)

    def wait(self, seconds=30):
        """Reads to the end of it; returns the exit code."""
        self.read_until("", seconds)
        return self.process.wait(seconds)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.engine.remove(self.name)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.process.stdout is None:
            os.close(self.fd)
        else:
            self.process.stdout.close()


# --- engines -----------------------------------------------------------------


class Engine:
    """`line` is the engine's command with its global options."""

    def __init__(self, scratch, name, line):
        self.scratch, self.name = scratch, name
        self.line = [str(word) for word in line]
        self.environment = {**os.environ, "CORRAL_TEST": scratch.mark}
        self.root = scratch.make_root(name)
        self._numbers = itertools.count(1)

    def call(self, *words):
        line = [*self.line, *(str(word) for word in words)]
        return subprocess.run(line, capture_output=True, text=True, check=False, timeout=60, env=self.environment)

    def next_name(self):
        return f"{self.scratch.mark}-{self.name}-{next(self._numbers)}".replace("+", "-")


class Runtime(Engine):
    """runc or crun, with a bundle of ours, which asks for no limits: root of this machine may not set all of them."""

    def init_path(self, surroundings):
        return surroundings.engine_init

    def config(self, surroundings, words, environment):
        mounts = [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["newinstance"]},
        ]
        if surroundings.engine_init:
            words = [surroundings.engine_init, "--", *words]
            bind = {"type": "bind", "source": str(corral.INIT), "options": ["bind", "ro"]}
            mounts.append({"destination": surroundings.engine_init, **bind})
        caps = [] if surroundings.uid else CAPABILITIES
        linux = {
            "namespaces": [{"type": kind} for kind in ("pid", "mount", "ipc", "uts", "network")],
            "cgroupsPath": f"/{self.scratch.mark}/{self.name}",
            "resources": {},
        }
        if surroundings.seccomp:
            is_old = surroundings.seccomp == "old"
            linux["seccomp"] = OLD_PROFILE if is_old else for_runtime(json.loads(DEFAULT_PROFILE.read_text()))
        return {
            "ociVersion": "1.0.2",
            "process": {
                "terminal": surroundings.terminal,
                "user": {"uid": surroundings.uid, "gid": surroundings.uid},
                "args": [str(word) for word in words],
                "env": ["PATH=/bin", f"CORRAL_TEST={self.scratch.mark}", *environment],
                "cwd": "/",
                "noNewPrivileges": surroundings.no_new_privs,
                "capabilities": {kind: caps for kind in ("bounding", "effective", "permitted")},
            },
            "root": {"path": str(self.root), "readonly": surroundings.read_only},
            "mounts": mounts,
            "linux": linux,
        }

    def run(self, surroundings, words, environment=()):
        name = self.next_name()
        bundle = self.scratch.path / name
        bundle.mkdir()
        (bundle / "config.json").write_text(json.dumps(self.config(surroundings, words, environment)))
        return Container(self, name, [*self.line, "run", "--bundle", bundle, name], surroundings.terminal)

    def exec_words(self, name):
        return ["exec", name]

    def stop(self, name):
        return self.call("kill", name, "TERM")

    def remove(self, name):
        self.call("delete", "--force", name)


class Podman(Engine):
    def init_path(self, surroundings):
        return "/run/podman-init" if surroundings.engine_init else ""

    def run(self, surroundings, words, environment=()):
        name = self.next_name()
        options = ["--rm", "--name", name, "--network", "none", "--cgroup-parent", f"/{self.scratch.mark}"]
        options += [f"--user={surroundings.uid}:{surroundings.uid}", f"--env=CORRAL_TEST={self.scratch.mark}"]
        options += [f"--env={variable}" for variable in ("PATH=/bin", *environment)]
        old = self.scratch.path / "old.json"
        old.write_text(json.dumps(OLD_PROFILE))
        # Podman has the default profile by itself.
        profile = {"": "seccomp=unconfined", "default": "", "old": f"seccomp={old}"}[surroundings.seccomp]
        given = {
            f"--security-opt={profile}": bool(profile),
            "--security-opt=no-new-privileges": surroundings.no_new_privs,
            "--read-only": surroundings.read_only,
            "--interactive": surroundings.terminal,
            "--tty": surroundings.terminal,
            "--init": bool(surroundings.engine_init),
            f"--init-path={corral.INIT}": bool(surroundings.engine_init),
        }
        options += [option for option, is_given in given.items() if is_given]
        line = [*self.line, "run", *options, "--rootfs", self.root, *words]
        return Container(self, name, line, surroundings.terminal)

    def exec_words(self, name):
        return ["exec", name]

    def stop(self, name):
        return self.call("stop", name)

    def remove(self, name):
        self.call("rm", "--force", "--ignore", "--time", "0", name)


# --- where it all is ---------------------------------------------------------


class Scratch:
    """The folder, the roots, and the end of everything."""

    def __init__(self):
        corral.needs_root()
        # Who enters a mount namespace stands in its own root, as runc exec does; that is not ours in a chroot.
        entered = ["nsenter", "--mount=/proc/self/ns/mnt", "stat", "--format=%d %i", "/"]
        root = subprocess.run(entered, capture_output=True, text=True, check=False).stdout.split()
        if root != [str(os.stat("/").st_dev), str(os.stat("/").st_ino)]:
            corral.skip("needs a root that is no chroot")
        self.mark = f"corral-test-oci-{os.getpid()}"
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="corral-oci-"))
        self.path.chmod(0o755)
        self.had_libpod = self._cgroups("libpod_parent")

    @staticmethod
    def _cgroups(name):
        """The directory of that name in every hierarchy."""
        places = [pathlib.Path("/sys/fs/cgroup"), *pathlib.Path("/sys/fs/cgroup").iterdir()]
        return [place / name for place in places if (place / name / "cgroup.procs").exists()]

    def make_root(self, name):
        """A root with busybox and corral-init, also by its peers' names, without a passwd."""
        root = self.path / f"root-{name}"
        for folder in ("bin", "dev", "proc", "sys", "run", "tmp", "etc"):
            (root / folder).mkdir(parents=True)
        (root / "tmp").chmod(0o1777)
        shutil.copy(BUSYBOX, root / "bin" / "busybox")
        applets = subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True).stdout.split()
        for applet in applets:
            if applet != "busybox":
                (root / "bin" / applet).symlink_to("busybox")
        shutil.copy(corral.INIT, root / "corral-init")
        for peer in PEERS:
            (root / peer).symlink_to("corral-init")
        return root

    def engines(self):
        """All of them; without one the test is skipped."""
        lowered = {}
        for runtime in ("runc", "crun"):
            lowered[runtime] = self.path / f"{runtime}-lowered"
            path = shutil.which(runtime) or runtime
            lowered[runtime].write_text(f'#!/bin/sh\nOCI_RUNTIME={path} exec {SUPPORT}/oci-runtime-lowered.py "$@"\n')
            lowered[runtime].chmod(0o755)
        podman = ["podman", "--root", self.path / "graph", "--runroot", self.path / "run"]
        podman += ["--tmpdir", self.path / "tmp", "--storage-driver", "vfs"]
        podman += ["--cgroup-manager", "cgroupfs", "--runtime"]
        rows = (
            ("runc", Runtime, ["runc", "--root", self.path / "runc"]),
            ("crun", Runtime, [PURE_V2, "crun", "--cgroup-manager=disabled", "--root", self.path / "crun"]),
            ("podman+runc", Podman, [*podman, lowered["runc"]]),
            ("podman+crun", Podman, [PURE_V2, *podman, lowered["crun"]]),
        )
        for name, kind, line in rows:
            absent = [word for word in name.split("+") if shutil.which(word) is None]
            if absent:
                corral.skip(f"needs {absent[0]}")
            yield kind(self, name, line)

    def living(self):
        return list(corral.processes_with(f"CORRAL_TEST={self.mark}"))

    def close(self):
        corral.end_processes_with(f"CORRAL_TEST={self.mark}")
        ours = self._cgroups(self.mark)
        ours += [path for path in self._cgroups("libpod_parent") if path not in self.had_libpod]
        for path in ours:
            for procs in path.rglob("cgroup.procs"):
                # conmon, which has no mark; 0 is somebody of another pid namespace.
                for pid in filter(None, map(int, procs.read_text().split())):
                    with contextlib.suppress(OSError):
                        os.kill(pid, signal.SIGKILL)
            for folder, _, _ in os.walk(path, topdown=False):
                corral.wait_until(lambda place=folder: remove_folder(place), what=f"the end of {folder}")
        mounts = [line.split()[1] for line in pathlib.Path("/proc/self/mounts").read_text().splitlines()]
        for place in reversed([place for place in mounts if place.startswith(f"{self.path}/")]):
            subprocess.run(["umount", place], check=False)
        shutil.rmtree(self.path, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()


def remove_folder(path):
    with contextlib.suppress(FileNotFoundError):
        try:
            os.rmdir(path)
        except OSError:
            return False
    return True
