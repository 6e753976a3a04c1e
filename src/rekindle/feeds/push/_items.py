"""A version's published items for the push: their fingerprints, and the values of a few of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import duckdb

from rekindle.engines.blobs import Blobs
from rekindle.feeds import _sql
from rekindle.feeds.comparing import open_different
from rekindle.feeds.items import Items, items_of, where_different
from rekindle.feeds.program import PUBLISHED
from rekindle.feeds.spec import Spec
from rekindle.feeds.versions import FeedVersion

CHUNK = 2_000
"""Items that are taken up at once."""

Prints = Iterator[list[tuple[str, str]]]
"""Ids with fingerprints, in chunks."""


class Changes(NamedTuple):
    """What is to be as it is now, and the ids that are to be there no more."""

    wanted: Prints
    gone: Iterator[list[str]]


class VersionItems:
    """Reads items with a table engine whose memory is bounded. ``revision`` is the platform's (`platform.Platform`)."""

    def __init__(self, engine: duckdb.DuckDBPyConnection, blobs: Blobs, spec: Spec, revision: str) -> None:
        self._engine, self._blobs = engine, blobs
        self._names, self._revision = spec.names, revision

    def changes(self, before: FeedVersion, now: FeedVersion) -> Changes:
        """Return what differs between two versions. Raises `BlobMissing`."""
        relations = where_different(self._engine, items_of(self._blobs, before), items_of(self._blobs, now))
        there = {*open_different(self._engine, *relations), "id"}
        query = f"SELECT id, {self._print(there)} FROM b ORDER BY id"
        return Changes(self._pages(query), self._ids("SELECT id FROM a ANTI JOIN b USING (id) ORDER BY id"))

    def everything(self, now: FeedVersion) -> Prints:
        """Return every published item of a version, by id. Raises `BlobMissing`."""
        table = self._table(now)
        there = {str(row[0]) for row in self._engine.execute(f"DESCRIBE {table}").fetchall()}
        return self._pages(f"SELECT id, {self._print(there)} FROM ({table}) WHERE _state = {PUBLISHED} ORDER BY id")

    def missing(self, now: FeedVersion, ids: Sequence[str]) -> list[str]:
        """Return those of ``ids`` that the version does not publish."""
        there = f"SELECT id FROM ({self._table(now)}) WHERE _state = {PUBLISHED}"
        rows = self._engine.execute(
            f"SELECT u.id FROM (SELECT unnest(?) AS id) u ANTI JOIN ({there}) t USING (id)", [list(ids)]
        )
        return [str(identity) for (identity,) in rows.fetchall()]

    def values(self, now: FeedVersion, ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """Return the values of some items by id and attribute; those without a value are left out."""
        if not ids:
            return {}
        # The bounds let the reader pass over groups of rows that hold none of them.
        found = self._engine.execute(
            f"SELECT * FROM ({self._table(now)}) SEMI JOIN (SELECT unnest(?) AS id) USING (id) "
            f"WHERE _state = {PUBLISHED} AND id BETWEEN ? AND ?",
            [list(ids), min(ids), max(ids)],
        )
        columns = [str(column[0]) for column in found.description or ()]
        places = [(place, name) for place, name in enumerate(columns) if name in self._names]
        own = columns.index("id")
        return {
            str(row[own]): {name: str(row[place]) for place, name in places if row[place] is not None}
            for row in found.fetchall()
        }

    def _table(self, version: FeedVersion) -> str:
        items: Items = items_of(self._blobs, version)
        return items.table()

    def _print(self, there: set[str]) -> str:
        # Only what has a value counts, so that a specification that grows changes no item that it says nothing of.
        marked = (
            f"CASE WHEN {_sql.name(name)} IS NOT NULL THEN {_sql.text(name)} || chr(31) || {_sql.name(name)} END"
            for name in self._names
            if name in there and name != "id"
        )
        return f"md5(concat_ws(chr(30), {_sql.text(self._revision)}, {', '.join(marked)}))"

    def _pages(self, query: str) -> Prints:
        rows = self._engine.execute(query)
        while page := rows.fetchmany(CHUNK):
            yield [(str(identity), str(mark)) for identity, mark in page]

    def _ids(self, query: str) -> Iterator[list[str]]:
        rows = self._engine.execute(query)
        while page := rows.fetchmany(CHUNK):
            yield [str(identity) for (identity,) in page]


@contextmanager
def version_items(
    blobs: Blobs, spec: Spec, revision: str, work: Path | None = None, memory_limit: str = _sql.MEMORY_LIMIT
) -> Iterator[VersionItems]:
    """Open a table engine for the length of the block."""
    with _sql.connect(work, memory_limit) as engine:
        yield VersionItems(engine, blobs, spec, revision)
