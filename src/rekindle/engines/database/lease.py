"""One holder at a time, for what only one process may do: a row with an end and a fencing token."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from rekindle.engines.database.core import Database, metadata, upsert
from rekindle.model.clock import Clock

_leases = sa.Table(
    "leases",
    metadata,
    sa.Column("name", sa.String(100), primary_key=True),
    sa.Column("holder", sa.String(100), nullable=False),
    sa.Column("token", sa.BigInteger, nullable=False),
    sa.Column("ends_ms", sa.BigInteger, nullable=False),
)


class Lease:
    """Held for ``ttl_ms`` from each `acquire`; another holder gets it only after that.

    The token grows with every change of holder. A holder that slept through its end is stopped by `guard`, which
    belongs into the transaction of each write it makes: `Fenced` puts it there.
    """

    def __init__(self, database: Database, clock: Clock, name: str, holder: str, ttl_ms: int = 15_000) -> None:
        self._database = database
        self._clock = clock
        self.name = name
        self._holder = holder
        self._ttl_ms = ttl_ms
        self._renewed_ms: int | None = None
        self._token: int | None = None

    def held(self) -> bool:
        """Say whether the lease is ours; renews it when a third of its time has gone, and tries to get it when not."""
        if self._renewed_ms is not None and self._clock() - self._renewed_ms < self._ttl_ms // 3:
            return True
        renewed_ms = self._clock()
        self._renewed_ms = renewed_ms if self.acquire() is not None else None
        return self._renewed_ms is not None

    def guard(self, connection: sa.Connection) -> None:
        """Raise `LeaseLost` unless the lease is still as it was when this holder last got it."""
        if self._token is None:
            raise LeaseLost(f"lease {self.name!r} is not held")
        try:
            guard(connection, self.name, self._token)
        except LeaseLost:
            self._renewed_ms = self._token = None
            raise

    def acquire(self) -> int | None:
        """Take or renew the lease; return its token, or None while another holds it."""
        now = self._clock()
        with self._database.begin() as connection:
            row = connection.execute(sa.select(_leases).where(_leases.c.name == self.name)).one_or_none()
            if row is not None and row.holder != self._holder and row.ends_ms > now:
                self._token = None
                return None
            same = row is not None and row.holder == self._holder
            token: int = (row.token if row is not None else 0) + (0 if same else 1)
            values = {"holder": self._holder, "token": token, "ends_ms": now + self._ttl_ms}
            statement = upsert(_leases, self._database.dialect).values(name=self.name, **values)
            connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))
        self._token = token
        return token

    def release(self) -> None:
        """Give the lease up at once, if it is ours."""
        with self._database.begin() as connection:
            connection.execute(
                _leases.update()
                .where(_leases.c.name == self.name, _leases.c.holder == self._holder)
                .values(ends_ms=self._clock())
            )


class LeaseLost(RuntimeError):
    """Another holder has taken over; this one must not write any more."""


def guard(connection: sa.Connection, name: str, token: int) -> None:
    """Raise `LeaseLost` when ``token`` is no longer the lease's newest."""
    current = connection.execute(sa.select(_leases.c.token).where(_leases.c.name == name)).scalar()
    if current != token:
        raise LeaseLost(f"lease {name!r} has moved on from token {token}")


class Fenced(Database):
    """The state database for the holder of a lease: every write transaction ends with `LeaseLost` once it has moved on.

    Transactions come one after the other, so the lease cannot move while one is open.
    """

    def __init__(self, database: Database, lease: Lease) -> None:
        super().__init__(database.engine, database.turn)
        self._lease = lease

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """See `Database.begin`. Raises `LeaseLost` before anything is written."""
        with super().begin() as connection:
            self._lease.guard(connection)
            yield connection
