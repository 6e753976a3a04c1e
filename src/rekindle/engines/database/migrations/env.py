"""Alembic's entry: run on the connection that `migrate` opened, inside its transaction."""

from __future__ import annotations

from alembic import context

from rekindle.engines.database.core import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
