"""Write a migration for the difference between the declared tables and what the migrations make.

`python -m tools.migration "add a column for …"`; read what it wrote before you commit it.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

import rekindle
from rekindle.engines.database import Database, metadata, open_database
from rekindle.engines.database.migrate import config, migrate


def declare_everything() -> None:
    """Import every module of the project, so that each declares its tables."""
    for module in pkgutil.walk_packages(rekindle.__path__, "rekindle."):
        if ".migrations" not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def differences(database: Database) -> list[Any]:
    """Migrate an empty database, and return how it differs from the declared tables."""
    declare_everything()
    migrate(database)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found: list[Any] = compare_metadata(context, metadata)
    return found


def main(message: str) -> None:
    """Write the migration file."""
    declare_everything()
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(Path(folder) / "state.db")
        migrate(database)
        with database.begin() as connection:
            command.revision(config(connection), message, autogenerate=True)
        database.close()


if __name__ == "__main__":
    main(sys.argv[1])
