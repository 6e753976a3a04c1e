"""HTTP load on raw sockets and epoll, cheap enough not to be what is measured: a closed loop and an open one."""

from __future__ import annotations

import select
import socket
import time
from collections import deque
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
    poll, lines = _connect(port, connections)
    sent: dict[int, float] = {}
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
    _hang_up(poll, lines)
    return Load(len(latencies), seconds, sorted(latencies), bad)


def run_open(port: int, requests: list[bytes], connections: int, rate: float, seconds: float) -> Load:
    """Send at fixed moments, ``rate`` a second, whether or not answers came; latency counts from the intended moment.

    When no connection is free, a request waits for one, and its waiting counts.
    """
    poll, lines = _connect(port, connections)
    free = deque(lines)  # in turn: a server hangs up on who is silent for long
    due_of: dict[int, float] = {}
    clock = time.perf_counter
    latencies: list[float] = []
    bad = number = 0
    total = int(rate * seconds)
    begin = clock() + 0.1
    while len(latencies) < total:
        now = clock()
        while free and number < total and (due := begin + number / rate) <= now:
            at = free.popleft()
            due_of[at] = due
            lines[at].sendall(requests[number % len(requests)])
            number += 1
        wait = begin + number / rate - now if free and number < total else 1.0
        for at, _ in poll.poll(max(0.0, min(wait, 1.0))):
            answer = lines[at].recv(4096)
            if not answer:
                raise SystemExit("the server closed a connection")
            latencies.append(clock() - due_of[at])
            bad += answer[9:10] != b"2"
            free.append(at)
    _hang_up(poll, lines)
    return Load(len(latencies), clock() - begin, sorted(latencies), bad)


def _connect(port: int, connections: int) -> tuple[select.epoll, dict[int, socket.socket]]:
    poll = select.epoll()
    lines: dict[int, socket.socket] = {}
    for _ in range(connections):
        line = socket.create_connection(("127.0.0.1", port))
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lines[line.fileno()] = line
        poll.register(line, select.EPOLLIN)
    return poll, lines


def _hang_up(poll: select.epoll, lines: dict[int, socket.socket]) -> None:
    for line in lines.values():
        line.close()
    poll.close()
