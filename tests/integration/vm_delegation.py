# SPDX-License-Identifier: Apache-2.0
"""Cgroups that are given away: tests/vm/delegation.sh runs as a service of a machine with systemd and all of cgroup v2.
An instance, a container's PID 1 and a systemd run in jobs, root's and a user's, and have controllers there."""

import os

import machine

CHECKS = """[Unit]
After=multi-user.target

[Service]
Type=exec
Environment=HOME=/root
ExecStart=/bin/delegation.sh
"""


def main():
    machine.run_under_systemd("delegation.sh", {**machine.UNIT_FILES, machine.corral.PIDNS: "/usr/libexec/corral/corral-pidns"},
                              {"checks.service": CHECKS})


if __name__ == "__main__":
    os.chdir("/")
    main()
