"""Ask a shop's own database: one query, read-only by the database's own word, streamed into a file of JSON Lines.

The address is checked as for every other way out. The query runs in a read-only transaction under a time limit, and its
rows are taken as they come, so that the memory does not grow with them.
"""

from __future__ import annotations

import asyncio
import math
import os
import re
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.pool import NullPool

from rekindle.egress import _databases
from rekindle.egress._databases import PORTS, Target, Tls
from rekindle.egress.reach import Reach, TransferFailed, TransferRefused

__all__ = ["Query", "QueryReader", "Tls"]

_BATCH: Final = 1_000
_COMMENTS: Final = re.compile(r"\s+|--[^\n]*(?:\n|$)|/\*.*?\*/|\(", re.S)
_DRIVERS: Final = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql", "mariadb": "mariadb+pymysql"}
_LOOPBACK: Final = ("127.", "::1", "/")


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """A question to a database.

    ``location`` is ``postgresql://user@host/database``, ``mysql://…``, ``mariadb://…``, or the path of a SQLite file.
    ``tls``: the server's certificate is verified, only asked for, or there is none; None means verified, but on this
    machine none.
    """

    location: str
    sql: str
    password: str = ""
    tls: Tls | None = None
    ca: Path | None = None
    timeout_s: int = 600

    def __repr__(self) -> str:
        return f"Query({len(self.sql)} characters)"


class QueryReader:
    """Runs queries; their rows go into new files of ``folder``. ``now`` gives seconds that only grow."""

    def __init__(
        self, folder: Path, *, allow_private: bool = False, reach: Reach | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._folder, self._private = folder, allow_private
        self._reach, self._now = reach or Reach(allow_private=allow_private), now

    async def read(self, query: Query, place: str, *, max_bytes: int = 4 << 30) -> Path:
        """Return a file with one JSON object for each row; the caller removes it. ``place`` is for messages.

        Raises `TransferRefused` and `TransferFailed`; neither holds what the database said about its data.
        """
        if not re.match(r"(?:select|with|table|values)\b", _bare(query.sql), re.I):
            raise TransferRefused(f"{place}: query must be one SELECT")
        deadline = self._now() + query.timeout_s
        connect, driver = await self._connect(query, place, lambda: self._now() > deadline)
        engine = sa.create_engine(f"{driver}://", creator=connect, poolclass=NullPool)
        self._folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._folder, prefix="query-")
        os.close(handle)
        path = Path(name)
        try:
            await asyncio.to_thread(self._run, engine, query.sql, path, deadline, place, max_bytes)
        except BaseException as error:
            path.unlink(missing_ok=True)  # noqa: ASYNC240 - one system call
            if isinstance(error, sa.exc.SQLAlchemyError | sqlite3.Error):
                raise _databases.told(error, place) from None
            if type(error).__module__.partition(".")[0] in ("psycopg", "pymysql") or isinstance(error, OSError):
                raise _databases.told(error, place) from None
            raise
        return path

    async def _connect(self, query: Query, place: str, late: Callable[[], bool]) -> tuple[Callable[[], Any], str]:
        """Return what opens a connection, and SQLAlchemy's name of the driver."""
        if "://" not in query.location:
            file = Path(query.location)
            if not file.is_file():  # noqa: ASYNC240 - one system call
                raise TransferRefused(f"{place}: there is no such file; location is a SQLite file or postgresql://…")
            return lambda: _databases.sqlite(file, late), "sqlite+pysqlite"
        target = await self._target(query, place)
        name = make_url(query.location).get_backend_name()
        opener = _databases.postgresql if name == "postgresql" else _databases.mysql
        return lambda: opener(target), _DRIVERS[name]

    async def _target(self, query: Query, place: str) -> Target:
        try:
            url = make_url(query.location)
        except (sa.exc.ArgumentError, ValueError):
            raise TransferRefused(
                f"{place}: write postgresql://user@host/database, or mysql:// or mariadb://"
            ) from None
        if url.drivername not in _DRIVERS:
            raise TransferRefused(f"{place}: {url.drivername} is not read; there are {', '.join(_DRIVERS)} and SQLite")
        if url.password:
            raise TransferRefused(f'{place}: store the password, and write password = {{ secret = "its_name" }}')
        socket = url.query.get("host", "")
        folder = socket if isinstance(socket, str) and socket.startswith("/") and not url.host else ""
        if not url.username or not url.database or not (url.host or folder) or set(url.query) - {"host"}:
            raise TransferRefused(f"{place}: write user, host and database: {url.drivername}://user@host/database")
        port = url.port or PORTS[url.drivername]
        if folder:
            if not self._private or url.drivername != "postgresql":
                raise TransferRefused(f"{place}: leads to a socket of this machine; allow_private_addresses allows it")
            address = folder
        else:
            address = (await self._reach.addresses(str(url.host), port, place))[0]
        return Target(
            host=url.host or "localhost", address=address, port=port, user=url.username, password=query.password,
            database=url.database, tls=query.tls or ("off" if address.startswith(_LOOPBACK) else "verify"), ca=query.ca,
            timeout_s=query.timeout_s,
        )  # fmt: skip

    def _run(self, engine: Engine, sql: str, path: Path, deadline: float, place: str, max_bytes: int) -> None:
        encoder, written = msgspec.json.Encoder(), 0
        with engine.connect() as connection, path.open("wb") as out:
            streamed = connection.execution_options(stream_results=True, max_row_buffer=_BATCH, no_parameters=True)
            with streamed.exec_driver_sql(sql) as found:
                names = list(found.keys())
                if twice := sorted({name for name in names if names.count(name) > 1}):
                    raise TransferRefused(f"{place}: two columns are named {', '.join(twice)}; tell them apart with AS")
                for batch in found.partitions(_BATCH):
                    if self._now() > deadline:
                        raise TransferFailed(f"{place}: the query took too long; make it smaller or raise timeout")
                    lines = encoder.encode_lines([_object(names, row) for row in batch])
                    written += len(lines)
                    if written > max_bytes:
                        raise TransferRefused(f"{place}: larger than {max_bytes} bytes; ask for fewer columns")
                    out.write(lines)


def _bare(sql: str) -> str:
    """Return a query without comments and brackets at its beginning."""
    at = 0
    while found := _COMMENTS.match(sql, at):
        at = found.end()
    return sql[at:]


def _object(names: Iterable[str], row: Iterable[Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in zip(names, row, strict=True) if value is not None}


def _plain(value: Any) -> Any:
    """Return a value as JSON has it; bytes that are no text are left out."""
    match value:
        case bool() | int() | str() | None:
            return value
        case Decimal():
            return f"{value:f}" if value.is_finite() else None
        case float():
            return value if math.isfinite(value) else None
        case datetime() | date() | time_of_day():
            return value.isoformat()
        case timedelta():
            return str(value)
        case bytes() | bytearray() | memoryview():
            try:
                return bytes(value).decode()
            except UnicodeDecodeError:
                return None
        case list() | tuple() | set():
            return [_plain(one) for one in value]
        case dict():
            return {str(key): _plain(one) for key, one in value.items()}
    return str(value)
