#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""corral report --html: one page that needs nothing else, says what JSON says,
and is no more than text to a browser whatever commands are called."""

import html.parser
import json
import os
import pathlib
import re
import subprocess
import tempfile

import corral
import csa_files
from csa_golden_files import GOLDEN
from job_report import process

PACCT = GOLDEN / "in/pacct1"
EMPTY = {"meta", "line"}
TAGS = {"html", "head", "meta", "title", "style", "body", "header", "main", "footer", "section", "h1", "h2", "p", "div", "b", "span", "ul", "li", "i",
        "svg", "line", "text", "rect", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "dl", "dt", "dd"}  # fmt: skip
ATTRIBUTES = {"lang", "charset", "http-equiv", "content", "name", "class", "style", "title", "viewbox", "role", "aria-label", "x", "y", "x1", "x2", "y1", "y2",
              "width", "height", "text-anchor"}  # fmt: skip


class Reader(html.parser.HTMLParser):
    """The text of a page; what is not closed, or not among what we write, is a fault."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.words, self.faults, self.rows = [], [], [], []
        self.feed(text)
        self.close()
        self.faults += [f"<{tag}> is open" for tag in self.open]

    def handle_starttag(self, tag, attributes):
        if tag not in TAGS:
            self.faults.append(f"<{tag}>")
        self.faults += [f"{tag} {name}" for name, _ in attributes if name not in ATTRIBUTES]
        self.faults += [f"{tag} {name}={value}" for name, value in attributes if name == "style" and re.search("url|@import|expression", value, re.I)]
        if tag not in EMPTY:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_startendtag(self, tag, attributes):
        if tag not in EMPTY:
            self.faults.append(f"<{tag}/>")

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}>")

    def handle_data(self, data):
        if "style" in self.open:
            self.faults += re.findall(r"url\(|@import|http", data)
            return
        self.words.append(data)
        if self.rows and {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data


def page_of(*words, code=0):
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "page.html")
        done = subprocess.run([corral.COMMAND, "report", *map(str, words), "--html", file], capture_output=True, text=True, check=False,
                              env={**os.environ, "TZ": "UTC"}, timeout=60)  # fmt: skip
        corral.equal((done.returncode, done.stdout, os.listdir(folder)), (code, "", ["page.html"]), f"corral report --html: {done.stderr}")
        text = file.read_text()
    page = Reader(text)
    corral.equal(page.faults, [], "the page is well formed, and only what we write")
    corral.check("default-src 'none'" in text and "<script" not in text, "it needs nothing else, and runs nothing")
    return page, text


def rows_of(*words):
    return json.loads(subprocess.run([corral.COMMAND, "report", "--json", *words], capture_output=True, check=True).stdout)


def sums():
    page, text = page_of(PACCT)
    rows = rows_of(PACCT)["rows"]
    for row in rows:
        (shown,) = [cells for cells in page.rows if cells and cells[0] == row["name"] and len(cells) == 6]
        corral.equal((shown[3], shown[4]), (str(row["jobs"]), str(row["processes"])), f"{row['name']}'s row")
    words = " ".join(page.words)
    corral.check("Jobs on vm" in words and f"{sum(row['jobs'] for row in rows)} jobs" in words, "title and tiles", words[:300])
    corral.check("prefers-color-scheme:dark" in text and 'lang="en"' in text and 'role="img"' in text, "light and dark, and told to who does not see it")
    corral.check(f"Job {rows_of('--by', 'job', PACCT)['rows'][0]['job']}" in words, "with the job that used most")
    damaged, _ = page_of(GOLDEN / "damaged/hole37", code=1)
    corral.check(any("could not be read" in word for word in damaged.words), "of a damaged file it says that it is not complete")


def bars():
    """Use over time: each bar is as high, by the scale beside it, as JSON says of its user and hour."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "pacct")
        file.write_bytes(csa_files.over_hours(PACCT.read_bytes(), 37))
        _, text = page_of(file)
        wanted = {(row["hour"], user["name"]): (row["user_us"] + row["system_us"]) / 1e6
                  for user in rows_of(file)["rows"] for row in rows_of("--by", "hour", "--user", user["user"], file)["rows"]}  # fmt: skip
    lines = re.findall(r'<line class="grid" x1="[0-9.]+" x2="[0-9.]+" y1="([0-9.]+)" y2="\1"/><text [^>]*>([0-9.]+)s?</text>', text)
    corral.check(len(lines) > 2, "there is a scale in seconds", lines)
    zero, top = float(lines[0][0]), float(lines[-1][0])
    scale = (float(lines[-1][1]) - float(lines[0][1])) / (zero - top)
    drawn, stacked = {}, {}
    for x, y, height, hour, user in re.findall(
        r'<rect x="([0-9.]+)" y="([0-9.]+)" width="[0-9.]+" height="([0-9.]+)"[^>]*><title>([-0-9]+ \d\d), (\w+): ', text):
        drawn[hour, user] = float(height) * scale
        stacked.setdefault((float(x), hour), []).append((float(y), float(height)))
    nearly = 0.11 * scale  # a tenth of a pixel
    corral.equal(set(drawn), {key for key, value in wanted.items() if value > nearly} | (set(drawn) & set(wanted)), "a bar for each user and hour, and no other")
    wrong = {key: (value, wanted[key]) for key, value in drawn.items() if abs(value - wanted[key]) > 2 * nearly}
    corral.equal(wrong, {}, f"{len(drawn)} bars are as high as JSON says")
    corral.equal([hour for _, hour in sorted(stacked)], sorted(hour for _, hour in stacked), "in the order of time")
    for parts in stacked.values():
        bottoms = [y + height for y, height in parts]
        joined = [abs(bottom - place) < 0.21 for bottom, place in zip(bottoms, [zero] + [y for y, _ in parts])]
        corral.check(all(joined), "one above the other, from the line of 0", parts)


def one_job():
    page, text = page_of("0x13", PACCT)
    job = rows_of("0x13", PACCT)
    lanes = [cells for cells in page.rows if len(cells) == 6 and cells[0] != "Process"]
    corral.equal([cells[0] for cells in lanes], [p["name"] for p in job["processes"]], "each process has a lane, in the order of the tree")
    corral.equal([cells[5] for cells in lanes if cells[0] == "burn"].count("exit 5"), 1, "with its end")
    places = [(float(left), float(width)) for left, width in re.findall(r"left:([0-9.]+)%;width:([0-9.]+)%", text)]
    corral.check(len(places) == len(lanes) and all(left + width <= 100.2 for left, width in places), "each bar is within the line of time", places)


def asked():
    """Limits of jobs that really ran are held against what they used."""
    with corral.Instance() as instance:
        instance.run("run", "--name", "evil", "--limit", "wall=10s,files=99", "--", "sh", "-c", "sleep 0.6; exit 7")
        corral.wait_until(lambda: [r for r in instance.records()["records"] if r["kind"] == "end"], what="the end")
        page, _ = page_of(instance.pacct)
    (row,) = [cells for cells in page.rows if cells[:2] == ["evil", "wall time"]]
    corral.check(row[3] in ("6 %", "7 %", "8 %", "9 %", "10 %") and row[5] == "10s", "asked and used", row)


def hostile():
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "pacct")

        def page(*records, what=(), code=0):
            file.write_bytes(b"".join(records))
            return page_of(*what, file, code=code)

        names = [b"<script>alert()", b'"><img src=x>', b"' onclick='", b"&lt;&#60;", b"</title>", b"\xff\x1b[31m", b"]]>-->"]
        read, text = page(*(process(pid + 2, 1, 10**9, name=name, wall=10**7) for pid, name in enumerate(names)))
        words = "".join(read.words)
        corral.check(all(name.decode() in words for name in names[:5]) and "\x1b" not in text, "names are text, every character of them")
        page(process(1, 1, 2**62, 2**63), process(2, 1, 5, 2**64 - 1), process(3, 2, 1, 0), what=["0x7"])
        _, many = page(*(process(pid, 1, 1000 + pid, wall=pid * 1000) for pid in range(2, 3000)), what=["0x7"])
        corral.check("2598 more" in many and len(many) < 500_000, "of thousands of processes the longest have lanes", len(many))
        nothing, _ = page()
        corral.check("There are no jobs" in "".join(nothing.words), "an empty file is a page too")


sums()
bars()
one_job()
asked()
hostile()
