"""A closed-loop HTTP load generator on raw sockets and epoll, cheap enough not to be what is measured."""

from __future__ import annotations

import select
import socket
import time
from typing import NamedTuple


class Load(NamedTuple):
    """``latencies`` are seconds, sorted; ``bad`` counts answers that were not 2xx."""

    requests: int
    seconds: float
    latencies: list[float]
    bad: int

    @property
    def rate(self) -> float:
        return self.requests / self.seconds

    def percentile_ms(self, share: float) -> float:
        return self.latencies[min(len(self.latencies) - 1, int(len(self.latencies) * share))] * 1000


def run(port: int, requests: list[bytes], connections: int, seconds: float, warm_up: float = 0.5) -> Load:
    """Keep ``connections`` busy, one request at a time each, taking the requests in turn."""
    poll = select.epoll()
    lines: dict[int, socket.socket] = {}
    sent: dict[int, float] = {}
    for _ in range(connections):
        line = socket.create_connection(("127.0.0.1", port))
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lines[line.fileno()] = line
        poll.register(line, select.EPOLLIN)
    clock = time.perf_counter
    latencies: list[float] = []
    bad = turn = 0
    begin = clock() + warm_up
    end = begin + seconds
    for number, line in lines.items():
        line.sendall(requests[turn % len(requests)])
        sent[number] = clock()
        turn += 1
    now = clock()
    while now < end:
        for number, _ in poll.poll(1):
            line = lines[number]
            answer = line.recv(4096)
            now = clock()
            if not answer:
                raise SystemExit("the server closed a connection")
            if now >= begin:
                latencies.append(now - sent[number])
                bad += answer[9:10] != b"2"
            sent[number] = now
            line.sendall(requests[turn % len(requests)])
            turn += 1
    for line in lines.values():
        line.close()
    poll.close()
    return Load(len(latencies), seconds, sorted(latencies), bad)
