"""`POST /e`: what a browser's events become, and what they do not."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from rekindle.model.clock import rfc3339
from tests.collect.harness import CHROME, DENIED, GRANTED, ORIGIN, Street, cookie_value, workspace
from tests.conftest import FakeClock


async def test_a_consented_event_is_stored_before_the_answer(street: Street) -> None:
    answer = await street.tag({"sent_at": rfc3339(street.clock()), "events": [street.event(event_id="e1")]})
    assert (answer.status, answer.body) == (204, b"")
    (stored,) = await street.events()
    assert (stored.workspace, stored.event, stored.event_id, stored.source) == ("shop", "view_item", "e1", "web")
    assert stored.event_time_ms == stored.received_ms == street.clock()
    assert stored.ecommerce.items[0].price == Decimal("10.00")
    assert (stored.device_type, stored.os, stored.bot) == ("desktop", "windows", False)


@pytest.mark.parametrize("shape", ["bare", "list", "envelope"])
async def test_all_shapes_of_a_body_are_taken(street: Street, shape: str) -> None:
    event = street.event()
    body = {"bare": event, "list": [event], "envelope": {"events": [event]}}[shape]
    assert (await street.tag(body)).status == 204
    assert len(await street.events()) == 1


@pytest.mark.parametrize(
    ("kind", "kept"),
    [("explicit", "explicit"), ("guessed", None), (7, None), ([], None), (None, None)],
)
async def test_the_kind_of_consent_is_kept_where_it_is_known(street: Street, kind: object, kept: str | None) -> None:
    assert (await street.tag(street.event(consent=GRANTED | {"kind": kind}))).status == 204
    (stored,) = await street.events()
    assert stored.consent.kind == kept
    assert stored.consent.ad_storage == "granted"


async def test_implied_consent_is_none_under_the_gdpr(street: Street) -> None:
    assert (await street.tag(street.event(consent=GRANTED | {"kind": "implied"}))).status == 204
    assert await street.events() == []
    assert await street.tallies() == {("filtered", "consent-denied"): 1}


async def test_the_visitor_gets_a_cookie_and_is_the_same_person_with_it(street: Street) -> None:
    first = await street.tag(street.event())
    header = first.header("set-cookie") or ""
    assert header.endswith("; Max-Age=15552000; Path=/; HttpOnly; SameSite=Lax; Secure")
    second = await street.tag(street.event(), cookie=cookie_value(first))
    assert cookie_value(second) == cookie_value(first)
    one, two = await street.events()
    assert one.subject == two.subject == street.pseudonyms.subject("shop", "cookie", cookie_value(first))


async def test_a_cookie_that_is_not_ours_is_replaced(street: Street) -> None:
    answer = await street.tag(street.event(), cookie="visitor@example.com")
    assert cookie_value(answer).startswith("1.")


async def test_over_http_the_cookie_is_not_secure_and_the_domain_is_the_shops(street: Street) -> None:
    shop = workspace("shop", "http://localhost:8000")
    street.shops = {
        "shop": msgspec.structs.replace(shop, shop=msgspec.structs.replace(shop.shop, cookie_domain="shop.example"))
    }
    headers = {"origin": "http://localhost:8000", "user-agent": CHROME}
    answer = await street.ask("POST", "/e", street.event(), headers, scheme="http")
    header = answer.header("set-cookie") or ""
    assert "Secure" not in header
    assert "; Domain=shop.example;" in header


async def test_personal_data_is_sealed_and_nowhere_else(street: Street) -> None:
    event = street.event(
        user={"email": "ada@example.com", "phone": "+48 601 234 567", "user_id": "u7"},
        page={
            "url": f"{ORIGIN}/p/1?email=ada@example.com&gclid=G1&fbclid=F1&oppref=O1",
            "title": "Hello ada@example.com",
        },
        client={"ttclid": "T1"},
        ecommerce={"search_term": "ada@example.com", "items": []},
        loyalty={"card": "ada@example.com"},
    )
    answer = await street.tag(event)
    (stored,) = await street.events()
    raw = b"".join(entry.value for entry in await street.log.tail((0, 0), 10))
    for secret in (b"ada@", b"601", b"G1", b"203.0.113", b"T1", cookie_value(answer).encode()):
        assert secret not in raw
    sealed = street.open(stored)
    assert (sealed.user.email, sealed.user.user_id) == ("ada@example.com", "u7")
    assert (sealed.client.ip, sealed.client.user_agent) == ("203.0.113.9", CHROME)
    assert (sealed.client.gclid, sealed.client.ttclid) == ("G1", "T1")
    assert sealed.client.fbc == f"fb.1.{street.clock()}.F1"
    assert sealed.user.external == {"oppref": "O1"}, (
        "without a field of its own, and only in the landing page's address"
    )
    assert msgspec.json.decode(sealed.extra) == {"loyalty": {"card": "ada@example.com"}}
    subject = street.pseudonyms.subject
    assert stored.user_subjects == [
        subject("shop", "user_id", "u7"),
        subject("shop", "email", "ADA@example.com"),
        subject("shop", "phone", "601234567", region="PL"),
    ]


async def test_without_consent_only_a_number_stays(street: Street) -> None:
    answer = await street.tag([street.event(consent=DENIED), street.event(consent={}), street.event(consent=DENIED)])
    assert answer.status == 204
    assert answer.header("set-cookie") is None
    assert await street.events() == []
    assert await street.changes() == []
    assert await street.tallies() == {("filtered", "consent-denied"): 2, ("filtered", "consent-absent"): 1}


async def test_consent_that_cannot_be_read_is_no_consent(street: Street) -> None:
    answer = await street.tag([street.event(consent={"ad_storage": "maybe"}), street.event(consent={"tcf": "%%%"})])
    assert answer.status == 204
    assert await street.tallies() == {("filtered", "consent-unreadable"): 2}


async def test_withdrawal_is_recorded_and_the_cookie_goes(street: Street) -> None:
    cookie = cookie_value(await street.tag(street.event()))
    answer = await street.tag(street.event(event="consent_update", consent=DENIED), cookie=cookie)
    assert (answer.header("set-cookie") or "").startswith("rk_id=; Max-Age=0; Path=/")
    (change,) = await street.changes()
    (stored,) = await street.events()
    assert change.subject == stored.subject
    assert change.consent.ad_storage == "denied"


async def test_absent_consent_withdraws_nothing(street: Street) -> None:
    cookie = cookie_value(await street.tag(street.event()))
    answer = await street.tag(street.event(consent={}), cookie=cookie)
    assert answer.header("set-cookie") is None
    assert await street.changes() == []


async def test_a_narrower_choice_that_still_allows_storing_is_recorded(street: Street) -> None:
    cookie = cookie_value(await street.tag(street.event()))
    narrower = GRANTED | {"ad_personalization": "denied"}
    answer = await street.tag(street.event(event="consent_update", consent=narrower), cookie=cookie)
    assert cookie_value(answer) == cookie
    (change,) = await street.changes()
    assert change.consent.ad_personalization == "denied"


async def test_withdrawn_within_one_request_is_another_person_after_it(street: Street) -> None:
    cookie = cookie_value(await street.tag(street.event()))
    answer = await street.tag([street.event(consent=DENIED), street.event()], cookie=cookie)
    assert cookie_value(answer) not in {cookie, ""}
    assert len({stored.subject for stored in await street.events()}) == 2


async def test_a_wrong_browser_clock_is_repaired_by_the_sending_time(street: Street) -> None:
    off = 3 * 86_400_000
    body = {
        "sent_at": rfc3339(street.clock() + off),
        "events": [street.event(event_time=rfc3339(street.clock() + off - 90_000))],
    }
    await street.tag(body)
    (stored,) = await street.events()
    assert stored.event_time_ms == street.clock() - 90_000


async def test_a_short_delay_is_not_taken_for_a_wrong_clock(street: Street) -> None:
    time = rfc3339(street.clock() - 5000)
    await street.tag({"sent_at": rfc3339(street.clock() - 4000), "events": [street.event(event_time=time)]})
    (stored,) = await street.events()
    assert stored.event_time_ms == street.clock() - 5000


async def test_events_of_the_future_and_of_long_ago_are_counted(street: Street) -> None:
    minute = 60_000
    times = [street.clock() + 9 * minute, street.clock() + 11 * minute, street.clock() - 8 * 86_400_000]
    await street.tag([street.event(event_time=rfc3339(time)) for time in times])
    assert len(await street.events()) == 1
    assert await street.tallies() == {("invalid", "in-future"): 1, ("invalid", "too-old"): 1}


async def test_bots_are_marked(street: Street) -> None:
    await street.tag(street.event(), **{"user-agent": "Mozilla/5.0 (compatible; Googlebot/2.1)"})
    await street.tag(street.event(), **{"user-agent": ""})
    assert [stored.bot for stored in await street.events()] == [True, True]


async def test_good_events_of_a_batch_are_kept_when_others_are_bad(street: Street) -> None:
    bad = street.event(ecommerce={"items": [{"item_id": "A", "quantity": -1}]})
    assert (await street.tag([street.event(event_id="good"), bad, 7, street.event(event="")])).status == 204
    assert [stored.event_id for stored in await street.events()] == ["good"]
    assert await street.tallies() == {("invalid", "malformed"): 3}


async def test_a_page_of_another_shop_is_turned_away(street: Street) -> None:
    answer = await street.tag(street.event(), origin="https://evil.example")
    assert answer.status == 403
    assert answer.json()["error"] == "unknown-origin"
    assert answer.header("access-control-allow-origin") is None
    await street.gateway.close()
    assert await street.stored() == []


async def test_an_unknown_origin_that_names_a_workspace_is_counted_for_it(street: Street) -> None:
    answer = await street.ask("POST", "/e?w=shop", street.event(), {"origin": "https://staging.shop.example"})
    assert answer.status == 403
    await street.gateway.close()
    assert await street.tallies() == {("invalid", "unknown-origin"): 1}


async def test_a_page_of_the_same_host_needs_no_origin_header(street: Street) -> None:
    answer = await street.ask("POST", "/e", street.event(), {"host": "shop.example", "user-agent": CHROME})
    assert answer.status == 204


async def test_cross_origin_answers_name_the_registered_origin(street: Street) -> None:
    asked = await street.ask("OPTIONS", "/e", b"", {"origin": ORIGIN})
    assert (asked.status, asked.header("access-control-allow-origin")) == (204, ORIGIN)
    assert asked.header("access-control-allow-methods") == "POST"
    assert asked.header("access-control-allow-credentials") == "true"
    answer = await street.tag(street.event())
    assert (answer.header("access-control-allow-origin"), answer.header("vary")) == (ORIGIN, "origin")
    assert (await street.ask("OPTIONS", "/e", b"", {"origin": "https://evil.example"})).status == 403


async def test_a_newly_applied_version_counts_within_a_second(street: Street, clock: FakeClock) -> None:
    assert (await street.tag(street.event(), origin="https://new.example")).status == 403
    street.shops = {"shop": workspace("shop", ORIGIN, "https://new.example")}
    clock.advance(1000)
    assert (await street.tag(street.event(), origin="https://new.example")).status == 204


async def test_shops_on_one_origin_are_told_apart_by_name(street: Street) -> None:
    street.shops = {"shop": workspace(), "outlet": workspace("outlet")}
    answer = await street.ask("POST", "/e?w=outlet", street.event(), {"origin": ORIGIN, "user-agent": CHROME})
    assert answer.status == 204
    assert [stored.workspace for stored in await street.events()] == ["outlet"]
