"""Bring a state database to this release's tables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.engines.database.core import Database

if TYPE_CHECKING:
    from alembic.config import Config

_MIGRATIONS = Path(__file__).parent / "migrations"
_NAMES: Final = re.compile(r"""^(revision|down_revision) = ["'](\w+)["']$""", re.MULTILINE)


class NewerDatabaseError(RuntimeError):
    """The database was written by a newer release; running an old one on it could lose data."""


def migrate(database: Database) -> None:
    """Run every migration that is missing. Raises `NewerDatabaseError`. Safe to call at every start.

    Where none is missing, which is every start but an upgrade's, nothing is locked and Alembic is not loaded.
    """
    if _applied(database) == newest():
        return
    # Loading Alembic and its scripts takes as long as the rest of a small command.
    from alembic import command
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    with database.begin() as connection:
        applied = MigrationContext.configure(connection).get_current_revision()
        known = {script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()}
        if applied is not None and applied not in known:
            raise NewerDatabaseError(
                f"the state database is at migration {applied}, which this release does not know;"
                " install the newer release again, or restore a backup taken before it"
            )
        command.upgrade(config(connection), "head")


def newest() -> str | None:
    """Return the revision that no other follows, read from the scripts' texts; None when there is not exactly one."""
    revisions: set[str] = set()
    followed: set[str] = set()
    for path in (_MIGRATIONS / "versions").glob("*.py"):
        names = dict(_NAMES.findall(path.read_text(encoding="utf-8")))
        revisions.add(names["revision"])
        followed.add(names.get("down_revision", ""))
    last = revisions - followed
    return last.pop() if len(last) == 1 else None


def _applied(database: Database) -> str | None:
    try:
        with database.read() as connection:
            return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    except sa.exc.DBAPIError:
        return None  # no table: nothing was ever applied


def config(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration for our migrations, on ``connection`` when one is given."""
    from alembic.config import Config

    settings = Config()
    settings.set_main_option("script_location", _MIGRATIONS.as_posix())
    settings.attributes["connection"] = connection
    return settings
