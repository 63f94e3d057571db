# SPDX-License-Identifier: Apache-2.0
"""An emulated machine of the tests' own (tests/vm/run-in-vm.sh), in which one script of tests/vm makes its checks."""

import pathlib
import shutil
import subprocess
import tempfile

import corral

KERNEL = corral.BUILD / "vm" / "vmlinuz"
VM = corral.SOURCE / "tests" / "vm"
ROOT = corral.BUILD / "vm" / "root-systemd"
PROGRAMS = {
    corral.INIT: "/bin/corral-init",
    corral.REAPER: "/bin/corral-reaper",
    corral.PIDNS: "/bin/corral-pidns",
    corral.DAEMON: "/bin/corrald",
    corral.COMMAND: "/bin/corral",
    corral.WHOLE_COMMAND: "/bin/corral-command",
}
LIBEXEC = "/usr/libexec/corral"
UNIT_FILES = {
    corral.INIT: f"{LIBEXEC}/corral-init",
    corral.REAPER: f"{LIBEXEC}/corral-reaper",
    corral.DAEMON: f"{LIBEXEC}/corrald",
    corral.WHOLE_COMMAND: f"{LIBEXEC}/corral-command",
    corral.COMMAND: "/usr/bin/corral",
    corral.SOURCE / "contrib/corrald.service": "/etc/systemd/system/corrald.service",
    corral.SOURCE / "contrib/dbus/org.corral.conf": "/usr/share/dbus-1/system.d/org.corral.conf",
}


def text_of(path):
    return path.read_text(errors="replace") if path.exists() else ""


def need():
    if shutil.which("qemu-system-x86_64") is None:
        corral.skip("needs qemu-system-x86_64")
    if not KERNEL.exists():
        corral.skip("needs a kernel image (tests/vm/fetch-kernel BUILD/vm)")


def boot(options, words, told):
    """Boots; the status that the machine ended with, what its console shows, and its checks held as run() says."""
    out = pathlib.Path(tempfile.mkdtemp(prefix="corral-vm-"))
    command = [VM / "run-in-vm.sh", "-q", "-k", KERNEL, "-i", corral.BUILD / "tests" / "vm" / "vminit", *options, "-o", out, *words]
    status = subprocess.run([str(word) for word in command], check=False).returncode
    console = text_of(out / "console.log")
    print(f"--- the machine's console ---\n{console[-3000:]}\n---", flush=True)
    lines = text_of(out / "s1.log").splitlines()
    shutil.rmtree(out)
    if told is not None:
        told += lines
    if not any(line.startswith("CHECKS DONE") for line in lines):
        print("--- what it told ---", *lines[-20:], "---", sep="\n", flush=True)
    for line in lines:
        if line.startswith("CHECK "):
            corral.check(line.startswith("CHECK ok: "), line.strip().partition(": ")[2])
    corral.check(any(line.startswith("CHECKS DONE") for line in lines), "all checks were made")
    return status, console


def files_of(script, files):
    """Options that take along `files` (place by source), and the script with what it sources."""
    for source, place in {**files, VM / script: f"/bin/{script}", VM / "checks.sh": "/bin/checks.sh"}.items():
        yield from ("-f", f"{source}:{place}")


def run(script, files, mode="--pid1", seconds=240, told=None, memory=1024, disk=None):
    """Runs tests/vm/`script` with `files` (place by source), as PID 1 or, with "--run", as its child. Holds the lines
    "CHECK ok: TEXT" that it writes (all its lines go into the list `told`; `disk`: a file, its /dev/nvme0n1), and that it came to "CHECKS DONE"; returns the status that the machine ended with
    and what its console shows."""
    need()
    disks = ["-d", disk] if disk else []
    return boot(["-t", seconds, "-m", memory, *disks, *files_of(script, files)], [mode, f"/bin/{script}"], told)


def run_under_systemd(script, files, units, seconds=240, told=None):
    """The same in a Debian whose PID 1 is systemd. `units`: texts by names; the kernel's command line wants checks.service."""
    need()
    if not (ROOT / "packages").exists():
        corral.skip("needs a Debian with systemd (tests/vm/fetch-systemd BUILD/vm)")
    with tempfile.TemporaryDirectory(prefix="corral-units-") as scratch:
        for name, text in units.items():
            path = pathlib.Path(scratch) / name
            path.write_text(text, encoding="utf-8")
            files = {**files, path: f"/etc/systemd/system/{name}"}
        # No unit of the root's wants the checks. No login on the console.
        kernel = "systemd.wants=checks.service systemd.mask=serial-getty@ttyS0.service systemd.show_status=0"
        return boot(["-t", seconds, "-m", 2048, "-r", ROOT, "-a", kernel, *files_of(script, files)],
                    ["--pid1", "/lib/systemd/systemd"], told)
