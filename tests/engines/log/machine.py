"""A state machine that compares a log with a list: append, poll, commit, rewind, reopen, trim in any order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from rekindle.engines.log import Consumer, Entry, Keyed, Log
from tests.conftest import FakeClock

NAMES = st.sampled_from(["one", "two"])


class LogMachine(RuleBasedStateMachine):
    """Subclasses give ``open_log``. One key, so that the order is total on every engine."""

    open_log: Callable[[FakeClock], Awaitable[Log]]

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = FakeClock()
        self.written: list[tuple[bytes, int]] = []
        self.trimmed = 0
        self.committed: dict[str, int] = {}
        self.position: dict[str, int] = {}
        self.seen: dict[str, list[Entry]] = {}
        self.consumers: dict[str, Consumer] = {}
        self.log: Log = self.do(self.open_log(self.clock))

    def do(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    @rule(sizes=st.lists(st.integers(0, 400), max_size=8), later=st.integers(0, 3))
    def append(self, sizes: list[int], later: int) -> None:
        self.clock.advance(later)
        values = [f"{len(self.written) + at}:".encode() + b"x" * size for at, size in enumerate(sizes)]
        self.do(self.log.append([Keyed("k", value) for value in values]))
        self.written += [(value, self.clock()) for value in values]

    @rule(name=NAMES)
    def open_consumer(self, name: str) -> None:
        if name in self.consumers:  # two members would share the partitions, where there are several
            self.do(self.consumers[name].close())
        self.consumers[name] = self.do(self.log.consumer(name))
        self.committed.setdefault(name, 0)
        self.position[name] = self.committed[name]
        self.seen.setdefault(name, [])

    @rule(name=NAMES, limit=st.integers(1, 12))
    def poll(self, name: str, limit: int) -> None:
        if name not in self.consumers:
            return
        at = max(self.position[name], self.trimmed)
        got = self.do(self.consumers[name].poll(limit))
        expected = [value for value, _ in self.written[at : at + limit]]
        assert [entry.value for entry in got] == expected[: len(got)]
        assert bool(got) == bool(expected)
        self.position[name] = at + len(got)
        self.seen[name] += got

    @rule(name=NAMES, choice=st.integers(0, 20))
    def commit(self, name: str, choice: int) -> None:
        seen = self.seen.get(name)
        if name not in self.consumers or not seen:
            return
        entry = seen[choice % len(seen)]
        self.do(self.consumers[name].commit(entry))
        place = next(at for at, (value, _) in enumerate(self.written) if value == entry.value) + 1
        self.committed[name] = max(self.committed[name], place)

    @rule(name=NAMES)
    def rewind(self, name: str) -> None:
        if name in self.consumers:
            self.do(self.consumers[name].rewind())
            self.position[name] = self.committed[name]

    @rule()
    def reopen(self) -> None:
        self.do(self.log.close())
        self.log = self.do(self.open_log(self.clock))
        self.consumers = {}
        self.position = {}

    @rule(age=st.integers(0, 4))
    def trim(self, age: int) -> None:
        limit = self.clock() - age
        before = self.trimmed
        gone = self.do(self.log.trim(limit))
        self.trimmed += gone
        assert all(at_ms < limit for _, at_ms in self.written[before : self.trimmed])
        assert not gone or self.trimmed <= min(self.committed.values(), default=len(self.written))

    @precondition(lambda self: self.written)
    @rule(limit=st.integers(1, 9))
    def tail(self, limit: int) -> None:
        kept = [value for value, _ in self.written[self.trimmed :]]
        assert [entry.value for entry in self.do(self.log.tail(None, limit))] == kept[-limit:]

    @rule()
    def lag(self) -> None:
        found = {lag.consumer: lag.records for lag in self.do(self.log.lag())}
        end = len(self.written)
        assert found == {name: end - max(at, self.trimmed) for name, at in self.committed.items()}

    def teardown(self) -> None:
        self.do(self.log.close())
        self.loop.close()
