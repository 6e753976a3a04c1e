"""Everybody's newest consent: a view of the log, so that a withdrawal overtakes what is still queued."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from functools import partial

import msgspec
import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from rekindle.engines.database import Database
from rekindle.engines.database.core import upsert
from rekindle.engines.log import Consumer, Entry, Log
from rekindle.model.clock import Clock, system_clock
from rekindle.model.event import Consent
from rekindle.model.names import PLAIN, Names
from rekindle.privacy._signals import Choice, Key, Pending, size
from rekindle.privacy._tables import consents as table
from rekindle.privacy.suppression import Suppression

_BATCH = 2_000
_STALE_MS = 60_000
_TOGETHER = 500
_LONGEST_CACHED = 2_048
_log = structlog.get_logger("consents")
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Consent)


class ConsentView:
    """Follows the log under the consumer name ``consents``, in each process that sends.

    Every process reads all partitions: a lane may hold an event of one partition whose visitor withdrew in another,
    and what another process remembers does not help it. All write the same rows, the newest of which stays.

    `refresh` before deciding; then `latest` is the newest consent of everything appended before the call. Behind a long
    backlog it reads on to the end and writes later, a part with each call: until then the choices are looked up in
    memory, and the cursor stays where everything before it is in the table. Of two
    signals of the same moment the one appended later counts. What `forget` and `expire` delete is not in the log: another
    process remembers it for up to ``stale_ms`` of ``clock`` longer. An entry that is no record is passed over, with an error in
    the log of this process: stopping at it would stop every send and every withdrawal behind it.
    """

    def __init__(
        self,
        log: Log,
        database: Database,
        *,
        names: Names = PLAIN,
        name: str = "consents",
        cached: int = 8_192,
        clock: Clock = system_clock,
        stale_ms: int = _STALE_MS,
    ) -> None:
        self._log = log
        self._database = database
        self._name = name
        self._consumer: Consumer | None = None
        self._names = names
        self._suppression = Suppression(database, names)
        self._turn = asyncio.Lock()
        self._remembering = threading.Lock()
        self._cache: OrderedDict[tuple[str, str], tuple[int, Consent | None]] = OrderedDict()  # read when, what
        self._clock = clock
        self._stale_ms = stale_ms
        self._cached = cached
        self._generation = 0
        self._pending = Pending(names)
        self._read_upto: dict[int, Entry] = {}
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
            ahead = asyncio.create_task(_poll(self._consumer))
            try:
                while entries := await ahead:
                    # Behind a long backlog the next part is read and unpacked while this one is taken up.
                    ahead = asyncio.create_task(_poll(self._consumer))
                    await asyncio.sleep(0)
                    self._take(entries)
                    read += len(entries)
                    if self._pending.full():
                        await asyncio.wait([ahead])  # one thing at a time with the cursor
                        await self._put(len(self._pending))
                await self._put(_BATCH)
            except BaseException:
                ahead.cancel()
                await asyncio.gather(ahead, return_exceptions=True)
                # The cursor is everybody's: what another process has committed will not come by here again.
                self._forget_all()
                self._pending.clear()
                self._read_upto.clear()
                await self._consumer.rewind()
                raise
            return read

    async def step(self) -> int:
        """Do what there is to do now (a background room's face)."""
        return await self.refresh() + len(self._pending)

    def latest(self, workspace: str, subject: str) -> Consent | None:
        """Return the subject's newest consent, or None when nothing is known. Raises what the database raises."""
        key = (workspace, self._names.current(subject))
        generation = self._generation
        now = self._clock()
        if (held := self._held(key, now)) is not None:
            return held[1]
        found = self._read(workspace, [key[1]])
        # Only a view that follows the log may remember, and only what no refresh has overtaken since it was read.
        self._remember(found, now, generation)
        return found[key]

    def recall(self, workspace: str, subjects: Collection[str]) -> None:
        """Read the newest consents of many subjects at once, so that `latest` need not ask for each of them."""
        generation, now = self._generation, self._clock()
        current = {self._names.current(subject) for subject in subjects}
        wanted = sorted(subject for subject in current if self._held((workspace, subject), now) is None)
        self._remember(self._read(workspace, wanted), now, generation)

    def _read(self, workspace: str, subjects: Sequence[str]) -> dict[Key, Consent | None]:
        """Return the newest choice of each, from the table or from what is still to be written there."""
        found: dict[Key, Consent | None] = {(workspace, subject): None for subject in subjects}
        # After a rotation it may still be under an older name; of two of one moment the one under the newer name counts.
        owners = {
            alias: (subject, -age) for subject in subjects for age, alias in enumerate(self._names.aliases(subject))
        }
        newest: dict[str, tuple[int, int]] = {}

        def weigh(alias: str, received_ms: int, consent: Consent) -> None:
            subject, youth = owners[alias]
            if subject not in newest or newest[subject] < (received_ms, youth):
                newest[subject] = (received_ms, youth)
                found[workspace, subject] = consent

        # What waits first, then the table: what is written in between is then seen at least once.
        for alias in owners:
            choice = self._pending.get((workspace, alias))
            if choice is not None:
                weigh(alias, choice.received_ms, choice.consent)
        every = list(owners)
        for start in range(0, len(every), _TOGETHER):
            some = table.c.subject.in_(every[start : start + _TOGETHER])
            query = sa.select(table.c.subject, table.c.received_ms, table.c.consent)
            with self._database.read() as connection:
                for row in connection.execute(query.where(table.c.workspace == workspace, some)):
                    weigh(row.subject, row.received_ms, _decoder.decode(row.consent))
        return found

    def _held(self, key: tuple[str, str], now: int) -> tuple[int, Consent | None] | None:
        held = self._cache.get(key)
        return held if held is not None and 0 <= now - held[0] < self._stale_ms else None

    def _remember(self, found: Mapping[tuple[str, str], Consent | None], now: int, generation: int) -> None:
        with self._remembering:
            if self._consumer is None or generation != self._generation:
                return
            for key, consent in found.items():
                # Bounded by length too: what is longer than most is asked for each time.
                if consent is None or size(consent) <= _LONGEST_CACHED:
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
        aliases = self._names.aliases(subject)
        for alias in aliases:
            self._pending.drop((workspace, alias))
        with self._database.begin() as connection:
            connection.execute(sa.delete(table).where(table.c.workspace == workspace, table.c.subject.in_(aliases)))
        with self._remembering:
            self._generation += 1
            self._cache.pop((workspace, self._names.current(subject)), None)

    def expire(self, workspace: str, before_ms: int) -> int:
        """Delete the choices that are older than every event still kept; return how many."""
        self._pending.expire(workspace, before_ms)
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
            self._pending.clear()
            self._read_upto.clear()
            self._forget_all()

    def _forget_all(self) -> None:
        with self._remembering:
            self._generation += 1
            self._cache.clear()

    def _take(self, entries: Sequence[Entry]) -> None:
        changed, unreadable = self._pending.read(entries)
        for entry in unreadable:
            self.unreadable += 1
            _log.error("log entry is not a record", partition=entry.partition, offset=entry.offset)
        self._read_upto |= {entry.partition: entry for entry in entries}
        with self._remembering:
            self._generation += 1
            if self._cache:
                for key in changed:
                    self._cache.pop(key, None)

    async def _put(self, most: int) -> None:
        """Write up to ``most`` choices; when none is left, move the cursor behind what was read."""
        for start in range(0, min(most, len(self._pending)), _BATCH):
            self._pending.written(await self._database.run(partial(self._write, most=min(_BATCH, most - start))))
        if not len(self._pending) and self._consumer is not None:
            while self._read_upto:
                partition, entry = next(iter(self._read_upto.items()))
                await self._consumer.commit(entry)
                del self._read_upto[partition]

    def _write(self, connection: Connection, most: int) -> list[tuple[Key, Choice]]:
        statement = upsert(table, self._database.dialect)
        statement = statement.on_conflict_do_update(
            index_elements=["workspace", "subject"],
            set_={"received_ms": statement.excluded.received_ms, "consent": statement.excluded.consent},
            where=table.c.received_ms <= statement.excluded.received_ms,
        )
        # Chosen within the transaction: who was forgotten before it is not written, who is forgotten after it goes.
        rows = self._pending.first(most)
        if rows:
            connection.execute(
                statement,
                [
                    {
                        "workspace": workspace,
                        "subject": subject,
                        "received_ms": choice.received_ms,
                        "consent": _encoder.encode(choice.consent),
                    }
                    for (workspace, subject), choice in rows
                ],
            )
        return rows


async def _poll(consumer: Consumer) -> Sequence[Entry]:
    return await consumer.poll(_BATCH)
