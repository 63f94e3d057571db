#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How far a long report is stands on the terminal of standard error, also where
the report goes to the same terminal, and is gone before its first line; nothing
of it where standard error is no terminal, or the work is short."""

import os
import pathlib
import pty
import re
import subprocess
import tempfile
import threading

import corral
from csa_golden_files import GOLDEN, golden_site

RECORDS = (GOLDEN / "in/pacct1").read_bytes()
SHOWN = re.compile(rb"\r *(\d+) %")
GONE = b"\r\x1b[K"
# Each read of the file takes a while: what a large file does, without one.
SLOW = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=pread64,read", "-e", "inject=pread64:delay_exit=60000"]
ROWS = {  # words: (is the terminal standard output too, is progress shown)
    ("report", "pacct"): (True, True),
    ("report", "--by", "command", "pacct"): (True, True),
    ("index", "pacct"): (True, True),
    ("csacms", "-a", "W1"): (True, True),
    ("csabuild", "-i", "-P", "W", "-s", "sorted"): (True, True),
    ("csacom", "W1"): (False, True),
    ("csacom", "-J", "W1"): (True, False),
}  # fmt: skip


def on_a_terminal(words, folder, with_output, prefix=()):
    """What a terminal gets of a command, and what another standard output does."""
    ours, theirs = pty.openpty()
    got = []

    def read():
        while True:
            try:
                data = os.read(ours, 65536)
            except OSError:
                return
            if not data:
                return
            got.append(data)

    reader = threading.Thread(target=read)
    reader.start()
    out = theirs if with_output else subprocess.PIPE
    done = subprocess.run([*prefix, corral.COMMAND, *words], cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=theirs, timeout=60, check=False,
                          env={**os.environ, "TZ": "UTC", "CSACONFIG": str(golden_site() / "in/csa.conf"), "TERM": "xterm"})  # fmt: skip
    os.close(theirs)
    reader.join()
    os.close(ours)
    corral.equal(done.returncode, 0, f"{' '.join(words)}: {b''.join(got)[-300:]!r}")
    return b"".join(got), done.stdout


def main():
    tried = subprocess.run([*SLOW, "true"], capture_output=True, check=False)
    if tried.returncode != 0:
        corral.skip("strace cannot trace here")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "csa.holidays").write_bytes((GOLDEN / "in/csa.holidays").read_bytes())
        (folder / "pacct").write_bytes(RECORDS * 100)
        (folder / "W1").write_bytes(RECORDS * 700)  # some blocks of 4 MiB
        for words, (with_output, is_shown) in ROWS.items():
            seen, _ = on_a_terminal(words, folder, with_output, SLOW)
            parts = [int(part) for part in SHOWN.findall(seen)]
            if not is_shown:
                corral.equal(parts, [], f"{' '.join(words)}: rows are shown, and nothing among them")
                continue
            passes = sum(after < before for before, after in zip(parts, parts[1:])) + 1  # csabuild reads twice
            corral.check(len(parts) > 2 and max(parts) <= 100 and passes <= (2 if words[0] == "csabuild" else 1), f"{' '.join(words)}: how far it is", parts, seen[-200:])
            rest = seen[seen.rindex(b"%") + 1 :]
            corral.check(rest.startswith(GONE) and b"%" not in rest, "and it is gone before the report", rest[:80])
        seen, out = on_a_terminal(("report", "pacct"), folder, False)
        quiet = subprocess.run([*SLOW, corral.COMMAND, "report", "pacct"], cwd=folder, capture_output=True, check=True, timeout=60, env={**os.environ, "TZ": "UTC"})
        corral.equal((quiet.stderr, quiet.stdout), (b"", out), "nothing where standard error is no terminal")
        (folder / "pacct").write_bytes(RECORDS)
        (folder / ".corral-index").unlink(missing_ok=True)
        seen, _ = on_a_terminal(("report", "pacct"), folder, True)
        corral.equal(SHOWN.findall(seen), [], "nor of what is done at once")


main()
