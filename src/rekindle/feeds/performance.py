"""What visitors did with each item lately, as attributes that rules can ask: ``performance.views``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb
import msgspec

from rekindle.feeds import _sql
from rekindle.model.ports import ItemCounts, Performance, Snapshot
from rekindle.workspace import Feed, duration_ms

KINDS = ("views", "carts", "purchases")
"""Each is a number of visitors, 0 where nobody did."""

_DAY_MS = 86_400_000


def uses_performance(feed: Feed) -> bool:
    """Whether a rule asks for it. Such a feed is built once a day although nothing else changed."""
    return any("performance." in text for rule in feed.rule for text in _texts(rule))


def _texts(value: object) -> Iterator[str]:
    for each in msgspec.structs.astuple(value) if isinstance(value, msgspec.Struct) else value:  # type: ignore[attr-defined]
        if isinstance(each, str):
            yield each
        elif isinstance(each, list):
            yield from (text for text in each if isinstance(text, str))


def day(feed: Feed, now_ms: int) -> str:
    """Return what a build's recipe depends on besides catalogue and rules: the day, where a rule asks for performance."""
    return f" day {now_ms // _DAY_MS}" if uses_performance(feed) else ""


def recent(feed: Feed, source: Performance | None, workspace: str, now_ms: int) -> Iterable[ItemCounts] | None:
    """Return the counts that a feed's rules ask for, or None where they ask for none. Raises `LookupError`."""
    if not uses_performance(feed):
        return None
    if source is None:
        raise LookupError("rules ask for performance, and what visitors did is not known here")
    return source.counts(workspace, now_ms - duration_ms(feed.performance))


def products(
    engine: duckdb.DuckDBPyConnection, snapshot: Snapshot, counts: Iterable[ItemCounts] | None, folder: Path
) -> str:
    """Return a snapshot's products as a table expression, with their counts as attributes, by id."""
    table = snapshot.table() if snapshot.patch is None else f"(FROM {snapshot.table()} ORDER BY id)"
    if counts is None:
        return table
    path = folder / "performance.jsonl"
    encoder = msgspec.json.Encoder()
    with path.open("wb") as out:
        for each in counts:
            out.write(encoder.encode(each) + b"\n")
    columns = ", ".join(f"{kind}: 'BIGINT'" for kind in KINDS)
    engine.execute(
        f"CREATE OR REPLACE TABLE rk_performance AS SELECT * FROM read_json({_sql.text(str(path))}, "
        f"format = 'newline_delimited', columns = {{item_id: 'VARCHAR', {columns}}})"
    )
    pairs = ", ".join(f"'performance.{kind}': CAST(coalesce(c.{kind}, 0) AS VARCHAR)" for kind in KINDS)
    return (
        f"(SELECT p.* REPLACE (map_concat(coalesce(p.attributes, MAP {{}}), MAP {{{pairs}}}) AS attributes) "
        f"FROM {table} p LEFT JOIN rk_performance c ON c.item_id = p.id ORDER BY p.id)"
    )
