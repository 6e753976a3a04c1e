"""Click ids, single-page navigation, pages drawn in advance, pinned and foreign scripts."""

from __future__ import annotations

import pytest
from playwright.async_api import Page

from rekindle.tags import compile_tag
from tests.browser.site import DEFAULT, GRANT, Site

CLICKS = "gclid=Gc&gbraid=Gb&wbraid=Wb&ttclid=Tt&msclkid=Ms&epik=Ep&ScCid=Sc&rdt_cid=Rd&li_fat_id=Li"


async def test_click_ids_are_read_with_their_case_and_remembered(site: Site, page: Page):
    site.script = DEFAULT + GRANT
    await page.goto(f"{site.origin}/?{CLICKS}&fbclid=Fb-1_x")
    (view,) = await site.until_named("page_view")
    fbc = view["client"].pop("fbc")
    assert view["client"] == {
        "gclid": "Gc", "gbraid": "Gb", "wbraid": "Wb", "ttclid": "Tt", "msclkid": "Ms", "epik": "Ep", "sccid": "Sc",
        "rdt_cid": "Rd", "li_fat_id": "Li",
    }  # fmt: skip
    assert fbc.startswith("fb.1.1")
    assert fbc.endswith(".Fb-1_x")
    await page.goto(f"{site.origin}/next?gclid=Newer&fbclid=Fb-1_x")
    _, later = await site.until_named("page_view", 2)
    assert later["client"]["gclid"] == "Newer"
    assert later["client"]["msclkid"] == "Ms"
    assert later["client"]["fbc"] == fbc  # the same click keeps the time of its first sight


async def test_metas_own_cookies_are_read(site: Site, page: Page):
    site.script = DEFAULT + GRANT + "document.cookie = '_fbp=fb.1.1.2'; document.cookie = '_fbc=fb.1.1.old';"
    await page.goto(site.origin)
    (view,) = await site.until_named("page_view")
    assert view["client"] == {"fbp": "fb.1.1.2", "fbc": "fb.1.1.old"}
    await page.goto(site.origin + "/?fbclid=new")
    _, later = await site.until_named("page_view", 2)
    assert later["client"]["fbc"].endswith(".new")


async def test_a_choice_on_the_second_page_still_knows_the_click(site: Site, page: Page):
    await page.goto(site.origin + "/?gclid=landing")
    async with page.expect_navigation(url="**/next"):  # until it is loaded: the click itself waits for no page
        await page.click("a")
    await page.evaluate(GRANT)
    (view,) = await site.until_named("page_view")
    assert view["client"] == {"gclid": "landing"}
    assert view["page"]["referrer"] == site.origin + "/?gclid=landing"


@pytest.mark.parametrize("api", ["navigation", "history"])
async def test_a_page_without_a_load_is_a_page_view(site: Site, page: Page, api: str):
    if api == "history":
        await page.add_init_script("Object.defineProperty(window, 'navigation', {value: undefined})")
    site.script = DEFAULT + GRANT
    await page.goto(site.origin + "/one")
    await page.evaluate("""() => {
        history.pushState({}, '', '/two');
        document.title = 'Two';
        history.replaceState({}, '', '/two');      // the same page
        history.pushState({}, '', '/two#reviews');  // a place on it
        dataLayer.push({event: 'page_view'});       // the shop's own, of the same page
        history.pushState({}, '', '/two#/three');
    }""")
    await site.until_named("page_view", 3)
    views = {event["page"]["url"].removeprefix(site.origin): event["page"] for event in site.named("page_view")}
    assert list(views) == ["/one", "/two", "/two#/three"]
    assert views["/two"]["referrer"] == site.origin + "/one"
    await page.go_back()
    await page.go_back()
    await site.until_named("page_view", 4)
    assert site.named("page_view")[3]["page"]["title"] == "Two"


async def test_a_page_drawn_in_advance_waits_for_its_visitor(site: Site, page: Page):
    await page.add_init_script("Object.defineProperty(document, 'prerendering', {value: true, configurable: true})")
    site.script = DEFAULT + GRANT + "dataLayer.push({event: 'login'});"
    await page.clock.install()
    await page.goto(site.origin)
    await page.clock.run_for(60_000)
    assert site.batches == []
    await page.evaluate("document.dispatchEvent(new Event('prerenderingchange'))")
    await page.clock.run_for(1000)
    assert await site.until_named("login")


async def test_a_pinned_script_sends_to_the_same_place(site: Site, page: Page):
    site.script = DEFAULT + GRANT
    site.tags = [f"/t/{compile_tag(site.workspace).digest}.js"]
    await page.goto(site.origin)
    assert await site.until_named("page_view")


async def test_a_script_that_named_its_workspace_sends_the_name(site: Site, page: Page):
    site.script = DEFAULT + GRANT
    site.tags = ["/t.js?w=test"]
    async with page.expect_request("**/e?w=test"):
        await page.goto(site.origin)
