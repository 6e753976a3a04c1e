"""Batches, retries, the way out of a page: an event arrives at least once, under one id."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, Response

from tests.browser.arrivals import turned
from tests.browser.site import DEFAULT, GRANT, GTAG, Site, consent


def posted(response: Response) -> bool:
    """Say whether an answer is one to the tag; it must be there before a test turns the page's clock far."""
    return response.request.method == "POST"


START = "Date.parse('2026-09-01T12:00:00Z')"


async def test_bodies_need_no_preflight(site: Site, page: Page):
    site.script = DEFAULT + GRANT
    await page.goto(site.origin)
    await site.until_named("page_view")
    assert site.headers[0]["content-type"] == "text/plain;charset=UTF-8"


async def test_a_batch_holds_ten_events_and_48_kilobytes(site: Site, page: Page):
    site.script = DEFAULT + GRANT + "for (let i = 0; i < 24; i++) dataLayer.push({event: 'login'});"
    await page.goto(site.origin)
    await site.until(lambda: len(site.events) == 25)
    assert [len(batch) for batch in site.batches] == [10, 10, 5]
    site.batches.clear()
    await page.evaluate("""() => {
        const items = Array.from({length: 40}, (_, i) => ({item_id: String(i), item_name: 'ł'.repeat(500)}));
        for (let i = 0; i < 4; i++) dataLayer.push({event: 'view_cart', ecommerce: {items}});
    }""")
    await site.until(lambda: len(site.events) == 4)
    assert [len(batch) for batch in site.batches] == [1] * 4


@pytest.mark.parametrize("status", [503, 429, 500])
async def test_a_busy_server_is_asked_again_with_the_same_event(site: Site, page: Page, status: int):
    site.answers.append((status, {}))
    await page.clock.install()
    site.script = DEFAULT + GRANT
    await page.goto(site.origin)
    await page.clock.run_for(200)
    await site.until_named("page_view", 1)
    await turned(page, 500, lambda: len(site.sent("page_view")) > 1)
    first, second = site.sent("page_view")
    assert first["event_id"] == second["event_id"]


async def test_a_dead_network_is_tried_again(site: Site, page: Page):
    failures = 2

    async def fail(route):
        nonlocal failures
        failures -= 1
        await (route.abort() if failures >= 0 else route.continue_())

    await page.route("**/e", fail)
    await page.clock.install()
    site.script = DEFAULT + GRANT
    await page.goto(site.origin)
    await turned(page, 500, lambda: site.batches)
    assert len(site.sent("page_view")) == 1


async def test_the_servers_pause_is_kept(site: Site, page: Page):
    site.answers.append((503, {"retry-after": "1200"}))
    await page.clock.install()
    site.script = DEFAULT + GRANT
    async with page.expect_response(posted):
        await page.goto(site.origin)
    for _ in range(10):
        await page.clock.run_for(100_000)
    assert len(site.batches) == 1  # the machine's own time goes on too, and has 200 s for this
    await turned(page, 10_000, lambda: len(site.batches) > 1)


@pytest.mark.parametrize("status", [400, 401, 403, 410, 413, 422])
async def test_a_refusal_is_not_asked_again(site: Site, page: Page, status: int):
    site.answers.append((status, {}))
    await page.clock.install()
    site.script = DEFAULT + GRANT
    async with page.expect_response(posted):
        await page.goto(site.origin)
    async with page.expect_response(posted):
        await page.evaluate("dataLayer.push({event: 'login'})")
    await page.clock.run_for(600_000)
    assert [event["event"] for event in site.events] == ["page_view", "login"]


async def test_what_could_not_be_sent_goes_with_the_next_page(site: Site, page: Page):
    site.answers.extend([(503, {"retry-after": "600"})])
    site.script = DEFAULT + GRANT + "gtag('set', 'user_data', {email: 'a@b.example'}); gtag('event', 'login', {});"
    await page.goto(site.origin)
    await site.until_named("login", 1)
    await page.wait_for_function("localStorage.getItem('rekindle.q')")
    kept = await page.evaluate("localStorage.getItem('rekindle.q')")
    assert "login" in kept
    assert "a@b.example" not in kept
    site.script = DEFAULT + GRANT
    await page.goto(site.origin + "/next")
    await site.until(lambda: len(site.sent("login")) >= 2)
    first, *_, last = site.sent("login")
    assert first["event_id"] == last["event_id"]
    await page.wait_for_function("!localStorage.getItem('rekindle.q')")


async def test_the_last_events_leave_with_the_page(site: Site, page: Page):
    site.workspace.tag.batch_ms = 10_000
    site.script = DEFAULT + GRANT
    await page.goto(site.origin)
    await page.evaluate("dataLayer.push({event: 'add_to_cart', ecommerce: {items: [{item_id: 'a'}]}})")
    await page.goto("about:blank")
    (event,) = await site.until_named("add_to_cart")
    assert event["consent"]["ad_storage"] == "granted"


async def test_a_closed_tab_sends_its_last_events(site: Site, page: Page):
    site.workspace.tag.batch_ms = 10_000
    site.script = DEFAULT + GRANT
    await page.goto(site.origin)
    await page.evaluate("dataLayer.push({event: 'login'})")
    await page.close(run_before_unload=True)
    assert await site.until_named("login")


async def test_without_storage_the_tag_still_works(site: Site, page: Page):
    site.env = "{storage: () => { throw new Error('denied') }}"
    site.answers.append((503, {}))
    await page.clock.install()
    site.script = DEFAULT + GRANT
    await page.goto(site.origin + "/?gclid=x")
    await turned(page, 500, lambda: len(site.batches) > 1)
    assert site.events[-1]["client"] == {"gclid": "x"}


async def test_the_tag_takes_time_chance_and_transport_from_outside(site: Site, page: Page):
    site.env = (
        "{now: () => " + START + ", random: () => 0, uuid: () => 'fixed', later: (run) => setTimeout(run, 1),"
        " fetch: (url, init) => fetch(url + '?mine', init)}"
    )
    site.script = GTAG + ";" + consent("default", "granted")
    async with page.expect_request("**/e?mine"):
        await page.goto(site.origin)
    (view, *_) = await site.until_named("page_view")
    assert (view["event_id"], view["event_time"]) == ("fixed", "2026-09-01T12:00:00.000Z")
