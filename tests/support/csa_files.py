# SPDX-License-Identifier: Apache-2.0
"""CSA's files read and billed in another way than Corral does, for tests: a
plain walk over the records, and prime time counted minute by minute."""

import datetime
import struct

SIZES = {0o1: 136, 0o2: 112, 0o4: 56, 0o10: 72, 0o12: 40, 0o14: 120, 0o20: 216, 0o122: 208, 0o220: 88}
PROCESS, MEMORY, IO, DELAY, START, END, CONFIGURATION, WORKLOAD, JOB = SIZES
MORE = 0x20


class Entry:
    def __init__(self, offset):
        self.offset, self.records, self.data = offset, {}, b""

    @property
    def kind(self):
        return next(iter(self.records))

    def number(self, kind, at, form="<Q"):
        return struct.unpack_from(form, self.records[kind], at)[0]


def entries(data, begin=0):
    """Every entry of a file without damage."""
    at = begin
    while at < len(data):
        entry = Entry(at)
        more = True
        while more:
            magic, _, kind, flag, size = struct.unpack_from("<HHBBH", data, at)
            assert magic == 0x314A and SIZES[kind] == size, f"no record at {at}"
            entry.records[kind] = data[at : at + size]
            at += size
            more = flag & MORE
        entry.data = data[entry.offset : at]
        yield entry


def write_many(path, data, processes, jobs):
    """A file of so many processes, those of `data` again and again, in so many jobs one after the other. Returns how many processes."""
    of = {}
    for entry in entries(data):
        of.setdefault(entry.kind, []).append(entry.data)
    start, end = bytearray(of[START][0]), bytearray(of[END][0])
    known = [bytearray(one) for one in of[PROCESS]]
    each, number = max(1, processes // jobs), 0
    with open(path, "wb", buffering=1 << 22) as file:
        file.write(of[CONFIGURATION][0])
        for jid in range(1, jobs + 1):
            struct.pack_into("<Q", start, 16, jid)
            file.write(start)
            for _ in range(each):
                one = known[number % len(known)]
                struct.pack_into("<Q", one, 48, jid)
                file.write(one)
                number += 1
            struct.pack_into("<Q", end, 48, jid)
            file.write(end)
    return number


def over_hours(data, minutes):
    """The same records, those of each job that many minutes after those of the job before it."""
    times = {PROCESS: (48, (72,)), START: (16, (24, 32)), END: (48, (64, 72))}
    made, order = b"", {}
    for entry in entries(data):
        if entry.kind in times:
            of, places = times[entry.kind]
            later = order.setdefault(entry.number(entry.kind, of), len(order)) * minutes * 60
            record = bytearray(entry.data)
            for at in places:
                time = struct.unpack_from("<q", record, at)[0]
                struct.pack_into("<q", record, at, time + later if time else 0)
            made += bytes(record)
        else:
            made += entry.data
    return made


def with_clock_stepped(data, seconds):
    """The records as a writer has them whose clock is stepped behind the first half; a job's end tells when it began, too."""
    every = list(entries(data))
    made, late = b"".join(entry.data for entry in every[: len(every) // 2]), set()
    for entry in every[len(every) // 2 :]:
        times = {PROCESS: [72], START: [24, 32], END: [72], WORKLOAD: [40]}.get(entry.kind, [])
        if entry.kind == START:
            late.add(entry.number(START, 16))
        if entry.kind == END and entry.number(END, 48) in late:
            times = [64, 72]
        record = bytearray(entry.data)
        for at in times:
            time = struct.unpack_from("<q", record, at)[0]
            struct.pack_into("<q", record, at, time + seconds if time else 0)
        made += bytes(record)
    return made


def sorted_jobs(data):
    """Of a sorted file: the boot times, and of each job which of them is its own, its jid and its flags."""
    boots, jobs, at = [], [], 0
    while at < len(data):
        length, = struct.unpack_from("<q", data, at + 16)
        boots.append(struct.unpack_from("<q", data, at + 32)[0])
        at += SIZES[CONFIGURATION]
        end = at + length
        while at < end:
            flags, jid, size = (struct.unpack_from(form, data, at + place)[0] for form, place in (("<i", 8), ("<Q", 16), ("<q", 80)))
            jobs.append((len(boots) - 1, jid, flags))
            at += SIZES[JOB] + size
    return boots, jobs


def sound_entries(data, ranges):
    """Those outside of (offset, length) ranges; length -1: to the end."""
    at = 0
    for offset, length in ranges:
        yield from entries(data[:offset], at)
        at = len(data) if length < 0 else offset + length
    yield from entries(data, at)


def read_ranges(path):
    """What csaverify -o wrote."""
    ranges = []
    for line in path.read_text().splitlines():
        offset, length = line.split("(")[1].split("), ")
        ranges.append((int(offset), int(length)))
    return ranges


def read_conf(path):
    values = {}
    for line in path.read_text().splitlines():
        words = line.split("#")[0].split()
        if words:
            values[words[0]] = words[1:]
    return values


class Billing:
    """The published formula; holidays are right. Local time is UTC."""

    def __init__(self, root, conf):
        values = read_conf(root / conf)
        self.weights = {name: float(value[0]) for name, value in values.items() if name.startswith(("P_", "NP_"))}
        self.hours, self.holidays = {}, set()
        for line in (root / values["HOLIDAY_FILE"][0]).read_text().splitlines():
            words = line.split()
            if words and words[0] in ("weekday", "saturday", "sunday"):
                self.hours[words[0]] = None if words[1] == "none" else tuple(int(w[:2]) * 60 + int(w[2:]) for w in words[1:3])
            elif words and words[0].isdigit():
                month = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split().index(words[1]) + 1
                self.holidays.add((month, int(words[2])))

    def is_prime(self, time):
        day = datetime.datetime.fromtimestamp(time, datetime.timezone.utc)
        if (day.month, day.day) in self.holidays:
            return False
        hours = self.hours["sunday" if day.weekday() == 6 else "saturday" if day.weekday() == 5 else "weekday"]
        return hours is not None and hours[0] <= day.hour * 60 + day.minute < hours[1]

    def ratio(self, begin, elapsed):
        """Prime seconds by all; in pieces within which it does not change."""
        elapsed = max(elapsed, 1)
        prime, at = 0, begin
        while at < begin + elapsed:
            end = min(at - at % 60 + 60, begin + elapsed)
            prime += (end - at) * self.is_prime(at)
            at = end
        return prime / elapsed

    def units(self, entry):
        number = entry.number
        p = self.ratio(number(PROCESS, 72, "<q"), number(PROCESS, 96) // 1000000)
        kinds = [("TIME", (("STIME", number(PROCESS, 112) / 1e6), ("UTIME", number(PROCESS, 104) / 1e6)))]
        if MEMORY in entry.records:
            kinds.append(("MEM", (("XMEM", number(MEMORY, 24) / 6e7), ("VMEM", number(MEMORY, 56) / 6e7))))
        if IO in entry.records:
            kinds.append(("IO", (("CIO", number(IO, 16) + number(IO, 24)), ("LIO", number(IO, 32) + number(IO, 40)))))
        if DELAY in entry.records:
            delays = (("CPUDELAY", 16), ("BLKDELAY", 32), ("SWPDELAY", 48))
            kinds.append(("DELAY", tuple((name, number(DELAY, at) / 1e9) for name, at in delays)))
        total = 0
        for when, part in (("P_", p), ("NP_", 1 - p)):
            for kind, uses in kinds:
                use = sum(self.weights[when + name] * value for name, value in uses)
                total += self.weights[when + "BASIC"] * self.weights[when + kind] * part * use
        return total

    def weighted_units(self, spacct):
        """(entry, units) of every process of a sorted file, requests weighted."""
        weights = request_weights(spacct)
        return [
            (entry, self.units(entry) * weights.get(entry.number(PROCESS, 48), 1.0))
            for entry in entries(spacct)
            if entry.kind == PROCESS
        ]


def request_weights(spacct):
    return {
        entry.number(WORKLOAD, 80): entry.number(WORKLOAD, 200, "<d") for entry in entries(spacct) if entry.kind == WORKLOAD
    }


def has_ended(flags):
    """By the flags of a job's header."""
    return bool(flags & 0b111) or (flags & 0x108) == 0x008


def ended_jids(spacct):
    return {
        entry.number(JOB, 16) for entry in entries(spacct) if entry.kind == JOB and has_ended(entry.number(JOB, 8, "<i"))
    }
