"""What became of a version on each way out is written down, once, and without saying who a reader is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.engines.database import open_database
from rekindle.feeds import FeedServer, Pulls, receipts
from rekindle.feeds._tables import feed_receipts
from rekindle.feeds.pulls import family
from rekindle.feeds.receipts import ARRIVED, Receipt, history, last_accepted, record
from rekindle.model.web import Request
from tests.feeds.conftest import GOOGLE, product, shop

DAY_MS = 24 * 3_600_000


def receipt(version: int, route: str = "partner", status: str = "delivered", **more: object) -> Receipt:
    values: dict[str, Any] = {
        "workspace": "shop",
        "feed": "main",
        "version": version,
        "route": route,
        "kind": "sftp",
        "at_ms": version,
    }
    return Receipt(**(values | {"status": status} | more))


def written(database, feed: str = "main") -> list[Receipt]:
    with database.read() as connection:
        return history(connection, "shop", feed)


def test_the_newest_is_the_one_written_last_whatever_its_time(database) -> None:
    with database.begin() as connection:
        for one in (receipt(2, at_ms=50), receipt(1, at_ms=40), receipt(3, "bucket", "failed", attempts=5)):
            record(connection, one)
    assert [(one.number, one.version) for one in written(database)] == [(3, 3), (2, 1), (1, 2)]
    with database.read() as connection:
        assert last_accepted(connection, "shop", "main") == {"partner": (1, 40)}
        assert [one.version for one in history(connection, "shop", "main", "bucket")] == [3]
        assert last_accepted(connection, "other", "main") == {}


def test_what_another_side_said_is_masked(database) -> None:
    with database.begin() as connection:
        record(connection, receipt(1, status="refused", detail="no place for anna.nowak@example.com"))
    assert written(database)[0].detail == "no place for [cut]"


def test_a_busy_route_does_not_push_another_out(database) -> None:
    with database.begin() as connection:
        record(connection, receipt(1))
        for version in range(1, 505):
            record(connection, receipt(version, "pull"))
        assert len(history(connection, "shop", "main", "pull", limit=1000)) == 500
        assert last_accepted(connection, "shop", "main") == {"partner": (1, 1), "pull": (504, 504)}


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.sampled_from([*ARRIVED, "refused", "failed"]))))
def test_last_accepted_is_the_last_that_arrived(events) -> None:
    database = open_database("sqlite://")
    feed_receipts.create(database.engine)
    expected = {}
    with database.begin() as connection:
        for version, (route, status) in enumerate(events, 1):
            record(connection, receipt(version, route, status))
            if status in ARRIVED:
                expected[route] = (version, version)
        assert last_accepted(connection, "shop", "main") == expected
    database.close()


@pytest.mark.parametrize(
    ("agent", "name"),
    [("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Google"),
     ("facebookexternalhit/1.1", "Meta"), ("Pinterestbot/1.0", "Pinterest"), ("curl/8.5.0", "tool"),
     ("Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0", "browser"), ("", "other"),
     ("anna@example.com", "other")],
)  # fmt: skip
def test_of_a_reader_only_the_family_is_known(agent, name) -> None:
    assert family(agent) == name


async def test_readers_are_noted_off_the_request_once_a_day(builder, database, blobs, shelf, clock) -> None:
    workspace = shop(main=GOOGLE)
    shelf.put(product("A"))
    version = builder.build(workspace, "main")
    pulls = Pulls(database, clock)
    server = FeedServer(database, blobs, lambda _name, feed: workspace.feeds.get(feed), clock, pulls=pulls)

    async def get(method: str = "GET", **headers: str) -> object:
        agent = {"user-agent": "Googlebot/2.1"} | {key.replace("_", "-"): value for key, value in headers.items()}
        answer = await server.handle(
            Request(method, "/feeds/shop/main.xml", {}, agent, {}, "192.0.2.7", "shop.example")
        )
        return answer.status

    assert await get("HEAD") == 200
    assert await get(range="bytes=0-9") == 206
    assert await get(if_none_match=f'"{version.digest}"') == 304
    assert await pulls.step() == 0, "a head, a part and an unchanged file are no fetch of all of it"
    for _ in range(3):
        await get()
    assert written(database) == [], "nothing is written in the request"
    assert await pulls.step() == 1
    await get(accept_encoding="gzip")
    await get(user_agent="curl/8.5.0")
    assert await pulls.step() == 1
    clock.now_ms += DAY_MS
    await get(accept_encoding="gzip")
    # Another gateway knows nothing of what this one wrote.
    other = Pulls(database, clock)
    other.saw(version, version.gzip_size, version.gzip_digest, "Googlebot/2.1")
    assert (await pulls.step(), await other.step()) == (1, 0)
    rows = written(database)
    assert [(one.status, one.detail, one.bytes, one.sha256) for one in rows] == [
        ("fetched", "Google", version.gzip_size, version.gzip_digest),
        ("fetched", "tool", version.size, version.plain_digest),
        ("fetched", "Google", version.size, version.plain_digest),
    ]
    assert "192.0.2.7" not in str(rows)


async def test_what_cannot_be_written_now_is_written_later(builder, database, shelf, clock, monkeypatch) -> None:
    shelf.put(product("A"))
    version = builder.build(shop(main=GOOGLE), "main")
    pulls = Pulls(database, clock)
    pulls.saw(version, 1, "0", "curl/8")

    def full(*_: object) -> bool:
        raise OSError("disk full")

    with monkeypatch.context() as broken:
        broken.setattr(receipts, "record_pull", full)
        with pytest.raises(OSError, match="disk full"):
            await pulls.step()
    assert await pulls.step() == 1
