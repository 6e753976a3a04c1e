"""Everybody's newest consent: a view of the log, so that a withdrawal overtakes what is still queued."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence

import msgspec
import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from rekindle.engines.database import Database
from rekindle.engines.database.core import upsert
from rekindle.engines.log import Consumer, Entry, Log
from rekindle.model.clock import Clock, system_clock
from rekindle.model.event import Consent
from rekindle.model.record import ConsentChange, Stored, decode
from rekindle.privacy._tables import consents as table
from rekindle.privacy.suppression import Suppression

_BATCH = 1_000
_STALE_MS = 60_000
_TOGETHER = 500
_log = structlog.get_logger("consents")
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Consent)
Latest = tuple[str, str, int, Consent]


class ConsentView:
    """Follows the log under the consumer name ``consents``, in each process that sends.

    Every process reads all partitions: a lane may hold an event of one partition whose visitor withdrew in another,
    and what another process remembers does not help it. All write the same rows, the newest of which stays.

    `refresh` before deciding; then `latest` is the newest consent of everything appended before the call. Of two
    signals of the same moment the one appended later counts. What `forget` and `expire` delete is not in the log: another
    process remembers it for up to ``stale_ms`` of ``clock`` longer. An entry that is no record is passed over, with an error in
    the log of this process: stopping at it would stop every send and every withdrawal behind it.
    """

    def __init__(
        self,
        log: Log,
        database: Database,
        *,
        name: str = "consents",
        cached: int = 20_000,
        clock: Clock = system_clock,
        stale_ms: int = _STALE_MS,
    ) -> None:
        self._log = log
        self._database = database
        self._name = name
        self._consumer: Consumer | None = None
        self._suppression = Suppression(database)
        self._turn = asyncio.Lock()
        self._remembering = threading.Lock()
        self._cache: OrderedDict[tuple[str, str], tuple[int, Consent | None]] = OrderedDict()  # read when, what
        self._clock = clock
        self._stale_ms = stale_ms
        self._cached = cached
        self._generation = 0
        self.unreadable = 0
        """Entries of the log that were no record of this version; they stay in the log."""

    async def refresh(self) -> int:
        """Apply everything up to the end of the log; return how many records were read.

        Raises what the log or the database raises; the caller then does not send.
        """
        async with self._turn:
            if self._consumer is None:
                self._consumer = await self._log.consumer(self._name, share=False)
            read = 0
            try:
                while entries := await self._consumer.poll(_BATCH):
                    await self._apply(entries)
                    await self._commit(self._consumer, entries)
                    read += len(entries)
            except BaseException:
                # The cursor is everybody's: what another process has committed will not come by here again.
                self._forget_all()
                await self._consumer.rewind()
                raise
            return read

    async def step(self) -> int:
        """Do what there is to do now (a background room's face)."""
        return await self.refresh()

    def latest(self, workspace: str, subject: str) -> Consent | None:
        """Return the subject's newest consent, or None when nothing is known. Raises what the database raises."""
        key = (workspace, subject)
        generation = self._generation
        now = self._clock()
        if (held := self._held(key, now)) is not None:
            return held[1]
        with self._database.read() as connection:
            found = connection.scalar(
                sa.select(table.c.consent).where(table.c.workspace == workspace, table.c.subject == subject)
            )
        consent = None if found is None else _decoder.decode(found)
        # Only a view that follows the log may remember, and only what no refresh has overtaken since it was read.
        self._remember({key: consent}, now, generation)
        return consent

    def recall(self, workspace: str, subjects: Collection[str]) -> None:
        """Read the newest consents of many subjects at once, so that `latest` need not ask for each of them."""
        generation, now = self._generation, self._clock()
        wanted = sorted({subject for subject in subjects if self._held((workspace, subject), now) is None})
        found: dict[tuple[str, str], Consent | None] = {(workspace, subject): None for subject in wanted}
        for start in range(0, len(wanted), _TOGETHER):
            some = table.c.subject.in_(wanted[start : start + _TOGETHER])
            query = sa.select(table.c.subject, table.c.consent).where(table.c.workspace == workspace, some)
            with self._database.read() as connection:
                found |= {(workspace, row.subject): _decoder.decode(row.consent) for row in connection.execute(query)}
        self._remember(found, now, generation)

    def _held(self, key: tuple[str, str], now: int) -> tuple[int, Consent | None] | None:
        held = self._cache.get(key)
        return held if held is not None and 0 <= now - held[0] < self._stale_ms else None

    def _remember(self, found: Mapping[tuple[str, str], Consent | None], now: int, generation: int) -> None:
        with self._remembering:
            if self._consumer is None or generation != self._generation:
                return
            for key, consent in found.items():
                self._cache[key] = (now, consent)
                self._cache.move_to_end(key)
            while len(self._cache) > self._cached:
                self._cache.popitem(last=False)

    def suppressed(self, workspace: str, subject: str) -> bool:
        """Tell whether the subject is on the suppression list."""
        return self._suppression.suppressed(workspace, subject)

    def suppressed_among(self, workspace: str, subjects: Collection[str]) -> frozenset[str]:
        """Return those of ``subjects`` that are on the suppression list."""
        return self._suppression.suppressed_among(workspace, subjects)

    def forget(self, workspace: str, subject: str) -> None:
        """Delete what is known of one subject (erasure)."""
        with self._database.begin() as connection:
            connection.execute(sa.delete(table).where(table.c.workspace == workspace, table.c.subject == subject))
        with self._remembering:
            self._generation += 1
            self._cache.pop((workspace, subject), None)

    def expire(self, workspace: str, before_ms: int) -> int:
        """Delete the choices that are older than every event still kept; return how many."""
        with self._database.begin() as connection:
            gone = connection.execute(
                sa.delete(table).where(table.c.workspace == workspace, table.c.received_ms < before_ms)
            )
        self._forget_all()
        return gone.rowcount

    async def close(self) -> None:
        """Give up the cursor's membership."""
        if self._consumer is not None:
            await self._consumer.close()
            self._consumer = None
            self._forget_all()

    def _forget_all(self) -> None:
        with self._remembering:
            self._generation += 1
            self._cache.clear()

    async def _apply(self, entries: Sequence[Entry]) -> None:
        newest: dict[tuple[str, str], Latest] = {}
        for entry in entries:
            try:
                record = decode(entry.value)
            except msgspec.MsgspecError:
                self.unreadable += 1
                _log.error("log entry is not a record", partition=entry.partition, offset=entry.offset)
                continue
            if isinstance(record, Stored):
                subjects = [record.subject, *record.user_subjects]
            elif isinstance(record, ConsentChange):
                subjects = [record.subject]
            else:
                continue
            for subject in subjects:
                found = newest.get((record.workspace, subject))
                if found is None or found[2] <= record.received_ms:
                    newest[record.workspace, subject] = (
                        record.workspace,
                        subject,
                        record.received_ms,
                        record.consent,
                    )
        if not newest:
            return
        await self._database.run(lambda connection: self._write(connection, list(newest.values())))
        with self._remembering:
            self._generation += 1
            for key in newest:
                self._cache.pop(key, None)

    def _write(self, connection: Connection, rows: list[Latest]) -> None:
        statement = upsert(table, self._database.dialect)
        statement = statement.on_conflict_do_update(
            index_elements=["workspace", "subject"],
            set_={"received_ms": statement.excluded.received_ms, "consent": statement.excluded.consent},
            where=table.c.received_ms <= statement.excluded.received_ms,
        )
        connection.execute(
            statement,
            [
                {"workspace": workspace, "subject": subject, "received_ms": at, "consent": _encoder.encode(consent)}
                for workspace, subject, at, consent in rows
            ],
        )

    @staticmethod
    async def _commit(consumer: Consumer, entries: Sequence[Entry]) -> None:
        last: dict[int, Entry] = {}
        for entry in entries:
            last[entry.partition] = entry
        for entry in last.values():
            await consumer.commit(entry)
