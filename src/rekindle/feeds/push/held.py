"""What platforms hold of a pushed feed, by item: for ages, and for telling about one item."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.engines.database import Database
from rekindle.feeds.push._store import Rows
from rekindle.feeds.push._tables import feed_pushed as items

_PAGE = 5_000


class Held(msgspec.Struct, frozen=True):
    """One item that the platform took: ``current`` is 1 where it is as the pushed version has it, 0 where it is older."""

    item: str
    accepted_ms: int
    current: int


class Pushed(msgspec.Struct, frozen=True):
    """One item at the platform; times are epoch milliseconds, 0 for never.

    ``state`` is that of its newest form (`PushStatus.items`), wanted since ``wanted_ms`` and last sent at ``pushed_ms``.
    ``accepted_ms`` says when the platform took a form of it last, and ``current`` whether that was the newest.
    """

    item: str
    state: str
    wanted_ms: int
    pushed_ms: int
    accepted_ms: int
    current: bool
    code: str
    words: str


def pushed_version(database: Database, workspace: str, feed: str) -> tuple[int, int] | None:
    """Return the version that is pushed and when its last item was answered for (0: not yet); None without any item."""
    rows = Rows(database.dialect, workspace, feed)
    with database.read() as connection:
        push = rows.push(connection)
        return (push.version, push.done_ms) if push.version and rows.at_platform(connection) else None


def held(connection: Connection, workspace: str, feed: str, only: Collection[str] | None = None) -> Iterator[Held]:
    """Yield what the platform took, by item; of some items only. Items whose removal waits are left out."""
    same = sa.case((items.c.accepted == items.c.wanted, 1), else_=0)
    query = sa.select(items.c.item, items.c.accepted_ms, same).where(
        items.c.workspace == workspace, items.c.feed == feed, items.c.accepted != "", items.c.wanted != ""
    )
    if only is not None:
        query = query.where(items.c.item.in_(only))
    for row in connection.execute(query.execution_options(yield_per=_PAGE)):
        yield Held(*row)


def pushed_item(database: Database, workspace: str, feed: str, item: str) -> Pushed | None:
    """Return how an item is at the platform; ``item`` is its id in the feed. None where the push does not know it."""
    t = items.c
    columns = (t.item, t.state, t.wanted_ms, t.pushed_ms, t.accepted_ms, t.accepted == t.wanted, t.code, t.words)
    with database.read() as connection:
        row = connection.execute(
            sa.select(*columns).where(t.workspace == workspace, t.feed == feed, t.item == item)
        ).first()
    if row is None:
        return None
    name, state, wanted, sent, taken, current, code, words = row
    return Pushed(name, state, wanted, sent, taken, bool(current) and taken > 0, code, words)
