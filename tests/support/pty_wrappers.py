# SPDX-License-Identifier: Apache-2.0
"""What pty_fidelity puts before its commands, and what must be left of it."""

import dataclasses
import json
import os

import corral
from pty_session import is_running


@dataclasses.dataclass
class Wrapper:
    """What stands before the command, and what its session's bash has in its environment."""

    words: str = ""
    variables: dict = dataclasses.field(default_factory=dict)

    def session_variables(self):
        return {**self.variables, "E": " ".join(f"{name}={value}" for name, value in self.variables.items())}


BARE = Wrapper()


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
    result["plain"] = Wrapper(f"{corral.COMMAND} run --", {"XDG_STATE_HOME": f"{folder}/plain", "XDG_RUNTIME_DIR": f"{folder}/none"})
    names = ("CORRAL_RUNTIME_DIR", "CORRAL_PACCT", "CORRAL_CGROUP_BASE")
    variables = {name: instance.environment[name] for name in names if name in instance.environment}
    result["supervised"] = Wrapper(f"{corral.COMMAND} run --", variables)
    return result


def has_no_cgroup(path):
    return not any(entry.is_dir() for entry in path.iterdir())


def check_remains(tested, instance):
    """What the sessions left: nothing that runs, no cgroup."""
    corral.wait_until(lambda: instance.facts("ps") == [], what="the end of the instance's jobs")
    left = is_running(f"PTY_TEST_MARK=pty-{os.getpid()}")
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
    plain = started(instance.run, f"{folder}/plain/corral/pacct")
    corral.check(alone > 0, f"{alone} jobs ran without an instance")
    corral.check(abs(alone - plain) <= 5, f"{plain} did so from the static front, those without a variable of ours", alone)
    # A shell that was to be killed may end before it has asked: one job more or less.
    corral.check(abs(alone - supervised) <= 5, f"{supervised} jobs ran under the instance", alone)
    corral.equal(instance.job_cgroups(), [], "no cgroup is left in the instance")
