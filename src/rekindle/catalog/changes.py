# ruff: noqa: S608 - table functions take no parameters; names come from our own columns, texts through _duck.text
"""What differs between two states of a catalogue: added, changed (which fields), removed."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

import msgspec

from rekindle.catalog import _duck

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


def compare(old: Path | None, new: Path, limit: int | None = None) -> tuple[ChangeSummary, ChangeSet]:
    """Compare two snapshots' Parquet files; ``old`` is None before the first.

    ``limit`` bounds each of the three lists. Where a row moved in its file (``source``, ``row``) is no change.
    """
    with tempfile.TemporaryDirectory(prefix="rekindle-changes-") as work, _duck.connect(Path(work)) as engine:
        compared = [name for name in _duck.COLUMNS if name != "id"]
        if old is None:
            engine.execute(
                "CREATE TABLE differences AS SELECT id, 'added' AS kind, []::VARCHAR[] AS fields FROM "
                + _duck.parquet(new)
            )
        else:
            tests = ", ".join(f"CASE WHEN o.{name} IS DISTINCT FROM n.{name} THEN '{name}' END" for name in compared)
            engine.execute(
                "CREATE TABLE differences AS SELECT coalesce(o.id, n.id) AS id, "
                "CASE WHEN o.id IS NULL THEN 'added' WHEN n.id IS NULL THEN 'removed' ELSE 'changed' END AS kind, "
                "CASE WHEN o.id IS NULL OR n.id IS NULL THEN []::VARCHAR[] "
                f"ELSE list_filter([{tests}], lambda field: field IS NOT NULL) END AS fields "
                f"FROM {_duck.parquet(old)} o FULL JOIN {_duck.parquet(new)} n ON o.id = n.id"
            )
            engine.execute("DELETE FROM differences WHERE kind = 'changed' AND len(fields) = 0")
        counts = dict(engine.execute("SELECT kind, count(*) FROM differences GROUP BY kind").fetchall())
        fields = dict(
            engine.execute(
                "SELECT field, count(*) AS n FROM (SELECT unnest(fields) AS field FROM differences) GROUP BY field "
                "ORDER BY n DESC, field"
            ).fetchall()
        )

        def some(kind: str, most: int | None) -> list[tuple[str, list[str]]]:
            bound = "" if most is None else f" LIMIT {int(most)}"
            query = f"SELECT id, fields FROM differences WHERE kind = ? ORDER BY id{bound}"
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
