# SPDX-License-Identifier: Apache-2.0
"""Corral as a unit of systemd: tests/vm/unit.sh runs as a service of a machine whose PID 1 is that. `systemctl restart`
and whatever else may happen to the unit loses no job, no exit status and no record; the machine's shutdown ends jobs in
order."""

import os

import machine

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
    machine.run_under_systemd("unit.sh", machine.UNIT_FILES, {"checks.service": CHECKS, "witness.service": WITNESS})


if __name__ == "__main__":
    os.chdir("/")
    main()
