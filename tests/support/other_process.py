# SPDX-License-Identifier: Apache-2.0
"""Processes that are no job's yet, for the tests that attach them."""

import contextlib
import os
import subprocess

#: Whether the kernel keeps the status of a process that somebody else reaped (6.15).
KEEPS_STATUS = tuple(int(part) for part in os.uname().release.split(".")[:2]) >= (6, 15)


@contextlib.contextmanager
def process(*words, **options):
    child = subprocess.Popen(words or ("sleep", "1000"), **options)
    try:
        yield child
    finally:
        child.kill()
        child.wait()
