"""The migrations are one line: two that follow the same one would stop every start."""

from __future__ import annotations

from alembic.script import ScriptDirectory

from rekindle.engines.database.migrate import config


def test_each_migration_follows_the_newest_before_it() -> None:
    heads = ScriptDirectory.from_config(config()).get_heads()
    assert len(heads) == 1, f"set down_revision of the newer one to the other: {', '.join(sorted(heads))}"
