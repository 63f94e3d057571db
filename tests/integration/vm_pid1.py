# SPDX-License-Identifier: Apache-2.0
"""corral-init --units as the PID 1 of a whole machine, with the full cgroup
v2 of a Linux 6.1: tests/vm/pid1.sh runs in an emulated one."""

import os
import pathlib
import shutil
import subprocess
import tempfile

import corral

KERNEL = corral.BUILD / "vm" / "vmlinuz"
VM = corral.SOURCE / "tests" / "vm"


def main():
    if shutil.which("qemu-system-x86_64") is None:
        corral.skip("needs qemu-system-x86_64")
    if not KERNEL.exists():
        corral.skip("needs a kernel image (tests/vm/fetch-kernel BUILD/vm)")
    out = pathlib.Path(tempfile.mkdtemp(prefix="corral-vm-"))
    command = [VM / "run-in-vm.sh", "-q", "-k", KERNEL, "-i", corral.BUILD / "tests" / "vm" / "vminit", "-t", "240"]
    files = {
        corral.INIT: "/bin/corral-init",
        corral.DAEMON: "/bin/corrald",
        corral.COMMAND: "/bin/corral",
        VM / "pid1.sh": "/bin/pid1.sh",
    }
    for source, place in files.items():
        command += ["-f", f"{source}:{place}"]
    command += ["-o", out, "--pid1", "/bin/pid1.sh"]
    status = subprocess.run([str(word) for word in command], check=False).returncode
    console = (out / "console.log").read_text(errors="replace") if (out / "console.log").exists() else ""
    lines = (out / "s1.log").read_text(errors="replace").splitlines() if (out / "s1.log").exists() else []
    print(f"--- the machine's console ---\n{console[-3000:]}\n---", flush=True)
    checks = [line.strip() for line in lines if line.startswith("CHECK ")]
    for line in checks:
        corral.check(line.startswith("CHECK ok: "), line.partition(": ")[2])
    corral.check(any(line.startswith("CHECKS DONE") for line in lines), "all checks were made")
    corral.check("unit file '/run/units/web.toml' is not started" in console, "the unit file is named")
    corral.equal(status, 0, "PID 1 ended with 0 when it was asked to shut down")
    shutil.rmtree(out)


if __name__ == "__main__":
    os.chdir("/")
    main()
