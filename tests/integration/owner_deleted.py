# SPDX-License-Identifier: Apache-2.0
"""A job whose owner is deleted (userdel) while it runs, and an array of his of which members are not made yet: what runs
goes on, is shown by his number, can be ended, and has its record; what is not made yet needs no name either. In a namespace
with a copy of /etc."""

import os
import pathlib
import shutil
import subprocess

import corral
from corral import COMMAND, Instance, check, equal, wait_until

NAME, NUMBER = "jane", 54321


def as_owner(instance, *words):
    done = subprocess.run([str(COMMAND), *words], env=instance.environment, user=NUMBER, group=NUMBER, extra_groups=[],
                          capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout.strip(), done.stderr


def make_user(instance):
    copy = instance.folder / "etc"
    shutil.copytree("/etc", copy, symlinks=True)
    subprocess.run(["mount", "--bind", str(copy), "/etc"], check=True)
    subprocess.run(["useradd", "-M", "-U", "-u", str(NUMBER), "-s", "/bin/sh", NAME], check=True)
    for folder in (instance.folder, instance.runtime):
        folder.chmod(0o755)


def owners(instance):
    return {job["name"]: (job["owner"], job["user"], job["state"]) for job in instance.facts("ps")}


def members(instance, state):
    return [one for one in instance.facts("ps", "-a") if (one["name"] or "").startswith("many[") and one["state"] == state]


def main():
    corral.needs_root()
    for program in ("useradd", "userdel"):
        if shutil.which(program) is None:
            corral.skip(f"needs {program}")
    with Instance() as instance:
        make_user(instance)
        go = instance.folder / "go"
        code, jid, err = as_owner(instance, "run", "-d", "--name", "his", "--", "sh", "-c", "sleep 1000; exit 1")
        equal(code, 0, f"a user's job runs {err}")
        script = f"while ! test -e {go}; do sleep 0.05; done; id -u; exit 5"
        code, array, err = as_owner(instance, "run", "-d", "--name", "many", "--array", "1-4%2", "--", "sh", "-c", script)
        equal(code, 0, f"and an array of his {err}")
        code, front, err = as_owner(instance, "run", "-d", "--name", "ends", "--", "sh", "-c", script)
        wait_until(lambda: len(members(instance, "running")) == 2, what="its first members")
        equal(owners(instance)["his"], (NUMBER, NAME, "running"), "by his name")
        # -f: processes of his live.
        done = subprocess.run(["userdel", "-f", NAME], capture_output=True, text=True, check=False)
        check(f"{NAME}:" not in pathlib.Path("/etc/passwd").read_text(), "he is deleted", done.stderr)
        equal(owners(instance)["his"][::2], (NUMBER, "running"), "his job runs")
        check(owners(instance)["his"][1] in (None, str(NUMBER)), "and is shown by his number", owners(instance))
        go.touch()
        equal(instance.run("wait", front).returncode, 5, "a job of his ends with its status")
        done = instance.run("wait", array)
        ended = members(instance, "ended")
        equal(sorted(one["exit_code"] for one in ended), [5] * 4, f"the members that were not made yet run too {done.stderr}")
        equal({instance.run("log", one["jid"]).stdout for one in ended}, {f"{NUMBER}\n"}, "as his number")
        code, _, err = as_owner(instance, "kill", "-g", "0", jid)
        equal(code, 0, f"who still has the number ends his job {err}")
        instance.run("wait", jid)
        code, other, err = as_owner(instance, "run", "-d", "--", "id", "-u")
        equal((code, instance.run("wait", other).returncode), (0, 0), f"and runs another {err}")
        before = instance.supervisor
        os.kill(before, 9)
        wait_until(lambda: instance.supervisor not in (None, before), what="the next supervisor")
        wait_until(lambda: instance.run("ps").returncode == 0, what="its answer")
        equal(instance.facts("show", jid)["owner"], NUMBER, "another supervisor knows whose it was")
        ends = [one for one in instance.records()["records"] if one["kind"] == "end"]
        check({jid, front} | {one["jid"] for one in ended} <= {one["jid"] for one in ends}, "each has its record", ends)


if __name__ == "__main__":
    corral.run_in_own_namespace(main)
