#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Jobs that go on from a checkpoint: their start is a restart-of-job (acctsoj,
AC_ROJ) with the time when they began, also where the supervisor dies in between;
our readers and the published ones take it; who may say so, and what is refused."""

import os
import signal
import struct
import subprocess
import time

import csa_files
import published
from accounted import Accounted, every_record
from corral import COMMAND, check, equal
from csa_site import Site

OTHER = {"user": 65534, "group": 65534, "extra_groups": []}
HOURS = 3 * 3600


def starts(instance):
    """ac_type, ac_btime and ac_rstime of each start in the file, by jid."""
    found = {}
    for entry in csa_files.entries(instance.pacct.read_bytes()):
        if csa_files.START in entry.records:
            record = entry.records[csa_files.START]
            found[struct.unpack_from("<Q", record, 16)[0]] = (record[8], *struct.unpack_from("<qq", record, 24))
    return found


def restarted(instance):
    began = int(time.time()) - HOURS
    gate = f"{instance.folder}/gate"
    made = instance.run("run", "-d", "--began", f"@{began}", "--project", "physics", "--",
                        "sh", "-c", f"until [ -e {gate} ]; do sleep 0.05; done")  # fmt: skip
    equal(made.returncode, 0, f"a job goes on {made.stderr}")
    plain = instance.run("run", "-d", "--", "true").stdout.strip()
    shown = instance.run("run", "--began", time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(began)), "--", "true")
    equal(shown.returncode, 0, f"one in the foreground does too {shown.stderr}")
    os.kill(instance.supervisor, signal.SIGKILL)
    open(gate, "x", encoding="utf-8").close()
    again = instance.run("run", "-d", "--began", f"@{began}", "--", "true").stdout.strip()
    for jid in (made.stdout.strip(), plain, again):
        instance.run("wait", jid)
    instance.csa("csaswitch", "-c", "status")  # behind all that was written
    records = every_record(instance)
    of_jobs = {record["jid"]: record for record in records if record["kind"] in ("start", "restart")}
    equal(len(of_jobs), 4, "each has one start")
    written = starts(instance)
    kinds = {jid: record["kind"] for jid, record in of_jobs.items()}
    equal(kinds.pop(plain), "start", "a job that begins here starts")
    equal(written[int(plain, 16)][::2], (1, 0), "as AC_SOJ, without a restart's time")
    check("began_us" not in of_jobs[plain], "nor when it began before")
    equal(set(kinds.values()), {"restart"}, "the others start again")
    for jid in kinds:
        kind, btime, rstime = written[int(jid, 16)]
        equal((kind, btime), (2, began), f"{jid}: AC_ROJ, and when it began")
        check(0 <= time.time() - rstime < 120, f"{jid}: and when it began again", rstime)
        equal(of_jobs[jid]["began_us"], began * 1000000, f"{jid}: records tells the first")
        equal(of_jobs[jid]["started_us"], rstime * 1000000, f"{jid}: and the second")
    equal(of_jobs[made.stdout.strip()]["project"], "physics", "what it is charged to stands beside it")
    return made.stdout.strip()


def commands(instance, site, jid):
    checked = instance.csa("csaverify", "-P", str(instance.pacct))
    equal((checked.returncode, checked.stdout), (0, ""), f"csaverify finds no fault {checked.stderr}")
    report = instance.run("report", jid, str(instance.pacct)).stdout
    check("physics" in report, "corral report tells of it", report)
    for command, words in (("csaverify", ["-P"]), ("csaedit", ["-A", "-P"])) if published.are_here() else ():
        theirs = subprocess.run([published.TOOLS / command, *words, instance.pacct], env={**os.environ, **site.environment()},
                                capture_output=True, text=True, check=False)  # fmt: skip
        ours = instance.csa(command, *words, str(instance.pacct))
        equal((theirs.returncode, theirs.stdout), (ours.returncode, ours.stdout), f"the published {command} reads it so too")
    instance.switch()
    built = instance.csa("csabuild", "-i", "-P", str(instance.pacct), "-s", str(site.path("sorted")))
    equal(built.returncode, 0, f"csabuild takes it {built.stderr}")


def refusals(instance):
    later = instance.run("run", "-d", "--began", f"@{int(time.time()) + 3600}", "--", "true")
    equal(later.returncode, 64, f"a job does not begin later than now {later.stderr}")
    check("later than now" in later.stderr, "which is said", later.stderr)
    wrong = instance.run("run", "-d", "--began", "yesterday", "--", "true")
    equal(wrong.returncode, 2, "nor at a time that is none")
    check("'yesterday'" in wrong.stderr and "2026-11-30 09:05" in wrong.stderr, "which is said", wrong.stderr)
    if os.geteuid() == 0:
        os.chmod(instance.folder, 0o755)
        os.chmod(instance.runtime, 0o755)
        theirs = instance.run("run", "-d", "--began", "@1000000000", "--", "true", **OTHER)
        check(theirs.returncode != 0 and "say when a job began" in theirs.stderr, "others do not say so", theirs.stderr)


def without_instance():
    nobody = {**os.environ, "CORRAL_RUNTIME_DIR": "/nonexistent"}
    for option, value in (("--began", "@1000000000"), ("--domain", "batch")):
        alone = subprocess.run([COMMAND, "run", option, value, "--", "true"], env=nobody, capture_output=True, text=True,
                               check=False)  # fmt: skip
        equal(alone.returncode, 72, f"without an instance nobody says {option}")
        check(f"'{option}' needs an instance" in alone.stderr, "which is said", alone.stderr)


def main():
    with Site() as site, Accounted(site) as instance:
        jid = restarted(instance)
        commands(instance, site, jid)
        refusals(instance)
    without_instance()


if __name__ == "__main__":
    main()
