#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Bytes of a process record before and after `corral archive`, of a real build
that ran as a job, and how fast packed files are read.

    tests/bench/packed_records.py [--build BUILD] [--files N]"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))


def build_job(corral, folder, count):
    """Compiles small programs by make -j2, as one job of an instance."""
    source = folder / "source"
    source.mkdir()
    for number in range(count):
        (source / f"p{number}.c").write_text(f"#include <stdio.h>\nint main(void) {{ return printf(\"%d\\n\", {number}) < 0; }}\n")
    rules = "".join(f"p{n}: p{n}.c\n\tcc -O1 -o $@ $< && ./$@ >/dev/null && strip $@ && sh -c 'ls -l $@ | wc -c'\n" for n in range(count))
    (source / "Makefile").write_text("all: " + " ".join(f"p{n}" for n in range(count)) + "\n" + rules)
    with corral.Instance() as instance:
        instance.run("run", "--", "make", "-s", "-j2", "-C", str(source))
        return instance.pacct.read_bytes(), instance.records()["records"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build")
    parser.add_argument("--files", type=int, default=60, help="programs that are built")
    options = parser.parse_args()
    os.environ["CORRAL_BUILD"] = str(pathlib.Path(options.build).resolve())
    import corral

    with tempfile.TemporaryDirectory(prefix="corral-packed-") as name:
        folder = pathlib.Path(name)
        data, records = build_job(corral, folder, options.files)
        processes = [record for record in records if record["kind"] == "process"]
        collectors = {record["collector"] for record in processes}
        (folder / "pacct1").write_bytes(data)
        (folder / "pacct2").write_bytes(data)
        os.utime(folder / "pacct1", (1, 1))
        subprocess.run([corral.COMMAND, "archive", folder / "pacct"], check=True, stdout=subprocess.DEVNULL)
        packed = (folder / "pacct1.zst").stat().st_size
        print(f"{len(processes)} processes of a build, counted by {', '.join(collectors)}: {len(data)} bytes, {len(data) / len(processes):.0f} a process")
        print(f"packed: {packed} bytes, {packed / len(processes):.1f} a process, 1 to {len(data) / packed:.1f}")
        copies = max(1, (64 << 20) // len(data))
        (folder / "big1").write_bytes(data * copies)
        (folder / "big2").write_bytes(data)
        os.utime(folder / "big1", (1, 1))
        begun = time.monotonic()
        subprocess.run([corral.COMMAND, "archive", folder / "big"], check=True, stdout=subprocess.DEVNULL)
        print(f"archive packs and compares {len(data) * copies / 1e6 / (time.monotonic() - begun):.0f} MB/s")
        (folder / "plain").write_bytes(data * copies)
        for words in (["report", "--by", "command"], ["csacom", "-v"]):
            ratios = []
            for _ in range(5):
                took = []
                for file in ("plain", "big1.zst"):
                    begun = time.monotonic()
                    subprocess.run([corral.COMMAND, *words, folder / file], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                    took.append(time.monotonic() - begun)
                ratios.append(took[1] / took[0])
            print(f"corral {' '.join(words)} of a packed file takes {sorted(ratios)[2]:.2f} of the plain one's time")


if __name__ == "__main__":
    main()
