"""What the pages show: real rows, in two languages, with whatever a shop or a stranger wrote shown as text."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import quote

import httpx
import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from rekindle.console.live import Filter, follow, position, written
from rekindle.model.event import Consent
from rekindle.model.record import ConsentChange, Tally
from tests.console.conftest import HOSTILE, PASSWORD, House, form_token, login
from tests.console.filled import fill

Browser = TestClient[Litestar]

PAGES = [
    "/w/shop/events/ev-0003",
    f"/w/shop/events/{quote(HOSTILE, safe='')}",
    "/w/shop/feeds/google",
    "/w/shop/feeds/google?severity=block&offset=1",
    "/w/shop/ledger?kind=send&before=20",
    "/w/shop/?hours=720",
    "/w/shop/",
    "/w/shop/feeds",
    "/w/shop/feeds/meta",
    "/w/shop/quality",
    "/w/shop/quality/google",
    "/w/shop/quality/meta?done=3",
    "/w/shop/audiences",
    "/w/shop/audiences/viewers",
    "/w/shop/destinations",
    "/w/shop/destinations/meta",
    "/w/shop/destinations/meta/letters",
    "/w/shop/destinations/meta/letters?reason=platform-refused&since=2026-01-01&until=2027-01-01",
    "/w/shop/live",
    "/w/shop/ledger",
    "/w/shop/policy",
    "/w/shop/policy?ask=effect",
    "/w/shop/settings",
]


def few(house: House) -> None:
    house.append(
        house.event("e1"),
        house.event(HOSTILE, event=HOSTILE, subject=HOSTILE),
        Tally("shop", house.clock.now_ms, "filtered", "consent-denied", 7),
        ConsentChange("shop", house.clock.now_ms, "s1_gone", Consent(ad_storage="denied")),
        Tally("other", house.clock.now_ms, "invalid", "malformed", 99),
    )


@pytest.mark.parametrize("language", ["en", "pl"])
def test_hostile_text_stays_text(house: House, ola: Browser, language: str) -> None:
    asyncio.run(fill(house))
    for path in PAGES:
        check(ola.get(path, headers={"accept-language": language}), language)


@pytest.mark.parametrize("path", PAGES)
def test_pages_of_an_empty_shop(house: House, ola: Browser, path: str) -> None:
    if "events/" not in path:
        check(ola.get(path), "en")


def check(page: httpx.Response, language: str) -> None:
    assert page.status_code == 200, page.url
    assert f'<html lang="{language}">' in page.text
    assert "<script>alert" not in page.text
    assert "{{7*7}}</td>" not in page.text
    assert "style=" not in page.text  # the policy would refuse it
    assert "onclick" not in page.text


def test_live_shows_events_refusals_and_consent(house: House, ola: Browser) -> None:
    few(house)
    page = ola.get("/w/shop/live").text
    assert "7 filtered" in page
    assert "consent changed" in page
    assert "99 invalid" not in page
    assert "PLN" in page
    assert "1,234.50" in page
    assert "s1_abcdef" in page
    only = ola.get("/w/shop/live", params={"event": "view_item", "q": "SKU-1"}).text
    assert "e1" in only
    assert "7 filtered" not in only
    rows = ola.get("/api/w/shop/events", params={"limit": 2}).json()
    assert [row["kind"] for row in rows] == ["consent", "tally"]


def test_the_stream_goes_on_where_the_browser_was(house: House) -> None:
    async def collect() -> list[bytes]:
        house_log = house.log
        from rekindle.engines.log import Keyed
        from rekindle.model.record import encode

        async def put(*ids: str) -> None:
            await house_log.append([Keyed("s", encode(house.event(name))) for name in ids])

        await put("a", "b")
        first = (await house_log.tail(None, 2))[0]
        naps = 0

        async def sleep(_seconds: float) -> None:
            nonlocal naps
            naps += 1
            if naps == 1:
                await put("c")

        async def welcome() -> bool:
            return False

        stream: AsyncIterator[bytes] = follow(
            house_log,
            "shop",
            Filter(),
            {first.partition: first.offset},
            show=lambda row: {"id": row.event_id},
            welcome=welcome,
            sleep=sleep,
        )
        return [chunk async for chunk in stream]

    chunks = asyncio.run(collect())
    shown = [chunk for chunk in chunks if b'data: {"id"' in chunk]
    assert [chunk.split(b"data: ")[1] for chunk in shown] == [b'{"id":"b"}\n\n', b'{"id":"c"}\n\n']
    assert all(chunk.startswith(b"id: 0-") for chunk in shown)
    assert chunks[-1].startswith(b"event: end")  # whoever lost the right loses the stream


def test_places_are_read_strictly() -> None:
    assert position("3-17") == {3: 17}
    assert position("0-5_3-17") == {0: 5, 3: 17}
    assert written({3: 17, 0: 5, 1: -1}) == "0-5_3-17"
    for bad in ("", "3", "-", "3-", "a-b", "3-17-", "-1-2", "0-1_", "9" * 5000 + "-1", "²-1"):
        assert position(bad) is None


def test_the_language_is_remembered(ola: Browser) -> None:
    assert '<html lang="en">' in ola.get("/w/shop/settings").text
    answer = ola.post("/language", data={"language": "pl", "next": "/w/shop/settings"})
    assert answer.headers["location"] == "/w/shop/settings"
    assert '<html lang="pl">' in ola.get("/w/shop/settings").text
    ola.post("/language", data={"language": "<xx>", "next": "//evil"})
    assert '<html lang="pl">' in ola.get("/w/shop/settings").text


def test_a_key_is_made_shown_once_and_revoked(house: House, ola: Browser) -> None:
    token = form_token(ola.get("/w/shop/settings").text)
    made = ola.post("/w/shop/settings/keys", data={"form_token": token, "name": HOSTILE, "scope": "read", "days": "30"})
    assert made.status_code == 200
    (key,) = house.keys.of("shop")
    assert f"rk_{key.id}_" in made.text
    assert key.expires_ms == house.clock.now_ms + 30 * 86_400_000
    again = ola.get("/w/shop/settings").text
    assert f"rk_{key.id}_…" in again
    assert "<script>alert" not in made.text
    assert ola.get("/api/w/shop/access").json()["keys"][0]["scopes"] == ["read"]
    ola.post(f"/w/shop/settings/keys/{key.id}/revoke", data={"form_token": token})
    assert house.keys.of("shop")[0].revoked_ms is not None
    assert [entry[2] for entry in house.recorded] == ["access.key.create", "access.key.revoke"]
    for bad in (
        {"name": "x"},
        {"name": "", "scope": "read"},
        {"name": "x", "scope": "all"},
        {"name": "x", "scope": "read", "days": "0"},
    ):
        assert ola.post("/w/shop/settings/keys", data=bad | {"form_token": token}).status_code == 400


def test_a_change_that_cannot_be_recorded_is_not_made(house: House, ola: Browser) -> None:
    def refuse(*_: str) -> None:
        raise OSError("ledger")

    token = form_token(ola.get("/w/shop/settings").text)
    house.app.state.services = msgspec.structs.replace(house.app.state.services, record=refuse)
    answer = ola.post("/w/shop/settings/keys", data={"form_token": token, "name": "x", "scope": "read"})
    assert answer.status_code == 500
    assert house.keys.of("shop") == []


def test_a_new_password_ends_the_other_sessions(house: House, ola: Browser) -> None:
    elsewhere = TestClient(house.app)
    elsewhere.follow_redirects = False
    login(elsewhere, "ola")
    token = form_token(ola.get("/w/shop/settings").text)
    path = "/w/shop/settings/password"
    new = "a new long password"
    wrong = {"old": "x", "new": new, "again": new}
    weak = {"old": PASSWORD, "new": "short", "again": "short"}
    differ = {"old": PASSWORD, "new": new, "again": new + "x"}
    for given, status in ((wrong, 403), (weak, 400), (differ, 400)):
        assert ola.post(path, data=given | {"form_token": token}).status_code == status
    assert ola.post(path, data={"old": PASSWORD, "new": new, "again": new, "form_token": token}).status_code == 303
    assert ola.get("/w/shop/settings").status_code == 200
    assert elsewhere.get("/w/shop/settings").status_code == 303
    assert house.users.check("ola", new)


def test_pages_and_api_say_the_same(house: House, ola: Browser) -> None:
    asyncio.run(fill(house))
    overview = ola.get("/api/w/shop/overview").json()
    assert overview["received"] == overview["accepted"] + sum(overview["filtered"].values()) + sum(
        overview["invalid"].values()
    )
    assert overview["accepted"] > 500
    assert [match["feed"] for match in overview["id_match"]] == ["google", "meta"]
    codes = {alarm["code"] for alarm in overview["alarms"]}
    assert {"id-match", "lane-held", "feed-held", "dead-letters"} <= codes
    assert "sums" not in codes
    assert overview["balances"][0]["stored"] == overview["balances"][0]["accounted"]
    (meta,) = ola.get("/api/w/shop/destinations").json()
    assert meta["lane"]["state"] == "held"
    assert meta["lane"]["counts"] == overview["lanes"][0]["lane"]["counts"]
    letters = ola.get("/api/w/shop/destinations/meta/dead-letters").json()
    assert len(letters["letters"]) == 100
    detail = ola.get("/api/w/shop/destinations/meta").json()
    assert detail["awaited"]["requests"] == 1
    assert {each["measure"] for each in detail["quality"]} == {"event-match-quality", "unread"}
    shown = ola.get("/w/shop/destinations/meta").text
    assert "next look" in shown
    assert "event match quality" in shown
    google = ola.get("/api/w/shop/feeds/google").json()
    assert google["status"]["items"] == 40
    issues = ola.get("/api/w/shop/feeds/google/issues", params={"severity": "block"}).json()["issues"]
    assert {issue["id"] for issue in issues} >= {"no-link", "no-price"}
    (viewers,) = ola.get("/api/w/shop/audiences").json()
    members = ola.get("/api/w/shop/audiences/viewers/members").json()
    assert viewers["size"] == len(members["members"]) > 0
    lines = ola.get("/api/w/shop/ledger", params={"kind": "send"}).json()
    assert len(lines["lines"]) == 30
    way = ola.get("/api/w/shop/events/ev-0003").json()
    assert way["passages"][0]["outcome"]["destination"] == "meta"


def test_what_nobody_knows_is_not_found(house: House, ola: Browser) -> None:
    for path in ("events/nobody", "feeds/nobody", "audiences/nobody", "destinations/nobody"):
        assert ola.get(f"/w/shop/{path}").status_code == 404, path
        assert ola.get(f"/api/w/shop/{path}").status_code == 404, path


def test_the_ledger_is_verified_on_request(house: House, ola: Browser) -> None:
    asyncio.run(fill(house))
    token = form_token(ola.get("/w/shop/ledger").text)
    whole = ola.post("/w/shop/ledger/verify", data={"form_token": token})
    assert "Lines checked: 31." in whole.text
    assert ola.get("/api/w/shop/ledger/verification").json()["whole"] is True
    with house.database.begin() as connection:
        connection.exec_driver_sql("UPDATE privacy_ledger SET leaf = CAST(replace(leaf, 'ev-0003', 'ev-0004') AS BLOB)")
    damaged = ola.post("/w/shop/ledger/verify", data={"form_token": token})
    assert "damaged" in damaged.text
    assert ola.get("/api/w/shop/ledger/verification").json()["whole"] is False
    assert ola.post("/w/shop/ledger/verify").status_code == 403


def test_a_held_version_is_published_on_a_persons_word(house: House, ola: Browser) -> None:
    asyncio.run(fill(house))
    page = ola.get("/w/shop/feeds/meta").text
    assert "Publish version 2" in page
    path, token = "/w/shop/feeds/meta/versions/2/approve", form_token(page)
    assert ola.post(path).status_code == 403
    assert ola.post(path.replace("2", "1"), data={"form_token": token}).status_code == 404
    assert ola.get("/api/w/shop/feeds/meta").json()["status"]["live"]["version"] == 1
    assert ola.post(path, data={"form_token": token}).status_code == 303
    now = ola.get("/api/w/shop/feeds/meta").json()["status"]
    assert now["live"]["version"] == 2
    assert now["held"] is None
    assert house.recorded[-1][2:] == ("feed.approve", "meta 2")


def test_a_person_has_a_feed_delivered_now(house: House, ola: Browser) -> None:
    asyncio.run(fill(house))
    page = ola.get("/w/shop/feeds/google").text
    assert "sftp://files.example/in/google.xml" in page
    assert "someone" not in page, "whose account it is, is nobody's business"
    states = {each["name"]: each for each in ola.get("/api/w/shop/feeds/google").json()["deliveries"]}
    assert states["partner"]["turn"]["status"] == "stopped"
    assert states["search"]["turn"]["arrived_version"] == 1
    path, token = "/w/shop/feeds/google/deliveries/search/ask", form_token(page)
    assert ola.post(path).status_code == 403
    for wrong in ("nobody", "unused"):
        assert ola.post(path.replace("search", wrong), data={"form_token": token}).status_code == 404
    assert ola.post(path, data={"form_token": token}).status_code == 303
    (search,) = [each for each in ola.get("/api/w/shop/feeds/google").json()["deliveries"] if each["name"] == "search"]
    assert (search["turn"]["status"], search["turn"]["next_ms"]) == ("waiting", house.clock.now_ms)
    assert house.recorded[-1][2:] == ("feed.deliver", "google to search")
    assert "delivery-stopped" in {alarm["code"] for alarm in ola.get("/api/w/shop/overview").json()["alarms"]}


def test_removals_at_a_platform_pass_on_a_persons_word_and_refused_items_go_again(house: House, ola: Browser) -> None:
    asyncio.run(fill(house))
    page = ola.get("/w/shop/feeds/meta").text
    assert "2 of 10 items would be removed" in page
    assert HOSTILE not in page
    push = ola.get("/api/w/shop/feeds/meta").json()["push"]
    assert (push["items"]["held"], push["items"]["refused"], push["items"]["accepted"]) == (2, 1, 7)
    assert [each["code"] for each in ola.get("/api/w/shop/feeds/meta/push").json()["issues"]] == [HOSTILE]
    token, path = form_token(page), "/w/shop/feeds/meta/push/approve"
    assert ola.post(path).status_code == 403
    for wrong in (path.replace("approve", "burn"), path.replace("meta", "google")):
        assert ola.post(wrong, data={"form_token": token}).status_code == 404
    codes = {alarm["code"] for alarm in ola.get("/api/w/shop/overview").json()["alarms"]}
    assert {"push-removals", "push-refused"} <= codes
    assert ola.post(path, data={"form_token": token}).status_code == 303
    assert house.recorded[-1][2:] == ("feed.push.approve", "meta 1")
    assert ola.post(path.replace("approve", "again"), data={"form_token": token}).status_code == 303
    push = ola.get("/api/w/shop/feeds/meta").json()["push"]
    assert (push["held_reason"], push["items"]["held"], push["items"]["waiting"]) == ("", 0, 3)
    assert ola.post(path, data={"form_token": token}).status_code == 404, "nothing is held any more"


def test_reason_codes_are_told_in_words(ola: Browser) -> None:
    for language, said in (("en", "the visitor refused"), ("pl", "odwiedzający odmówił")):
        rows = ola.get(f"/api/w/shop/reasons?language={language}").json()
        (row,) = [row for row in rows if row["code"] == "consent-denied"]
        assert row["words"] == said
        assert row["remedy"]
    assert ola.get("/api/w/shop/reasons?language=xx").status_code == 400
