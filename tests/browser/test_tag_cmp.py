"""The consent banners of the market: the shop says what their categories mean, and the tag hears each of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.async_api import Page

from rekindle.workspace import Policy, Tag
from tests.browser._cmps import CMPS, Cmp
from tests.browser.site import DEFAULT, GRANT, Site
from tests.browser.test_tag_consent import posts, stored

ALL = {
    "analytics_storage": "granted",
    "ad_storage": "granted",
    "ad_user_data": "granted",
    "ad_personalization": "granted",
}


@pytest.fixture(params=CMPS)
def cmp(request: pytest.FixtureRequest) -> Cmp:
    return CMPS[request.param]


def ask(site: Site, cmp: Cmp, *more: Any) -> None:
    site.workspace.tag = Tag(
        batch_ms=100,
        consent_source=[cmp.source, *more],  # type: ignore[list-item]
        consent_categories={
            cmp.statistics: ["analytics_storage"],
            cmp.marketing: ["ad_storage", "ad_user_data", "ad_personalization"],
        },
    )
    site.script = cmp.script


def choose(*names: str) -> str:
    return f"choose({json.dumps(names)})"


def told(cmp: Cmp, signals: dict[str, str]) -> dict[str, str]:
    return signals | ({"kind": cmp.kind} if cmp.kind else {})


async def test_refused_means_no_request_at_all(site: Site, page: Page, cmp: Cmp):
    ask(site, cmp)
    sent = posts(page)
    await page.clock.install()
    await page.goto(site.origin + "/?gclid=secret")
    await page.clock.run_for(5000)
    await page.evaluate(choose(cmp.statistics))
    await page.evaluate("window.dataLayer.push({event: 'view_cart'})")
    await page.clock.run_for(60_000)
    assert sent == []
    assert await stored(page) == {}


async def test_what_waited_is_sent_as_the_banner_says_and_withdrawal_deletes_the_ids(site: Site, page: Page, cmp: Cmp):
    ask(site, cmp)
    sent = posts(page)
    await page.clock.install()
    await page.goto(site.origin + "/?gclid=click")
    await page.evaluate("window.dataLayer.push({event: 'login'})")
    await page.clock.run_for(700)  # the tag has asked twice
    assert sent == []
    await page.evaluate(choose(cmp.statistics, cmp.marketing))
    (login,) = await site.until_named("login")
    assert [event["event"] for event in site.events] == ["page_view", "login"]
    assert login["consent"] == told(cmp, ALL)
    assert set(await stored(page)) == {"rekindle.ids", "rekindle.consent"}

    await page.evaluate(choose(cmp.statistics))
    (update,) = await site.until_named("consent_update")
    assert update["consent"] == told(cmp, dict.fromkeys(ALL, "denied") | {"analytics_storage": "granted"})
    assert "client" not in update
    assert await stored(page) == {}
    await page.evaluate("window.dataLayer.push({event: 'view_cart'})")
    await page.evaluate("fetch('/x')")
    assert [event["event"] for event in site.events] == ["page_view", "login", "consent_update"]


async def test_a_banner_that_loads_after_the_tag_is_found(site: Site, page: Page, cmp: Cmp):
    ask(site, cmp)
    site.script = ""
    await page.clock.install()
    await page.goto(site.origin)
    await page.clock.run_for(100)
    await page.evaluate(f"() => {{ {cmp.script} }}")
    await page.clock.run_for(600)  # the next look
    await page.evaluate(choose(cmp.statistics, cmp.marketing))
    assert await site.until_named("page_view")


@pytest.mark.parametrize(
    ("name", "before"),
    [
        ("onetrust", "window.model = 'opt-out'; OnetrustActiveGroups = ',C0001,C0002,C0004,';"),
        ("cookiebot", "Object.assign(Cookiebot.consent, {method: 'implied', statistics: true, marketing: true});"),
        ("usercentrics v3", "window.required = false;"),
        ("cookieconsent", "window.mode = 'opt-out';"),
    ],
)
async def test_a_consent_that_nobody_gave_says_so_until_somebody_does(site: Site, page: Page, name: str, before: str):
    cmp = CMPS[name]
    ask(site, cmp)
    site.script += before
    await page.goto(site.origin)
    (view,) = await site.until_named("page_view")
    assert view["consent"] == ALL | {"kind": "implied"}
    if name != "onetrust":  # whose opt-out model stays one
        await page.evaluate(choose(cmp.statistics, cmp.marketing))
        (update,) = await site.until_named("consent_update")
        assert update["consent"] == ALL | {"kind": "explicit"}


async def test_a_category_given_in_part_is_not_given(site: Site, page: Page):
    cmp = CMPS["usercentrics v2"]
    ask(site, cmp)
    sent = posts(page)
    await page.clock.install()
    site.script += "window.partly = true;"
    await page.goto(site.origin)
    await page.evaluate(choose(cmp.statistics, cmp.marketing))
    await page.clock.run_for(60_000)
    assert sent == []


async def test_a_banner_that_thinks_longer_than_the_tag_looks_is_heard_and_its_late_answers_are_not(
    site: Site, page: Page
):
    cmp = CMPS["usercentrics v3"]
    ask(site, cmp)
    site.script += """
      const quick = __ucCmp.getConsentDetails;
      window.delays = [];
      __ucCmp.getConsentDetails = () => {
        const now = quick();
        return new Promise(done => setTimeout(() => done(now), delays.shift() ?? 900));
      };
      choose(['functional', 'marketing']);
    """
    await page.clock.install()
    await page.goto(site.origin)
    assert await site.until_named("page_view")
    await page.evaluate("delays = [1500, 100]; choose(['functional', 'marketing']); choose([])")
    assert await site.until_named("consent_update")
    await page.clock.run_for(1600)
    await page.evaluate("window.dataLayer.push({event: 'view_cart'})")
    await page.clock.run_for(200)
    await page.evaluate("fetch('/x')")
    assert [event["event"] for event in site.events] == ["page_view", "consent_update"]


async def test_a_banner_that_forgets_its_answer_is_waited_for_again(site: Site, page: Page):
    cmp = CMPS["cookiebot"]
    ask(site, cmp)
    await page.clock.install()
    await page.goto(site.origin)
    await page.evaluate(choose(cmp.statistics, cmp.marketing))
    await site.until_named("page_view")
    await page.evaluate("Cookiebot.hasResponse = false; window.dispatchEvent(new Event('CookiebotOnConsentReady'))")
    await page.evaluate("window.dataLayer.push({event: 'login'})")
    await page.clock.run_for(300)
    await page.evaluate("fetch('/x')")
    assert site.named("login") == []
    await page.evaluate("Cookiebot.hasResponse = true")  # and no event of it
    assert await site.until_named("login")


async def test_a_signal_of_two_categories_needs_both(site: Site, page: Page):
    cmp = CMPS["onetrust"]
    ask(site, cmp)
    site.workspace.tag.consent_categories[cmp.statistics] = ["analytics_storage", "ad_storage"]
    sent = posts(page)
    await page.clock.install()
    await page.goto(site.origin)
    await page.evaluate(choose(cmp.marketing))
    await page.clock.run_for(60_000)
    assert sent == []


async def test_events_wait_for_the_banner_also_where_silence_is_no_refusal(site: Site, page: Page):
    ask(site, CMPS["klaro"])
    site.workspace.policy = Policy(jurisdiction="ccpa")
    site.script = ""
    sent = posts(page)
    await page.clock.install()
    await page.goto(site.origin)
    await page.clock.run_for(60_000)
    assert sent == []


async def test_consent_mode_does_not_speak_for_a_banner_that_is_silent_or_refuses(site: Site, page: Page):
    cmp = CMPS["cookiebot"]
    ask(site, cmp, "consent_mode")
    site.script += DEFAULT + GRANT
    sent = posts(page)
    await page.clock.install()
    await page.goto(site.origin)
    await page.clock.run_for(30_000)
    await page.evaluate(choose())
    await page.clock.run_for(30_000)
    assert sent == []


async def test_the_banner_s_answer_goes_before_a_default_of_consent_mode(site: Site, page: Page):
    cmp = CMPS["cookiebot"]
    ask(site, cmp, "consent_mode")
    site.script += DEFAULT
    await page.goto(site.origin)
    await page.evaluate(choose(cmp.statistics, cmp.marketing))
    (view,) = await site.until_named("page_view")
    assert view["consent"] == told(cmp, ALL)


async def test_a_banner_that_breaks_gives_nothing(site: Site, page: Page):
    ask(site, CMPS["onetrust"])
    sent = posts(page)
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(error.message))
    await page.clock.install()
    site.script = "window.OnetrustActiveGroups = ',C0002,C0004,'; window.OneTrust = {};"
    await page.goto(site.origin)
    await page.clock.run_for(60_000)
    assert sent == []
    assert broken == []
