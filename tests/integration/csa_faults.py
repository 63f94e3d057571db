#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The CSA commands on what goes wrong: damaged and hostile files, outputs that
are inputs, devices that are full, configurations that are no numbers. Each row
is one command line on files that are made here; none may crash, hang, lose the
records that are sound, or end in success with less than was asked for."""

import os
import shutil
import struct
import subprocess
import sys
import tempfile

import corral
import csa_files
from csa_golden_files import GOLDEN
from csa_records import first_boot, process, run_of, short_records
from csa_work import SECONDS, Work

CACCT = 784
GROUPS = (32, 48, 64)  # in a job header: where its records begin


def fails(work, line, *says, conf="in/csa.conf"):
    """Ends by itself, with exit code 1 and these words; the fault, or None."""
    done = work.run(line, conf)
    if done is None:
        return "it hangs"
    if done.returncode != 1:
        return f"exit code {done.returncode}: {done.stderr[-200:]!r}"
    said = done.stderr.decode("latin1")
    missing = [word for word in says if word not in said]
    return f"{missing} is not in {said[-300:]!r}" if missing else None


def fewer_than_none(line, offset):
    """A job header whose number of records is -1 is damage, told as what is too large is."""

    def case(work):
        data = bytearray((GOLDEN / "out/spacct.csa").read_bytes())
        headers = [entry for entry in csa_files.entries(bytes(data)) if entry.kind == csa_files.JOB]
        header = next(entry for entry in headers if struct.unpack_from("<i", entry.data, offset)[0] > 0)
        struct.pack_into("<i", data, header.offset + offset, -1)
        (work.folder / "cut").write_bytes(data)
        return fails(work, line)

    return case


def ends(work, line, conf="in/csa.conf"):
    """Ends by itself, whatever it says: no signal, no hang."""
    done = work.run(line, conf)
    if done is None:
        return "it hangs"
    return None if 0 <= done.returncode < 100 else f"exit code {done.returncode}"


def reads_a_pipe(work):
    os.mkfifo(work.path("pipe"))
    done = work.run("csaverify -v -P pipe & cat in/pacct1 > pipe; wait $!")
    if done is None:
        return "it hangs"
    wanted = work.run("csaverify -v -P in/pacct1").stdout
    return None if (done.returncode, done.stdout) == (0, wanted) else f"{done.returncode}: {done.stdout!r}, not {wanted!r}"


def kept(work, name, line, *says):
    """The command refuses, and the file is as it was."""
    before = work.get(name)
    fault = fails(work, line, *says)
    if fault:
        return fault
    return None if work.get(name) == before else f"'{name}' has {len(work.get(name))} bytes instead of {len(before)}"


# --- memory


BEGIN = struct.pack("<q", 1700000000)  # at offset 64 it is where a whole process record has its begin
HEADERS = 216 + 88  # of a sorted file with one boot and one job


def written_bytes(work, data, wanted):
    """A file of one entry gives so many bytes."""
    work.put("one1", data)
    fault = ends(work, "csabuild -i -P one -s written")
    found = len(work.get("written") or b"") - HEADERS
    return fault or (None if found == wanted else f"{found} bytes of records instead of {wanted}")


def older_records_stay_short(work):
    """One of each type, 16 bytes each: they do not become as long as newer ones."""
    kinds = (1, 2, 4, 8, csa_files.START, csa_files.END, csa_files.CONFIGURATION, csa_files.WORKLOAD, csa_files.JOB)
    return written_bytes(work, short_records([(kind, 16, 16, BEGIN) for kind in kinds]), 9 * 16)


def told_size_is_not_believed(work):
    """The last record claims 376 bytes where 8 are read of it."""
    records = [(1, 8, 8, b"")] + [(2, 8, 8, b"")] * 3 + [(2, 16, 16, BEGIN)] + [(2, 8, 8, b"")] * 40
    data = short_records([*records, (csa_files.WORKLOAD, 8, 376, b"")])
    return written_bytes(work, data + b"secret" * 100, 8 + 8 + 8)


def changed_meanwhile(work):
    """The first file gets other contents when csabuild has read it once: by
    its name, then in place. A FIFO as second file tells when."""
    first = work.get("in/pacct1")
    work.put("calm1", first)
    work.run("csabuild -P calm -s calm")
    for in_place in (False, True):
        work.put("race1", first)
        work.path("race2").unlink(missing_ok=True)
        os.mkfifo(work.path("race2"))
        building = work.start("csabuild -P race -s raced")
        with open(work.path("race2"), "wb"):  # waits for the reader
            other = b"".join(process(jid=i) for i in range(3000))
            work.put("race1" if in_place else "other", other)
            if not in_place:
                work.path("other").rename(work.path("race1"))
        try:
            _, said = building.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            building.kill()
            return "it hangs"
        if building.returncode < 0:
            return f"signal {-building.returncode}"
        if in_place and (building.returncode != 1 or b"changed" not in said):
            return f"in place: {building.returncode} {said[-200:]}"
        if not in_place and (building.returncode != 0 or len(work.get("raced")) != len(work.get("calm"))):
            return f"by name: {building.returncode} {said[-200:]}"
    return None


# --- outputs


def in_place(command, name, *source):
    def case(work):
        """An output that is the input gives what another output gives."""
        shutil.copy(work.path(source[0]), work.path(name))
        apart = work.run(command.format(output="apart"))
        together = work.run(command.format(output=name))
        if apart is None or together is None or (apart.returncode, together.returncode) != (0, 0):
            return f"{apart and apart.stderr} {together and together.stderr}"
        return None if work.get(name) == work.get("apart") and work.get(name) else "the output is another one"

    return case


def refuses(line, name, source):
    def case(work):
        shutil.copy(work.path(source), work.path(name))
        return kept(work, name, line, "expected another one")

    return case


def failure_keeps_output(line, name="precious"):
    def case(work):
        work.put(name, b"what was there")
        return kept(work, name, line)

    return case


def replaces_a_link_s_target(work):
    work.put("target", b"old")
    work.path("link").symlink_to("target")
    os.chmod(work.path("target"), 0o640)
    done = work.run("csaaddc -o link out/cacct.csa")
    if done is None or done.returncode != 0:
        return f"{done}"
    if not work.path("link").is_symlink() or len(work.get("target")) % CACCT:
        return "the link is no link any more"
    mode = work.path("target").stat().st_mode & 0o777
    left = [path.name for path in work.folder.iterdir() if path.name.startswith(".")]
    return None if mode == 0o640 and not left else f"mode {mode:o}, left {left}"


def standard_output_stays(work):
    done = work.run("csaaddc -A -o /dev/stdout out/cacct.csa > shown")
    return None if done and done.returncode == 0 and work.get("shown") else f"{done}"


# --- records


def one_late_process(work):
    """One record of the future: all others are there, and it is told."""
    sound = work.get("in/pacct1")
    entries = list(csa_files.entries(sound))
    middle = entries[len(entries) // 2].offset
    work.put("late1", sound[:middle] + process(begin=4_000_000_000, jid=0x999) + sound[middle:])
    done = work.run("csabuild -P late -s written")
    if done is None or done.returncode != 1 or b"behind the end of the last uptime" not in done.stderr:
        return f"{done and (done.returncode, done.stderr[-300:])}"
    wanted = sum(entry.kind == csa_files.PROCESS for entry in entries)
    found = sum(entry.kind == csa_files.PROCESS for entry in csa_files.entries(work.get("written")))
    return None if found == wanted else f"{found} processes instead of {wanted}"


def wrong_starts(work):
    """Job headers whose records would be anywhere but in the job."""
    sound = work.get("out/spacct.csa")
    for start in (-1, -(2**63), 2**63 - 1, 2**62):
        data = bytearray(sound)
        for entry in csa_files.entries(sound):
            if entry.kind == csa_files.JOB:
                for at in GROUPS:
                    struct.pack_into("<q", data, entry.offset + at, start)
        work.put("wrong", bytes(data))
        for line in ("csacon -A -s wrong", "csajrep -s wrong", "csadrep -A -s wrong", "csarecy -R -s wrong", "csacms -S wrong"):
            fault = ends(work, line)
            if fault:
                return f"{line}: {fault}"
    return None


def no_threads(work):
    """As many stacks as there are processors do not fit: one thread does it all."""
    work.put("big1", work.get("in/pacct1") * 200)
    wanted = work.run("csacom big1")
    work.limits = "ulimit -s 900000; ulimit -v 800000;"
    found = work.run("csacom big1")
    return None if found and found.stdout == wanted.stdout and found.returncode == 0 else f"{found and found.stderr[-200:]}"


def absurd_times(work):
    """Neither a long elapsed time nor a far date is walked through by days."""
    boot = work.get("in/pacct1")
    wrong = b"".join(process(elapsed=elapsed, jid=7) for elapsed in (2**64 - 1, 2**63, 10**18)) + process(
        begin=67767976233532799, elapsed=10**13
    )
    work.put("long1", boot + wrong * 50)
    for line in ("csabuild -i -P long -s written", "ja -s long1", "csacom -i long1", "csacms long1"):
        fault = ends(work, line)
        if fault:
            return f"{line}: {fault}"
    return None


def a_rest_is_told(command):
    def case(work):
        whole = work.get("out/cacct.csa")
        work.put("cut", whole[: CACCT + 100])
        return fails(work, command, f"100 bytes at offset {CACCT}")

    return case


def summaries_rest(work):
    work.put("cut", work.get("out/cms.csa")[:-10])
    return fails(work, "csacms -a -s cut", "318 bytes at offset")


def names_are_masked(work):
    evil = b"\x1b[2J\nx\x7fy"
    work.put("evil1", work.get("in/pacct1") + process(name=evil))
    # Terminals take C1 characters as UTF-8 and as bytes; the umlaut and the dagger, whose last bytes look like some, are text.
    evil_c1 = "a\u009b2J\u00fc\u2020".encode() + b"\x9bz"
    work.put("evil4", work.get("in/pacct1") + process(name=evil_c1))
    for command in ("csacom {}", "ja -c {}", "ja -f {}", "csaedit -A -P {}", "csacms -a {}"):
        for line, shown in ((command.format("evil1"), b"?[2J?x?y"), (command.format("evil4"), "a??2J\u00fc\u2020?z".encode())):
            done = work.run(line)
            if done is None or shown not in done.stdout:
                return f"{line}: {done and done.stdout[-300:]!r} {done and done.stderr!r}"
            if any(c in done.stdout for c in (b"\x1b", b"\x7f", b"\xc2\x9b", b"?\x9b")):
                return f"{line}: a control character is printed"
    data = work.get("out/spacct.csa")
    work.put("evil2", data.replace(b"vm\0\0\0\0", b"\x1bm\0\0\0\0"))
    work.put("evil3", data.replace(b"short.sh", b"sh\x1brt.sh").replace(b"b_30_5", b"b_\x1b0_5"))
    for line, shown in (("csarecy -R -s evil2", b"Linux ?m "), ("csajrep -N -A -s evil3", b"sh?rt.sh"), ("csajrep -N -A -s evil3", b"b_?0_5")):
        done = work.run(line)
        if done is None or shown not in done.stdout or b"\x1b" in done.stdout:
            return f"{line}: {done and done.stdout[-300:]!r} {done and done.stderr!r}"
    return None


# --- configuration


def no_configuration(work):
    """A file that is not there is told once, and not of each value that it lacks."""
    for line in ("ja -s in/ja.file", "csacom in/pacct1", "csabuild -P in/pacct -s written"):
        done = work.run(line, conf="none.conf")
        said = done.stderr if done else b""
        if said.count(b"none.conf") != 1 or b"parameter is missing" in said:
            return f"{line}: {said[-300:]!r}"
    return None


def request_without_jid(work):
    """Three runs of a request that never had a job ID, in one uptime, are one job, as the published csabuild has it."""
    boot, start = first_boot(work)
    work.put("pacct1", boot + b"".join(run_of(request, at, start) for at, request in ((10, 7), (20, 8), (30, 7), (40, 7))))
    done = work.run("csabuild -P pacct -s written")
    if done is None or done.returncode != 0:
        return done and done.stderr
    kinds = [entry.kind for entry in csa_files.entries(work.get("written"))]
    job, run = csa_files.JOB, csa_files.WORKLOAD
    return None if kinds[1:7] == [job, run, run, run, job, run] else f"{kinds}"


def request_before_its_boot(work):
    """csarecy puts a request that waits before the boot record, and older processes of that boot follow: it is no boot of its own."""
    boot, start = first_boot(work)
    work.put("pacct1", run_of(7, 500, start) + boot + process(begin=start + 5))
    done = work.run("csabuild -P pacct -s written")
    if done is None or done.returncode != 0:
        return done and done.stderr
    boots, jobs = csa_files.sorted_jobs(work.get("written"))
    return None if boots == [start] and 0x12 in [jid for _, jid, _ in jobs] else f"{boots} {jobs}"


def nameless(work):
    """A program without a name is in csacms's table as any other."""
    work.put("pacct1", process(name=b"") + process(name=b"cc"))
    done = work.run("csacms -a pacct1")
    rows = [line.split()[:2] for line in done.stdout.decode().splitlines()] if done else []
    return None if all(row in rows for row in (["TOTALS", "2"], ["?", "1"], ["cc", "1"])) else f"{rows}"


def wrong_value(label, value, expected):
    def case(work):
        text = work.get("in/csa.conf").decode()
        lines = [line for line in text.splitlines() if line.split()[:1] != [label]]
        work.put("wrong.conf", "\n".join([*lines, f"{label} {value}", ""]).encode())
        work.put("precious", b"what was there")
        fault = fails(work, "csabuild -P in/pacct -s precious", f"wrong.conf:{len(lines) + 1}: {label}", expected, conf="wrong.conf")
        return fault or (None if work.get("precious") == b"what was there" else "the output is written")

    return case


def told_with_place(line, label, value, expected, code=1):
    """Behind the published words stand file, line, value and what was expected."""

    def case(work):
        lines = [text for text in work.get("in/csa.conf").decode().splitlines() if text.split()[:1] != [label]]
        work.put("wrong.conf", "\n".join([f"{label} {value}", *lines, ""]).encode())
        for number in ("1", "2", "3"):
            work.put(f"many{number}", work.get("in/pacct1"))
        done = work.run(line, "wrong.conf")
        wanted = f"wrong.conf:1: {label}: '{value}': expected {expected}" if label.isupper() else f"wrong.conf:1: '{label}': expected {expected}"
        fault = f"{done and done.returncode}: {done and done.stderr[-300:]!r}"
        return None if done is not None and done.returncode == code and wanted.encode() in done.stderr else fault

    return case


def misspelt(work):
    """What was meant is billed as usual, and told; labels of the site's own are not."""
    work.put("wrong.conf", b"P_SITME 3\nWKMG_QUEUEX 1 b\nP_STIME 3\nSITE_P_SITME 4\n" + work.get("in/csa.conf"))
    done = work.run("csabuild -a -i -P in/pacct -s written", "wrong.conf")
    told = [line for line in done.stderr.decode().splitlines() if "is not known" in line]
    names = [line.split(" is not known")[0] for line in told]
    return None if done.returncode == 0 and names == ["wrong.conf:1: 'P_SITME'", "wrong.conf:2: 'WKMG_QUEUEX'"] else f"{done.returncode}: {done.stderr[-300:]!r}"


def wrong_integral(work):
    work.put("wrong.conf", work.get("in/csa.conf").replace(b"MEMINT\t\t1", b"MEMINT\t\t9"))
    said = "An invalid value for MEMINT (9) was found"
    return fails(work, "csabuild -P in/pacct -s written", said, conf="wrong.conf") or fails(
        work, "ja -s in/ja.file", said, conf="wrong.conf"
    )


def long_line(work):
    text = work.get("in/csa.conf")
    work.put("wrong.conf", b"MEMINT 1\n" + b"#" * 5000 + b"\n" + text)
    return fails(work, "csabuild -P in/pacct -s written", "wrong.conf:2", conf="wrong.conf")


def with_returns(work):
    work.put("dos.conf", work.get("in/csa.conf").replace(b"\n", b"\r\n"))
    apart, dos = (work.run("csabuild -P in/pacct -s written", conf) for conf in ("in/csa.conf", "dos.conf"))
    return None if (apart.returncode, apart.stderr) == (dos.returncode, dos.stderr) else f"{dos.stderr[-300:]!r}"


def endless_holidays(work):
    text = work.get("in/csa.conf").decode().replace("in/csa.holidays", "/dev/zero")
    work.put("zero.conf", text.encode())
    return ends(work, "csabuild -P in/pacct -s written", conf="zero.conf")


def odd_holidays(line, *says, without=""):
    def case(work):
        """What a holidays file lacks is told; prime time is reckoned by the rest."""
        lines = [row for row in work.get("in/csa.holidays").decode().splitlines() if not without or without not in row]
        work.put("in/csa.holidays", "\n".join([*lines, line, ""]).encode())
        done = work.run("csabuild -P in/pacct -s written")
        said = done.stderr.decode() if done else "it hangs"
        return None if all(word in said for word in says) else f"{said[-300:]!r}"

    return case


ROWS = {
    "older records stay as short as they are": older_records_stay_short,
    "a told size is not believed": told_size_is_not_believed,
    "a file that changes meanwhile": changed_meanwhile,
    "csaaddc adds in place": in_place("csaaddc -o {output} ca", "ca", "out/cacct.csa"),
    "csaedit cuts in place": in_place("csaedit -P pp -r 1,2 -o {output}", "pp", "in/pacct1"),
    "csacom selects in place": in_place("csacom -o {output} pq", "pq", "in/pacct1"),
    "csadrep adds in place": in_place("csadrep -o {output} dd", "dd", "out/drep.csa"),
    "csaedit -A does not replace its input": refuses("csaedit -A -P pp -o pp", "pp", "in/pacct1"),
    "csaverify does not replace its input": refuses("csaverify -P vv -o vv", "vv", "in/pacct1"),
    "csarecy does not replace its input": refuses("csarecy -s rr0 -P rr", "rr0", "out/spacct.csa"),
    "csadrep does not replace its input": refuses("csadrep -A -o spx -s spx", "spx", "out/spacct.csa"),
    "csabuild does not replace its input": refuses("csabuild -P qq -s qq1", "qq1", "in/pacct1"),
    "csaaddc that fails keeps its output": failure_keeps_output("csaaddc -o precious none"),
    "csadrep that fails keeps its output": failure_keeps_output("csadrep -A -o precious -s none"),
    "csacom that fails keeps its output": failure_keeps_output("csacom -o precious none"),
    "csaedit that fails keeps its output": failure_keeps_output("csaedit -P out/cacct.csa -r 1 -o precious"),
    "a link stays a link, and a mode stays": replaces_a_link_s_target,
    "standard output by its name": standard_output_stays,
    "csacom tells a full device": lambda work: fails(work, "csacom -o /dev/full in/pacct1", "No space left"),
    "csaedit tells a full device": lambda work: fails(work, "csaedit -P in/pacct1 -r 1 -o /dev/full", "No space left"),
    "csacom tells a file that is not there": lambda work: fails(work, "csacom none", "Failed to open 'none'"),
    "no threads to be had": no_threads,
    "csacom wants a number of seconds": lambda work: fails(work, "csacom -C x in/pacct1", "expected a number"),
    "csacom wants a job ID": lambda work: fails(work, "csacom -j zz in/pacct1", "expected a number"),
    "csaedit wants numbers": lambda work: fails(work, "csaedit -P in/pacct1 -r 1-5 -o written", "is invalid"),
    "csaedit wants numbers, not gaps": lambda work: fails(work, "csaedit -P in/pacct1 -r 3,,2 -o written", "is invalid"),
    "csaedit wants records that there are": lambda work: fails(work, "csaedit -P in/pacct1 -r 2,5000 -o written", "Record 5000"),
    "csaedit takes a number twice": lambda work: None if work.run("csaedit -P in/pacct1 -r 2,2 -o written").returncode == 0 else "no",
    "a job that says it is elsewhere": wrong_starts,
    "a request that never had a job ID": request_without_jid,
    "a request that is told before its boot": request_before_its_boot,
    "a program without a name": nameless,
    "one process of the future loses no other": one_late_process,
    "absurd times": absurd_times,
    "csaaddc tells what it left out": a_rest_is_told("csaaddc -o written cut"),
    "csacrep tells what it left out": a_rest_is_told("csacrep < cut"),
    "csaaddc refuses a sorted file": lambda work: fails(work, "csaaddc -o written out/spacct.csa", "no consolidated records"),
    "csacms tells what it left out": summaries_rest,
    "csajrep takes nobody for nobody": lambda work: fails(work, "csajrep -A -u nosuch -s out/spacct.csa", "Unable to map nosuch"),
    "csajrep takes no word for all jobs": lambda work: fails(work, "csajrep -A -j x -s out/spacct.csa", "-j x: expected a number"),
    "nor for project 0": lambda work: fails(work, "csajrep -A -p biology -s out/spacct.csa", "-p biology: expected a number"),
    "nor does ja": lambda work: fails(work, "ja -c -p biology in/ja.file", "-p biology: expected a number"),
    "nor for all requests": lambda work: fails(work, "csajrep -A -r x -s out/spacct.csa", "-r x: expected a number"),
    "names are masked": names_are_masked,
    "no configuration": no_configuration,
    "csacom has no root by 32 bits": lambda work: fails(work, "csacom -u 4294967296 in/pacct1", "unknown user"),
    "nor a group": lambda work: fails(work, "csacom -g 4294967296 in/pacct1", "unknown group"),
    "nor a group that nobody knows": lambda work: fails(work, "csacom -g nosuchgroup in/pacct1", "-g nosuchgroup: unknown group"),
    "nor has csajrep": lambda work: fails(work, "csajrep -A -u 4294967296 -s out/spacct.csa", "Unable to map 4294967296"),
    "nor has ja a user": lambda work: fails(work, "ja -c -u 4294967296 in/ja.file", "An unknown User name '4294967296'"),
    "nor a group of ja's": lambda work: fails(work, "ja -c -g 4294967296 in/ja.file", "An unknown Group name '4294967296'"),
    "a weight that is no number": wrong_value("P_TIME", "ten", "expected a number"),
    "a weight that is not one": wrong_value("P_TIME", "nan", "expected a number"),
    "a weight by which bills are infinite": wrong_value("P_TIME", "1e31", "expected a number, 0 or more, and at most 1e30"),
    "a weight below zero": wrong_value("P_TIME", "-8000", "expected a number"),
    "a weight with a comma": wrong_value("P_TIME", "8,5", "expected a number"),
    "two thousand million queues": wrong_value("WKMG_NUM_QUEUES", "2000000000", "expected at most"),
    "an integral that there is not": wrong_integral,
    "a weight that is misspelt": misspelt,
    "csacom tells where": told_with_place("csacom in/pacct1", "MEMINT", "9", "1, 2 or 3", code=0),
    "csacms tells where": told_with_place("csacms -a in/pacct1", "MEMINT", "9", "1, 2 or 3", code=0),
    "more files than there may be": told_with_place("csabuild -P many -s written", "BUILD_MAXFILES", "2", "more, 'many3' is the next file"),
    "a line that is no label": told_with_place("csacom in/pacct1", "9z", "x", "a label", code=0),
    "a folder that is nowhere": told_with_place("csarun", "ACCT_DIR", "rel", "an absolute path"),
    "a mode that is none": told_with_place("csarun", "CHMOD", "9z9", "a mode in octal digits"),
    "a line that is too long": long_line,
    "lines that end in CR LF": with_returns,
    "csaverify reads no device": lambda work: fails(work, "csaverify -P /dev/zero", "expected a regular file, found a pipe or a device"),
    "nor does csacom": lambda work: fails(work, "csacom /dev/zero", "expected a regular file, found a pipe or a device"),
    "but a pipe": reads_a_pipe,
    "and the null device as an empty file": lambda work: None if b"Cannot read the first record" in work.run("csaverify -P /dev/null").stdout else "no",
    "an endless configuration": lambda work: ends(work, "csacom in/pacct1", conf="/dev/zero"),
    "an endless holidays file": endless_holidays,
    "a date that no year has": odd_holidays("61 Feb 30 Nobody's Day", "in/csa.holidays:16: holiday"),
    "no line about weekdays": odd_holidays("", "weekday", "a line with its prime time", without="weekday"),
    "csabuild ends no job by a slip": lambda work: fails(work, "csabuild -P in/pacct -s written -o x", "-o: 'x': expected days"),
    "fewer than no processes": fewer_than_none("csacon -s cut", 8 + 32),
    "fewer than no processes in csadrep": fewer_than_none("csadrep -a -s cut", 8 + 32),
    "fewer than no requests": fewer_than_none("csajrep -s cut -F", 8 + 64),
    "csachargefee wants a user first": lambda work: fails(work, "csachargefee nosuchuser 5", "password entry"),
    "csachargefee wants a number": lambda work: fails(work, "csachargefee root 12abc", "not zero"),
    "csachargefee wants a finite number": lambda work: fails(work, "csachargefee root nan", "not zero"),
    "csachargefee wants something": lambda work: fails(work, "csachargefee root 0", "fee of zero is not valid"),
}


def main():
    wrong = []
    for name, case in ROWS.items():
        if len(sys.argv) > 1 and not any(word in name for word in sys.argv[1:]):
            continue
        with tempfile.TemporaryDirectory(prefix="corral-csa-faults-") as folder:
            fault = case(Work(folder))
        if fault:
            wrong.append(name)
            print(f"--- {name}: {fault}", flush=True)
    corral.equal(wrong, [], f"{len(ROWS)} faults are told, and none loses anything")


main()
