"""People whom an audience's platform refused for good: find them, see what would happen now, and have them told again.

A replay is no short cut: each goes back to the audience's lane, which decides consent anew, opens the seal (or finds the
person erased) and maps with today's settings. Nobody is named here: a person is a pseudonym, and of that its beginning.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Literal

import msgspec
import sqlalchemy as sa

from rekindle.egress._members import Ready
from rekindle.egress._people import Person, Told, person
from rekindle.egress._tables import people
from rekindle.egress.account import AccountUnusable
from rekindle.egress.replay import REPLAYED
from rekindle.engines.database import Database
from rekindle.model.clock import Clock
from rekindle.model.outcome import Outcome
from rekindle.privacy.ledger import Ledger, LedgerLine

_SHOWN: Final = 10
_PART: Final = 500


class MemberFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Whom. ``outcome``: ``dead`` (the platform refused them) or ``invalid`` (they could not be mapped).

    ``member`` is the beginning of a pseudonym, as `masked` shows it. ``since_ms`` and ``until_ms``: when it came to its
    end, from the one until before the other.
    """

    workspace: str
    destination: str | None = None
    reason: str | None = None
    member: str | None = None
    outcome: Literal["dead", "invalid"] = "dead"
    since_ms: int | None = None
    until_ms: int | None = None


class DeadMember(msgspec.Struct, frozen=True):
    """One person at one platform. ``operation`` is what the platform was told: ``add`` or ``remove``."""

    destination: str
    member: str
    operation: str
    reason: str
    detail: str
    attempts: int
    updated_ms: int


class Prospect(msgspec.Struct, frozen=True):
    """What would happen to a person now: ``add`` or ``remove`` with so many permitted fields, or an outcome with its reason.

    ``unconfigured``: the destination is gone; ``unusable``: its account cannot be opened, and ``detail`` says why.
    """

    destination: str
    member: str
    would: str
    reason: str = ""
    detail: str = ""
    fields: tuple[str, ...] = ()


Rehearse = Callable[[str, str, Sequence[Person]], Sequence[Ready | Told] | None]
"""``(workspace, destination, people)`` to what the destination's lane would do; None when it is not configured any more.

Raises `AccountUnusable`.
"""


def masked(subject: str) -> str:
    """Return the beginning of a pseudonym: enough to tell a few people apart, too little to look one up elsewhere."""
    return subject[:_SHOWN] + "…" if len(subject) > _SHOWN else subject


def find(database: Database, chosen: MemberFilter, limit: int) -> list[DeadMember]:
    """Return the people, newest first."""
    query = sa.select(people).where(*_where(chosen))
    query = query.order_by(people.c.updated_ms.desc(), people.c.destination, people.c.subject).limit(limit)
    with database.read() as connection:
        return [
            DeadMember(
                row.destination, masked(row.subject), "remove" if row.sent else "add", row.reason, row.detail,
                row.attempts, row.updated_ms,
            )
            for row in connection.execute(query)
        ]  # fmt: skip


def reasons(database: Database, chosen: MemberFilter) -> dict[tuple[str, str], int]:
    """Return how many there are by (destination, reason)."""
    columns = (people.c.destination, people.c.reason)
    query = sa.select(*columns, sa.func.count().label("n")).where(*_where(chosen)).group_by(*columns).order_by(*columns)
    with database.read() as connection:
        return {(row.destination, row.reason): row.n for row in connection.execute(query)}


class MemberDesk:
    """Looks at refused people and has them told again."""

    def __init__(self, database: Database, ledger: Ledger, clock: Clock, rehearse: Rehearse) -> None:
        self._database, self._ledger, self._clock = database, ledger, clock
        self._rehearse = rehearse

    async def show(self, chosen: MemberFilter, limit: int) -> list[Prospect]:
        """Return what would happen to up to ``limit`` of them now; nothing is sent."""
        rows = self._rows(chosen, limit)
        found: list[Prospect] = []
        for destination in sorted({row.destination for row in rows}):
            mine = [person(row) for row in rows if row.destination == destination]
            try:
                would = await asyncio.to_thread(self._rehearse, chosen.workspace, destination, mine)
            except AccountUnusable as error:
                found += [Prospect(destination, masked(one.subject), "unusable", detail=str(error)) for one in mine]
                continue
            if would is None:
                found += [Prospect(destination, masked(one.subject), "unconfigured") for one in mine]
            else:
                found += [_prospect(destination, one) for one in would]
        return found

    async def replay(self, chosen: MemberFilter, actor: str, limit: int) -> int:
        """Give up to ``limit`` back to their lanes; return how many. The ledger is written first: `LedgerUnavailable`."""
        return await asyncio.to_thread(self._replay, chosen, actor, limit)

    def _replay(self, chosen: MemberFilter, actor: str, limit: int) -> int:
        rows, now, done = self._rows(chosen, limit), self._clock(), 0
        for start in range(0, len(rows), _PART):
            part = rows[start : start + _PART]
            self._ledger.append([_line(chosen, row, actor, now) for row in part])
            again = {"outcome": str(Outcome.WAITING), "reason": REPLAYED, "detail": "", "attempts": 0, "due_ms": now,
                     "updated_ms": now}  # fmt: skip
            with self._database.begin() as connection:
                for destination in sorted({row.destination for row in part}):
                    mine = [row.subject for row in part if row.destination == destination]
                    # Whoever came to something else since is left alone.
                    which = (*_where(chosen), people.c.destination == destination, people.c.subject.in_(mine))
                    done += connection.execute(sa.update(people).where(*which).values(**again)).rowcount
        return done

    def _rows(self, chosen: MemberFilter, limit: int) -> Sequence[sa.Row[Any]]:
        query = sa.select(people).where(*_where(chosen)).order_by(people.c.updated_ms.desc()).limit(limit)
        with self._database.read() as connection:
            return connection.execute(query).all()


def _prospect(destination: str, one: Ready | Told) -> Prospect:
    if isinstance(one, Told):
        return Prospect(destination, masked(one.subject), str(one.outcome), str(one.reason), one.detail)
    name = masked(one.person.subject)
    return Prospect(destination, name, one.operation, fields=tuple(sorted(one.permit.fields)))


def _line(chosen: MemberFilter, row: sa.Row[Any], actor: str, now: int) -> LedgerLine:
    return LedgerLine(
        "decision", chosen.workspace, now, actor=actor, action="replay", subject=row.subject,
        destination=row.destination, outcome=Outcome.WAITING, reason=REPLAYED,
        facts={"before": row.outcome, "before_reason": row.reason},
    )  # fmt: skip


def _where(chosen: MemberFilter) -> Iterator[sa.ColumnElement[bool]]:
    yield people.c.workspace == chosen.workspace
    yield people.c.outcome == chosen.outcome
    for name in ("destination", "reason"):
        if (value := getattr(chosen, name)) is not None:
            yield people.c[name] == value
    if chosen.member is not None:
        yield people.c.subject.startswith(chosen.member.rstrip("…"), autoescape=True)
    if chosen.since_ms is not None:
        yield people.c.updated_ms >= chosen.since_ms
    if chosen.until_ms is not None:
        yield people.c.updated_ms < chosen.until_ms
