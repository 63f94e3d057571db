#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What --json prints has the documented keys, always, and null for what is not
known."""

import json
import os
import pwd
import re
import subprocess

from corral import COMMAND, Instance, cgroup2_root, check, engines, equal, wait_until

JOB = """jid name owner user kind engine state freezer_state parent domain service array array_index members tags project account project_id argv main_pid limits soft_limits limit_actions created_us started_us ended_us
age_us result sentence exit_code signal limit shell_code user_us system_us memory_peak_bytes storage_read_bytes storage_written_bytes oom_kills
processes_not_seen processes_seen followed with_caller stragglers straggler_names container""".split()


def documented(command):
    """The keys that the manual names for a command."""
    manual = subprocess.run([COMMAND, "--dump-man", "commands"], stdout=subprocess.PIPE, text=True, check=True).stdout
    section = manual.split(f"## corral {command}\n")[1].split("\n## ")[0].split("With *--json*:")[1]
    terms = re.findall(r"^\*(.*)\*$", section, re.M)
    return {key.replace("\\", "") for term in terms for key in term.split(", ")}


def shown_hierarchies(instance, told):
    """Those of /proc, with their controllers; and whose our own cgroup is, as it was delegated."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        lines = [line.split() for line in file]
    kinds = {line[4]: 2 if line[line.index("-") + 1] == "cgroup2" else 1 for line in lines
             if line[line.index("-") + 1] in ("cgroup", "cgroup2")}
    equal({one["mount"]: one["version"] for one in told}, kinds, "doctor shows the hierarchies of cgroups that are mounted")
    root = cgroup2_root()
    if root is None:
        return
    second = next(one for one in told if one["version"] == 2)
    equal(second["controllers"], (root / "cgroup.controllers").read_text().split(), "with the controllers that each has")
    text = instance.run("doctor").stdout
    check(f", of version 2: '{second['cgroup']}' is owned by {second['owner']}\n" in text, "in words too", text)
    if os.geteuid() != 0 or instance.cgroup is None:
        return
    delegated = instance.cgroup / "delegated"
    delegated.mkdir()
    os.chown(delegated, 65534, 65534)

    def enter():
        (delegated / "cgroup.procs").write_text("0")
        os.setresuid(65534, 65534, 65534)

    environment = {name: value for name, value in instance.environment.items() if not name.startswith("CORRAL_")}
    done = subprocess.run([COMMAND, "doctor", "--json"], env=environment, stdout=subprocess.PIPE, text=True, check=False,
                          preexec_fn=enter)
    second = next(one for one in json.loads(done.stdout)["hierarchies"] if one["version"] == 2)
    equal((second["cgroup"], second["owner"], second["is_writable"]), (str(delegated), pwd.getpwuid(65534).pw_name, True),
          "and to whom our own cgroup was delegated")


with Instance() as instance:
    equal(documented("show"), {*JOB, "process"}, "the manual names every key of a job")
    jid = instance.run("run", "-d", "-n", "odd", "--", "sh", "-c", "sleep 1000", 'a"\\\u00e9', "\udcff").stdout.strip()
    live = instance.facts("show", jid)
    equal(list(live), JOB, "show prints them all, in that order")
    equal(live["argv"], ["sh", "-c", "sleep 1000", 'a"\\\u00e9', "\ufffd"], "what is UTF-8 arrives whole")
    for key in ("ended_us", "result", "sentence", "exit_code", "signal", "limit", "shell_code"):
        check(live[key] is None, f"{key} of a live job is null")
    check(isinstance(live["main_pid"], int), "its main process is named", live["main_pid"])
    equal([list(job) for job in instance.facts("ps")], [[*JOB, "process_count"]], "ps prints the same, and how many processes")
    equal(documented("ps"), {"(array)", "process_count"}, "as the manual says")
    tree = instance.facts("tree")
    equal(list(tree[0]), [*JOB, "processes"], "tree adds the processes")
    equal(list(tree[0]["processes"][0]), ["pid", "ppid", "command", "state", "cpu_us"], "each with its facts")
    instance.run("kill", "-g", "0", jid)
    ended = instance.facts("show", jid)
    equal((ended["result"], ended["signal"], ended["exit_code"]), ("cancelled", "SIGKILL", None), "an ended job says how")
    equal(ended["main_pid"], None, "and names no main process any more")
    equal(list(json.loads(instance.run("wait", "--json", jid).stdout)), JOB, "wait prints the same")
    equal(instance.facts("ps"), [], "ps shows live jobs only")
    equal([job["process_count"] for job in instance.facts("ps", "-a")], [0], "ps -a ended ones too, without processes")
    over = instance.run("run", "--limit", "wall=200ms", "--report=json", "--", "sleep", "60")
    over = json.loads(over.stderr.splitlines()[-1])
    limit = instance.facts("show", over["jid"])["limit"]
    equal(([*limit], limit["kind"], limit["word"]), (["kind", "word", "value", "bound"], "wall time", "wall"),
          "the limit that was passed is named as 'limits' has it, too")
    check(limit["word"] in instance.facts("show", over["jid"])["limits"], "there it is")
    end = [one for one in instance.records()["records"] if one["kind"] == "end" and one["jid"] == over["jid"]][0]
    equal((end["limit"], over["limit"]), (limit, limit), "its record and its report say the same")
    jid = instance.run("run", "-d", "--linger", "--", "sh", "-c", "sleep 1000 & exec sleep 1001").stdout.strip()
    check(instance.facts("show", jid)["main_pid"], "a job that lingers has a main process")
    instance.run("kill", "-s", "KILL", "--main", jid)
    wait_until(lambda: instance.facts("show", jid)["main_pid"] is None, what="the end of the main process")
    equal(instance.facts("show", jid)["state"], "running", "and none once that has ended, while the job lives")
    instance.run("kill", "-g", "0", jid)
    result = instance.run("run", "-n", "named", "--report=json", "--", "sh", "-c", "exit 3")
    report = json.loads(result.stderr)
    shown = instance.facts("show", report["jid"])
    own = {key for key in report if not key.startswith("main_")} - {"limit", "wall_us", "forks_refused"}
    equal(own - set(JOB), set(), "what the report and show both tell has one name")
    equal({key: shown[key] for key in own}, {key: report[key] for key in own}, "and one value, null for what is not known")
    end = [entry for entry in instance.records()["records"] if entry["kind"] == "end" and entry["jid"] == report["jid"]][0]
    both = set(end) & set(JOB)
    check({"result", "user_us", "system_us", "exit_code", "processes_seen"} <= both, "its record has the same names", end)
    doctor = json.loads(instance.run("doctor", "--json").stdout)
    flat = documented("doctor")
    equal(set(doctor), flat, "doctor prints the documented keys")
    shown_hierarchies(instance, doctor["hierarchies"])
    running = [entry for entry in doctor["instances"] if entry["is_running"]]
    equal(len(running), 1, "and finds the instance")
    equal(running[0]["jobs_live"], 0, "with its facts")
    records = instance.records()["records"]
    check(len(records) >= 3, "records prints one object a line", records)


def what_was_done(instance):
    """What kill, freeze and thaw did."""
    jid = instance.run("run", "-d", "-n", "asked", "--", "sleep", "1000").stdout.strip()
    for verb, state in (("freeze", "frozen"), ("thaw", "running")):
        done = instance.run(verb, "--json", "asked", "nosuch")
        if instance.facts("show", jid)["engine"] == "subreaper":
            equal(done.stdout, "", f"{verb} prints nothing of what was refused")
            continue
        equal(documented(verb), {"jid", "freezer_state"}, f"the manual names the keys of {verb}")
        equal((done.returncode, json.loads(done.stdout)), (66, {"jid": jid, "freezer_state": state}), f"{verb} prints what it did")
    equal(documented("kill"), {"jid", "signal", "ended"}, "the manual names the keys of kill")
    def told(*words):
        facts = json.loads(instance.run("kill", "--json", *words, jid).stdout)
        return facts["jid"] == jid, facts["signal"], facts["ended"]

    equal(told("-s", "CONT"), (True, "SIGCONT", None), "kill prints which signal was sent")
    equal(told("--no-wait"), (True, None, None), "that a job was told to end")
    jid = instance.run("run", "-d", "--", "sleep", "1000").stdout.strip()
    equal(told("-g", "0"), (True, None, True), "and that it has")


def counts_its_own(instance, script, count, *options):
    """A job has its own processes, and none of those that hold it."""
    runner = instance.popen("run", *options, "-n", "few", "--", "sh", "-c", script, stdout=subprocess.DEVNULL)

    def commands():
        return [process["command"] for job in instance.facts("tree") for process in job["processes"]]

    wait_until(lambda: commands() == ["sleep"] * count, what=f"{count} processes of '{script}' {options}, not {commands()}")
    row = instance.run("ps", "--no-header").stdout.split()
    top = json.loads(instance.run("top", "--once", "--json").stdout)["jobs"][0]
    listed = instance.facts("ps")[0]["process_count"]
    equal((row[row.index("sh") - 1], listed, top["processes"]), (str(count), count, count), f"tree, ps and top see {count}")
    instance.run("kill", "-g", "0", "few")
    runner.wait(20)


for engine in engines():
    with Instance(engine=engine) as instance:
        what_was_done(instance)
        for of_run in (["-d"], []):
            counts_its_own(instance, "exec sleep 1000", 1, *of_run)
            counts_its_own(instance, "sleep 1000 & exec sleep 1001", 2, *of_run)
