# SPDX-License-Identifier: Apache-2.0
"""The reaper daemon carries out launch orders: what a child gets, and how each stage fails."""
import errno
import os
import resource
import shutil
import signal
import struct
import tempfile

import corral
import reaper_driver
from reaper_driver import NEW_SESSION, NO_NEW_PRIVILEGES, SET_UMASK, SET_USER, Reaper, check, launch_block

def output_of(reaper, argv, **options):
    """Launches and returns what the child wrote, and its exit record."""
    reading, writing = os.pipe()
    answer = reaper.launch(argv, fds={0: reaper.null, 1: writing, 2: writing}, **options)
    os.close(writing)
    with os.fdopen(reading, 'rb') as file:
        text = file.read().decode()
    check('it was launched', answer.code == 0, vars(answer))
    record = reaper.exit()
    check('the record names its order', (record.order, record.pid) == (answer.order, answer.pid), vars(record))
    answer.close()
    return text, record


def successes(reaper, directory):
    sh = ['/bin/sh', '-c']
    text, record = output_of(reaper, ['echo', 'a b', ''], search='/nonesuch::/bin:/usr/bin')
    check('PATH is searched', text == 'a b \n', text)
    check('a clean end', record.wait_status == 0 and record.jid == 0x42)
    text, _ = output_of(reaper, sh + ['echo "$A$B"; pwd'], env=['A=1', 'B=2'], cwd='/usr')
    check('environment and directory', text == '12\n/usr\n', text)
    text, _ = output_of(reaper, sh + ['umask; ulimit -n'], flags=SET_UMASK, umask=0o137,
                        limits=[(resource.RLIMIT_NOFILE, 77, 99)])
    check('umask and limits', text == '0137\n77\n', text)
    text, _ = output_of(reaper, ['id', '-u', '-n'], search='/usr/bin', flags=SET_USER, uid=65534, gid=65534)
    check('the user', text == 'nobody\n', text)
    text, record = output_of(reaper, sh + ['id -g; id -G'], search='/usr/bin', flags=SET_USER, uid=65534, gid=65534,
                             groups=[65534, 7, 8])
    check('the groups', text == '65534\n65534 7 8\n', text)
    check('the record has the real ids', (record.uid, record.gid) == (65534, 65534))
    text, _ = output_of(reaper, sh + ['grep -E "^(SigBlk|SigIgn|NoNewPrivs)" /proc/self/status'],
                        flags=NO_NEW_PRIVILEGES)
    check('signals are clean, privileges sealed', text.split() ==
          ['SigBlk:', '0' * 16, 'SigIgn:', '0' * 16, 'NoNewPrivs:', '1'], text)
    text, _ = output_of(reaper, sh + ['cut -d" " -f 1,6 /proc/self/stat; cut -d" " -f 1,6 /proc/$$/stat'],
                        flags=NEW_SESSION)
    check('a session of its own', len(set(line.split()[1] for line in text.splitlines())) == 1 and
          text.splitlines()[1].split()[0] == text.split()[1], text)
    text, _ = output_of(reaper, sh + ['ls /proc/$$/fd; :'])
    check('no descriptor leaks', text.split() == ['0', '1', '2'], text)
    script = os.path.join(directory, 'corral-script')
    with open(script, 'w', encoding='ascii') as file:
        file.write('echo "$0" "$@"\n')
    os.chmod(script, 0o755)
    text, _ = output_of(reaper, [script, 'x', 'y'])
    check('a text without #! is a script', text == script + ' x y\n', text)
    text, _ = output_of(reaper, ['corral-script', 'x', 'y'], search='/bin:' + directory)
    check('likewise if it was searched', text == script + ' x y\n', text)
    words = ['%099d' % i for i in range(20000)]
    text, _ = output_of(reaper, sh + ['echo $# ${20000}', 'sh'] + words,
                        limits=[(resource.RLIMIT_STACK, 64 << 20, 64 << 20)])
    check('2 MB of arguments', text == '20000 %s\n' % words[-1], text[:100])
    text, _ = output_of(reaper, ['echo', 'small'], search='/bin', memfd=False)
    check('and a small one again', text == 'small\n')
    text, record = output_of(reaper, sh + ['kill -SEGV $$'])
    check('death by signal', record.wait_status & 0x7F == signal.SIGSEGV)
    _, record = output_of(reaper, sh + ['exit 9'])
    check('an exit code', record.wait_status == 9 << 8)


def descriptors(reaper):
    reading, writing = os.pipe()
    one, two = os.pipe()
    os.write(two, b'from one\n')
    os.close(two)
    answer = reaper.launch(['/bin/sh', '-c', 'cat <&7 >&5'], env=['PATH=/bin'], fds={5: writing, 7: one, 3: reaper.null})
    answer.close()
    reaper.exit()
    answer = reaper.launch(['/bin/ls', '/proc/self/fd'], fds={7: one, 1: writing, 5: reaper.null})
    os.close(writing)
    os.close(one)
    with os.fdopen(reading) as file:
        text = file.read()
    # ls opens the directory itself, at the lowest free number: 0, as it was not given one.
    check('descriptors at any numbers, and no others', text.split() == ['from', 'one', '0', '1', '5', '7'], text)
    answer.close()
    reaper.exit()


def failures(reaper, directory):
    files = {'no-binary': b'\x7fELF\0garbage\n', 'bad-interpreter': b'#!/nonesuch/interpreter\n', 'locked': b'#!/bin/sh\n'}
    for name, content in files.items():
        with open(os.path.join(directory, name), 'wb') as file:
            file.write(content)
        os.chmod(os.path.join(directory, name), 0o644 if name == 'locked' else 0o755)
    closed = os.path.join(directory, 'closed')
    os.mkdir(closed, 0o700)
    nobody = {'flags': SET_USER, 'uid': 65534, 'gid': 65534}
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    table = [
        ('a missing program', ['/nonesuch'], {}, 'exec', errno.ENOENT),
        ('a missing name', ['nonesuch'], {'search': '/bin:/usr/bin'}, 'exec', errno.ENOENT),
        ('an empty name', [''], {'search': '/bin'}, 'exec', errno.ENOENT),
        ('what may not be executed', [directory + '/locked'], {}, 'exec', errno.EACCES),
        ('EACCES wins in a search', ['locked'], {'search': directory + ':/bin'}, 'exec', errno.EACCES),
        ('a directory', ['/bin/'], {}, 'exec', errno.EACCES),
        ('a file that is no binary', [directory + '/no-binary'], {}, 'exec', errno.ENOEXEC),
        ('a missing interpreter', [directory + '/bad-interpreter'], {}, 'exec', errno.ENOENT),
        ('a missing directory', ['/bin/true'], {'cwd': '/nonesuch'}, 'directory', errno.ENOENT),
        ('a directory closed to the user', ['/bin/true'], {'cwd': closed, **nobody}, 'directory', errno.EACCES),
        ('an unknown limit', ['/bin/true'], {'limits': [(99, 1, 1)]}, 'limits', errno.EINVAL),
        ('a limit below itself', ['/bin/true'], {'limits': [(resource.RLIMIT_NOFILE, 9, 8)]}, 'limits', errno.EINVAL),
        ('too long arguments', ['/bin/true', 'x' * 200000], {}, 'exec', errno.E2BIG),
    ]
    if hard != resource.RLIM_INFINITY:
        table.append(('a limit above ours', ['/bin/true'], {'limits': [(resource.RLIMIT_NOFILE, 9, 1 << 40)]}, 'limits',
                      errno.EPERM))
    for what, argv, options, stage, code in table:
        answer = reaper.launch(argv, **options)
        check(what, (answer.pid, answer.stage, answer.code) == (0, stage, code), vars(answer))
        check('its process leaves a record', reaper.exit().order == answer.order)


def damaged(reaper):
    """Requests that cannot be read are answered or dropped; the reaper goes on."""
    good = launch_block(['/bin/true'], targets=[0])

    def send(block, fds, size=None):
        order, reaper.next_order = reaper.next_order, reaper.next_order + 1
        launch = struct.pack('=QQQQII', reaper.epoch, order, 1, 0, len(block) if size is None else size, 0)
        reaper.link.send(reaper_driver.LAUNCH, launch + (block if size is None else b''), fds)
        answer = reaper.answer()
        check('a damaged request is refused', (answer.order, answer.stage, answer.code) ==
              (order, 'decode', errno.EBADMSG), vars(answer))
        reaper.acknowledge(order)
    send(good[:-1], [reaper.null])
    send(good, [])
    send(good, [reaper.null, reaper.null])
    send(b'', [])
    send(good[:4] + b'\xff' * 44 + good[48:], [reaper.null])
    send(good[:8] + struct.pack('=I', 0) + good[12:], [reaper.null])
    send(good[:48] + struct.pack('=Q', 1 << 60) + good[56:], [reaper.null])
    big = launch_block(['/bin/true'] + ['x' * 1000] * 40, targets=[0])
    for seals in (0, 0x2):  # none; F_SEAL_SHRINK without F_SEAL_WRITE
        fd = reaper_driver.sealed_memfd(big, seals)
        send(big, [fd, reaper.null], size=len(big))
        os.close(fd)
    send(big, [reaper.null, reaper.null], size=len(big))
    fd = reaper_driver.sealed_memfd(big)
    send(big, [fd, reaper.null], size=len(big) - 1)
    os.close(fd)
    for raw in (b'x', b'\0' * 16, reaper_driver.HEAD.pack(reaper_driver.MAGIC, 9, 1, 0, 0),
                reaper_driver.HEAD.pack(reaper_driver.MAGIC, 1, 2, 999, 0), os.urandom(3000)):
        reaper.link.send(0, raw=raw)
    for kind in range(0, 200):
        if kind not in (reaper_driver.SHUT_DOWN,):
            reaper.link.send(kind, b'short')
    answer = reaper.launch(['/bin/true'])
    check('and it launches on', answer.code == 0, vars(answer))
    answer.close()
    reaper.exit()


def cgroups(reaper):
    if corral.cgroup2_parent() is None:
        return corral.not_checked('needs a writable cgroup v2 hierarchy')
    base = '%s/corral-test-A%d' % (corral.cgroup2_parent(), os.getpid())
    os.mkdir(base)
    try:
        path = base + '/j00000000000000ab'
        os.mkdir(path)
        directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        text, record = output_of(reaper, ['/bin/grep', '0::', '/proc/self/cgroup'], cgroup=directory, jid=0xAB)
        check('born in its cgroup', text.strip().endswith('/j00000000000000ab'), text)
        text, record = output_of(reaper, ['/bin/sh', '-c', '(sleep 0.1; exit 5) & exit 0'], cgroup=directory, jid=0xAB)
        orphan = reaper.exit()
        check('an orphan is known by its cgroup', (orphan.jid, orphan.order) == (0xAB, 0), vars(orphan))
        os.rmdir(path)
        answer = reaper.launch(['/bin/true'], cgroup=directory)
        check('a removed cgroup', answer.stage == 'clone' and answer.code in (errno.ENODEV, errno.ENOENT),
                  vars(answer))
        answer = reaper.launch(['/bin/true'], cgroup=reaper.null)
        check('no cgroup at all', answer.stage == 'clone' and answer.code != 0, vars(answer))
        os.close(directory)
    finally:
        if os.path.exists(base + '/j00000000000000ab'):
            os.rmdir(base + '/j00000000000000ab')
        os.rmdir(base)


def main():
    directory = tempfile.mkdtemp(prefix='A-launches-')
    os.chmod(directory, 0o755)
    try:
        with Reaper() as reaper:
            reaper.accept()
            successes(reaper, directory)
            descriptors(reaper)
            failures(reaper, directory)
            damaged(reaper)
            cgroups(reaper)
            status = reaper.shut_down(4)
            check('it ends as it was told', status == 4, status)
    finally:
        shutil.rmtree(directory)


if __name__ == '__main__':
    main()
