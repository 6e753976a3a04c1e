"""What the tag saw of each item, hour by hour: how often, and at which prices. Nothing of who saw it.

The page is not kept either: its path may name a visitor, and nobody could be erased from here.

Feeds are compared with it: ids that no feed holds, and prices that differ from the feed's (`rekindle.feeds.quality`).
A price is kept of product pages alone: in a cart it may be less for a coupon's sake.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.engines.database import Database
from rekindle.engines.database.core import upsert
from rekindle.engines.log.view import Noted
from rekindle.model.behaviour import ACTS
from rekindle.model.ports import ItemSeen, PriceSeen
from rekindle.model.record import Record, Stored
from rekindle.profiles._tables import item_prices_seen, item_sightings
from rekindle.profiles.statistics import hour

_COUNTED: Mapping[str, str] = {"view": "views", "cart": "carts", "purchase": "purchases"}


class _Item(NamedTuple):
    workspace: str
    hour_ms: int
    item_id: str


class _Price(NamedTuple):
    workspace: str
    hour_ms: int
    item_id: str
    price: str
    currency: str


class SightingsPart:
    """The part of the view that keeps `item_sightings` and `item_prices_seen`; one batch makes two statements."""

    def prepare(self, records: Sequence[Record]) -> None:
        """Need nothing from elsewhere."""

    def apply(self, connection: Connection, batch: Sequence[Noted]) -> None:
        items: dict[_Item, dict[str, Any]] = {}
        prices: dict[_Price, dict[str, int]] = {}
        for record, duplicate in batch:
            if not isinstance(record, Stored) or duplicate or record.bot:
                continue
            counted = _COUNTED.get(ACTS.get(record.event, ""))
            if counted is not None:
                _note(record, counted, items, prices)
        _write_items(connection, items)
        _write_prices(connection, prices)

    def clear(self, connection: Connection) -> None:
        connection.execute(item_sightings.delete())
        connection.execute(item_prices_seen.delete())


def _note(
    record: Stored, counted: str, items: dict[_Item, dict[str, Any]], prices: dict[_Price, dict[str, int]]
) -> None:
    at, started = record.received_ms, hour(record.received_ms)
    lines = {item.item_id: item for item in record.ecommerce.items if item.item_id}
    for item_id, line in lines.items():
        item = items.setdefault(
            _Item(record.workspace, started, item_id),
            {"views": 0, "carts": 0, "purchases": 0, "last_ms": at},
        )
        item[counted] += 1
        item["last_ms"] = max(item["last_ms"], at)
        if counted != "views":
            continue
        if line.price is not None:
            currency = (record.ecommerce.currency or "").upper()[:3]
            key = _Price(record.workspace, started, item_id, plain(line.price), currency)
            price = prices.setdefault(key, {"views": 0, "first_ms": at, "last_ms": at})
            price["views"] += 1
            price["first_ms"], price["last_ms"] = min(price["first_ms"], at), max(price["last_ms"], at)


def _write_items(connection: Connection, items: dict[_Item, dict[str, Any]]) -> None:
    if not items:
        return
    new = upsert(item_sightings, connection.dialect.name)
    old = item_sightings.c
    statement = new.on_conflict_do_update(
        index_elements=list(item_sightings.primary_key),
        set_={name: old[name] + new.excluded[name] for name in _COUNTED.values()}
        | {"last_ms": _greatest(old.last_ms, new.excluded.last_ms)},
    )
    # Sorted, so that two workers that have the same items in hand wait for each other in one order.
    connection.execute(statement, [key._asdict() | values for key, values in sorted(items.items(), key=_key)])


def _write_prices(connection: Connection, prices: dict[_Price, dict[str, int]]) -> None:
    if not prices:
        return
    new = upsert(item_prices_seen, connection.dialect.name)
    old = item_prices_seen.c
    statement = new.on_conflict_do_update(
        index_elements=list(item_prices_seen.primary_key),
        set_={
            "views": old.views + new.excluded.views,
            "first_ms": sa.case((new.excluded.first_ms < old.first_ms, new.excluded.first_ms), else_=old.first_ms),
            "last_ms": _greatest(old.last_ms, new.excluded.last_ms),
        },
    )
    connection.execute(statement, [key._asdict() | values for key, values in sorted(prices.items(), key=_key)])


def _key(pair: tuple[tuple[Any, ...], object]) -> tuple[Any, ...]:
    return pair[0]


def _greatest(old: sa.ColumnElement[int], new: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    return sa.case((new > old, new), else_=old)


def plain(price: Decimal) -> str:
    """Return an amount in one spelling: 12.5 and 12.50 are the same price."""
    text = format(price, "f")
    return text.rstrip("0").rstrip(".") or "0" if "." in text else text


class ItemSightings:
    """Reads both tables; keeps `rekindle.model.ports.Sightings`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def items(self, workspace: str, since_ms: int) -> Iterator[ItemSeen]:
        """See `model.ports.Sightings.items`."""
        t = item_sightings.c
        sums = [sa.func.sum(t[name]) for name in _COUNTED.values()]
        query = (
            sa.select(t.item_id, *sums, sa.func.max(t.last_ms))
            .where(t.workspace == workspace, t.hour_ms >= hour(since_ms))
            .group_by(t.item_id)
            .order_by(t.item_id)
        )
        with self._database.read() as connection:
            for row in connection.execution_options(stream_results=True).execute(query):
                yield ItemSeen(str(row[0]), int(row[1]), int(row[2]), int(row[3]), int(row[4]))

    def prices(self, workspace: str, since_ms: int, item_ids: Collection[str] | None = None) -> Iterator[PriceSeen]:
        """See `model.ports.Sightings.prices`."""
        t = item_prices_seen.c
        query = (
            sa.select(t.item_id, t.hour_ms, t.price, t.currency, t.views, t.first_ms, t.last_ms)
            .where(t.workspace == workspace, t.hour_ms >= hour(since_ms))
            .order_by(t.item_id, t.hour_ms, t.price, t.currency)
        )
        if item_ids is not None:
            query = query.where(t.item_id.in_(sorted(item_ids)))
        with self._database.read() as connection:
            for row in connection.execution_options(stream_results=True).execute(query):
                yield PriceSeen(*row)


def trim(connection: Connection, workspace: str, before_ms: int) -> int:
    """Drop a workspace's hours that began before ``before_ms``; return how many rows."""
    return sum(
        connection.execute(
            table.delete().where(table.c.workspace == workspace, table.c.hour_ms < hour(before_ms))
        ).rowcount
        for table in (item_sightings, item_prices_seen)
    )
