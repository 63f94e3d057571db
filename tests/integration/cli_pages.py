#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The manual pages and completions say what the programs take: made anew and
compared, linted, and driven."""

import re
import shutil
import subprocess
import tempfile

from corral import BUILD, COMMAND, DAEMON, SOURCE, check, equal, not_checked


def output(*line, **options):
    return subprocess.run(line, stdout=subprocess.PIPE, text=True, check=True, **options).stdout


def commands():
    listing = output(COMMAND, "--help")
    return re.findall(r"^  ([a-z-]+) {2,}\S", listing.split("Options:")[0], re.M)


def options_of(help_text):
    """The option names in a help text: the words that begin its entries."""
    return {
        name
        for line in help_text.splitlines()
        if re.match(r" {2,6}-", line)
        for name in re.findall(r"(?<![\w-])--?[a-z][a-z-]*", line[:28])
    }


def completions_are_current():
    for shell in ("bash", "zsh", "fish"):
        kept = (SOURCE / "contrib" / "completions" / f"corral.{shell}").read_text()
        equal(
            kept,
            output(COMMAND, "--dump-completion", shell),
            f"contrib/completions/corral.{shell} is what 'corral --dump-completion {shell}' makes",
        )


def complete(line, parts=r"=+|[^=]+", file=None, function=None):
    """What bash offers for the last word of `line`. It hands words over in
    parts, as COMP_WORDBREAKS has it."""
    words = [part for word in line.split(" ") for part in re.findall(parts, word) or [""]]
    program = words[0]
    script = f"""
        PATH={BUILD}/reaper:$PATH
        source {SOURCE}/contrib/completions/{file or program}.bash
        COMP_WORDS=({' '.join(f"'{word}'" for word in words)})
        COMP_CWORD={len(words) - 1}
        COMP_LINE='{line}'
        _{function or program.replace("-", "_")}
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    return set(output("bash", "--norc", "-c", script).split())


def bash_completes():
    check({"run", "records", "--help"} <= complete("corral "), "bash offers the commands")
    equal(complete("corral reco"), {"records"}, "and finishes one")
    equal(complete("corral run --rep"), {"--report"}, "and an option")
    equal(complete("corral run --engine "), {"cgroup2", "subreaper", "pidns", "cgroup2+pidns"}, "and a value with choices")
    check("/usr" in complete("corral run -C /us"), "and a directory")
    check("true" in complete("corral run -d --name web tru"), "and the program behind options and their values")
    check("true" in complete("corral run -- tru"), "and behind two dashes")
    check("true" in complete("corral run --name=web -e A=b -e C= tru"), "and behind values with '='")
    equal(complete("corral run --report=j"), {"json"}, "a value behind '=' is finished")
    equal(complete("corral run --engine="), {"cgroup2", "subreaper", "pidns", "cgroup2+pidns"}, "or offered")
    equal(complete("corral run --report=j", ".+"), {"--report=json"}, "also where bash does not split at '='")
    check("/usr" in complete("corral run --cwd=/us"), "a directory too")
    check("/dev/null" in complete("corral run dd if=/dev/nul"), "and a file in an argument of the program")


    check("root" in complete("corral limit explain ro"), "a user behind 'limit explain'")
    equal(complete("corral accounting o"), {"on", "off"}, "what accounting does")
    equal(complete("corral accounting on s"), {"site1", "site2"}, "and behind 'on' kinds of records, not what it does again")
    equal(complete("corral accounting off swi"), set(), "also behind 'off'")
    for name, option in (("csacom", "-k"), ("/usr/sbin/csaverify", "-o")):
        check(option in complete(f"{name} -", file="corral", function="corral_link"), f"the options of {name}, by its own name")
    said = (SOURCE / "contrib/completions/corral.bash").read_text()
    links = " ".join(re.findall(r"^complete -F _corral_(?:link|jid) (.*)$", said, re.M)).split()
    equal({"ja", "csacom", "csarun", "jstat", "jkill"} - set(links), set(), "links are completed")


def corral_init_completes():
    """It has no table of its own: the program is asked."""
    check({"--stop-to", "--stop-timeout", "--stop-signal"} <= complete("corral-init --stop"), "bash offers the options of corral-init")
    check("--scope" not in complete("corral-init --sc"), "but not what only programs say to it")
    equal(complete("corral-init --stop-to "), {"main", "group", "job"}, "a value with choices")
    equal(complete("corral-init --stragglers=l"), {"leave", "linger"}, "and behind '='")
    equal(complete("corral-init --stragglers=l", ".+"), {"--stragglers=leave", "--stragglers=linger"}, "also where bash does not split there")
    check("TERM" in complete("corral-init --stop-signal TER"), "a signal")
    check("/usr" in complete("corral-init --cwd /us"), "a directory")
    for words in ("", "-- ", "--wait-all ", "--stop-to main --wait-all ", "--stop-to=main -- "):
        check("true" in complete(f"corral-init {words}tru"), f"the command behind '{words}'")
    check("/dev/null" in complete("corral-init -- cat /dev/nul"), "and its arguments")


def other_shells_complete(home):
    """fish says itself what it would offer, and writes in its home; of zsh the words that its _arguments is given."""
    folder = SOURCE / "contrib/completions"
    path = {"PATH": f"{BUILD}/reaper:/usr/bin:/bin", "HOME": home}
    if shutil.which("fish") is None:
        not_checked("needs fish")
    else:
        for line, wanted in (("--stop-to ", {"main", "group", "job"}), ("--stop-t", {"--stop-to", "--stop-timeout"})):
            script = f"source {folder}/corral-init.fish; complete -C 'corral-init {line}'"
            offered = output("fish", "--no-config", "-c", script, env=path)
            equal({row.split("\t")[0] for row in offered.splitlines()}, wanted, f"fish offers for '{line}'")
        script = f"source {folder}/corral.fish; complete -C 'csaverify -'; complete -C 'corral accounting on s'"
        offered = {row.split("\t")[0] for row in output("fish", "--no-config", "-c", script, env=path).splitlines()}
        check({"-P", "-o", "site1", "site2"} <= offered and "status" not in offered, "fish offers a link's options, and kinds behind 'on'", offered)
    if shutil.which("zsh") is None:
        not_checked("needs zsh")
    else:
        script = f"setopt extendedglob; _arguments() {{ print -rl -- $@ }}; f() {{ source {folder}/corral-init.zsh }}; f"
        given = output("zsh", "-f", "-c", script, env=path).splitlines()
        check("*--stop-to=:main, group or job:(main group job)" in given, "zsh offers the choices of a value", given)
        check({"--wait-all", "*--cwd=:a directory:_files -/"} <= set(given), "flags and directories", given)


def pages():
    if shutil.which("scdoc") is None:
        return not_checked("needs scdoc")
    pages = {name: BUILD / "docs" / name for name in ("corral.1", "corral-init.8", "corrald.8")}
    for name, path in pages.items():
        if shutil.which("mandoc") is None:
            not_checked("needs mandoc")
        else:
            lint = subprocess.run(["mandoc", "-T", "lint", path], stdout=subprocess.PIPE, text=True, check=False)
            equal(lint.stdout, "", f"mandoc finds nothing in {name}")
    for page in sorted((BUILD / "docs").glob("org.corral.*.5")) if shutil.which("mandoc") else []:
        lines = output("mandoc", "-T", "ascii", page).splitlines()
        equal([line for line in (re.sub(".\b", "", line) for line in lines) if len(line) > 78], [], f"{page.name} is no wider than a terminal")
    for source in sorted((SOURCE / "docs/man").glob("*.scd")):
        built = BUILD / "docs" / source.stem
        examples = "".join(re.findall(r"^```$.*?^```$", source.read_text(), re.M | re.S))
        equal(re.findall(r"\\[a-z].*", examples.replace("\\\\", "")), [], f"{source.stem}: a backslash in an example is written twice")
        prose = re.sub(r"^```$.*?^```$", "", source.read_text(), flags=re.M | re.S)
        heads = re.findall(r"^# (.*)$", prose, re.M)
        found = re.findall(r'^\.SH "?(.*?)"?$', built.read_text(), re.M) if built.exists() else []
        equal(len(found), len(heads), f"{source.stem} has each of its {len(heads)} sections")
    # In roff a dash is written \- and an option is bold.
    text = {name: path.read_text().replace("\\-", "-") for name, path in pages.items()}
    for command in commands():
        section = re.search(rf"^\.SS corral {command}$(.*?)^\.S[SH] ", text["corral.1"], re.M | re.S)
        check(section, f"corral(1) has a section on '{command}'")
        wanted = options_of(output(COMMAND, command, "--help"))
        check(len(wanted) > 0, f"'corral {command} --help' names options")
        missing = {name for name in wanted if f"\\fB{name}\\fR" not in section[1]}
        equal(missing, set(), f"each of its {len(wanted)} options is in its section")
    rows = [row for table in ("options.h", "instance_options.h")
            for row in re.findall(r'^    \{"(--[a-z-]+)"', (SOURCE / "reaper" / table).read_text(), re.M)]
    equal({row for row in rows if f"\\fB{row}\\fR" not in text["corral-init.8"]}, set(),
          f"each of the {len(rows)} options of corral-init is in its page")
    rows = dict(re.findall(r'\{"([a-z-]+)", k(\w+)Domain\}', (SOURCE / "core/domain.h").read_text()))
    usual = re.search(r"^\*domain\*.*?^$.*?^$", (SOURCE / "docs/man/pam_corral.8.scd").read_text(), re.M | re.S)
    told = {name: word.capitalize() for word, names in re.findall(r"_(batch|service)_ for ([^;]*);", usual[0])
            for name in re.findall(r"[a-z]+(?:-[a-z]+)*", names.replace(" and ", " "))}
    equal(told, rows, f"pam_corral(8) names the domain of each of {len(rows)} services")
    check("\n\\fB2\\fR\n" in (BUILD / "docs/csaverify.8").read_text(), "csaverify(8) has its exit status 2")
    if DAEMON.exists():
        wanted = options_of(output(DAEMON, "--help"))
        equal({name for name in wanted if f"\\fB{name}\\fR" not in text["corrald.8"]}, set(), "each option of corrald is in its page")


for name in ("acctdisk", "nulladm"):
    equal([word for word in ("OPTIONS", "Options") if word in output(COMMAND, name, "--help")], [], f"{name} has no options, and none are told of")
check("Options:\n  -q" in output(COMMAND, "dodisk", "--help"), "dodisk has one")
equal(output(COMMAND, "help"), output(COMMAND, "--help"), "'corral help' is its help")
said = output(COMMAND, "accounting", "--help")
about = " ".join(said[: said.index("\nOptions:\n")].split())
check("\n\ncsa are processes, " in said and "record for the site's schedulers too" in about, "help has all paragraphs", said)
for line, values in (("run", "ENGINE: cgroup2, subreaper, pidns or cgroup2+pidns"), ("run", "FORMAT: text or json"),
                     ("report", "KEY: job, user, group,"), ("session", "HOW: linger, end or kill")):  # fmt: skip
    check(values in " ".join(output(COMMAND, line, "--help").split()), f"help says the values of an option of {line}: {values}")
completions_are_current()
bash_completes()
corral_init_completes()
with tempfile.TemporaryDirectory() as empty:
    other_shells_complete(empty)
pages()
