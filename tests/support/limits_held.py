# SPDX-License-Identifier: Apache-2.0
"""Programs that meet limits, and where an instance's jobs are held to them."""

import pathlib

from corral import check, wait_until

# One megabyte after another, each written to.
EATER = "import sys\nb=[]\nwhile len(b) < 400: b.append(bytes([1])*(1<<20))\nprint('ate it all', flush=True)"
FORKER = ("import os,sys,time\nn=0\nfor _ in range(int(sys.argv[1])):\n"
          "    try:\n        if os.fork() == 0: time.sleep(30); os._exit(0)\n        n += 1\n"
          "    except BlockingIOError: break\nprint(n, flush=True)")


def group_of(pid, controller):
    """The process's cgroup in the v1 hierarchy of the controller; None where there is none."""
    for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            return path
    return None


def is_held(instance, *kinds):
    """Whether these limits hold for whole jobs here, as doctor says."""
    limits = instance.facts("doctor")["limits"]
    return all(limits[kind]["lacking"] is None for kind in kinds)


def ended(instance, jid):
    instance.run("wait", jid, timeout=60)
    return instance.facts("show", jid)


def leaves_nothing(instance, groups):
    wait_until(lambda: not instance.job_cgroups(), 10, "no job's cgroup is left")
    for path in groups:
        wait_until(lambda path=path: not path.exists(), 10, f"{path} has gone with its last job")


def groups_of(instance):
    """The instance's directories in v1 hierarchies, found by a job in them."""
    jid = instance.run("run", "-d", "--limit", "memory=1G,processes=100", "--", "sleep", "100").stdout.strip()
    pid = instance.facts("show", jid)["main_pid"]
    places = []
    for controller in ("memory", "pids"):
        path = group_of(pid, controller)
        if path is None or not path.rsplit("/", 1)[-1].startswith("j"):
            continue
        directory = pathlib.Path(f"/sys/fs/cgroup/{controller}{path}")
        check(directory.is_dir(), f"the job has a directory in the {controller} hierarchy")
        places.append(directory.parent)
    instance.run("kill", "-g", "0", jid)
    return places
