"""Requests of people with their deadlines: one month under the GDPR, 45 days under the CCPA."""

from __future__ import annotations

import calendar
import os
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec
import sqlalchemy as sa

from rekindle.engines.database import Database
from rekindle.model.clock import Clock
from rekindle.model.names import Names
from rekindle.privacy._tables import subject_requests as table
from rekindle.privacy.suppression import mark

Law = Literal["gdpr", "ccpa"]
State = Literal["open", "waiting", "done"]


class Request(msgspec.Struct, frozen=True):
    """One request. ``open``: begun; ``waiting``: for platforms to answer; ``done``."""

    id: str
    kind: str
    law: str
    state: str
    received_ms: int
    due_ms: int
    updated_ms: int
    certificate: str = ""

    def overdue(self, now_ms: int) -> bool:
        """Tell whether the law's time has run out on it."""
        return self.state != "done" and now_ms > self.due_ms


def due_ms(received_ms: int, law: Law) -> int:
    """Return the end of the law's time: one calendar month (GDPR, Art. 12(3)) or 45 days (CCPA, 1798.130(a)(2)).

    A month ends on the day of the same number, or on the last day of a shorter month (Regulation 1182/71, Art. 3).
    """
    moment = datetime.fromtimestamp(received_ms / 1000, UTC)
    if law == "ccpa":
        moment += timedelta(days=45)
    else:
        year, month = moment.year + moment.month // 12, moment.month % 12 + 1
        moment = moment.replace(year=year, month=month, day=min(moment.day, calendar.monthrange(year, month)[1]))
    return int(moment.timestamp() * 1000)


class Requests:
    """The register of one workspace's requests. People are in it by hashes, as on the suppression list."""

    def __init__(self, database: Database, clock: Clock, workspace: str, names: Names) -> None:
        self._names = names
        self._database = database
        self._clock = clock
        self._workspace = workspace

    def begin(self, kind: str, law: Law, names: Collection[str]) -> Request:
        """Write a request down and return it."""
        now = self._clock()
        made = Request(f"r_{os.urandom(8).hex()}", kind, law, "open", now, due_ms(now, law), now)
        values = msgspec.structs.asdict(made) | {"workspace": self._workspace, "marks": self._marks(names)}
        with self._database.begin() as connection:
            connection.execute(sa.insert(table).values(**values))
        return made

    def move(self, request: str, state: State, certificate: str | None = None) -> None:
        """Say how far a request has come."""
        values: dict[str, object] = {"state": state, "updated_ms": self._clock()}
        if certificate is not None:
            values["certificate"] = certificate
        with self._database.begin() as connection:
            connection.execute(
                sa.update(table).where(table.c.workspace == self._workspace, table.c.id == request).values(**values)
            )

    def all(self) -> list[Request]:
        """Return every request, newest first."""
        return self._read(sa.true())

    def waiting(self) -> list[Request]:
        """Return the requests that wait for platforms to answer."""
        return self._read(table.c.state == "waiting")

    def unfinished(self) -> list[Request]:
        """Return the requests whose time is running."""
        return self._read(table.c.state != "done")

    def one(self, request: str) -> Request | None:
        """Return one request by its id."""
        found = self._read(table.c.id == request)
        return found[0] if found else None

    def of(self, names: Collection[str]) -> list[Request]:
        """Return the requests of a person, newest first."""
        wanted = self._marks(names).split()
        return self._read(sa.or_(*(table.c.marks.contains(each) for each in wanted))) if wanted else []

    def _read(self, condition: sa.ColumnElement[bool]) -> list[Request]:
        columns = [table.c[name] for name in Request.__struct_fields__]
        query = sa.select(*columns).where(table.c.workspace == self._workspace, condition)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(table.c.received_ms.desc(), table.c.id)).all()
        return [Request(*row) for row in rows]

    def _marks(self, names: Collection[str]) -> str:
        return " ".join(sorted(filter(None, {mark(self._workspace, name, self._names) for name in names})))
