#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What daemons tell, and limits that change: a scheduler writes records of its
requests over the bus and by the command, once whoever is killed, and they come
out of csabuild, csajrep, csadrep and csarun; tape and site records; who may; a
job's account tells its limits as they changed."""

import json
import os
import pwd
import signal
import struct
import subprocess
import sys
import time

import corral
import csa_files
from accounted import Accounted, every_record, scribe_of
from csa_site import Site

SCHEDULER = "daemon"  # the user


def wkmg(**values):
    words = {"provider": "SLURM", "type": "init", "subtype": "start", "machine": "node1", "request": "sim", "queue": "batch", "reqid": 17}
    words.update(values)
    return ["record", "wkmg", *(f"{key}={value}" for key, value in words.items())]


def accounting(instance, *words, code=0):
    done = instance.run("accounting", *words)
    if done.returncode != code:
        corral.fail(f"corral accounting {' '.join(words)}: {done.returncode}: {done.stderr}")
    return done


def of_kind(instance, kind):
    return [record for record in every_record(instance) if record["kind"] == kind]


def workloads(instance):
    """Those of daemons, as CSA lays them out."""
    found = []
    for path in instance.switched():
        for entry in csa_files.entries(path.read_bytes()):
            record = entry.records.get(csa_files.WORKLOAD)
            if record and record[24:30] != b"CORRAL":
                found.append(record)
    return found


def told():
    with Site() as site, Accounted(site) as instance:
        off = accounting(instance, *wkmg(), code=1)
        corral.check("its kind is off" in off.stderr, "wkmg is off at first: it is told", off.stderr)
        accounting(instance, "on", "wkmg", "tape", "site2")
        done = instance.run("run", "-d", "--json", "--", "sh", "-c", "sleep 0.2; true & wait")
        jid = json.loads(done.stdout)["jid"]
        accounting(instance, *wkmg(jid=jid))
        instance.run("wait", jid)
        accounting(instance, *wkmg(jid=jid, type="term", subtype="exit", code=0, utime="2s", stime="1s", memory="64M", ncpus=2, waited="9s"))
        corral.wait_until(lambda: len(workloads(instance)) == 2, what="two records in the file")
        first, last = workloads(instance)
        corral.equal(struct.unpack_from("<hh", first, 16), (3, 1), "type and subtype are CSA's")
        corral.equal(struct.unpack_from("<Q", first, 80)[0], int(jid, 16), "and the job")
        corral.equal(struct.unpack_from("<qqqq", last, 152), (2000000, 1000000, 0, 65536), "times and memory in CSA's units")
        for kind in ("tape", "site2"):
            (site.root / "told").write_bytes(bytes(range(256)) * (4 if kind == "tape" else 1))
            accounting(instance, "record", kind, str(site.root / "told"))
        corral.wait_until(lambda: len(of_kind(instance, "daemon")) == 4, what="four daemon records")
        tape = [record for record in of_kind(instance, "daemon") if record["daemon"] == "tape"][0]
        corral.equal(bytes.fromhex(tape["bytes"]), bytes(range(256)) * 4, "what a tape daemon told is there, each byte")
        # All of CSA's commands read on.
        (site.root / "Wpacct1").write_bytes(instance.pacct.read_bytes())
        corral.equal(instance.csa("csaverify", "-P", str(site.root / "Wpacct1")).returncode, 0, "csaverify finds nothing wrong")
        spacct = str(site.root / "spacct")
        built = instance.csa("csabuild", "-i", "-P", str(site.root / "Wpacct"), "-s", spacct)
        corral.equal((built.returncode, built.stderr), (0, ""), "csabuild sorts it")
        queues = instance.csa("csadrep", "-a", "-s", spacct).stdout
        corral.check("batch" in queues, "csadrep reports the queue", queues)
        jobs = instance.csa("csajrep", "-A", "-s", spacct, "-r", "17").stdout
        rows = [line.split() for line in jobs.splitlines()]
        user = pwd.getpwuid(os.geteuid()).pw_name[:8]
        corral.check([user, "0", "batch", "sim", "node1", "17", "0"] in rows, "csajrep finds the request, with its queue and machine", jobs)
        corral.check(["0", user, "sh"] in [row[:3] for row in rows] and jobs.count("END OF JOB") == 1, "and its one job", jobs)
        other = instance.csa("csajrep", "-A", "-s", spacct, "-r", "18").stdout
        corral.check("sim" not in other, "which is not that of another number", other)
        run = instance.csa("csarun")
        corral.equal((run.returncode, run.stderr), (0, ""), "csarun")
        report = "".join(path.read_text() for path in site.path("sum").glob("rprt.*"))
        corral.check("batch" in report, "its report has the queue", report)


def refused():
    with Site() as site, Accounted(site) as instance:
        accounting(instance, "on", "wkmg", "tape")
        for words, said in (
            (wkmg(type="what"), "expected info"), (wkmg(subtype="exit"), "one that it has"), (wkmg(provider="CORRAL"), "provider is Corral"),
            (wkmg(color="red"), "keys are"), (wkmg(reqid="-4"), "a number"), (["record", "mem", "/dev/null"], "none that daemons write"),
            (["record"], "needs a kind"), (["record", "tape", "/dev/null"], "1 to 1024"), (["record", "tape"], "needs one file"),
        ):  # fmt: skip
            done = instance.run("accounting", *words)
            corral.check(done.returncode != 0 and said in done.stderr, f"corral accounting {' '.join(words)[:50]}: {said}", done.stderr)
        (site.root / "large").write_bytes(b"x" * 1025)
        done = instance.run("accounting", "record", "tape", str(site.root / "large"))
        corral.check("1 to 1024" in done.stderr, "more than MAX_WRACCT is refused", done.stderr)
        corral.equal(of_kind(instance, "daemon"), [], "none of them is in the file")


def who():
    if os.geteuid() != 0:
        return corral.not_checked("needs root")
    uid = pwd.getpwnam(SCHEDULER).pw_uid
    with Site() as site:
        config = site.root / "corral.toml"
        config.write_text(f'[authority]\nschedulers = ["{SCHEDULER}"]\n')
        with Accounted(site, options=("--config", str(config))) as instance:
            accounting(instance, "on", "wkmg")
            instance.folder.chmod(0o755)
            instance.runtime.chmod(0o755)
            record = bytearray(208)
            struct.pack_into("<hhi16s", record, 16, 3, 1, 0, b"SLURM")
            struct.pack_into("<qq", record, 40, int(time.time()), 0)
            for at, name in ((88, b"node1"), (104, b"sim"), (120, b"batch")):
                struct.pack_into("16s", record, at, name)
            words = ["busctl", f"--address=unix:path={instance.socket}", "call", "org.corral.Manager1", "/org/corral/manager",
                     "org.corral.Accounting1", "WriteRecord", "stay", "wkmg", "0", "208", *map(str, record)]  # fmt: skip
            done = subprocess.run(words, user=uid, capture_output=True, text=True, check=False)
            corral.check(done.returncode == 0 and "b true" in done.stdout, "a scheduler of the site's writes one", done.stdout, done.stderr)
            done = subprocess.run(words, user=65533, capture_output=True, text=True, check=False)
            corral.check(done.returncode != 0 and "may not write" in done.stderr, "a stranger does not", done.stderr)
            done = subprocess.run([*words[:7], "Off"], user=uid, capture_output=True, text=True, check=False)
            corral.check(done.returncode != 0, "and a scheduler does not turn accounting off", done.stdout)
            corral.wait_until(lambda: len(of_kind(instance, "daemon")) == 1, what="a record")
            corral.equal(of_kind(instance, "daemon")[0]["uid"], uid, "who wrote it stands behind it")


def killed():
    """Answered with true is in the file, once."""
    with Site() as site, Accounted(site) as instance:
        accounting(instance, "on", "wkmg")
        kept = []
        victims = set()
        for number in range(1, 61):
            if number % 7 == 0:
                victim = instance.supervisor if number % 2 else scribe_of(instance)
                if victim:
                    os.kill(victim, signal.SIGKILL)
                    victims.add(victim)
            if instance.run("accounting", *wkmg(reqid=number)).returncode == 0:
                kept.append(number)
        corral.check(len(victims) >= 4, f"of 8 times {len(victims)} hit somebody")
        corral.wait_until(lambda: len(workloads(instance)) >= len(kept), what="all that were kept in the file")
        found = [struct.unpack_from("<q", record, 136)[0] for record in workloads(instance)]
        corral.equal([number for number in found if number in kept], kept, f"{len(kept)} records, each once, in their order")
        corral.equal(len(found), len(set(found)), "and none twice")


def limits():
    with Site() as site, Accounted(site) as instance:
        done = instance.run("run", "-d", "--json", "--limit", "wall=1h,files=100", "--", "sleep", "30")
        jid = json.loads(done.stdout)["jid"]
        corral.equal(instance.run("limit", jid, "--limit", "wall=2h").returncode, 0, "corral limit")
        os.kill(instance.supervisor, signal.SIGKILL)
        corral.equal(instance.run("limit", jid, "--limit", "wall=none").returncode, 0, "and again, another supervisor")
        instance.run("kill", "-g", "0", jid)
        corral.wait_until(lambda: of_kind(instance, "end"), what="its end")
        changes = of_kind(instance, "limits")
        hour = 3600 * 1000000
        corral.equal([record.get("asked", {}).get("wall") for record in changes], [2 * hour, None], "each change is a record, once")
        corral.equal(changes[0]["asked"].get("files"), 100, "with all that holds")
        corral.equal((changes[0]["uid"], changes[0]["jid"]), (os.geteuid(), jid), "and who made it")
        kinds = [record["kind"] for record in every_record(instance) if record.get("jid") == jid]
        corral.equal(kinds[0], "start", "behind the start")
        report = json.loads(instance.run("report", "--json", jid, str(instance.pacct)).stdout)
        job = report[0] if isinstance(report, list) else report
        corral.equal([change["asked"].get("wall") for change in job["limit_changes"]], [2 * hour, None], "corral report tells them")
        text = instance.run("report", jid, str(instance.pacct)).stdout
        corral.check(text.count("limits changed") == 2, "also as text", text)
        accounting(instance, "off", "job")
        done = instance.run("run", "-d", "--json", "--", "sleep", "30")
        jid = json.loads(done.stdout)["jid"]
        instance.run("limit", jid, "--limit", "wall=2h")
        instance.run("kill", "-g", "0", jid)
        corral.equal(len(of_kind(instance, "limits")), 2, "no more where records of jobs are off")


def main():
    tests = {"told": told, "refused": refused, "who": who, "killed": killed, "limits": limits}
    for name, test in tests.items():
        if len(sys.argv) < 2 or name in sys.argv[1:]:
            test()


main()
