"""Catalogues that are got from OpenSSH's own server and from a database, imported as a whole."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rekindle.catalog import CatalogImport, FolderReader, Inputs, RunLog, RunResult
from rekindle.catalog.inputs import check
from rekindle.egress.connector import SettingsError
from rekindle.egress.fetch import Fetcher
from rekindle.egress.query import QueryReader
from rekindle.egress.reach import Reach
from rekindle.engines.blobs import FolderBlobs
from rekindle.engines.database import Database
from rekindle.engines.secrets import SecretMissing
from rekindle.workspace import Catalog, Shop, Source, Workspace
from tests.conftest import FakeClock

HEADER = "id,title,price,link,image_link,availability\n"


def table(*ids: str) -> str:
    rows = (
        f"{one},Product {one},9.50 PLN,https://x.example/{one},https://x.example/{one}.jpg,in stock\n" for one in ids
    )
    return HEADER + "".join(rows)


class Installed:
    """One workspace with one source that is got by us."""

    def __init__(self, folder: Path, database: Database, clock: FakeClock, secrets: dict[str, str]) -> None:
        self.folder, self.database, self.clock, self.secrets = folder, database, clock, secrets
        self.slept: list[float] = []
        self.while_asleep: Any = None

    async def run(self, location: str, kind: str = "auto", **options: Any) -> RunResult:
        source = Source(name="main", location=location, kind=kind, options=options)
        shop = Shop(name="shop", title="Shop", origins=[], country="PL", currency="PLN")
        inputs = Inputs(
            QueryReader(self.folder / "got", allow_private=True),
            FolderReader(self.folder / "got", Reach(allow_private=True), self.clock, self._sleep),
            self._secret,
        )
        importer = CatalogImport(
            Workspace(shop=shop, catalog=Catalog(source=[source])), self.database, FolderBlobs(self.folder / "blobs"),
            Fetcher(self.folder / "got"), self.clock, base=self.folder, inputs=inputs,
        )  # fmt: skip
        result = await importer.run(source)
        assert not list((self.folder / "got").glob("*")), "what was got goes when it was imported"
        assert RunLog(self.database).latest("shop")[0].message == result.message
        return result

    def _secret(self, name: str) -> str:
        try:
            return self.secrets[name]
        except KeyError:
            raise SecretMissing(name) from None

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if self.while_asleep is not None:
            self.while_asleep()


# -- an SFTP server

asyncssh = pytest.importorskip("asyncssh", reason="the extra sftp is not installed")
from tests.egress.sshd import SSHD, Sshd  # noqa: E402

ssh = pytest.mark.skipif(SSHD is None, reason="there is no sshd on this machine")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    running = Sshd(tmp_path_factory.mktemp("sshd") / "d")
    yield running
    running.close()


@pytest.fixture
def there(server: Sshd, request: pytest.FixtureRequest) -> Path:
    made: Path = server.files / request.node.name
    made.mkdir()
    return made


@pytest.fixture
def installed(tmp_path: Path, database: Database, clock: FakeClock, server: Sshd) -> Installed:
    return Installed(tmp_path, database, clock, {"key": server.private_key, "wrong": "nothing"})


def put(path: Path, text: str, at_s: int = 1_700_000_000) -> None:
    path.write_text(text)
    os.utime(path, (at_s, at_s))


def reached(server: Sshd, path: Path, **options: Any) -> tuple[str, dict[str, Any]]:
    end = "/" if path.is_dir() else ""
    location = f"sftp://{server.user}@127.0.0.1:{server.port}{path}{end}"
    return location, {"host_key": server.fingerprint, "private_key": {"secret": "key"}, **options}


@ssh
async def test_the_newest_file_of_a_folder_is_the_catalogue(installed: Installed, server: Sshd, there: Path) -> None:
    put(there / "products-1.csv", table("1"), 1_700_000_000)
    put(there / "products-2.csv", table("1", "2"), 1_700_000_100)
    put(there / "stock.csv", table("9"), 1_700_000_200)
    put(there / "products-3.csv.part", table("1"), 1_700_000_300)
    put(there / ".products-4.csv", table("1"), 1_700_000_300)
    (there / "products-5.csv").mkdir()
    location, options = reached(server, there, pattern="products-*")
    result = await installed.run(location, **options)
    assert (result.status, result.items, result.message) == ("live", 2, "")
    assert result.place == f"sftp://127.0.0.1:{server.port}{there}/"
    log = server.folder / "log"
    before = log.read_text().count("open ")
    assert (await installed.run(location, **options)).status == "unchanged"
    assert log.read_text().count("open ") == before
    put(there / "products-3.csv", table("1", "2", "3"), 1_700_000_400)
    assert (await installed.run(location, **options)).items == 3
    assert installed.slept == []


@ssh
async def test_one_file_by_its_name(installed: Installed, server: Sshd, there: Path) -> None:
    put(there / "a b.csv", table("1", "2"))
    location, options = reached(server, there / "a b.csv")
    assert (await installed.run(location, **options)).items == 2
    location, options = reached(server, there / "other.csv")
    result = await installed.run(location, **options)
    assert (result.status, result.reason) == ("failed", "fetch")
    assert "no file there is called other.csv" in result.message


@ssh
async def test_a_file_that_is_still_written_is_left_until_the_next_time(
    installed: Installed, server: Sshd, there: Path
) -> None:
    now = installed.clock() // 1000
    put(there / "p.csv", table("1"), now)
    location, options = reached(server, there)
    installed.while_asleep = lambda: put(there / "p.csv", table("1", "2"), now)
    result = await installed.run(location, **options)
    assert (result.status, result.items) == ("failed", 0)
    assert "still being written" in result.message
    installed.while_asleep = None
    assert (await installed.run(location, **options)).items == 2
    assert installed.slept == [5, 5]
    installed.clock.advance(61_000)
    put(there / "p.csv", table("1", "2", "3"), now)
    assert (await installed.run(location, **options)).items == 3
    assert installed.slept == [5, 5]


@ssh
async def test_another_key_of_the_server_is_refused_with_the_words_to_add(
    installed: Installed, server: Sshd, there: Path
) -> None:
    put(there / "p.csv", table("1"))
    location, options = reached(server, there, host_key="SHA256:" + "A" * 43)
    result = await installed.run(location, **options)
    assert (result.status, result.reason) == ("refused", "address")
    assert server.fingerprint in result.message
    location, options = reached(server, there, host_key=["SHA256:" + "A" * 43, server.public_key.strip()])
    assert (await installed.run(location, **options)).status == "live"


@ssh
async def test_what_is_wrong_is_said_without_secrets(installed: Installed, server: Sshd, there: Path) -> None:
    put(there / "p.csv", table("1"))
    for options, words in (
        ({"private_key": {"secret": "missing"}}, "the secret missing is not stored"),
        ({"private_key": {"secret": "wrong"}}, "the private key cannot be read"),
        ({"max_bytes": 10}, "10 are read"),
        ({"private_key": "written out"}, "never written here"),
        ({"pattern": "nothing-*"}, "no file there is called"),
    ):
        location, known = reached(server, there)
        result = await installed.run(location, **(known | options))
        assert result.status in ("refused", "failed")
        assert words in result.message
        assert "PRIVATE KEY" not in result.message
        assert "written out" not in result.message


@pytest.mark.parametrize(
    ("location", "options", "words"),
    [
        ("sftp://u:secret@h/x/", {}, "without a password"),
        ("sftp://h/x/", {}, "without a password"),
        ("sftp://u@h", {}, "without a password"),
        ("sftp://u@h/x/", {"host_key": []}, "host_key is missing"),
        ("sftp://u@h/x/", {"host_key": [1]}, "host_key must be"),
        ("sftp://u@h/x/", {"pattern": "a/b"}, "pattern must be"),
        ("sftp://u@h/x/", {"max_bytes": True}, "max_bytes must be"),
        ("sftp://u@h/x/", {"private_key": None}, "is a secret"),
    ],
)
def test_plans_say_what_an_sftp_source_lacks(location: str, options: dict[str, Any], words: str) -> None:
    known = {"host_key": "SHA256:x", "private_key": {"secret": "key"}}
    with pytest.raises(SettingsError, match=words):
        check(Source(name="main", location=location, options=known | options))


def test_an_sftp_source_needs_a_secret() -> None:
    with pytest.raises(SettingsError, match="store a password or a key"):
        check(Source(name="main", location="sftp://u@h/x/", options={"host_key": "SHA256:x"}))
    check(Source(name="main", location="sftp://u@[::1]:2222/~/x.csv", kind="csv", options={
        "host_key": "SHA256:x", "password": {"secret": "p"}, "sheet": "One"}))  # fmt: skip


# -- a database


async def test_the_rows_of_a_query_are_the_catalogue(tmp_path: Path, database: Database, clock: FakeClock) -> None:
    shop = sqlite3.connect(tmp_path / "shop.db")
    shop.execute("CREATE TABLE goods (sku TEXT, nazwa TEXT, cena REAL, stan INTEGER)")
    shop.executemany("INSERT INTO goods VALUES (?, ?, ?, ?)", [(f"00{n}", f"Rzecz {n}", n + 0.5, n) for n in range(3)])
    shop.commit()
    installed = Installed(tmp_path, database, clock, {})
    query = "SELECT sku, nazwa, cena + 1 AS cena, stan, 'https://x.example/' || sku AS link FROM goods ORDER BY sku"
    result = await installed.run("shop.db", "sql", query=query)
    assert (result.status, result.items, result.kind) == ("live", 3, "sql")
    assert "columns-guessed" in result.codes
    assert (await installed.run("shop.db", "sql", query=query)).status == "unchanged"
    shop.execute("UPDATE goods SET cena = 5 WHERE sku = '001'")
    shop.commit()
    result = await installed.run("shop.db", "sql", query=query)
    assert result.changes is not None
    assert (result.changes.changed, result.changes.fields) == (1, {"price": 1})
    shop.execute("DELETE FROM goods")
    shop.commit()
    shop.close()
    assert (await installed.run("shop.db", "sql", query=query)).status == "refused"
    result = await installed.run("shop.db", "sql", query="SELECT 1 AS id FROM nowhere")
    assert (result.status, result.reason) == ("refused", "address")
    assert result.message.startswith("shop.db: the database does not understand")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "query is missing"),
        ({"query": 5}, "query must be a text"),
        ({"query": "SELECT 1", "timeout": "soon"}, "timeout must be"),
        ({"query": "SELECT 1", "tls": "maybe"}, "tls must be"),
        ({"query": "SELECT 1", "ca": 5}, "ca must be"),
        ({"query": "SELECT 1", "password": "clear"}, "never written here"),
        ({"query": "SELECT 1", "querry": "x"}, "unknown option"),
    ],
)
def test_plans_say_what_a_query_lacks(options: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        check(Source(name="main", location="shop.db", kind="sql", options=options))
