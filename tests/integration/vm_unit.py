# SPDX-License-Identifier: Apache-2.0
"""Corral as a unit of systemd: tests/vm/unit.sh runs as a service of a machine whose PID 1 is that. `systemctl restart`
and whatever else may happen to the unit loses no job, no exit status and no record; the machine's shutdown ends jobs in
order."""

import os

import corral
import machine

LIBEXEC = "/usr/libexec/corral"
FILES = {
    corral.INIT: f"{LIBEXEC}/corral-init",
    corral.REAPER: f"{LIBEXEC}/corral-reaper",
    corral.DAEMON: f"{LIBEXEC}/corrald",
    corral.WHOLE_COMMAND: f"{LIBEXEC}/corral-command",
    corral.COMMAND: "/usr/bin/corral",
    corral.SOURCE / "contrib/corrald.service": "/etc/systemd/system/corrald.service",
    corral.SOURCE / "contrib/dbus/org.corral.conf": "/usr/share/dbus-1/system.d/org.corral.conf",
}
CHECKS = """[Unit]
After=multi-user.target dbus.service witness.service
Wants=witness.service

[Service]
Type=exec
Environment=HOME=/root
ExecStart=/bin/unit.sh
"""
# What is started before the unit is stopped after it.
WITNESS = """[Unit]
Before=corrald.service

[Service]
Type=oneshot
RemainAfterExit=yes
Environment=HOME=/root
ExecStart=/bin/true
ExecStop=/bin/unit.sh witness
"""


def main():
    machine.run_under_systemd("unit.sh", FILES, {"checks.service": CHECKS, "witness.service": WITNESS})


if __name__ == "__main__":
    os.chdir("/")
    main()
