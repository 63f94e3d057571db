# SPDX-License-Identifier: Apache-2.0
"""What a command costs: its memory and its processor time."""

import subprocess
import sys

import corral

# A process that is small starts it: what it was before it was executed counts as its memory too.
STARTER = """
import os, subprocess, sys
with open(os.devnull, "wb") as nowhere:
    started = subprocess.Popen(sys.argv[1:], stdout=nowhere, stderr=nowhere)
    _, status, usage = os.wait4(started.pid, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss, usage.ru_utime)
"""


def of(*words, **options):
    """(KiB at most, seconds in user mode) of `corral WORDS`, which has to succeed."""
    done = subprocess.run([sys.executable, "-S", "-c", STARTER, corral.COMMAND, *map(str, words)], capture_output=True, text=True, check=True, **options)
    code, most, user = done.stdout.split()
    corral.equal(code, "0", " ".join(map(str, words)))
    return int(most), float(user)
