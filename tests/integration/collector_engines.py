#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The table of docs/RECORDS.md, engine by collector, on this kernel: who counts
with each engine, what is counted, and under which numbers."""

import json

import corral
from collector import ebpf_obstacle, end_of, finished, processes

SCRIPT = "dd if=/dev/zero of=/dev/null bs=64k count=100 2>/dev/null; sh -c 'kill -9 $$'; exit 3"
KERNEL = {"cgroup2", "cgroup2+pidns"}  # a job's processes are known by their cgroup


def one(engine, asked):
    told = f"{engine}, {asked or 'auto'}"
    wanted = (asked or "ebpf") if engine in KERNEL else "wait"
    with corral.Instance(engine=engine, environment={"CORRAL_COLLECTOR": asked} if asked else None) as instance:
        done = instance.run("run", "--", "/bin/dash", "-c", SCRIPT)
        corral.equal(done.returncode, 3, f"{told}: a job runs {done.stderr.strip()}")
        records = finished(instance)
    found, end = processes(records), end_of(records)
    corral.equal((end["engine"], {record["collector"] for record in found}), (engine, {wanted}), f"{told}: who counts")
    by_name = {record["name"]: record for record in found}
    dash = by_name["dash"]
    corral.equal((dash["exit_code"], dash["includes_children"]), (3, wanted == "wait"), "the main process, and whether its children are in it")
    if wanted == "wait":
        corral.equal(end.get("processes_not_seen"), None, "how many were not seen is not said")
        return
    corral.equal(sorted(by_name), ["dash", "dd", "sh"], "every process, and not the namespace's own first one")
    corral.equal(by_name["sh"].get("signal"), "SIGKILL", "with its end")
    corral.equal({by_name["dd"]["ppid"], by_name["sh"]["ppid"]}, {dash["pid"]}, "and its parent, as the machine numbers them")
    corral.check(by_name["dd"]["read_bytes"] >= 6553600 and by_name["dash"]["read_bytes"] < 6553600, "each its own use", json.dumps(found))
    corral.equal((end["processes_seen"], end["processes_not_seen"]), (3, 0), "and none is missing")


def main():
    corral.needs_root()
    corral.needs_cgroup2()
    corral.needs_namespaces()
    if why := ebpf_obstacle():
        corral.skip(why)
    for engine in ("cgroup2", "cgroup2+pidns", "pidns", "subreaper"):
        for asked in (None, "taskstats", "wait"):
            one(engine, asked)


main()
