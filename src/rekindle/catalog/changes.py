# ruff: noqa: S608 - table functions take no parameters; names come from our own columns, texts through _duck.text
"""What differs between two states of a catalogue: added, changed (which fields), removed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import duckdb
import msgspec

from rekindle.catalog import _duck
from rekindle.catalog.files import Files

SAMPLE: Final = 20


class ChangeSet(msgspec.Struct, frozen=True):
    """The items that differ, by id; ``changed`` names the fields of `Product`. Ids are sorted.

    ``partial`` says that more differ than were asked for; `ChangeSummary` has all the counts.
    """

    added: list[str]
    changed: dict[str, list[str]]
    removed: list[str]
    partial: bool = False


class ChangeSummary(msgspec.Struct, frozen=True):
    """Counts of a change set, by field too, and a sample of ids; small whatever the size of the catalogue."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    fields: dict[str, int] = msgspec.field(default_factory=dict)
    sample: ChangeSet = msgspec.field(default_factory=lambda: ChangeSet([], {}, []))


def compare(
    engine: duckdb.DuckDBPyConnection, old: Files | None, new: Files, limit: int | None = None
) -> tuple[ChangeSummary, ChangeSet]:
    """Compare two states, and make the table ``differences`` (``id``, ``was``, ``now``); ``old`` is None before the first.

    ``limit`` bounds each of the three lists. Where a row moved in its file (``source``, ``row``) is no change.
    """
    # Fingerprints are compared: they need little memory, and few items differ most of the time.
    if old is None and limit == 0:
        first = engine.execute(f"SELECT id FROM {new.table()} ORDER BY id LIMIT {SAMPLE + 1}").fetchall()
        ids = [identity for (identity,) in first]
        some = ChangeSet(ids[:SAMPLE], {}, [], len(ids) > SAMPLE)
        return ChangeSummary(added=new.items, sample=some), ChangeSet([], {}, [], bool(ids))
    before = "(SELECT NULL::VARCHAR AS id, NULL::UBIGINT AS print LIMIT 0)"
    if old is not None:
        before = f"(SELECT id, print FROM {_duck.printed(engine, old.base, old.patch)})"
    after = f"(SELECT id, print FROM {_duck.printed(engine, new.base, new.patch)})"
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE differences AS SELECT coalesce(o.id, n.id) AS id, o.print AS was, n.print AS now "
        f"FROM {before} o FULL JOIN {after} n ON o.id = n.id WHERE o.print IS DISTINCT FROM n.print"
    )
    return told(engine, old.table() if old else None, new.table(), limit)


def told(
    engine: duckdb.DuckDBPyConnection, old: str | None, new: str, limit: int | None = None
) -> tuple[ChangeSummary, ChangeSet]:
    """Say what the table ``differences`` holds; ``old`` and ``new`` are relations with at least the items that changed."""
    tests = ", ".join(f"CASE WHEN o.{name} IS DISTINCT FROM n.{name} THEN '{name}' END" for name in _COMPARED)
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE told AS SELECT id, CASE WHEN was IS NULL THEN 'added' ELSE 'removed' END AS kind, "
        "[]::VARCHAR[] AS fields FROM differences WHERE was IS NULL OR now IS NULL"
    )
    if old is not None:
        both = "SEMI JOIN (SELECT id FROM differences WHERE was IS NOT NULL AND now IS NOT NULL) USING (id)"
        engine.execute(
            f"INSERT INTO told SELECT o.id, 'changed', list_filter([{tests}], lambda field: field IS NOT NULL) "
            f"FROM (FROM {old} {both}) o JOIN (FROM {new} {both}) n ON o.id = n.id"
        )
    counts = dict(engine.execute("SELECT kind, count(*) FROM told GROUP BY kind").fetchall())
    fields = dict(
        engine.execute(
            "SELECT field, count(*) AS n FROM (SELECT unnest(fields) AS field FROM told) GROUP BY field "
            "ORDER BY n DESC, field"
        ).fetchall()
    )

    def pick(most: int | None) -> ChangeSet:
        if most == 0:
            return ChangeSet([], {}, [], bool(counts))
        bound = "" if most is None else f" LIMIT {int(most)}"
        lists = {
            kind: engine.execute(f"SELECT id, fields FROM told WHERE kind = ? ORDER BY id{bound}", [kind]).fetchall()
            for kind in ("added", "changed", "removed")
        }
        return ChangeSet(
            [identity for identity, _ in lists["added"]],
            dict(lists["changed"]),
            [identity for identity, _ in lists["removed"]],
            most is not None and any(number > most for number in counts.values()),
        )

    summary = ChangeSummary(
        counts.get("added", 0), counts.get("changed", 0), counts.get("removed", 0), fields, pick(SAMPLE)
    )
    return summary, pick(limit)


def write_differences(engine: duckdb.DuckDBPyConnection, target: Path) -> None:
    """Write the table ``differences`` as Parquet, for `chained`."""
    engine.execute(
        f"COPY (SELECT id, was, now FROM differences ORDER BY id) TO {_duck.text(target)} "
        f"(FORMAT parquet, COMPRESSION zstd, KV_METADATA {{prints: {_duck.text(_duck.ENGINE)}}})"
    )


def chained(steps: Sequence[Path], folder: Path) -> Path | None:
    """Return the items that differ over successive changes, the oldest first: ``id``, sorted, and ``gone``.

    Each step is what `write_differences` wrote. An item that is again as it was is not among them. None when
    the steps were not written by one version of the table engine, whose fingerprints differ.
    """
    target = folder / "changed.parquet"
    with _duck.memory() as engine:
        engine.execute("CREATE TEMP TABLE steps (id VARCHAR, was UBIGINT, now UBIGINT, step INTEGER)")
        makers = set()
        for number, path in enumerate(steps):
            query = f"SELECT decode(value) FROM parquet_kv_metadata({_duck.text(path)}) WHERE key = 'prints'"
            makers.update(engine.execute(query).fetchall())
            engine.execute(f"INSERT INTO steps SELECT id, was, now, {number} FROM {_duck.parquet(path)}")
        if len(makers) > 1:
            return None
        # In a struct, NULL (not there) is a value like others for arg_min and arg_max.
        ends = "arg_min({print: was}, step).print AS was, arg_max({print: now}, step).print AS now"
        engine.execute(
            f"COPY (SELECT id, now IS NULL AS gone FROM (SELECT id, {ends} FROM steps GROUP BY id) "
            f"WHERE was IS DISTINCT FROM now ORDER BY id) TO {_duck.text(target)} (FORMAT parquet)"
        )
    return target


_COMPARED: Final = tuple(name for name in _duck.COLUMNS if name != "id")
