# SPDX-License-Identifier: Apache-2.0
"""Holds the include edges of the tree to the table of docs/DESIGN.md, "Rooms".

A room may include its own headers and what ROOMS names. The reaper, and what
else is STATIC, may reach, through any number of headers, only headers without a
.cc of the same stem and no standard header that needs an allocator or a
libstdc++ object. Some words do
not stand in some rooms at all: NOT_IN."""

import pathlib
import re
import sys

# room: the other rooms, or headers by their beginning, that it may include
ROOMS = {
    "core": [],
    "sys": ["core/"],
    "units": ["core/"],
    "accounting": ["core/", "sys/"],
    "reaper": ["core/", "sys/", "accounting/"],
    "collect": ["core/", "sys/", "accounting/collector_reply.h", "accounting/kernel_exit.h", "accounting/taskstats_packets.h"],
    "bus": ["core/", "sys/"],
    "supervisor": ["core/", "units/", "accounting/", "sys/", "reaper/protocol.h", "reaper/launch_block.h"],
    "capi": ["core/", "bus/client", "sys/"],
    "pam": [],
    "cli": ["core/", "bus/client", "bus/refusal_names.h", "sys/", "units/", "accounting/"],
}
# rooms inside accounting: each may include those before it, and what stands in accounting itself
INNER = ["text", "records", "billing", "build", "reports", "cycle", "index"]
# single files that may include more
FILES = {
    "supervisor/main.cc": ["bus/"],
    "supervisor/bus_loop.h": ["bus/"],
    "supervisor/instance_start.cc": ["bus/unit_manager.h"],
    "supervisor/unit_anchor.cc": ["bus/client", "bus/unit_manager.h"],
}
# what is linked against musl without an allocator, besides the reaper's own
STATIC = ["cli/front.cc"]
# libraries: <header by its beginning>: the rooms that may use it
LIBRARIES = {
    "ev.h": ["supervisor/event_loop"],
    "systemd/": ["bus/"],
    "spdlog/": ["supervisor/"],
    "fmt/": ["supervisor/", "cli/"],
    "CLI/": ["cli/"],
    "nlohmann/": ["cli/", "accounting/"],
    "toml++/": ["units/toml_values"],
    "security/": ["pam/"],
    "bpf/": ["collect/"],
    "zstd.h": ["accounting/packed_file"],
    "sqlite3.h": ["accounting/index/sqlite_load"],
    "libmnl/": ["collect/taskstats_socket"],
}
NOT_IN_REAPER = {
    "string", "memory", "chrono", "atomic", "ranges", "vector", "map", "set", "unordered_map", "unordered_set",
    "deque", "list", "functional", "iostream", "fstream", "sstream", "thread", "mutex", "regex", "filesystem", "any",
}  # fmt: skip
# what no room may say outside of comments and texts: <words>: the rooms, and why
NOT_IN = {
    r"ev_default_loop\w*|EV_DEFAULT\w*": (("supervisor", "bus"), "the loop is our own, never libev's default"),
    r"asm|__asm(__)?|__(x86_64|amd64|i[3-6]86|aarch64|arm|riscv|powerpc|ppc|s390x?|mips|loongarch)\w*|_M_(X64|IX86|ARM)\w*"
    r"|\w*mmintrin|__builtin_(ia32|arm|aarch64)_\w*": (
        ("core", "sys", "accounting", "reaper"), "nothing that the reaper is made of is tied to one architecture"),
}  # fmt: skip
# a comment or a text: what is in it is no code
NO_CODE = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.MULTILINE)


def includes_of(path):
    return INCLUDE.findall(path.read_text(encoding="utf-8"))


def begins_with(name, beginnings):
    return any(name.startswith(beginning) for beginning in beginnings)


def check_inner(file, header):
    """The same within accounting; what stands in no inner room may include none."""
    if file.parts[0] != "accounting" or header.parts[0] != "accounting" or header.parts[1] not in INNER:
        return None
    place = INNER.index(file.parts[1]) if file.parts[1] in INNER else -1
    return None if INNER.index(header.parts[1]) <= place else f"is of a room behind {'/'.join(file.parts[:2])}"


def check_edge(top, file, kind, name):
    """What is wrong with `file` including `name`; None if nothing is."""
    room = file.parts[0]
    if kind == '"':
        if not (top / name).is_file():
            return "is not a path from the top of the tree"
        allowed = [room + "/", *ROOMS[room], *FILES.get(str(file), [])]
        if not begins_with(name, allowed):
            return f"is not among {', '.join(allowed)}"
        return check_inner(file, pathlib.Path(name))
    if room == "core" and name.endswith(".h"):
        return "is not of the C++ standard library"
    for library, users in LIBRARIES.items():
        if name.startswith(library) and not begins_with(str(file), users):
            return f"may be included by {', '.join(users)} only"
    return None


def check_words(room, text):
    """The words of NOT_IN that stand in the code `text` of `room`, with their reasons."""
    code = NO_CODE.sub(" ", text)
    for words, (rooms, why) in NOT_IN.items():
        if room in rooms:
            for found in re.finditer(rf"\b({words})\b", code):
                yield f"'{found.group()}': {why}"


def check_reaper(top):
    """The same for all that the static translation units reach."""
    waiting = sorted(path.relative_to(top) for path in [*(top / "reaper").glob("*.cc"), *(top / file for file in STATIC)])
    came_from = {file: None for file in waiting}
    while waiting:
        file = waiting.pop()
        for kind, name in includes_of(top / file):
            header = pathlib.Path(name)
            if kind == "<" and name in NOT_IN_REAPER:
                yield f"{file}: <{name}> cannot be used by the reaper ({chain(came_from, file)})"
            elif kind == '"' and header not in came_from and (top / header).is_file():
                came_from[header] = file
                waiting.append(header)
                if (top / header).with_suffix(".cc").exists() and header.suffix == ".h":
                    yield f"{file}: {name} has a .cc: the reaper cannot use it ({chain(came_from, file)})"


def chain(came_from, file):
    names = []
    while file is not None:
        names.append(str(file))
        file = came_from[file]
    return " <- ".join(names)


def main(top):
    faults = list(check_reaper(top))
    files = 0
    edges = 0
    for room in ROOMS:
        for path in sorted((top / room).rglob("*")):
            if path.suffix not in (".h", ".cc", ".c"):
                continue
            files += 1
            file = path.relative_to(top)
            text = path.read_text(encoding="utf-8")
            faults += [f"{file}: {fault}" for fault in check_words(room, text)]
            for kind, name in includes_of(path):
                edges += 1
                wrong = check_edge(top, file, kind, name)
                if wrong:
                    faults.append(f"{file}: {name} {wrong}")
    print("\n".join(faults))
    print(f"{files} files, {edges} includes, {len(faults)} against the table")
    return 1 if faults or files == 0 else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
