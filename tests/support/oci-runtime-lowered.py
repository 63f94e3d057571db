#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An OCI runtime for podman on machines whose root lacks CAP_SYS_RESOURCE, as in a container: takes out of the
bundle, or of a process to be executed, what needs it (rlimits, oomScoreAdj, device and pids rules), then execs the real
runtime, $OCI_RUNTIME."""

import json
import os
import sys

REFUSED_PROCESS = ("rlimits", "oomScoreAdj")
REFUSED_RESOURCES = ("devices", "pids")


def without(part, keys):
    for key in keys:
        part.pop(key, None)


def lower_container(config):
    without(config["process"], REFUSED_PROCESS)
    without(config["linux"].get("resources", {}), REFUSED_RESOURCES)


def lower_exec(process):
    without(process, REFUSED_PROCESS)


# command: the option that names a file, the file in what it names, what is done to it
COMMANDS = {
    "create": ("--bundle", "config.json", lower_container),
    "exec": ("--process", "", lower_exec),
}


def main():
    words = sys.argv[1:]
    for command, (option, name, lower) in COMMANDS.items():
        if command not in words or option not in words:
            continue
        path = os.path.join(words[words.index(option) + 1], name).rstrip("/")
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        lower(content)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(content, file)
    runtime = os.environ["OCI_RUNTIME"]
    os.execv(runtime, [os.path.basename(runtime), *words])


if __name__ == "__main__":
    main()
