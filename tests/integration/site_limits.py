#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The site's limits (limits.toml): what 'corral limit explain' says of them, and that jobs are held to them."""

import grp
import json
import os
import pwd
import signal
import subprocess
import tempfile

from corral import COMMAND, Instance, check, engines, equal, not_checked
from limits_held import is_held

USER = pwd.getpwuid(os.getuid()).pw_name
GROUP = grp.getgrgid(os.getgid()).gr_name
SITE = f"""
[default]
files = 512

[domain.batch]
wall = "1h"

[group.{GROUP}]
processes = 300

[user.{USER}.batch]
wall = "2h"
cpu = "30m"
"""

# what stands in the file, and the complaint about it
WRONG = [
    ("[default]\nmemory = \"4 GB\"\n",
     "{file}:2: default.memory: the value is '4 GB', expected a size such as \"512M\" or \"4G\", two as \"SOFT:HARD\" (limits.toml(5)), or \"none\""),
    ("[user.bob]\nram = 1\n",
     "{file}:2: user.bob.ram: there is no such limit, expected one of wall, cpu, memory, processes, files"),
    ("[default\n", "{file}:1: this is no TOML: "),
    ("[default]\nprocesses = \"10:20\"\n",
     "{file}:2: default.processes: the value is '10:20', and 'processes' has no soft bound: the kernel tells nobody how many there are"),
]


def explain(*words, environment=None):
    return subprocess.run([COMMAND, "limit", "explain", *words], capture_output=True, text=True, check=False, timeout=30,
                          env=environment)


def rows(text):
    """{limit: (bound, place)} of the table."""
    lines = [line.split() for line in text.splitlines()[1:]]
    return {line[0]: line[1:] for line in lines}


def explained(file):
    result = explain(USER, "batch", "--site", file)
    equal(result.returncode, 0, f"explain {result.stderr}")
    found = rows(result.stdout)
    wanted = {
        "wall": ["-", "7200.000", "s", "-", f"{file}:12", f"[user.{USER}.batch]"],
        "cpu": ["-", "1800.000", "s", "-", f"{file}:13", f"[user.{USER}.batch]"],
        "memory": ["-", "none", "-", "no", "rule"],
        "processes": ["-", "300", "-", f"{file}:9", f"[group.{GROUP}]"],
        "files": ["-", "512", "-", f"{file}:3", "[default]"],
    }  # fmt: skip
    equal({limit: found[limit] for limit in wanted}, wanted, "the most particular rule of each limit, and its place")
    others = {limit: row for limit, row in found.items() if limit not in wanted}
    check(others and all(row == ["-", "none", "-", "no", "rule"] for row in others.values()), "of others there is no rule", others)
    facts = json.loads(explain(USER, "batch", "--site", file, "--json").stdout)
    equal((facts["file"], facts["user"], facts["domain"]), (file, USER, "batch"), "the same as JSON")
    check(GROUP in facts["groups"], "with the groups")
    equal(facts["limits"]["cpu"],
          {"bound": 1800000000, "soft": None, "when_over": {}, "table": f"user.{USER}.batch", "line": 13}, "a limit as JSON")
    equal(facts["limits"]["memory"], {"bound": None, "soft": None, "when_over": {}, "table": None, "line": None}, "no limit as JSON")
    facts = json.loads(explain(USER, "--site", file, "--json").stdout)
    equal((facts["domain"], facts["limits"]["wall"]["bound"]), ("interactive", None), "the usual domain is interactive")
    result = explain("no-such-user-here", "--site", file)
    equal((result.returncode, "there is no user 'no-such-user-here'" in result.stderr), (67, True), "nobody")
    equal(explain("--site", file).returncode, 2, "a user must be named")
    result = explain(USER, "--limit", "wall=1h")
    equal((result.returncode, "'--limit' is for a job's limits" in result.stderr), (2, True), "options of the other use")
    link = file + ".link"
    os.symlink("/nonexistent/limits.toml", link)
    result = explain(USER, environment={**os.environ, "CORRAL_LIMITS": link})
    equal((result.returncode, doctor(link)["status"]), (1, "problem"), "a link that leads nowhere is not no file")
    os.unlink(link)
    result = explain(USER, "--site", "/nonexistent/limits.toml")
    equal((result.returncode, "/nonexistent/limits.toml" in result.stderr), (1, True), "a file that is named must be there")


def wrong_files(file):
    for text, complaint in WRONG:
        with open(file, "w", encoding="utf-8") as site:
            site.write(text)
        result = explain(USER, "--site", file)
        wanted = "corral: " + complaint.format(file=file)
        check(result.returncode == 1 and result.stderr.startswith(wanted), f"told: {wanted}", result)
    found = doctor(file)
    check(found["status"] == "problem" and complaint.format(file=file) in found["finding"] and found["fix"],
          "doctor tells it, and the fix", found)
    with open(file, "w", encoding="utf-8") as site:
        site.write(SITE)
    equal(doctor(file)["finding"], f"'{file}': 5 rules", "and what is right")
    equal(doctor("/nonexistent/limits.toml"), None, "and nothing of a file that is not there")


def doctor(file):
    """What doctor finds of the site's limits."""
    done = subprocess.run([COMMAND, "doctor", "--json"], capture_output=True, text=True, check=False, timeout=30,
                          env={**os.environ, "CORRAL_LIMITS": file})
    return next((one for one in json.loads(done.stdout)["checks"] if one["name"] == "site limits"), None)


def show(instance, *words):
    made = instance.run("run", "-d", *words, "--", "sleep", "60")
    equal(made.returncode, 0, f"a job is made {made.stderr}")
    facts = instance.facts("show", made.stdout.strip())
    instance.run("kill", made.stdout.strip(), timeout=30)
    return facts["limits"]


def held(file, engine):
    with open(file, "w", encoding="utf-8") as site:
        site.write(SITE)
    with Instance(engine=engine, options=["--limits", file]) as instance:
        whole = engine == "cgroup2" and is_held(instance, "cpu", "processes")
        less = [] if whole else ["--accept-less"]
        limits = show(instance, *less)
        equal((limits["wall"], limits["cpu"], limits["processes"], limits["files"], limits["memory"]),
              (7200 * 10**6, 1800 * 10**6, 300, 512, None), f"{engine}: a detached job gets the site's limits of 'batch'")
        equal(show(instance, *less, "--limit", "wall=10s")["wall"], 10 * 10**6, "a lower one stays")
        front = instance.run("run", *less, "-n", "front", "--", "sh", "-c", "ulimit -n")
        equal(front.stdout.strip(), "512", "in front those of 'interactive'")
        facts = [job for job in json.loads(instance.run("ps", "-a", "--json").stdout) if job["name"] == "front"][0]
        equal((facts["limits"]["wall"], facts["limits"]["processes"]), (None, 300), "and no more")
        os.kill(instance.supervisor, signal.SIGKILL)
        with open(file, "w", encoding="utf-8") as site:
            site.write('[default]\nwall = "1h:3h/signal=USR1"\nidle = "2h"\n')
        equal(show(instance, *less)["wall"], 3 * 3600 * 10**6, "another file holds for the next job, and after a crash")
        made = instance.run("run", "-d", *less, "--", "sleep", "60").stdout.strip()
        facts = instance.facts("show", made)
        equal((facts["soft_limits"]["wall"], facts["limits"]["idle"]), (3600 * 10**6, 7200 * 10**6), "with soft bounds")
        equal(facts["limit_actions"]["wall"]["signal"], "SIGUSR1", "and what is done over them")
        instance.run("kill", made, timeout=30)
        os.unlink(file)
        equal(show(instance)["wall"], None, "and none for the one after it was taken away")


def not_held(file):
    """What the site says and this host cannot hold for the whole job bars its users, who are told whose limit it is."""
    with open(file, "w", encoding="utf-8") as site:
        site.write('[default]\nwall = "1h"\n[domain.batch]\nmemory = "1G"\n[domain.interactive]\ncpu = "1h"\n')
    os.chmod(file, 0o644)
    with Instance(engine="subreaper", options=["--limits", file]) as instance:
        os.chmod(instance.folder, 0o755)
        os.chmod(instance.runtime, 0o755)

        def as_other(*words):
            return instance.run("run", *words, "--", "true", user=65534, group=65534, extra_groups=[])

        for words, kind in ((["-d"], "memory"), ([], "cpu"), (["-l", "wall=1m"], "cpu")):
            done = as_other(*words)
            equal(done.returncode, 72, f"{words}: a limit of the site's that is not held bars the job {done.stderr}")
            check(done.stderr.startswith(f"corral: the site's limits: limit '{kind}' ") and "--accept-less" in done.stderr,
                  "as the site's", done)
        done = as_other("-d", "-l", "memory=500M")
        check(done.returncode == 72 and done.stderr.startswith("corral: limit 'memory' "), "one of his own is not called the site's", done)
        equal(instance.facts("ps", "-a"), [], "none of them is a job")
        for words, kind, bound in ((["-d"], "memory", 1 << 30), ([], "cpu", 3600 * 10**6)):
            equal(as_other(*words, "--accept-less").returncode, 0, f"{words}: with --accept-less it runs")
            equal(instance.facts("ps", "-a")[-1]["limits"][kind], bound, "with that limit, as far as it is held")


def manners(file):
    """What is done over a bound is explained too."""
    with open(file, "w", encoding="utf-8") as site:
        site.write('[default]\ncpu = "1h:2h/signal=USR1/action=INT/grace=30s"\n')
    facts = json.loads(explain(USER, "--site", file, "--json").stdout)
    equal(facts["limits"]["cpu"]["when_over"], {"signal": "SIGUSR1", "action": "SIGINT", "grace_us": 30 * 10**6}, "as JSON")
    row = next(line for line in explain(USER, "--site", file).stdout.splitlines() if line.startswith("cpu "))
    check("soft SIGUSR1, hard SIGINT, grace 30s" in row, "and in the table", row)


def domains(file):
    """Root and schedulers say which domain a job is of; others do not."""
    with open(file, "w", encoding="utf-8") as site:
        site.write('[domain.service]\nwall = "7h"\n[domain.batch]\nwall = "1h"\n')
    os.chmod(file, 0o644)
    with Instance(engine="subreaper", options=["--limits", file]) as instance:
        equal([show(instance, *words)["wall"] for words in ((), ("--domain", "service"), ("--domain", "ours"))],
              [3600 * 10**6, 7 * 3600 * 10**6, None], "the limits are those of the domain that was said")
        made = instance.run("run", "-d", "--domain", "service", "--", "sleep", "60").stdout.strip()
        equal(instance.facts("show", made)["domain"], "service", "which the job tells")
        instance.run("kill", "-g", "0", made)
        os.chmod(instance.folder, 0o755)
        os.chmod(instance.runtime, 0o755)
        done = instance.run("run", "--domain", "service", "--", "true", user=65534, group=65534, extra_groups=[])
        check(done.returncode == 77 and "choose a job's domain" in done.stderr, "another user does not choose it", done)


def of_root(file):
    """What the kernel does not hold root to is left out of root's jobs, and refuses none."""
    with open(file, "w", encoding="utf-8") as site:
        site.write('[default]\nlocked = "64K"\nwall = "1h"\n')
    with Instance(engine="subreaper", options=["--limits", file]) as instance:
        limits = show(instance)
        equal((limits["locked"], limits["wall"]), (None, 3600 * 10**6), "root's job lacks it, and has the others")
        check("the site's limit 'locked' is not held for a job of uid 0" in instance.stderr(), "which the log tells")
        asked = instance.run("run", "-d", "-l", "locked=64K", "--", "true")
        equal((asked.returncode, "root" in asked.stderr), (72, True), f"what root asks for is refused still {asked.stderr}")


def of_others(file):
    """Who is not root gets no more than the site allows, and nothing while its file is wrong."""
    with open(file, "w", encoding="utf-8") as site:
        site.write('[default]\nwall = "1h"\n')
    os.chmod(file, 0o644)
    with Instance(engine="subreaper", options=["--limits", file]) as instance:
        root = show(instance, "--limit", "wall=5h")
        equal(root["wall"], 5 * 3600 * 10**6, "root may have more")
        os.chmod(instance.folder, 0o755)
        os.chmod(instance.runtime, 0o755)

        def as_other(*words):
            return instance.run(*words, user=65534, group=65534, extra_groups=[])

        more = as_other("run", "--limit", "wall=2h", "--", "true")
        equal(more.returncode, 77, f"another user may not {more.stderr}")
        check("the site allows uid 65534 at most 3600.000 s of wall time in the domain 'interactive', and 7200.000 s was "
              "asked for; 'corral limit explain 65534 interactive' shows the rule" in more.stderr, "and is told why", more)
        equal(as_other("run", "--limit", "wall=30m", "--", "true").returncode, 0, "less is his to choose")
        lives = as_other("run", "-d", "--", "sleep", "60").stdout.strip()
        for change in ("wall=5h", "wall=none"):
            result = as_other("limit", lives, "-l", change)
            equal((result.returncode, "only root raises" in result.stderr), (77, True), f"nor later: {change}")
        equal(as_other("limit", lives, "-l", "wall=10m").returncode, 0, "less later too")
        equal(instance.run("limit", lives, "-l", "wall=9h").returncode, 0, "root raises it")
        instance.run("kill", lives)
        with open(file, "w", encoding="utf-8") as site:
            site.write("[default]\nwall = 5\n")
        refused = as_other("run", "--", "true")
        check(refused.returncode == 72 and f"{file}:2: default.wall: the value is 5" in refused.stderr,
              "a wrong file: one sentence with its place", refused)
        check(f"{file}:2" in instance.stderr(), "and the log tells")
        equal(instance.run("run", "--", "true").returncode, 0, "root goes on")


def main():
    with tempfile.TemporaryDirectory(prefix="corral-site-") as folder:
        os.chmod(folder, 0o755)
        file = os.path.join(folder, "limits.toml")
        with open(file, "w", encoding="utf-8") as site:
            site.write(SITE)
        explained(file)
        wrong_files(file)
        for engine in engines():
            held(file, engine)
        manners(file)
        if os.getuid() == 0:
            of_others(file)
            not_held(file)
            domains(file)
            of_root(file)
        else:
            not_checked("needs root, to be another user")


if __name__ == "__main__":
    main()
