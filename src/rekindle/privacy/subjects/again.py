"""Erasures done again after a backup was restored: the list of who was erased, kept apart from the backups.

A restored state database has the keys and rows of everybody who was erased since, and a suppression list that does not
know them. The list is hashes (`suppression.mark`), which say nothing to who lacks the installation's keys; with them, the
pseudonyms in the log that are on it are found again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec
import sqlalchemy as sa

from rekindle.engines.database import Database
from rekindle.engines.database.core import upsert
from rekindle.engines.log import Log
from rekindle.model.clock import Clock
from rekindle.model.names import Names
from rekindle.model.record import ConsentChange, Stored
from rekindle.privacy._tables import suppressed as table
from rekindle.privacy.subjects.person import records
from rekindle.privacy.suppression import mark

_FIRST = "rekindle erased people 1"


class ListInvalid(ValueError):
    """The file is no list of erased people; the message names the line."""


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """One line of the list: workspace, the hash, since when (ms), and why."""

    workspace: str
    subject: str
    since_ms: int
    reason: str


def written(database: Database) -> str:
    """Return the suppression list of the whole installation as text, one entry in a line."""
    columns = [table.c[name] for name in Entry.__struct_fields__]
    with database.read() as connection:
        rows = connection.execute(sa.select(*columns).order_by(table.c.since_ms, table.c.subject)).all()
    lines = [msgspec.json.encode(Entry(*row)).decode() for row in rows]
    return "\n".join([_FIRST, *lines]) + "\n"


def parse(text: str) -> list[Entry]:
    """Read what `written` wrote. Raises `ListInvalid`."""
    first, *lines = text.splitlines() or [""]
    if first != _FIRST:
        raise ListInvalid("line 1: this is no list of `rekindle subject erased`")
    found = []
    for number, line in enumerate(lines, 2):
        try:
            found.append(msgspec.json.decode(line, type=Entry))
        except msgspec.MsgspecError:
            raise ListInvalid(f"line {number}: not an entry; take the file as it was written") from None
    return found


def put_back(database: Database, entries: Iterable[Entry]) -> int:
    """Put entries on the suppression list; return how many were not on it."""
    with database.begin() as connection:
        statement = upsert(table, connection.dialect.name).on_conflict_do_nothing()
        return sum(connection.execute(statement, msgspec.structs.asdict(entry)).rowcount for entry in entries)


async def returned(log: Log, clock: Clock, names: Names, entries: Collection[Entry]) -> list[tuple[str, str]]:
    """Return workspace and newest pseudonym of everybody in the log who was erased, as the list says."""
    erased = {(entry.workspace, entry.subject) for entry in entries if entry.reason == "erased"}
    found: set[tuple[str, str]] = set()
    async for record in records(log, clock):
        if isinstance(record, Stored):
            every = [record.subject, *record.user_subjects]
        elif isinstance(record, ConsentChange):
            every = [record.subject]
        else:
            continue
        for subject in every:
            marked = mark(record.workspace, subject, names)
            if marked is not None and (record.workspace, marked) in erased:
                found.add((record.workspace, names.current(subject)))
    return sorted(found)
