"""What the state database keeps: durable transactions, and tables that the migrations really make."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from tools.migration import differences

from rekindle.engines.database import Database, metadata, open_database
from rekindle.engines.database.core import upsert
from rekindle.engines.database.migrate import NewerDatabaseError, migrate

counters = sa.Table(
    "test_counters",
    sa.MetaData(),
    sa.Column("name", sa.String(10), primary_key=True),
    sa.Column("value", sa.Integer, nullable=False),
)


@pytest.fixture
def opened(tmp_path: Path) -> Database:
    database = open_database(tmp_path / "state.db")
    counters.create(database.engine)
    return database


def test_a_transaction_is_whole_or_nothing(opened: Database) -> None:
    def half_done() -> None:
        with opened.begin() as connection:
            connection.execute(counters.insert().values(name="a", value=1))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half_done()
    with opened.read() as connection:
        assert connection.execute(sa.select(counters)).all() == []


def test_what_is_committed_is_there_after_reopening(opened: Database, tmp_path: Path) -> None:
    with opened.begin() as connection:
        connection.execute(counters.insert().values(name="a", value=1))
    again = open_database(tmp_path / "state.db")
    with again.read() as connection:
        assert connection.execute(sa.select(counters.c.value)).scalar() == 1


async def test_concurrent_writers_wait_and_lose_nothing(opened: Database) -> None:
    import asyncio

    def add(connection: sa.Connection) -> None:
        value = connection.execute(sa.select(counters.c.value).where(counters.c.name == "n")).scalar() or 0
        statement = upsert(counters, opened.dialect).values(name="n", value=value + 1)
        connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"value": value + 1}))

    await asyncio.gather(*(opened.run(add) for _ in range(40)))
    assert await opened.query(lambda connection: connection.execute(sa.select(counters.c.value)).scalar()) == 40


def test_a_view_does_not_see_what_is_written_meanwhile(opened: Database) -> None:
    with opened.read() as view:
        assert view.execute(sa.select(counters)).all() == []
        with opened.begin() as connection:
            connection.execute(counters.insert().values(name="a", value=1))
        assert view.execute(sa.select(counters)).all() == []


def test_the_migrations_make_exactly_the_declared_tables(tmp_path: Path) -> None:
    assert differences(open_database(tmp_path / "fresh.db")) == [], 'run `python -m tools.migration "…"`'


def test_migrating_again_is_harmless(tmp_path: Path) -> None:
    database = open_database(tmp_path / "state.db")
    migrate(database)
    migrate(database)
    assert sa.inspect(database.engine).get_table_names()


def test_a_database_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    database = open_database(tmp_path / "state.db")
    migrate(database)
    with database.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    with pytest.raises(NewerDatabaseError, match="newer release"):
        migrate(database)


def test_every_row_belongs_to_a_workspace() -> None:
    installation_wide = {"leases", "access_users", "access_sessions", "access_attempts"}
    for table in metadata.tables.values():
        if table.name not in installation_wide:
            assert "workspace" in table.c, table.name
