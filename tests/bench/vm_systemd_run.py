#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`corral run -- true` against systemd-run, in a virtual machine whose PID 1 is systemd.

  vm_systemd_run.py --build BUILD [--rounds 60] [--cache BUILD/vm] [--seconds 900]

The machine is emulated (qemu TCG, Debian's 6.1 cloud kernel by tests/vm/fetch-kernel) and its root is a Debian 12 by
tests/vm/fetch-systemd: both are made in CACHE when they are missing (root, network, about a minute, 300 MB).
Emulation makes programs some 25 times slower: only the ratios of the interleaved rounds mean something. The guest runs
tests/vm/systemd_bench.sh with contrib/corrald.service started; what becomes of that unit is vm_unit's to check.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import measure

SOURCE = pathlib.Path(__file__).resolve().parents[2]
VM = SOURCE / "tests" / "vm"
LIBEXEC = "/usr/libexec/corral"
NAMES = ["/bin/true", "sh -c true", "systemd-run --wait", "systemd-run --scope", "corral run", "corral run, no instance"]
WAITS = "systemd-run --wait"  # three times as many are wanted, command for command
BENCH_UNIT = """[Unit]
Description=The bench
After=multi-user.target dbus.service

[Service]
Type=oneshot
Environment=HOME=/root
ExecStart=/bench/systemd_bench.sh {rounds}
TimeoutStartSec=infinity
"""


def write_units(scratch, rounds):
    """Files of the guest's own: {source: place}."""
    (scratch / "bench.service").write_text(BENCH_UNIT.format(rounds=rounds))
    return {
        SOURCE / "contrib/corrald.service": "/etc/systemd/system/corrald.service",
        SOURCE / "contrib/dbus/org.corral.conf": "/usr/share/dbus-1/system.d/org.corral.conf",
        scratch / "bench.service": "/etc/systemd/system/bench.service",
        VM / "systemd_bench.sh": "/bench/systemd_bench.sh",
    }


def programs(build):
    build = pathlib.Path(build)
    return {
        build / "reaper/corral-init": f"{LIBEXEC}/corral-init",
        build / "reaper/corral-reaper": f"{LIBEXEC}/corral-reaper",
        build / "supervisor/corrald": f"{LIBEXEC}/corrald",
        build / "cli/corral": "/usr/bin/corral",
        build / "cli/corral-command": f"{LIBEXEC}/corral-command",
        build / "tests/bench/bench-spawner": "/bench/bench-spawner",
        build / "tests/bench/bench-bus-launches": "/bench/bench-bus-launches",
    }


def boot(arguments, root, scratch):
    """Boots, and returns what the guest wrote on its second serial line."""
    out = scratch / "out"
    command = [VM / "run-in-vm.sh", "-q", "-k", arguments.cache / "vmlinuz",
               "-i", pathlib.Path(arguments.build) / "tests/vm/vminit", "-t", arguments.seconds, "-m", "2048",
               "-r", root, "-o", out]
    for source, place in {**programs(arguments.build), **write_units(scratch, arguments.rounds)}.items():
        command += ["-f", f"{source}:{place}"]
    # No unit of the root's wants the bench: the command line does. No login on the console.
    command += ["-a", "systemd.wants=bench.service systemd.mask=serial-getty@ttyS0.service systemd.show_status=0"]
    command += ["--pid1", "/lib/systemd/systemd"]
    status = subprocess.run([str(word) for word in command], check=False).returncode
    said = (out / "s1.log").read_text(errors="replace") if (out / "s1.log").exists() else ""
    if status != 0:
        console = (out / "console.log").read_text(errors="replace") if (out / "console.log").exists() else ""
        print(console[-4000:] + said)
        sys.exit(f"the machine ended with {status}")
    return said.replace("\r", "")


def print_ratios(table):
    rows = [line.split() for line in table.splitlines() if line.strip()]
    median = {name: float(row[0]) for name, row in zip(NAMES, rows)}
    failures = {name: int(row[4]) for name, row in zip(NAMES, rows)}
    print(f"   {'':26}{'median ms':>10}{'/bin/true':>11}{'sh -c true':>12}{'failures':>10}")
    for name in NAMES:
        print(f"   {name:26}{median[name] / 1000:10.1f}{median[name] / median['/bin/true']:10.2f}x"
              f"{median[name] / median['sh -c true']:11.2f}x{failures[name]:10}")
    for ours in NAMES[4:]:
        for theirs in NAMES[2:4]:
            ratio = median[ours] / median[theirs]
            wanted = 1 / 3 if theirs == WAITS else 1.0
            print(f"   {ours} against {theirs}: {measure.judged(ratio, at_most=wanted)}")
    return not any(failures.values())


def print_open_bus(line):
    """Of a client whose connection to the bus is open: units and jobs, one after the other."""
    unit, job = map(float, line.split())
    print(f"   StartTransientUnit {unit / 1000:.1f} ms, CreateJob and Wait {job / 1000:.1f} ms; times as many jobs: "
          f"{measure.judged(unit / job, at_least=2.0)}")


def main():
    parser = measure.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--cache", type=pathlib.Path)
    parser.add_argument("--seconds", type=int, default=900, help="the time that the machine may take")
    arguments = measure.parse(parser)
    arguments.cache = (arguments.cache or pathlib.Path(arguments.build) / "vm").resolve()
    for program in ("qemu-system-x86_64", "debootstrap"):
        if shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin") is None:
            measure.missing(program, "nothing can be measured in a machine (contrib/packages-check)")
            return 77
    subprocess.run([VM / "fetch-kernel", arguments.cache], check=True)
    subprocess.run([VM / "fetch-systemd", arguments.cache], check=True)
    root = arguments.cache / "root-systemd"
    with tempfile.TemporaryDirectory(prefix="corral-vm-") as scratch:
        said = boot(arguments, root, pathlib.Path(scratch))
    checks, _, rest = said.partition("LOG\n")
    log, _, rest = rest.partition("BENCH\n")
    is_good = "CHECK FAIL" not in checks
    print("## corrald.service under systemd, in the machine")
    print("   " + (checks if is_good else checks + "what the service said:\n" + log).strip().replace("\n", "\n   "))
    print(f"## launchers in the machine, {arguments.rounds} interleaved rounds")
    table, _, rest = rest.partition("BENCH END")
    has_run = print_ratios(table)
    on_open_bus = rest.partition("OPEN BUS\n")[2].partition("OPEN BUS END 0")[0].strip()
    print(f"## launches over an open connection to the system bus, {arguments.rounds} interleaved rounds")
    if on_open_bus:
        print_open_bus(on_open_bus.splitlines()[-1])
    else:
        print(f"   failed: {rest}")
    return 0 if has_run and is_good and on_open_bus else 1


if __name__ == "__main__":
    sys.exit(main())
