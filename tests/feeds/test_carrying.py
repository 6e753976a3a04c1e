"""Every way out, from a feed's live version to what the other side has, against real servers."""

from __future__ import annotations

import gzip
import json
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
from rekindle.feeds.outlets import delivery_problems
from rekindle.workspace import Delivery, Feed
from rekindle.workspace.documents import SecretName
from tests.egress.ftpd import PASSWORD, USER, Ftpd
from tests.feeds.conftest import published, shop
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

    async def deliver(self, document: dict[str, Any], context: Any = None, names: str = "A") -> Any:
        async def here(_host: str, _port: int) -> list[str]:
            return ["127.0.0.1"]

        reach = Reach(allow_private=True, resolve=here)
        carrier = Carrier(MockTransport(lambda _: pytest.fail("nothing goes there")), reach, self.clock, context)
        deliverer = Deliverer(
            self.database, self.blobs, carrier, self.secret, self.ledger, self.clock, lambda: 0.5, "one"
        )
        self.workspace = self.configured(document)
        version = self.build(*names)
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


def lines(content: bytes) -> tuple[dict[str, Any], dict[str, str]]:
    head, *changes = map(json.loads, content.decode().splitlines())
    return head, {one["id"]: one["change"] for one in changes}


async def test_a_delta_goes_beside_the_full_file(way, s3) -> None:
    """From the version that arrived last, whatever was published between; none where only the full file helps."""
    name = new_bucket(s3)
    document = bucket(s3, name, "in/feed.xml", deltas=True)
    store = open_store(S3Target(bucket=name, endpoint=s3), KEY)

    def there() -> set[str]:
        return {str(one["path"]) for chunk in obstore.list(store) for one in chunk}

    await way.deliver(document, names="ABCD")
    assert there() == {"in/feed.xml"}, "the first one has nothing before it"
    way.build(*"ABCDE")
    version, done = await way.deliver(document, names="ACDEF")
    assert (done.status, done.version) == ("delivered", 3)
    assert there() == {"in/feed.xml", "in/feed.delta.jsonl", "in/feed.delta.xml"}
    changes = obstore.get(store, "in/feed.delta.jsonl")
    assert changes.attributes["Content-Type"] == "application/x-ndjson; charset=utf-8"
    head, items = lines(bytes(changes.bytes()))
    assert (head["from"], head["version"], head["added"], head["removed"]) == (1, 3, 2, 1)
    assert items == {"B": "removed", "E": "added", "F": "added"}
    full = bytes(obstore.get(store, "in/feed.xml").bytes())
    assert full == published(way.blobs, version)
    await way.deliver(document, names="ACDEF")
    head, items = lines(bytes(obstore.get(store, "in/feed.delta.jsonl").bytes()))
    assert (head["from"], head["version"], items) == (3, 4, {}), "built anew, and nothing has changed"


async def test_a_delta_is_packed_as_the_file_is_and_follows_it(way, ftpd) -> None:
    document = {
        "name": "partner", "kind": "ftps", "location": f"ftps://{USER}@ftp.example:{ftpd.port}/daily.xml.gz",
        "compression": "gzip", "password": {"secret": "password"}, "deltas": True,
    }  # fmt: skip
    await way.deliver(document, ftpd.trust, "ABCD")
    await way.deliver(document, ftpd.trust, "ACD")
    head, items = lines(gzip.decompress((ftpd.files / "daily.delta.jsonl.gz").read_bytes()))
    assert (head["from"], head["version"], items) == (1, 2, {"B": "removed"})
    assert b"<rss" in gzip.decompress((ftpd.files / "daily.delta.xml.gz").read_bytes())


def test_a_notice_takes_no_delta() -> None:
    problems = delivery_problems(shop(main=Feed(channel="google_merchant", delivery=[
        Delivery(name="hook", kind="webhook", location="https://x.example/", secret=SecretName("s"), deltas=True)
    ])))  # fmt: skip
    assert problems == [
        "feeds/main.toml: delivery 'hook': deltas is not for webhook: the manifest that the notice names lists them; "
        "remove it"
    ]


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
