#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Who may read the accounts of others. As the published csaswitch makes it, the
system's file is everybody's to read: an unprivileged user's reports say what
root's say, and change nothing. A site that wants it otherwise changes the mode
once: each file that follows has it, whoever makes it and whoever is killed, and
who may not read is told so and learns nothing."""

import json
import os
import pwd
import shutil
import signal
import stat
import subprocess

import corral
from accounted import Accounted, scribe_of
from csa_site import Site

NOBODY = pwd.getpwnam("nobody")
COMMANDS = (["csacom"], ["csacom", "-b"], ["csaverify", "-P"], ["csacms", "-a"], ["records"], ["records", "--json"], ["report"],
            ["report", "--by", "user", "--json"], ["report", "--by", "job", "--csv"], ["report", "secret"])  # fmt: skip


def said(user, words, instance, environment=None):
    who = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    done = subprocess.run([corral.COMMAND, *map(str, words)], env={**(environment or instance.environment), "TZ": "UTC"}, capture_output=True, text=True, check=False,
                          timeout=60, cwd="/", **who)  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def rights(path):
    status = path.stat()
    return stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid


def job(instance):
    done = instance.run("run", "-d", "--json", "-n", "secret", "-A", "hidden", "--", "sh", "-c", "true")
    jid = json.loads(done.stdout)["jid"]
    instance.run("wait", jid)
    instance.csa("csaswitch", "-c", "status")  # behind all that was written
    return jid


def open_to_all(instance):
    before = instance.pacct.read_bytes()
    for words in COMMANDS:
        root, other = (said(user, [*words, instance.pacct], instance) for user in (None, NOBODY))
        corral.check(root[0] == 0 and len(root[1]) > 20 or words[0] == "csaverify", f"root's {' '.join(words)}", root)
        corral.equal(other, root, f"{' '.join(words)} says the same to nobody")
    corral.equal(instance.pacct.read_bytes(), before, "and changes nothing")
    code, _, error = said(NOBODY, ["index", instance.pacct], instance)
    corral.check(code == 1 and not list(instance.pacct.parent.glob(".corral-index*")), "an index is not his to make", error)
    code, _, error = said(NOBODY, ["archive"], instance)
    corral.check(not list(instance.pacct.parent.glob("*.zst")), "nor are files his to pack", error)


def asked(instance):
    """Without a name the file is that of the instance which 'corral accounting' would ask, whatever it was started with."""
    nowhere = {name: value for name, value in instance.environment.items() if name != "CORRAL_PACCT"}
    for words in (["report"], ["report", "secret"]):
        root, other = (said(user, words, instance, nowhere) for user in (None, NOBODY))
        corral.equal(other, root, f"corral {' '.join(words)} without a name says the same to nobody")
        corral.equal(root, said(None, [*words, *instance.switched()], instance), "what the instance's files say")
    code, _, error = said(NOBODY, ["report", "nosuch"], instance, nowhere)
    corral.check(code == 66 and f"looked in '{instance.pacct}'" in error, "a job that is not there, and where it was looked for", error)
    code, _, error = said(NOBODY, ["index"], instance, nowhere)
    corral.check(code == 1 and str(instance.pacct.parent) in error, "so does index, which is not his to make there", error)
    alone = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "XDG_STATE_HOME": str(instance.folder), "CORRAL_RUNTIME_DIR": str(instance.folder / "none")}
    for option, file in (("--private", instance.folder / "corral/pacct"), ("--system", "/var/csa/day/pacct")):
        code, _, error = said(NOBODY, ["report", option, "nosuch"], instance, alone)
        corral.check(code == 66 and f"looked in '{file}'" in error, f"{option} is that one, also where none runs", error)
        code, _, error = said(NOBODY, ["report", option, instance.pacct], instance)
        corral.check(code == 2 and "leave one of them out" in error, "and not beside a file's name", error)


def closed(instance, jid):
    """The mode of one file is that of all that follow."""
    wanted = (0o640, 0, 4)
    os.chown(instance.pacct, 0, 4)
    instance.pacct.chmod(0o640)
    instance.switch()
    job(instance)
    corral.equal([rights(path) for path in instance.switched()], [wanted] * 2, "switched by csaswitch")
    instance.run("accounting", "switch")
    job(instance)
    os.kill(scribe_of(instance), signal.SIGKILL)
    job(instance)
    instance.pacct.rename(instance.pacct.with_name("pacct3"))
    job(instance)
    corral.equal([rights(path) for path in instance.switched()], [wanted] * 4, "by corral accounting, by another scribe, by mv(1)")
    os.kill(instance.supervisor, signal.SIGKILL)
    instance.pacct.rename(instance.pacct.with_name("pacct4"))
    job(instance)
    corral.equal(rights(instance.pacct), wanted, "and by another supervisor")
    instance.run("index")
    corral.check(all(stat.S_IMODE(path.stat().st_mode) & 0o007 == 0 for path in instance.pacct.parent.glob(".corral-index")), "the index is not open either")
    for words in COMMANDS:
        code, out, error = said(NOBODY, [*words, instance.pacct], instance)
        corral.check(code != 0 and not any(word in out + error.replace("job 'secret'", "") for word in ("secret", "hidden", jid)), f"{' '.join(words)} tells nobody nothing", out, error)
        corral.check("ermission denied" in out + error or f"Failed to open '{instance.pacct}'" in error, "and says why", out, error)
    code, out, error = said(NOBODY, ["report"], instance)
    corral.check(code == 1 and "ermission denied" in error and "secret" not in out, "also without a name", out, error)
    nowhere = {name: value for name, value in instance.environment.items() if name != "CORRAL_PACCT"}
    code, out, error = said(NOBODY, ["report"], instance, nowhere)
    corral.check(code == 1 and f"cannot read '{instance.pacct}': Permission denied" in error, "nor is what the instance writes an empty table", out, error)


def without_an_instance(site, instance):
    """csaswitch itself begins the next file."""
    folder = site.root / "elsewhere"
    folder.mkdir()
    shutil.copy(instance.pacct, folder / "pacct")
    os.chown(folder / "pacct", 0, 4)
    (folder / "pacct").chmod(0o600)
    site.set_conf(PACCT_FILE=folder / "pacct")
    done = site.run("csaswitch", "-c", "switch", text=True)
    corral.equal((done.returncode, rights(folder / "pacct"), rights(folder / "pacct1")), (0, (0o600, 0, 4), (0o600, 0, 4)), f"without an instance: {done.stderr}")


def main():
    corral.needs_root()
    with Site() as site, Accounted(site) as instance:
        for folder in (site.root, site.path("."), site.path("day"), instance.folder, instance.runtime):
            folder.chmod(0o755)
        jid = job(instance)
        corral.equal(rights(instance.pacct)[0] & 0o007, 0o004, "a new file is everybody's to read, and nobody's to write")
        open_to_all(instance)
        asked(instance)
        closed(instance, jid)
        without_an_instance(site, instance)


main()
