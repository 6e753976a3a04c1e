"""Catalogues from an FTP server with TLS: the newest file of a folder, whole, and known again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rekindle.catalog import CatalogImport, FolderReader, Inputs, RunResult
from rekindle.catalog.inputs import check
from rekindle.egress.connector import SettingsError
from rekindle.egress.fetch import Fetcher
from rekindle.egress.ftps import FtpServer
from rekindle.egress.ftps_reading import open_ftps
from rekindle.egress.query import QueryReader
from rekindle.egress.reach import Reach
from rekindle.engines.blobs import FolderBlobs
from rekindle.engines.database import Database
from rekindle.workspace import Catalog, Shop, Source, Workspace
from tests.catalog.test_inputs import put, table
from tests.conftest import FakeClock
from tests.egress.ftpd import PASSWORD, USER, Ftpd


async def here(_host: str, _port: int) -> list[str]:
    return ["127.0.0.1"]


REACH = Reach(allow_private=True, resolve=here)


@pytest.fixture(scope="module")
def ftpd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ftpd]:
    running = Ftpd(tmp_path_factory.mktemp("ftpd") / "d")
    yield running
    running.close()


class Installed:
    def __init__(self, folder: Path, database: Database, clock: FakeClock, ftpd: Ftpd) -> None:
        self.folder, self.database, self.clock, self.ftpd = folder, database, clock, ftpd

    async def run(self, path: str, secret: str = PASSWORD, **options: Any) -> RunResult:
        location = f"ftps://{USER}@ftp.example:{self.ftpd.port}{path}"
        source = Source(name="main", location=location, options={"password": {"secret": "ftp"}, **options})
        check(source)

        async def sleep(_seconds: float) -> None:
            pass

        reader = FolderReader(self.folder / "got", REACH, self.clock, sleep, self.ftpd.trust)
        inputs = Inputs(QueryReader(self.folder / "got"), reader, {"ftp": secret}.__getitem__)
        shop = Shop(name="shop", title="Shop", origins=[], country="PL", currency="PLN")
        result = await CatalogImport(
            Workspace(shop=shop, catalog=Catalog(source=[source])), self.database, FolderBlobs(self.folder / "blobs"),
            Fetcher(self.folder / "got"), self.clock, base=self.folder, inputs=inputs,
        ).run(source)  # fmt: skip
        assert not list((self.folder / "got").glob("*")), "what was got goes when it was imported"
        return result


@pytest.fixture
def installed(tmp_path: Path, database: Database, clock: FakeClock, ftpd: Ftpd) -> Installed:
    return Installed(tmp_path, database, clock, ftpd)


async def test_the_newest_file_of_a_folder_is_the_catalogue(installed: Installed, ftpd: Ftpd) -> None:
    there = ftpd.files / "out"
    there.mkdir()
    put(there / "products-1.csv", table("1"), 1_700_000_000)
    put(there / "products-2.csv", table("1", "2"), 1_700_000_100)
    put(there / "stock.csv", table("9"), 1_700_000_200)
    put(there / "products-3.csv.part", table("1"), 1_700_000_300)
    (there / "products-4.csv").mkdir()
    result = await installed.run("/out/", pattern="products-*")
    assert (result.status, result.items, result.message) == ("live", 2, "")
    assert result.place == f"ftps://ftp.example:{ftpd.port}/out/"
    assert (await installed.run("/out/", pattern="products-*")).status == "unchanged"
    put(there / "products-3.csv", table("1", "2", "3"), 1_700_000_400)
    assert (await installed.run("/out/", pattern="products-*")).items == 3
    large = await installed.run("/out/products-2.csv", max_bytes=10)
    assert (large.status, "10 are read" in large.message) == ("refused", True)


async def test_what_is_wrong_is_said_without_secrets(installed: Installed, ftpd: Ftpd) -> None:
    put(ftpd.files / "one.csv", table("1"))
    wrong = await installed.run("/one.csv", secret="not-the-password")
    assert (wrong.status, "user or secret is not accepted" in wrong.message) == ("refused", True)
    assert "not-the-password" not in wrong.message
    missing = await installed.run("/two.csv")
    assert (missing.status, "no file there is called two.csv" in missing.message) == ("failed", True)
    assert (await installed.run("/one.csv")).items == 1


async def test_a_server_without_tls_is_read_only_where_the_document_says_so(
    installed: Installed, tmp_path_factory: pytest.TempPathFactory
) -> None:
    clear = Ftpd(tmp_path_factory.mktemp("clear") / "d", tls=False)
    try:
        put(clear.files / "one.csv", table("1", "2"))
        installed.ftpd = clear
        refused = await installed.run("/one.csv")
        assert (refused.status, "the server has no TLS" in refused.message) == ("refused", True)
        assert (await installed.run("/one.csv", insecure=True)).items == 2
    finally:
        clear.close()


async def test_a_server_that_lists_only_names_is_asked_for_each(
    ftpd: Ftpd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ftplib

    there = ftpd.files / "old"
    there.mkdir()
    (there / "folder").mkdir()
    put(there / "a b.csv", "four", 1_700_000_000)

    def unknown(*_: object) -> Iterator[Any]:
        raise ftplib.error_perm("500 unknown command")

    monkeypatch.setattr(ftplib.FTP, "mlsd", unknown)
    server = FtpServer(host="ftp.example", port=ftpd.port, user=USER, password=PASSWORD)
    async with open_ftps(server, REACH, ftpd.trust) as session:
        (found,) = await session.files("/old")
        assert (found.name, found.size, found.modified_ms) == ("a b.csv", 4, 1_700_000_000_000)
        assert await session.download("/old/a b.csv", tmp_path / "got", 4) == 4
    assert (tmp_path / "got").read_text() == "four"


@pytest.mark.parametrize(
    ("location", "options", "words"),
    [
        ("ftp://u@h/x/", {}, "write ftps://"),
        ("ftps://u:secret@h/x/", {}, "without a password"),
        ("ftps://u@h/x/", {"password": None}, "is a secret"),
        ("ftps://u@h/x/", {"pattern": "a/b"}, "pattern must be"),
        ("ftps://u@h/x/", {"insecure": "yes"}, "insecure must be"),
        ("ftps://u@h/x/", {"host_key": "SHA256:x"}, "unknown option 'host_key'"),
    ],
)
def test_plans_say_what_an_ftps_source_lacks(location: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        check(Source(name="main", location=location, options={"password": {"secret": "ftp"}} | options))
    with pytest.raises(SettingsError, match="password is missing"):
        check(Source(name="main", location="ftps://u@h/x/"))
