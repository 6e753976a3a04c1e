"""What a published version says of each item's price and stock, as numbers, whatever its channel calls them."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from rekindle.feeds import _sql
from rekindle.feeds.items import Items
from rekindle.feeds.quality._loading import columns_of, published
from rekindle.model.ports import SourceAges

PRICES = ("price", "flight_price")
SALES = ("sale_price", "flight_sale_price")
_RANGE = "sale_price_effective_date"
_STOCK = "availability"
_OUT = ("out of stock", "out_of_stock", "outofstock", "sold out", "discontinued", "0")

_MONEY = r"^\s*([0-9]+(?:\.[0-9]+)?)(?: ([A-Z]{3}))?\s*$"


def put_offers(engine: duckdb.DuckDBPyConnection, items: Items, currency: str, ages: Sequence[SourceAges]) -> bool:
    """Make ``rk_offer`` of a version's published items; return whether its channel publishes prices.

    Columns: ``id``, ``_id``, ``regular`` and ``sale`` price (DECIMAL), ``currency`` (an amount without one is in ``currency``),
    ``starts_ms``, ``ends_ms`` of the sale, ``sold_out``, and ``price_ms`` and ``stock_ms``: when each last changed in the
    item's source, 0 where that is not known.
    """
    there = columns_of(engine, published(items))

    def first(names: Sequence[str]) -> str:
        found = next((name for name in names if name in there), None)
        return "NULL::VARCHAR" if found is None else _sql.name(found)

    price, sale, span, stock = first(PRICES), first(SALES), first((_RANGE,)), first((_STOCK,))
    out = ", ".join(_sql.text(word) for word in _OUT)
    starts, ends = (_moment(f"split_part({span}, '/', {part})") for part in (1, 2))
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE rk_offer AS SELECT i.* EXCLUDE (_file), coalesce(a.price_ms, 0) AS price_ms, "
        "coalesce(a.stock_ms, 0) AS stock_ms FROM ("
        f"SELECT id, _id, _file, {_amount(price)} AS regular, {_amount(sale)} AS sale, "
        f"coalesce(nullif(regexp_extract({price}, {_sql.text(_MONEY)}, 2), ''), {_sql.text(currency)}) AS currency, "
        f"{starts} AS starts_ms, {ends} AS ends_ms, "
        f"coalesce(lower({stock}) IN ({out}), FALSE) AS sold_out FROM ({published(items)})) i "
        f"LEFT JOIN ({ages_of(ages)}) a ON a.source = i._file AND a.id = i._id"
    )
    return price != "NULL::VARCHAR"


def ages_of(ages: Sequence[SourceAges]) -> str:
    """Return every source's ages as one relation: ``source``, ``id``, ``seen_ms``, ``price_ms``, ``stock_ms``."""
    parts = [
        f"SELECT {_sql.text(each.source)} AS source, id, greatest(seen_ms, {int(each.read_ms)}) AS seen_ms, price_ms, stock_ms "
        f"FROM {each.relation}"
        for each in ages
    ]
    empty = (
        "SELECT '' AS source, '' AS id, 0::BIGINT AS seen_ms, 0::BIGINT AS price_ms, 0::BIGINT AS stock_ms WHERE FALSE"
    )
    return " UNION ALL ".join(parts) or empty


def _amount(column: str) -> str:
    return f"TRY_CAST(nullif(regexp_extract({column}, {_sql.text(_MONEY)}, 1), '') AS DECIMAL(18,4))"


def _moment(text: str) -> str:
    """Return SQL for ms since the epoch of an ISO 8601 time; one without a zone is taken as UTC."""
    zone = _sql.text(r"([+-])([0-9]{2}):?([0-9]{2})$")
    minutes = (
        f"coalesce(TRY_CAST(regexp_extract({text}, {zone}, 1) || '1' AS INTEGER) * "
        f"(60 * TRY_CAST(regexp_extract({text}, {zone}, 2) AS INTEGER) + TRY_CAST(regexp_extract({text}, {zone}, 3) AS INTEGER)), 0)"
    )
    return f"epoch_ms(TRY_CAST(replace(left({text}, 16), 'T', ' ') AS TIMESTAMP)) - 60000 * {minutes}"
