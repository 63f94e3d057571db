# SPDX-License-Identifier: Apache-2.0
"""What the integration tests share: the programs' paths, a private instance of
Corral in a cgroup of its own, and the three ways a test can end.

A test prints what it checked and exits 0 (passed), 1 (failed) or 77 (skipped,
all of it or a part, with its reasons; contrib/check wants each of them in
tests/skips). By hand:

    PYTHONPATH=tests/support CORRAL_BUILD=build python3 tests/integration/NAME.py
"""

import atexit
import contextlib
import itertools
import json
import os
import pathlib
import secrets
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from survivors import end_survivors

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("CORRAL_BUILD", SOURCE / "build")).resolve()
INIT = BUILD / "reaper" / "corral-init"
REAPER = BUILD / "reaper" / "corral-reaper"
PIDNS = BUILD / "reaper" / "corral-pidns"
INIT_GLIBC = BUILD / "reaper" / "corral-init-glibc"
DAEMON = BUILD / "supervisor" / "corrald"
COMMAND = BUILD / "cli" / "corral"
WHOLE_COMMAND = BUILD / "cli" / "corral-command"  # behind the static front of it
if not INIT.exists():
    INIT = INIT_GLIBC

_numbers = itertools.count(1)
_checks = 0
_not_checked = []
_is_decided = False


def fail(text):
    global _is_decided
    _is_decided = True
    print(f"FAIL: {text}", flush=True)
    sys.exit(1)


def skip(reason):
    """Ends the test as skipped. The reason must stand in tests/skips."""
    global _is_decided
    _is_decided = True
    print(f"SKIP: {reason}", flush=True)
    sys.exit(77)


def end_within(code):
    """Ends as another run of this script has, which did the checking."""
    global _is_decided
    _is_decided = True
    sys.exit(code)


def not_checked(reason):
    """A part that cannot run here: the test goes on, but if it passes it ends
    as skipped. The reason must stand in tests/skips."""
    if reason not in _not_checked:
        _not_checked.append(reason)


@atexit.register
def _at_the_end():
    if names := end_survivors():
        print(f"FAIL: this test left processes behind that hold its output: {', '.join(names)}", flush=True)
        os._exit(1)
    is_test = pathlib.Path(sys.argv[0]).parent.name == "integration"
    if is_test and _checks == 0 and not (_is_decided or _not_checked or hasattr(sys, "last_value")):
        print("FAIL: this test has checked nothing", flush=True)
        os._exit(1)
    if not _not_checked or _is_decided or hasattr(sys, "last_value"):  # an exception ended it
        return
    for reason in _not_checked:
        print(f"SKIP: {reason}")
    sys.stdout.flush()
    os._exit(77)


def check(claim, text, *facts):
    """One checked fact: printed when it holds, the end of the test when not."""
    global _checks
    _checks += 1
    if not claim:
        fail(f"{text}" + "".join(f"\n  {fact!r}" for fact in facts))
    print(f"ok {_checks}: {text}", flush=True)


def equal(found, wanted, text):
    check(found == wanted, text, f"found {found!r}", f"wanted {wanted!r}")


def wait_until(claim, seconds=10.0, what="the expected state", pause=0.01):
    """Waits for something that has no descriptor to wait on. The tests may
    look again and again; the programs may not."""
    end = time.monotonic() + seconds
    while True:
        value = claim()
        if value:
            return value
        if time.monotonic() > end:
            fail(f"{what} did not come in {seconds} s")
        time.sleep(pause)


# --- cgroups ---------------------------------------------------------------


def cgroup2_root():
    """The mount of the v2 hierarchy, or None."""
    for path in ("/sys/fs/cgroup/unified", "/sys/fs/cgroup"):
        if all(os.path.exists(f"{path}/{name}") for name in ("cgroup.procs", "cgroup.controllers")):
            return pathlib.Path(path)
    return None


def cgroup2_parent():
    """A v2 directory in which this process may make others, or None."""
    root = cgroup2_root()
    if root and os.access(root / "cgroup.procs", os.W_OK):
        return root
    return None


def needs_cgroup2():
    """The directory for the test's own cgroups; without one it is skipped."""
    parent = cgroup2_parent()
    if parent is None:
        skip("needs a writable cgroup v2 hierarchy")
    return parent


def engines():
    """The engines that work here; without cgroup2 the test ends as skipped."""
    if cgroup2_parent() is None:
        not_checked("needs a writable cgroup v2 hierarchy")
        return ["subreaper"]
    return ["subreaper", "cgroup2"]


def has_namespaces():
    """Whether unshare(1) can make a pid namespace with its own /proc: not in a chroot."""
    words = ["unshare", "--fork", "--pid", "--mount-proc", "true"]
    return subprocess.run(words, stderr=subprocess.DEVNULL, check=False).returncode == 0


def needs_namespaces():
    if not has_namespaces():
        skip("needs a mount namespace")


def run_in_own_namespace(main):
    """Runs main() as PID 1 of a pid namespace of this script's own."""
    mark = "CORRAL_TEST_IN_NAMESPACE"
    needs_root()
    needs_namespaces()
    if mark in os.environ:
        return main()
    command = ["unshare", "-fp", "--mount-proc", "--kill-child", sys.executable, *sys.argv]
    end_within(subprocess.run(command, env={**os.environ, mark: "1"}).returncode)


def needs_root():
    if os.geteuid() != 0:
        skip("needs root")


class Cgroup:
    """A cgroup of the test's own: all that is in it ends with it."""

    def __init__(self, name=None):
        parent = needs_cgroup2()
        # Not by the pid alone: another pid namespace has the same.
        name = name or f"corral-test-{os.getpid()}-{secrets.token_hex(4)}"
        self.path = parent / name
        self.path.mkdir()

    def __truediv__(self, name):
        return self.path / name

    def enter(self):
        """For preexec_fn: the child joins before it execs."""
        (self.path / "cgroup.procs").write_text("0")

    def processes(self):
        """The pids of the whole tree below."""
        pids = []
        for procs in self.path.rglob("cgroup.procs"):
            with contextlib.suppress(OSError):
                pids += [int(pid) for pid in procs.read_text().split()]
        return pids

    def is_populated(self):
        return "populated 1" in (self.path / "cgroup.events").read_text()

    def remove(self):
        if not self.path.exists():
            return
        (self.path / "cgroup.kill").write_text("1")
        end = time.monotonic() + 20
        while self.is_populated() and time.monotonic() < end:
            for freeze in self.path.rglob("cgroup.freeze"):
                with contextlib.suppress(OSError):
                    freeze.write_text("0")
            time.sleep(0.01)
        groups = []  # limits of jobs that an instance did not live to remove
        for controller in ("memory", "pids", "cpu", "cpuset", "blkio"):
            groups += pathlib.Path("/sys/fs/cgroup", controller).glob(f"**/{self.path.name}.*")
        for tree in [self.path, *groups]:
            for folder, _, _ in os.walk(tree, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.remove()


# --- processes -------------------------------------------------------------


def processes_with(variable):
    """The pids whose environment, as it was at exec, holds NAME=VALUE. What is
    no such mark is refused: every environment ends with the empty text, and the
    empty mark would be found in every process of the machine."""
    name, equals, value = variable.partition("=")
    if not (name.startswith("CORRAL_") and equals and value):
        raise ValueError(f"'{variable}' is no mark of a test's own: expected CORRAL_NAME=VALUE")
    wanted = variable.encode()
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        if any(wanted in environment for environment in _environments_of(entry)):
            yield int(entry)


def _environments_of(pid):
    """As each thread has it: a first thread that has ended has none, while the
    others live on."""
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/task/{thread}/environ", "rb") as file:
                    yield file.read().split(b"\0")


def end_processes_with(variable):
    """Kills what carries the mark of this test, until nothing does."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        pids = list(processes_with(variable))
        if not pids:
            return
        for pid in pids:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def children_of(pid):
    with contextlib.suppress(OSError):
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(child) for child in file.read().split()]
    return []


def descendants_of(pid):
    found = []
    for child in children_of(pid):
        found += [child, *descendants_of(child)]
    return found


def name_of(pid):
    with contextlib.suppress(OSError):
        with open(f"/proc/{pid}/comm") as file:
            return file.read().strip()
    return None


def is_alive(pid):
    """A zombie is not alive."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


# --- an instance -----------------------------------------------------------


class Instance:
    """A reaper, its store and a supervisor of the test's own, with a runtime
    directory, pacct and cgroup that nobody else has:

        with corral.Instance() as instance:
            result = instance.run("run", "--", "true")

    `supervisor` is the pid of the supervisor that lives now, `reaper` of the
    reaper, `store` of the store."""

    def __init__(
        self,
        engine=None,
        bus="none",
        cgroup_base=None,
        options=(),
        init=None,
        environment=None,
        folder=None,
        ready_seconds=20,
        user=None,
    ):
        self.number = next(_numbers)
        self.mark = f"CORRAL_TEST={os.getpid()}.{self.number}"
        self._own_folder = folder is None
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="corral-test-"))
        self.runtime = self.folder / "run"
        self.pacct = self.folder / "pacct"
        self.logs = self.folder / "log"
        self.socket = self.runtime / "private"
        self.stderr_path = self.folder / "stderr"
        self.engine = engine
        self.cgroup = None
        self.user = user
        if cgroup_base:
            self.cgroup_base = pathlib.Path(cgroup_base)
        elif engine != "subreaper" and cgroup2_parent() is not None:
            self.cgroup = Cgroup()
            self.cgroup_base = self.cgroup / "jobs"
            (self.cgroup / "daemon").mkdir()
            self.cgroup_base.mkdir()
        else:
            self.cgroup_base = None
        self.bus = bus
        self.options = [str(option) for option in options]
        self.init = pathlib.Path(init or INIT)
        self.ready_seconds = ready_seconds
        self.environment = {**os.environ, **(environment or {})}
        name, _, value = self.mark.partition("=")
        self.environment[name] = value
        self.environment["CORRAL_RUNTIME_DIR"] = str(self.runtime)
        self.environment["CORRAL_PACCT"] = str(self.pacct)
        self.environment["CORRAL_LOG_DIR"] = str(self.logs)
        for variable in ("CORRAL_ENGINE", "CORRAL_CGROUP_BASE"):
            self.environment.pop(variable, None)
        if engine:
            self.environment["CORRAL_ENGINE"] = engine
        if self.cgroup_base:
            self.environment["CORRAL_CGROUP_BASE"] = str(self.cgroup_base)
        self.process = None

    def command_line(self, ready):
        line = [str(self.init), "--supervise", f"--ready-fd={ready}", "--", str(DAEMON)]
        line += ["--runtime", str(self.runtime), "--pacct", str(self.pacct)]
        line += ["--log-dir", str(self.logs), "--bus", self.bus]
        if self.cgroup_base:
            line += ["--cgroup-base", str(self.cgroup_base)]
        if self.engine:
            line += ["--engine", self.engine]
        return line + self.options

    def start(self, prefix=()):
        """Starts the instance and waits until it answers. `prefix` is put
        before the command (strace, unshare, ...)."""
        for folder in (self.runtime, self.logs):
            folder.mkdir(mode=0o700, exist_ok=True)
        ready, theirs = os.pipe()

        def join():
            if self.cgroup:
                (self.cgroup / "daemon" / "cgroup.procs").write_text("0")

        with open(self.stderr_path, "ab") as stderr:
            self.process = subprocess.Popen(
                [*prefix, *self.command_line(theirs)],
                stdin=subprocess.DEVNULL,
                stdout=stderr,
                stderr=stderr,
                env=self.environment,
                pass_fds=[theirs],
                preexec_fn=join,
                start_new_session=True,
                **({"user": self.user, "group": self.user, "extra_groups": []} if self.user else {}),
            )
        os.close(theirs)
        try:
            answers, _, _ = select.select([ready], [], [], self.ready_seconds)
            if not answers or os.read(ready, 16) == b"":
                fail(f"the instance did not become ready:\n{self.stderr()}")
        finally:
            os.close(ready)
        return self

    @property
    def reaper(self):
        return self.process.pid

    def _child(self, name, wanted=lambda pid: True):
        for pid in children_of(self.reaper):
            if name_of(pid) == name and wanted(pid):
                return pid
        return None

    @property
    def supervisor(self):
        return self._child("corrald")

    @property
    def store(self):
        """The child of the reaper that runs as the store."""

        def is_store(pid):
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    return b"--store" in file.read().split(b"\0")
            return False

        return self._child(name_of(self.reaper), is_store)

    def stderr(self):
        with contextlib.suppress(OSError):
            return self.stderr_path.read_text(errors="replace")
        return ""

    def popen(self, *arguments, **options):
        """`corral ARGUMENTS...` under this instance."""
        options.setdefault("env", self.environment)
        return subprocess.Popen([str(COMMAND), *map(str, arguments)], **options)

    def run(self, *arguments, timeout=60, **options):
        """The same, waited for, with its output as text."""
        options.setdefault("env", self.environment)
        options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run([str(COMMAND), *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=timeout, check=False, **options)

    def facts(self, *arguments, **options):
        """What `corral COMMAND --json ARGUMENTS...` prints, parsed."""
        result = self.run(arguments[0], "--json", *arguments[1:], **options)
        if result.returncode != 0:
            fail(f"corral {arguments} --json: {result.returncode}: {result.stderr}")
        return json.loads(result.stdout)

    def records(self, pacct=None):
        """The records of the pacct, as `corral records --json` tells them: one
        object a line."""
        result = self.run("records", str(pacct or self.pacct), "--json")
        if result.returncode != 0:
            fail(f"corral records: {result.returncode}: {result.stderr}")
        return {"records": [json.loads(line) for line in result.stdout.splitlines()]}

    def job_cgroups(self):
        """The cgroups that hold jobs now."""
        if not self.cgroup_base or not self.cgroup_base.exists():
            return []
        return [entry for entry in self.cgroup_base.iterdir() if entry.is_dir()]

    def close(self):
        """Ends everything of this instance, by its cgroup and by its mark."""
        if self.process and self.cgroup is None:
            with contextlib.suppress(OSError):
                os.kill(self.process.pid, signal.SIGKILL)
        if self.cgroup:
            self.cgroup.remove()
        end_processes_with(self.mark)
        if self.process:
            self.process.wait()
        if self._own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, kind, error, trace):
        if kind is not None and not (kind is SystemExit and error.code in (0, 77)):
            print(f"--- what the instance said ---\n{self.stderr()[-8000:]}", flush=True)
        self.close()
