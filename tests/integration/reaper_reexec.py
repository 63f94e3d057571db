# SPDX-License-Identifier: Apache-2.0
"""The reaper becomes its next image in place, after that has checked the state; and a killed reaper is revived."""
import errno
import fcntl
import os
import shutil
import signal
import struct
import subprocess
import tempfile

import corral
from reaper_driver import (PROMOTE, REEXEC, REEXEC_REFUSED, Reaper, check, children_of,
                           sealed_memfd)


def reexec(reaper, path):
    reaper.link.send(REEXEC, path.encode().ljust(4096, b'\0'))


def refused(reaper, path, code, words):
    reexec(reaper, path)
    found, text = struct.unpack('=i124s', reaper.link.expect(REEXEC_REFUSED).body)
    text = text.rstrip(b'\0').decode()
    check('refused: %s' % text, found == code and words in text, found, text)


def write_program(path, text):
    with open(path, 'w', encoding='ascii') as file:
        file.write(text)
    os.chmod(path, 0o755)


def in_place(reaper, directory):
    image = os.path.join(directory, 'next-image')
    shutil.copy(corral.REAPER, image)
    sleeper = reaper.launch(['/bin/sleep', '60'])
    kept = reaper.order(['/bin/sleep', '60'])
    kept_pid = reaper.answer()
    reaper.launch(['/bin/sh', '-c', 'exit 3']).close()
    unacknowledged = reaper.exit(acknowledge=False)
    reaper.put('mine', reaper.null)
    before = sorted(children_of(reaper.pid))
    for generation in (1, 2, 3):
        reexec(reaper, image if generation % 2 else reaper.program)
        welcome = reaper.take_welcome()
        check('it became image %d' % generation, (welcome['pid'], welcome['generation'], welcome['starts']) ==
              (reaper.pid, generation, 1), welcome)
        program = os.readlink('/proc/%d/exe' % reaper.pid)
        check('it runs the other program', program == (image if generation % 2 else str(corral.REAPER)), program)
        check('with the same children', sorted(children_of(reaper.pid)) == before)
        entries = reaper.list()
        check('the store is untouched', set(entries) == {'ring', 'mine'})
        for fd in entries.values():
            os.close(fd)
    reaper.order(['/bin/sleep', '60'], order=kept)
    again = reaper.answer()
    check('old answers are remembered', again.pid == kept_pid.pid)
    again.close()
    reaper.acknowledge(kept)
    signal.pidfd_send_signal(sleeper.pidfd, signal.SIGKILL)
    record = reaper.exit()
    check('children of an earlier image keep their orders', (record.order, record.sequence) ==
          (sleeper.order, unacknowledged.sequence + 1), vars(record))
    signal.pidfd_send_signal(kept_pid.pidfd, signal.SIGKILL)
    check('all of them', reaper.exit().order == kept)
    sleeper.close()
    kept_pid.close()
    answer = reaper.launch(['/bin/true'])
    check('new launches work', answer.code == 0)
    answer.close()
    reaper.exit()
    descriptors = len(os.listdir('/proc/%d/fd' % reaper.pid))
    check('no descriptor was left over', descriptors < 16, descriptors)
    reaper.kill_supervisor()
    check('it restarts the supervisor', reaper.accept()['generation'] == 3)


def under_way(reaper, directory):
    """A launch that is under way goes on across the exec."""
    if corral.cgroup2_parent() is None:
        return corral.not_checked('needs a writable cgroup v2 hierarchy')
    base = '%s/corral-test-A%d' % (corral.cgroup2_parent(), os.getpid())
    os.mkdir(base)
    try:
        with open(base + '/cgroup.freeze', 'w', encoding='ascii') as file:
            file.write('1')
        cgroup = os.open(base, os.O_RDONLY | os.O_DIRECTORY)
        order = reaper.order(['/bin/sh', '-c', 'exit 6'], cgroup=cgroup, timeout_us=60000000)
        os.close(cgroup)
        reexec(reaper, reaper.program)
        generation = reaper.take_welcome()['generation']
        check('it becomes another image while a launch is under way', generation == 4, generation)
        with open(base + '/cgroup.freeze', 'w', encoding='ascii') as file:
            file.write('0')
        answer = reaper.answer()
        check('the launch is answered by the next image', (answer.order, answer.code) == (order, 0), vars(answer))
        answer.close()
        record = reaper.exit()
        check('and its end recorded', (record.order, record.wait_status) == (order, 6 << 8))
        reaper.acknowledge(order)
    finally:
        os.rmdir(base)


def refusals(reaper, directory):
    refused(reaper, '/nonesuch', errno.ENOENT, 'cannot be executed')
    refused(reaper, '/etc/passwd', errno.EACCES, 'cannot be executed')
    refused(reaper, '/bin/false', errno.EBADMSG, 'would not have the state')
    killed = os.path.join(directory, 'killed')
    write_program(killed, '#!/bin/sh\nkill -9 $$\n')
    refused(reaper, killed, errno.EBADMSG, 'would not have the state')
    answer = reaper.launch(['/bin/true'])
    check('after every refusal it goes on as it was', answer.code == 0)
    answer.close()
    reaper.exit()


def damaged_states(reaper, directory):
    copy, spy = os.path.join(directory, 'state'), os.path.join(directory, 'spy')
    write_program(spy, '#!/bin/sh\ncat /proc/self/fd/3 > %s\nexit 1\n' % copy)
    refused(reaper, spy, errno.EBADMSG, 'would not have the state')
    with open(copy, 'rb') as file:
        good = file.read()

    def verdict(data, seals=0x6):
        fd = sealed_memfd(data, seals)
        done = subprocess.run([reaper.program, '--check-state', str(fd)], pass_fds=[fd], stderr=subprocess.PIPE,
                              timeout=10, check=False)
        os.close(fd)
        return done.returncode
    check('a true state is accepted', verdict(good) == 0)
    check('one whose size is not sealed is not', verdict(good, 0) == 1)
    for what, bad in (('cut', good[:-1]), ('longer', good + b'\0'), ('empty', b''), ('a head alone', good[:24]),
                      ('another version', good[:8] + struct.pack('=I', 2) + good[12:]),
                      ('too many children', good[:16] + b'\xff\xff\xff\x7f' + good[20:])):
        check('a damaged state is refused: %s' % what, verdict(bad) == 1)
    step = max(1, len(good) // 40)
    for at in range(0, len(good), step):
        if verdict(good[:at] + bytes([good[at] ^ 0x10]) + good[at + 1:]) != 1:
            check('a flipped bit at %d is refused' % at, False)
    check('a flipped bit anywhere is refused', True)


def revival():
    """kill -9 the reaper: the supervisor promotes its store link and starts a reaper on it."""
    with Reaper() as first:
        first.accept()
        first.put('journal', first.null)
        for code in (1, 2):
            first.launch(['/bin/sh', '-c', 'exit %d' % code]).close()
            first.exit(acknowledge=False)
        first.acknowledge_record(1)
        first.pass_barrier()
        first.list()
        first.process.kill()
        first.process.wait()
        try:
            packet = first.link.receive()
            check('nothing but the end is on the link', packet is None)
        except EOFError:
            pass
        first.store.send(PROMOTE)
        keeper = fcntl.fcntl(first.store.socket, fcntl.F_DUPFD, 3)
        os.set_inheritable(keeper, True)
        with Reaper(options=['--keeper-fd', str(keeper)]) as second:
            os.close(keeper)
            first.store.close()
            first.store = None
            welcome = second.accept()
            check('the ring goes on', (welcome['first'], welcome['next']) == (2, 3), welcome)
            record = second.exit()
            check('what was not acknowledged comes', (record.sequence, record.wait_status) == (2, 2 << 8))
            entries = second.list()
            check('the store is the old one', set(entries) == {'ring', 'journal'}, entries)
            second.launch(['/bin/true']).close()
            check('the sequence goes on', second.exit().sequence == 3)
            for _ in range(2):
                second.kill_supervisor()
                second.accept()
                check('and its supervisors come to the old store', 'journal' in second.list())
    with Reaper() as third:  # a store without a ring
        third.accept()
        third.drop('ring')
        third.list()
        third.process.kill()
        third.process.wait()
        third.store.send(PROMOTE)
        keeper = fcntl.fcntl(third.store.socket, fcntl.F_DUPFD, 3)
        os.set_inheritable(keeper, True)
        with Reaper(options=['--keeper-fd', str(keeper)]) as fourth:
            os.close(keeper)
            third.store.close()
            third.store = None
            check('without a ring it begins a new one', fourth.accept()['next'] == 1)
            check('and keeps it', 'ring' in fourth.list())


def main():
    directory = tempfile.mkdtemp(prefix='A-reexec-')
    try:
        with Reaper() as reaper:
            reaper.accept()
            in_place(reaper, directory)
            under_way(reaper, directory)
            refusals(reaper, directory)
            damaged_states(reaper, directory)
        revival()
    finally:
        shutil.rmtree(directory)


if __name__ == '__main__':
    main()
