#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Job arrays: what members are told, how many live at a time, how they are
named, killed, waited for and recorded, with each engine; and that a supervisor
that is killed at random instants makes no member twice and forgets none.

    ROUNDS=100 tests/integration/arrays.py     the full campaign; SEED=7 repeats one"""

import collections
import json
import os
import random
import signal
import subprocess
import time

from corral import Instance, check, engines, equal, wait_until

ROUNDS = int(os.environ.get("ROUNDS", "8"))
SEED = int(os.environ.get("SEED", str(random.randrange(1 << 30))))


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


def array(instance, indices, script, *options):
    made = instance.run("run", "-d", "--array", indices, *options, "--", "sh", "-c", script)
    equal(made.returncode, 0, f"an array of {indices} is made: {made.stderr}")
    return made.stdout.strip()


def members_of(instance, jid):
    """By index: the facts of each that is known."""
    listed = json.loads(instance.run("ps", "-a", "--json", "--array", jid).stdout)
    return {job["array_index"]: job for job in listed if job["array"] == jid}


def told(instance):
    """What a member knows of itself, and what it is called."""
    out = instance.folder / "told"
    script = f'echo "$CORRAL_ARRAY_INDEX $CORRAL_ARRAY_COUNT $CORRAL_ARRAY_FIRST $CORRAL_ARRAY_LAST $CORRAL_ARRAY_JID" >> {out}; echo I am $CORRAL_ARRAY_INDEX; exit $((CORRAL_ARRAY_INDEX % 2 * 3))'
    jid = array(instance, "4-8:2,11%1", script, "--name", "parts")
    waited = instance.run("wait", "parts")
    equal(waited.returncode, 3, f"{waited.stdout}{waited.stderr}wait exits with the highest code of the members")
    equal(lines(out), [f"{i} 4 4 11 {jid}" for i in (4, 6, 8, 11)],
          "each member once, in order, and each knows where it stands")
    members = members_of(instance, jid)
    equal(sorted(members), [4, 6, 8, 11], "ps --array lists them")
    equal([members[i]["exit_code"] for i in sorted(members)], [0, 0, 0, 3], "with their codes")
    equal([members[i]["name"] for i in sorted(members)], ["parts[4]", "parts[6]", "parts[8]", "parts[11]"], "and names")
    equal(members[4]["kind"], "detached", "each is a job of its own")
    facts = instance.facts("show", jid)
    equal(facts["kind"], "array", "the array is a job too")
    equal(facts["members"], {"range": "4-8:2,11%1", "size": 4, "made": 4, "living": 0, "ended": 4, "failed": 1, "dropped": 0}, "which counts them")
    equal(facts["sentence"], "4 of its 4 members ended, 1 of them not with code 0; the highest is 3", "and says how they ended")
    for word in ("parts[11]", f"{jid}[11]", members[11]["jid"]):
        equal(instance.facts("show", word)["jid"], members[11]["jid"], f"'{word}' is that member")
    equal(instance.run("log", "parts[8]").stdout, "I am 8\n", "each has a log of its own")
    shown = instance.run("show", "parts[11]").stdout
    check(f"number 11 of {jid}" in shown, "show says of what it is a member", shown)
    check("4-8:2,11%1: 4, 4 made, 0 living, 4 ended, 1 failed" in instance.run("show", jid).stdout, "and of an array, of what")
    names = [start.get("name") for start in starts(instance)]
    equal(names, ["parts[4]", "parts[6]", "parts[8]", "parts[11]"], "their names are in the records, and no record is of the array")


def starts(instance):
    """The records of jobs that started, in order."""
    return [record for record in instance.records()["records"] if record["kind"] == "start"]


def refused(instance):
    for words, code, part in (
            (("run", "--array", "1-3", "--", "true"), 2, "detach"),
            (("run", "-d", "--array", "3-1", "--", "true"), 2, "indices"),
            (("run", "-d", "--array", "1-3%0", "--", "true"), 2, "indices"),
            (("run", "-d", "--array", "1-3,2", "--", "true"), 2, "indices")):
        answer = instance.run(*words)
        equal(answer.returncode, code, f"{' '.join(words)} is refused")
        check(part in answer.stderr, f"and says why: {part}", answer.stderr)
    jid = array(instance, "1-3%1", "sleep 1000", "--name", "held")
    wait_until(lambda: 1 in members_of(instance, jid), 10, "the first member")
    for words, part in ((("log", "held"), "of its members, such as 'held[1]'"), (("freeze", "held"), "of its members"),
                        (("limit", "--limit", "wall=5s", "held"), "of its members"), (("attach", "held", str(os.getpid())), "of its members"),
                        (("run", "-d", "--parent", "held", "--", "true"), "an array" if instance.engine == "cgroup2" else "nested"),
                        (("show", "held[3]"), "has not begun yet"), (("show", "held[4]"), "there is no 'held[4]'"),
                        (("show", "nothing[1]"), "there is no job 'nothing[1]'"),
                        (("ps", "--array", members_of(instance, jid)[1]["jid"]), "is no array")):
        answer = instance.run(*words)
        check(answer.returncode not in (0, 2), f"{' '.join(words[:2])} is refused", answer)
        check(part in answer.stderr, f"and says why: {part}", answer.stderr)
    equal(instance.run("run", "-d", "--name", "held", "--", "true").returncode, 73, "an array's name is taken")
    equal(instance.run("kill", "-g", "0", "held").returncode, 0, "it is killed")


def at_a_time(instance):
    """Never more than asked for, and as many as that."""
    live = instance.folder / "live"
    live.mkdir()
    script = f'touch {live}/$CORRAL_ARRAY_INDEX; ls {live} | wc -l >> {instance.folder}/counts; sleep 0.2; rm {live}/$CORRAL_ARRAY_INDEX'
    jid = array(instance, "0-11%3", script)
    equal(instance.run("wait", jid, timeout=60).returncode, 0, "an array with a bound ends")
    counts = [int(n) for n in lines(instance.folder / "counts")]
    equal(len(counts), 12, "twelve members ran")
    check(max(counts) <= 3, "never more than three at a time", counts)
    check(3 in counts, "and three where there were three", counts)


def ended(instance):
    """Kill, signal and wait: of one, and of all."""
    jid = array(instance, "1-20%4", f"trap 'echo $CORRAL_ARRAY_INDEX >> {instance.folder}/usr1' USR1; echo up >> {instance.folder}/up; while :; do sleep 0.05; done", "--name", "many")
    wait_until(lambda: len(lines(instance.folder / "up")) == 4, 20, "four members")
    check(len(json.loads(instance.run("tree", "--json", jid).stdout)[0]["processes"]) >= 4, "tree shows the processes of its members")
    equal(instance.run("kill", "-s", "USR1", "many").returncode, 0, "the array is signalled")
    wait_until(lambda: sorted(lines(instance.folder / "usr1")) == ["1", "2", "3", "4"], 10, "the signal at each member")
    equal(instance.run("kill", "-g", "0", "many[2]").returncode, 0, "one member is killed")
    wait_until(lambda: len(lines(instance.folder / "up")) == 5, 10, "another in its place")
    facts = instance.facts("show", "many")
    equal((facts["members"]["made"], facts["members"]["living"], facts["members"]["failed"]), (5, 4, 1), "the array goes on")
    waiter = instance.popen("wait", "many[3]")
    equal(instance.run("kill", "-g", "0", "many", timeout=30).returncode, 0, "the array is killed")
    equal(waiter.wait(10), 137, "who waits for a member is told its end")
    facts = instance.facts("show", jid)
    equal((facts["state"], facts["result"], facts["shell_code"]), ("ended", "cancelled", 137), "it was cancelled")
    equal((facts["members"]["made"], facts["members"]["ended"]), (5, 5), "and made no more members")
    check("was cancelled by uid" in facts["sentence"] and "5 of its 20 members ended" in facts["sentence"], "as its sentence says", facts["sentence"])
    equal(len(lines(instance.folder / "up")), 5, "nor did any run")
    wait_until(lambda: not instance.job_cgroups(), 10, "no cgroup left")


def dropped(instance):
    """One member that is not made yet is killed: it never runs."""
    out = instance.folder / "ran"
    jid = array(instance, "1-5%1", f"echo $CORRAL_ARRAY_INDEX >> {out}; sleep 0.4", "--name", "drop")
    equal(instance.run("kill", "drop[3]", f"{jid}[5]").returncode, 0, "members that are not made yet are killed")
    waited = instance.run("wait", "drop[5]")
    check(waited.returncode == 66 and "'drop[5]' was dropped before it was made, and never runs" in waited.stderr, "such a one is not waited for", waited)
    equal(instance.run("kill", "drop[5]").returncode, 0, "to kill it again is to have it as it is")
    refused = instance.run("kill", "drop[9]")
    check(refused.returncode != 0 and "no member 9" in refused.stderr, "but not one that there is not", refused)
    os.kill(instance.supervisor, signal.SIGKILL)
    equal(instance.run("wait", "drop", timeout=30).returncode, 0, "the array ends well, over a death of its supervisor")
    equal(lines(out), ["1", "2", "4"], "and they never ran")
    facts = instance.facts("show", jid)
    equal((facts["members"]["made"], facts["members"]["ended"], facts["members"]["dropped"]), (3, 3, 2), "which is counted")
    equal(facts["sentence"], "3 of its 5 members ended, 2 never began, all with code 0", "and said")
    for verb in ("wait", "show"):
        refused = instance.run(verb, "drop[5]")
        check(refused.returncode == 66 and "'drop[5]' was dropped before it was made, and never runs" in refused.stderr, f"{verb} says of such a one so", refused)
    out.unlink()


def failing(instance):
    """Members that cannot be launched count, and end the array."""
    made = instance.run("run", "-d", "--array", "1-5%2", "--", "/nonexistent/program")
    jid = made.stdout.strip()
    equal(instance.run("wait", jid, timeout=30).returncode, 127, "an array of nothing that can be run ends with 127")
    equal(instance.facts("show", jid)["members"]["failed"], 5, "all its members failed")


def bus_view(instance):
    jid = array(instance, "7", "sleep 1000")
    member = wait_until(lambda: members_of(instance, jid).get(7), 10, "the member")

    def prop(of, name):
        return subprocess.run(
            ["busctl", f"--address=unix:path={instance.socket}", "get-property", "org.corral.Manager1",
             f"/org/corral/job/j{int(of, 16):016x}", "org.corral.Job1", name],
            stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    equal(prop(member["jid"], "Array"), f"t {int(jid, 16)}", "the bus tells a member's array")
    equal(prop(member["jid"], "ArrayIndex"), "u 7", "and its index")
    equal(prop(jid, "ArrayRange"), 's "7"', "and an array's indices")
    equal(member["name"], f"{jid}[7]", "without a name members are called by its jid")
    equal(instance.run("kill", "-g", "0", jid).returncode, 0, "it is killed")


def killed_supervisor(instance, chance):
    """At random instants, while members are made and end."""
    out = instance.folder / "campaign"
    count = 40
    jid = array(instance, f"1-{count}%4", f"echo $CORRAL_ARRAY_INDEX >> {out}; sleep 0.0$((CORRAL_ARRAY_INDEX % 9)); exit $((CORRAL_ARRAY_INDEX == 7))")
    kills = 0
    end = time.monotonic() + 60
    while time.monotonic() < end:
        supervisor = instance.supervisor
        if supervisor is None:
            time.sleep(0.002)
            continue
        if len(lines(out)) >= count:
            break
        time.sleep(chance.random() * 0.12)
        try:
            os.kill(supervisor, signal.SIGKILL)
            kills += 1
        except ProcessLookupError:
            pass
    equal(instance.run("wait", jid, timeout=60).returncode, 1, f"an array ends over {kills} deaths of its supervisor")
    counted = collections.Counter(int(n) for n in lines(out))
    equal(sorted(counted), list(range(1, count + 1)), "every member ran")
    check(set(counted.values()) == {1}, "and none ran twice", counted)
    facts = instance.facts("show", jid)["members"]
    equal((facts["made"], facts["ended"], facts["failed"], facts["living"]), (count, count, 1, 0), "the array counted them right")
    out.unlink()


def killed_while_ending(instance, chance):
    """The end of an array is not forgotten, whenever the supervisor dies."""
    jid = array(instance, "1-30%6", "sleep 1000")
    time.sleep(chance.random() * 0.2)
    killer = instance.popen("kill", "-g", "0", jid)
    time.sleep(chance.random() * 0.02)
    if (supervisor := instance.supervisor) is not None:
        os.kill(supervisor, signal.SIGKILL)
    equal(killer.wait(30), 0, "an array is killed over the death of its supervisor")
    equal(instance.facts("show", jid)["members"]["living"], 0, "no member of it lives")
    wait_until(lambda: not instance.job_cgroups(), 10, "no cgroup left")


for engine in engines():
    with Instance(engine=engine) as started:
        for part in (told, refused, at_a_time, ended, dropped, failing, bus_view):
            part(started)
            for name in ("told", "counts", "up", "usr1"):
                (started.folder / name).unlink(missing_ok=True)
print(f"# seed {SEED}, {ROUNDS} rounds")
dice = random.Random(SEED)
for engine in engines():
    with Instance(engine=engine) as started:
        for _ in range(ROUNDS // 2):
            killed_supervisor(started, dice)
            killed_while_ending(started, dice)
