"""Open the state database and run transactions on it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

T = TypeVar("T")

# Constraint names are fixed so that migrations can name them on every engine.
metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""Every room declares its tables on this one, so that they migrate together."""


_TURN_S = 30
_WRITER_LOCK = 0x52454B49  # any number, the same in every process


class Database:
    """A transactional store. Each `begin` is one durable transaction, and one at a time in the whole installation."""

    def __init__(self, engine: Engine, turn: threading.Lock | None = None) -> None:
        """``turn`` is shared by all that open the same engine; by default this is the first."""
        self.engine = engine
        self.turn = turn or threading.Lock()

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self.engine.dialect.name

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Open a write transaction; commits at the end of the block, rolls back on any exception."""
        with self._queue(), self.engine.connect() as connection:
            # One writer at a time on every engine: taking the lock late would let two read the same state, and then
            # fail each other (SQLite) or overwrite each other (PostgreSQL).
            if self.dialect == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_WRITER_LOCK)))
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    @contextmanager
    def _queue(self) -> Iterator[None]:
        """Wait in this process's own queue for the one writer's turn, before a connection is taken.

        SQLite makes those who wait sleep and look again, up to 0.1 s at a time, while others overtake them; at PostgreSQL
        each who waits would hold a connection. The queue is a courtesy: after its time, and between processes, it is the
        database that decides.
        """
        mine = self.turn.acquire(timeout=_TURN_S)
        try:
            yield
        finally:
            if mine:
                self.turn.release()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a read-only view, consistent for the length of the block."""
        with self.engine.connect() as connection:
            if self.dialect == "sqlite":
                connection.exec_driver_sql("BEGIN")
            else:
                connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            try:
                yield connection
            finally:
                connection.rollback()

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in a write transaction on a worker thread, so that the event loop goes on."""

        def transaction() -> T:
            with self.begin() as connection:
                return work(connection)

        return await asyncio.to_thread(transaction)

    async def query(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in a read-only view on a worker thread."""

        def view() -> T:
            with self.read() as connection:
                return work(connection)

        return await asyncio.to_thread(view)

    def create_all(self) -> None:
        """Create every declared table that is missing. For tests; an installation migrates (`migrate`)."""
        metadata.create_all(self.engine)

    def close(self) -> None:
        """Release every connection."""
        self.engine.dispose()


def upsert(table: sa.Table, dialect: str) -> Any:
    """Return an ``INSERT`` that has ``on_conflict_do_update`` and ``…_do_nothing``, for the dialect at hand."""
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as pg_insert

        return pg_insert(table)
    from sqlalchemy.dialects.sqlite import insert as sqlite_insert

    return sqlite_insert(table)


def open_database(url: str | Path) -> Database:
    """Open ``sqlite:///…``, ``postgresql+psycopg://…`` or, as a path, a SQLite file. Creates no tables."""
    text = f"sqlite:///{url}" if isinstance(url, Path) else url
    parsed = sa.make_url(text)
    # Errors quote the statement's values unless they are hidden, and errors are written to logs.
    if parsed.get_backend_name() != "sqlite":
        return Database(sa.create_engine(parsed, pool_pre_ping=True, hide_parameters=True))
    engine = sa.create_engine(
        parsed, hide_parameters=True, connect_args={"timeout": _TURN_S, "check_same_thread": False}
    )

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are ours (see `Database.begin`)
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return Database(engine)
