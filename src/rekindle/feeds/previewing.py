"""What a changed feed would do, before it is saved: changed, excluded and newly broken items, with samples."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb
import msgspec

from rekindle.feeds import _sql
from rekindle.feeds.comparing import Difference, compare
from rekindle.feeds.findings import Finding, collect
from rekindle.feeds.performance import products as products_of
from rekindle.feeds.program import BLOCKED, EXCLUDED, PUBLISHED, Program, compile_feed
from rekindle.feeds.writing import write_items
from rekindle.model.ports import ItemCounts, Snapshot
from rekindle.workspace import Feed

Counts = Iterable[ItemCounts] | None
"""What `performance.recent` returns: for feeds whose rules ask what visitors did."""


class Preview(msgspec.Struct, frozen=True):
    """What would change.

    ``difference`` is between the two feeds on the same catalogue. ``newly_*`` list ids that were published before,
    at most the asked number, and are counted in full; ``findings`` are those of the new feed.
    """

    items: int
    difference: Difference
    newly_excluded: int
    excluded: Sequence[str]
    newly_blocked: int
    blocked: Sequence[str]
    findings: Sequence[Finding]


def preview(
    snapshot: Snapshot, old: Feed, new: Feed, folder: Path | None = None, limit: int = 20, counts: Counts = None
) -> Preview:
    """Run both feeds over a snapshot and compare. Publishes nothing. Raises `RuleError`, `UnknownChannel`."""
    return compare_programs(snapshot, compile_feed(old), compile_feed(new), folder, limit, counts)


def compare_programs(
    snapshot: Snapshot, old: Program, new: Program, folder: Path | None = None, limit: int = 20, counts: Counts = None
) -> Preview:
    """Run two compiled feeds over a snapshot and compare what they would publish."""
    before, after = old.over(snapshot.base), new.over(snapshot.base)
    with tempfile.TemporaryDirectory(dir=folder, prefix="preview-") as name:
        work = Path(name)
        with _sql.connect(work) as engine:
            products = products_of(engine, snapshot, counts, work)
            write_items(engine, before, products, work / "old.parquet")
            write_items(engine, after, products, work / "new.parquet")
            table = f"SELECT * FROM {_sql.parquet(work / 'new.parquet')}"
            found = collect(
                engine, after.checks, table,
                lambda ids: after.before_checks(f"(SELECT * FROM {products} WHERE id IN ({ids}))"), limit,
            )  # fmt: skip
            excluded = _newly(engine, work, EXCLUDED, limit)
            blocked = _newly(engine, work, BLOCKED, limit)
            row = engine.execute(f"SELECT count(*) FROM ({table}) WHERE _state = {PUBLISHED}").fetchone()
            difference = compare(engine, f"SELECT * FROM {_sql.parquet(work / 'old.parquet')}", table, limit)
    return Preview(int(row[0]) if row else 0, difference, *excluded, *blocked, found)


def _newly(engine: duckdb.DuckDBPyConnection, work: Path, state: int, limit: int) -> tuple[int, list[str]]:
    old, new = (_sql.parquet(work / f"{name}.parquet") for name in ("old", "new"))
    joined = f"FROM {new} n JOIN {old} o USING (_id) WHERE n._state = {state} AND o._state = {PUBLISHED}"
    row = engine.execute(f"SELECT count(*) {joined}").fetchone()
    ids = engine.execute(f"SELECT _id {joined} ORDER BY _id LIMIT {limit}").fetchall()
    return int(row[0]) if row else 0, [str(identity) for (identity,) in ids]
