"""The state of deliveries in the database, and what people and metrics read of it."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.egress.fetch import shown
from rekindle.engines.database import Database
from rekindle.engines.database.core import upsert
from rekindle.feeds import receipts, turns, versions
from rekindle.feeds._tables import feed_deliveries as table
from rekindle.feeds.receipts import Receipt
from rekindle.feeds.turns import Turn
from rekindle.workspace import Workspace

_SHOWN = 20


class DeliveryStatus(msgspec.Struct, frozen=True):
    """One configured delivery: its state, the live version it may owe, and its newest receipts.

    ``late``: something has been owed for longer than the document allows. ``location`` names no user.
    """

    feed: str
    name: str
    kind: str
    location: str
    enabled: bool
    turn: Turn
    live_version: int | None
    late: bool
    receipts: list[Receipt]


def read(connection: Connection, workspace: str, feed: str, delivery: str) -> Turn | None:
    """Return how far a delivery is, or None when it was never looked at."""
    t = table.c
    query = sa.select(table).where(t.workspace == workspace, t.feed == feed, t.delivery == delivery)
    row = connection.execute(query).first()
    return None if row is None else _of(row)


def _of(row: sa.Row[Any]) -> Turn:
    return msgspec.convert({name: getattr(row, name) for name in Turn.__struct_fields__}, Turn)


def write(connection: Connection, workspace: str, feed: str, delivery: str, turn: Turn) -> None:
    """Keep how far a delivery is."""
    key = {"workspace": workspace, "feed": feed, "delivery": delivery}
    values = msgspec.structs.asdict(turn)
    statement = upsert(table, connection.dialect.name).values(**key, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))


def ask(database: Database, workspace: str, feed: str, delivery: str, now_ms: int) -> None:
    """Have the scheduler take the live version there now, again if it has arrived already."""
    with database.begin() as connection:
        turn = read(connection, workspace, feed, delivery) or turns.Turn(occasion_ms=now_ms)
        write(connection, workspace, feed, delivery, turns.asked(turn, now_ms))


def delivery_status(
    database: Database, workspace: Workspace, now_ms: int, feed_name: str | None = None
) -> list[DeliveryStatus]:
    """Return every configured delivery of a workspace, or of one feed, by feed and name."""
    found = []
    with database.read() as connection:
        for feed, document in sorted(workspace.feeds.items()):
            if not document.delivery or feed_name not in (None, feed):
                continue
            pointer = versions.live(connection, workspace.name, feed)
            for delivery in sorted(document.delivery, key=lambda one: one.name):
                turn = read(connection, workspace.name, feed, delivery.name) or Turn()
                found.append(
                    DeliveryStatus(
                        feed, delivery.name, delivery.kind, shown(delivery.location), delivery.enabled, turn,
                        pointer[0].version if pointer else None, delivery.enabled and turn.late(delivery, now_ms),
                        receipts.history(connection, workspace.name, feed, delivery.name, _SHOWN),
                    )
                )  # fmt: skip
    return found
