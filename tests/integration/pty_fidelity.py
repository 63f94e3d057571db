#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`corral run -- X` can replace X: the same typing into bash on a pty, once with
X bare and once with X under a wrapper, gives the same bytes. The wrappers are
`corral run --` without an instance, the same under a running one, and the
reaper by itself with each engine.

The wrapper stands in $W, which is empty for the bare run, so that bash prints
the same command lines; $E holds the variables by which it finds its instance,
for what clears the environment. Only process numbers are blanked. Run by hand
for some cases, or for another wrapper:

    WRAPPER="build/cli/corral run --" python3 pty_fidelity.py control_c stop_and_fg
"""

import concurrent.futures
import contextlib
import dataclasses
import json
import os
import shutil
import sys
import tempfile

import corral
from pty_cases import CASES
from pty_session import Session, is_running

# --- Running them ------------------------------------------------------------


@dataclasses.dataclass
class Wrapper:
    """What stands before the command, and what its session's bash has in its environment."""

    words: str = ""
    variables: dict = dataclasses.field(default_factory=dict)

    def session_variables(self):
        return {**self.variables, "E": " ".join(f"{name}={value}" for name, value in self.variables.items())}


BARE = Wrapper()


def play(name, wrapper):
    directory = tempfile.mkdtemp(prefix="corral-pty-")
    session = Session(wrapper.words, directory, wrapper.session_variables())
    try:
        CASES[name](session)
    finally:
        session.close()
        shutil.rmtree(directory, ignore_errors=True)
    return session


def is_same(bare, wrapped):
    return not bare.is_late and wrapped.transcript() == bare.transcript()


def compare(name, tested):
    """Each wrapper's session with the bare one that was played beside it."""
    result = {}
    # What a busy machine made late says nothing: it is played again.
    for _ in range(3):
        left = [label for label in tested if label not in result or not is_same(*result[label])]
        if not left:
            break
        with concurrent.futures.ThreadPoolExecutor(1 + len(left)) as pool:
            bare, *played = pool.map(lambda wrapper: play(name, wrapper), [BARE, *(tested[label] for label in left)])
        result |= {label: (bare, wrapped) for label, wrapped in zip(left, played)}
    return result


def cgroup_base():
    return corral.cgroup2_parent() and corral.cgroup2_parent() / f"corral-test-pty-{os.getpid()}"


def wrappers(folder, instance):
    """Each with a folder of its own, in which nobody listens but the instance in its."""
    result = {}
    base = cgroup_base()
    for engine in ("cgroup2", "subreaper") if base else ("subreaper",):
        place = f" --cgroup-base {base}" if engine == "cgroup2" else ""
        result[engine] = Wrapper(f"{corral.INIT} --record {folder}/pacct-{engine} --engine {engine}{place} --reraise --")
    embedded = {"CORRAL_RUNTIME_DIR": f"{folder}/run", "CORRAL_PACCT": f"{folder}/pacct-embedded"}
    os.mkdir(f"{folder}/run", 0o700)
    if base:
        embedded["CORRAL_CGROUP_BASE"] = str(base)
    result["embedded"] = Wrapper(f"{corral.COMMAND} run --", embedded)
    names = ("CORRAL_RUNTIME_DIR", "CORRAL_PACCT", "CORRAL_CGROUP_BASE")
    variables = {name: instance.environment[name] for name in names if name in instance.environment}
    result["supervised"] = Wrapper(f"{corral.COMMAND} run --", variables)
    return result


def play_all(names, tested):
    differing = []
    os.environ["CORRAL_TEST_MARK"] = f"pty-{os.getpid()}"
    for name in names:
        for label, (bare, wrapped) in compare(name, tested).items():
            if is_same(bare, wrapped):
                print(f"ok: {name} ({label}): {len(bare.text)} bytes are the same", flush=True)
                continue
            differing.append(f"{name} ({label})")
            print(f"DIFFERS: {name} ({label})\n--- bare\n{bare.transcript()}\n--- wrapped\n{wrapped.transcript()}\n---")
    del os.environ["CORRAL_TEST_MARK"]
    corral.check(not differing, f"{len(names)} cases under {len(tested)} wrappers behave as bare", differing)


def has_no_cgroup(path):
    return not any(entry.is_dir() for entry in path.iterdir())


def check_remains(tested, instance):
    """What the sessions left: nothing that runs, no cgroup."""
    corral.wait_until(lambda: instance.facts("ps") == [], what="the end of the instance's jobs")
    left = is_running(f"CORRAL_TEST_MARK=pty-{os.getpid()}")
    corral.check(left is None, "nothing of any case is left running", left)
    base = cgroup_base()
    if base and base.exists():
        # What `kill -9` of a whole group left, the next scope removes.
        os.system(f"{tested['cgroup2'].words} true")
        corral.check(has_no_cgroup(base / "alone"), "every job's cgroup was removed")
        (base / "alone").rmdir()
        base.rmdir()


def started(command, path):
    """How many jobs began in this file."""
    text = command("records", "--json", path).stdout if os.path.exists(path) else ""
    return sum(json.loads(line)["kind"] == "start" for line in text.splitlines())


def check_ways(instance, folder):
    """That every wrapper was what it is called: one `corral run` alone, the other under the instance."""
    alone, supervised = (started(instance.run, path) for path in (f"{folder}/pacct-embedded", instance.pacct))
    corral.check(alone > 0, f"{alone} jobs ran without an instance")
    # A shell that was to be killed may end before it has asked: one job more or less.
    corral.check(abs(alone - supervised) <= 5, f"{supervised} jobs ran under the instance", alone)
    corral.equal(instance.job_cgroups(), [], "no cgroup is left in the instance")


def main():
    names = sys.argv[1:] or list(CASES)
    if "WRAPPER" in os.environ:
        play_all(names, {"WRAPPER": Wrapper(os.environ["WRAPPER"])})
        return
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="corral-pty-records-"))
        instance = stack.enter_context(corral.Instance())
        tested = wrappers(folder, instance)
        play_all(names, tested)
        check_remains(tested, instance)
        check_ways(instance, folder)


if __name__ == "__main__":
    main()
