"""What the state database keeps: durable transactions, and tables that the migrations really make."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from tools.migration import differences

from rekindle.engines.database import Database, metadata, open_database
from rekindle.engines.database.core import upsert
from rekindle.engines.database.migrate import NewerDatabaseError, config, migrate, newest
from tests.conftest import PostgresqlServer

counters = sa.Table(
    "test_counters",
    sa.MetaData(),
    sa.Column("name", sa.String(10), primary_key=True),
    sa.Column("value", sa.Integer, nullable=False),
)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of every engine there is."""
    if request.param == "postgresql":
        server: PostgresqlServer = request.getfixturevalue("postgresql_server")
        return server.fresh()
    return f"sqlite:///{tmp_path / 'state.db'}"


@pytest.fixture
def empty(url: str) -> Iterator[Database]:
    database = open_database(url)
    yield database
    database.close()


@pytest.fixture
def opened(empty: Database) -> Database:
    counters.create(empty.engine)
    return empty


def test_a_transaction_is_whole_or_nothing(opened: Database) -> None:
    def half_done() -> None:
        with opened.begin() as connection:
            connection.execute(counters.insert().values(name="a", value=1))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half_done()
    with opened.read() as connection:
        assert connection.execute(sa.select(counters)).all() == []


def test_what_is_committed_is_there_after_reopening(opened: Database, url: str) -> None:
    with opened.begin() as connection:
        connection.execute(counters.insert().values(name="a", value=1))
    again = open_database(url)
    with again.read() as connection:
        assert connection.execute(sa.select(counters.c.value)).scalar() == 1
    again.close()


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


def test_the_migrations_make_exactly_the_declared_tables(empty: Database) -> None:
    assert differences(empty) == [], 'run `python -m tools.migration "…"`'


def test_migrating_again_is_harmless(empty: Database) -> None:
    migrate(empty)
    migrate(empty)
    assert sa.inspect(empty.engine).get_table_names()


def test_a_database_of_a_newer_release_is_refused(empty: Database) -> None:
    migrate(empty)
    with empty.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    with pytest.raises(NewerDatabaseError, match="newer release"):
        migrate(empty)


def test_every_row_belongs_to_a_workspace() -> None:
    accounts = {"access_users", "access_sessions", "access_login_attempts"}
    places_in_the_log = {"view_positions", "view_seen"}
    content = {
        "feed_variants"
    }  # by the digest of a file, as the blobs that it names: equal bytes are kept once for all
    installation_wide = {"leases", "ledger_heads"} | accounts | places_in_the_log | content
    for table in metadata.tables.values():
        if table.name not in installation_wide:
            assert "workspace" in table.c, table.name


def test_writers_of_one_process_take_turns_without_sleeping_on_each_other(url: str) -> None:
    """SQLite lets who waits sleep and look again, so the newest overtakes; in our queue nobody asks in vain."""
    opened = open_database(url)
    inside, most, done = 0, 0, 0

    def work() -> None:
        nonlocal inside, most, done
        for _ in range(20):
            with opened.begin():
                inside += 1
                most = max(most, inside)
                inside -= 1
                done += 1

    asked: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        asked.append("free" if opened.turn.locked() else "asked without a turn")

    sa.event.listen(opened.engine, "before_cursor_execute", note)
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (done, most) == (80, 1)
    assert set(asked) == {"free"}
    opened.close()


def test_a_writer_that_has_no_turn_in_time_still_asks_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rekindle.engines.database.core._TURN_S", 0)
    opened = open_database(tmp_path / "state.db")
    with opened.turn, opened.begin() as connection:
        connection.execute(sa.text("SELECT 1"))
    assert not opened.turn.locked()
    opened.close()


def test_the_newest_migration_is_found_without_loading_any() -> None:
    assert newest() == ScriptDirectory.from_config(config()).get_current_head()


def test_a_database_that_is_up_to_date_is_left_alone(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = open_database(url)
    migrate(opened)

    def locked(_self: Database) -> None:
        raise AssertionError("a start must not wait for the writer")

    monkeypatch.setattr(Database, "begin", locked)
    migrate(opened)
    opened.close()
