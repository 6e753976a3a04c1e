"""The rows of one feed's push. Each function is one step inside a transaction; none holds more than a chunk in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.engines.database.core import upsert
from rekindle.feeds.push._tables import feed_push_tickets as tickets
from rekindle.feeds.push._tables import feed_pushed as items
from rekindle.feeds.push._tables import feed_pushes as pushes

WAITING: Final = "waiting"
"""To be sent, when ``due_ms`` has come."""
TAKEN: Final = "taken"
"""Sent; the platform decides later."""
ACCEPTED: Final = "accepted"
REFUSED: Final = "refused"
"""The platform will not have it as it is; it is sent again when it changes, or when a person asks."""
HELD: Final = "held"
"""A removal that waits for a person."""

_PART = 500


class Row(msgspec.Struct, frozen=True):
    """One item at the platform; times are in epoch milliseconds, 0 for never, fingerprints "" for none."""

    item: str
    wanted: str
    wanted_ms: int
    state: str
    due_ms: int = 0
    tries: int = 0
    pushed: str = ""
    pushed_ms: int = 0
    accepted: str = ""
    accepted_ms: int = 0
    code: str = ""
    words: str = ""
    ticket: str = ""


class PushRow(msgspec.Struct, frozen=True):
    """How far a feed's push is (see `_tables.feed_pushes`)."""

    version: int = 0
    wanted_ms: int = 0
    basis: str = ""
    target: str = ""
    done_ms: int = 0
    held_reason: str = ""
    approved_by: str = ""
    approved_version: int = 0


class Ticket(msgspec.Struct, frozen=True):
    """One request that is asked about."""

    ticket: str
    opened_ms: int
    looks: int
    look_ms: int
    words: str = ""


_ROW: Final = [items.c[name] for name in Row.__struct_fields__]
_PUSH: Final = [pushes.c[name] for name in PushRow.__struct_fields__]
_TICKET: Final = [tickets.c[name] for name in Ticket.__struct_fields__]


class Rows:
    """The rows of one feed of one workspace."""

    def __init__(self, dialect: str, workspace: str, feed: str) -> None:
        self._dialect = dialect
        self._key = {"workspace": workspace, "feed": feed}

    def _mine(self, table: sa.Table) -> list[sa.ColumnElement[bool]]:
        return [table.c[name] == value for name, value in self._key.items()]

    # The push as a whole.

    def push(self, connection: Connection) -> PushRow:
        """Return how far the push is."""
        row = connection.execute(sa.select(*_PUSH).where(*self._mine(pushes))).first()
        return PushRow(*row) if row else PushRow()

    def save(self, connection: Connection, push: PushRow) -> None:
        """Keep how far the push is."""
        values = msgspec.structs.asdict(push)
        statement = upsert(pushes, self._dialect).values(**self._key, **values)
        connection.execute(statement.on_conflict_do_update(index_elements=list(self._key), set_=values))

    def counts(self, connection: Connection) -> dict[str, int]:
        """Return how many items are in each state."""
        query = sa.select(items.c.state, sa.func.count()).where(*self._mine(items)).group_by(items.c.state)
        return {str(state): int(count) for state, count in connection.execute(query)}

    def any_open(self, connection: Connection) -> bool:
        """Whether any item is to be sent, or not decided yet."""
        open_ = sa.select(items.c.item).where(*self._mine(items), items.c.state.in_((WAITING, TAKEN)))
        return connection.execute(open_.limit(1)).first() is not None

    def oldest_open(self, connection: Connection) -> int:
        """Return since when the oldest item that is to be sent, or is not decided, is wanted; 0 for none."""
        moments = [
            connection.scalar(
                sa.select(sa.func.min(items.c.wanted_ms)).where(*self._mine(items), items.c.state == state)
            )
            for state in (WAITING, TAKEN)
        ]
        return min((int(moment) for moment in moments if moment), default=0)

    def removals(self, connection: Connection) -> int:
        """Return how many items are to be removed and still may be there."""
        query = sa.select(sa.func.count()).select_from(items).where(*self._mine(items), items.c.wanted == "")
        return int(connection.scalar(query) or 0)

    def at_platform(self, connection: Connection) -> int:
        """Return how many items the platform may have."""
        query = sa.select(sa.func.count()).select_from(items).where(*self._mine(items), items.c.pushed != "")
        return int(connection.scalar(query) or 0)

    def forget(self, connection: Connection, limit: int) -> int:
        """Forget items and requests, for another account; return how many, so that it is done in parts."""
        connection.execute(sa.delete(tickets).where(*self._mine(tickets)))
        chosen = sa.select(items.c.item).where(*self._mine(items)).limit(limit)
        return int(connection.execute(sa.delete(items).where(*self._mine(items), items.c.item.in_(chosen))).rowcount)

    # What is wanted.

    def want(self, connection: Connection, wanted: Sequence[tuple[str, str]], now_ms: int) -> int:
        """Say how items are to be (ids with fingerprints); return how many that changes."""
        changed = 0
        for part in _parts(wanted):
            fresh = [self._new(item, mark, now_ms) for item, mark in self.different(connection, part)]
            if fresh:
                statement = upsert(items, self._dialect)
                again = {name: statement.excluded[name] for name in _AGAIN}
                keys = [*self._key, "item"]
                connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=again), fresh)
            changed += len(fresh)
        return changed

    def different(self, connection: Connection, wanted: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return those of a chunk that are not wanted as they are here, each id once."""
        query = sa.select(items.c.item, items.c.wanted).where(
            *self._mine(items), items.c.item.in_([item for item, _ in wanted])
        )
        known = {str(item): str(mark) for item, mark in connection.execute(query)}
        return [(item, mark) for item, mark in dict(wanted).items() if known.get(item) != mark]

    def _new(self, item: str, mark: str, now_ms: int) -> dict[str, Any]:
        row = Row(item, mark, now_ms, WAITING)
        return {**self._key, **msgspec.structs.asdict(row)}

    def unwant(self, connection: Connection, gone: Sequence[str], now_ms: int) -> int:
        """Say that items are to be removed; those that the platform never saw are forgotten. Returns how many that changes."""
        changed = 0
        for part in _parts(gone):
            mine = [*self._mine(items), items.c.item.in_(part), items.c.wanted != ""]
            connection.execute(sa.delete(items).where(*mine, items.c.pushed == ""))
            again = {**_AFRESH, "wanted": "", "wanted_ms": now_ms}
            changed += connection.execute(sa.update(items).where(*mine).values(**again)).rowcount
        return changed

    def pages(self, connection: Connection, after: str, limit: int) -> list[str]:
        """Return the next ids of items that are wanted, in the database's own order; "" begins."""
        query = sa.select(items.c.item).where(*self._mine(items), items.c.wanted != "", items.c.item > after)
        return list(connection.scalars(query.order_by(items.c.item).limit(limit)))

    def hold(self, connection: Connection, *, held: bool) -> int:
        """Hold all removals that wait, or let those that are held go on; return how many."""
        states = (WAITING, HELD) if held else (HELD, WAITING)
        where = [*self._mine(items), items.c.wanted == "", items.c.state == states[0]]
        return int(connection.execute(sa.update(items).where(*where).values(state=states[1], due_ms=0)).rowcount)

    # What is sent.

    def due(self, connection: Connection, now_ms: int, limit: int) -> list[Row]:
        """Return items to be sent, what changed last first."""
        query = sa.select(*_ROW).where(*self._mine(items), items.c.state == WAITING, items.c.due_ms <= now_ms)
        # Both backwards, as the index is read then; ids in their order lie together in the version's files, too.
        rows = connection.execute(query.order_by(items.c.wanted_ms.desc(), items.c.item.desc()).limit(limit))
        return [Row(*row) for row in rows]

    def sending(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Note before the first request of an item that the platform may have it, so that it is never forgotten there."""
        for part in _parts([row.item for row in rows if not row.pushed]):
            where = [*self._mine(items), items.c.item.in_(part), items.c.pushed == ""]
            connection.execute(sa.update(items).where(*where).values(pushed=items.c.wanted))

    def settle(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Write what became of items that were sent or asked about, unless they are wanted otherwise meanwhile.

        A removal that was accepted ends the row.
        """
        bind: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in _SETTLED}
        same = [items.c.item == sa.bindparam("of_item"), items.c.wanted == sa.bindparam("of_wanted"),
                items.c.wanted_ms == sa.bindparam("of_wanted_ms")]  # fmt: skip
        kept, gone = [], []
        for row in rows:
            key = {"of_item": row.item, "of_wanted": row.wanted, "of_wanted_ms": row.wanted_ms}
            if row.wanted == "" and row.state == ACCEPTED:
                gone.append(key)
            else:
                kept.append(key | {f"new_{name}": getattr(row, name) for name in _SETTLED})
        if kept:
            connection.execute(sa.update(items).where(*self._mine(items), *same).values(**bind), kept)
        if gone:
            connection.execute(sa.delete(items).where(*self._mine(items), *same), gone)

    def refresh(self, connection: Connection, before_ms: int, now_ms: int, limit: int) -> int:
        """Make due what the platform accepted before a moment; return how many."""
        # What a review disapproved is there, too, and may be good in another place.
        there = [items.c.state.in_((ACCEPTED, REFUSED)), items.c.accepted == items.c.wanted, items.c.wanted != ""]
        old = [*self._mine(items), *there, items.c.accepted_ms < before_ms]
        chosen = sa.select(items.c.item).where(*old).limit(limit)
        where = [*self._mine(items), items.c.item.in_(chosen), *there]
        return int(
            connection.execute(sa.update(items).where(*where).values(state=WAITING, due_ms=now_ms, tries=0)).rowcount
        )

    def release(self, connection: Connection, now_ms: int, *, refused: bool = False) -> int:
        """Make everything due that waits for another try, and what was refused where that is asked; return how many."""
        states = (WAITING, REFUSED) if refused else (WAITING,)
        where = [*self._mine(items), items.c.state.in_(states), (items.c.due_ms > now_ms) | (items.c.state == REFUSED)]
        return int(connection.execute(sa.update(items).where(*where).values(state=WAITING, due_ms=0, tries=0)).rowcount)

    # What is asked about.

    def open_ticket(self, connection: Connection, ticket: Ticket) -> None:
        """Note that a request is to be asked about."""
        values = msgspec.structs.asdict(ticket)
        statement = upsert(tickets, self._dialect).values(**self._key, **values)
        connection.execute(statement.on_conflict_do_update(index_elements=[*self._key, "ticket"], set_=values))

    def due_tickets(self, connection: Connection, now_ms: int, limit: int) -> list[Ticket]:
        """Return requests to ask about."""
        query = sa.select(*_TICKET).where(*self._mine(tickets), tickets.c.look_ms <= now_ms)
        return [Ticket(*row) for row in connection.execute(query.order_by(tickets.c.look_ms).limit(limit))]

    def of_ticket(self, connection: Connection, ticket: str) -> list[Row]:
        """Return the items that a request is still about: those that were not sent anew since."""
        query = sa.select(*_ROW).where(*self._mine(items), items.c.ticket == ticket)
        return [Row(*row) for row in connection.execute(query.order_by(items.c.item))]

    def close_ticket(self, connection: Connection, ticket: str) -> None:
        """Forget a request."""
        connection.execute(sa.delete(tickets).where(*self._mine(tickets), tickets.c.ticket == ticket))

    def open_tickets(self, connection: Connection) -> int:
        """Return how many requests are still asked about."""
        return int(connection.scalar(sa.select(sa.func.count()).select_from(tickets).where(*self._mine(tickets))) or 0)


_AFRESH: Final[Mapping[str, Any]] = {"state": WAITING, "due_ms": 0, "tries": 0, "code": "", "words": "", "ticket": ""}
_AGAIN: Final[Collection[str]] = ("wanted", "wanted_ms", *_AFRESH)
_SETTLED: Final = (
    "state", "due_ms", "tries", "pushed", "pushed_ms", "accepted", "accepted_ms", "code", "words", "ticket",
)  # fmt: skip


def _parts(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(rows), _PART):
        yield rows[start : start + _PART]
