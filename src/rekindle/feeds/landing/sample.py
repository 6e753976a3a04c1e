"""Which items of a feed are looked at: what changed last, what sells best, and a part of the rest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from rekindle.feeds import _sql
from rekindle.feeds.items import Items
from rekindle.feeds.landing.matching import Wanted
from rekindle.feeds.quality._loading import columns_of, published, put, working
from rekindle.feeds.quality._offers import PRICES, SALES, ages_of
from rekindle.model.ports import ItemSeen, Sightings, SourceAges

# What channels call the same; the first that a channel has counts.
_COLUMNS: dict[str, Sequence[str]] = {
    "link": ("link", "url", "final_url"), "group": ("item_group_id",), "gtin": ("gtin", "ean", "EAN"), "mpn": ("mpn",),
    "price": PRICES, "sale": SALES, "span": ("sale_price_effective_date",), "availability": ("availability",),
    "condition": ("condition",), "image": ("image_link", "image_url", "image"),
}  # fmt: skip


class Sampler:
    """Chooses items. ``folder`` is for files under way."""

    def __init__(self, items: Items, folder: Path | None) -> None:
        self._items, self._folder = items, folder

    def chosen(self, ids: Sequence[str]) -> list[Wanted]:
        """Return items by their ids in the feed or in the catalogue, in the order of the ids; unknown ones are left out."""
        with working(self._folder) as (engine, _work):
            engine.execute("CREATE TEMP TABLE rk_chosen AS SELECT unnest(?) AS name", [list(ids)])
            found = self._wanted(engine, "SEMI JOIN rk_chosen c ON c.name = i.id OR c.name = i._id")
        order = {name: place for place, name in enumerate(ids)}
        return sorted(found, key=lambda each: min(order.get(each.id, len(order)), order.get(each.own_id, len(order))))

    def sample(
        self, size: int, version: int, ages: Sequence[SourceAges], seen: Sightings, workspace: str, since_ms: int
    ) -> list[Wanted]:
        """Return up to ``size`` items: a third by change of price and stock, a third by sales, the rest by chance.

        The chance is that of the version: the same for one version, others for the next.
        """
        third = max(1, size // 3)
        with working(self._folder) as (engine, work):
            link = self._column(engine, "link")
            put(engine, "rk_seen", ItemSeen, seen.items(workspace, since_ms), work)
            engine.execute(
                "CREATE TEMP TABLE rk_pool AS SELECT i.id, i._id, greatest(a.price_ms, a.stock_ms) AS changed, "
                "s.purchases, s.carts, s.views "
                f"FROM (SELECT id, _id, _file FROM ({published(self._items)}) WHERE {link} IS NOT NULL) i "
                f"LEFT JOIN ({ages_of(ages)}) a ON a.source = i._file AND a.id = i._id LEFT JOIN rk_seen s ON s.item_id = i.id"
            )
            chance = f"md5({int(version)} || ':' || _id)"
            engine.execute("CREATE TEMP TABLE rk_chosen (_id VARCHAR, place INTEGER)")
            orders = (
                ("changed > 0", "changed DESC", third),
                ("views + carts + purchases > 0", "purchases DESC, carts DESC, views DESC", third),
                ("TRUE", chance, size),
            )
            for place, (which, order, most) in enumerate(orders):
                room = min(most, size - int(engine.execute("SELECT count(*) FROM rk_chosen").fetchall()[0][0]))
                engine.execute(
                    f"INSERT INTO rk_chosen SELECT _id, {place} FROM rk_pool ANTI JOIN rk_chosen USING (_id) WHERE {which} "
                    f"ORDER BY {order}, {chance} LIMIT {room}"
                )
            return self._wanted(engine, "SEMI JOIN rk_chosen USING (_id)")

    def _wanted(self, engine: duckdb.DuckDBPyConnection, which: str) -> list[Wanted]:
        columns = ", ".join(f"coalesce({self._column(engine, name)}, '') AS {name}" for name in _COLUMNS)
        rows = engine.execute(
            f"SELECT i.id, i._id, i._row, {columns} FROM ({published(self._items)}) i {which} ORDER BY i._id"
        )
        return [
            Wanted(id=identity, own_id=own, row=row, **dict(zip(_COLUMNS, values, strict=True)))
            for identity, own, row, *values in rows.fetchall()
        ]

    def _column(self, engine: duckdb.DuckDBPyConnection, name: str) -> str:
        there = columns_of(engine, published(self._items))
        found = next((each for each in _COLUMNS[name] if each in there), None)
        return "NULL::VARCHAR" if found is None else _sql.name(found)
