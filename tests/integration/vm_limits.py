# SPDX-License-Identifier: Apache-2.0
"""corral-init's limits of whole jobs where cgroup v2 has all its controllers:
tests/vm/limits.sh runs in an emulated machine with Linux 6.1."""

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
    for source, place in {corral.INIT: "/bin/corral-init", VM / "limits.sh": "/bin/limits.sh"}.items():
        command += ["-f", f"{source}:{place}"]
    command += ["-o", out, "--run", "/bin/limits.sh"]
    status = subprocess.run([str(word) for word in command], check=False).returncode
    lines = (out / "s1.log").read_text(errors="replace").splitlines() if (out / "s1.log").exists() else []
    if not any(line.startswith("CHECKS DONE") for line in lines) and (out / "console.log").exists():
        print(f"--- the machine's console ---\n{(out / 'console.log').read_text(errors='replace')[-3000:]}\n---", flush=True)
    for line in lines:
        if line.startswith("CHECK "):
            corral.check(line.startswith("CHECK ok: "), line.strip().partition(": ")[2])
    corral.check(any(line.startswith("CHECKS DONE") for line in lines), "all checks were made")
    corral.equal(status, 0, "the machine came to its end")
    shutil.rmtree(out)


if __name__ == "__main__":
    main()
