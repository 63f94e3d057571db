#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Files of many blocks, which all processors read and write at once: what csabuild makes of jobs that run side by side,
over boots, with damage between, is what a walk of this test's own makes of them; csacon, csacms, csajrep and csaverify say
the same of it however many processors there are; memory does not grow with the number of processes."""

import os
import pathlib
import random
import shutil
import struct
import subprocess
import tempfile

import corral
import costs
import csa_files
from csa_golden_files import GOLDEN

START, END, PROCESS, BOOT = csa_files.START, csa_files.END, csa_files.PROCESS, 0o20
CACCT = 784
JID = {START: 16, END: 48, PROCESS: 48}


def run(name, *words, folder, code=0, processors=None):
    environment = {**os.environ, "TZ": "UTC", "CSACONFIG": str(folder / "csa.conf")}
    limit = None if processors is None else lambda: os.sched_setaffinity(0, processors)
    done = subprocess.run([corral.COMMAND, name, *words], cwd=folder, capture_output=True, check=False, env=environment, timeout=120, preexec_fn=limit)
    if code is not None:
        corral.equal(done.returncode, code, f"{name} {' '.join(map(str, words))}: {done.stderr[-500:]}")
    return done


def templates():
    """Records of the golden set by their kinds, with the times that they are moved from."""
    found = {}
    for entry in csa_files.entries((GOLDEN / "in/pacct1").read_bytes()):
        found.setdefault(entry.kind, []).append(entry.data)
    return found


def at_job(data, kind, jid, btime):
    one = bytearray(data)
    struct.pack_into("<Q", one, JID[kind], jid)
    struct.pack_into("<q", one, {START: 24, END: 64, PROCESS: 72}[kind], btime)
    if kind == END:
        struct.pack_into("<q", one, 72, btime + 60)
    return bytes(one)


def boot(data, time):
    one = bytearray(data)
    struct.pack_into("<q", one, 32, time)
    struct.pack_into("<q", one, 40, time)
    return bytes(one)


def make(path, processes, jobs, boots=2):
    """Jobs that run side by side, `boots` times; each record with its boot and jid in the order of the file."""
    generator = random.Random(processes)
    known = templates()
    order = []
    with open(path, "wb") as file:
        for number in range(boots):
            time = 1_500_000_000 + number * 1_000_000
            file.write(boot(known[BOOT][0], time))
            for jid in range(1, jobs + 1):
                file.write(at_job(known[START][0], START, jid, time + 100))
                order.append((number, jid, START, None))
            for i in range(processes // boots):
                jid = generator.randrange(1, jobs + 1)
                data = at_job(known[PROCESS][i % len(known[PROCESS])], PROCESS, jid, time + 100 + i % 1000)
                order.append((number, jid, PROCESS, data))
                file.write(data)
            for jid in range(1, jobs + 1):
                file.write(at_job(known[END][0], END, jid, time + 100))
                order.append((number, jid, END, None))
    return order


def without_units(data):
    return data[:16] + bytes(8) + data[24:]


def is_sorted_as(path, order):
    """Each job of each boot has its processes in the order of the file, and its start and end."""
    wanted = {}
    for number, jid, kind, data in order:
        job = wanted.setdefault((number, jid), ([], []))
        if kind == PROCESS:
            job[0].append(without_units(data))
        else:
            job[1].append(kind)
    found, number, job = {}, -1, None
    for entry in csa_files.entries(path.read_bytes()):
        if entry.kind == BOOT and entry.number(BOOT, 16) > 0:  # of the sorted file: it says its length
            number, job = number + 1, None
            continue
        if entry.kind == csa_files.JOB:
            job = (number, entry.number(csa_files.JOB, 16))
            found[job] = ([], [])
            continue
        if job is None or job[1] == 0:
            continue
        if entry.kind == PROCESS:
            found[job][0].append(without_units(entry.data))
        else:
            found[job][1].append(entry.kind)
    found = {key: value for key, value in found.items() if key[1] != 0}
    corral.equal(sorted(found), sorted(wanted), "all jobs of all boots are there")
    corral.equal(list(found), sorted(found), "in the order of boots and jids")
    wrong = [key for key, value in wanted.items() if found[key] != value]
    corral.equal(wrong, [], "each has its records in the order of the file")


def timeless(path):
    """A sorted file without the times at which it was made: the last boot ends then."""
    data = bytearray(path.read_bytes())
    for entry in csa_files.entries(bytes(data)):
        if entry.kind == BOOT and entry.number(BOOT, 16) > 0:
            struct.pack_into("<q", data, entry.offset + 40, 0)
    return bytes(data)


def sorts(folder):
    order = make(folder / "p1", 60_000, 3_000)
    corral.check((folder / "p1").stat().st_size > 5 * (4 << 20), "a file of several blocks")
    run("csabuild", "-P", "p", "-s", "sorted", folder=folder)
    is_sorted_as(folder / "sorted", order)
    run("csabuild", "-P", "p", "-s", "alone", folder=folder, processors={min(os.sched_getaffinity(0))})
    corral.check(timeless(folder / "sorted") == timeless(folder / "alone"), "one processor makes the same of it")


def sorts_damage(folder):
    """Zeroes across the bound of two blocks: they are told once, and what is behind them is sorted as if they were not."""
    data = bytearray((folder / "p1").read_bytes())
    bound = 2 * (4 << 20)
    for entry in csa_files.entries(bytes(data)):
        if entry.offset <= bound < entry.offset + len(entry.data):
            begin, end = entry.offset, entry.offset + len(entry.data)
    data[begin:end] = bytes(end - begin)
    (folder / "d1").write_bytes(data)
    done = run("csabuild", "-P", "d", "-s", "damaged", folder=folder, code=1)
    corral.equal(done.stderr.count(b"were passed over"), 1, "the damage is told once")
    corral.check(f"{end - begin} bytes at offset {begin} ".encode() in done.stderr, "with its place", done.stderr)
    del data[begin:end]
    (folder / "c1").write_bytes(data)
    run("csabuild", "-P", "c", "-s", "cut", folder=folder)
    corral.check(timeless(folder / "damaged") == timeless(folder / "cut"), "nothing else is lost")


def shuffled(folder):
    """Records of the golden set in any order, with jids that are used again by requests that share them: what csabuild does not
    tell that it ignores is in its file."""
    known = [entry.data for number in (1, 2) for entry in csa_files.entries((GOLDEN / f"in/pacct{number}").read_bytes())]
    kinds = (START, END, PROCESS)
    for seed in range(12):
        generator = random.Random(seed)
        chosen = []
        for data in generator.choices(known, k=3000):
            one = bytearray(data)
            if one[4] == PROCESS:
                struct.pack_into("<Q", one, JID[PROCESS], generator.randrange(1, 300))
            if one[4] != BOOT or generator.random() < 0.05:
                chosen.append(bytes(one))
        (folder / "s1").write_bytes(known[0] + b"".join(chosen))
        done = run("csabuild", "-i", "-P", "s", "-s", "shuffled", folder=folder, code=None)
        corral.check(done.returncode in (0, 1) and b"changed" not in done.stderr, f"{seed}: it is sorted", done.stderr[-300:])
        counts = [sum(entry.kind in kinds for entry in csa_files.entries((folder / file).read_bytes())) for file in ("s1", "shuffled")]
        ignored = done.stderr.count(b"is ignored.") + done.stderr.count(b"was ignored.")
        corral.equal(counts[1], counts[0] - ignored, f"{seed}: all is there but {ignored}")


def agrees(folder):
    """Every report by all processors is the one by a single one."""
    alone = {min(os.sched_getaffinity(0))}
    for name, words in {
        "csaverify": ["-P", "p1"], "csacom": ["-pkt", "p1"], "csacms": ["p1"], "csacms -S": ["-S", "sorted"], "csacon": ["-s", "sorted"],
        "csacon -j": ["-j", "-s", "sorted"], "csajrep": ["-cbtw", "-s", "sorted"], "csajrep -T": ["-cT", "-s", "sorted"],
    }.items():  # fmt: skip
        name = name.split()[0]
        said = run(name, *words, folder=folder).stdout
        corral.check(said == run(name, *words, folder=folder, processors=alone).stdout, f"{name} {' '.join(words)}: {len(said)} bytes are the same")


def adds_in_order(folder):
    """csacon's seconds are those of a walk that adds one process after the other: in another order the last bits are others."""
    known, generator = templates(), random.Random(5)
    nights = 1_500_000_000  # no prime time
    with open(folder / "o1", "wb") as file:
        file.write(boot(known[BOOT][0], nights))
        for jid in range(1, 13):
            file.write(at_job(known[START][0], START, jid, nights + 100))
            for i in range(5_000):
                one = bytearray(at_job(known[PROCESS][0], PROCESS, jid, nights + 100 + i % 1000))
                struct.pack_into("<QQ", one, 104, generator.randrange(10_000_000), generator.randrange(10_000_000))
                file.write(one)
            file.write(at_job(known[END][0], END, jid, nights + 100))
    run("csabuild", "-P", "o", "-s", "orderly", folder=folder)
    seconds = [
        (float(entry.number(PROCESS, 112)) + float(entry.number(PROCESS, 104))) * 0.000001
        for entry in csa_files.entries((folder / "orderly").read_bytes()) if entry.kind == PROCESS
    ]  # fmt: skip
    cacct = run("csacon", "-u", "-s", "orderly", folder=folder).stdout
    found = [struct.unpack_from("<d", cacct, at + 128)[0] for at in range(0, len(cacct), CACCT)]
    corral.check(naive(seconds) in found, "csacon adds in the order of the file, to the last bit", found)
    corral.check(naive(seconds) != naive(seconds[::-1]), "another order would show")


def naive(numbers):
    total = 0.0
    for number in numbers:
        total += number
    return total


def agrees_on(folder, name, text):
    """csacon and csajrep, which believe a part of a file only if it is plain, say the same by all processors and by one. Returns
    what csacon -j did."""
    alone = {min(os.sched_getaffinity(0))}
    for words in (["csajrep", "-cbtw"], ["csajrep", "-b", "-j", "2"], ["csacon"], ["csacon", "-j"]):
        both = [run(*words, "-s", name, folder=folder, code=None, processors=which) for which in (None, alone)]
        said = [(done.returncode, done.stdout, done.stderr) for done in both]
        corral.check(said[0] == said[1], f"{text}: {' '.join(words)} says the same", [(one[0], len(one[1]), one[2][-300:]) for one in said])
    return both[0]


def agrees_on_what_is_not_plain(folder):
    """A job of many megabytes, one beside small ones; a record that is none; a process with other units than are beside the
    file, from which on they are not believed; a boot that ends elsewhere."""
    known = templates()
    time = 1_500_000_000
    with open(folder / "h1", "wb") as file:
        file.write(boot(known[BOOT][0], time))
        for jid, count in ((1, 12_000), (2, 60_000), (3, 12_000), (4, 12_000)):
            file.write(at_job(known[START][0], START, jid, time + 100))
            file.writelines(at_job(known[PROCESS][i % len(known[PROCESS])], PROCESS, jid, time + 100 + i % 1000) for i in range(count))
            file.write(at_job(known[END][0], END, jid, time + 100))
    run("csabuild", "-P", "h", "-s", "huge", folder=folder)
    corral.equal(agrees_on(folder, "huge", "a large job").stderr, b"", "nothing is amiss")
    data = (folder / "sorted").read_bytes()
    processes = [entry.offset for entry in csa_files.entries(data) if entry.kind == PROCESS]
    second = [entry.offset for entry in csa_files.entries(data) if entry.kind == BOOT and entry.number(BOOT, 16) > 0][1]
    cases = {
        "a record that is none": (processes[len(processes) // 2], bytes(8), 1),
        "other units": (processes[len(processes) // 2] + 16, struct.pack("<Q", 77), 0),
        "a boot that ends elsewhere": (16, struct.pack("<q", second - 216 - 8), 1),
    }
    for number, (text, (at, bytes_there, code)) in enumerate(cases.items()):
        changed = bytearray(data)
        changed[at : at + len(bytes_there)] = bytes_there
        (folder / f"changed{number}").write_bytes(changed)
        shutil.copy(folder / "sorted.units", folder / f"changed{number}.units")
        done = agrees_on(folder, f"changed{number}", text)
        corral.equal((done.returncode, done.stderr != b""), (code, True), f"{text}: it is told")


def peak(*words, folder):
    """KiB that a command needs at most."""
    return costs.of(*words, cwd=folder, env={**os.environ, "CSACONFIG": str(folder / "csa.conf")})[0]


def is_bounded(folder):
    """Ten times the processes of as many jobs take the same memory."""
    make(folder / "q1", 20_000, 100)
    make(folder / "r1", 200_000, 100)
    for name, words in {"csabuild": ["-P", "{}", "-s", "{}s"], "csacon": ["-s", "{}s"], "csacms": ["{}1"], "csajrep": ["-cb", "-s", "{}s"]}.items():
        small, large = (peak(name, *(word.format(file) for word in words), folder=folder) for file in "qr")
        corral.check(large < small + 48 * 1024, f"{name}: {small} KiB for 20,000 processes, {large} KiB for 200,000")


def main():
    with tempfile.TemporaryDirectory(prefix="corral-large-") as place:
        folder = pathlib.Path(place)
        shutil.copytree(GOLDEN / "in", folder / "in")
        shutil.copy(GOLDEN / "in/csa0.conf", folder / "csa.conf")
        sorts(folder)
        sorts_damage(folder)
        shuffled(folder)
        agrees(folder)
        adds_in_order(folder)
        agrees_on_what_is_not_plain(folder)
        is_bounded(folder)


main()
