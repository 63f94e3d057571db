# SPDX-License-Identifier: Apache-2.0
"""The reaper keeps a supervisor and a store running, hands everything back, passes signals on, and never hangs."""
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

import reaper_driver
from reaper_driver import PUT, SIGNALLED, STORE_LINK, PacketLink, Reaper, check, children_of, wait_until


def names(reaper):
    entries = reaper.list()
    for fd in entries.values():
        os.close(fd)
    return set(entries)


def store_pid(reaper):
    return next(pid for pid in children_of(reaper.pid) if b'--store' in open('/proc/%d/cmdline' % pid, 'rb').read())


def the_store(reaper):
    reading, writing = os.pipe()
    reaper.put('pipe', reading)
    os.close(reading)
    os.write(writing, b'kept')
    for i in range(3000):
        reaper.put('entry-%d' % i, reaper.null)
    reaper.drop('entry-7')
    reaper.drop('nonesuch')
    reaper.kill_supervisor()
    reaper.accept()
    entries = reaper.list()
    check('3,000 descriptors come back to the next supervisor',
          set(entries) == {'ring', 'pipe'} | {'entry-%d' % i for i in range(3000) if i != 7}, len(entries))
    check('they are the very descriptors', os.read(entries['pipe'], 9) == b'kept')
    for fd in entries.values():
        os.close(fd)
    reaper.put('pipe', reaper.null)
    check('a name has one descriptor', len(names(reaper)) == 3001)
    for i in range(3000):
        reaper.drop('entry-%d' % i)
    check('what is dropped is gone', names(reaper) == {'ring', 'pipe'})
    check('the store says that it takes several changes at once', reaper.store_level == 1)
    reaper.change([('a', 1), ('b', 1), ('a', 0), ('c', 1), ('b', 1)], [reaper.null] * 4)
    check('several changes in one packet are made in their order', names(reaper) == {'ring', 'pipe', 'b', 'c'})
    reaper.change([('c', 0), ('d', 1), ('e', 1)], [reaper.null])
    check('without a descriptor nothing is put', names(reaper) == {'ring', 'pipe', 'b', 'd'})
    reaper.change([('b', 0), ('d', 0)], [])
    # Garbage of every kind: the store drops it and goes on.
    for raw in (b'x', b'\0' * 16, os.urandom(2000)):
        reaper.store.send(0, raw=raw)
    for kind in range(200):
        if kind not in (reaper_driver.PROMOTE, reaper_driver.LIST):
            reaper.store.send(kind, b'short', [reaper.null])
            reaper.store.send(kind, b'x' * 48)
    reaper.store.send(PUT, b'x' * 48, [reaper.null])
    reaper.store.send(PUT, b'\0' * 48, [reaper.null])
    while reaper.store.receive(0.3) is not None:
        pass
    check('garbage changes nothing', names(reaper) == {'ring', 'pipe'})


def store_restart(reaper):
    answer = reaper.launch(['/bin/sleep', '60'])
    old = store_pid(reaper)
    os.kill(old, signal.SIGKILL)
    packet = reaper.link.expect(STORE_LINK)
    reaper.store.close()
    reaper.store = PacketLink(packet.fds[0])
    check('a new store has the ring, and no more', names(reaper) == {'ring'})
    check('it is another process', store_pid(reaper) != old)
    reaper.put('again', reaper.null)
    reaper.kill_supervisor()
    reaper.accept()
    check('what is put again is kept again', names(reaper) == {'ring', 'again'})
    os.kill(store_pid(reaper), signal.SIGKILL)
    reaper.kill_supervisor()
    reaper.accept()
    found = names(reaper) if not select.select([reaper.link.socket], [], [], 0.3)[0] else None
    if found is None:
        packet = reaper.link.expect(STORE_LINK)
        reaper.store.close()
        reaper.store = PacketLink(packet.fds[0])
        found = names(reaper)
    check('both at once are both restarted', 'ring' in found, found)
    signal.pidfd_send_signal(answer.pidfd, signal.SIGKILL)
    check('and the job was not touched', reaper.exit().wait_status == signal.SIGKILL)
    answer.close()


def signals(reaper):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPWR, signal.SIGUSR1, signal.SIGRTMIN + 3):
        os.kill(reaper.pid, number)
        seen, sender, uid, code = struct.unpack('=iiIi', reaper.link.expect(SIGNALLED).body)
        check('signal %d is passed on' % number, (seen, sender, uid, code) == (number, os.getpid(), os.getuid(), 0))
    reaper.kill_supervisor()
    select.select([reaper.link.socket], [], [], 10)  # until the reaper has seen its end
    os.kill(reaper.pid, signal.SIGUSR2)
    reaper.accept(hello=False)
    reaper.hello()
    check('that it is to stop is told to the next supervisor too', struct.unpack_from(
        '=i', reaper.link.expect(SIGNALLED).body)[0] == signal.SIGTERM)
    check('a signal waits for the next supervisor', struct.unpack_from('=i', reaper.link.expect(SIGNALLED).body)[0] ==
          signal.SIGUSR2)


def kill_rounds(reaper):
    began = time.monotonic()
    for _ in range(30):
        reaper.kill_supervisor()
        reaper.accept()
    each = (time.monotonic() - began) / 30
    check('a killed supervisor is restarted at once', each < 0.5, each)
    reaper.store.socket.shutdown(socket.SHUT_RDWR)
    reaper.link.socket.shutdown(socket.SHUT_RDWR)
    reaper.accept()
    check('one that closes its link is replaced', True)


def last_steps(reaper):
    """Who closes its link before it ends is not killed meanwhile; who does not end is."""
    stand_in = reaper.stand_in_pid
    reaper.store.socket.shutdown(socket.SHUT_RDWR)
    reaper.link.socket.shutdown(socket.SHUT_RDWR)
    began = time.monotonic()
    time.sleep(0.5)
    check('a supervisor without its link has time for its end', os.path.exists('/proc/%d' % stand_in))
    reaper.accept()
    took = time.monotonic() - began
    check('but not for ever', 1.8 < took < 10 and not os.path.exists('/proc/%d' % stand_in), took)


def ready_fd():
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    with Reaper(options=['--ready-fd', str(writing)]) as reaper:
        os.close(writing)
        reaper.accept()
        check('the first supervisor has the ready descriptor', '--ready-fd=5' in reaper.words, reaper.words)
        os.write(reaper.ready, b'1\n')
        os.close(reaper.ready)
        reaper.kill_supervisor()
        check('it is passed through', os.read(reading, 9) == b'1\n')
        reaper.accept()
        check('the next one has none', '--ready-fd=5' not in reaper.words)
        check('and nobody else held it', os.read(reading, 9) == b'')
    os.close(reading)


def cannot_start():
    for program, code in (('/nonesuch/corrald', 127), ('/etc/passwd', 126)):
        done = subprocess.run([os.environ['CORRAL_BUILD'] + '/reaper/corral-init', '--supervise', '--', program],
                              stderr=subprocess.PIPE, timeout=10, check=False)
        check('a supervisor that cannot start ends a fresh reaper', done.returncode == code, done)
        check('with a sentence', b"cannot execute '%s'" % program.encode() in done.stderr, done.stderr)


def lost_supervisor():
    """The supervisor's program vanishes while a job lives; TERM still ends everything."""
    directory = tempfile.mkdtemp(prefix='A-lost-')
    script = os.path.join(directory, 'corrald')
    with open(script, 'w', encoding='ascii') as file:
        file.write('#!/bin/sh\nexec "%s" "%s" "$@"\n' % (sys.executable, os.path.abspath(reaper_driver.__file__)))
    os.chmod(script, 0o755)
    with Reaper(program_of_supervisor=[script]) as reaper:
        reaper.accept()
        answer = reaper.launch(['/bin/sh', '-c', 'trap "" TERM; setsid sleep 61 & sleep 60'], env=['PATH=/bin:/usr/bin'])
        os.unlink(script)
        reaper.kill_supervisor()
        time.sleep(0.3)
        check('the job lives on', os.path.exists('/proc/%d' % answer.pid))
        os.kill(reaper.pid, signal.SIGTERM)
        status = reaper.process.wait(10)
        check('TERM without a supervisor ends all', status == 128 + signal.SIGTERM, status)
        check('and kills the children', not os.path.exists('/proc/%d' % answer.pid))
        answer.close()
        reaper.stand_in_pid = None
    os.rmdir(directory)


def back_off():
    """A supervisor that dies by itself at once is started ever more slowly; the reaper still listens. As PID 1: another
    reaper gives up."""
    directory = tempfile.mkdtemp(prefix='A-crash-')
    log = os.path.join(directory, 'starts')
    began = time.monotonic()
    command = [os.environ['CORRAL_BUILD'] + '/reaper/corral-init', '--supervise', '--', '/bin/sh', '-c',
               'echo >> %s; exit 3' % log]
    process = subprocess.Popen(['unshare', '-fp', '--kill-child', *command], stderr=subprocess.DEVNULL)
    wait_until(lambda: os.path.exists(log) and os.path.getsize(log) >= 8, 10)
    took = time.monotonic() - began
    check('six starts at once, then pauses of 100 and 200 ms', 0.28 < took < 3, took)
    os.kill(children_of(process.pid)[0], signal.SIGTERM)
    check('TERM in a pause ends the reaper', process.wait(10) == 128 + signal.SIGTERM)
    os.unlink(log)
    done = subprocess.run(command, stderr=subprocess.PIPE, timeout=10, check=False)
    check('one that is not PID 1 ends with the status of the sixth', (done.returncode, os.path.getsize(log)) == (3, 6), done)
    check('and says so', done.stderr.endswith(b'corral-reaper: the supervisor cannot start\n'), done.stderr)
    os.unlink(log)
    os.rmdir(directory)


def main():
    with Reaper() as reaper:
        reaper.accept()
        the_store(reaper)
        store_restart(reaper)
        signals(reaper)
        kill_rounds(reaper)
        last_steps(reaper)
        check('it ends as it was told', reaper.shut_down(0) == 0)
    ready_fd()
    cannot_start()
    lost_supervisor()
    back_off()


if __name__ == '__main__':
    main()
