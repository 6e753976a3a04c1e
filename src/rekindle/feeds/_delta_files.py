"""The files of a delta: JSON Lines by item and attribute, and whole rows in the channel's own format."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import duckdb
import msgspec

from rekindle.feeds import _sql
from rekindle.feeds.channel import Channel, Head
from rekindle.feeds.comparing import open_different
from rekindle.feeds.spec import SEPARATOR

Attributes = Sequence[tuple[str, str, bool]]
"""Name, name in the file, whether it is a list (`layout.Layout.attributes`)."""


class Files(NamedTuple):
    """What was written, and how many items it is about."""

    changes: Path
    update: Path | None
    added: int
    changed: int
    removed: int


def write_files(
    engine: duckdb.DuckDBPyConnection,
    channel: Channel,
    relations: tuple[str, str],
    attributes: Attributes,
    columns: Sequence[str],
    about: Mapping[str, object],
    work: Path,
) -> Files:
    """Write the delta between two relations of items; ``columns`` are those of the full file."""
    there = {*open_different(engine, *relations), "id"}
    known = [each for each in attributes if each[0] in there]
    added, removed, changed = (
        _count(engine, query)
        for query in ("b ANTI JOIN a USING (id)", "a ANTI JOIN b USING (id)", "a JOIN b USING (id)")
    )
    changes = work / "delta.jsonl"
    head = {**about, "added": added, "changed": changed, "removed": removed}
    _write(engine, msgspec.json.encode(head).decode() + "\n", _changes(known), "", changes)
    update = None
    if channel.spec.delta is not None:
        update = work / "delta"
        chosen = [name for name in channel.spec.delta.columns or columns if name in there]
        rows = "b" if channel.spec.delta.adds else "b SEMI JOIN a USING (id)"
        line = channel.format.line(channel.spec, chosen)
        begin = channel.format.begin(Head("", ""), channel.spec, chosen)
        _write(engine, begin, f"SELECT {line} AS line, id FROM {rows} ORDER BY id", channel.format.end, update)
    return Files(changes, update, added, changed, removed)


def _changes(attributes: Attributes) -> str:
    """Return a query of one line of JSON for each item: of a changed one what differs, of an added one what it has."""
    members = []
    for name, header, repeated in attributes:
        if name == "id":
            continue
        column = _sql.name(name)
        value = f"to_json(string_split(b.{column}, {_sql.text(SEPARATOR)}))" if repeated else f"to_json(b.{column})"
        key = _sql.text(msgspec.json.encode(header).decode() + ":")
        members.append(
            f"CASE WHEN b.id IS NOT NULL AND a.{column} IS DISTINCT FROM b.{column} "
            f"THEN {key} || coalesce(CAST({value} AS VARCHAR), 'null') END"
        )
    kind = "CASE WHEN b.id IS NULL THEN 'removed' WHEN a.id IS NULL THEN 'added' ELSE 'changed' END"
    values = (
        f"CASE WHEN b.id IS NULL THEN '' ELSE ',\"attributes\":{{' || concat_ws(',', {', '.join(members)}) || '}}' END"
    )
    return (
        f"SELECT '{{\"id\":' || CAST(to_json(coalesce(a.id, b.id)) AS VARCHAR) || ',\"change\":\"' || {kind} || '\"' || "
        f"{values} || '}}' AS line, coalesce(a.id, b.id) AS id FROM a FULL JOIN b ON a.id = b.id ORDER BY 2"
    )


def _write(engine: duckdb.DuckDBPyConnection, begin: str, rows: str, end: str, target: Path) -> None:
    # The engine sorts and writes out of core; nothing is quoted, because lines are whole already.
    body = target.with_suffix(".body")
    engine.execute(
        f"COPY (SELECT line FROM ({rows}) ORDER BY id) TO {_sql.text(str(body))} "
        "(FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01')"
    )
    with target.open("wb") as out, body.open("rb") as lines:
        out.write(begin.encode())
        shutil.copyfileobj(lines, out, 1 << 20)
        out.write(end.encode())
    body.unlink()


def _count(engine: duckdb.DuckDBPyConnection, source: str) -> int:
    row = engine.execute(f"SELECT count(*) FROM {source}").fetchone()
    return int(row[0]) if row else 0
