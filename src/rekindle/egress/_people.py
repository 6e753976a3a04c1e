"""One audience destination's people: who is wanted at the platform, who is there, and what is still to be told it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.egress._due import due
from rekindle.egress._tables import cursors, people
from rekindle.egress._tickets import Ticket, put
from rekindle.egress.subjects import ListHolder
from rekindle.engines.database import Database
from rekindle.engines.database.core import upsert
from rekindle.model.names import PLAIN, Names
from rekindle.model.outcome import Outcome


class AudienceChange(msgspec.Struct, frozen=True):
    """One entry into or exit from the audience; ``id`` grows."""

    id: int
    subject: str
    entered: bool


class Person(msgspec.Struct, frozen=True):
    """One row whose time has come. ``sealed`` is empty while no event told an identifier.

    It opens for ``sealed_for``. ``outcome``, ``reason`` and ``ticket`` are what the platform's list last came to.
    """

    subject: str
    sealed: bytes
    sealed_for: str
    names: tuple[str, ...]
    wanted: bool
    sent: bool
    attempts: int
    outcome: str = ""
    reason: str = ""
    ticket: str = ""


class Seal(msgspec.Struct, frozen=True):
    """A person's newest identifiers, the pseudonym they were sealed for, and the person's other pseudonyms."""

    sealed: bytes
    sealed_for: str
    names: tuple[str, ...]


class Told(msgspec.Struct, frozen=True):
    """What became of one person. ``due_ms`` None: nothing more to do. ``sent``: whether they are at the platform now."""

    subject: str
    sent: bool
    outcome: Outcome
    reason: str
    detail: str = ""
    attempts: int = 0
    due_ms: int | None = None
    ticket: str = ""


class People:
    """The rows of one destination of one workspace; each method is one transaction."""

    def __init__(self, database: Database, workspace: str, destination: str, names: Names = PLAIN) -> None:
        self._database = database
        self._names = names
        self._key = {"workspace": workspace, "destination": destination}

    async def cursor(self) -> int:
        """Return the id of the newest change that is in the rows."""
        query = sa.select(cursors.c.change_id).where(*self._mine(cursors))
        return await self._database.query(lambda connection: connection.scalar(query) or 0)

    async def take(self, changes: Sequence[AudienceChange], now_ms: int) -> None:
        """Put changes into the rows, the later ones last, and move the cursor, together."""

        def write(connection: Connection) -> None:
            self._adopt(connection, {change.subject for change in changes}, now_ms)
            for change in changes:
                values = {"wanted": change.entered, "due_ms": now_ms, "attempts": 0, "updated_ms": now_ms}
                self._put(connection, self._names.current(change.subject), values)
            statement = upsert(cursors, self._database.dialect).values(**self._key, change_id=changes[-1].id)
            moved = {"change_id": changes[-1].id}
            connection.execute(statement.on_conflict_do_update(index_elements=list(self._key), set_=moved))

        await self._database.run(write)

    async def know(self, seals: Mapping[str, Seal], now_ms: int) -> None:
        """Keep the newest identifiers of people; those who are wanted and could not be matched are due again."""

        def write(connection: Connection) -> None:
            self._adopt(connection, seals, now_ms)
            for subject, seal in seals.items():
                known = {"sealed": seal.sealed, "sealed_for": seal.sealed_for, "names": " ".join(seal.names)}
                self._put(connection, subject, {**known, "seen_ms": now_ms, "updated_ms": now_ms})
            for start in range(0, len(seals), 500):
                part = list(seals)[start : start + 500]
                lacking = sa.and_(people.c.wanted, ~people.c.sent, people.c.outcome == Outcome.INVALID)
                chosen = (*self._mine(people), people.c.subject.in_(part), lacking)
                connection.execute(sa.update(people).where(*chosen).values(due_ms=now_ms, attempts=0))

        await self._database.run(write)

    async def reconsider(self, subjects: Collection[str], now_ms: int) -> None:
        """Make those of ``subjects`` who are wanted due again: they may have chosen otherwise since they were dealt with."""
        settled = people.c.outcome.in_([Outcome.DELIVERED, Outcome.ACCEPTED, Outcome.FILTERED])

        def write(connection: Connection) -> None:
            self._adopt(connection, subjects, now_ms)
            for start in range(0, len(subjects), 500):
                part = list(subjects)[start : start + 500]
                chosen = (*self._mine(people), people.c.subject.in_(part), people.c.wanted, settled)
                connection.execute(sa.update(people).where(*chosen).values(due_ms=now_ms, attempts=0))

        await self._database.run(write)

    async def due(self, now_ms: int, limit: int) -> list[Person]:
        """Return up to ``limit`` people whose time has come, those with the fewest attempts first."""
        query = sa.select(people).where(*self._mine(people))
        columns = (people.c.attempts, people.c.due_ms)
        return await self._database.query(
            lambda connection: [
                person(row) for row in due(connection, query, *columns, now_ms, limit, people.c.subject)
            ]
        )

    async def probe(self) -> list[Person]:
        """Return one person who waits, whatever their time, to try a platform that was down or a token that was dead."""
        query = sa.select(people).where(*self._mine(people), people.c.due_ms.is_not(None))
        query = query.order_by(people.c.attempts, people.c.due_ms, people.c.subject).limit(1)
        return await self._database.query(lambda connection: [person(row) for row in connection.execute(query)])

    async def wanted(self) -> int:
        """Return how many people the audience has here."""
        query = sa.select(sa.func.count()).where(*self._mine(people), people.c.wanted)
        return await self._database.query(lambda connection: connection.scalar(query) or 0)

    async def page(self, after: str, limit: int) -> list[Person]:
        """Return the audience's people behind ``after``, by subject, as if the platform had none of them."""
        query = (
            sa.select(people)
            .where(*self._mine(people), people.c.wanted, people.c.subject > after)
            .order_by(people.c.subject)
            .limit(limit)
        )
        rows = await self._database.query(lambda connection: connection.execute(query).all())
        return [
            msgspec.structs.replace(person(row), wanted=True, sent=False, outcome="", reason="", ticket="")
            for row in rows
        ]

    async def replaced(self, mark: str, now_ms: int) -> None:
        """Note that at the platform are those whose rows are marked, and nobody else."""

        def write(connection: Connection) -> None:
            gone = (*self._mine(people), people.c.sent, people.c.ticket != mark)
            # Who is wanted and was not in the session came while it ran: the differences follow.
            connection.execute(
                sa.update(people).where(*gone, people.c.wanted).values(sent=False, due_ms=now_ms, updated_ms=now_ms)
            )
            left = {"sent": False, "outcome": str(Outcome.DELIVERED), "reason": "ok", "due_ms": None, "ticket": "",
                    "detail": "left with the replacement of the whole list", "updated_ms": now_ms}  # fmt: skip
            connection.execute(sa.update(people).where(*gone, ~people.c.wanted).values(**left))

        await self._database.run(write)

    async def start_over(self, now_ms: int) -> None:
        """Forget what the platform may have: who is wanted is added again, who was ever told and is not, removed."""

        def write(connection: Connection) -> None:
            mine, again = self._mine(people), {"due_ms": now_ms, "attempts": 0, "updated_ms": now_ms, "ticket": ""}
            connection.execute(sa.update(people).where(*mine, people.c.wanted).values(sent=False, **again))
            told = (*mine, ~people.c.wanted, people.c.outcome != "")
            connection.execute(sa.update(people).where(*told).values(sent=True, **again))

        await self._database.run(write)

    async def release(self, now_ms: int) -> None:
        """Make everybody who waits due: the account works again."""
        later = sa.update(people).where(*self._mine(people), people.c.due_ms > now_ms).values(due_ms=now_ms)
        await self._database.run(lambda connection: connection.execute(later))

    async def record(self, told: Sequence[Told], now_ms: int, tickets: Sequence[Ticket] = ()) -> None:
        """Write what became of people, with the ``tickets`` that some of them wait by."""

        def write(connection: Connection) -> None:
            for ticket in tickets:
                put(connection, ticket)
            for one in told:
                values = msgspec.structs.asdict(one) | {"outcome": str(one.outcome), "updated_ms": now_ms}
                values["reason"] = str(one.reason)[:64]
                values["detail"] = one.detail[:400]
                del values["subject"]
                # It may have moved since it was read.
                mine = (*self._mine(people), people.c.subject.in_({one.subject, self._names.current(one.subject)}))
                connection.execute(sa.update(people).where(*mine).values(**values))

        if told:
            await self._database.run(write)

    async def forget(self, before_ms: int) -> int:
        """Drop the rows of people who are neither wanted nor at the platform and were not seen since; return how many."""
        old = (people.c.seen_ms < before_ms, ~people.c.wanted, ~people.c.sent, people.c.due_ms.is_(None))
        statement = sa.delete(people).where(*self._mine(people), *old)
        return await self._database.run(lambda connection: connection.execute(statement).rowcount)

    async def counts(self) -> dict[str, int]:
        """Return how many people are at each outcome, as ``outcome/reason``."""
        query = (
            sa.select(people.c.outcome, people.c.reason, sa.func.count())
            .where(*self._mine(people), people.c.outcome != "")
            .group_by(people.c.outcome, people.c.reason)
        )
        rows = await self._database.query(lambda connection: connection.execute(query).all())
        return {f"{row[0]}/{row[1]}": row[2] for row in rows}

    def _adopt(self, connection: Connection, subjects: Iterable[str], now_ms: int) -> None:
        """After a rotation of the pseudonyms' key: a person's row moves with the first that is heard of them."""
        renamed = {
            older: newest for newest, *others in map(self._names.aliases, sorted(set(subjects))) for older in others
        }
        if renamed:
            ListHolder().rename(connection, self._key["workspace"], renamed, self._names, now_ms)

    def _put(self, connection: Connection, subject: str, values: Mapping[str, object]) -> None:
        fresh = {"sealed": b"", "sealed_for": "", "names": "",
                 "seen_ms": 0, "wanted": False, "sent": False, "outcome": "", "reason": "",
                 "detail": "", "attempts": 0, "due_ms": None, "updated_ms": 0, "ticket": ""}  # fmt: skip
        statement = upsert(people, self._database.dialect).values(**self._key, subject=subject, **{**fresh, **values})
        name = [*self._key, "subject"]
        connection.execute(statement.on_conflict_do_update(index_elements=name, set_=dict(values)))

    def _mine(self, table: sa.Table) -> tuple[sa.ColumnElement[bool], ...]:
        return tuple(table.c[name] == value for name, value in self._key.items())


def person(row: sa.Row[Any]) -> Person:
    """Return the person of a row."""
    return Person(
        row.subject, row.sealed, row.sealed_for or row.subject, tuple(row.names.split()), row.wanted, row.sent,
        row.attempts, row.outcome, row.reason, row.ticket,
    )  # fmt: skip
