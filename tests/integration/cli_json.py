#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What --json prints has the documented keys, always, and null for what is not
known."""

import contextlib
import json
import os
import pathlib
import pwd
import re
import subprocess

from corral import COMMAND, Instance, check, engines, equal, is_alive, wait_until

JOB = """jid name owner user kind engine state freezer_state parent domain service array array_index members tags project account project_id argv main_pid limits soft_limits limit_actions created_us started_us ended_us
age_us result sentence exit_code signal limit shell_code user_us system_us memory_peak_bytes storage_read_bytes storage_written_bytes oom_kills
processes_not_seen processes_seen followed with_caller not_held stragglers straggler_names container""".split()


def documented(command):
    """The keys that the manual names for a command."""
    manual = subprocess.run([COMMAND, "--dump-man", "commands"], stdout=subprocess.PIPE, text=True, check=True).stdout
    section = manual.split(f"## corral {command}\n")[1].split("\n## ")[0].split("With *--json*:")[1]
    terms = re.findall(r"^\*(.*)\*$", section, re.M)
    return {key.replace("\\", "") for term in terms for key in term.split(", ")}


def hierarchies():
    """{mount: (version, name, controllers, own cgroup)} by mountinfo(5) and cgroups(7); of one that is mounted twice the first."""
    with open("/proc/self/cgroup", encoding="utf-8") as file:
        paths = {controllers: path for _, controllers, path in (line.rstrip("\n").split(":", 2) for line in file)}
    found = {}
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        for line in file:
            words = line.split()
            root, mount = words[3:5]
            kind, _, options = words[words.index("-") + 1 :]
            ours = "" if kind == "cgroup2" else next((one for one in paths if one and set(one.split(",")) <= set(options.split(","))), None)
            if kind not in ("cgroup", "cgroup2") or ours in found:
                continue
            if kind == "cgroup2":
                controllers = (pathlib.Path(mount) / "cgroup.controllers").read_text().split()
            else:
                controllers = ours.split(",")
            path = pathlib.PurePath(paths[ours])
            below = path.relative_to(root) if path.is_relative_to(root) else ""
            name = next((word[5:] for word in controllers if word.startswith("name=")), None)
            found[ours] = (mount, (2 if kind == "cgroup2" else 1, name, [word for word in controllers if not word.startswith("name=")],
                                   str(pathlib.PurePath(mount) / below)))
    return dict(found.values())


def rows_of(told):
    return {one["mount"]: (one["version"], one["name"], one["controllers"], one["cgroup"]) for one in told}


def shown_hierarchies(instance, told):
    """Those of /proc, with their controllers; and whose our own cgroup is, as it was delegated."""
    equal(rows_of(told), hierarchies(), "doctor shows the hierarchies of cgroups that are mounted, their controllers, our own cgroup in each")
    for one in told:
        equal((one["owner"], one["is_writable"]), (pwd.getpwuid(os.stat(one["cgroup"]).st_uid).pw_name, os.access(one["cgroup"], os.W_OK)),
              f"and whose that is: {one['cgroup']}")
        controllers = "+".join(one["controllers"] + ([f"name={one['name']}"] if one["name"] else [])) or "no controller"
        check(f"{controllers}, of version {one['version']}: '{one['cgroup']}' is owned by {one['owner']}\n" in instance.run("doctor").stdout,
              "in words too", one)
    if os.geteuid() != 0 or instance.cgroup is None:
        return
    with contextlib.ExitStack() as stack:
        # One of each hierarchy in which such can be made as it is: a cpuset needs its processors first.
        places = [pathlib.Path(one["mount"]) / instance.cgroup.path.name for one in told if one["version"] == 1 and one["controllers"] != ["cpuset"]]
        for place in places:
            place.mkdir()
            stack.callback(place.rmdir)
        places.append(instance.cgroup / "delegated")
        places[-1].mkdir()
        for number, place in enumerate(places):
            os.chown(place, 65534 - number % 2 * 65533, -1)  # nobody, daemon
        delegated(instance, places)


def delegated(instance, places):
    """The same of a process of nobody's that is in those cgroups."""
    def enter():
        for place in places:
            (place / "cgroup.procs").write_text("0")
        os.setresuid(65534, 65534, 65534)

    environment = {name: value for name, value in instance.environment.items() if not name.startswith("CORRAL_")}
    done = subprocess.run([COMMAND, "doctor", "--json"], env=environment, stdout=subprocess.PIPE, text=True, check=False,
                          preexec_fn=enter)
    told = {one["cgroup"]: one for one in json.loads(done.stdout)["hierarchies"]}
    wanted = {str(place): pwd.getpwuid(os.stat(place).st_uid).pw_name for place in places}
    equal({place: told[place]["owner"] for place in wanted if place in told}, wanted, "and to whom our own cgroups were delegated")
    equal({place: told[place]["is_writable"] for place in wanted}, {place: owner == "nobody" for place, owner in wanted.items()},
          "and whether we may write there")


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
    main = instance.facts("show", jid)["main_pid"]
    check(main, "a job that lingers has a main process")

    def others():
        return [one["pid"] for one in instance.facts("tree", jid)[0]["processes"] if one["pid"] != main]

    child = wait_until(lambda: len(others()) == 1 and others(), what="its child")
    instance.run("kill", "-s", "KILL", "--main", jid)
    wait_until(lambda: instance.facts("show", jid)["main_pid"] is None, what="the end of the main process")
    equal(instance.facts("show", jid)["state"], "running", "and none once that has ended, while the job lives")
    equal((others(), is_alive(child[0])), (child, True), "as its child does, which --main did not mean")
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
