#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""csarun: the accounting of a day. Over the golden set it gives what the single
commands give, two days in a row too; killed between any two system calls, in
every state, and restarted it gives the same; late writers, damage, user exits,
locks and full disks.

    STEP=1 tests/integration/csa_cycle.py kills        every point"""

import os
import re
import shutil
import struct
import subprocess
import sys
import time

import csa_files
import corral
from csa_golden_files import GOLDEN, without_times
from csa_site import Site, end_of_first_minute

STEP = int(os.environ.get("STEP", "0"))
STATES = "SETUP VERIFY ARCHIVE1 BUILD ARCHIVE2 CMS REPORT DREP FEF USEREXIT CLEANUP".split()


def by_hand(site, pacct, takes_all=False):
    """What the single commands make of the same files, by name in sum/."""
    folder = site.root / "hand"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, data in pacct.items():
        (folder / name).write_bytes(data)
    everything = ["-A"] if takes_all else []
    made = {}
    site.must("csabuild", "-i", "-P", folder / "pacct", "-s", folder / "spacct")
    made["cms"] = site.must("csacms", *everything, "-S", folder / "spacct")
    made["cacct"] = site.must("csacon", *everything, "-s", folder / "spacct")
    (folder / "cacct").write_bytes(made["cacct"])
    made["conrpt"] = site.must("csacrep", "-hucwx", stdin=(folder / "cacct").open("rb"))
    table = site.must("csacms", *everything, "-Sacj", folder / "spacct")
    made["cmsrpt"] = b"".join(table.splitlines(keepends=True)[:51])
    made["drpt"] = site.must("csadrep", *everything, "-a", "-s", folder / "spacct")
    made["recyrpt"] = b""
    if not takes_all:
        made["recyrpt"] = site.must("csarecy", "-r", "-s", folder / "spacct", "-P", folder / "R")
        made["pacct0"] = without_times((folder / "R0").read_bytes())
    return made


def without_heads(report):
    """A report's text, pages and blank lines aside."""
    lines = [line for line in report.decode("latin1").splitlines() if line.strip()]
    return [line for line in lines if not re.match(r"YYYY-MM-DD hh:mm .* Page \d+$", line)]


def contains(report, part, what):
    """The lines of `part` stand in the report one after the other."""
    wanted = [line for line in part.decode("latin1").replace("\f", "").splitlines() if line.strip()]
    lines = without_heads(report)
    is_in = any(lines[at : at + len(wanted)] == wanted for at in range(len(lines)))
    corral.check(len(wanted) > 0 and is_in, f"{what} is in the report, {len(wanted)} lines")


def compare(site, hand, what):
    results = site.results()
    for name in ("cms", "cacct", "pacct0"):
        corral.equal(results.get(name, b""), hand.get(name, b""), f"{what}: {name} is that of the single commands")
    report = results["rprt"]
    contains(report, hand["conrpt"], f"{what}: csacrep's output")
    contains(report, hand["cmsrpt"], f"{what}: csacms' table")
    contains(report, hand["drpt"], f"{what}: csadrep's output")
    if hand["recyrpt"]:
        contains(report, hand["recyrpt"], f"{what}: csarecy's output")
    corral.equal(site.state(), "COMPLETE", f"{what}: the state is complete")
    corral.equal(sorted(p.name for p in site.path("work").iterdir()), ["late"], f"{what}: nothing is left in work/")


def golden_day():
    with Site() as site:
        files = {name: (GOLDEN / "in" / name).read_bytes() for name in ("pacct1", "pacct2")}
        site.put_day(files)
        site.run_csarun()
        compare(site, by_hand(site, files), "golden day")
        corral.equal(site.results()["cms"], (GOLDEN / "out/cms.csa").read_bytes(), "its command summaries are the published ones")
        table = (GOLDEN / "out/csa-csacms-Sacj.out").read_bytes()
        contains(site.results()["rprt"], b"\n".join(table.splitlines()[:51]), "the published table of commands")
        kept = [path.name for path in site.path("nite").iterdir()]
        corral.equal(sorted(kept), ["active", "clastdate", "statefile"], "no file of errors and no lock is left")
        steps = re.findall(r" - ([A-Z0-9]+): ", site.path("nite/active").read_text())
        corral.equal(steps, ["SETUP", "VERIFY", "BUILD", "CMS", "REPORT", "DREP", "CLEANUP"], "nite/active tells the steps")


def golden_cycles():
    """The set's two periods, the unfinished job put back between them."""
    with Site() as site:
        first = {"pacct1": (GOLDEN / "cycle/one/pacct1").read_bytes()}
        site.put_day(first)
        site.run_csarun()
        compare(site, by_hand(site, first), "first period")
        contains(site.results()["rprt"], (GOLDEN / "cycle/3-csacrep.out").read_bytes(), "the published csacrep of period one")
        contains(site.results()["rprt"], (GOLDEN / "cycle/5-csarecy.out").read_bytes(), "the published csarecy")
        recycled = site.results()["pacct0"]
        corral.equal(recycled, without_times((GOLDEN / "cycle/two/pacct0").read_bytes()), "what goes on is put back as published")
        second = {"pacct0": site.path("day/pacct0").read_bytes(), "pacct1": (GOLDEN / "cycle/two/pacct1").read_bytes()}
        end_of_first_minute(site)
        site.put_day({"pacct1": second["pacct1"]})
        site.run_csarun()
        compare(site, by_hand(site, second), "second period")
        contains(site.results()["rprt"], (GOLDEN / "cycle/9-csacrep.out").read_bytes(), "the published csacrep of period two")
        corral.check("BETWEEN 01/01 00:00   AND" in site.results()["rprt"].decode(), "it names the run before")


def all_jobs():
    with Site() as site:
        files = {"pacct1": (GOLDEN / "in/pacct1").read_bytes()}
        site.put_day(files)
        site.run_csarun("-A")
        compare(site, by_hand(site, files, takes_all=True), "-A")
        corral.check("pacct0" not in site.results(), "-A puts nothing back")
        said = b"Terminated and unterminated job data was reported.\n \tNo jobs were recycled as a result.\n "
        corral.check(said in site.results()["rprt"], "and says so in the published words")


def kills():
    """Killed after the Nth system call, and restarted as it was advised."""
    files = {name: (GOLDEN / "in" / name).read_bytes() for name in ("pacct1", "pacct2")}
    tell = 'ls "$WTIME_DIR" | grep Wpacct > "$SUM_DIR/files.$DTIME"\n'
    with Site() as site:
        site.put_exit("csa.archive1", tell)
        site.put_day({**files, "pacct": site.opening()})
        total = site.count_calls()
        wanted = site.results()
    hit = {}
    points = range(1, total, STEP or max(1, total // 70))
    with Site() as site:
        site.put_exit("csa.archive1", tell)
        for point in points:
            site.clear()
            site.put_day({**files, "pacct": site.opening()})
            if not site.kill_csarun(point):
                continue
            state = site.state()
            hit[state] = hit.get(state, 0) + 1
            if state == "COMPLETE":
                if not site.results():  # killed before its first state
                    site.run_csarun()
            else:
                site.run_csarun(*site.path("nite/clastdate").read_text().split()[:2])
            found = site.results()
            if found != wanted:
                names = [name for name in wanted if found.get(name) != wanted[name]]
                corral.fail(f"killed after call {point} of {total}, in {state}: {names} differ; {sorted(found)}")
    corral.check(set(STATES) - {"ARCHIVE1", "ARCHIVE2", "FEF", "USEREXIT", "VERIFY"} <= set(hit) | {"COMPLETE"},
                 f"killed at {sum(hit.values())} of {total} system calls and restarted: the same results; {hit}")  # fmt: skip


def kills_in_exits():
    """The states with a user exit, and VERIFY, whose steps are few calls."""
    files = {"pacct1": (GOLDEN / "in/pacct1").read_bytes()}
    with Site() as site:
        site.put_day(files)
        site.run_csarun()
        wanted = site.results()
        for state, name in (("ARCHIVE1", "csa.archive1"), ("ARCHIVE2", "csa.archive2"), ("FEF", "csa.fef"), ("USEREXIT", "csa.user")):
            site.clear()
            site.put_day(files)
            site.put_exit(name, "kill -9 $PPID\nsleep 0.1\n")
            done = site.csarun()
            corral.equal((done.returncode, site.state()), (-9, state), f"killed in {state}")
            refused = site.csarun()
            corral.check(refused.returncode == 1 and f"in state {state}" in refused.stderr, "a new run is refused",
                         refused.stderr)  # fmt: skip
            site.exits(name).unlink()
            minute = site.path("nite/clastdate").read_text().split()[:2]
            site.run_csarun(*minute, *(["DREP"] if state == "FEF" else []))  # also one that is done already
            corral.equal(site.results(), wanted, "and the restart gives the same results")


def late_writers():
    """A scope keeps the file that it opened: what it writes later is in a later run, once."""
    entries = [entry.data for entry in csa_files.entries((GOLDEN / "in/pacct1").read_bytes())]
    begin = entries[0]
    groups = [entry for entry in entries[1:]]
    with Site() as site:
        path = site.path("day/pacct")
        site.put_day({"pacct": begin + b"".join(groups[:40])})
        writer = os.open(path, os.O_WRONLY | os.O_APPEND)
        seen = []
        for part in (groups[40:80], groups[80:], []):
            site.run_csarun("-A", exit_name="csa.archive1", script='cat "$WTIME_DIR"/Wpacct[1-9]* > "$ACCT_DIR/seen"\n')
            seen.append(site.path("seen").read_bytes())
            end_of_first_minute(site)
            if not part:
                break
            os.write(writer, b"".join(part))
            if part is not groups[40:80] and part[-1] is groups[-1]:
                os.close(writer)
        kinds = [entry.data for data in seen for entry in csa_files.entries(data) if entry.kind != csa_files.CONFIGURATION]
        wanted = [entry for entry in groups if entry[4] != csa_files.CONFIGURATION]
        corral.equal(len(kinds), len(wanted), "each record of a late writer is in one run")
        corral.check(kinds == wanted, "in order, and whole")
        corral.equal(list(site.path("work/late").iterdir()), [], "the file is gone when its writer has")


def mailed():
    """A run that stops, and one that went on in spite of errors, are mailed to whom the site names."""
    with Site() as site:
        site.set_conf(MAIL_LIST='"root, adm"', WMAIL_LIST="ann")
        mailer, box = site.root / "mailer", site.root / "box"
        mailer.write_text(f'#!/bin/sh\n{{ echo "$*"; cat; }} >{box}\n')
        mailer.chmod(0o755)
        site.put_day({"pacct1": (GOLDEN / "damaged/hole37").read_bytes()})
        stopped = site.csarun("-V", "1")
        day, minute = site.path("nite/clastdate").read_text().split()[:2]
        corral.check("\ncsarun: Mailed (MAIL_LIST: root, adm).\n" in stopped.stderr, "who was mailed is said", stopped.stderr)
        head, _, text = box.read_text().partition("\n\n")
        corral.equal(head.splitlines()[:3], ["-i -- root adm", "To: root, adm", "Subject: CSA errors of csarun"], "as sendmail has it")
        corral.check("CSA ERRORS" in text and f"csarun {day} {minute}" in text, "with what went wrong, and how to go on", text)
        site.run_csarun("-V", "0", day, minute)
        corral.check("Subject: CSA warnings of csarun" in box.read_text() and "nite/Ever." in box.read_text(), "so are warnings")
        corral.check(box.read_text().startswith("-i -- ann\n"), "to whom they are for", box.read_text())
    with Site() as site:
        (site.root / "mailer").write_text("#!/bin/sh\nexit 75\n")
        (site.root / "mailer").chmod(0o755)
        site.put_day({"pacct1": (GOLDEN / "damaged/hole37").read_bytes()})
        stopped = site.csarun("-V", "1")
        corral.equal(stopped.returncode, 1, "a mail program that fails changes nothing")
        corral.check(f"Nobody is mailed (MAIL_LIST: root): '{site.root}/mailer' exited with 75.\n" in stopped.stderr, "but is told",
                     stopped.stderr)


def damage():
    for name in ("hole37", "badtype", "truncated"):
        with Site() as site:
            site.put_day({"pacct1": (GOLDEN / "damaged" / name).read_bytes()})
            stopped = site.csarun("-V", "1")
            corral.check(stopped.returncode == 1 and site.state() == "VERIFY", f"{name}: -V 1 stops", stopped.stderr)
            day, minute = site.path("nite/clastdate").read_text().split()[:2]
            active = site.path(f"nite/active{day}{minute}")
            corral.check(f"see {active}" in stopped.stderr and active.exists(), "and says where it tells of it")
            corral.check(f"csarun {day} {minute}" in stopped.stderr, "and how to go on", stopped.stderr)
            corral.check(f"Nobody is mailed (MAIL_LIST: root): '{site.root}/mailer' cannot be run: No such file" in stopped.stderr,
                         "and whom it could not tell", stopped.stderr)
            corral.check("VERIFY - csaverify errors" in site.path("nite/fd2log").read_text(), "fd2log has it too")
            site.run_csarun("-V", "0", day, minute)
            fixed = {"pacct1": (GOLDEN / "damaged" / f"{name}.fixed").read_bytes()}
            corral.equal(site.results()["cacct"], by_hand(site, fixed)["cacct"], f"{name}: what is sound is billed")
            corral.check("nite/Ever." in site.stderr, "and it is said that there were errors")
    with Site() as site:
        site.put_day({"pacct1": (GOLDEN / "damaged/hole37").read_bytes()})
        site.run_csarun("-V", "2")
        corral.check("Ebld" in site.stderr, "-V 2: csabuild passes over damage, and it is told")


def user_exits():
    with Site() as site:
        site.put_day({"pacct1": (GOLDEN / "in/pacct1").read_bytes()})
        for name in ("csa.archive1", "csa.archive2", "csa.fef", "csa.user"):
            site.put_exit(name, f'echo {name} "$DTIME" "$SPACCT" "$(pwd)" "$ALLJOBS" >> "$ACCT_DIR/said"; echo told >&2\n')
        site.put_exit("csa.fef", "exit 3\n")
        failed = site.csarun("-A")
        corral.check(failed.returncode == 1 and site.state() == "FEF", "an exit that fails stops the run", failed.stderr)
        corral.check("FEF - csa.fef errors (code 3)" in failed.stderr, "and is named", failed.stderr)
        said = site.path("said").read_text().splitlines()
        work = site.path("work") / site.path("nite/clastdate").read_text().split("\n")[0].replace(" ", "/")
        corral.equal(said[0].split()[2:], [str(work / "spacct"), str(work), "-A"], "exits know the run's variables")
        for mode, words in ((0o666, "may be written by everybody"),):
            site.put_exit("csa.fef", "exit 0\n", mode)
            refused = site.csarun(site.path("nite/clastdate").read_text().split()[0])
            corral.check(refused.returncode == 1 and words in refused.stderr, f"an exit that {words} is not run", refused.stderr)
        site.put_exit("csa.fef", "true\n")
        site.run_csarun(site.path("nite/clastdate").read_text().split()[0])
        corral.check("Earc1" in site.stderr, "what they say is an error file")
        corral.equal(len(site.path("said").read_text().splitlines()), 3, "each ran once")
        corral.check("pacct0" not in site.results(), "the restart remembered -A")


def twice_in_a_minute(site):
    """A run whose minute is that of the last one; the test may meet the end of a minute, and tries again then."""
    before = site.results()
    for _ in range(3):
        minute = time.strftime("%m%d %H%M", time.gmtime())
        path = site.path("nite/clastdate")
        path.write_text(minute + "\n" + "".join(path.read_text().splitlines(keepends=True)[1:]))
        again = site.csarun()
        if minute == time.strftime("%m%d %H%M", time.gmtime()):
            break
    said = f"acct already run for {minute[:4]}" in again.stderr
    corral.check(again.returncode == 1 and said, "twice in a minute is refused", again.stderr)
    corral.equal((site.results(), site.state()), (before, "COMPLETE"), "and changes nothing")


def refusals():
    with Site() as site:
        site.put_day({"pacct1": (GOLDEN / "in/pacct1").read_bytes()})
        site.put_exit("csa.archive1", 'echo > "$ACCT_DIR/ready"; read -r line < "$ACCT_DIR/go"\n')
        os.mkfifo(site.path("go"))
        first = site.start("csarun")
        corral.wait_until(site.path("ready").exists, what="the first run's exit")
        second = site.csarun()
        corral.check(second.returncode == 1 and "runs since" in second.stderr, "one run at a time", second.stderr)
        corral.check("starting accounting" in site.path("nite/active").read_text(), "the other's file is not touched")
        site.path("go").write_text("on\n")
        corral.equal(first.wait(30), 0, "the first one goes on")
        twice_in_a_minute(site)
        end_of_first_minute(site)
        day, minute = site.path("nite/clastdate").read_text().split()[:2]
        for words, said in (
            (["0230", "1200"], "expected MMDD hhmm"), (["1301"], "expected MMDD hhmm"), ([day, minute, "BUILT"], "no state: expected one of SETUP"),
            ([day, minute], "is complete"), (["0615", "1200"], "do not match"), (["-V", "3"], "verify level"),
            ([day, minute, "BUILD"], "does not exist"),
        ):  # fmt: skip
            done = site.csarun(*words)
            corral.check(done.returncode == 1 and said in done.stderr, f"csarun {' '.join(words)}: {said}", done.stderr)
        corral.equal(site.state(), "COMPLETE", "and changes nothing")
        nowhere = subprocess.run(site.words("csarun"), env={**site.environment(), "CSACONFIG": "/nowhere"}, capture_output=True,
                                 text=True, check=False)  # fmt: skip
        corral.check(nowhere.returncode == 1 and "there is no file '/nowhere'" in nowhere.stderr, "CSACONFIG must name a file",
                     nowhere.stderr)  # fmt: skip
        site.set_conf(MIN_BLKS=2 * 10**9)
        full = site.csarun()
        corral.check(full.returncode == 1 and "Insufficient space" in full.stderr, "without room nothing begins", full.stderr)
        site.set_conf(MIN_BLKS=0, CSACREP="-hq")
        site.put_day({"pacct1": (GOLDEN / "in/pacct1").read_bytes()})
        site.exits("csa.archive1").unlink()
        wrong = site.csarun()
        corral.check(wrong.returncode == 1 and "csacrep -hq" in wrong.stderr and site.state() == "REPORT",
                     "a wrong option in csa.conf is named", wrong.stderr)  # fmt: skip
        site.set_conf(CSACREP="-hucw")
        site.run_csarun(site.path("nite/clastdate").read_text().split()[0])


def sample():
    """The configuration that contrib/csa has to be copied: a day by it, without a word about what it lacks."""
    with Site() as site:
        text = (corral.SOURCE / "contrib/csa/csa.toml").read_text()
        text = text.replace("/var/csa", str(site.path("."))).replace("/usr/sbin", str(site.root / "exits")).replace('"csaacct"', '"root"')
        (site.root / "csa.toml").write_text(text)
        shutil.copy(corral.SOURCE / "contrib/csa/csa.holidays", site.path("csa.holidays"))
        site.conf = "csa.toml"
        site.put_day({"pacct1": (GOLDEN / "in/pacct1").read_bytes()})
        site.run_csarun()
        corral.check("lease add" not in site.stderr and "missing" not in site.stderr, "nothing is missing from it", site.stderr)
        (site.root / "cacct").write_bytes(site.results()["cacct"])
        bill = site.must("csacrep", "-hub", stdin=(site.root / "cacct").open("rb")).decode()
        corral.check(re.search(r"^[^=\n]*root .*[1-9]", bill, re.M), "users are billed", bill)


def no_bill():
    """What would bill nothing, or take nothing, is refused before anything is there."""
    with Site() as site:
        site.put_day({"pacct1": (GOLDEN / "in/pacct1").read_bytes()})
        before = sorted(site.path(".").rglob("*"))
        conf = (site.root / "csa.conf").read_text()
        (site.root / "csa.conf").write_text("".join(line for line in conf.splitlines(keepends=True) if not re.match("N?P_", line)))
        done = site.csarun()
        corral.check(done.returncode == 1 and "has no weights" in done.stderr, "a configuration without weights", done.stderr)
        site.set_conf(PACCT_FILE=site.root / "elsewhere/pacct", P_SITME=3)
        done = site.csarun()
        told = [line for line in done.stderr.splitlines() if "is not known" in line]
        corral.check(len(told) == 1 and "csa.conf:" in told[0] and "'P_SITME' is not known" in told[0], "a weight that is misspelt is told", done.stderr)
        del site.values["P_SITME"]
        corral.check(done.returncode == 1 and f"PACCT_FILE: '{site.root}/elsewhere/pacct': expected" in done.stderr, "a file that no run would take", done.stderr)
        site.set_conf(PACCT_FILE=site.path("day/pacct"))
        for file, said in (("/etc/passwd", "/etc/passwd:1: "), ("/nowhere", "'/nowhere'")):
            site.set_conf(HOLIDAY_FILE=file)
            done = site.csarun()
            corral.check(done.returncode == 1 and said in done.stderr, f"prime time by {file}", done.stderr)
        corral.equal(sorted(site.path(".").rglob("*")), before, "nothing was made or taken")
        del site.values["HOLIDAY_FILE"]
        site.set_conf(PACCT_FILE=site.path("day/pacct"), WKMG_QUEUE0="ten night")
        done = site.run("csabuild", "-P", site.path("day/pacct"), "-s", site.root / "sorted", text=True)
        corral.check(done.returncode == 1 and "WKMG_QUEUE0: 'ten': expected a number, 0 or more" in done.stderr, "a queue's weight that is none", done.stderr)
        corral.check(not (site.root / "sorted").exists(), "is billed by nobody")
        # A fee goes to the site's own file, or nowhere.
        site.must("csachargefee", "root", "5")
        corral.check(site.path("day/fee").stat().st_size > 0, "a fee is in ACCT_DIR")
        site.must("csachargefee", "root", "-2.5")
        fees = site.path("day/fee").read_bytes()
        charged = [struct.unpack_from("<d", fees, at + 240)[0] for at in range(0, len(fees), 784)]
        corral.equal(charged, [5.0, -2.5], "one below zero is a credit, as published")
        summed = site.must("csaaddc", "-u", site.path("day/fee"))
        corral.equal((len(summed), struct.unpack_from("<d", summed, 240)[0]), (784, 2.5), "and taken from the others")
        (site.root / "csa.toml").write_text("[site\n")
        for name in ("csa.toml", "none.conf"):
            site.conf = name
            done = site.run("csachargefee", "root", "5", text=True)
            corral.check(done.returncode == 1 and name in done.stderr, f"with {name} it is charged nowhere", done.stderr)


def twins():
    """Two files of one number are one only if they hold the same; what is no file is waited for by nobody."""
    one, two = ((GOLDEN / f"in/pacct{number}").read_bytes() for number in (1, 2))
    with Site() as site:
        site.put_day({"pacct1": one, "pacct1.zst": subprocess.run(["zstd", "-qc"], input=two, stdout=subprocess.PIPE, check=True).stdout})
        done = site.csarun()
        corral.check(done.returncode == 1 and "compare both and remove one" in done.stderr, "a packed file that holds something else", done.stderr)
        corral.equal(sorted(path.name for path in site.path("day").iterdir() if path.name != "pacct"), ["pacct1", "pacct1.zst"], "both are there")
    with Site() as site:
        site.put_day({"pacct1": one, "pacct1.zst": subprocess.run(["zstd", "-qc"], input=one, stdout=subprocess.PIPE, check=True).stdout,
                      "pacct01": two})  # fmt: skip
        site.run_csarun()
        corral.equal(site.results()["cacct"], by_hand(site, {"pacct1": one})["cacct"], "a copy is taken once")
        corral.check(site.path("day/pacct01").exists(), "a name that nobody gives is let alone")
    with Site() as site:
        site.path("day").mkdir()
        os.mkfifo(site.path("day/pacct3"))
        done = site.csarun()
        corral.check(done.returncode == 1 and "pacct3' has the name of an accounting file and is none" in done.stderr, "a pipe", done.stderr)


def empty_day():
    with Site() as site:
        site.run_csarun()
        corral.equal(site.results().get("cacct"), b"", "a day without a file is one without jobs")
    with Site() as site:
        site.put_day({"pacct": site.opening(), "pacct3": (GOLDEN / "in/pacct1").read_bytes()})
        site.run_csarun()
        hand = by_hand(site, {"pacct1": (GOLDEN / "in/pacct1").read_bytes()})
        corral.equal(site.results()["cacct"], hand["cacct"], "numbers with gaps lose nothing")
        left = sorted(path.name for path in site.path("day").iterdir())
        corral.check("pacct" in left, "a new file is there", left)


def pages():
    """The report is on the pages that pr(1) makes."""
    with Site() as site:
        site.put_day({"pacct1": (GOLDEN / "in/pacct1").read_bytes()})
        site.run_csarun()
        (path,) = site.path("sum").glob("rprt.*")
        report = path.read_text("latin1")
        lines = report.split("\n")[:-1]
        corral.equal(len(lines) % 66, 0, "pages have 66 lines")
        text = [lines[at + 5 : at + 61] for at in range(0, len(lines), 66)]
        first = "\n".join(text[0]).rstrip("\n") + "\n"
        (site.root / "page").write_text(first)
        head = lines[2]
        stamp = head[:16]
        os.utime(site.root / "page", (0, time.mktime(time.strptime(stamp, "%Y-%m-%d %H:%M"))))
        made = subprocess.run(["pr", "-h", "DAILY REPORT", str(site.root / "page")], env={"TZ": "UTC", "LC_ALL": "C", "PATH": os.environ["PATH"]},
                              capture_output=True, check=True).stdout.decode("latin1")  # fmt: skip
        corral.equal("\n".join(lines[:66]) + "\n", made, "the first page is pr's")


def half_written():
    """A boot's record that csarecy cannot write whole is told, and the file that was there stays."""
    with Site() as site:
        by_hand(site, {"pacct1": (GOLDEN / "in/pacct1").read_bytes()})
        folder = site.root / "hand"
        kept = folder / "R0"
        words = site.words("csarecy", "-s", folder / "spacct", "-P", folder / "R")
        before = kept.read_bytes()
        strace = ["strace", "-qq", "-o", "/dev/null", "-e", "trace=pwrite64"]
        if subprocess.run([*strace, "true"], capture_output=True, check=False).returncode != 0:
            return corral.not_checked("strace cannot trace here")
        for result, said in (("retval=8:when=1", "No space left on device"), ("error=EDQUOT:when=1", "Disk quota exceeded")):
            done = subprocess.run([*strace, "-e", f"inject=pwrite64:{result}", *words], env=site.environment(), capture_output=True, text=True, check=False)
            corral.check(done.returncode == 1 and said in done.stderr, f"csarecy: pwrite {result}", done.returncode, done.stderr)
            corral.equal(kept.read_bytes(), before, "and what was there stays")


TESTS = (golden_day, golden_cycles, all_jobs, empty_day, half_written, sample, no_bill, twins, pages, user_exits, mailed, damage, refusals, late_writers, kills_in_exits, kills)
for test in TESTS:
    if len(sys.argv) < 2 or test.__name__ in sys.argv[1:]:
        test()
