#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""check_installed.py BUILD: what the installed units of systemd start is installed, at that path, and the unit that
D-Bus is told of is one of them."""

import json
import pathlib
import re
import sys


def main():
    listed = json.loads((pathlib.Path(sys.argv[1]) / "meson-info" / "intro-installed.json").read_text())
    places = set(listed.values())
    units = {pathlib.Path(place).name: pathlib.Path(file) for file, place in listed.items() if "/systemd/system/" in place}
    faults, count = [], 0
    for name, file in units.items():
        for path in re.findall(r"^Exec\w+=(\S+)", file.read_text(), re.M):
            count += 1
            if path not in places:
                faults.append(f"{name}: '{path}' is not installed")
    for file, place in listed.items():
        for unit in re.findall(r"^SystemdService=(.*)$", pathlib.Path(file).read_text(), re.M) if "/dbus-1/system-services/" in place else []:
            count += 1
            if unit not in units:
                faults.append(f"{pathlib.Path(place).name}: the unit '{unit}' is not installed")
    for fault in sorted(faults):
        print(fault)
    return 1 if faults or count < 9 else 0


sys.exit(main())
