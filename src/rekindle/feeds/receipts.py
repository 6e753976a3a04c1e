"""What became of each version on each way out: fetched by a reader, delivered to a server, taken or refused by a platform.

A route is ``pull`` for readers who fetch the address, or the name of a delivery or push in the feed's document.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.feeds._tables import feed_receipts as table
from rekindle.privacy.redact import clean_note

Kind = Literal["url", "sftp", "ftps", "s3", "webhook", "push"]
Status = Literal["delivered", "accepted", "refused", "failed", "fetched"]

PULL: Final = "pull"
"""The route of readers who fetch the feed's address."""

ARRIVED: Final[tuple[Status, ...]] = ("delivered", "accepted", "fetched")
"""The states after which the other side has the version."""

_KEPT = 500
_DAY_MS = 24 * 3_600_000


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """How one version fared on one route.

    ``delivered``: the bytes are there, checked. ``accepted``: the platform took them in, too. ``refused``: it will not
    have this version. ``failed``: it did not get there, ``attempts`` times. ``fetched``: a reader was sent all of it.

    ``bytes`` and ``sha256`` are of the file as it was handed over; ``detail`` is the other side's words, masked, or for
    ``pull`` the family of readers. ``number`` is given by `record`.
    """

    workspace: str
    feed: str
    version: int
    route: str
    kind: Kind
    status: Status
    at_ms: int
    bytes: int = 0
    sha256: str = ""
    detail: str = ""
    attempts: int = 1
    number: int = 0


def record(connection: Connection, receipt: Receipt) -> Receipt:
    """Write a receipt inside a write transaction; return it with its number. The newest 500 of a route are kept."""
    mine = _of_feed(receipt.workspace, receipt.feed)
    last = connection.scalar(sa.select(sa.func.max(table.c.number)).where(*mine)) or 0
    written = msgspec.structs.replace(receipt, number=last + 1, detail=clean_note(receipt.detail))
    connection.execute(sa.insert(table).values(msgspec.structs.asdict(written)))
    route = (*mine, table.c.route == receipt.route)
    kept = sa.select(table.c.number).where(*route).order_by(table.c.number.desc())
    oldest = connection.scalar(kept.offset(_KEPT).limit(1))
    if oldest is not None:
        connection.execute(sa.delete(table).where(*route, table.c.number <= oldest))
    return written


def record_pull(connection: Connection, receipt: Receipt) -> bool:
    """Write that a family of readers (``detail``) fetched a version, once a day (UTC); return whether it was the first."""
    day = receipt.at_ms // _DAY_MS * _DAY_MS
    same = sa.select(table.c.number).where(
        *_of_feed(receipt.workspace, receipt.feed), table.c.route == PULL, table.c.version == receipt.version,
        table.c.detail == receipt.detail, table.c.at_ms >= day, table.c.at_ms < day + _DAY_MS,
    )  # fmt: skip
    if connection.execute(same.limit(1)).first() is not None:
        return False
    record(connection, receipt)
    return True


def history(
    connection: Connection, workspace: str, feed: str, route: str | None = None, limit: int = 200
) -> list[Receipt]:
    """Return a feed's receipts, newest first; of one route when it is named."""
    query = sa.select(table).where(*_of_feed(workspace, feed)).order_by(table.c.number.desc()).limit(limit)
    if route is not None:
        query = query.where(table.c.route == route)
    return [_of(row) for row in connection.execute(query)]


def last_accepted(connection: Connection, workspace: str, feed: str) -> Mapping[str, tuple[int, int]]:
    """Return, for each route, the version that the other side got last, and when (epoch milliseconds)."""
    newest = (
        sa.select(sa.func.max(table.c.number))
        .where(*_of_feed(workspace, feed), table.c.status.in_(ARRIVED))
        .group_by(table.c.route)
    )
    rows = sa.select(table.c.route, table.c.version, table.c.at_ms).where(
        *_of_feed(workspace, feed), table.c.number.in_(newest)
    )
    return {str(row.route): (int(row.version), int(row.at_ms)) for row in connection.execute(rows)}


def _of_feed(workspace: str, feed: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return table.c.workspace == workspace, table.c.feed == feed


def _of(row: sa.Row[Any]) -> Receipt:
    return msgspec.convert({name: getattr(row, name) for name in Receipt.__struct_fields__}, Receipt)
