# SPDX-License-Identifier: Apache-2.0
"""An emulated machine of the tests' own (tests/vm/run-in-vm.sh), in which one script of tests/vm makes its checks."""

import pathlib
import shutil
import subprocess
import tempfile

import corral

KERNEL = corral.BUILD / "vm" / "vmlinuz"
VM = corral.SOURCE / "tests" / "vm"
PROGRAMS = {
    corral.INIT: "/bin/corral-init",
    corral.REAPER: "/bin/corral-reaper",
    corral.PIDNS: "/bin/corral-pidns",
    corral.DAEMON: "/bin/corrald",
    corral.COMMAND: "/bin/corral",
    corral.WHOLE_COMMAND: "/bin/corral-command",
}


def text_of(path):
    return path.read_text(errors="replace") if path.exists() else ""


def run(script, files, mode="--pid1", seconds=240, told=None, memory=1024):
    """Runs tests/vm/`script` with `files` (place by source), as PID 1 or, with "--run", as its child. Holds the lines
    "CHECK ok: TEXT" that it writes (all its lines go into the list `told`), and that it came to "CHECKS DONE"; returns the status that the machine ended with
    and what its console shows."""
    if shutil.which("qemu-system-x86_64") is None:
        corral.skip("needs qemu-system-x86_64")
    if not KERNEL.exists():
        corral.skip("needs a kernel image (tests/vm/fetch-kernel BUILD/vm)")
    out = pathlib.Path(tempfile.mkdtemp(prefix="corral-vm-"))
    command = [VM / "run-in-vm.sh", "-q", "-k", KERNEL, "-i", corral.BUILD / "tests" / "vm" / "vminit", "-t", seconds, "-m", memory]
    for source, place in {**files, VM / script: f"/bin/{script}", VM / "checks.sh": "/bin/checks.sh"}.items():
        command += ["-f", f"{source}:{place}"]
    command += ["-o", out, mode, f"/bin/{script}"]
    status = subprocess.run([str(word) for word in command], check=False).returncode
    console = text_of(out / "console.log")
    print(f"--- the machine's console ---\n{console[-3000:]}\n---", flush=True)
    lines = text_of(out / "s1.log").splitlines()
    shutil.rmtree(out)
    if told is not None:
        told += lines
    for line in lines:
        if line.startswith("CHECK "):
            corral.check(line.startswith("CHECK ok: "), line.strip().partition(": ")[2])
    corral.check(any(line.startswith("CHECKS DONE") for line in lines), "all checks were made")
    return status, console
