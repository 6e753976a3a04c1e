"""Views of the log: tables that follow it and count every entry, and every event, once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple, Protocol

import msgspec
import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from rekindle.engines.database.core import Database, metadata, upsert
from rekindle.engines.log.protocol import Consumer, Entry, Log, LogUnavailable, SetsAside
from rekindle.model.names import PLAIN, Names
from rekindle.model.record import ConsentChange, Record, Stored, decode

_HOUR_MS = 3_600_000
# Longer than any age at which the door still takes an event (`policy.max_event_age`, seven days by default), so that
# a client's late retry is still recognised.
REMEMBER_MS = 14 * 24 * _HOUR_MS

# These two belong to the installation's log and not to one shop: an entry's place says nothing of its workspace.
positions = sa.Table(
    "view_positions",
    metadata,
    sa.Column("view", sa.String(64), primary_key=True),
    sa.Column("partition", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("offset", sa.BigInteger, nullable=False),
)
seen = sa.Table(
    "view_seen",
    metadata,
    sa.Column("view", sa.String(64), primary_key=True),
    sa.Column("digest", sa.LargeBinary(16), primary_key=True),
    sa.Column("seen_ms", sa.BigInteger, nullable=False),
    sa.Index(None, "view", "seen_ms"),
)


class Noted(NamedTuple):
    """One record of a batch; ``duplicate`` when an event with the same id was already applied."""

    record: Record
    duplicate: bool


def reached(connection: Connection, view: str) -> dict[int, int]:
    """Return the last offset that was applied of each partition, by whichever worker; one never read is left out."""
    rows = connection.execute(sa.select(positions.c.partition, positions.c.offset).where(positions.c.view == view))
    return {row.partition: row.offset for row in rows}


Rename = Callable[[Connection, str, Mapping[str, str]], object]
"""``(connection, workspace, old to new)``, in the caller's transaction."""


class Part(Protocol):
    """Some tables that follow the log. Several parts may share one view, and then one cursor and one transaction."""

    def prepare(self, records: Sequence[Record]) -> None:
        """Look up what `apply` will need elsewhere; runs on a worker thread, before the transaction."""
        ...

    def apply(self, connection: Connection, batch: Sequence[Noted]) -> None:
        """Write the batch into the tables; must not commit."""
        ...

    def clear(self, connection: Connection) -> None:
        """Empty the tables, before a rebuild."""
        ...


class View:
    """Feeds the parts from the consumer ``name``; state and position move in one transaction.

    An entry delivered again after a crash is skipped by its position; a client's duplicate is recognised by its
    ``event_id`` for ``remember_ms`` of log time.
    """

    def __init__(
        self,
        log: Log,
        database: Database,
        name: str,
        parts: Sequence[Part],
        *,
        names: Names = PLAIN,
        rename: Rename | None = None,
        remember_ms: int = REMEMBER_MS,
    ) -> None:
        """``rename`` is the parts' own: it puts what they keep under older pseudonyms of a visitor under the newest."""
        self.name = name
        self._names = names
        self._rename = rename
        self._log = log
        self._database = database
        self._parts = parts
        self._remember_ms = remember_ms
        self._consumer: Consumer | None = None
        self._trimmed_ms = 0
        self._report = structlog.get_logger("view").bind(view=name)

    async def step(self, limit: int = 1000, wait_ms: int = 0) -> int:
        """Apply up to ``limit`` next entries; return how many were read. After a failure nothing has moved."""
        if self._consumer is None:
            self._consumer = await self._log.consumer(self.name)
        entries = await self._consumer.poll(limit, wait_ms)
        if not entries:
            return 0
        try:
            for entry in await asyncio.to_thread(self._apply, entries):
                await self._set_aside(entry)
        except BaseException:
            await self._consumer.rewind()
            raise
        for last in {entry.partition: entry for entry in entries}.values():
            await self._consumer.commit(last)
        return len(entries)

    async def rebuild(self) -> None:
        """Empty the parts and read the whole log again with the next steps."""
        await self.close()
        await self._log.forget(self.name)

        def forget(connection: Connection) -> None:
            for table in (positions, seen):
                connection.execute(table.delete().where(table.c.view == self.name))
            for part in self._parts:
                part.clear(connection)

        await self._database.run(forget)

    async def close(self) -> None:
        """Give up the cursor; a later `step` opens it again."""
        if self._consumer is not None:
            await self._consumer.close()
            self._consumer = None

    async def _set_aside(self, entry: Entry) -> None:
        if isinstance(self._log, SetsAside):
            try:
                await self._log.set_aside(entry, self.name)
            except LogUnavailable as error:
                self._report.error("log entry could not be set aside", offset=entry.offset, error=str(error))

    def _apply(self, entries: Sequence[Entry]) -> list[Entry]:
        """Apply what can be read; return what cannot."""
        read = [(entry, self._decode(entry)) for entry in entries]
        decoded = [(entry, record) for entry, record in read if record is not None]
        for part in self._parts:
            part.prepare([record for _, record in decoded])
        with self._database.begin() as connection:
            passed = self._positions(connection, {entry.partition for entry in entries})
            fresh = [record for entry, record in decoded if entry.offset > passed[entry.partition]]
            batch = self._note(connection, fresh)
            self._adopt(connection, fresh)
            for part in self._parts:
                part.apply(connection, batch)
            for last in {entry.partition: entry for entry in entries}.values():
                connection.execute(
                    positions.update()
                    .where(positions.c.view == self.name, positions.c.partition == last.partition)
                    .values(offset=max(last.offset, passed[last.partition]))
                )
        return [entry for entry, record in read if record is None]

    def _decode(self, entry: Entry) -> Record | None:
        try:
            record = decode(entry.value)
        except msgspec.DecodeError:
            # Stopping here would stop every visitor behind it; the entry stays in the log under this name.
            self._report.error("log entry is not a record", partition=entry.partition, offset=entry.offset)
            return None
        if isinstance(record, Stored):
            record.user_subjects = [self._names.current(one) for one in record.user_subjects]
        if isinstance(record, Stored | ConsentChange):
            record.subject = self._names.current(record.subject)
        return record

    def _adopt(self, connection: Connection, records: Sequence[Record]) -> None:
        """After a rotation of the pseudonyms' key: what is kept of a visitor moves with the first record of theirs."""
        if self._rename is None:
            return
        renamed: dict[str, dict[str, str]] = {}
        for record in records:
            if isinstance(record, Stored | ConsentChange):
                for older in self._names.aliases(record.subject)[1:]:
                    renamed.setdefault(record.workspace, {})[older] = record.subject
        for workspace, pairs in sorted(renamed.items()):
            self._rename(connection, workspace, pairs)

    def _positions(self, connection: Connection, partitions: set[int]) -> dict[int, int]:
        connection.execute(
            upsert(positions, connection.dialect.name).on_conflict_do_nothing(),
            [{"view": self.name, "partition": number, "offset": -1} for number in sorted(partitions)],
        )
        # The lock holds off a second member that was given the same partition while this one still works on it.
        rows = connection.execute(
            sa.select(positions.c.partition, positions.c.offset)
            .where(positions.c.view == self.name, positions.c.partition.in_(sorted(partitions)))
            .order_by(positions.c.partition)
            .with_for_update()
        )
        return {row.partition: row.offset for row in rows}

    def _note(self, connection: Connection, records: Sequence[Record]) -> list[Noted]:
        digests = [_digest(record) if isinstance(record, Stored) else b"" for record in records]
        wanted = {digest for digest in digests if digest}
        known: set[bytes] = set()
        if wanted:
            found = connection.execute(
                sa.select(seen.c.digest).where(seen.c.view == self.name, seen.c.digest.in_(sorted(wanted)))
            )
            known = {bytes(row.digest) for row in found}
        batch: list[Noted] = []
        new: list[dict[str, object]] = []
        for record, digest in zip(records, digests, strict=True):
            batch.append(Noted(record, bool(digest) and digest in known))
            if digest and digest not in known:
                known.add(digest)
                new.append({"view": self.name, "digest": digest, "seen_ms": record.received_ms})
        if new:
            connection.execute(upsert(seen, connection.dialect.name).on_conflict_do_nothing(), new)
        newest_ms = max((record.received_ms for record in records), default=0)
        if newest_ms - self._trimmed_ms >= _HOUR_MS:
            self._trimmed_ms = newest_ms
            connection.execute(
                seen.delete().where(seen.c.view == self.name, seen.c.seen_ms < newest_ms - self._remember_ms)
            )
        return batch


def _digest(event: Stored) -> bytes:
    return _name_digest(event.workspace, event.event_id)


def forget_events(connection: Connection, workspace: str, event_ids: Collection[str]) -> int:
    """Drop the digests of events from every view's memory (erasure); return how many rows."""
    gone = 0
    digests = [_name_digest(workspace, event_id) for event_id in sorted(event_ids)]
    for start in range(0, len(digests), 500):
        gone += connection.execute(seen.delete().where(seen.c.digest.in_(digests[start : start + 500]))).rowcount
    return gone


def _name_digest(workspace: str, event_id: str) -> bytes:
    return blake2b(f"{workspace}\0{event_id}".encode(), digest_size=16).digest()
