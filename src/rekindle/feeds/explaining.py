"""Where a published value comes from: the source's row, then what each rule and check made of it."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import duckdb
import msgspec

from rekindle.feeds import _sql
from rekindle.feeds.checks import bit
from rekindle.feeds.performance import products as products_of
from rekindle.feeds.previewing import Counts
from rekindle.feeds.program import BLOCKED, EXCLUDED, Program, compile_feed
from rekindle.model.ports import Snapshot
from rekindle.workspace import Feed


class Step(msgspec.Struct, frozen=True):
    """One stage and the value after it."""

    stage: str
    value: str | None


class Explanation(msgspec.Struct, frozen=True):
    """``outcome``: published, excluded (and by which rule) or blocked (and by which checks)."""

    id: str
    attribute: str
    source: str | None
    row: int | None
    steps: Sequence[Step]
    value: str | None
    outcome: str


class UnknownItem(LookupError):
    """The catalogue has no such item, or the channel no such attribute."""


def explain(snapshot: Snapshot, feed: Feed, item_id: str, attribute: str, counts: Counts = None) -> Explanation:
    """Tell how ``attribute`` of one item gets its value; ``item_id`` is the shop's own.

    Raises `UnknownItem`, `RuleError`, `UnknownChannel`.
    """
    program = compile_feed(feed)
    if attribute not in program.channel.spec.names:
        raise UnknownItem(f"{feed.channel} has no attribute {attribute!r}")
    with tempfile.TemporaryDirectory(prefix="explain-") as work, _sql.connect(Path(work)) as engine:
        products = products_of(engine, snapshot, counts, Path(work))
        mapped = program.mapped(f"(SELECT * FROM {products} WHERE id = {_sql.text(item_id)})")
        engine.execute(f"CREATE TEMP TABLE rk_item AS {mapped}")
        origin = engine.execute("SELECT _file, _row FROM rk_item").fetchone()
        if origin is None:
            raise UnknownItem(f"the catalogue has no item {item_id!r}; ids are compared byte for byte")
        return _trace(engine, program, item_id, attribute, origin[0], origin[1])


def _trace(
    engine: duckdb.DuckDBPyConnection,
    program: Program,
    item_id: str,
    attribute: str,
    source: str | None,
    row: int | None,
) -> Explanation:
    item = "SELECT * FROM rk_item"
    column = _sql.name(attribute)

    def value(relation: str) -> str | None:
        found = engine.execute(f"SELECT {column} FROM ({relation})").fetchone()
        return found[0] if found else None

    steps = [Step("from the product", value(item))]
    for number, layer in enumerate(program.layers, 1):
        if layer.attribute == attribute:
            steps.append(Step(layer.title, value(program.ruled(item, number))))
    engine.execute(f"CREATE TEMP TABLE rk_cleaned AS {program.cleaned(program.ruled(item))}")
    cleaned = value("SELECT * FROM rk_cleaned")
    if cleaned != steps[-1].value:
        steps.append(Step("cleaned", cleaned))
    engine.execute(f"CREATE TEMP TABLE rk_checked AS {program.checked(program.faulted('SELECT * FROM rk_cleaned'))}")
    final = value("SELECT * FROM rk_checked")
    found = [
        check
        for index, check in enumerate(program.checks)
        if _true(engine, f"SELECT {bit(index)} FROM rk_checked")
    ]  # fmt: skip
    for check in found:
        if check.attribute == attribute:
            steps.append(Step(f"check {check.code} ({check.severity}): {check.remedy}", final))
    state, rule = engine.execute("SELECT _state, _rule FROM rk_checked").fetchone() or (None, None)
    outcome = "published"
    if state == EXCLUDED:
        outcome = f"excluded by rule {rule}"
    elif state == BLOCKED:
        outcome = "blocked by " + ", ".join(f"{c.code} of {c.attribute}" for c in found if c.act == "block")
    return Explanation(item_id, attribute, source, row, steps, final, outcome)


def _true(engine: duckdb.DuckDBPyConnection, query: str) -> bool:
    row = engine.execute(query).fetchone()
    return bool(row and row[0])


__all__ = ["Explanation", "Step", "UnknownItem", "explain"]
