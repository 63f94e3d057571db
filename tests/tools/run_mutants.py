# SPDX-License-Identifier: Apache-2.0
"""run_mutants.py SOURCE WORK [--sample] [--only WORD] [--look]: does every test that
guards a line turn red when the line is wrong?

Each entry of mutants.toml is one small mistake: `old` in `file` becomes `new`,
and `test` must fail. It is made in a copy of the tree (in WORK, with a build
directory that is kept), built, tested, and undone. A mutant that survives, that
does not compile, or whose `old` is not there exactly once is a failure.
--sample takes only the entries marked so: the ones that CORRAL_FULL=1 contrib/check runs. --look builds nothing: it
only looks whether each `old` is still there."""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import tomllib


def run(command, cwd, seconds=900):
    """Its exit status and output; a run that takes too long has failed."""
    try:
        done = subprocess.run(
            command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds, check=False
        )
        return done.returncode, done.stdout
    except subprocess.TimeoutExpired as error:
        return 124, f"{error}"


def copy_tree(source, tree):
    """Brings the copy up to date; files that did not change keep their time."""
    listed = subprocess.run(
        ["git", "-C", str(source), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        stdout=subprocess.PIPE, check=True, text=True,
    ).stdout  # fmt: skip
    names = {name for name in listed.split("\0") if name and (source / name).is_file()}
    for old in [path for path in tree.rglob("*") if path.is_file()] if tree.exists() else []:
        if str(old.relative_to(tree)) not in names:
            old.unlink()
    for name in names:
        target = tree / name
        if not target.exists() or target.read_bytes() != (source / name).read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / name, target)


def tests_of(build):
    """Each test's name and the file that ninja must make for it, if it is one."""
    code, text = run(["meson", "introspect", "--tests", str(build)], build)
    if code != 0:
        sys.exit(text)
    programs = {}
    for test in json.loads(text):
        program = pathlib.Path(test["cmd"][0])
        own = program.is_relative_to(build)
        programs[test["name"]] = str(program.relative_to(build)) if own else "all"
    return programs


def misplaced(tree, mutant):
    """How an entry does not fit the tree, if so."""
    missing = [key for key in ("why", "file", "old", "new", "test") if key not in mutant]
    if missing:
        return f"it has no {', '.join(missing)}"
    path = tree / mutant["file"]
    count = path.read_text(encoding="utf-8").count(mutant["old"]) if path.exists() else 0
    return None if count == 1 else f"'{mutant['old']}' stands there {count} times, not once"


class Mutants:
    def __init__(self, source, work):
        self.tree = work / "tree"
        self.build = work / "build"
        copy_tree(source, self.tree)
        if not (self.build / "build.ninja").exists():
            code, text = run(["meson", "setup", "-Doptimization=0", str(self.build), str(self.tree)], work)
            if code != 0:
                sys.exit(text)
        else:
            run(["ninja", "build.ninja"], self.build)
        self.programs = tests_of(self.build)

    def passes(self, test):
        """Whether the test passes as the tree is now; None if it cannot be built."""
        code, text = run(["ninja", "-j2", self.programs[test]], self.build)
        if code != 0:
            self.said = text
            return None
        code, self.said = run(["meson", "test", "--no-rebuild", test], self.build)
        return code == 0

    def verdict(self, mutant):
        """What is wrong with this entry; None if its test found it out."""
        path = self.tree / mutant["file"]
        if mutant["test"] not in self.programs:
            return f"there is no test '{mutant['test']}'"
        if wrong := misplaced(self.tree, mutant):
            return wrong
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(mutant["old"], mutant["new"]), encoding="utf-8")
        try:
            passed = self.passes(mutant["test"])
        finally:
            path.write_text(text, encoding="utf-8")
        if passed is None:
            return "does not compile:\n" + self.said[-2000:]
        return f"survived: '{mutant['test']}' passed with '{mutant['new']}'" if passed else None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--sample", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--look", action="store_true")
    options = parser.parse_args()
    entries = tomllib.loads((options.source / "tests/tools/mutants.toml").read_text())["mutant"]
    if options.look:
        faults = [f"{entry.get('file')}: {entry.get('why')}: {wrong}" for entry in entries if (wrong := misplaced(options.source, entry))]
        print("\n".join(faults) or f"{len(entries)} mutants fit the tree")
        return 1 if faults else 0
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("CCACHE_NOHASHDIR", "1")

    entries = [entry for entry in entries if entry.get("sample") or not options.sample]
    entries = [entry for entry in entries if options.only in entry["file"] + entry["test"]]
    mutants = Mutants(options.source.resolve(), work)
    for test in sorted({entry["test"] for entry in entries}):
        if test in mutants.programs and not mutants.passes(test):
            print(f"'{test}' fails without any mutant:\n{mutants.said[-3000:]}")
            return 1
    faults = 0
    for entry in entries:
        started = time.monotonic()
        wrong = mutants.verdict(entry)
        faults += wrong is not None
        seconds = time.monotonic() - started
        print(f"{wrong or 'found by ' + entry['test']}: {entry['file']}: {entry['why']} ({seconds:.0f} s)", flush=True)
    print(f"{len(entries)} mutants, {len(entries) - faults} found by their tests, {faults} faults")
    return 1 if faults or not entries else 0


if __name__ == "__main__":
    sys.exit(main())
