#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""corral report JOB: all that accounting files have of one job, of jobs that
really ran, of the published daemon's, and of hostile files."""

import json
import os
import pathlib
import struct
import subprocess
import tempfile

import corral
import csa_files
from csa_golden_files import GOLDEN, golden_site

PACCT = GOLDEN / "in/pacct1"


def report(*words, code=0, pacct=None, environment=None, cwd=None):
    environment = {**os.environ, "TZ": "UTC", **(environment or {}), **({"CORRAL_PACCT": str(pacct)} if pacct else {})}
    done = subprocess.run([corral.COMMAND, "report", *map(str, words)], capture_output=True, text=True, check=False, env=environment, cwd=cwd, timeout=60)
    corral.equal(done.returncode, code, f"corral report {' '.join(map(str, words))}: {done.stderr}")
    return done.stdout if code == 0 else done.stderr


def job_of(*words, **options):
    return json.loads(report(*words, "--json", **options))


def depths(job):
    return [(process["name"], process["depth"]) for process in job["processes"]]


SUMS = ("minor_faults", "major_faults", "read_bytes", "written_bytes", "read_calls", "write_calls", "voluntary_switches", "involuntary_switches",
        "resident_mbyte_us", "virtual_mbyte_us", "processor_waits", "processor_delay_us", "block_waits", "block_delay_us", "swap_waits", "swap_delay_us")
OF_END = ("cpu_some_stall_us", "cpu_full_stall_us", "memory_some_stall_us", "memory_full_stall_us", "io_some_stall_us", "io_full_stall_us",
          "processes_peak", "swap_peak_bytes", "oom_kills", "processes_seen", "processes_not_seen", "stragglers", "totals_from")


def has_all_counters(job, records):
    """Against the records as 'corral records' tells them."""
    processes = [r for r in records if r["kind"] == "process" and r.get("jid") == job["jid"]]
    (end,) = (r for r in records if r["kind"] == "end" and r.get("jid") == job["jid"])
    for key in SUMS:
        known = [r[key] for r in processes if key in r]
        corral.equal(job[key], sum(known) if known else None, f"{key} is the sum of its processes'")
    corral.equal(job["peak_virtual_bytes"], max((r["peak_virtual_bytes"] for r in processes if "peak_virtual_bytes" in r), default=None), "an address space is the largest")
    corral.equal({key: job[key] for key in OF_END}, {key: end.get(key) for key in OF_END}, "what its end counted")
    shown = sorted(((p["pid"], *[p[key] for key in SUMS], p["peak_virtual_bytes"], p["collector"]) for p in job["processes"]), key=str)
    corral.equal(shown, sorted(((r["pid"], *[r.get(key) for key in SUMS], r.get("peak_virtual_bytes"), r.get("collector")) for r in processes), key=str), "and of each")
    corral.equal(job["collectors"], sorted({r["collector"] for r in processes if r.get("collector")}), "who counted")


def own():
    """Jobs of an instance, with everything that they asked for."""
    script = "(sh -c 'sleep 0.3; true'; true); sh -c 'kill -ABRT $$'; exit 3"
    with corral.Instance() as instance:
        for _ in range(2):
            instance.run("run", "--name", "tree", "-P", "physics", "-A", "own", "--limit", "wall=2h,cpu=1h,files=200:300,core=0", "--", "sh", "-c", script)
        corral.wait_until(lambda: len([r for r in instance.records()["records"] if r["kind"] == "end"]) == 2, what="two ends")
        records = instance.records()["records"]
        starts = [record for record in records if record["kind"] == "start"]
        asked = {"wall": 7200 * 10**6, "cpu": 3600 * 10**6, "files": 300, "core": 0}
        corral.equal(starts[0]["asked"], asked, "the start record has the hard bounds")
        job = job_of("tree", pacct=instance.pacct)
        corral.equal(job["jid"], starts[1]["jid"], "of a name it is the last job")
        end = next(record for record in records if record["kind"] == "end" and record["jid"] == job["jid"])
        for key in ("wall_us", "user_us", "system_us", "ended_us", "result", "sentence", "engine"):
            corral.equal(job[key], end.get(key), f"{key} is the end record's")
        has_all_counters(job, records)
        corral.equal((job["limit"], job["records_lost"]), (None, 0), "no limit ended it, and nothing is lost")
        corral.equal((job["exit_code"], job["uid"], job["node"]), (3, os.getuid(), os.uname().nodename), "who, where, how")
        corral.equal((job["project"], job["project_number"], job["account"]), ("physics", None, "own"), "whom it is charged to")
        corral.equal({row["limit"]: row["asked"] for row in job["asked"]}, asked, "what it asked for")
        used = {row["limit"]: row["used"] for row in job["asked"]}
        corral.equal((used["wall"], used["cpu"], used["files"]), (job["wall_us"], job["user_us"] + job["system_us"], None), "and used")
        corral.check(job["hints"][0].startswith("asked 2h00m of wall time, used ") and job["hints"][0].endswith("wall=1m would do"), "a hint", job["hints"])
        recorded = [r for r in records if r["kind"] == "process" and r["jid"] == job["jid"]]
        has_all = recorded[0]["collector"] == "ebpf"
        names = ["sh", "sh", "sh", "sh", "sleep"] if has_all else [record["name"] for record in recorded]
        corral.equal(sorted(process["name"] for process in job["processes"]), sorted(names), "its processes")
        by_pid = {process["pid"]: process for process in job["processes"]}
        for process in job["processes"]:
            parent = by_pid.get(process["ppid"])
            corral.equal(process["depth"], parent["depth"] + 1 if parent else 0, f"{process['name']} stands below its parent")
        aborted = [process for process in job["processes"] if process["signal"]]
        corral.equal([process["signal"] for process in aborted], ["SIGABRT"] * has_all, "who died of a signal")
        other = job_of(starts[0]["jid"], pacct=instance.pacct)
        corral.check(not {p["pid"] for p in other["processes"]} & set(by_pid), "another job's processes are not among them")
        text = report("tree", pacct=instance.pacct)
        for said in ("project           physics", "account           own", "result            exited: exited with code 3", "hint: asked 2h00m", *(["SIGABRT", "    sleep"] if has_all else [])):
            corral.check(said in text, f"the text has '{said}'", text)
        # As wide as the times above and below it, which are never the same.
        corral.check(["open", "files", "300", "-", "-"] in [line.split()[:5] for line in text.splitlines()], "the text has the limit of open files", text)
        instance.run("run", "-d", "--array", "1-2", "--name", "rep", "--", "sh", "-c", "exit 4")
        instance.run("wait", "rep")
        corral.equal((job_of("rep[2]", pacct=instance.pacct)["name"], job_of("rep[2]", pacct=instance.pacct)["exit_code"]), ("rep[2]", 4), "a member of an array")
        said = report("rep", code=66, pacct=instance.pacct)
        corral.check("'rep' is an array, which has no record of its own; its members have, such as 'rep[1]'" in said, "the array has none", said)
        instance.run("run", "--name", "slow", "--limit", "wall=200ms", "--", "sleep", "60")
        over = corral.wait_until(lambda: next((r for r in instance.records()["records"] if r["kind"] == "end" and r["result"] == "over-limit"), None), what="its end")
        corral.equal(job_of("slow", pacct=instance.pacct)["limit"], over["limit"], "which limit ended it")
        with tempfile.TemporaryDirectory() as folder:
            report("tree", "-o", pathlib.Path(folder, "x"), pacct=instance.pacct)
            corral.equal(pathlib.Path(folder, "x").read_text(), text, "--output writes the same")


def without_instance():
    """corral run alone writes what was asked for too."""
    with tempfile.TemporaryDirectory() as folder:
        pacct = pathlib.Path(folder, "pacct")
        subprocess.run([corral.COMMAND, "run", "--limit", "wall=1h,files=64", "--", "sh", "-c", "exit 0"], check=True, timeout=60,
                       env={**os.environ, "CORRAL_PACCT": str(pacct), "CORRAL_RUNTIME_DIR": folder})  # fmt: skip
        job = job_of("sh", pacct=pacct)
        corral.equal([(row["limit"], row["asked"]) for row in job["asked"]], [("wall", 3600 * 10**6), ("files", 64)], "record mode's start has them")


def published():
    entries = list(csa_files.entries(PACCT.read_bytes()))
    jid = 0x13
    processes = [e for e in entries if e.kind == csa_files.PROCESS and e.number(csa_files.PROCESS, 48) == jid]
    job = job_of(hex(jid), PACCT)
    corral.equal(len(job["processes"]), len(processes), "each process once")
    corral.equal((job["user_us"], job["node"], job["project_number"]), (sum(e.number(csa_files.PROCESS, 104) for e in processes), "vm", 0), "their sum")
    corral.equal(job["result"], None, "why it ended is not there")
    told = [json.loads(line) for line in subprocess.run([corral.COMMAND, "records", "--json", PACCT], capture_output=True, check=True).stdout.splitlines()]
    corral.equal({job["gid"]}, {r["gid"] for r in told if r["kind"] == "process" and r.get("jid") == hex(jid)}, "its group is its processes', not the end's")
    counted = job_of("0x14", PACCT)
    has_all_counters(counted, told)
    corral.equal((counted["records_lost"], counted["processor_waits"] > 0), (None, True), "who counts no losses is not said to have none")
    text = report("0x14", PACCT)
    for said in (f"processor waits         {counted['processor_waits']}", f"minor faults            {counted['minor_faults']}", "memory integral         2.595 MB*s",
                 "some wait for memory    -", "records lost            -"):  # fmt: skip
        corral.check(said in text, f"the text has '{said}'", text)
    corral.check("units" not in text and "units" not in counted, "units are told where they are asked for")
    page = pathlib.Path(tempfile.gettempdir(), f"page.{os.getpid()}")
    report("0x14", "--html", page, PACCT)
    corral.check(f"<dt>Processor waits</dt><dd>{counted['processor_waits']}</dd>" in page.read_text() and "Some wait" not in page.read_text(),
                 "the page has what was collected, and nothing of what was not")  # fmt: skip
    page.unlink()
    twice = json.JSONDecoder()
    with tempfile.NamedTemporaryFile() as other:  # than the first, which would be passed over as its copy
        other.write(b"".join(entry.data for entry in entries[1:]))
        other.flush()
        text = report(hex(jid), "--json", PACCT, other.name)
    first, end = twice.raw_decode(text)
    second, _ = twice.raw_decode(text[end:].lstrip())
    corral.equal((first["processes"], second["processes"]), (job["processes"], job["processes"]), "a jid that was given again is two jobs")
    with tempfile.NamedTemporaryFile() as file:
        request = bytearray(208)
        struct.pack_into("<HHBBHdhhi16sqqiIQQQ", request, 0, 0x314A, 0o6000, 0o122, 0, 208, 0.0, 5, 1, 0, b"PBS", 1763767530, 0, 0, 0, 0, 0, jid)
        struct.pack_into("<qhh", request, 176, 16 << 20, 8, 0)
        end = next(e for e in entries if e.kind == csa_files.END and e.number(csa_files.END, 48) == jid)
        at = PACCT.read_bytes().index(end.data)
        file.write(PACCT.read_bytes()[:at] + bytes(request) + PACCT.read_bytes()[at:])
        file.flush()
        asked = {row["limit"]: (row["asked"], row["of_request"]) for row in job_of(hex(jid), file.name)["asked"]}
        corral.equal(asked, {"memory": (16 << 30, True), "cpu-rate": (800, True)}, "what a batch request reserved")
        corral.check("asked 8 processors, used 0.7 processors on average" in report(hex(jid), file.name), "and a hint", report(hex(jid), file.name))


def units():
    """What one job costs, as its row of the report of all has it, which weighs a request's job."""
    sources, conf = [GOLDEN / "in/pacct1", GOLDEN / "in/pacct2"], {"environment": {"CSACONFIG": "in/csa.conf"}, "cwd": golden_site()}
    rows = {row["job"]: row["units"] for row in job_of("--units", "--by", "job", *sources, **conf)["rows"]}
    for jid in rows:
        text, found = report(jid, "--units", "--json", *sources, **conf), []
        while text.strip():
            job, end = json.JSONDecoder().raw_decode(text)
            found, text = [*found, job], text[end:].lstrip()
        if len(found) == 1:
            corral.equal(found[0]["units"], rows[jid], f"{jid}: units")
            corral.check(f"billing units           {rows[jid]:.2f}\n" in report(jid, "--units", *sources, **conf), "and in words")
    corral.check("needs a csa.conf" in report("0x14", "--units", *sources, code=1, environment={"CSACONFIG": "/nowhere"}), "not without a configuration")


def process(pid, ppid, begin, wall=10**6, name=b"p"):
    record = bytearray(136)
    struct.pack_into("<HHBBH", record, 0, 0x314A, 0o6000, 0o1, 0, 136)
    struct.pack_into("<HHBBH", record, 8, 0x314A ^ 0xFFFF, 0o6000, 0o1, 0, 0)
    struct.pack_into("<IIxxxxQQQIIq16sQQQ", record, 28, 0, 0, 0, 7, 0, pid, ppid, begin, name, wall, 0, 0)
    return bytes(record)


def hostile():
    with tempfile.NamedTemporaryFile() as file:
        def tree(*records):
            file.seek(0)
            file.truncate()
            file.write(b"".join(records))
            file.flush()
            return job_of("0x7", file.name)

        circle = tree(process(5, 6, 100), process(6, 5, 100), process(7, 7, 100), process(8, 6, 100))
        corral.equal(sorted(p["pid"] for p in circle["processes"]), [5, 6, 7, 8], "who are each other's parents are there once")
        reused = tree(process(5, 1, 100, name=b"old"), process(5, 1, 200, 50 * 10**6, b"new"), process(9, 5, 210), process(10, 5, 100),
                      process(11, 5, 150))  # fmt: skip
        corral.equal([(p["name"], p["pid"], p["depth"]) for p in reused["processes"]],
                     [("old", 5, 0), ("p", 10, 1), ("p", 11, 0), ("new", 5, 0), ("p", 9, 1)], "a pid that was given again is two parents")  # fmt: skip
        deep = tree(*(process(pid, pid - 1, 100, 10**9) for pid in range(2, 5000)))
        corral.equal(max(p["depth"] for p in deep["processes"]), 4997, "a chain as deep as it is long")
        corral.check(len(report("0x7", file.name)) < 2_000_000, "is text of a size that can be read")
        tree(process(5, 1, 100, name=b"\x1b[31mred\n"))
        corral.check("\x1b" not in report("0x7", file.name), "a name moves no cursor")


def faults():
    said = report("nothing", PACCT, code=66)
    corral.check("have no job 'nothing'" in said and f"looked in '{PACCT}'\n" in said, "a job that is not there, and where it was looked for", said)
    said = report("nothing", PACCT, GOLDEN / "in/pacct2", code=66)
    corral.check(f"looked in '{GOLDEN}/in/pacct2' and 1 more" in said, "also in several files", said)
    corral.check("cannot read './web'" in report("./web", code=1), "with a slash it is a file")
    with tempfile.TemporaryDirectory() as folder:
        pacct = pathlib.Path(folder, "pacct")
        subprocess.run([corral.COMMAND, "run", "--name", "web", "--", "true"], check=True, timeout=60,
                       env={**os.environ, "CORRAL_PACCT": str(pacct), "CORRAL_RUNTIME_DIR": folder})  # fmt: skip
        place = pathlib.Path(folder, "work")
        place.mkdir()
        wanted = job_of("web", pacct=pacct, cwd=place)
        for kind, make in (("a directory", lambda web: web.mkdir()), ("a pipe", os.mkfifo)):
            make(place / "web")
            corral.equal(job_of("web", pacct=pacct, cwd=place), wanted, f"beside {kind} of its name it is the job")
            said = report("web", PACCT, code=66, cwd=place)
            corral.check("what is called so here is no file" in said, f"or {kind}, which is no file", said)
            said = report("./web", code=1, cwd=place)
            corral.check(("found a directory" if kind == "a directory" else "found a pipe or a device") in said, f"with a slash it is {kind}", said)
            (place / "web").rmdir() if kind == "a directory" else (place / "web").unlink()
        (place / "web").write_bytes(PACCT.read_bytes())
        corral.check("rows" in job_of("web", cwd=place), "a file of the name is the file")
        subprocess.run(["zstd", "-q", "--rm", place / "web"], check=True)
        corral.check("rows" in job_of("web", cwd=place), "packed too")
    corral.check("'--by' is for sums" in report("0x13", "--by", "user", PACCT, code=2), "sums are of no single job")


if __name__ == "__main__":
    own()
    without_instance()
    published()
    units()
    hostile()
    faults()
