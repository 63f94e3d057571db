#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How long an instance takes to list many jobs, ended ones and such as live: ListJobRows in pages of 1000, ListJobs in pages of 100, and
ObjectManager's one answer, by a client that only receives; the longest that another client waits meanwhile; and the cost of GetUsage,
Signal and AttachPid, each in turns with a call that does nothing (Ping).

  lists.py --build BUILD [--jobs 10000] [--live 1500] [--rounds 9]
"""

import statistics
import struct
import subprocess
import tempfile
import threading
import time

import measure

EMPTY = struct.pack("<I", 0)


def ask(client, message):
    """Sends and receives the answer; returns its body."""
    client.send(message)
    data = b""
    while len(data) < 16:
        data += client.receive(1 << 20)
    length, _, fields = struct.unpack_from("<III", data, 4)
    whole = 16 + (fields + 7) // 8 * 8 + length
    while len(data) < whole:
        data += client.receive(1 << 20)
    if data[1] != 2:
        raise RuntimeError(f"refused: {data!r}")
    return data[whole - length:whole]


def page_of(member, client, call_message, after, most, serial=1):
    body = EMPTY + b"\0" * 4
    entry = struct.pack("<I", 9) + b"WithEnded\0" + b"\1b\0" + b"\0" * 3 + struct.pack("<I", 1)
    body = struct.pack("<I", len(entry)) + b"\0" * 4 + entry
    body += b"\0" * (-len(body) % 8) + struct.pack("<QI", after, most)
    return ask(client, call_message(member, body, "a{sv}tu", serial=serial))


def jids_of(body):
    """Of the rows, by their structure: jid, name, uid, state, result, three times."""
    end = 4 + 4 + struct.unpack_from("<I", body)[0]
    at, jids = 8, []

    def skip_text(at):
        return (at + 3) // 4 * 4 + 4 + struct.unpack_from("<I", body, (at + 3) // 4 * 4)[0] + 1

    while at < end:
        at = (at + 7) // 8 * 8
        jids.append(struct.unpack_from("<Q", body, at)[0])
        at = skip_text(at + 8)
        at = (at + 3) // 4 * 4 + 4
        at = skip_text(skip_text(at))
        at = (at + 7) // 8 * 8 + 24
    return jids


def list_all(client, call_message):
    """Seconds that the answers took, without what looking at them took; and the jids."""
    spent, seen = 0.0, []
    while True:
        begin = time.perf_counter()
        body = page_of("ListJobRows", client, call_message, seen[-1] if seen else 0, 1000)
        spent += time.perf_counter() - begin
        page = jids_of(body)
        seen += page
        if len(page) < 1000 or struct.unpack_from("<I", body, len(body) - 4)[0] == 0:
            return spent, seen


def list_whole(client, call_message, jids):
    """The same of ListJobs, which tells all of each job."""
    begin = time.perf_counter()
    for first in range(0, len(jids), 100):
        body = page_of("ListJobs", client, call_message, jids[first - 1] if first else 0, 100)
    if struct.unpack_from("<I", body, len(body) - 4)[0] != 0:
        raise RuntimeError("there are more jobs than ListJobRows told")
    return time.perf_counter() - begin


def list_live(corral, count, rounds, call_message, connect):
    """Of a job that lives ListJobs tells what its cgroup counts now, which ListJobRows does not. What that costs is told as it is, and
    for as many jobs as are wanted in 20 ms."""
    with corral.Instance() as instance:
        jid = instance.facts("run", "-d", "-n", "live", "--array", f"1-{count}", "--", measure.sleeper(instance.folder))["jid"]
        client = connect(str(instance.socket))
        client.socket.settimeout(60)
        corral.wait_until(lambda: instance.run("ps", "--no-header").stdout.count(" running ") >= count, 300, f"{count} live jobs", pause=1)
        rows, whole = [], []
        for _ in range(rounds):  # in turns
            spent, seen = list_all(client, call_message)
            rows.append(spent * 1e3)
            whole.append(list_whole(client, call_message, seen) * 1e3)
        print(f"## {len(seen)} live jobs")
        for name, times in (("ListJobRows", rows), ("ListJobs", whole)):
            middle = statistics.median(times)
            print(f"   {name}, all pages: {middle:.1f} ms, {middle * 1e3 / len(seen):.1f} us a job; 10,000 of them would take "
                  f"{measure.judged(middle * 10000 / len(seen), at_most=20, form='.1f')} ms")
        instance.run("kill", "-g", "0", jid, timeout=120)


def against_ping(client, ping, name, message, undo=None, times=2000):
    """The call in turns with one that does nothing: both percentiles, and their ratios."""
    took = {"ping": [], name: []}

    def timed(what, asked):
        begin = time.perf_counter()
        ask(client, asked)
        took[what].append((time.perf_counter() - begin) * 1e6)

    for _ in range(times):
        timed("ping", ping)
        timed(name, message)
        if undo:
            ask(client, undo)
    middle, worst = ({what: sorted(all_of_it)[len(all_of_it) * part // 100] for what, all_of_it in took.items()} for part in (50, 99))
    print(f"   {name}: p50 {middle[name]:.0f} us, {middle[name] / middle['ping']:.2f} times Ping's {middle['ping']:.0f}; "
          f"p99 {worst[name]:.0f} us, {worst[name] / worst['ping']:.2f} times Ping's {worst['ping']:.0f}")


def main():
    parser = measure.parser(__doc__)
    parser.add_argument("--jobs", type=int, default=10000)
    parser.add_argument("--live", type=int, default=1500)
    parser.add_argument("--rounds", type=int, default=9)
    arguments = measure.parse(parser)
    import corral  # tests/support
    from fake_instance import RawClient, call_message, text

    with tempfile.NamedTemporaryFile("w", suffix=".toml") as config:
        config.write(f"[jobs]\nremember = {arguments.jobs}\n")
        config.flush()
        with corral.Instance(options=["--config", config.name]) as instance:
            subprocess.run([str(corral.BUILD / "tests/bench/bench-full-path"), str(instance.socket), "/bin/true",
                            str(arguments.jobs), "8"], check=True, stdout=subprocess.DEVNULL)
            client = RawClient(str(instance.socket))
            client.socket.settimeout(60)
            times = []
            for _ in range(arguments.rounds):
                spent, seen = list_all(client, call_message)
                times.append(spent * 1e3)
            print(f"## {len(seen)} remembered jobs")
            print(f"   ListJobRows, all pages: {measure.judged(statistics.median(times), at_most=20, form='.1f')} ms")
            times = [list_whole(client, call_message, seen) * 1e3 for _ in range(arguments.rounds)]
            print(f"   ListJobs, all pages: {measure.judged(statistics.median(times), at_most=20, form='.1f')} ms")
            other = RawClient(str(instance.socket))
            waits = []
            done = threading.Event()

            def wait_in_turn():
                while not done.is_set():
                    begin = time.perf_counter()
                    ask(other, call_message("GetId", interface="org.freedesktop.DBus", path="/org/freedesktop/DBus"))
                    waits.append((time.perf_counter() - begin) * 1e3)

            thread = threading.Thread(target=wait_in_turn)
            thread.start()
            begin = time.perf_counter()
            ask(client, call_message("GetManagedObjects", interface="org.freedesktop.DBus.ObjectManager",
                                     path="/org/corral"))
            whole = (time.perf_counter() - begin) * 1e3
            done.set()
            thread.join()
            print(f"   GetManagedObjects: {whole:.0f} ms; another client's slowest of {len(waits)} calls meanwhile: "
                  f"{measure.judged(max(waits), at_most=10, form='.1f')} ms")
            live = int(instance.facts("run", "-d", "--", "sleep", "1000")["jid"], 16)

            ping = call_message("Ping", interface="org.freedesktop.DBus.Peer")
            against_ping(client, ping, "GetUsage", call_message("GetUsage", struct.pack("<Q", live), "t"))
            against_ping(client, ping, "Signal", call_message("Signal", struct.pack("<Qi", live, 18) + text("all"), "tis"))
            with subprocess.Popen(["sleep", "1000"]) as stranger:
                against_ping(client, ping, "AttachPid",
                             call_message("AttachPid", struct.pack("<QI", live, stranger.pid) + text(""), "tus"),
                             call_message("DetachPid", struct.pack("<I", stranger.pid), "u"), 500)
                stranger.kill()
    list_live(corral, arguments.live, arguments.rounds, call_message, RawClient)


if __name__ == "__main__":
    main()
