#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Root believes no csa.conf, csa.toml or holidays file, and runs no user exit, that somebody else than root may have written: it
is said which, why, and what mends it, and nothing is done. Who is not root believes what he chooses."""

import os
import pathlib
import shutil
import subprocess

import corral
from csa_golden_files import GOLDEN
from csa_site import Site

NOBODY = 65534
# What is done to a file; is it believed; what is said of it, and what mends it
CASES = {
    "everybody": ({"mode": 0o666}, False, "has mode 0666: everybody may write it", "chmod go-w"),
    "a sticky bit does not help": ({"mode": 0o1646}, False, "has mode 1646: everybody may write it", "chmod go-w"),
    "a group": ({"mode": 0o664, "group": 12345}, False, "has mode 0664: group 12345 may write it", "chmod go-w"),
    "another user": ({"mode": 0o600, "user": NOBODY}, False, f"belongs to uid {NOBODY}", "chown root"),
    "another user, whom the mode keeps out": ({"mode": 0o444, "user": NOBODY}, False, f"belongs to uid {NOBODY}", "chown root"),
    "root's own group": ({"mode": 0o664}, True, "", ""),
    "a group that reads": ({"mode": 0o640, "group": 12345}, True, "", ""),
}


def change(path, mode=0o644, user=0, group=0):
    os.chown(path, user, group)
    path.chmod(mode)


def check(site, path, how, done):
    _, is_believed, says, mends = CASES[how]
    if is_believed:
        corral.equal((done.returncode, "root does not believe" in done.stderr), (0, False), f"{path.name}, {how}: {done.stderr}")
        return
    corral.check(done.returncode != 0 and f"'{path}' {says}" in done.stderr and f"'{mends} {path}'" in done.stderr,
                 f"{path.name}, {how}: refused, why, and what mends it", done.stderr)  # fmt: skip
    corral.equal(sorted(site.root.rglob("ran")), [], "and nothing of it was run")


def begin(site):
    """A day that csarun has not taken yet, and an exit that tells that it ran."""
    site.clear()
    site.put_day({"pacct1": (GOLDEN / "in/pacct1").read_bytes()})
    site.put_exit("csa.user", 'touch "$ACCT_DIR/ran"\n')
    change(site.root / "exits", 0o755)
    for name in ("csa.conf", "csa.holidays"):
        change(site.root / name)


def csarun(site, name):
    for how, (facts, *_) in CASES.items():
        begin(site)
        path = site.exits("csa.user") if name == "csa.user" else site.root / name
        change(path, **facts)
        done = site.csarun("-A")
        if name == "csa.user" and how in ("everybody", "a sticky bit does not help"):
            corral.check("may be written by everybody: it is not run" in done.stderr and not site.path("ran").exists(), f"an exit, {how}", done.stderr)
        else:
            check(site, path, how, done)
        if name != "csa.user" and done.returncode != 0:
            corral.equal(site.results(), {}, "nothing was billed")
        corral.equal(site.path("ran").exists(), done.returncode == 0, "the exit is run where all are believed")


def folder_of_exits(site):
    begin(site)
    change(site.root / "exits", 0o777)
    done = site.csarun("-A")
    corral.check(done.returncode == 1 and f"'{site.root}/exits' has mode 0777: everybody may write it" in done.stderr and not site.path("ran").exists(),
                 "nor is an exit run of a folder in which everybody may put another", done.stderr)  # fmt: skip


def commands(site):
    """Each one that does something by csa.conf; and a bill is none by such weights."""
    begin(site)
    change(site.root / "csa.conf", 0o666)
    for words in (["csaswitch", "-c", "switch"], ["csackpacct"], ["csaperiod"], ["dodisk"], ["csachargefee", "root", "5"], ["lastlogin", "-c", "/var/log/wtmp"], ["csagetconfig", "CHGRP"],
                  ["csabuild", "-P", site.path("day/pacct"), "-s", site.root / "sorted"]):  # fmt: skip
        done = site.run(*words)
        said = done.stderr.decode()
        corral.check(done.returncode != 0 and said.count("has mode 0666: everybody may write it") == 1, f"{words[0]} refuses it, once", said)
    corral.check(not (site.root / "sorted").exists(), "nothing is written")
    done = subprocess.run([corral.COMMAND, "report", "--units", GOLDEN / "in/pacct1"], env={**os.environ, **site.environment()}, capture_output=True, text=True, check=False)
    corral.check(done.returncode == 1 and "has mode 0666: everybody may write it" in done.stderr, "corral report --units: likewise", done.stderr)
    toml = site.root / "csa.toml"
    shutil.copy(corral.SOURCE / "contrib/csa/csa.toml", toml)
    site.conf = toml.name
    change(toml, 0o666)
    done = site.run("csarun")
    corral.check(done.returncode == 1 and b"csa.toml' has mode 0666: everybody may write it" in done.stderr, "csa.toml is a configuration like another", done.stderr)
    site.conf = "csa.conf"


def not_root(site):
    begin(site)
    change(site.root / "csa.conf", 0o666)
    site.root.chmod(0o755)
    done = site.run("csagetconfig", "CHGRP", user=NOBODY, group=NOBODY, extra_groups=[])
    corral.equal((done.returncode, done.stdout.strip(), done.stderr), (0, b"root", b""), "who is not root reads any")


def main():
    if os.geteuid() != 0:
        corral.skip("needs root")
    with Site() as site:
        holidays = pathlib.Path(site.root / "csa.holidays")
        shutil.copyfile(GOLDEN / "in/csa.holidays", holidays)
        site.set_conf(HOLIDAY_FILE=holidays)
        for name in ("csa.conf", "csa.holidays", "csa.user"):
            csarun(site, name)
        folder_of_exits(site)
        commands(site)
        not_root(site)


main()
