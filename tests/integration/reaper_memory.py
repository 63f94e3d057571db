# SPDX-License-Identifier: Apache-2.0
"""What the reaper remembers: answers to orders, records of ends; across deaths of the supervisor, with a full ring."""
import errno
import os
import signal
import struct
import time

import reaper_driver
from reaper_driver import EXIT_TYPE, LAUNCHED_TYPE, Exit, Reaper, check, children_of, wait_until


def state_of(pid):
    with open('/proc/%d/stat' % pid, encoding='utf-8') as file:
        return file.read().rsplit(')', 1)[1].split()[0]


def repeated_orders(reaper):
    order = reaper.order(['/bin/sleep', '60'])
    first = reaper.answer()
    for _ in range(3):
        reaper.order(['/bin/sleep', '60'], order=order)
        again = reaper.answer()
        check('a repeated order has the same answer', (again.pid, again.order) == (first.pid, order), vars(again))
        check('and a pidfd', again.pidfd >= 0)
        again.close()
    reaper.kill_supervisor()
    reaper.accept()
    again = reaper.answer()
    check('a new supervisor gets the answer unasked', (again.pid, again.order) == (first.pid, order), vars(again))
    reaper.order(['/bin/sleep', '60'], order=order)
    again.close()
    again = reaper.answer()
    check('and asked', again.pid == first.pid)
    check('it was launched once', sum(1 for pid in children_of(reaper.pid) if pid == first.pid) == 1 and
          len(children_of(reaper.pid)) == 3, children_of(reaper.pid))
    reaper.acknowledge(order)
    signal.pidfd_send_signal(again.pidfd, signal.SIGKILL)
    record = reaper.exit()
    check('its end is known by its order', (record.order, record.wait_status) == (order, signal.SIGKILL))
    first.close()
    again.close()


def order_before_death(reaper):
    """An order that the supervisor sent and died: it is carried out once."""
    reading, writing = os.pipe()
    order = reaper.order(['/bin/sh', '-c', 'echo once; sleep 0.2'], fds={1: writing})
    reaper.kill_supervisor()
    reaper.accept()
    reaper.order(['/bin/sh', '-c', 'echo once; sleep 0.2'], fds={1: writing}, order=order)
    os.close(writing)
    pids, records = set(), []
    while not records:
        packet = reaper.link.receive()
        if packet.kind == LAUNCHED_TYPE:
            pids.add(reaper_driver.Answer(packet).pid)
        if packet.kind == EXIT_TYPE:
            records.append(Exit(packet.body))
        packet.close()
    with os.fdopen(reading) as file:
        check('an order given just before a death is carried out once', file.read() == 'once\n')
    check('with one pid', pids == {records[0].pid}, pids)
    reaper.acknowledge(order)
    reaper.acknowledge_record(records[0].sequence)


def new_epoch(reaper):
    answer = reaper.launch(['/bin/sleep', '60'])
    kept = reaper.order(['/bin/true'])
    reaper.answer().close()
    reaper.exit()
    reaper.kill_supervisor()
    reaper.accept(hello=False)
    reaper.hello(epoch=8)
    reaper.order(['/bin/true'], order=kept)
    fresh = reaper.answer()
    check('another epoch knows no old orders', fresh.epoch == 8 and fresh.order == kept and fresh.code == 0, vars(fresh))
    fresh.close()
    reaper.acknowledge(kept)
    reaper.exit()
    signal.pidfd_send_signal(answer.pidfd, signal.SIGKILL)
    record = reaper.exit()
    check('a job of an old epoch keeps its jid and its order', (record.jid, record.order) == (0x42, answer.order),
          vars(record))
    answer.close()
    order, reaper.next_order = reaper.next_order, reaper.next_order + 1
    reaper.link.send(reaper_driver.LAUNCH, struct.pack('=QQQQII', 7, order, 1, 0, 0, 0))
    stale = reaper.answer()
    check('an order of another epoch is refused', (stale.epoch, stale.code) == (7, errno.ESTALE), vars(stale))


def many_orders(reaper):
    orders = [reaper.order(['/bin/true']) for _ in range(32)]
    answers = {}
    seen = 0
    while len(answers) < 32 or seen < 32:
        packet = reaper.link.receive()
        if packet.kind == EXIT_TYPE:
            record = Exit(packet.body)
            check('an end comes after its launch', record.order in answers)
            reaper.acknowledge_record(record.sequence)
            seen += 1
        else:
            answer = reaper_driver.Answer(packet)
            answers[answer.order] = answer
    over = reaper.order(['/bin/true'])
    refused = reaper.answer()
    check('the 33rd open order has to wait', (refused.order, refused.code) == (over, errno.EAGAIN), vars(refused))
    for order in orders:
        reaper.acknowledge(order)
        answers[order].close()
    reaper.order(['/bin/true'], order=over)
    answer = reaper.answer()
    check('and is launched when there is room', answer.code == 0)
    answer.close()
    reaper.acknowledge(over)
    reaper.exit()
    descriptors = len(os.listdir('/proc/%d/fd' % reaper.pid))
    check('it holds few descriptors', descriptors < 24, descriptors)


def replayed_records(reaper):
    reaper.launch(['/bin/sh', '-c', 'for i in 1 2 3 4 5; do (exit $i) & done; sleep 0.3']).close()
    records = [reaper.exit(acknowledge=False)]
    check('only the child is ours', records[0].comm == 'sh')
    pids = []
    for i in range(5):
        answer = reaper.launch(['/bin/sh', '-c', 'exit %d' % (i + 1)])
        pids.append(answer.pid)
        answer.close()
        records.append(reaper.exit(acknowledge=False))
    reaper.acknowledge_record(records[2].sequence)
    for _ in range(3):
        reaper.kill_supervisor()
        welcome = reaper.accept()
        check('the welcome names what is open', (welcome['first'], welcome['next']) ==
              (records[3].sequence, records[-1].sequence + 1), welcome)
        again = [reaper.exit(acknowledge=False) for _ in records[3:]]
        check('what was not acknowledged comes again, the same', [vars(r) for r in again] ==
              [vars(r) for r in records[3:]])
    reaper.acknowledge_record(records[-1].sequence)
    reaper.acknowledge_record(1 << 60)
    check('nothing more comes', reaper.link.receive(0.2) is None)


def full_ring():
    with Reaper(options=['--ring-records', '4']) as reaper:
        reaper.accept()
        pids = []
        records = []
        for i in range(10):
            answer = reaper.launch(['/bin/sh', '-c', 'exit %d' % i])
            pids.append(answer.pid)
            answer.close()
            if len(records) < 4:
                records.append(reaper.exit(acknowledge=False))
        wait_until(lambda: all(state_of(pid) == 'Z' for pid in pids[4:]))
        check('beyond the ring, zombies', not any(os.path.exists('/proc/%d' % pid) for pid in pids[:4]))
        check('and no more records', reaper.link.receive(0.2) is None)
        reaper.kill_supervisor()
        reaper.accept()
        check('the supervisor is restarted all the same', True)
        records = []
        while len(records) < 10:
            records.append(reaper.exit())
        check('all are delivered, with their true statuses', [r.wait_status >> 8 for r in records] == list(range(10)))
        check('in one sequence', [r.sequence for r in records] == list(range(1, 11)))
        check('and the zombies are gone', not any(os.path.exists('/proc/%d' % pid) for pid in pids))


def slow_supervisor():
    """A supervisor that does not read loses nothing and stops nobody."""
    with Reaper() as reaper:
        reaper.accept()
        answer = reaper.launch(['/bin/sh', '-c', 'trap "" TERM; i=0; while [ $i -lt 400 ]; do setsid /bin/sh -c '
                                '"(sleep 0.01 &) ; exit 0"; i=$((i+1)); done'], env=['PATH=/bin:/usr/bin'])
        answer.close()
        time.sleep(0.5)
        wait_until(lambda: len(children_of(reaper.pid)) == 2, 60)
        sequences = []
        while len(sequences) < 401:
            sequences.append(reaper.exit(acknowledge=len(sequences) == 400).sequence)
        check('401 records waited in order', sequences == list(range(1, 402)), len(sequences))
        check('and no more', reaper.link.receive(0.2) is None)


def main():
    with Reaper() as reaper:
        reaper.accept()
        repeated_orders(reaper)
        order_before_death(reaper)
        new_epoch(reaper)
        many_orders(reaper)
        replayed_records(reaper)
    full_ring()
    slow_supervisor()


if __name__ == '__main__':
    main()
