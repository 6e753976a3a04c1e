"""A log in memory, for state machines that would otherwise spend their time on fsync."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from rekindle.engines.log import ConsumerLag, Entry, Keyed
from rekindle.model.record import Record, encode


class MemoryConsumer:
    def __init__(self, log: MemoryLog, name: str) -> None:
        self._log, self._name = log, name
        self._next = log.committed[name]

    async def poll(self, limit: int, wait_ms: int = 0) -> Sequence[Entry]:
        found = self._log.entries[self._next : self._next + limit]
        self._next += len(found)
        return found

    async def commit(self, upto: Entry) -> None:
        self._log.committed[self._name] = upto.offset + 1

    async def rewind(self) -> None:
        self._next = self._log.committed[self._name]

    async def close(self) -> None:
        pass


class MemoryLog:
    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.committed: dict[str, int] = {}

    def put(self, *records: Record) -> None:
        for record in records:
            self.entries.append(Entry(0, len(self.entries), record.received_ms, encode(record)))

    async def append(self, records: Sequence[Keyed]) -> None:
        for record in records:
            self.entries.append(Entry(0, len(self.entries), 0, record.value))

    async def check(self) -> None:
        pass

    @property
    def waiting_bytes(self) -> int:
        return 0

    async def consumer(
        self, name: str, *, start: Literal["first", "last"] = "first", share: bool = True
    ) -> MemoryConsumer:
        self.committed.setdefault(name, 0 if start == "first" else len(self.entries))
        return MemoryConsumer(self, name)

    async def forget(self, name: str) -> None:
        self.committed.pop(name, None)

    async def lag(self) -> Sequence[ConsumerLag]:
        return [ConsumerLag(name, len(self.entries) - done, 0) for name, done in self.committed.items()]

    async def tail(self, after: tuple[int, int] | Mapping[int, int] | None, limit: int) -> Sequence[Entry]:
        if after is None:
            return self.entries[-limit:]
        place = after[1] if isinstance(after, tuple) else after.get(0, -1)
        return self.entries[place + 1 :][:limit]

    async def ends(self) -> Mapping[int, int]:
        return {0: len(self.entries) - 1}

    async def trim(self, older_than_ms: int) -> int:
        return 0

    async def close(self) -> None:
        pass
