"""The protocol that every log engine keeps; the conformance suite is `tests/engines/log`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol, runtime_checkable

import msgspec


class LogUnavailable(Exception):
    """The log cannot take or give records now; nothing was acknowledged. Try again later."""


class LogFull(LogUnavailable):
    """The store behind the log has no room; acceptance stops until there is."""


class LogCorrupt(Exception):
    """What is stored is not what was written. Nothing behind that place is given out until a person has looked."""


class Keyed(NamedTuple):
    """One record to append; records of one key stay in order (the key is the visitor's pseudonym)."""

    key: str
    value: bytes


class Entry(NamedTuple):
    """One record read. ``(partition, offset)`` names it for ever; offsets grow within a partition, with gaps."""

    partition: int
    offset: int
    appended_ms: int
    value: bytes


class ConsumerLag(msgspec.Struct, frozen=True):
    """How far a consumer is: ``records`` not yet committed, and the age in ms of the oldest of them (0 if none)."""

    consumer: str
    records: int
    oldest_ms: int


class Consumer(Protocol):
    """One named cursor. In a cluster the members of a name share its partitions."""

    async def poll(self, limit: int, wait_ms: int = 0) -> Sequence[Entry]:
        """Return up to ``limit`` next entries in order, waiting up to ``wait_ms`` for the first.

        Moves this member's read position, not the committed cursor: after a restart, reading goes on behind the last
        commit, so an entry can be seen twice and never lost.
        """
        ...

    async def commit(self, upto: Entry) -> None:
        """Durably move the cursor behind ``upto``, for its partition."""
        ...

    async def rewind(self) -> None:
        """Go back to the last committed cursor."""
        ...

    async def close(self) -> None:
        """Give up the cursor's membership; the committed position stays."""
        ...


class Log(Protocol):
    """Append-only, durable, read by named consumers at their own pace."""

    async def append(self, records: Sequence[Keyed]) -> None:
        """Store all records; when this returns they are on stable storage.

        Raises `LogFull` or `LogUnavailable`, and then none of them was acknowledged. One machine's engine has then stored none;
        one of several machines may keep some, which readers know by their ids when the caller tries again.
        """
        ...

    async def check(self) -> None:
        """Return when records can be stored now. Raises `LogUnavailable`; a readiness probe asks this."""
        ...

    @property
    def waiting_bytes(self) -> int:
        """How many bytes wait to be stored; bounded by the engine."""
        ...

    async def consumer(self, name: str, *, start: Literal["first", "last"] = "first", share: bool = True) -> Consumer:
        """Open (and register, durably) the consumer ``name``; ``start`` counts only the first time.

        The members of a name share the partitions. With ``share=False`` each member reads all of them, from the
        cursor that they have in common: for state that is kept in common and must be complete in each process.
        """
        ...

    async def forget(self, name: str) -> None:
        """Remove a consumer, so that it no longer holds back `trim`."""
        ...

    async def lag(self) -> Sequence[ConsumerLag]:
        """Return every registered consumer's lag."""
        ...

    async def tail(self, after: tuple[int, int] | Mapping[int, int] | None, limit: int) -> Sequence[Entry]:
        """Read without a cursor, about in order of time: the newest ``limit`` entries when ``after`` is None.

        After ``(partition, offset)`` come that partition's entries; after a mapping of partitions to offsets, those of
        every partition (of one that it does not name, from its first).
        """
        ...

    async def ends(self) -> Mapping[int, int]:
        """Return where each partition has got to: an offset behind which `tail` finds what comes from now on."""
        ...

    async def trim(self, older_than_ms: int) -> int:
        """Drop what is older than that moment and committed by every consumer; return how many records went."""
        ...

    async def close(self) -> None:
        """Flush and release everything. `append` afterwards raises `LogUnavailable`."""
        ...


@runtime_checkable
class Sharing(Protocol):
    """A consumer whose name may have several members."""

    @property
    def owned(self) -> frozenset[int]:
        """The partitions that are this member's now. Work that belongs to others is theirs to do."""
        ...


@runtime_checkable
class SetsAside(Protocol):
    """A log with a place for entries that no reader understands."""

    async def set_aside(self, entry: Entry, reader: str) -> None:
        """Keep a copy beyond `Log.trim` for a person to look at. Raises `LogUnavailable`."""
        ...


def owned(consumer: Consumer) -> frozenset[int] | None:
    """Return the partitions of a consumer that shares them; None when it has all."""
    return consumer.owned if isinstance(consumer, Sharing) else None
