# SPDX-License-Identifier: Apache-2.0
"""A dbus-daemon of the test's own."""

import pathlib
import shutil
import subprocess
import tempfile

HEAD = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={0}/bus</listen>
"""
# Everybody may do everything.
OPEN = """<policy context="default"><allow user="*"/><allow own="*"/>
<allow send_type="*" eavesdrop="false"/><allow receive_type="*"/>
<allow send_destination="*"/></policy>
"""
# What a machine's system.conf allows: no name may be owned and no method called but the bus's own.
SYSTEM = """<policy context="default"><allow user="*"/><deny own="*"/><deny send_type="method_call"/>
<allow send_type="signal"/><allow send_requested_reply="true" send_type="method_return"/>
<allow send_requested_reply="true" send_type="error"/><allow receive_type="method_call"/>
<allow receive_type="method_return"/><allow receive_type="error"/><allow receive_type="signal"/>
<allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"/></policy>
"""


class Bus:
    """`include` is a policy file that is loaded on top of `policy`."""

    def __init__(self, policy=OPEN, include=None):
        self.directory = tempfile.mkdtemp(prefix="corral-dbus-")
        self.address = f"unix:path={self.directory}/bus"
        self.process = None
        text = HEAD.format(self.directory) + policy
        if include:
            text += f"<include>{include}</include>"
        pathlib.Path(self.directory, "config").write_text(text + "</busconfig>\n")
        pathlib.Path(self.directory).chmod(0o755)

    def start(self):
        self.process = subprocess.Popen(
            ["dbus-daemon", f"--config-file={self.directory}/config", "--nofork",
             "--nopidfile", "--nosyslog", "--print-address"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.process.stdout.readline()

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def remove(self):
        if self.process and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)
