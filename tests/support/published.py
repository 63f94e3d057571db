# SPDX-License-Identifier: Apache-2.0
"""The published CSA tools beside ours: the same words in the same folder, and
what differs of output, errors, exit code and the files that were written.
CORRAL_CSA_TOOLS names a directory with the tools of CSA 5.0, built from their
own source, which is no part of Corral (docs/RECORDS.md says how)."""

import os
import pathlib
import subprocess

import corral
import csa_golden_files as golden

TOOLS = pathlib.Path(os.environ.get("CORRAL_CSA_TOOLS", "/usr/sbin"))


WHY_NOT = "needs the published CSA tools"


def are_here():
    return (TOOLS / "csajrep").exists()


def folders(root, commands):
    """A folder with links to ours, and one with links to theirs if they are here."""
    found = [root / "ours", root / "theirs"][: 2 if are_here() else 1]
    for folder, source in zip(found, (None, TOOLS)):
        folder.mkdir()
        for command in commands:
            (folder / command).symlink_to(corral.COMMAND if source is None else source / command)
    return found


def letters_of(words):
    return words[0] if words and words[0].startswith("-") and len(words[0]) > 1 else ""


# Calls for which the published command prints memory that nobody wrote, asks a
# daemon, or reads files of another kind as if they were its own.
AVOIDED = {
    "csacms": lambda words: (
        ("S" in letters_of(words)) != ("spacct" in words[-1])
        or ("s" in letters_of(words)) != ("cms" in words[-1])
        or ("j" in letters_of(words) and "a" not in letters_of(words))
    ),
    "ja": lambda words: not set(letters_of(words)) & set("cfos"),
}


def line_of(choose, row):
    letters = [letter for letter in row["switches"] if choose.random() < 0.2 and letter not in row.get("without", "")]
    words = ["-" + "".join(letters)] if letters else []
    for letter, values in row["arguments"].items():
        if choose.random() < 0.15:
            words += ["-" + letter, choose.choice(values)]
    return words + row.get("fixed", []) + choose.choice(row["operands"])


def quoted(words):
    return " ".join(word if word == "<" else "'" + word + "'" for word in words)


def result(folder, work, name, words, environment):
    for old in work.glob("written*"):
        old.unlink()
    done = subprocess.run(
        ["sh", "-c", f"{name} {quoted(words)}"],
        cwd=work, env={**environment, "PATH": f"{folder}:/usr/bin:/bin"},
        stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
    )  # fmt: skip
    # The exact billing units (docs/ACCOUNTING.md) are a file of ours alone.
    written = [path for path in sorted(work.glob("written*")) if path.suffix != ".units"]
    files = {path.name: golden.without_times(path.read_bytes()) for path in written}
    return done.stdout, done.stderr.replace(b"Segmentation fault\n", b""), done.returncode, files


def is_crash(outcome):
    return outcome[2] < 0 or outcome[2] >= 128


def differences(links, work, name, words, environment, seen=lambda outcome: outcome):
    """One call of both; the lines that differ, none if nothing does. `seen`
    takes away what need not be the same, of both."""
    ours, theirs = (seen(result(folder, work, name, words, environment)) for folder in links)
    if not is_crash(ours) and (is_crash(theirs) or ours == theirs):
        return []
    lines = [f"--- TZ={environment['TZ']} {name} {quoted(words)}"]
    for what, got, wanted in zip(("output", "errors", "code", "files"), ours, theirs):
        if got != wanted:
            lines.append(f"  {what}: got    {str(got)[-700:]}")
            lines.append(f"  {what}: wanted {str(wanted)[-700:]}")
    return lines
