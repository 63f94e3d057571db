# SPDX-License-Identifier: Apache-2.0
"""A container's runtime (crun) in a job whose cgroup is given away: its container is below the job, is counted, frozen and
killed with it, and the job ends when the container does; nothing of it stays behind."""

import contextlib
import json
import shutil

import corral
from containers import PURE_V2, Runtime, Scratch, Surroundings
from corral import Instance, check, equal, is_alive, wait_until
from limits_held import group_of

# In the job: the container's cgroup is below the job's own, which only the job knows.
IN_JOB = """
own=$(sed -n 's/^0:://p' /proc/self/cgroup)
sed "s|@OWN@|$own|" "$1/config.in" >"$1/config.json"
shift
exec "$@"
"""


class InJob(Runtime):
    def words(self, place, command):
        """What runs the container from within a job."""
        name = self.next_name()
        bundle = self.scratch.path / name
        bundle.mkdir()
        config = self.config(Surroundings(), command, [])
        config["linux"]["cgroupsPath"] = f"@OWN@/{place}"
        (bundle / "config.in").write_text(json.dumps(config))
        return ["sh", "-c", IN_JOB, "sh", bundle, *self.line, "run", "--bundle", bundle, name]


def marked(scratch, word):
    """Processes of the container: their environment has its mark, and their command the word."""
    found = []
    for pid in scratch.living():
        with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
            if word.encode() in file.read().split(b"\0"):
                found.append(pid)
    return found


def in_a_job(instance, scratch, engine):
    done = instance.run("run", "--delegate", "--", *engine.words("short", ["sh", "-c", "(setsid sleep 0.3 &); exit 7"]))
    equal(done.returncode, 7, f"the job's code is the container's {done.stderr}")
    equal(scratch.living(), [], "and nobody of it lives on")
    jid = instance.run("run", "-d", "--delegate", "--", *engine.words("long", ["sh", "-c", "setsid sleep 7771 & sleep 7772"])).stdout.strip()
    wait_until(lambda: marked(scratch, "7771") and marked(scratch, "7772"), 20, "the container")
    inside = [*marked(scratch, "7771"), *marked(scratch, "7772")]
    paths = {group_of(pid, "") for pid in inside}  # of version 2
    check(len(paths) == 1 and next(iter(paths)).endswith("/own/long"), "the container has a cgroup of its own below the job's", paths)
    for pid in inside:
        facts = json.loads(instance.run("show", "--json", "--pid", str(pid)).stdout)
        equal(facts["jid"], jid, "who is in it is in the job")
    equal(instance.run("freeze", jid).returncode, 0, "the job is frozen")
    frozen = corral.cgroup2_root() / next(iter(paths)).lstrip("/") / "cgroup.events"
    wait_until(lambda: "frozen 1" in frozen.read_text(), what="the container to be frozen with it")
    equal(instance.run("thaw", jid).returncode, 0, "and thawed")
    wait_until(lambda: "frozen 0" in frozen.read_text(), what="the container to be thawed with it")
    equal(instance.run("kill", "-s", "KILL", jid).returncode, 0, "the job is killed")
    equal(instance.run("wait", jid).returncode, 137, "and ends")
    equal([pid for pid in inside if is_alive(pid)], [], "with the container")
    check(not frozen.exists(), "whose cgroup is removed")
    mine = [one for one in instance.records()["records"] if one["kind"] == "process" and one["jid"] == jid]
    equal({one["pid"] for one in mine} & set(inside), set(inside), "each process in it has its record, of the job")


def main():
    corral.needs_root()
    corral.needs_cgroup2()
    if shutil.which("crun") is None:
        corral.skip("needs crun")
    with Scratch() as scratch, Instance() as instance:
        in_a_job(instance, scratch, InJob(scratch, "crun", [PURE_V2, "crun", "--cgroup-manager=cgroupfs", "--root", scratch.path / "crun"]))


main()
