# ruff: noqa: S608 - table functions take no parameters; names come from our own columns, texts through _duck.text
"""What differs between two states of a catalogue: added, changed (which fields), removed."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import duckdb
import msgspec

from rekindle.catalog import _duck

SAMPLE: Final = 20
_ENGINE: Final = f"duckdb {duckdb.__version__}"


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
    old: Path | None, new: Path, limit: int | None = None, differing: Path | None = None
) -> tuple[ChangeSummary, ChangeSet]:
    """Compare two snapshots' Parquet files; ``old`` is None before the first.

    ``limit`` bounds each of the three lists. Where a row moved in its file (``source``, ``row``) is no change.
    What differs is written to ``differing`` too, for `chained`.
    """
    with tempfile.TemporaryDirectory(prefix="rekindle-changes-") as work, _duck.connect(Path(work)) as engine:
        # Fingerprints are compared first: they need little memory, and few items differ most of the time.
        before = "(SELECT NULL::VARCHAR AS id, NULL::UBIGINT AS print LIMIT 0)" if old is None else _prints(old)
        engine.execute(
            "CREATE TABLE differences AS SELECT coalesce(o.id, n.id) AS id, o.print AS was, n.print AS now "
            f"FROM {before} o FULL JOIN {_prints(new)} n ON o.id = n.id WHERE o.print IS DISTINCT FROM n.print"
        )
        if differing is not None:
            _write(engine, "SELECT id, was, now FROM differences", differing)
        return _told(engine, old, new, limit)


def _told(
    engine: duckdb.DuckDBPyConnection, old: Path | None, new: Path, limit: int | None
) -> tuple[ChangeSummary, ChangeSet]:
    tests = ", ".join(f"CASE WHEN o.{name} IS DISTINCT FROM n.{name} THEN '{name}' END" for name in _COMPARED)
    engine.execute(
        "CREATE TABLE told AS SELECT id, CASE WHEN was IS NULL THEN 'added' ELSE 'removed' END AS kind, "
        "[]::VARCHAR[] AS fields FROM differences WHERE was IS NULL OR now IS NULL"
    )
    if old is not None:
        both = "SEMI JOIN (SELECT id FROM differences WHERE was IS NOT NULL AND now IS NOT NULL) USING (id)"
        engine.execute(
            f"INSERT INTO told SELECT o.id, 'changed', list_filter([{tests}], lambda field: field IS NOT NULL) "
            f"FROM (FROM {_duck.parquet(old)} {both}) o JOIN (FROM {_duck.parquet(new)} {both}) n ON o.id = n.id"
        )
    counts = dict(engine.execute("SELECT kind, count(*) FROM told GROUP BY kind").fetchall())
    fields = dict(
        engine.execute(
            "SELECT field, count(*) AS n FROM (SELECT unnest(fields) AS field FROM told) GROUP BY field "
            "ORDER BY n DESC, field"
        ).fetchall()
    )

    def some(kind: str, most: int | None) -> list[tuple[str, list[str]]]:
        bound = "" if most is None else f" LIMIT {int(most)}"
        query = f"SELECT id, fields FROM told WHERE kind = ? ORDER BY id{bound}"
        return engine.execute(query, [kind]).fetchall()

    def pick(most: int | None) -> ChangeSet:
        return ChangeSet(
            [identity for identity, _ in some("added", most)],
            dict(some("changed", most)),
            [identity for identity, _ in some("removed", most)],
            most is not None and any(number > most for number in counts.values()),
        )

    summary = ChangeSummary(
        counts.get("added", 0), counts.get("changed", 0), counts.get("removed", 0), fields, pick(SAMPLE)
    )
    return summary, pick(limit)


def chained(steps: Sequence[Path], folder: Path) -> Path | None:
    """Return the items that differ over successive changes, the oldest first: ``id``, sorted, and ``gone``.

    Each step is what `compare` wrote to ``differing``. An item that is again as it was is not among them. None when
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


def _prints(path: Path) -> str:
    return f"(SELECT id, hash({', '.join(_COMPARED)}) AS print FROM {_duck.parquet(path)})"


def _write(engine: duckdb.DuckDBPyConnection, query: str, target: Path) -> None:
    engine.execute(
        f"COPY ({query} ORDER BY id) TO {_duck.text(target)} "
        f"(FORMAT parquet, COMPRESSION zstd, KV_METADATA {{prints: {_duck.text(_ENGINE)}}})"
    )
