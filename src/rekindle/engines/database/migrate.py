"""Bring a state database to this release's tables."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from rekindle.engines.database.core import Database

_MIGRATIONS = Path(__file__).parent / "migrations"


class NewerDatabaseError(RuntimeError):
    """The database was written by a newer release; running an old one on it could lose data."""


def migrate(database: Database) -> None:
    """Run every migration that is missing. Raises `NewerDatabaseError`. Safe to call at every start."""
    with database.begin() as connection:
        applied = MigrationContext.configure(connection).get_current_revision()
        known = {script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()}
        if applied is not None and applied not in known:
            raise NewerDatabaseError(
                f"the state database is at migration {applied}, which this release does not know;"
                " install the newer release again, or restore a backup taken before it"
            )
        command.upgrade(config(connection), "head")


def config(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration for our migrations, on ``connection`` when one is given."""
    settings = Config()
    settings.set_main_option("script_location", _MIGRATIONS.as_posix())
    settings.attributes["connection"] = connection
    return settings
