"""Faults of the surroundings in words: what a command could not know before it began."""

from __future__ import annotations

import errno

import sqlalchemy as sa

from rekindle.engines.log.protocol import LogUnavailable
from rekindle.settings import SettingError

_DATABASE_URL = "write it as postgresql+psycopg://user@host/name, see docs/settings.md"


def in_words(error: BaseException) -> str | None:
    """Return what is wrong and what to do, or None for what is a fault of the program. No address or secret is told."""
    match error:
        case SettingError():
            return str(error)
        case LogUnavailable():
            return f"the event log does not answer ({error}); is the broker of log_url up?"
        case sa.exc.ArgumentError() | sa.exc.NoSuchModuleError():
            return f"database_url cannot be read; {_DATABASE_URL}"
        case sa.exc.DatabaseError():
            return _database(error)
        case OSError(errno=errno.ENOSPC):
            return f"no space is left for {error.filename or 'a file'}; free some and run it again, nothing that was stored is lost"
        case PermissionError():
            return f"{error.filename}: this account may not do that; run it as the one that owns the data folder"
    return None


def _database(error: sa.exc.DatabaseError) -> str | None:
    said = str(error.orig)
    if "not a database" in said or "malformed" in said:
        return f"the state database is damaged ({said}); put the newest backup in its place (rekindle backup restore)"
    if "is full" in said:
        return f"no space is left for the state database ({said}); free some, nothing that was stored is lost"
    if "unable to open" in said or "readonly" in said:
        return f"the state database cannot be opened ({said}); look at the data folder's owner and rights"
    if isinstance(error, sa.exc.OperationalError) and type(error.orig).__module__.startswith("psycopg"):
        return f"the state database does not answer ({type(error.orig).__name__}); is the server of database_url up?"
    return None
