#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""corral report: what jobs used, from the published daemon's files and our own,
as text, JSON and CSV; what was not collected is not 0."""

import csv
import io
import json
import math
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import corral
import csa_files
from collector import ebpf_obstacle
from csa_golden_files import GOLDEN, golden_site

PACCT = GOLDEN / "in/pacct1"


def report(*words, files=(PACCT,), code=0, **options):
    done = subprocess.run([corral.COMMAND, "report", *words, *map(str, files)], capture_output=True, text=True, check=False,
                          env={**os.environ, "TZ": "UTC"}, timeout=60, **options)  # fmt: skip
    corral.equal(done.returncode, code, f"corral report {' '.join(words)}: {done.stderr}")
    return done


def rows_of(*words, **options):
    return json.loads(report(*words, "--json", **options).stdout)["rows"]


def published():
    """Against a walk of this test's own over the same records."""
    entries = list(csa_files.entries(PACCT.read_bytes()))
    processes = [entry for entry in entries if entry.kind == csa_files.PROCESS]
    ended = {entry.number(csa_files.END, 48) for entry in entries if entry.kind == csa_files.END}
    jids = {entry.number(csa_files.PROCESS, 48) for entry in processes} | {
        entry.number(csa_files.START, 16) for entry in entries if entry.kind == csa_files.START} | ended  # fmt: skip
    by_user = {}
    for entry in processes:
        use = by_user.setdefault(str(entry.number(csa_files.PROCESS, 28, "<I")), [0, 0, 0])
        use[0] += 1
        use[1] += entry.number(csa_files.PROCESS, 104)
        use[2] += entry.number(csa_files.PROCESS, 112)
    rows = rows_of("--by", "user")
    corral.equal({row["user"]: [row["processes"], row["user_us"], row["system_us"]] for row in rows}, by_user, "users' processes and CPU time")
    corral.equal(sum(row["jobs"] for row in rows), len(jids - {0}), "and jobs")
    corral.equal(sum(row["open_jobs"] for row in rows), len(jids - ended - {0}), "of which some have no end")
    corral.equal(rows, sorted(rows, key=lambda row: -(row["user_us"] + row["system_us"])), "the most first")
    commands = {}
    for entry in processes:
        name = entry.records[csa_files.PROCESS][80:96].split(b"\0")[0].decode()
        commands[name] = commands.get(name, 0) + 1
    corral.equal({row["command"]: row["processes"] for row in rows_of("--by", "command")}, commands, "commands")
    jobs = rows_of("--by", "job")
    corral.equal({int(row["job"], 16) for row in jobs}, jids - {0}, "jobs by their ids")
    root = rows_of("--by", "job", "--user", "0")
    corral.check(0 < len(root) < len(jobs), "--user takes some of them")
    days = rows_of("--by", "day")
    corral.equal(sum(row["jobs"] for row in days), len(jobs), "days hold all jobs")
    first = min(row["day"] for row in days)
    corral.equal(rows_of("--by", "day", "--until", first), [], "none ended before the first")
    corral.equal(len(rows_of("--by", "job", "--since", first)), len(jobs), "all since then")
    corral.equal([(row["node"], row["jobs"]) for row in rows_of("--by", "node")], [("vm", len(jobs))], "the node is the files' own")
    with tempfile.NamedTemporaryFile() as nameless:
        nameless.write(b"".join(entry.data for entry in entries if entry.kind in (csa_files.PROCESS, csa_files.END)))
        nameless.flush()
        nodes = {row["node"] for row in rows_of("--by", "node", files=[PACCT, nameless.name])}
        corral.equal(nodes, {"vm", None}, "and unknown of a file that does not say it")
    corral.equal([row["project"] for row in rows_of("--by", "project")], ["0"], "projects are those of the records")
    text = list(csv.DictReader(io.StringIO(report("--by", "user", "--csv").stdout, newline="")))
    corral.equal([(row["user"], int(row["user_us"])) for row in text], [(row["user"], row["user_us"]) for row in rows], "CSV says the same")
    table = report("--by", "group").stdout.splitlines()
    corral.check(table[0].split()[:4] == ["GROUP", "JOBS", "OPEN", "PROCS"], "text has columns", table[0])


def hours():
    """A job's use is that of the hour, and of the day, in which it ended, else in which its last process did."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "pacct")
        file.write_bytes(csa_files.over_hours(PACCT.read_bytes(), 37))
        jobs = {}
        for entry in csa_files.entries(file.read_bytes()):
            if entry.kind == csa_files.PROCESS:
                job = jobs.setdefault(entry.number(csa_files.PROCESS, 48), [0, 0, 0, 0, None])
                job[0] += 1
                job[1] += entry.number(csa_files.PROCESS, 104)
                job[2] += entry.number(csa_files.PROCESS, 112)
                job[3] = max(job[3], entry.number(csa_files.PROCESS, 72) + entry.number(csa_files.PROCESS, 96) // 1000000)
            elif entry.kind == csa_files.END:
                jobs.setdefault(entry.number(csa_files.END, 48), [0, 0, 0, 0, None])[4] = entry.number(csa_files.END, 72)
        for unit, form, least in (("hour", "%Y-%m-%d %H", 6), ("day", "%Y-%m-%d", 2)):
            wanted = {}
            for count, user, system, last, end in jobs.values():
                row = wanted.setdefault(time.strftime(form, time.gmtime(end or last)), [0, 0, 0, 0])
                for at, value in enumerate((1, count, user, system)):
                    row[at] += value
            found = {row[unit]: [row["jobs"], row["processes"], row["user_us"], row["system_us"]] for row in rows_of("--by", unit, files=[file])}
            corral.check(len(wanted) >= least, f"jobs of {len(wanted)} {unit}s")
            corral.equal(found, wanted, f"each {unit} has the jobs that ended in it, their processes and times")


def accounts():
    """Against the records as 'corral records' tells them."""
    with corral.Instance() as instance:
        for words in (["-A", "one"], ["-A", "two"], ["-A", "one"], [], ["-P", "physics", "-A", "one"]):
            instance.run("run", *words, "--", "sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; true")
        records = corral.wait_until(
            lambda: (lambda r: r if sum(one["kind"] == "end" for one in r) == 5 else None)(instance.records()["records"]), what="five ends")
        account_of = {one["jid"]: f"{one.get('project') or ''}:{one['account']}" if one.get("account") else None for one in records if one["kind"] == "start"}
        wanted = {}
        for one in records:
            if one["kind"] == "end":
                row = wanted.setdefault(account_of[one["jid"]], [0, 0, 0])
                for at, value in enumerate((1, one.get("user_us"), one.get("wall_us"))):
                    row[at] = None if value is None else row[at] + value
        found = {row["account"]: [row["jobs"], row["user_us"], row["wall_us"]] for row in rows_of("--by", "account", files=[instance.pacct])}
        corral.equal(sorted(map(str, found)), [":one", ":two", "None", "physics:one"], "accounts are told apart, by project, and who has none")
        corral.equal(found, wanted, "each with the use of its jobs")


def units():
    """By the published formula, as this test's own reckoning has it, requests weighted: in every grouping."""
    # The set's sorted file has the processes of both, and the weight of each request.
    spacct = (GOLDEN / "out/spacct.csa").read_bytes()
    billed = csa_files.Billing(GOLDEN, "in/csa.conf").weighted_units(spacct)
    sources = [GOLDEN / "in/pacct1", GOLDEN / "in/pacct2"]
    conf = {"env": {**os.environ, "TZ": "UTC", "CSACONFIG": "in/csa.conf"}, "cwd": golden_site()}

    def reported(by, *words):
        done = subprocess.run([corral.COMMAND, "report", "--units", "--by", by, *words, *sources], capture_output=True, text=True, check=True, **conf)
        return done.stdout

    for by, at, form in (("user", 28, "<I"), ("group", 32, "<I"), ("job", 48, "<Q")):
        wanted = {}
        for entry, value in billed:
            key = entry.number(csa_files.PROCESS, at, form)
            wanted[key] = wanted.get(key, 0) + value
        found = {int(row[by], 0): row["units"] for row in json.loads(reported(by, "--json"))["rows"]}
        corral.equal(set(found), set(wanted), f"--by {by}: who is billed")
        wrong = {key: (found[key], value) for key, value in wanted.items() if not math.isclose(found[key], value, rel_tol=1e-9, abs_tol=1e-9)}
        corral.equal(wrong, {}, f"--by {by}: units, weighted and with prime time")
    total = sum(value for _, value in billed)
    for by in ("project", "account", "node", "day", "hour"):
        rows = json.loads(reported(by, "--json"))["rows"]
        corral.check(math.isclose(sum(row["units"] for row in rows), total, rel_tol=1e-9), f"--by {by}: the same in all", rows, total)
    by_command = sum(row["units"] for row in json.loads(reported("command", "--json"))["rows"])
    alone = csa_files.Billing(GOLDEN, "in/csa.conf")
    unweighted = sum(alone.units(entry) for entry, _ in billed)
    corral.check(math.isclose(by_command, unweighted, rel_tol=1e-9), "--by command: of processes, without weights of requests", by_command, unweighted)
    json_units = [row["units"] for row in json.loads(reported("user", "--json"))["rows"]]
    corral.equal([float(row["units"]) for row in csv.DictReader(io.StringIO(reported("user", "--csv"), newline=""))], json_units, "CSV has the same")
    metrics = [float(line.split()[-1]) for line in reported("user", "--openmetrics").splitlines() if line.startswith("corral_billing_units{")]
    corral.equal(metrics, json_units, "and OpenMetrics")
    corral.equal([line.split()[-1] for line in reported("user").splitlines()[1:]], [f"{value:.2f}" for value in json_units], "and the table, to two digits")
    plain = report("--by", "user", "--json").stdout + report("--openmetrics").stdout + report("--csv").stdout
    corral.check("units" not in plain, "units are told where they are asked for")
    nothing = subprocess.run([corral.COMMAND, "report", "--units", *sources], capture_output=True, text=True, check=False, env={**os.environ, "CSACONFIG": "/nowhere"})
    corral.check(nothing.returncode == 1 and nothing.stdout == "" and "needs a csa.conf" in nothing.stderr and "/nowhere" in nothing.stderr,
                 "not without a configuration", nothing.stderr)  # fmt: skip
    corral.check("csa.toml" in nothing.stderr and nothing.stderr.count("\n") == 1 and "\\x0a" not in nothing.stderr, "in one line of words", nothing.stderr)


def units_of_accounts():
    """What each account of an instance's jobs owes; whom a collector does not know each for himself, nobody bills."""
    conf = {"env": {**os.environ, "TZ": "UTC", "CSACONFIG": "in/csa.conf"}, "cwd": golden_site()}
    for collector in ["ebpf", "wait"] if not ebpf_obstacle() else ["wait"]:
        with corral.Instance(environment={"CORRAL_COLLECTOR": collector}) as instance:
            for words in (["-A", "one"], ["-A", "two"], ["-A", "one"], []):
                instance.run("run", *words, "--", "sh", "-c", "i=0; while [ $i -lt 40000 ]; do i=$((i+1)); done; sh -c 'ls -R /usr/include >/dev/null'")
            records = corral.wait_until(
                lambda: (lambda r: r if sum(one["kind"] == "end" for one in r) == 4 else None)(instance.records()["records"]), what="four ends")
            account_of = {int(one["jid"], 16): f":{one['account']}" if one.get("account") else None for one in records if one["kind"] == "start"}
            billing, wanted = csa_files.Billing(GOLDEN, "in/csa.conf"), {}
            for entry in csa_files.entries(instance.pacct.read_bytes()):
                if entry.kind == csa_files.PROCESS:
                    account = account_of[entry.number(csa_files.PROCESS, 48)]
                    wanted[account] = wanted.get(account, 0) + billing.units(entry)
            done = subprocess.run([corral.COMMAND, "report", "--units", "--by", "account", "--json", instance.pacct], capture_output=True, check=True, **conf)
            found = {row["account"]: row["units"] for row in json.loads(done.stdout)["rows"]}
            if collector == "wait":
                corral.equal(found, dict.fromkeys(wanted), "wait: counted with children, not billed")
                continue
            corral.check(set(found) == set(wanted) and all(math.isclose(found[key], wanted[key], rel_tol=1e-9) for key in wanted) and min(found.values()) > 0.1,
                         "each account with the units of its jobs", found, wanted)  # fmt: skip


def own():
    """Of our own records a job's use is its end's, never the sum of processes that contain each other."""
    with corral.Instance(environment={"CORRAL_COLLECTOR": "wait"}) as instance:
        instance.run("run", "--", "sh", "-c", "sh -c 'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done'; true")
        instance.run("run", "-d", "--", "sleep", "1000")
        records = corral.wait_until(
            lambda: (lambda r: r if [x for x in r if x["kind"] == "end"] else None)(instance.records()["records"]), what="an end")
        (end,) = [record for record in records if record["kind"] == "end"]
        rows = rows_of("--by", "job", files=[instance.pacct])
        row = next(row for row in rows if row["job"] == end["jid"])
        for key in ("user_us", "system_us", "wall_us"):
            corral.equal(row[key], end.get(key), f"{key} is that of the end record")
        ours = [record for record in records if record["kind"] == "process" and record["jid"] == end["jid"]]
        for key in ("read_bytes", "written_bytes", *(key for key in ("user_us", "system_us", "storage_read_bytes", "storage_written_bytes") if key not in end)):
            told = (row[key], row[key + "_unknown"])
            corral.equal(told, (sum(record[key] for record in ours), 1), f"{key}: of those that nobody of the job waited for it is no less than their sum")
        job = json.loads(report(end["jid"], "--json", files=[instance.pacct]).stdout)
        corral.equal((row["memory_peak_bytes"], row["read_bytes"]), (job["memory_peak_bytes"], job["read_bytes"]), "and the job's own report says the same")
        corral.check(row["memory_peak_bytes"] is not None, "the largest process is known")
        live = next(row for row in rows if row["job"] != end["jid"])
        corral.equal((live["open_jobs"], live["user_us"], live["wall_us"]), (1, None, None), "of a job that lives nothing is known, not 0")
        both = rows_of("--by", "user", files=[instance.pacct])[0]
        corral.equal(both["user_us_unknown"], 1, "a sum says of how many it is not known")
        text = report("--by", "user", files=[instance.pacct]).stdout.splitlines()[1]
        corral.check("+" in text, "and a table marks it", text)
        usual = subprocess.run([corral.COMMAND, "report", "--json"], env=instance.environment, capture_output=True, text=True, check=True)
        corral.equal(json.loads(usual.stdout)["rows"], rows_of(files=[instance.pacct]), "without a file it is the one in use")


def disks():
    """Where no cgroup counts what went from and to disks its processes do; no byte twice where both do."""
    collectors = ["ebpf", "wait"] if not ebpf_obstacle() else ["wait"]
    for collector in collectors:
        with corral.Instance(environment={"CORRAL_COLLECTOR": collector}) as instance, tempfile.TemporaryDirectory(dir=corral.BUILD) as folder:
            write = f"dd if=/dev/zero of={folder}/file bs=64k count=16 conv=fsync 2>/dev/null"
            instance.run("run", "--", "sh", "-c", f"{write}; {write}")
            records = corral.wait_until(
                lambda: (lambda r: r if [x for x in r if x["kind"] == "end"] else None)(instance.records()["records"]), what="an end")
            (end,) = [record for record in records if record["kind"] == "end"]
            processes = [record for record in records if record["kind"] == "process"]
            corral.equal(sum(record["storage_written_bytes"] for record in processes) >= 2 << 20, True, f"{collector}: they wrote 2 MiB")
            found = {"--by user": rows_of("--by", "user", files=[instance.pacct])[0]}
            instance.run("index", instance.pacct)
            found["by an index"] = rows_of("--by", "user", files=[instance.pacct])[0]
            found["the job alone"] = json.loads(report(end["jid"], "--json", files=[instance.pacct]).stdout)
            for how, row in found.items():
                for key in ("storage_read_bytes", "storage_written_bytes"):
                    wanted = end[key] if key in end else sum(record[key] for record in processes)
                    corral.equal(row[key], wanted, f"{collector}: {key}, {how}")
                    is_least = key not in end and (collector == "wait" or end.get("processes_not_seen", 0) > 0)
                    corral.equal(key + "_unknown" in row, is_least, "and whether it may be more")
            corral.equal(found["the job alone"]["storage_is_of_processes"], "storage_read_bytes" not in end, "whose it is")
            commands = {}
            for record in processes:
                commands[record["name"]] = commands.get(record["name"], 0) + record["storage_written_bytes"]
            for how in ("by an index", "by the file"):
                rows = rows_of("--by", "command", files=[instance.pacct])
                corral.equal({row["command"]: row["storage_written_bytes"] for row in rows}, commands, f"{collector}: commands have theirs, {how}")
                (instance.pacct.parent / ".corral-index").unlink(missing_ok=True)


def copies():
    """What is in two of the named files is counted once, as archive leaves both when it is killed, or as a hand copies them."""
    with tempfile.TemporaryDirectory() as folder:
        top = pathlib.Path(folder)
        plain, packed, part, other = top / "pacct1", top / "pacct1.zst", top / "before", top / "other"
        plain.write_bytes(PACCT.read_bytes())
        subprocess.run(["zstd", "-q", plain, "-o", packed], check=True)
        entries = [entry.data for entry in csa_files.entries(PACCT.read_bytes())]
        part.write_bytes(b"".join(entries[: len(entries) // 2]))
        other.write_bytes(b"".join(entries[1:]))
        os.link(plain, top / "link")
        once = report("--json", files=[plain])
        corral.equal(once.stderr, "", "of one file nothing is said")
        for files in ([plain, plain], [plain, packed], [packed, plain], [plain, top / "link"], [part, plain], [packed, part], [plain, packed, plain, part]):
            both = report("--json", files=files)
            corral.equal(both.stdout, once.stdout, f"{[file.name for file in files]}: each record once")
            corral.equal(both.stderr.count("is passed over: "), len(files) - 1, "and it is said")
        rows = rows_of("--by", "job", files=[plain])
        for by in ("--by=job", "--by=command"):
            both, one, two = (sum(row["processes"] for row in rows_of(by, files=files)) for files in ([plain, other], [plain], [other]))
            corral.equal(both, one + two, f"{by}: one that holds something else is counted too")
        corral.equal(rows_of("--by", "job", files=[plain, PACCT]), rows, "also a copy in another folder")
        empty = top / "pacct2.zst"
        empty.touch()
        for words in (["report"], ["records"], ["report", "0x13"]):
            done = subprocess.run([corral.COMMAND, *words, empty], capture_output=True, text=True, check=False, timeout=60)
            corral.check(done.returncode == (66 if "0x13" in words else 1) and "damaged or missing bytes" in done.stderr, f"{' '.join(words)}: a packed file without a byte is damaged", done.stderr)


def nothing_there():
    """Where no accounting file is no report is made of it, and what there may be instead is said."""
    with tempfile.TemporaryDirectory() as folder:
        top = pathlib.Path(folder)
        environment = {**os.environ, "HOME": folder, "CORRAL_RUNTIME_DIR": str(top / "run"), "CORRAL_PACCT": str(top / "day/pacct")}

        def said(*words, code=1):
            done = subprocess.run([corral.COMMAND, *words], capture_output=True, text=True, check=False, env=environment, timeout=60)
            corral.equal(done.returncode, code, f"corral {' '.join(map(str, words))}: {done.stderr}")
            return done

        for words in (["report"], ["report", "--json"], ["report", "--by", "day", "--csv"], ["report", "0x13"], ["report", "--html", "-"], ["index"], ["records"]):
            done = said(*words, code=66 if "0x13" in words else 1)
            corral.equal(done.stdout, "", f"{' '.join(words)}: nothing is printed")
            corral.check(f"there is no accounting file '{top}/day/pacct'" in done.stderr and done.stderr.count("\n") == 1, "one error names the file", done.stderr)
        for words in (["--openmetrics"], ["--openmetrics", "--http"]):
            done = subprocess.run([corral.COMMAND, "report", *words], input="GET /metrics HTTP/1.0\r\n\r\n", capture_output=True, text=True, check=False, env=environment, timeout=60)
            corral.check("corral_report_complete 0\n" in done.stdout and f"'{top}/day/pacct'" in done.stderr, f"{words}: a scrape is told that it is not complete", done)
        (top / "day").mkdir()
        shutil.copy(PACCT, top / "day/pacct3")
        corral.check(len(said("report", "--json", code=0).stdout) > 1000, "a switched file is one")
        if os.geteuid() == 0 and not os.path.exists("/var/csa/day/pacct"):
            del environment["CORRAL_PACCT"]
            environment["XDG_STATE_HOME"] = str(top / "state")
            private = top / "state/corral/pacct"
            private.parent.mkdir(parents=True)
            shutil.copy(PACCT, private)
            corral.check(f"your private instance's is '{private}' ('--private')" in said("report").stderr, "root is told of his own", said("report").stderr)
            corral.equal(said("report", "--private", "--json", code=0).stdout, report("--json").stdout, "which is read then")
            corral.check(said("records", "--private", code=0).stdout, "by records too")
            corral.check("leave one of them out" in said("records", "--private", str(PACCT), code=2).stderr, "or one that is named")
    with corral.Instance() as instance:
        done = subprocess.run([corral.COMMAND, "report", "--json"], env=instance.environment, capture_output=True, text=True, check=True, timeout=60)
        corral.equal((json.loads(done.stdout)["rows"], done.stderr), ([], ""), "an instance that has had nothing to write is an empty report")
        page = subprocess.run([corral.COMMAND, "report", "--html", "-", PACCT], capture_output=True, text=True, check=True, timeout=60)
        corral.check(page.stdout.startswith("<!DOCTYPE html>") and not os.path.exists("-"), "a page to standard output", page.stdout[:60])
        instance.run("run", "--", "true")
        usual, named = (subprocess.run([corral.COMMAND, "records", "--json", *file], env=instance.environment, capture_output=True, text=True, check=True, timeout=60).stdout
                        for file in ([], [instance.pacct]))  # fmt: skip
        corral.check(usual == named and usual.count("\n") > 2, "records without a file are those of the one in use", usual)
    two = subprocess.run([corral.COMMAND, "records", PACCT, PACCT], capture_output=True, text=True, check=False, timeout=60)
    corral.check(two.returncode == 2 and "one accounting file at a time" in two.stderr, "of one file at a time", two.stderr)


def faults():
    missing = report(files=["/nowhere"], code=1)
    corral.check("cannot read '/nowhere'" in missing.stderr, "a file that is not there", missing.stderr)
    damaged = report("--json", files=[GOLDEN / "damaged/hole37"], code=1)
    corral.check("are no record" in damaged.stderr and json.loads(damaged.stdout)["rows"], "damage is told, the rest reported", damaged.stderr)
    for words, said in ((["--by", "week"], "job, user, group"), (["--since", "2026-11-02", "--until", "2026-11-01"], "'--since' has to be before '--until'"), (["--since", "2026-02-30"], "a day such as"), (["--json", "--csv"], "csv")):
        wrong = report(*words, code=2)
        corral.check(said in wrong.stderr, f"{' '.join(words)}: {said}", wrong.stderr)
    with tempfile.TemporaryDirectory() as folder:
        own = pathlib.Path(folder, "pacct")
        for option in ("-o", "--html"):
            own.write_bytes(PACCT.read_bytes())
            refused = report(option, str(own), files=[own], code=1)
            corral.check("has accounting records" in refused.stderr and own.read_bytes() == PACCT.read_bytes(), f"{option} replaces no records", refused.stderr)
        shutil.copy(PACCT, f"{own}1")
        usual = {"env": {**os.environ, "TZ": "UTC", "CORRAL_PACCT": str(own)}}
        own.unlink()

        def users():
            return subprocess.run([corral.COMMAND, "report", "--csv"], capture_output=True, check=True, **usual).stdout

        once = users()
        subprocess.run(["zstd", "-q", f"{own}1"], check=True)
        corral.equal(users(), once, "a packed copy is counted once")
        subprocess.run(["zstd", "-qf", GOLDEN / "in/pacct2", "-o", f"{own}1.zst"], check=True)
        named = report("--csv", files=[f"{own}1", f"{own}1.zst"]).stdout.replace("\n", "\r\n").encode()
        shutil.copy(PACCT, f"{own}01")
        corral.equal(users(), named, "one that holds something else is counted too, and a name that nobody gives is not")
    if os.path.exists("/dev/full"):
        with open("/dev/full", "w") as full:
            done = subprocess.run([corral.COMMAND, "report", str(PACCT)], stdout=full, stderr=subprocess.PIPE, check=False)
        corral.equal(done.returncode, 1, "a full output is a failure")


published()
hours()
accounts()
units()
units_of_accounts()
own()
disks()
copies()
nothing_there()
faults()
