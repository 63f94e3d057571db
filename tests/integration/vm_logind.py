# SPDX-License-Identifier: Apache-2.0
"""pam_corral beside pam_systemd: tests/vm/logind.sh logs in by sshd in a machine whose PID 1 is systemd, with both modules
in both orders and both modes. Each login is logind's session and a job; the end of one is the end of the other, and
nobody kills behind the other's back."""

import os

import corral
import machine

FILES = {
    **machine.UNIT_FILES,
    corral.BUILD / "pam" / "pam_corral.so": "/lib/x86_64-linux-gnu/security/pam_corral.so",
}
CHECKS = """[Unit]
After=multi-user.target dbus.service systemd-logind.service
Wants=systemd-logind.service

[Service]
Type=exec
Environment=HOME=/root
ExecStart=/bin/logind.sh
"""


def main():
    machine.run_under_systemd("logind.sh", FILES, {"checks.service": CHECKS})


if __name__ == "__main__":
    os.chdir("/")
    main()
