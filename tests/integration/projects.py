#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Projects and accounts: who may charge what where the site lists its projects,
jobs found and ended by them, what the records say, limits of a project, nested
jobs and sessions; all of it across deaths of the supervisor. And a signal to
one process group of a job."""

import json
import os
import signal
import subprocess
import tempfile

from corral import COMMAND, Instance, check, engines, equal, is_alive, wait_until

OTHER = {"user": 65534, "group": 65534, "extra_groups": []}
SITE = """
[project.physics]
id = 4711
users = ["65534"]
accounts = ["grant", "own"]

[project.hall]
id = 12
groups = ["777"]

[project.common]
users = ["*"]

[project.roots]
"""


def refused(instance, code, part, *words, **options):
    done = instance.run(*words, **options)
    equal(done.returncode, code, f"{' '.join(map(str, words))} is refused {done.stderr}")
    check(part in done.stderr, "which is said", done.stderr)


def kill_supervisor(instance):
    before = instance.supervisor
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: instance.supervisor not in (None, before), 10, "another supervisor")


def charged(instance, job):
    facts = instance.facts("show", job)
    return facts["project"], facts["account"], facts["project_id"]


def records(instance, jid):
    """The records of a job: {kind: [record]}."""
    instance.run("wait", jid)

    def read():
        done = subprocess.run([COMMAND, "records", "--json", instance.pacct], capture_output=True, text=True, check=True)
        mine = [record for record in map(json.loads, done.stdout.splitlines()) if record.get("jid") == jid]
        kinds = {record["kind"]: [one for one in mine if one["kind"] == record["kind"]] for record in mine}
        return kinds if {"start", "process", "end"} <= set(kinds) else None
    return wait_until(read, 20, "its records")


def without_a_list(instance):
    """Everybody names what they like; no record has a number."""
    jid = instance.facts("run", "-d", "-P", "anything", "-A", "mine", "-n", "free", "--", "true")["jid"]
    equal(charged(instance, "free"), ("anything", "mine", None), "any project can be named")
    found = records(instance, jid)
    equal((found["start"][0]["project"], found["start"][0]["account"]), ("anything", "mine"), "the start record has both")
    check("project_id" not in found["process"][0] and "project_id" not in found["end"][0], "and no record a number")
    text = instance.run("show", "free").stdout
    check("project" in text and "anything" in text and "mine" in text, "show shows them", text)
    for words in (("-P", "a b"), ("--account", "a:b"), ("-P", "-x")):
        equal(instance.run("run", "-d", *words, "--", "true").returncode, 2, f"{words} are no names")


def selection(instance):
    jobs = {name: instance.facts("run", "-d", "-n", name, "-P", project, "-A", account, "--", "sleep", "1000")["jid"]
            for name, project, account in (("one", "p", "a"), ("two", "p", "b"), ("three", "q", "a"))}

    def names(*words):
        return [job["name"] for job in instance.facts("ps", *words)]
    equal(names("--project", "p"), ["one", "two"], "jobs are found by their project")
    equal(names("--account", "a"), ["one", "three"], "by their account")
    equal(names("-P", "p", "-A", "a"), ["one"], "by both")
    equal(names("-P", "nobody"), [], "or not")
    kill_supervisor(instance)
    equal(names("-P", "p"), ["one", "two"], "another supervisor knows them")
    equal(instance.run("kill", "-P", "p", "one").returncode, 2, "jobs are named or selected, not both")
    equal(instance.run("kill").returncode, 2, "and one of it is needed")
    equal(instance.run("kill", "-g", "0", "-P", "p").returncode, 0, "a project's jobs are ended")
    equal(names(), ["three"], "and no others")
    none = instance.run("kill", "-g", "0", "-P", "p")
    equal((none.returncode, none.stderr), (0, "corral: no job that lives is what was selected\n"), "of none nothing is done, and said so")
    equal(instance.run("kill", "-g", "0", jobs["three"]).returncode, 0, "the last")
    by = json.loads(subprocess.run([COMMAND, "report", "--json", "--by", "project", instance.pacct], capture_output=True,
                                   text=True, check=True).stdout)
    used = {row["project"]: row["jobs"] for row in by["rows"]}
    equal((used["p"], used["q"]), (2, 1), "what a project used is summed up")
    by = json.loads(subprocess.run([COMMAND, "report", "--json", "--by", "account", instance.pacct], capture_output=True,
                                   text=True, check=True).stdout)
    equal({row["account"] for row in by["rows"]} >= {"p:a", "p:b", "q:a"}, True, "and an account of it")


def site(instance):
    """Who may charge what, and the number in CSA's records."""
    os.chmod(instance.folder, 0o755)
    os.chmod(instance.runtime, 0o755)
    jid = instance.facts("run", "-d", "-P", "physics", "-A", "grant", "-n", "sum", "--", "sh", "-c", "true; exit 3")["jid"]
    equal(charged(instance, "sum"), ("physics", "grant", 4711), "root charges any project")
    found = records(instance, jid)
    equal((found["start"][0]["project"], found["process"][0]["project_id"], found["end"][0]["project_id"]),
          ("physics", 4711, 4711), "the records have name and number")
    equal(instance.run("run", "-P", "roots", "--", "true").returncode, 0, "also what nobody is of")
    refused(instance, 64, "the site has no project 'chemistry'; uid 0 may charge 'physics', 'hall', 'common', 'roots'",
            "run", "-d", "-P", "chemistry", "--", "true")
    refused(instance, 64, "account 'other' is none of those of project 'physics'", "run", "-d", "-P", "physics", "-A", "other",
            "--", "true")
    refused(instance, 64, "no project was named", "run", "-d", "-A", "grant", "--", "true")
    # Somebody else.
    made = instance.run("run", "-d", "-P", "physics", "--", "true", **OTHER)
    equal((made.returncode, charged(instance, made.stdout.strip())), (0, ("physics", None, 4711)), f"a user of it {made.stderr}")
    for words in (("-d",), ()):
        refused(instance, 77, "uid 65534 may not charge project 'hall'; uid 65534 may charge 'physics', 'common'",
                "run", *words, "-P", "hall", "--", "true", **OTHER)
        equal(instance.run("run", *words, "-P", "common", "--", "true", **OTHER).returncode, 0, "what is everybody's")
    in_group = {**OTHER, "extra_groups": [777]}
    equal(instance.run("run", "-P", "hall", "--", "true", **in_group).returncode, 0, "by a group")
    equal(instance.run("run", "-d", "--", "true", **OTHER).returncode, 0, "and nobody must name one")
    lives = instance.run("run", "-d", "-P", "common", "--", "sleep", "1000").stdout.strip()
    own = instance.run("run", "-d", "-P", "common", "--", "sleep", "1000", **OTHER).stdout.strip()
    equal(instance.run("kill", "-g", "0", "-P", "common", **OTHER).returncode, 0, "who selects jobs ends their own")
    equal([job["jid"] for job in instance.facts("ps", "-P", "common")], [lives], f"not {lives}, but {own}")
    instance.run("kill", "-g", "0", lives)


def nested(instance):
    outer = instance.facts("run", "-d", "-P", "physics", "-A", "own", "--", "sleep", "1000")["jid"]
    inner = instance.facts("run", "-d", "--parent", outer, "--", "sleep", "1000")["jid"]
    other = instance.facts("run", "-d", "--parent", outer, "-P", "hall", "--", "sleep", "1000")["jid"]
    equal(charged(instance, inner), ("physics", "own", 4711), "a nested job is charged as the one around it")
    equal(charged(instance, other), ("hall", None, 12), "unless it names another")
    opened = instance.run("session", "open", "-u", "nobody", "--project", "common", "--leader", str(os.getpid()))
    equal(opened.returncode, 0, f"a session {opened.stderr}")
    session = opened.stdout.split()[0]
    equal(charged(instance, session), ("common", None, None), "a session is charged too")
    kill_supervisor(instance)
    equal([charged(instance, jid)[0] for jid in (inner, other, session)], ["physics", "hall", "common"],
          "another supervisor knows it")
    equal(instance.run("session", "close", session).returncode, 0, "closed")
    equal(instance.run("kill", "-g", "0", outer).returncode, 0, "ended")


def members(instance):
    made = instance.facts("run", "-d", "-P", "physics", "-n", "parts", "--array", "1-3", "--", "true")["jid"]
    equal(instance.run("wait", made).returncode, 0, "an array of a project")
    equal([charged(instance, f"parts[{i}]") for i in (1, 2, 3)], [("physics", None, 4711)] * 3, "and its members")


def limits(folder, config):
    """The site's limits of a project."""
    file = os.path.join(folder, "limits.toml")
    with open(file, "w", encoding="utf-8") as out:
        out.write('[default]\nwall = "1h"\n[project.physics]\nwall = "2h"\n[project.physics.batch]\nfiles = 200\n')
    def explained(*words, site=config):
        return subprocess.run([COMMAND, "limit", "explain", "root", "batch", *words, "--site", file, "--json"],
                              capture_output=True, text=True, check=True, env={**os.environ, "CORRAL_CONFIG": site})
    facts = json.loads(explained("-P", "physics").stdout)
    equal((facts["project"], facts["limits"]["wall"]["table"], facts["limits"]["files"]["table"]),
          ("physics", "project.physics", "project.physics.batch"), "which rule decides is explained")
    equal(json.loads(explained().stdout)["limits"]["wall"]["table"], "default", "without a project the others'")
    unlisted = explained("-P", "physics", site="/nonexistent/corral.toml")
    equal(json.loads(unlisted.stdout)["limits"]["wall"]["table"], "default", "so too where nobody lists it")
    check("lists no project 'physics'" in unlisted.stderr, "which is said", unlisted.stderr)
    with open(own := os.path.join(folder, "usual.toml"), "w", encoding="utf-8") as out:
        out.write('[project.physics]\nusual_users = ["root"]\n')
    equal(json.loads(explained(site=own).stdout)["project"], "physics", "his usual one is taken")
    for options, allowed in ((["--config", config], 7200 * 10**6), ([], 3600 * 10**6)):
        with Instance(engine="subreaper", options=["--limits", file, *options]) as instance:
            jid = instance.facts("run", "-d", "-P", "physics", "--", "sleep", "1000")["jid"]
            equal(instance.facts("show", jid)["limits"]["wall"], allowed, "a project that nobody vouches for allows nothing more")
    with Instance(engine="subreaper", options=["--limits", file, "--config", config]) as instance:
        for project, wall, files in (("physics", 7200 * 10**6, 200), ("hall", 3600 * 10**6, None)):
            jid = instance.facts("run", "-d", "-P", project, "--", "sleep", "1000")["jid"]
            found = instance.facts("show", jid)["limits"]
            equal((found["wall"], found["files"]), (wall, files), f"a job of project '{project}' is held to the site's limits")


def groups(instance):
    """A signal to one process group: to the one that was named, whichever that is."""
    folder = instance.folder / "groups"
    folder.mkdir()
    member = "trap 'echo $$ >> signalled; exit' USR1; echo $$ > $0; while :; do sleep 0.05; done"
    script = 'set -m; for member in 1 2 3; do sh -c "$0" $member & done; wait; sleep 1000'
    jid = instance.facts("run", "-d", "-n", "groups", "-C", folder, "--", "bash", "-c", script, member)["jid"]
    leaders = [int(wait_until(lambda file=folder / number: file.exists() and file.read_text().strip(), 10, "a process group"))
               for number in "123"]
    equal([os.getpgid(pid) for pid in leaders], leaders, "three process groups")
    told = []
    for named in (leaders[1], leaders[2], leaders[0]):  # not the first, nor the last
        equal(instance.run("kill", "-s", "USR1", "--group", named, "groups").returncode, 0, "a signal to one of them")
        told.append(named)
        wait_until(lambda named=named: not is_alive(named), 10, "its end")
        equal([int(line) for line in (folder / "signalled").read_text().split()], told, "the group that was named got it")
        equal([pid for pid in leaders if is_alive(pid)], [pid for pid in leaders if pid not in told], "and the others live on")
    refused(instance, 66, f"is in the process group {os.getpgrp()}", "kill", "-s", "USR1", "--group", os.getpgrp(),
            "groups")
    equal(instance.run("kill", "--group", instance.facts("show", jid)["main_pid"], "groups").returncode, 2, "a group is for a signal")
    equal(instance.run("kill", "-g", "0", "groups").returncode, 0, "ended")


def usual(folder):
    """Who names no project is charged to his usual one."""
    file = os.path.join(folder, "usual.toml")
    with open(file, "w", encoding="utf-8") as out:
        out.write('[project.first]\nid = 1\nusual_groups = ["65534"]\n[project.second]\nid = 2\nusual_users = ["65534"]\n'
                  '[project.third]\nusers = ["65534"]\n')
    with Instance(options=["--config", file]) as instance:
        os.chmod(instance.folder, 0o755)
        os.chmod(instance.runtime, 0o755)
        made = instance.run("run", "-d", "--", "true", **OTHER)
        equal(charged(instance, made.stdout.strip()), ("second", None, 2), f"by name before by group {made.stderr}")
        made = instance.run("run", "-d", "-P", "third", "--", "true", **OTHER)
        equal(charged(instance, made.stdout.strip()), ("third", None, None), "unless another is named")
        jid = instance.facts("run", "-d", "--", "true")["jid"]
        equal(charged(instance, jid), (None, None, None), "root's own to none")
        equal(records(instance, instance.run("run", "-d", "-A", "x", "--", "true", **OTHER).stdout.strip())["end"][0]["project_id"], 2,
              "an account is then one of it")


def main():
    for engine in engines():
        print(f"-- {engine}", flush=True)
        with Instance(engine=engine) as instance:
            without_a_list(instance)
            selection(instance)
            groups(instance)
    with tempfile.TemporaryDirectory(prefix="corral-projects-") as folder:
        os.chmod(folder, 0o755)
        file = os.path.join(folder, "corral.toml")
        with open(file, "w", encoding="utf-8") as out:
            out.write(SITE)
        for engine in engines():
            print(f"-- {engine}, projects listed", flush=True)
            with Instance(engine=engine, options=["--config", file]) as instance:
                site(instance)
                members(instance)
                if engine == "cgroup2":
                    nested(instance)
        limits(folder, file)
        usual(folder)
    nobody = subprocess.run([COMMAND, "run", "-P", "x", "--", "true"], capture_output=True, text=True, check=False,
                            env={**os.environ, "CORRAL_RUNTIME_DIR": "/nonexistent"})
    equal((nobody.returncode, "an instance charges jobs to projects, and none runs" in nobody.stderr), (72, True),
          f"without an instance nothing is charged {nobody.stderr}")


main()
