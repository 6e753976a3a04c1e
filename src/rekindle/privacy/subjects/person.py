"""Which pseudonyms are one person's, and which records of the log are about them.

Identifiers that stand together in one event are one person's, and so are the browsers of those events. A browser never
leads to further people: on a shop's tablet hundreds of customers may have signed in. A browser on which others are
named too is shared: of its records only those that name the person are theirs.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Literal

import msgspec
import structlog

from rekindle.engines.log import Log
from rekindle.model.clock import Clock
from rekindle.model.names import Names
from rekindle.model.record import ConsentChange, Record, Stored, decode

Kind = Literal["email", "phone", "user_id", "cookie", "pseudonym"]
_BATCH = 1_000
_PREFIX = "subjects/"
_STALE_MS = 86_400_000
_log = structlog.get_logger("subjects")


class Person(msgspec.Struct, frozen=True):
    """Pseudonyms: ``identifiers`` (of an e-mail, a phone, a user id), ``browsers`` that are theirs alone, ``shared`` ones.

    Each is there under the names of every epoch whose key is kept.
    """

    workspace: str
    identifiers: frozenset[str]
    browsers: frozenset[str]
    shared: frozenset[str] = frozenset()

    @property
    def names(self) -> frozenset[str]:
        """The pseudonyms that stand for this person and for nobody else."""
        return self.identifiers | self.browsers

    def owns(self, record: Record) -> bool:
        """Tell whether the record is about this person."""
        if isinstance(record, Stored):
            if record.workspace != self.workspace:
                return False
            return record.subject in self.names or not self.identifiers.isdisjoint(record.user_subjects)
        if isinstance(record, ConsentChange):
            return record.workspace == self.workspace and record.subject in self.names
        return False


async def records(log: Log, clock: Clock) -> AsyncIterator[Record]:
    """Yield the whole log, from its first record; what is no record is passed over."""
    now = clock()
    for lag in await log.lag():
        # A reader that was killed holds back the log's trimming; its name says when it began.
        if lag.consumer.startswith(_PREFIX) and now - _began(lag.consumer) > _STALE_MS:
            await log.forget(lag.consumer)
    name = f"{_PREFIX}{now}-{os.urandom(4).hex()}"
    consumer = await log.consumer(name)
    try:
        while entries := await consumer.poll(_BATCH):
            for entry in entries:
                try:
                    yield decode(entry.value)
                except msgspec.MsgspecError:
                    _log.error("log entry is not a record", partition=entry.partition, offset=entry.offset)
    finally:
        await consumer.close()
        await log.forget(name)


async def find(log: Log, clock: Clock, workspace: str, start: str, kind: Kind, names: Names) -> Person:
    """Return the person behind one pseudonym. Reads the log until nothing new is found, usually three times."""
    start = names.current(start)
    identifiers = set() if kind == "cookie" else {start}
    browsers = {start} if kind in ("cookie", "pseudonym") else set()
    while True:
        before = (len(identifiers), len(browsers))
        others: dict[str, list[set[str]]] = {}
        async for record in records(log, clock):
            if not isinstance(record, Stored) or record.workspace != workspace:
                continue
            named, subject = set(map(names.current, record.user_subjects)), names.current(record.subject)
            if subject in identifiers and subject != start:
                named.add(subject)
            if named & identifiers or subject in identifiers:
                identifiers |= named
                browsers.add(subject)
            if subject in browsers and named and not named & identifiers:
                _join(others.setdefault(subject, []), named)
        own = others.get(start, [])
        if kind in ("cookie", "pseudonym") and len(own) == 1 and not identifiers - {start}:
            identifiers |= own[0]  # one person signed in here, and nobody else
        if (len(identifiers), len(browsers)) == before:
            break
    shared = {name for name, groups in others.items() if name != start and groups}

    def every(current: set[str]) -> frozenset[str]:
        return frozenset(alias for name in current for alias in names.aliases(name))

    return Person(workspace, every(identifiers), every(browsers - shared), every(shared))


def _join(groups: list[set[str]], named: set[str]) -> None:
    """Put names that were used together into one group."""
    touching = [group for group in groups if group & named]
    for group in touching:
        groups.remove(group)
        named = named | group
    groups.append(named)


def _began(name: str) -> int:
    text = name.removeprefix(_PREFIX).partition("-")[0]
    return int(text) if text.isdigit() else 0
