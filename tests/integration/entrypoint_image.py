# SPDX-License-Identifier: Apache-2.0
"""contrib/Containerfile, built on busybox instead of Debian and run as it is: it says what it is to say, is healthy and
not when its program is stopped, and stops at once."""

import json
import re
import shutil
import subprocess
import time

import corral
from containers import Podman, Scratch

# What users and platforms read of the image.
WANTED = {
    "User": "65534:65534",
    "Entrypoint": ["/corral-init", "--"],
    "Cmd": ["sleep", "infinity"],
    "StopSignal": "SIGTERM",
}


def main():
    with Scratch() as scratch:
        podman = next(engine for engine in scratch.engines() if isinstance(engine, Podman))

        def call(title, *words, code=0):
            """What podman printed; `code` is what it must end with."""
            result = podman.call(*words)
            corral.equal(result.returncode, code, f"{title}: podman {words[0]} ends with {code}")
            return result.stdout.strip()

        archive, context = scratch.path / "base.tar", scratch.path / "context"
        context.mkdir()
        subprocess.run(["tar", "--directory", podman.root, "--create", "--file", archive, "."], check=True)
        shutil.copy(corral.INIT, context)
        call("the base", "import", "--quiet", archive, "base")
        # Health checks are Docker's; the format of OCI has none.
        build = ["--format", "docker", "--build-arg", "BASE=localhost/base", "--tag", "hello"]
        call("the image", "build", *build, "--file", corral.SOURCE / "contrib" / "Containerfile", context)
        config = json.loads(call("what it says", "image", "inspect", "hello", "--format", "{{json .Config}}"))
        corral.equal({key: config.get(key) for key in WANTED}, WANTED, "entrypoint, command, user and stop signal")

        name = podman.next_name()
        mark = f"--env=CORRAL_TEST={scratch.mark}"
        options = ["--name", name, "--network", "none", "--cgroup-parent", f"/{scratch.mark}", mark]
        call("the container", "run", "--detach", *options, "hello")
        call("its program runs", "healthcheck", "run", name)
        call("its program is stopped", "exec", name, "sh", "-c", "kill -STOP $(cat /proc/1/task/1/children)")
        call("its program is stopped", "healthcheck", "run", name, code=1)
        state = json.loads(call("its state", "inspect", name, "--format", "{{json .State.Health}}"))
        said = state["Log"][-1]["Output"].strip()
        is_right = re.fullmatch(r"corral-init: main process 'sleep' \(\d+\) is stopped", said)
        corral.check(is_right, f"the state tells people: {said}", state)
        start = time.monotonic()
        call("a stopped program", "stop", name)
        took = time.monotonic() - start
        corral.check(took < 5, f"it ends {took:.2f} s after it was asked to", took)
        corral.equal(call("it", "inspect", name, "--format", "{{.State.ExitCode}}"), "143", "its exit code")
        call("the container", "rm", "--force", name)
        corral.equal(scratch.living(), [], "nobody lives")


if __name__ == "__main__":
    main()
