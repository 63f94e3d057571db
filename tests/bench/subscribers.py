#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What subscribers to events cost a launch: jobs one after the other with none and with many that read, and with many that
have stopped reading, interleaved; and what the supervisor's memory does meanwhile.

  subscribers.py --build BUILD [--rounds 9] [--count 200] [--subscribers 1000]
"""

import os
import select
import socket
import statistics
import subprocess
import threading

import measure


def rate(corral, instance, count):
    command = [corral.BUILD / "tests/bench/bench-full-path", instance.socket, "/bin/true", count, 1]
    return float(subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE).stdout)


class Subscribers:
    """Their descriptors, in this process; one thread reads them all, if they are read."""

    def __init__(self, instance, count):
        import dbus.bus

        bus = dbus.bus.BusConnection(f"unix:path={instance.socket}")
        manager = dbus.Interface(bus.get_object("org.corral.Manager1", "/org/corral/manager"), "org.corral.Manager1")
        self.sockets = [socket.socket(fileno=manager.Subscribe([]).take()) for _ in range(count)]
        self.events = 0
        self.packets = 0

    def read(self):
        poll = select.epoll()
        for number, one in enumerate(self.sockets):
            one.setblocking(False)
            poll.register(one.fileno(), select.EPOLLIN)
        by_fd = {one.fileno(): one for one in self.sockets}

        def run():
            while True:
                for fd, _ in poll.poll():
                    data = by_fd[fd].recv(65536)
                    if not data:
                        return
                    self.packets += 1
                    self.events += data.count(b"\n")

        threading.Thread(target=run, daemon=True).start()


def main():
    parser = measure.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--subscribers", type=int, default=1000)
    arguments = measure.parse(parser)
    import corral  # tests/support

    print(f"## launches one after the other with {arguments.subscribers} subscribers against none")
    for are_read in (True, False):
        with corral.Instance() as free, corral.Instance() as told:
            before = measure.private_kib(told.supervisor)
            many = Subscribers(told, arguments.subscribers)
            if are_read:
                many.read()
            for instance in (free, told):
                rate(corral, instance, 50)
            ratios = []
            for number in range(arguments.rounds):
                in_turn = (free, told) if number % 2 == 0 else (told, free)
                rates = {instance: rate(corral, instance, arguments.count) for instance in in_turn}
                ratios.append(rates[told] / rates[free])
                print(f"   none {rates[free]:7.1f} jobs/s   with {rates[told]:7.1f} jobs/s   ratio {ratios[-1]:.3f}",
                      flush=True)
            after = measure.private_kib(told.supervisor)
            print(f"   they {'read' if are_read else 'do not read'}: median ratio "
                  f"{measure.judged(statistics.median(ratios), at_least=0.9)}")
            a_subscriber = (after - before) * 1024 / arguments.subscribers
            print(f"   private memory of the supervisor {before} -> {after} KiB, bytes a subscriber: "
                  f"{measure.judged(a_subscriber, at_most=8191, form='.0f')}; {many.events} events in {many.packets} packets")


if __name__ == "__main__":
    main()
