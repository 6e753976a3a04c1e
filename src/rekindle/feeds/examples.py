"""Rules carry their own tests: what goes in and what must come out, run on the compiled rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import duckdb

from rekindle.feeds import _sql
from rekindle.feeds.program import compile_feed
from rekindle.feeds.rules import PRODUCT_FIELDS, Layer, applied
from rekindle.feeds.spec import Spec
from rekindle.workspace import Feed


def failed_examples(feed: Feed) -> list[str]:
    """Run every rule's examples and return what failed, in words. Raises `RuleError`, `UnknownChannel`.

    An example's ``in`` gives attributes of the channel, product fields, or ``source.x``; all else is missing. ``out``
    is the attribute's value after this rule alone (of the first of several); for an exclusion ``excluded`` or nothing.
    """
    if not any(rule.example for rule in feed.rule):
        return []
    program = compile_feed(feed)
    with _sql.connect() as engine:
        return [
            f"{layers[0].title}, example {number}: {example.given} gives {found!r}, not {example.out!r}"
            for place, rule in enumerate(feed.rule, 1)
            if (layers := [layer for layer in program.layers if layer.number == place])
            for number, example in enumerate(rule.example, 1)
            for found in _differs(engine, program.channel.spec, layers, example.given, example.out)
        ]


def _differs(
    engine: duckdb.DuckDBPyConnection, spec: Spec, layers: Sequence[Layer], given: dict[str, str], wanted: str
) -> Iterator[str]:
    relation = applied(layers, _row(spec, given))
    attribute = layers[0].attribute
    row = engine.execute(
        f"SELECT {'_rule' if attribute is None else _sql.name(attribute)} FROM ({relation})"
    ).fetchone()
    value = row[0] if row else None
    found = ("excluded" if value is not None else "") if attribute is None else value or ""
    if found != wanted:
        yield found


def _row(spec: Spec, given: dict[str, str]) -> str:
    def literal(value: str | None) -> str:
        return "CAST(NULL AS VARCHAR)" if value is None else _sql.text(value)

    columns = [f"{literal(given.get(name))} AS {_sql.name(name)}" for name in spec.names]
    columns += [
        f"{literal(given.get(f'source.{field}', given.get(field)))} AS {_sql.name(f'product.{field}')}"
        for field in PRODUCT_FIELDS
    ]
    ours = ("source.", "performance.")
    pairs = {key.removeprefix("source."): value for key, value in given.items() if key.startswith(ours)}
    keys, values = (", ".join(map(_sql.text, part)) for part in (pairs, pairs.values()))
    filled = f"MAP([{keys}], [{values}])" if pairs else "CAST(MAP {} AS MAP(VARCHAR, VARCHAR))"
    return f'SELECT {", ".join(columns)}, {filled} AS "product.attributes", CAST(NULL AS INTEGER) AS _rule'
