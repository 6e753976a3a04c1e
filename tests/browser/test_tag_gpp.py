"""The GPP API: its string travels with every event, and nothing is sent while the visitor is still being asked."""

from __future__ import annotations

from playwright.async_api import Page

from rekindle.workspace import Policy, Tag
from tests.browser.site import Site

CMP = """
const listeners = [];
const ping = {signalStatus: 'not ready', gppString: ''};
const tell = () => listeners.forEach(callback => callback({eventName: 'signalStatus', pingData: {...ping}}, true));
window.__gpp = (command, callback) => {
  if (command == 'addEventListener') { listeners.push(callback); callback({pingData: {...ping}}, true); }
};
window.choose = text => { Object.assign(ping, {signalStatus: 'ready', gppString: text}); tell(); };
"""


async def test_the_string_travels_and_events_wait_for_it(site: Site, page: Page):
    site.workspace.tag = Tag(batch_ms=100, consent_source=["gpp"])
    site.workspace.policy = Policy(jurisdiction="ccpa")
    site.script = CMP
    await page.clock.install()
    await page.goto(site.origin)
    await page.clock.run_for(30_000)
    assert site.batches == []
    await page.evaluate("choose('DBABLA~BVQqAAAAAgA.QA')")
    await page.clock.run_for(1000)
    (view,) = await site.until_named("page_view")
    assert view["consent"] == {"gpp": "DBABLA~BVQqAAAAAgA.QA"}


async def test_a_string_alone_is_no_consent_where_one_is_needed(site: Site, page: Page):
    site.workspace.tag = Tag(batch_ms=100, consent_source=["gpp", "consent_mode"])
    site.script = CMP
    await page.clock.install()
    await page.goto(site.origin)
    await page.evaluate("choose('DBABLA~BVQqAAAAAgA.QA')")
    await page.clock.run_for(30_000)
    assert site.batches == []
