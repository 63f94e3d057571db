# SPDX-License-Identifier: Apache-2.0
"""A launch that hangs is killed and named by its stage, at once, and delays nobody: frozen, hung in exec on FUSE."""
import errno
import os
import shutil
import signal
import statistics
import subprocess
import tempfile
import time

import corral
from reaper_driver import Reaper, check, wait_until

DEADLINE = 300000  # us


def latency(reaper, count=100):
    times = []
    for _ in range(count):
        began = time.perf_counter()
        reaper.launch(['/bin/true']).close()
        times.append(time.perf_counter() - began)
        reaper.exit()
    return statistics.median(times)


def expect_stuck(reaper, order, began, stages):
    answer = reaper.answer()
    took = time.monotonic() - began
    check('a stuck launch is reported in its time', DEADLINE / 1e6 <= took < DEADLINE / 1e6 + 1, took)
    check('as ETIME, at stage %s' % answer.stage, (answer.order, answer.pid, answer.code) == (order, 0, errno.ETIME) and
          answer.stage in stages, vars(answer))
    reaper.acknowledge(order)


def remove_cgroup(path):
    """Kills who is left in it: a frozen child of a failed test would hold its output open for ever."""
    with open(path + '/cgroup.kill', 'w', encoding='ascii') as file:
        file.write('1')

    def is_empty():
        with open(path + '/cgroup.events', encoding='ascii') as file:
            return 'populated 0' in file.read()
    wait_until(is_empty)
    os.rmdir(path)


def frozen(reaper):
    if corral.cgroup2_parent() is None:
        return corral.not_checked('needs a writable cgroup v2 hierarchy')
    base = '%s/corral-test-A%d' % (corral.cgroup2_parent(), os.getpid())
    os.mkdir(base)
    try:
        cgroup = os.open(base, os.O_RDONLY | os.O_DIRECTORY)
        with open(base + '/cgroup.freeze', 'w', encoding='ascii') as file:
            file.write('1')
        before = latency(reaper)
        began = time.monotonic()
        order = reaper.order(['/bin/true'], cgroup=cgroup, timeout_us=DEADLINE)
        times = []
        while time.monotonic() - began < 0.2:
            other = reaper.order(['/bin/true'])
            start = time.perf_counter()
            answer = reaper.answer()
            times.append(time.perf_counter() - start)
            check('others are launched meanwhile', answer.order == other)
            answer.close()
            reaper.acknowledge(other)
            reaper.exit()
        during = statistics.median(times)
        # blocked_children.py compares exactly; this machine may be busy, but nobody waited for the deadline.
        check('without waiting for it (medians: %.1f ms before, %.1f ms now)' % (before * 1e3, during * 1e3),
              during < DEADLINE / 1e6 / 3)
        expect_stuck(reaper, order, began, ('clone',))
        record = reaper.exit()
        check('it could die frozen', (record.order, record.wait_status) == (order, signal.SIGKILL), vars(record))
        os.close(cgroup)
    finally:
        remove_cgroup(base)


def hanging(reaper, directory):
    program = os.path.join(os.environ['CORRAL_BUILD'], 'tests', 'support', 'hanging-fs')
    if not os.path.exists(program) or not os.access('/dev/fuse', os.W_OK):
        return corral.not_checked('needs /dev/fuse')
    mount = os.path.join(directory, 'mount')
    os.mkdir(mount)
    server = subprocess.Popen([program, '-f', mount], stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: os.path.ismount(mount) or server.poll() is not None)
        if server.poll() is not None:
            return corral.not_checked('needs /dev/fuse, and the right to mount')
        began = time.monotonic()
        order = reaper.order([mount + '/program'], timeout_us=DEADLINE)
        directory_fd = reaper.order(['/bin/true'], cwd='/')
        answer = reaper.answer()
        check('others are launched meanwhile', answer.order == directory_fd)
        answer.close()
        reaper.acknowledge(directory_fd)
        reaper.exit()
        expect_stuck(reaper, order, began, ('exec',))
        check('others are launched after it', reaper.launch(['/bin/true']).code == 0)
        reaper.exit()
    finally:
        server.kill()
        server.wait()
        subprocess.run(['umount', '-l', mount], check=False, stderr=subprocess.DEVNULL)
    record = reaper.exit()
    check('it dies when the file system lets it', record.order == order, vars(record))


def stopped(reaper):
    """A child stopped in the middle of its set-up."""
    directory = tempfile.mkdtemp(prefix='A-stop-')
    fifo = os.path.join(directory, 'fifo')
    os.mkfifo(fifo)
    os.chmod(fifo, 0o755)
    answer = reaper.launch([fifo])
    check('a fifo is no program', (answer.stage, answer.code) == ('exec', errno.EACCES), vars(answer))
    reaper.exit()
    shutil.rmtree(directory)
    order = reaper.order(['/bin/sh', '-c', 'kill -STOP $$; exit 7'], timeout_us=DEADLINE)
    answer = reaper.answer()
    check('a program that stops itself was launched', answer.code == 0)
    reaper.acknowledge(order)
    check('and is not held to be stuck', reaper.link.receive(DEADLINE / 1e6 * 2) is None)
    signal.pidfd_send_signal(answer.pidfd, signal.SIGCONT)
    check('it goes on', reaper.exit().wait_status == 7 << 8)
    answer.close()


def main():
    directory = tempfile.mkdtemp(prefix='A-stuck-')
    try:
        with Reaper() as reaper:
            reaper.accept()
            frozen(reaper)
            hanging(reaper, directory)
            stopped(reaper)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == '__main__':
    main()
