# SPDX-License-Identifier: Apache-2.0
"""A machine that people log in to: a copy of /etc with a user and our line in every service, and an sshd of its own. For tests
in a mount namespace of theirs."""

import pathlib
import re
import shutil
import subprocess
import time

from corral import BUILD, COMMAND, check, wait_until

MODULE = BUILD / "pam/pam_corral.so"
SERVICES = ("sshd", "cron", "su", "su-l", "login", "runuser", "runuser-l")
PORT = 22022
NEEDED = ("/usr/sbin/sshd", "/usr/sbin/cron", "/usr/bin/pamtester", "/usr/bin/sshpass", "/usr/bin/sftp", "/usr/bin/script")


def run(*words, seconds=60, **options):
    options.setdefault("stdin", subprocess.DEVNULL)
    if "input" in options:
        del options["stdin"]
    began = time.monotonic()
    done = subprocess.run([str(word) for word in words], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=seconds, check=False, **options)
    done.took = time.monotonic() - began
    return done


class Machine:
    """/etc with a user and our line in every service, an sshd, and the command under a name."""

    def __init__(self, instance):
        self.instance = instance
        self.work = instance.folder / "machine"
        self.work.mkdir(mode=0o755)
        shutil.copytree("/etc", self.work / "etc", symlinks=True)
        run("mount", "--bind", self.work / "etc", "/etc")
        pathlib.Path("/run/sshd").mkdir(exist_ok=True)
        run("mount", "-t", "tmpfs", "-o", "mode=755", "none", "/run/sshd")
        made = run("useradd", "-m", "-d", self.work / "jane", "-s", "/bin/bash", "jane")
        check(made.returncode == 0, "a user of the test's own", made.stderr)
        run("chpasswd", input="jane:secret\n")
        self.program = self.work / "corral"
        self.program.write_text(f"#!/bin/sh\nCORRAL_RUNTIME_DIR={instance.runtime} exec {COMMAND} \"$@\"\n")
        self.program.chmod(0o755)
        for service in SERVICES:
            self.configure(service)
        self.configure("jobtest", "auth required pam_permit.so\naccount required pam_permit.so\n", control="required")
        self.start_sshd()

    def configure(self, service, before=None, options="", control="optional"):
        path = pathlib.Path("/etc/pam.d") / service
        text = before if before is not None else re.sub(r"(?m)^.*pam_corral.*\n", "", path.read_text())
        path.write_text(f"{text}\nsession {control} {MODULE} program={self.program} {options}\n")

    def start_sshd(self):
        for key in ("host", "user"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.work / key)
        ssh = self.work / "jane/.ssh"
        ssh.mkdir(mode=0o700)
        shutil.copy(self.work / "user.pub", ssh / "authorized_keys")
        run("chown", "-R", "jane:", self.work / "jane")
        config = self.work / "sshd_config"
        config.write_text(f"""ListenAddress 127.0.0.1
Port {PORT}
HostKey {self.work}/host
PidFile {self.work}/sshd.pid
UsePAM yes
PasswordAuthentication yes
KbdInteractiveAuthentication yes
PermitRootLogin no
StrictModes no
Subsystem sftp internal-sftp
""")
        self.log = self.work / "sshd.log"
        self.sshd = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", str(config)], stderr=self.log.open("wb"))
        wait_until(lambda: "listening" in self.log.read_text(errors="replace"), 20, "sshd")

    def ssh(self, *words, key=True, options=(), **more):
        command = ["ssh", *options, "-p", str(PORT), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                   "-o", "LogLevel=ERROR"]
        if key:
            command += ["-i", str(self.work / "user"), "-o", "BatchMode=yes"]
        else:
            command = ["sshpass", "-p", "secret", *command, "-o", "PubkeyAuthentication=no"]
        return [*command, "jane@127.0.0.1", *words] if more.get("words") else run(*command, "jane@127.0.0.1", *words)

    def close(self):
        self.sshd.kill()
        self.sshd.wait()
