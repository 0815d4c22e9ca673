"""The client of the benchmarks, a process of its own: python -m benchmarks.load < plan.json

Asks one server again and again, a new connection each, some at once, and prints what it saw. It
knows no more of HTTP than where an answer ends, so that not it is measured; it reads /proc for
what the machine did meanwhile.
"""

import base64
import json
import os
import re
import select
import socket
import sys
import time

TICK = os.sysconf("SC_CLK_TCK")
LENGTH = re.compile(rb"(?i)\r\ncontent-length:[ \t]*(\d+)")


class Exchange:
    """One request on a connection of its own; `step` goes on while the socket is ready, and
    tells when it is done."""

    def __init__(self, port, request, buffer):
        self.began = time.perf_counter()
        self.socket = socket.create_connection(("127.0.0.1", port), 60)
        self.socket.setblocking(False)
        self.unsent, self.buffer, self.head, self.missing = memoryview(request), buffer, b"", None

    def step(self):
        try:
            while self.unsent:
                self.unsent = self.unsent[self.socket.send(self.unsent) :]
            while self.missing != 0:
                count = self.socket.recv_into(self.buffer)
                if not count:
                    return True
                self.take(count)
            return True
        except BlockingIOError:
            return False

    def take(self, count):
        if self.missing is not None:
            self.missing = max(0, self.missing - count)
            return
        self.head += self.buffer[:count]
        end = self.head.find(b"\r\n\r\n")
        length = LENGTH.search(self.head, 0, end + 2) if end > 0 else None
        self.missing = max(0, end + 4 + int(length.group(1)) - len(self.head)) if length else None

    @property
    def waits_for(self):
        return select.EPOLLOUT if self.unsent else select.EPOLLIN


def asked(port, request, expected, connections, seconds):
    """The milliseconds of each request, how many of them didn't bring what is expected, and the
    whole time taken."""
    poll, open_ones, taken, wrong = select.epoll(), {}, [], 0
    buffer = memoryview(bytearray(1 << 20))
    began = time.perf_counter()
    until = began + seconds
    idle = connections
    while idle < connections or time.perf_counter() < until:
        while idle and time.perf_counter() < until:
            exchange = Exchange(port, request, buffer)
            exchange.step()
            open_ones[exchange.socket.fileno()] = exchange
            poll.register(exchange.socket, exchange.waits_for)
            idle -= 1
        for number, _ in poll.poll(60):
            exchange = open_ones[number]
            if exchange.step():
                del open_ones[number]
                exchange.socket.close()
                taken.append((time.perf_counter() - exchange.began) * 1000)
                wrong += expected not in exchange.head
                idle += 1
            else:
                poll.modify(number, exchange.waits_for)
    return taken, wrong, time.perf_counter() - began


def busy_ticks():
    """Of the whole machine, what the hypervisor gave to others included."""
    with open("/proc/stat") as file:
        user, nice, system, _, _, irq, softirq, steal = map(int, file.readline().split()[1:9])
    return user + nice + system + irq + softirq + steal


def ticks_of(pids):
    """Processor time of processes, their ended threads included."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total


def measured(plan):
    request, expected = base64.b64decode(plan["request"]), plan["expected"].encode()
    pids, us = plan["pids"], plan["pids"] + [os.getpid()]
    before = ticks_of(pids), ticks_of(us), busy_ticks()
    taken, wrong, seconds = asked(
        plan["port"], request, expected, plan["connections"], plan["seconds"]
    )
    after = ticks_of(pids), ticks_of(us), busy_ticks()
    server, ours, all_of_it = (end - start for start, end in zip(before, after))
    return {
        "milliseconds": taken,
        "wrong": wrong,
        "rate": len(taken) / seconds,
        "processor_ms": 1000 * server / TICK / max(1, len(taken)),
        "others": max(0, all_of_it - ours) / TICK / seconds / os.cpu_count(),
    }


if __name__ == "__main__":
    json.dump(measured(json.load(sys.stdin)), sys.stdout)
