#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""corral report --openmetrics: to the letter of OpenMetrics 1.0, read by
Prometheus's own parsers; whole files or none; one HTTP request a connection."""

import json
import os
import pathlib
import socket
import stat
import struct
import subprocess
import tempfile
import time

import corral
from csa_golden_files import GOLDEN
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as older

PACCT = GOLDEN / "in/pacct1"
COUNTERS = {  # JSON key: metric, and how many of the first are one of the second
    "wall_us": ("corral_wall_seconds", 1e6), "user_us": ("corral_cpu_user_seconds", 1e6),
    "system_us": ("corral_cpu_system_seconds", 1e6), "memory_peak_bytes": ("corral_memory_peak_bytes", 1),
    "read_bytes": ("corral_read_bytes", 1), "written_bytes": ("corral_written_bytes", 1),
    "storage_read_bytes": ("corral_storage_read_bytes", 1), "storage_written_bytes": ("corral_storage_written_bytes", 1),
    "jobs": ("corral_jobs", 1), "open_jobs": ("corral_open_jobs", 1), "processes": ("corral_processes", 1),
}  # fmt: skip
METRICS = {metric for metric, _ in COUNTERS.values()}


def report(*words, code=0, **options):
    done = subprocess.run([corral.COMMAND, "report", *map(str, words)], capture_output=True, text=True, check=False,
                          env={**os.environ, "TZ": "UTC"}, timeout=60, **options)  # fmt: skip
    corral.equal(done.returncode, code, f"corral report {' '.join(map(str, words))}: {done.stderr}")
    return done.stdout


def samples(text, parser=openmetrics):
    return {(sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in parser(text) for sample in family.samples}  # fmt: skip


def numbers():
    """Each number is the one that JSON has; what is null there has no sample."""
    for by, label in (("user", "user"), ("job", "jid"), ("command", "command"), ("day", "day"), ("node", "node"), ("project", "project"), ("group", "group"),
                      ("hour", "hour"), ("account", "account")):  # fmt: skip
        text = report("--openmetrics", "--by", by, PACCT)
        corral.check(text.endswith("# EOF\n"), "the end is said")
        read = samples(text)
        corral.equal(samples(text, older), read, f"--by {by}: the older format says the same")
        expected = {}
        for row in json.loads(report("--json", "--by", by, PACCT))["rows"]:
            labels = {label: row[by] or "", **({"name": row["name"] or ""} if "name" in row else {})}
            for key, (metric, per) in COUNTERS.items():
                if row[key] is not None:
                    expected[metric, tuple(sorted(labels.items()))] = row[key] / per
        corral.equal({key: value for key, value in read.items() if key[0] in METRICS}, expected, f"--by {by}: the numbers")
        rest = {name for name, _ in read} - METRICS
        corral.check(rest <= {"corral_unknown", "corral_report_complete"}, f"--by {by}: nothing else is there", rest)
    units = {family.name: family.unit for family in openmetrics(report("--openmetrics", PACCT))}
    corral.equal((units["corral_wall_seconds"], units["corral_read_bytes"], units["corral_jobs"]), ("seconds", "bytes", ""), "units")


def hostile_names():
    """Commands that are called like the format itself."""
    names = [b'x"} 1\n# EOF\n', b"back\\slash", b"\xff\xfe", b"\xff\xff", "\u00fcber".encode(), b"", b"# EOF"]
    data = PACCT.read_bytes()
    at = data.index(struct.pack("<HHB", 0x314A, 0o6000, 0o1))
    size = struct.unpack_from("<H", data, at + 6)[0]
    process = bytearray(data[at : at + size])
    process[5] &= ~0x20
    process[12], process[14:16] = 0o1, b"\0\0"  # nothing is linked to it
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "pacct")
        file.write_bytes(b"".join(bytes(process[:80] + name.ljust(16, b"\0") + process[96:]) for name in names))
        text = report("--openmetrics", "--by", "command", file)
        found = {dict(labels)["command"] for name, labels in samples(text) if name == "corral_processes"}
        corral.equal(found, {'x"} 1\n# EOF\n', "back\\slash", "\ufffd\ufffd", "\ufffd\ufffd\ufffd", "\u00fcber", "", "# EOF"},
                     "names come back as they were; two that look alike are two")  # fmt: skip
        file.write_bytes(b"")
        corral.equal(samples(report("--openmetrics", file)), {("corral_report_complete", ()): 1}, "an empty file has no rows")


def files():
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "corral.prom")
        before = os.umask(0o077)
        corral.equal(report("--openmetrics", "-o", file, PACCT), "", "what goes to a file is not printed")
        report("--csv", "-o", pathlib.Path(folder, "csv"), PACCT)
        os.umask(before)
        modes = [stat.S_IMODE(pathlib.Path(folder, name).stat().st_mode) for name in ("corral.prom", "csv")]
        corral.equal(modes, [0o644, 0o600], "which node_exporter may read, whatever the umask; other reports are as it says")
        pathlib.Path(folder, "csv").unlink()
        corral.equal(file.read_text(), report("--openmetrics", PACCT), "the file has it")
        before = file.stat().st_ino
        report("--openmetrics", "-o", file, GOLDEN / "damaged/hole37", code=1)
        corral.equal(samples(file.read_text())["corral_report_complete", ()], 0, "a report of a damaged file says that it is not complete")
        corral.check(file.stat().st_ino != before, "it is another file in its place")
        corral.equal(os.listdir(folder), ["corral.prom"], "nothing lies beside it")
        file.write_text("old")
        whole = report("--openmetrics", PACCT)
        for call in ("linkat", "rename"):
            subprocess.run(["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject={call}:signal=SIGKILL", corral.COMMAND, "report",
                            "--openmetrics", "-o", file, PACCT], check=False, timeout=60)  # fmt: skip
            corral.check(file.read_text() in ("old", whole), f"killed at {call}: one of the two is there, whole", file.read_text()[:80])
        report("-o", pathlib.Path(folder, "no/where"), PACCT, code=1)
        report("--json", "-o", "/dev/full", PACCT, code=1)


def scrape(request, *, pause=0, close=True):
    """What a connection that sends `request` gets, and the exit code."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            child = subprocess.Popen([corral.COMMAND, "report", "--openmetrics", "--http", PACCT], stdin=theirs, stdout=theirs, stderr=subprocess.PIPE)
        ours.settimeout(30)
        middle = len(request) // 2
        ours.sendall(request[:middle])
        time.sleep(pause)
        try:
            ours.sendall(request[middle:])
            if close:
                ours.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        answer = b""
        while True:
            try:
                piece = ours.recv(65536)
            except ConnectionError:
                break
            if not piece:
                break
            answer += piece
        child.stderr.close()
        return answer, child.wait(30)


def http():
    accept = b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: Application/OpenMetrics-Text;version=1.0.0,text/plain;q=0.5\r\n\r\n"
    answer, code = scrape(accept, pause=0.2)
    head, body = answer.split(b"\r\n\r\n", 1)
    corral.check(head.startswith(b"HTTP/1.1 200 OK\r\n") and b"application/openmetrics-text; version=1.0.0; charset=utf-8" in head, "OpenMetrics", head)
    corral.equal((body.decode(), code), (report("--openmetrics", PACCT), 0), "the body is the report")
    corral.check(f"Content-Length: {len(body)}".encode() in head, "its length is said", head)
    plain, _ = scrape(b"GET /metrics?a=b HTTP/1.0\n\n")
    corral.check(b"text/plain; version=0.0.4" in plain and plain.endswith(b"# EOF\n"), "who does not ask for it is told the older type", plain[:200])
    only_head, _ = scrape(b"HEAD /metrics HTTP/1.1\r\n\r\n")
    corral.check(only_head.startswith(b"HTTP/1.1 200") and only_head.endswith(b"\r\n\r\n"), "HEAD has no body", only_head)
    for request, status in ((b"GET / HTTP/1.1\r\n\r\n", b"404"), (b"POST /metrics HTTP/1.1\r\n\r\n", b"405"), (b"nonsense\r\n\r\n", b"400"),
                            (b"GET /metrics HTTP/2\r\n\r\n", b"400"), (b"\0\xff \r\n\r\n", b"400")):  # fmt: skip
        corral.equal(scrape(request)[0].split(b" ")[1], status, f"{request!r}")
    for request in (b"", b"GET /metrics HTTP/1.1\r\nX: y", b"GET /" + b"a" * 20000):
        corral.equal(scrape(request), (b"", 1), f"{request[:20]!r}: no request, no answer")
    begun = time.monotonic()
    corral.equal(scrape(b"GET /metrics HTTP/1.1\r\n", close=False), (b"", 1), "who sends half a request")
    corral.check(4 < time.monotonic() - begun < 15, "is waited for five seconds", time.monotonic() - begun)
    activate = subprocess.run(["sh", "-c", "command -v systemd-socket-activate"], capture_output=True, text=True, check=False).stdout.strip()
    if activate:
        by_systemd(activate)


def by_systemd(activate):
    """As contrib/csa/corral-metrics.socket has it started."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    waiter = subprocess.Popen([activate, f"--listen=127.0.0.1:{port}", "--accept", "--inetd", corral.COMMAND, "report", "--openmetrics", "--http", PACCT],
                              stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        def connected():
            try:
                return socket.create_connection(("127.0.0.1", port), 10)
            except ConnectionRefusedError:
                return None

        for _ in range(2):
            with corral.wait_until(connected, what="the socket") as link:
                link.sendall(b"GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text\r\n\r\n")
                with link.makefile("rb") as answer:
                    text = answer.read().split(b"\r\n\r\n", 1)[1].decode()
            corral.check(samples(text), "systemd's socket activation serves scrapes", text[:100])
    finally:
        waiter.terminate()
        waiter.wait()


numbers()
hostile_names()
files()
http()
