# SPDX-License-Identifier: Apache-2.0
"""A site of its own for the accounting cycle: folders, csa.conf, user exits."""

import os
import pathlib
import re
import shutil
import struct
import subprocess
import tempfile

import corral
from csa_golden_files import GOLDEN, golden_site, without_times

TRACER = corral.BUILD / "tests" / "support" / "kill-at-syscall"
SECONDS = 60
MINUTE = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d")
THIS_RUN = re.compile(rb"(AND   )\d\d/\d\d \d\d:\d\d")


def end_of_first_minute(site):
    """The next run may be in the same minute: the last one was in another."""
    path = site.path("nite/clastdate")
    path.write_text("0101 0000\n" + "".join(path.read_text().splitlines(keepends=True)[1:]))


class Site:
    def __enter__(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="corral-csa-"))
        self.bin = self.root / "bin"
        self.values = {
            "ACCT_DIR": self.path("."), "EXIT_DIR": self.root / "exits", "PACCT_FILE": self.path("day/pacct"), "ACCT_FS": self.root,
            "CHGRP": "root", "MIN_BLKS": 0, "MAILER": self.root / "mailer", "HOLIDAY_FILE": golden_site() / "in/csa.holidays", "CSACREP": "-hucwx",
        }  # fmt: skip
        self.bin.mkdir()
        (self.root / "exits").mkdir()
        self.stderr = ""
        self.conf = "csa.conf"
        self.clear()
        self.set_conf()
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.root, ignore_errors=True)

    def path(self, name):
        return self.root / "csa" / name if name != "." else self.root / "csa"

    def exits(self, name):
        return self.root / "exits" / name

    def clear(self):
        shutil.rmtree(self.path("."), ignore_errors=True)
        self.path(".").mkdir()

    def set_conf(self, **values):
        """The golden set's csa.conf with this site's values first, which count."""
        self.values.update(values)
        own = "".join(f"{name}\t{value}\n" for name, value in self.values.items())
        (self.root / "csa.conf").write_text(own + (GOLDEN / "in/csa.conf").read_text())

    def put_day(self, files):
        self.path("day").mkdir(exist_ok=True)
        for name, data in files.items():
            self.path(f"day/{name}").write_bytes(data)

    def put_exit(self, name, text, mode=0o644):
        self.exits(name).write_text(text)
        self.exits(name).chmod(mode)

    @staticmethod
    def opening():
        """The first record of a file: one that says it begins, long ago."""
        record = bytearray((GOLDEN / "in/pacct1").read_bytes()[:216])
        struct.pack_into("<B", record, 24, 1)
        return bytes(record)

    def words(self, name, *words):
        link = self.bin / name
        if not link.is_symlink():
            link.symlink_to(corral.COMMAND)
        return [str(link), *map(str, words)]

    def environment(self):
        return {"PATH": os.environ["PATH"], "TZ": "UTC", "LC_ALL": "C", "CSACONFIG": str(self.root / self.conf)}

    def start(self, name, *words, **options):
        return subprocess.Popen(self.words(name, *words), env=self.environment(), **options)

    def run(self, name, *words, **options):
        return subprocess.run(self.words(name, *words), env=self.environment(), capture_output=True, check=False,
                              timeout=SECONDS, **options)  # fmt: skip

    def must(self, name, *words, **options):
        done = self.run(name, *words, **options)
        if done.returncode != 0:
            corral.fail(f"{name} {words}: {done.returncode}: {done.stderr!r}")
        return done.stdout

    def csarun(self, *words):
        return self.run("csarun", *words, text=True)

    def run_csarun(self, *words, exit_name=None, script=""):
        if exit_name:
            self.put_exit(exit_name, script)
        done = self.csarun(*words)
        self.stderr = done.stderr
        if done.returncode != 0:
            active = "".join(path.read_text() for path in self.path("nite").glob("active*"))
            corral.fail(f"csarun {words}: {done.returncode}: {done.stderr}\n{active}")

    def state(self):
        path = self.path("nite/statefile")
        return path.read_text().strip() if path.exists() else "COMPLETE"

    def results(self):
        """What a run leaves, without its minute."""
        found = {}
        for path in sorted(self.path("sum").glob("*"), key=lambda one: one.stat().st_mtime_ns):  # of two minutes the last
            if path.name != "loginlog":
                found[path.name.split(".")[0]] = path.read_bytes()
        if "rprt" in found:
            found["rprt"] = MINUTE.sub(b"YYYY-MM-DD hh:mm", THIS_RUN.sub(rb"\1MM/DD hh:mm", found["rprt"]))
        recycled = self.path("day/pacct0")
        if recycled.exists():
            found["pacct0"] = without_times(recycled.read_bytes())
        return found

    def traced(self, name, words, call):
        """Runs it until its Nth system call; what the tracer says."""
        victim = subprocess.Popen(["sh", "-c", 'read -r line; exec "$@"', "sh", *self.words(name, *words)], env=self.environment(),
                                  stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        tracer = subprocess.Popen([TRACER, str(victim.pid), str(call)], stdout=subprocess.PIPE, text=True)
        tracer.stdout.readline()
        victim.stdin.write(b"go\n")
        victim.stdin.close()
        said = tracer.stdout.readline()
        tracer.wait(SECONDS)
        victim.wait(SECONDS)
        return said

    def count_calls(self):
        said = self.traced("csarun", [], 10**9)
        if not said.startswith("ended"):
            corral.fail(f"csarun under the tracer: {said!r}")
        return int(said.split()[1])

    def kill_csarun(self, call):
        return self.traced("csarun", [], call).startswith("killed")
