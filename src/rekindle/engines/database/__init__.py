"""State: SQLAlchemy Core on SQLite (default) or PostgreSQL, with one set of tables and migrations."""

from rekindle.engines.database.core import Database, metadata, open_database

__all__ = ["Database", "metadata", "open_database"]
