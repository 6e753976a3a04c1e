"""Queries to real databases: PostgreSQL, MariaDB where it is installed, SQLite. Nothing is written, nothing is told."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from rekindle.egress.query import Query, QueryReader
from rekindle.egress.reach import Reach, TransferFailed, TransferRefused
from tests.catalog.mariadb import MARIADBD, MariaDb
from tests.conftest import PostgresqlServer

TABLE = (
    "CREATE TABLE goods (sku varchar(20) PRIMARY KEY, name varchar(80), price decimal(10,2), stock integer, "
    "ean varchar(14), changed timestamp, picture bytea, more json)"
)
ROW = "INSERT INTO goods VALUES ('A1', 'Zażółć', 19.90, 3, '04006381333931', '2026-09-01 12:00:00', NULL, '{\"a\": [1, 2]}')"


class Asked:
    """A database and what it takes to ask it."""

    def __init__(self, location: str, password: str, folder: Path) -> None:
        self.location, self.password, self.folder = location, password, folder
        self.now = 0.0

    async def __call__(self, sql: str, *, max_bytes: int = 1 << 20, **changed: Any) -> list[dict[str, Any]]:
        reader = QueryReader(self.folder, allow_private=True, now=lambda: self.now)
        query = Query(**{"location": self.location, "password": self.password, "sql": sql, **changed})
        path = await reader.read(query, "place", max_bytes=max_bytes)
        found = [json.loads(line) for line in path.read_text().splitlines()]
        path.unlink()
        return found

    async def refusal(self, sql: str, **changed: Any) -> str:
        with pytest.raises((TransferRefused, TransferFailed)) as refused:
            await self(sql, **changed)
        assert not list(self.folder.glob("query-*"))
        assert str(refused.value).startswith("place: ")
        return str(refused.value)


@pytest.fixture
def postgresql(postgresql_server: PostgresqlServer, tmp_path: Path) -> Asked:
    url = sa.make_url(postgresql_server.fresh())
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(TABLE)
        connection.execution_options(no_parameters=True).exec_driver_sql(ROW)
    engine.dispose()
    location = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return Asked(location, "", tmp_path / "files")


@pytest.fixture(scope="module")
def mariadb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDb]:
    if MARIADBD is None:
        pytest.skip("there is no mariadbd on this machine")
    server = MariaDb(tmp_path_factory.mktemp("mariadb") / "data")
    server.run("CREATE USER reader@'%' IDENTIFIED BY 'p4ss-w0rd'", "CREATE USER other@'%' IDENTIFIED BY 'p4ss-w0rd'")
    yield server
    server.close()


@pytest.fixture
def mariadb(mariadb_server: MariaDb, tmp_path: Path) -> Asked:
    mariadb_server.run(
        "DROP DATABASE IF EXISTS shop",
        "CREATE DATABASE shop CHARACTER SET utf8mb4",
        "GRANT ALL ON shop.* TO reader@'%'",  # more than it should have, so that only we keep it from writing
        "USE shop",
        TABLE.replace("bytea", "blob"),
        ROW,
    )
    return Asked(f"mysql://reader@127.0.0.1:{mariadb_server.port}/shop", "p4ss-w0rd", tmp_path / "files")


@pytest.fixture
def sqlite(tmp_path: Path) -> Asked:
    path = tmp_path / "a shop?.db"
    connection = sqlite3.connect(path)
    connection.execute(TABLE)
    connection.execute(ROW)
    connection.commit()
    connection.close()
    return Asked(str(path), "", tmp_path / "files")


@pytest.fixture(params=["postgresql", "mariadb", "sqlite"])
def asked(request: pytest.FixtureRequest) -> Asked:
    found: Asked = request.getfixturevalue(request.param)
    return found


async def test_rows_come_as_they_are(asked: Asked) -> None:
    (row,) = await asked(
        "/* all */ SELECT sku, name, price, stock, ean, changed, picture FROM goods -- 100 %s %(x)s :y"
    )
    assert row.pop("changed").replace(" ", "T") == "2026-09-01T12:00:00"
    price = row.pop("price")
    assert float(price) == 19.9
    assert row == {"sku": "A1", "name": "Zażółć", "stock": 3, "ean": "04006381333931"}


async def test_nothing_can_be_written(asked: Asked) -> None:
    assert "must be one SELECT" in await asked.refusal("DELETE FROM goods")
    assert "must be one SELECT" in await asked.refusal("-- SELECT\nDROP TABLE goods")
    await asked.refusal("SELECT 1 AS one; DELETE FROM goods")
    await asked.refusal("SELECT 1 AS one; COMMIT; DELETE FROM goods")
    await asked.refusal("WITH gone AS (DELETE FROM goods RETURNING sku) SELECT sku FROM gone")
    assert len(await asked("SELECT sku FROM goods")) == 1


async def test_postgresql_functions_cannot_write_either(postgresql: Asked) -> None:
    engine = sa.create_engine(sa.make_url(postgresql.location).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE FUNCTION clear() RETURNS int LANGUAGE sql AS 'DELETE FROM goods RETURNING 1'"
        )
    engine.dispose()
    assert "would write" in await postgresql.refusal("SELECT clear() AS x")
    assert len(await postgresql("SELECT sku FROM goods")) == 1


async def test_mariadb_functions_cannot_write_either(mariadb: Asked, mariadb_server: MariaDb) -> None:
    mariadb_server.run(
        "USE shop", "CREATE FUNCTION clear() RETURNS int MODIFIES SQL DATA BEGIN DELETE FROM goods; RETURN 1; END"
    )
    mariadb_server.run("GRANT EXECUTE ON shop.* TO reader@'%'")
    assert "would write" in await mariadb.refusal("SELECT clear() AS x")
    assert len(await mariadb("SELECT sku FROM goods")) == 1


async def test_errors_hold_nothing_of_the_data_or_the_password(asked: Asked) -> None:
    for sql in ("SELECT nothing FROM goods", "SELECT sku FROM nowhere", "SELECT FROM WHERE"):
        words = await asked.refusal(sql)
        assert "does not understand the query" in words
        assert "p4ss" not in words
    assert "named sku" in await asked.refusal("SELECT sku, sku FROM goods")
    assert "larger than 4 bytes" in await asked.refusal("SELECT sku FROM goods", max_bytes=4)


async def test_postgresql_data_is_not_quoted(postgresql: Asked) -> None:
    assert "Zażółć" not in await postgresql.refusal("SELECT name::integer FROM goods")


async def test_wrong_passwords(mariadb: Asked) -> None:
    assert "does not accept user or password" in await mariadb.refusal("SELECT 1 AS x", password="wrong")
    words = await mariadb.refusal("SELECT sku FROM goods", location=mariadb.location.replace("reader@", "other@"))
    assert "user or password" in words or "may not read" in words


async def test_a_server_that_is_not_there(asked: Asked) -> None:
    for location in ("postgresql://u@127.0.0.1:1/d", "mysql://u@127.0.0.1:1/d"):
        assert "cannot be asked now" in await asked.refusal("SELECT 1 AS x", location=location)


async def test_a_query_ends_at_its_time(asked: Asked) -> None:
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) AS c FROM n"
    if "://" in asked.location:
        if asked.location.startswith("mysql"):
            endless = "SELECT sleep(100) AS x"
        assert "took too long" in await asked.refusal(endless, timeout_s=1)
    else:
        asked.now = 0.0
        reader_now = iter(range(10_000))
        reader = QueryReader(asked.folder, now=lambda: float(next(reader_now)))
        with pytest.raises(TransferFailed, match="took too long"):
            await reader.read(Query(location=asked.location, sql=endless, timeout_s=5), "place")


async def test_memory_does_not_grow_with_the_rows(postgresql: Asked) -> None:
    """The rows of one batch are held: a server-side cursor is asked for the next thousand only when these are written."""
    found = await postgresql("SELECT generate_series(1, 5000) AS n, repeat('x', 10) AS x", max_bytes=1 << 24)
    assert [row["n"] for row in found] == list(range(1, 5001))
    # The size limit ends it after the first batches; were it read whole, this would take hours.
    words = await postgresql.refusal("SELECT generate_series(1, 2000000000) AS n, repeat('x', 1000) AS x")
    assert "larger than" in words


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("postgresql://u:secret@db.example/shop", "store the password"),
        ("postgresql://db.example/shop", "write user, host and database"),
        ("postgresql://u@db.example", "write user, host and database"),
        ("postgresql://u@db.example/shop?options=-c%20x", "write user, host and database"),
        ("oracle://u@db.example/shop", "oracle is not read"),
        ("postgresql://u@/shop?host=/var/run/postgresql", "socket of this machine"),
        ("postgresql://u@10.0.0.1/shop", "a private address"),
        ("mysql://u@[::1]/shop", "a loopback address"),
        ("missing.db", "no such file"),
    ],
)
async def test_locations_that_cannot_be(location: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(TransferRefused, match=words) as refused:
        await QueryReader(tmp_path).read(Query(location=location, sql="SELECT 1"), "place")
    assert "secret" not in str(refused.value).replace("secret = ", "")


async def test_a_name_is_asked_for_once(tmp_path: Path) -> None:
    asked = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return ["127.0.0.1"] if len(asked) > 1 else ["192.0.2.1"]

    reader = QueryReader(tmp_path, reach=Reach(resolve=resolve))
    with pytest.raises(TransferRefused, match="leads to"):
        await reader.read(Query(location="mysql://u@db.example/shop", sql="SELECT 1"), "place")
    assert asked == [("db.example", 3306)]
