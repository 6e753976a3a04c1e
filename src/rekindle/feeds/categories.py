"""The shop's own categories beside those of Google's taxonomy that a feed sends for them, and what else they may be."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from rekindle.feeds import _sql
from rekindle.feeds.channel import configured
from rekindle.feeds.performance import products as products_of
from rekindle.feeds.previewing import Counts
from rekindle.feeds.program import compile_feed
from rekindle.feeds.taxonomy.proposing import propose
from rekindle.model.ports import Snapshot
from rekindle.workspace import Feed

ATTRIBUTE: Final = "google_product_category"


class NoTaxonomy(LookupError):
    """The feed's channel takes no category of Google's taxonomy."""


class Proposed(msgspec.Struct, frozen=True):
    """A category that may be meant: number, English path, path in the shop's language, likeness from 0 to 1."""

    number: int
    path: str
    local: str
    likeness: float


class ShopCategory(msgspec.Struct, frozen=True):
    """One category of the shop's (``product_type``; empty where items have none) and its items that are not excluded.

    ``unknown`` counts items that are sent without a category of the taxonomy; ``sent`` is what most items get.
    """

    name: str
    items: int
    unknown: int
    sent: str | None
    proposed: Sequence[Proposed] = ()


def categories(
    snapshot: Snapshot, feed: Feed, language: str = "en", limit: int = 500, counts: Counts = None
) -> list[ShopCategory]:
    """Return the ``limit`` largest categories of a shop, those with most items without a known category first.

    Raises `NoTaxonomy`, `UnknownChannel`, `RuleError`.
    """
    program = compile_feed(feed).over(snapshot.base)
    if not takes_categories(feed):
        raise NoTaxonomy(f"{feed.channel} takes no {ATTRIBUTE}")
    with tempfile.TemporaryDirectory(prefix="categories-") as work, _sql.connect(Path(work)) as engine:
        ruled = program.ruled(program.mapped(products_of(engine, snapshot, counts, Path(work))))
        column = f"nullif(trim({_sql.name(ATTRIBUTE)}), '')"
        rows = engine.execute(
            f"SELECT coalesce(\"product.product_type\", '') AS name, count(*) AS items, "
            f"count(*) FILTER ({_sql.category(column)} IS NULL) AS unknown, mode({column}) AS sent "
            f"FROM ({ruled}) WHERE _rule IS NULL GROUP BY name ORDER BY unknown DESC, items DESC, name LIMIT {int(limit)}"
        ).fetchall()
    return [
        ShopCategory(name, items, unknown, sent, _proposed(name, language) if unknown else ())
        for name, items, unknown, sent in rows
    ]


def takes_categories(feed: Feed) -> bool:
    """Tell whether the feed's channel takes categories of Google's taxonomy. Raises `UnknownChannel`."""
    return any(each.name == ATTRIBUTE and each.type == "taxonomy" for each in configured(feed).spec.attribute)


def rule(found: Sequence[ShopCategory]) -> str:
    """Return a rule for the feed's file that gives each category without a known one the likeliest, to be looked through."""
    lines = ["[[rule]]", 'do = "category"', f'attribute = "{ATTRIBUTE}"', "[rule.table]"]
    for each in found:
        for best in each.proposed[:1]:
            if each.name:
                lines.append(f'{_quoted(each.name)} = "{best.number}"  # {best.local} ({best.likeness:.0%})')
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    # A basic string of TOML escapes as JSON does.
    return msgspec.json.encode(text).decode()


def _proposed(name: str, language: str) -> list[Proposed]:
    return [
        Proposed(each.category.number, each.category.path("en"), each.category.path(language), round(each.likeness, 2))
        for each in propose(name)
    ]
