# SPDX-License-Identifier: Apache-2.0
"""An instance whose accounting file is a site's, for the published commands."""

import subprocess

import corral


class Accounted(corral.Instance):
    """An instance whose accounting file is a site's."""

    def __init__(self, site, conf=False, engine="subreaper", **options):
        """`conf`: the instance reads the site's csa.conf too."""
        super().__init__(engine=engine, **options)
        if conf:
            self.environment.update(site.environment())
        self.site = site
        site.path("day").mkdir(exist_ok=True)
        self.pacct = site.path("day/pacct")
        self.environment["CORRAL_PACCT"] = str(self.pacct)

    def csa(self, name, *words, **options):
        environment = {**self.environment, **self.site.environment(), **options.pop("extra", {})}
        return subprocess.run(self.site.words(name, *words), env=environment, capture_output=True, text=True, check=False,
                              timeout=60, **options)  # fmt: skip

    def switch(self):
        done = self.csa("csaswitch", "-c", "switch")
        if done.returncode != 0:
            corral.fail(f"csaswitch -c switch: {done.returncode}: {done.stderr}")

    def switched(self):
        files = [path for path in self.pacct.parent.glob("pacct*") if path.name != "pacct"]
        return sorted(files, key=lambda path: int(path.name[5:])) + [self.pacct]


def every_record(instance):
    return [record for path in instance.switched() if path.exists() for record in instance.records(path)["records"]]


def scribe_of(instance):
    for pid in corral.descendants_of(instance.supervisor or 0):
        try:
            if b"--worker=scribe" in open(f"/proc/{pid}/cmdline", "rb").read().split(b"\0"):
                return pid
        except OSError:
            continue
    return None
