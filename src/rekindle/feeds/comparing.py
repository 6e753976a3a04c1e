"""What differs between two versions, item by item and attribute by attribute."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import msgspec

from rekindle.engines.blobs import Blobs
from rekindle.engines.database import Database
from rekindle.feeds import _sql, versions
from rekindle.feeds.items import items_of, where_different
from rekindle.feeds.program import PUBLISHED


class Change(msgspec.Struct, frozen=True):
    """One attribute of one item: ``before`` and ``after`` are as published, None where there was no value."""

    id: str
    attribute: str
    before: str | None
    after: str | None


class Difference(msgspec.Struct, frozen=True):
    """All of it counted; ``added``, ``removed`` and ``changes`` list at most the asked number, by id."""

    added_items: int
    removed_items: int
    changed_items: int
    by_attribute: dict[str, int]
    added: Sequence[str]
    removed: Sequence[str]
    changes: Sequence[Change]


def diff(
    database: Database, blobs: Blobs, workspace: str, feed: str, old: int, new: int, limit: int = 100
) -> Difference:
    """Compare two versions of a feed. Raises `UnknownVersion`."""
    with database.read() as connection:
        a = versions.find(connection, workspace, feed, old)
        b = versions.find(connection, workspace, feed, new)
    with _sql.connect() as engine:
        return compare(engine, *where_different(engine, items_of(blobs, a), items_of(blobs, b)), limit)


def compare(engine: duckdb.DuckDBPyConnection, old: str, new: str, limit: int) -> Difference:
    """Compare two relations of items."""
    names = open_different(engine, old, new)
    added = _ids(engine, "b", "a", limit)
    removed = _ids(engine, "a", "b", limit)
    differing = {name: f"a.{_sql.name(name)} IS DISTINCT FROM b.{_sql.name(name)}" for name in names}
    counts = ", ".join(f"count_if({sql})" for sql in differing.values())
    row = engine.execute(f"SELECT count(*), {counts} FROM a JOIN b USING (id)").fetchone() or ()
    by_attribute = {name: int(count) for name, count in zip(names, row[1:], strict=True) if count}
    changes: list[Change] = []
    for name in by_attribute:
        found = engine.execute(
            f"SELECT id, a.{_sql.name(name)}, b.{_sql.name(name)} FROM a JOIN b USING (id) "
            f"WHERE {differing[name]} ORDER BY id LIMIT {limit}"
        ).fetchall()
        changes += [Change(identity, name, was, now) for identity, was, now in found]
    changes.sort(key=lambda change: (change.id, change.attribute))
    return Difference(
        _count(engine, "b", "a"), _count(engine, "a", "b"), int(row[0]), by_attribute, added, removed, changes[:limit]
    )


def open_different(engine: duckdb.DuckDBPyConnection, old: str, new: str) -> list[str]:
    """Make the tables ``a`` and ``b`` of the published items that differ, and return the attributes of either relation.

    Both have all these attributes: a specification may have gained or lost some between the two.
    """
    before, after = _columns(engine, old), _columns(engine, new)
    names = [name for name in dict.fromkeys((*before, *after)) if not name.startswith("_") and name != "id"]
    wanted = {"a": (old, before), "b": (new, after)}
    chosen: dict[str, str] = {}
    for table, (items, there) in wanted.items():
        columns = ", ".join(_sql.name(n) if n in there else f"NULL::VARCHAR AS {_sql.name(n)}" for n in names)
        chosen[table] = f"SELECT id, {columns} FROM ({items}) WHERE _state = {PUBLISHED}"
    # Fingerprints are joined, not texts: those of a large catalogue would not fit into memory.
    mark = f"hash({', '.join(map(_sql.name, names))}) AS mark"
    a, b = (f"(SELECT id, {mark} FROM ({chosen[table]}))" for table in wanted)
    engine.execute(
        f"CREATE OR REPLACE TEMP TABLE rk_different AS SELECT id FROM {a} a FULL JOIN {b} b USING (id) "
        "WHERE a.mark IS DISTINCT FROM b.mark"
    )
    for table, query in chosen.items():
        engine.execute(
            f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT * FROM ({query}) SEMI JOIN rk_different USING (id)"
        )
    return names


def _columns(engine: duckdb.DuckDBPyConnection, items: str) -> list[str]:
    return [str(row[0]) for row in engine.execute(f"DESCRIBE {items}").fetchall()]


def _ids(engine: duckdb.DuckDBPyConnection, there: str, not_there: str, limit: int) -> list[str]:
    rows = engine.execute(f"SELECT id FROM {there} ANTI JOIN {not_there} USING (id) ORDER BY id LIMIT {limit}")
    return [str(identity) for (identity,) in rows.fetchall()]


def _count(engine: duckdb.DuckDBPyConnection, there: str, not_there: str) -> int:
    row = engine.execute(f"SELECT count(*) FROM {there} ANTI JOIN {not_there} USING (id)").fetchone()
    return int(row[0]) if row else 0
