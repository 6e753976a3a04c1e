"""Every way out, from a feed's live version to what the other side has, against real servers."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import Any

import msgspec
import obstore
import pytest

from rekindle.egress.http import MockTransport
from rekindle.egress.reach import Reach
from rekindle.engines.blobs.s3 import S3Target, open_store
from rekindle.feeds.carrying import Carrier
from rekindle.feeds.delivering import Deliverer
from rekindle.workspace import Delivery
from tests.egress.ftpd import PASSWORD, USER, Ftpd
from tests.feeds.conftest import published
from tests.feeds.test_delivering import World
from tests.s3 import KEY, new_bucket, s3_server


@pytest.fixture(scope="module")
def s3(tmp_path_factory) -> Iterator[str]:
    with s3_server(tmp_path_factory.mktemp("s3")) as address:
        yield address


@pytest.fixture(scope="module")
def ftpd(tmp_path_factory) -> Iterator[Ftpd]:
    running = Ftpd(tmp_path_factory.mktemp("ftpd") / "d")
    yield running
    running.close()


class Way(World):
    """A shop whose one delivery goes to a real server."""

    async def deliver(self, document: dict[str, Any], context: Any = None) -> Any:
        async def here(_host: str, _port: int) -> list[str]:
            return ["127.0.0.1"]

        reach = Reach(allow_private=True, resolve=here)
        carrier = Carrier(MockTransport(lambda _: pytest.fail("nothing goes there")), reach, self.clock, context)
        deliverer = Deliverer(
            self.database, self.blobs, carrier, self.secret, self.ledger, self.clock, lambda: 0.5, "one"
        )
        self.workspace = self.configured(document)
        version = self.build("A")
        delivery = msgspec.convert(document, Delivery)
        return version, await deliverer.deliver(self.workspace, "main", delivery)


@pytest.fixture
def way(database, blobs, builder, shelf, clock) -> Way:
    made = Way(database, blobs, builder, shelf, clock)
    made.secrets |= {"key_id": KEY[0], "key": KEY[1], "password": PASSWORD}
    return made


def bucket(s3: str, name: str, path: str, **more: object) -> dict[str, Any]:
    return {
        "name": "partner", "kind": "s3", "location": f"s3://{name}/{path}?endpoint={s3}",
        "access_key_id": {"secret": "key_id"}, "secret_access_key": {"secret": "key"}, **more,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "compression", "key", "kind", "encoding"),
    [
        ("feeds/", "none", "feeds/main.xml", "application/xml; charset=utf-8", None),
        ("feeds/", "gzip", "feeds/main.xml.gz", "application/gzip", None),
        # Under a name of its own it is the feed, packed on the way: browsers and platforms unpack it.
        ("feeds/live.xml", "gzip", "feeds/live.xml", "application/xml; charset=utf-8", "gzip"),
    ],
)
async def test_a_bucket_gets_the_feed_with_its_type(way, s3, path, compression, key, kind, encoding) -> None:
    name = new_bucket(s3)
    version, done = await way.deliver(bucket(s3, name, path, compression=compression))
    assert (done.status, done.words) == ("delivered", "")
    found = obstore.get(open_store(S3Target(bucket=name, endpoint=s3), KEY), key)
    assert found.attributes["Content-Type"] == kind
    assert found.attributes.get("Content-Encoding") == encoding
    content = bytes(found.bytes())
    plain = published(way.blobs, version)
    assert (gzip.decompress(content) if compression == "gzip" else content) == plain
    assert way.receipts() == [("delivered", 1, 1)]


async def test_a_bucket_that_is_not_there_is_a_refusal(way, s3) -> None:
    _, done = await way.deliver(bucket(s3, "nowhere", "main.xml"))
    assert (done.status, "no such bucket" in done.words) == ("refused", True)
    assert KEY[0] not in done.words


async def test_an_ftp_server_gets_the_feed(way, ftpd) -> None:
    document = {
        "name": "partner", "kind": "ftps", "location": f"ftps://{USER}@ftp.example:{ftpd.port}/", "compression": "gzip",
        "password": {"secret": "password"},
    }  # fmt: skip
    version, done = await way.deliver(document, ftpd.trust)
    assert (done.status, done.words) == ("delivered", "")
    assert (ftpd.files / "main.xml.gz").read_bytes() == way.blobs.path(version.gzip_digest).read_bytes()


async def test_a_server_that_says_nothing_is_given_up(way, monkeypatch) -> None:
    import asyncio

    gone = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        gone.set()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        document = {
            "name": "partner", "kind": "ftps", "password": {"secret": "password"}, "timeout": "1s",
            "location": f"ftps://{USER}@ftp.example:{server.sockets[0].getsockname()[1]}/main.xml",
        }  # fmt: skip
        _, done = await way.deliver(document)
        await gone.wait()
    assert (done.status, done.again) == ("failed", True)
    assert "longer than timeout = '1s'" in done.words
