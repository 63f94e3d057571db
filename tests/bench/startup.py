#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What it costs to put Corral in front of /bin/true, interleaved.

  startup.py --build BUILD [--runs 9] [--rounds 300] [--tini PATH] [--records DIR]...

Medians of RUNS runs of ROUNDS: `corral-init -- true` against a bare fork-exec-wait and tini-static, and
`corral run -- true` with and without a running instance against `sh -c true`. A job's start is synced to its accounting
file before the program runs: so the disk counts, and both a file on it and one in memory (/dev/shm) are measured.
"""

import os
import shutil
import tempfile

import measure


def entrypoints(arguments):
    print(f"## entrypoints in front of /bin/true, {arguments.runs} interleaved runs of {arguments.rounds}")
    named = {
        "/bin/true": ["/bin/true"],
        "fork-exec-wait": [measure.tool(arguments.build, "fork-exec-wait"), "/bin/true"],
        "corral-init": [measure.init_of(arguments.build), "--", "/bin/true"],
    }
    if shutil.which(arguments.tini):
        named["tini-static"] = [arguments.tini, "-s", "--", "/bin/true"]
    else:
        measure.missing(f"tini-static ({arguments.tini})", "corral-init is compared with no peer (Debian package tini)")
    ratios = measure.spawn_ratios(arguments.build, arguments.runs, arguments.rounds, named)
    ours = ratios["corral-init"]
    print(f"   corral-init against fork-exec-wait: {measure.judged(ours / ratios['fork-exec-wait'], at_most=1.2)}")
    print(f"   corral-init against a bare /bin/true: {measure.judged(ours, at_most=1.2)}")
    if "tini-static" in ratios:
        print(f"   corral-init against tini-static: {measure.judged(ours / ratios['tini-static'], at_most=1.0)}")


def foreground(arguments, place):
    import corral  # tests/support, which the variable was for: with one of ours set no run is a plain one
    os.environ.pop("CORRAL_BUILD", None)

    command = [os.path.join(arguments.build, "cli/corral"), "run", "--", "true"]
    with tempfile.TemporaryDirectory(dir=place, prefix="corral-bench-") as scratch:
        print(f"## corral run in front of true, {arguments.runs} interleaved runs of {arguments.rounds}, records on "
              f"{measure.file_system_of(scratch)}, where an appended block is synced in {measure.sync_us(scratch):.0f} us")
        for name in ("alone", "served"):
            os.mkdir(os.path.join(scratch, name))
        with corral.Instance(folder=os.path.join(scratch, "served")) as instance:
            own = os.path.join(scratch, "alone")
            alone = [f"XDG_RUNTIME_DIR={own}/none", f"XDG_STATE_HOME={own}"]
            served = [f"{name}={value}" for name, value in instance.environment.items() if name.startswith("CORRAL_")]
            ratios = measure.spawn_ratios(arguments.build, arguments.runs, arguments.rounds, {
                "sh -c true": ["sh", "-c", "true"],
                "corral run, no instance": [*alone, *command],
                "corral run --name, no instance": [*alone, *command[:2], "--name", "bench", *command[2:]],
                "corral run, an instance": [*served, *command],
            })
    print(f"   corral run without an instance against sh -c true: "
          f"{measure.judged(ratios['corral run, no instance'], at_most=3.0, form='.2f')}")
    print(f"   with an option, which the front leaves to corral-command: "
          f"{ratios['corral run --name, no instance']:.2f} (no bound)")
    print(f"   corral run with an instance against sh -c true: {ratios['corral run, an instance']:.2f} (no bound)")


def main():
    parser = measure.parser(__doc__)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--tini", default="tini-static")
    parser.add_argument("--records", action="append", help="a directory for the records; may be repeated")
    arguments = measure.parse(parser)
    entrypoints(arguments)
    for place in arguments.records or [tempfile.gettempdir(), "/dev/shm"]:
        foreground(arguments, place)


if __name__ == "__main__":
    main()
