"""Connections to a shop's own database on which nothing can be written, and what its errors mean, engine by engine."""

from __future__ import annotations

import socket
import sqlite3
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import quote

import msgspec
import sqlalchemy as sa

from rekindle.egress.reach import TransferFailed, TransferRefused

Tls = Literal["verify", "require", "off"]

PORTS: Final = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306}
_CONNECT_S: Final = 20
_GRACE_S: Final = 30
_PROGRESS: Final = 10_000


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A database and who one is there. ``address`` is a checked address of ``host``, or the folder of a Unix socket."""

    host: str
    address: str
    port: int
    user: str
    password: str = ""
    database: str
    tls: Tls
    ca: Path | None = None
    timeout_s: int

    def __repr__(self) -> str:
        return f"Target({self.host}:{self.port})"


def postgresql(target: Target) -> Any:
    """Connect to PostgreSQL. Raises psycopg's errors and `TransferRefused` where the driver is not installed."""
    try:
        import psycopg
    except ImportError:
        raise _no_driver("postgresql") from None
    local = target.address.startswith("/")
    modes = {"verify": "verify-full", "require": "require", "off": "disable"}
    certificates = target.ca or ssl.get_default_verify_paths().cafile or "system"
    connection = psycopg.connect(
        host=target.address if local else target.host,
        hostaddr=None if local else target.address,
        port=target.port,
        user=target.user,
        password=target.password or None,
        dbname=target.database,
        sslmode="disable" if local else modes[target.tls],
        sslrootcert=str(certificates) if target.tls == "verify" and not local else None,
        # Nobody's own files on this machine may change what the settings say.
        passfile="/dev/null",
        service=None,
        gssencmode="disable",
        connect_timeout=_CONNECT_S,
        keepalives_idle=30,
        tcp_user_timeout=target.timeout_s * 1000,
        client_encoding="utf-8",
        application_name="rekindle",
    )
    try:
        connection.read_only = True
        connection.execute(f"SET statement_timeout = {target.timeout_s * 1000}")
        connection.commit()
    except BaseException:
        connection.close()
        raise
    return connection


def mysql(target: Target) -> Any:
    """Connect to MySQL or MariaDB. Raises PyMySQL's errors and `TransferRefused` where the driver is not installed."""
    try:
        import pymysql
    except ImportError:
        raise _no_driver("mysql") from None
    options: dict[str, Any] = {}
    if target.tls != "off":
        context = ssl.create_default_context(cafile=str(target.ca) if target.ca else None)
        if target.tls == "require":
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        options["ssl"] = context
    connection = pymysql.connect(
        host=target.host,
        port=target.port,
        user=target.user,
        password=target.password,
        database=target.database,
        charset="utf8mb4",
        local_infile=False,
        read_timeout=target.timeout_s + _GRACE_S,  # so that the server ends it, and says so
        write_timeout=target.timeout_s,
        connect_timeout=_CONNECT_S,
        defer_connect=True,
        **options,
    )
    # The name is for the certificate; the connection goes to the address that was checked.
    connection.connect(socket.create_connection((target.address, target.port), timeout=_CONNECT_S))
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION TRANSACTION READ ONLY")
            cursor.execute("SELECT VERSION()")
            if "MariaDB" in str(cursor.fetchone()):
                cursor.execute(f"SET SESSION max_statement_time = {target.timeout_s}")
            else:
                cursor.execute(f"SET SESSION max_execution_time = {target.timeout_s * 1000}")
        connection.commit()
    except BaseException:
        connection.close()
        raise
    return connection


def sqlite(path: Path, late: Callable[[], bool]) -> Any:
    """Open a SQLite file. ``late`` is asked now and then; when it says yes the query ends. Raises `sqlite3.Error`."""
    # Immutable is not said: a shop writes while it is read, so its locks are kept to.
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=ro", uri=True, check_same_thread=False, timeout=_CONNECT_S
    )
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.set_progress_handler(late, _PROGRESS)
    return connection


def told(error: BaseException, place: str) -> TransferRefused | TransferFailed:
    """Say what went wrong without the database's own words, which may quote its data, users and addresses."""
    inner = error.orig if isinstance(error, sa.exc.DBAPIError) and error.orig is not None else error
    state = str(getattr(inner, "sqlstate", None) or "")
    number = inner.args[0] if inner.args and isinstance(inner.args[0], int) else 0
    text = str(inner)
    code = state or (str(number) if number else type(inner).__name__)
    if state in ("28P01", "28000") or number in (1044, 1045, 1698) or "password authentication failed" in text:
        return TransferRefused(f"{place}: the database does not accept user or password; check both")
    if state == "25006" or number == 1792 or "readonly database" in text or "query_only" in text:
        return TransferRefused(f"{place}: the query would write; only reading is allowed")
    if state == "57014" or number in (1969, 3024) or text == "interrupted":
        return TransferFailed(f"{place}: the query took too long; make it smaller or raise timeout")
    if state == "42501" or number in (1142, 1143):
        return TransferRefused(f"{place}: the user may not read what the query asks for ({code}); grant SELECT")
    if "certificate" in text.lower() or "ssl" in text.lower():
        return TransferRefused(
            f"{place}: no safe connection; look at the server's certificate, or say tls and ca ({code})"
        )
    if (
        state.startswith("42")
        or isinstance(error, sa.exc.ProgrammingError)
        or isinstance(inner, sqlite3.OperationalError | sqlite3.Warning | sqlite3.ProgrammingError)
    ):
        return TransferRefused(f"{place}: the database does not understand the query ({code}); try it there by hand")
    if isinstance(error, sa.exc.DataError):
        return TransferRefused(f"{place}: the query fails on its data ({code}); try it there by hand")
    return TransferFailed(f"{place}: the database cannot be asked now ({code})")


def _no_driver(extra: str) -> TransferRefused:
    return TransferRefused(f"the driver for {extra} is not installed: pip install 'rekindle[{extra}]'")
