# SPDX-License-Identifier: Apache-2.0
"""Main programs that handle signals themselves, in Go, Java, Python and shell, under corral-init as PID 1 and not: what
they print, their exit code, that they live through a signal which they handle, and that nothing is waited out.

    entrypoint_languages.py [LANGUAGE...]"""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import corral

SCRATCH = pathlib.Path(tempfile.mkdtemp(prefix="corral-languages-"))
MARK = f"CORRAL_TEST=languages-{os.getpid()}"

# Each starts a child that does not end by itself, says "ready", tells of SIGUSR1, and ends with 3 when it is asked to.
GO = r"""
package main

import ("fmt"; "os"; "os/exec"; "os/signal"; "syscall")

func main() {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGUSR1)
	child := exec.Command("sleep", "1000")
	if err := child.Start(); err != nil { panic(err) }
	fmt.Println("ready")
	for s := range signals {
		if s == syscall.SIGUSR1 { fmt.Println("told"); continue }
		fmt.Println("child:", child.Wait())
		fmt.Println("ends")
		os.Exit(3)
	}
}
"""

# A JVM keeps SIGUSR1 for itself; what it does for SIGQUIT is its own telling.
JAVA = """
public class Main {
  public static void main(String[] words) throws Exception {
    Process child = new ProcessBuilder("sleep", "1000").start();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      try { System.out.println("child: " + child.waitFor()); } catch (InterruptedException e) { }
      System.out.println("ends");
      Runtime.getRuntime().halt(3);
    }));
    System.out.println("ready");
    Thread.sleep(1000000);
  }
}
"""

PYTHON = """
import signal, subprocess, sys, time
child = subprocess.Popen(["sleep", "1000"])
def end(*_):
    print("child:", child.wait(), flush=True)
    print("ends", flush=True)
    sys.exit(3)
signal.signal(signal.SIGTERM, end)
signal.signal(signal.SIGUSR1, lambda *_: print("told", flush=True))
print("ready", flush=True)
while True:
    time.sleep(1000)
"""

SHELL = """
trap 'wait $child; echo "child: $?"; echo ends; exit 3' TERM
trap 'echo told' USR1
sleep 1000 & child=$!
echo ready
while :; do wait $child; done
"""


def compiled(name, source, *compiler):
    """The compiler runs in the scratch folder, for the first time: without a cache and without the network."""
    (SCRATCH / name).write_text(source)
    environment = {**os.environ, "GOCACHE": str(SCRATCH / "cache"), "GOPATH": str(SCRATCH / "go"), "GOPROXY": "off"}
    start = time.monotonic()
    subprocess.run([*compiler, name], cwd=SCRATCH, check=True, env=environment)
    print(f"{compiler[0]}: {time.monotonic() - start:.1f} s to compile", flush=True)


# language: (what must be installed, how it is made, the command, the signal that it tells of, its words for that, the
# end of its child as the language says it)
LANGUAGES = {
    "go": (
        ["go"],
        lambda: compiled("main.go", GO, "go", "build", "-o", "main"),
        [SCRATCH / "main"],
        *(signal.SIGUSR1, "told", "child: signal: terminated"),
    ),
    "java": (
        ["java", "javac"],
        lambda: compiled("Main.java", JAVA, "javac"),
        ["java", "-Xshare:auto", "-cp", SCRATCH, "Main"],
        *(signal.SIGQUIT, "Full thread dump", "child: 143"),
    ),
    "python": (
        ["/usr/bin/python3"],
        lambda: None,
        ["/usr/bin/python3", "-c", PYTHON],
        *(signal.SIGUSR1, "told", "child: -15"),
    ),
    "shell": (["sh"], lambda: None, ["sh", "-c", SHELL], signal.SIGUSR1, "told", "child: 143"),
}

# name: what stands before corral-init, and whether that is a parent of it
PLACES = {
    "PID 1": ["unshare", "--fork", "--pid", "--mount-proc", "--kill-child"],
    "not PID 1": [],
}


class Program:
    """A main program under corral-init, and what it printed."""

    def __init__(self, before, command):
        name, _, value = MARK.partition("=")
        self.output = SCRATCH / "output"
        line = [str(word) for word in [*before, corral.INIT, "--", *command]]
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen(
                line, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**os.environ, name: value}
            )
        self.wait_for("ready\n")
        self.init = corral.children_of(self.process.pid)[0] if before else self.process.pid

    def text(self):
        return self.output.read_text(errors="replace")

    def wait_for(self, words):
        corral.wait_until(lambda: words in self.text(), 60, f"{words!r} of {self.process.args}")

    def stop(self):
        """The exit code, and the seconds that it took."""
        start = time.monotonic()
        os.kill(self.init, signal.SIGTERM)
        return self.process.wait(30), time.monotonic() - start


def run(title, before, row):
    _, _, command, number, told, child = row
    program = Program(before, command)
    os.kill(program.init, number)
    program.wait_for(told)
    corral.check(True, f"{title}: {number.name} reaches it, and it lives on")
    code, took = program.stop()
    text = program.text()
    corral.check(f"{child}\nends\n" in text, f"{title}: it and its child end when asked", text)
    corral.equal(code, 3, f"{title}: its exit code")
    corral.check(took < 4, f"{title}: {took:.3f} s", text)
    corral.equal(list(corral.processes_with(MARK)), [], f"{title}: nobody lives")


def main():
    corral.needs_namespaces()
    corral.needs_root()
    absent = []
    for language, row in LANGUAGES.items():
        if len(sys.argv) > 1 and language not in sys.argv[1:]:
            continue
        missing = [program for program in row[0] if shutil.which(program) is None]
        if missing:
            absent.append(missing[0])
            continue
        row[1]()
        for place, before in PLACES.items():
            run(f"{language}, {place}", before, row)
    shutil.rmtree(SCRATCH)
    if absent:
        corral.skip(f"needs {absent[0]}")


if __name__ == "__main__":
    main()
