# SPDX-License-Identifier: Apache-2.0
"""The reaper short of processes, of descriptors, and as PID 1; errors are answers, and it goes on."""
import errno
import os
import resource
import signal
import subprocess
import sys

import corral
from reaper_driver import Reaper, check, children_of, wait_until

UID = 64123  # nobody else's


def short_of_processes():
    if os.getuid() != 0:
        return corral.not_checked('needs root')
    others = sum(1 for name in os.listdir('/proc') if name.isdigit() and os.stat('/proc/' + name).st_uid == UID)
    check('the uid is ours alone', others == 0, others)

    def become():
        resource.setrlimit(resource.RLIMIT_NPROC, (6, 6))
        os.setgroups([])
        os.setresgid(UID, UID, UID)
        os.setresuid(UID, UID, UID)
    with Reaper(preexec=become, open_door=True) as reaper:
        reaper.accept()  # reaper, store, supervisor: three processes
        answers = []
        while True:
            answer = reaper.launch(['/bin/sleep', '60'])
            if answer.code:
                break
            answers.append(answer)
        check('EAGAIN on clone is an answer', (answer.stage, answer.code) == ('clone', errno.EAGAIN), vars(answer))
        check('after as many as the limit allows', len(answers) == 3, len(answers))
        signal.pidfd_send_signal(answers[0].pidfd, signal.SIGKILL)
        reaper.exit()
        answer = reaper.launch(['/bin/true'])
        check('when one has gone there is room', answer.code == 0, vars(answer))
        answer.close()
        record = reaper.exit()
        check('an unprivileged reaper sees the same', record.wait_status == 0 and record.uid == UID)
        for answer in answers:
            answer.close()


def short_of_descriptors():
    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24))
    with Reaper(preexec=limit) as reaper:
        reaper.accept()
        free = 24 - len(os.listdir('/proc/%d/fd' % reaper.pid))
        orders = []
        while True:
            order = reaper.order(['/bin/sleep', '60'], timeout_us=0)
            answer = reaper.answer()
            if answer.code:
                break
            answer.close()
            orders.append(order)
        check('EMFILE is an answer (%s)' % answer.stage, answer.code == errno.EMFILE and answer.stage in
              ('clone', 'decode', 'descriptors'), vars(answer), free)
        if answer.stage == 'descriptors':
            reaper.exit()
        reaper.acknowledge(order)
        for order in orders:
            reaper.acknowledge(order)
        answer = reaper.launch(['/bin/true'])
        check('when there is room again it launches', answer.code == 0, vars(answer))
        answer.close()
        reaper.exit()


def as_pid_1():
    probe = subprocess.run(['unshare', '-pf', '--mount-proc', '/bin/true'], stderr=subprocess.DEVNULL, check=False)
    if probe.returncode != 0:
        return corral.not_checked('needs a pid namespace')
    with Reaper(wrapper=['unshare', '-pf', '--mount-proc', '--kill-child']) as reaper:
        welcome = reaper.accept(hello=False) or reaper.hello()
        check('it is PID 1', welcome['pid'] == 1 and welcome['is_pid1'] == 1, welcome)
        init = next(pid for pid in children_of(reaper.pid))
        child = reaper.launch(['/bin/sh', '-c', 'setsid /bin/sh -c "sleep 0.3; exit 4" & exit 0'],
                              env=['PATH=/bin:/usr/bin'])
        child.close()
        records = [reaper.exit(), reaper.exit()]
        check('orphans fall to it', records[1].wait_status == 4 << 8 and records[1].order == 0, vars(records[1]))
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGSEGV):
            os.kill(init, number)
        wait_until(lambda: reaper.link.receive(1) is not None)
        check('signals do not end it', reaper.launch(['/bin/true']).code == 0 if drain(reaper) else False)
        reaper.exit()
        namespace = next(pid for pid in children_of(init)
                         if b'reaper_driver' in open('/proc/%d/cmdline' % pid, 'rb').read())
        reaper.stand_in_pid = None
        outlives_no_job(reaper, namespace)


def as_subreaper():
    with Reaper() as reaper:
        welcome = reaper.accept()
        check('it is not PID 1', welcome['pid'] != 1 and welcome['is_pid1'] == 0, welcome)
        outlives_no_job(reaper, reaper.stand_in_pid)


def outlives_no_job(reaper, supervisor):
    """Told to shut down, it stays: for a job, and for the orphan that the job leaves."""
    orphan = 'trap "" TERM HUP; while :; do /bin/sleep 0.1; done'
    sleeper = reaper.launch(['/bin/sh', '-c', "/bin/sh -c '%s' & exec /bin/sleep 60" % orphan])
    reaper.link.send(6, b'\5\0\0\0\0\0\0\0')
    os.kill(supervisor, signal.SIGKILL)
    check('it stays while a job lives', stays(reaper))
    parent = reaper.pid if reaper.program == reaper.process.args[0] else children_of(reaper.pid)[0]
    signal.pidfd_send_signal(sleeper.pidfd, signal.SIGKILL)
    check('and while its orphan does', stays(reaper))
    left = [pid for pid in children_of(parent) if b'TERM HUP' in open('/proc/%d/cmdline' % pid, 'rb').read()]
    check('which is its child now', len(left) == 1, left)
    os.kill(left[0], signal.SIGKILL)
    check('and ends with its code when the last has gone', reaper.process.wait(10) == 5)
    sleeper.close()


def stays(reaper):
    try:
        reaper.process.wait(0.5)
    except subprocess.TimeoutExpired:
        return True
    return False


def drain(reaper):
    while reaper.link.receive(0.2) is not None:
        pass
    return True


def main():
    short_of_processes()
    short_of_descriptors()
    as_pid_1()
    as_subreaper()


if __name__ == '__main__':
    sys.exit(main())
