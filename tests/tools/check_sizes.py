# SPDX-License-Identifier: Apache-2.0
"""Holds every source file to 500 lines, and prints how the sizes lie. Function
sizes are held by clang-tidy (readability-function-size)."""

import pathlib
import statistics
import subprocess
import sys

MOST_LINES = 500
SUFFIXES = {".h", ".cc", ".c", ".py", ".sh", ".build", ""}


def source_files(top):
    listed = subprocess.run(
        ["git", "-C", str(top), "ls-files", "-z"], stdout=subprocess.PIPE, check=True, text=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        path = top / name
        if path.suffix in SUFFIXES and path.is_file() and "corpus" not in path.parts and path.name != "LICENSE":
            yield path


def main(top):
    sizes = {path: path.read_bytes().count(b"\n") for path in source_files(top)}
    code = sorted(size for path, size in sizes.items() if path.suffix in (".h", ".cc"))
    long = {path: size for path, size in sizes.items() if size > MOST_LINES}
    for path, size in long.items():
        print(f"{path.relative_to(top)}: {size} lines, at most {MOST_LINES} are wanted")
    print(
        f"{len(code)} C++ files, median {statistics.median(code):.0f} lines, "
        f"9 of 10 at most {code[len(code) * 9 // 10]}, longest {code[-1]}"
    )
    return 1 if long else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
