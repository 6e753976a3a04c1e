"""Nothing leaves the page before the visitor agreed, and nothing after they took it back."""

from __future__ import annotations

import msgspec
from playwright.async_api import Page, Request

from rekindle.workspace import Policy, Tag
from tests.browser.site import DEFAULT, DENY, GRANT, GTAG, Site, consent

CMP = """
window.tc = {tcString: '', gdprApplies: true, eventStatus: 'cmpuishown', purpose: {consents: {}}, vendor: {consents: {}}};
const listeners = [];
window.__tcfapi = (command, version, callback) => {
  if (command == 'addEventListener' && version == 2) { listeners.push(callback); callback(tc, true); }
};
window.choose = (purposes, vendors) => {
  Object.assign(tc, {tcString: 'CPxyz' + purposes.length, addtlConsent: '2~1~dv.2', eventStatus: 'useractioncomplete'});
  tc.purpose.consents = Object.fromEntries(purposes.map(id => [id, true]));
  tc.vendor.consents = Object.fromEntries(vendors.map(id => [id, true]));
  listeners.forEach(callback => callback(tc, true));
};
"""


def posts(page: Page) -> list[Request]:
    found: list[Request] = []
    page.on("request", lambda request: found.append(request) if request.method == "POST" else None)
    return found


async def stored(page: Page) -> dict[str, str]:
    return dict(await page.evaluate("Object.entries(localStorage)"))


async def test_refused_means_no_request_at_all(site: Site, page: Page):
    sent = posts(page)
    await page.clock.install()
    site.script = DEFAULT + "dataLayer.push({event: 'login'});" + DENY
    await page.goto(site.origin + "/?gclid=secret")
    await page.evaluate("dataLayer.push({event: 'view_cart'})")
    await page.clock.run_for(3_600_000)
    await page.goto(site.origin + "/next")
    await page.clock.run_for(3_600_000)
    assert sent == []
    assert site.batches == []
    assert await stored(page) == {}
    assert await page.evaluate("document.cookie") == ""


async def test_no_answer_means_no_request_and_nothing_kept(site: Site, page: Page):
    sent = posts(page)
    await page.clock.install()
    await page.goto(site.origin + "/?gclid=secret")
    await page.clock.run_for(60_000)
    await page.goto(site.origin + "/next")
    assert sent == []
    assert await stored(page) == {}


async def test_what_waited_is_sent_with_the_choice_that_was_made(site: Site, page: Page):
    site.script = DEFAULT + "dataLayer.push({event: 'view_cart'});"
    await page.goto(site.origin)
    await page.evaluate(consent("update", "granted", ad_personalization="denied"))
    (cart,) = await site.until_named("view_cart")
    assert cart["consent"] == {
        "ad_storage": "granted", "analytics_storage": "granted", "ad_user_data": "granted", "ad_personalization": "denied",
    }  # fmt: skip
    assert len(site.named("page_view")) == 1


async def test_events_wait_only_so_long(site: Site, page: Page):
    site.workspace.tag = Tag(batch_ms=100, wait_for_consent="30s")
    await page.clock.install()
    site.script = DEFAULT + "dataLayer.push({event: 'view_cart'});"
    await page.goto(site.origin)
    await page.clock.run_for(31_000)
    await page.evaluate("dataLayer.push({event: 'login'})")
    await page.evaluate(GRANT)
    await page.clock.run_for(1000)
    await site.until_named("login")
    assert [event["event"] for event in site.events] == ["login"]


async def test_a_refusal_behind_a_granting_default_is_seen_first(site: Site, page: Page):
    sent = posts(page)
    await page.clock.install()
    site.script = GTAG + ";" + consent("default", "granted") + DENY
    await page.goto(site.origin)
    await page.clock.run_for(60_000)
    assert sent == []


async def test_a_granting_default_waits_for_the_update_it_announced(site: Site, page: Page):
    sent = posts(page)
    await page.clock.install()
    site.script = GTAG + ";" + consent("default", "granted", wait_for_update=30_000)
    await page.goto(site.origin)
    await page.evaluate("dataLayer.push({event: 'login'})")
    await page.evaluate(DENY)
    await page.clock.run_for(60_000)
    assert sent == []


async def test_a_default_for_a_region_counts_only_when_it_denies(site: Site, page: Page):
    sent = posts(page)
    await page.clock.install()
    site.script = GTAG + ";" + consent("default", "denied", region=["PL"]) + consent("default", "granted")
    await page.goto(site.origin)
    await page.clock.run_for(60_000)
    assert sent == []
    await page.evaluate(GRANT)
    await page.clock.run_for(1000)
    assert await site.until_named("page_view")


async def test_every_signal_the_policy_names_must_be_granted(site: Site, page: Page):
    site.workspace.policy = Policy(store_with=["ad_storage", "ad_user_data"])
    sent = posts(page)
    await page.clock.install()
    await page.goto(site.origin)
    await page.evaluate(consent("update", "granted", ad_user_data="denied"))
    await page.clock.run_for(60_000)
    assert sent == []


async def test_a_tcf_banner_is_heard(site: Site, page: Page):
    sent = posts(page)
    site.script = CMP
    await page.goto(site.origin)
    assert sent == []
    await page.evaluate("choose([1, 4], [755])")
    (view,) = await site.until_named("page_view")
    assert view["consent"] == {"tcf": "CPxyz2", "ac": "2~1~dv.2"}


async def test_a_tcf_choice_without_our_vendor_or_purpose_sends_nothing(site: Site, page: Page):
    sent = posts(page)
    await page.clock.install()
    site.script = CMP
    await page.goto(site.origin)
    await page.evaluate("choose([1, 4], [1, 2])")
    await page.evaluate("dataLayer.push({event: 'login'})")
    await page.evaluate("choose([1], [755])")
    await page.evaluate("dataLayer.push({event: 'login'})")
    await page.clock.run_for(60_000)
    assert sent == []


async def test_one_source_that_refuses_is_enough(site: Site, page: Page):
    sent = posts(page)
    await page.clock.install()
    site.script = CMP + DEFAULT + GRANT
    await page.goto(site.origin)
    await page.evaluate("choose([], [])")
    await page.clock.run_for(60_000)
    assert sent == []


async def test_a_tcf_banner_that_loads_later_is_found(site: Site, page: Page):
    site.script = ""
    await page.goto(site.origin)
    await page.evaluate(CMP + "choose([1, 4], [755])")
    assert await site.until_named("page_view")


async def test_global_privacy_control_is_told(site: Site, page: Page):
    await page.add_init_script("Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})")
    site.script = DEFAULT + GRANT
    await page.goto(site.origin)
    (view,) = await site.until_named("page_view")
    assert view["consent"]["gpc"] is True


async def test_where_the_law_asks_for_an_opt_out_silence_is_not_a_refusal(site: Site, page: Page):
    site.workspace.policy = Policy(jurisdiction="ccpa")
    site.script = ""
    await page.goto(site.origin)
    assert await site.until_named("page_view")


async def test_withdrawal_tells_the_server_once_and_deletes_the_ids(site: Site, page: Page):
    site.script = DEFAULT + GRANT
    await page.goto(site.origin + "/?gclid=click")
    await site.until_named("page_view")
    assert set(await stored(page)) == {"rekindle.ids", "rekindle.consent"}
    await page.evaluate("dataLayer.push({event: 'view_cart'});" + DENY)  # at once: a batch waits 100 ms only
    (told,) = await site.until_named("consent_update")
    assert told["consent"]["ad_storage"] == "denied"
    assert "client" not in told
    assert "user" not in told
    assert await stored(page) == {}
    site.script = DEFAULT + DENY
    await page.goto(site.origin + "/next")
    await page.evaluate("dataLayer.push({event: 'view_cart'})")
    await page.evaluate("fetch('/x')")
    assert [event["event"] for event in site.events] == ["page_view", "consent_update"]


async def test_a_withdrawal_made_elsewhere_is_told_by_the_next_page(site: Site, page: Page):
    site.script = DEFAULT + GRANT
    await page.goto(site.origin)
    await site.until_named("page_view")
    site.script = DEFAULT + DENY
    await page.goto(site.origin + "/next")
    (told,) = await site.until_named("consent_update")
    assert told["consent"]["ad_storage"] == "denied"
    assert len(site.named("page_view")) == 1


async def test_a_smaller_choice_is_told_and_the_rest_goes_on(site: Site, page: Page):
    site.script = DEFAULT + GRANT
    await page.goto(site.origin)
    await site.until_named("page_view")
    await page.evaluate("gtag('consent', 'update', {ad_personalization: 'denied'})")
    (told,) = await site.until_named("consent_update")
    assert told["consent"]["ad_personalization"] == "denied"
    assert told["consent"]["ad_storage"] == "granted"


async def test_a_shop_that_reads_no_banner_leaves_the_choice_to_the_server(site: Site, page: Page):
    site.workspace = msgspec.structs.replace(site.workspace, tag=Tag(batch_ms=100, consent_source=["none"]))
    site.script = ""
    await page.goto(site.origin)
    (view,) = await site.until_named("page_view")
    assert view["consent"] == {}
