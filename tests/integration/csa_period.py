#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""csaperiod over days that csarun made, fees, its removal of daily files killed
in between; lastlogin; disk use: dodisk, acctdusg, acctdisk, nulladm."""

import os
import re
import resource
import struct
import subprocess
import sys

import corral
from csa_golden_files import GOLDEN
from csa_site import Site, end_of_first_minute

CACCT = 784
JOBS, DISK_USE, DISK_SAMPLES, FEE = 40, 208, 216, 240


def records(data):
    return [data[at : at + CACCT] for at in range(0, len(data), CACCT)]


def rename_day(site, stamp):
    """What csarun made stands for another day."""
    for path in list(site.path("sum").glob("*.*")):
        if len(path.name.split(".")[1]) == 8 and not path.name.endswith(("2359", "0001")):
            path.rename(path.with_name(path.name.split(".")[0] + "." + stamp))


def days(site, stamps):
    for stamp in stamps:
        site.put_day({"pacct1": (GOLDEN / "in/pacct1").read_bytes()})
        site.path("day/pacct0").unlink(missing_ok=True)
        site.run_csarun()
        rename_day(site, stamp)
        end_of_first_minute(site)


def period(site, *words):
    done = site.run("csaperiod", *words, text=True)
    if done.returncode != 0:
        corral.fail(f"csaperiod {words}: {done.returncode}: {done.stderr}")
    return done


def fiscal(site):
    return {path.name.split(".")[0]: path.read_bytes() for path in site.path("fiscal").iterdir()}


def clear_fiscal(site):
    for path in site.path("fiscal").iterdir():
        path.unlink()


def sums():
    with Site() as site:
        days(site, ["12302359", "12312359", "01010001", "01022359"])
        everything = sorted(site.path("sum").glob("cacct.*"))
        for words, names in (
            ([], [path.name for path in everything]),
            (["-s", "12312359", "-e", "01010001"], ["cacct.01010001", "cacct.12312359"]),
            (["-s", "0101", "-e", "0102"], ["cacct.01010001", "cacct.01022359"]),
            (["-e", "01010001"], ["cacct.01010001"]),
        ):  # fmt: skip
            period(site, *words)
            wanted = site.must("csaaddc", *[site.path("sum") / name for name in names])
            corral.equal(fiscal(site)["pdacct"], wanted, f"csaperiod {' '.join(words)}: {len(names)} days added up")
            commands = site.must("csacms", "-s", *[site.path("sum") / name.replace("cacct", "cms") for name in names])
            corral.equal(fiscal(site)["cms"], commands, "and their commands")
            corral.check("Trprt" not in fiscal(site) and "cmsrpt" not in fiscal(site), "nothing else is left")
            clear_fiscal(site)
        none = period(site, "-s", "0601", "-e", "0602")
        corral.check("no data for period 06010000 to 06022359" in none.stderr and not fiscal(site), "no data is said", none.stderr)
        for words, said in ((["-s", "1301"], "expected MMDDhhmm"), (["-e", "01012460"], "expected MMDDhhmm"), (["extra"], "options only")):
            wrong = site.run("csaperiod", *words, text=True)
            corral.check(wrong.returncode == 1 and said in wrong.stderr, f"csaperiod {' '.join(words)}: {said}", wrong.stderr)
        site.put_exit("csa.puser", 'echo "$SITEHDR $BTWMSG" >> "$PDRPT.$DTIME"\n')
        period(site)
        corral.check(b"SITE SUMMARY REPORT FROM 01/01 at 00:00 TO 12/31 at 23:59" in fiscal(site)["rprt"], "csa.puser adds to the report")
        corral.check(b"PERIODIC USAGE REPORT" in fiscal(site)["rprt"] and b"COMMAND SUMMARY" in fiscal(site)["rprt"], "whose parts are there")
        site.path("nite/statefile").write_text("BUILD\n")
        site.path("nite/clastdate").write_text("0101 0000\n0000 0000\n")
        early = site.run("csaperiod", text=True)
        corral.check(early.returncode == 1 and "can't be used until" in early.stderr, "a run that is not complete is waited for", early.stderr)
        period(site, "-s", "1230", "-e", "1231")


def toml():
    """csa.toml says what csa.conf does."""
    with Site() as site:
        files = {"pacct1": (GOLDEN / "in/pacct1").read_bytes(), "pacct2": (GOLDEN / "in/pacct2").read_bytes()}
        site.put_day(files)
        site.run_csarun()
        wanted = site.results()
        labels = dict(line.split("#")[0].split(None, 1) for line in (site.root / "csa.conf").read_text().splitlines()
                      if len(line.split("#")[0].split()) > 1)  # fmt: skip
        own = site.values
        text = [
            "[site]", f"accounting_dir = '{own['ACCT_DIR']}'", f"exit_dir = '{own['EXIT_DIR']}'", f"pacct_file = '{own['PACCT_FILE']}'",
            f"file_system = '{own['ACCT_FS']}'", f"holiday_file = '{own['HOLIDAY_FILE']}'", "min_blocks = 0", "group = 'root'",
            "num_holidays = 20", "memory_integral = 1", "folder_mode = '770'", "umask = '0017'", "mail_list = ['root']", f"mailer = '{own['MAILER']}'",
            "[options]", "csacrep = '-hucwx'", "[billed]", "exit = true", "requeue = true", "hold = true", "rerun = true", "migrate = true",
            "[queues]", "b_30_5 = 0.5", "b_600_1 = 2.0", "b_1200_1 = 1.0", "[machines]", "linux3 = 1.5", "linux4 = 1.0", "[labels]", "OURS = 'a b'",
        ]  # fmt: skip
        for section, prefix in (("prime", "P_"), ("nonprime", "NP_")):
            text.append(f"[{section}]")
            text += [f"{name[len(prefix):].lower()} = {value.strip()}" for name, value in labels.items() if name.startswith(prefix)]
        (site.root / "csa.toml").write_text("\n".join(text) + "\n")
        site.conf = "csa.toml"
        site.clear()
        site.put_day(files)
        site.run_csarun()
        corral.equal(site.results(), wanted, "csarun by csa.toml gives the same, bills included")
        corral.equal(site.must("csagetconfig", "OURS"), b"a b", "csagetconfig knows its labels")
        corral.equal(site.must("csagetconfig", "WKMG_QUEUE1"), b"2.0\tb_600_1", "and those of queues")
        end_of_first_minute(site)
        (site.root / "csa.toml").write_text("[site]\nmin_blocks = 'many'\n[prime]\nbsaic = 1\n")
        wrong = site.csarun()
        corral.equal(wrong.returncode, 1, "a wrong csa.toml stops it")
        for said in ("csa.toml:2: site.min_blocks: the value is 'many', expected a whole number", "csa.toml:4: prime.bsaic: there is no such key"):
            corral.check(said in wrong.stderr, said, wrong.stderr)


def in_another_minute(site):
    """What a killed run left is of another minute than the next run's, which does not write over it."""
    for path in site.path("fiscal").glob("*.*"):
        if len(path.name.split(".")[-1]) == 8:
            path.rename(path.with_name(path.name.split(".")[0] + ".01010101"))
    for name in ("pdbegun", "pdremove"):
        path = site.path("nite") / name
        if path.exists():
            path.write_text(re.sub(r"(?m)^\d{8}$|(?<=fiscal/fee\.)\d{8}", "01010101", path.read_text()))


def removal():
    if os.geteuid() != 0:
        return corral.not_checked("needs root")
    with Site() as site:
        days(site, ["11302359", "11292359"])
        saved = {path.name: path.read_bytes() for path in site.path("sum").iterdir()}
        fee = bytearray(saved["cacct.11302359"][:40]) + bytes(CACCT - 40)
        struct.pack_into("<d", fee, FEE, 12.5)
        said = site.traced("csaperiod", ["-r"], 10**9)
        total = int(said.split()[1])
        clear_fiscal(site)
        wanted = [sum(struct.unpack_from("<q", record, JOBS)[0] for name in ("cacct.11302359", "cacct.11292359") for record in records(saved[name])), 12.5]
        corral.check(wanted[0] > 0, f"two days of {wanted[0]} jobs are charged once, and their fee")
        kills = finished = 0
        for call in range(max(1, total - 260), total, 5):
            for name, data in saved.items():
                site.path(f"sum/{name}").write_bytes(data)
            site.path("day/fee").write_bytes(fee)
            site.path("nite/pdremove").unlink(missing_ok=True)
            if not site.traced("csaperiod", ["-r"], call).startswith("killed"):
                break
            kills += 1
            begun = site.path("nite/pdremove").exists()
            left = [path for path in site.path("sum").glob("c*.*")]
            in_another_minute(site)
            site.run("csaperiod", "-r")
            charged = [path.stat().st_size for path in site.path("fiscal").glob("fee.*")]
            corral_ok = not list(site.path("sum").glob("cacct.*")) and site.path("day/fee").stat().st_size == 0
            if not corral_ok:
                corral.fail(f"killed after call {call} of {total}: {left} are left")
            made = [record for path in site.path("fiscal").glob("pdacct.*") for record in records(path.read_bytes())]
            found = [sum(struct.unpack_from(form, record, at)[0] for record in made) for form, at in (("<q", JOBS), ("<d", FEE))]
            if found != wanted:
                corral.fail(f"killed after call {call} of {total}: jobs and fees of all periods are {found}, not {wanted}")
            finished += begun
            if charged and charged[0] != CACCT:
                corral.fail(f"killed after call {call}: fees {charged}")
            clear_fiscal(site)
        corral.check(kills > 10, f"killed {kills} times near its end, {finished} of them while it removed: days and fees go together")
        site.path("day/fee").write_bytes(fee)
        site.path("fiscal/fee.before").write_bytes(fee)
        for name in saved:
            site.path(f"sum/{name}").unlink(missing_ok=True)
        for number, left in ((1, CACCT), (site.path("day/fee").stat().st_ino, 0)):
            site.path("nite/pdremove").write_text(f"fee {CACCT} {site.path('fiscal/fee.before')} {number}\n")
            site.run("csaperiod")
            corral.equal((site.path("nite/pdremove").exists(), site.path("day/fee").stat().st_size), (False, left),
                         "fees that came after the removal stay, also if they are the same again")
        clear_fiscal(site)
        site.path("day/fee").write_bytes(bytes(fee) * 2)
        for name, data in saved.items():
            site.path(f"sum/{name}").write_bytes(data)
        period(site)
        corral.equal(site.path("day/fee").stat().st_size, 2 * CACCT, "without -r fees stay")
        total_fee = sum(struct.unpack_from("<d", record, FEE)[0] for record in records(fiscal(site)["pdacct"]))
        corral.equal(total_fee, 25.0, "and are in the period")


def logins():
    with Site() as site:
        (site.path("sum")).mkdir(exist_ok=True)
        site.path("sum/loginlog").write_text("99-01-02  daemon\n2020-02-03  bin\n# comment\n2021-01-01  nobodyever\n")
        record = bytearray(GOLDEN.joinpath("out/cacct.csa").read_bytes()[:CACCT])
        struct.pack_into("<I", record, 8, 0)
        (site.root / "cacct").write_bytes(record)
        site.must("lastlogin", "-c", site.root / "cacct")
        lines = dict(reversed(line.split()) for line in site.path("sum/loginlog").read_text().splitlines())
        corral.equal((lines["daemon"], lines["bin"]), ("2099-01-02", "2020-02-03"), "days that were known stay")
        corral.check(lines["root"] > "2026-01-01" and "nobodyever" not in lines, "who has a record was there, who is gone goes", lines)
        entry = struct.pack("<hxxi32s4s32s256shhiii4i20s", 7, 1, b"pts/0", b"0", b"sys", b"", 0, 0, 0, 1700000000, 0, 0, 0, 0, 0, b"")
        (site.root / "wtmp").write_bytes(entry)
        site.must("lastlogin", "-w", site.root / "wtmp")
        lines = dict(reversed(line.split()) for line in site.path("sum/loginlog").read_text().splitlines())
        corral.equal(lines["sys"], "2023-11-14", "a login of wtmp counts")
        corral.equal(site.run("lastlogin").returncode, 1, "without a file it says its use")


def disk():
    if os.geteuid() != 0:
        return corral.not_checked("needs root")
    with Site() as site:
        tree = site.root / "tree"
        (tree / "sub").mkdir(parents=True)
        (tree / "one").write_bytes(b"x" * 8192)
        (tree / "sub/two").write_bytes(b"x" * 4096)
        os.link(tree / "one", tree / "sub/again")
        os.symlink("/usr", tree / "link")
        (tree / "name\twith blank").write_bytes(b"")
        os.chown(tree / "one", 1, 1)
        os.chown(tree / "sub/two", 54321, 54321)
        os.sync()
        blocks = (tree / "one").stat().st_blocks
        site.must("dodisk", tree, tree / "one")
        text = site.path("day/dtmp").read_text()
        for folders in ([tree, tree], [tree, tree / "sub"], [tree / "sub", tree, tree / "../tree/sub"]):
            site.must("dodisk", *folders)
            corral.equal(site.path("day/dtmp").read_text(), text, f"dodisk {' '.join(path.name for path in folders)} counts once")
        rows = {line.split("\t")[0]: line.split("\t") for line in text.splitlines()}
        corral.equal(rows["00001"], ["00001", "daemon  ", f"{blocks:7}"], "a file with two names counts once")
        corral.check("54321" not in text, "who has no name is not charged", text)
        found = {struct.unpack_from("<I", record, 8)[0]: record for record in records(site.path("nite/diskcacct").read_bytes())}
        corral.equal(struct.unpack_from("<d", found[1], DISK_USE)[0], float(blocks), "and it is a consolidated record")
        refused = site.run("dodisk", "-q", "/proc", text=True)
        corral.check(refused.returncode == 1 and "of '/proc' keeps no quotas of users, expected" in refused.stderr, "dodisk -q where none are kept", refused.stderr)
        corral.equal(site.path("day/dtmp").read_text(), text, "writes nothing")
        names = "\n".join(str(path) for path in [tree, *tree.rglob("*")]).encode()
        used = site.run("acctdusg", "-u", site.root / "unowned", input=names)
        corral.equal(used.stdout.decode(), text, "acctdusg gives the same of the names")
        unowned = (site.root / "unowned").read_text()
        corral.check(unowned.split("\t")[0] == "54321" and unowned.endswith("sub/two\n"), "and says what nobody is charged for", unowned)
        (site.root / "passwd").write_text("somebody:x:54321:1::/:/bin/sh\n")
        own = site.run("acctdusg", "-p", site.root / "passwd", input=names).stdout.decode()
        corral.equal([line.split("\t")[1] for line in own.splitlines()], ["somebody"], "-p: other users")
        (site.root / "nobody").write_text("")
        for words, said in ((["-p", "none"], "ERROR - cannot open file: none\nExiting.\n"),
                            (["-p", site.root / "nobody"], "Error - no users exist?  This shouldn't happen.\n"),
                            (["-u", "-x"], "Command Usage: /usr/sbin/acctdusg [-u file] [-p file]\n")):  # fmt: skip
            wrong = site.run("acctdusg", *words, input=names)
            corral.equal((wrong.returncode, wrong.stdout, wrong.stderr.decode()), (1, b"", said), f"acctdusg {words[0]} as published")
        corral.equal(site.run("acctdisk", "-x", input=used.stdout).stdout, site.path("nite/diskcacct").read_bytes(), "acctdisk reads no words")
        corral.equal(site.run("acctdisk", input=used.stdout).stdout, site.path("nite/diskcacct").read_bytes(), "acctdisk makes the records")
        wrong = site.run("acctdisk", input=b"1 daemon many\n")
        corral.check(wrong.returncode == 1 and b"line 1: '1 daemon many'" in wrong.stderr, "and names a wrong line", wrong.stderr)
        site.put_day({"pacct1": (GOLDEN / "in/pacct1").read_bytes()})
        site.run_csarun()
        (report,) = site.path("sum").glob("rprt.*")
        corral.check("DISK USAGE REPORT BETWEEN" in report.read_text("latin1"), "csarun reports it")
        corral.equal(len(list(site.path("sum").glob("dacct.*"))), 1, "and keeps the records for the period")
        period(site)
        use = sum(struct.unpack_from("<d", record, DISK_USE)[0] for record in records(fiscal(site)["pdacct"]))
        corral.check(use >= blocks, "which has them")
        (site.root / "empty").write_text("something")
        site.must("nulladm", site.root / "empty", site.root / "new")
        corral.equal([(site.root / name).stat().st_size for name in ("empty", "new")], [0, 0], "nulladm empties and makes files")
        os.symlink(site.root / "csa.conf", site.root / "trap")
        corral.equal(site.run("nulladm", site.root / "trap").returncode, 1, "but follows no link")
        corral.check((site.root / "csa.conf").stat().st_size > 0, "whose file stays")


def deep():
    """No user hides anything by its depth: 240 directories of 20 letters are longer than any path may be."""
    if os.geteuid() != 0:
        return corral.not_checked("needs root")
    depth, name, nobody = 240, "d" * 20, 65534
    with Site() as site:
        tree = site.root / "deep"
        tree.mkdir()
        at = os.open(tree, os.O_RDONLY)
        for level in range(depth):
            for folder in (f"aside{level}", name, f"zebra{level}"):  # in whatever order: something waits above
                os.mkdir(folder, dir_fd=at)
            for owner, path in ((1, f"aside{level}/file"), (2, f"zebra{level}/file")):
                put(path, 1000 * (1 + level % 9), owner, at)
            below = os.open(name, os.O_RDONLY, dir_fd=at)
            os.close(at)
            at = below
        put("hidden", 20 << 20, nobody, at)
        os.symlink("/usr", "link", dir_fd=at)
        os.close(at)
        os.sync()
        site.must("dodisk", tree, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)))
        charged = {int(line.split("\t")[0]): int(line.split("\t")[2]) for line in site.path("day/dtmp").read_text().splitlines()}
        du = subprocess.run(["du", "-s", "-x", "-B512", tree], capture_output=True, text=True, check=True).stdout
        corral.equal(sum(charged.values()), int(du.split()[0]), "all is charged that du finds")
        corral.check(charged.get(nobody, 0) >= (20 << 20) // 512, "and what is at the bottom to its owner", charged)
        corral.equal(set(charged), {0, 1, 2, nobody}, "to nobody else")


def put(path, size, owner, folder):
    file = os.open(path, os.O_WRONLY | os.O_CREAT, dir_fd=folder)
    os.write(file, b"x" * size)
    os.fchown(file, owner, owner)
    os.close(file)


for test in (sums, logins, disk, deep, toml, removal):
    if len(sys.argv) < 2 or test.__name__ in sys.argv[1:]:
        test()
