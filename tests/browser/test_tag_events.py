"""What the tag reads from a page, and that it says it in canonical events."""

from __future__ import annotations

from playwright.async_api import Page

from tests.browser.site import DEFAULT, GRANT, Site

VIEW = """
dataLayer.push({ecommerce: null});
dataLayer.push({event: 'view_item', ecommerce: {currency: 'PLN', value: '129,90', items: [
  {item_id: 4711, item_name: 'Łóżko', price: '129.90', quantity: '1', index: 0, unknown: {a: 1}, item_brand: null}]}});
"""


async def test_a_push_before_the_tag_loaded_is_read(site: Site, page: Page):
    site.script = DEFAULT + VIEW + GRANT
    await page.goto(site.origin + "/p/4711?utm_source=x")
    (event,) = await site.until_named("view_item")
    assert event["ecommerce"] == {
        "currency": "PLN",
        "value": 129.9,
        "items": [{"item_id": "4711", "item_name": "Łóżko", "price": 129.9, "quantity": 1, "index": 0}],
    }
    assert event["page"]["url"] == site.origin + "/p/4711?utm_source=x"
    assert event["page"]["title"] == "Page /p/4711"
    assert event["source"] == "web"
    assert event["consent"]["ad_storage"] == "granted"


async def test_a_push_after_the_tag_loaded_is_read_and_reaches_the_page(site: Site, page: Page):
    site.script = DEFAULT + GRANT
    await page.goto(site.origin)
    assert await page.evaluate("dataLayer.push({event: 'add_to_cart', ecommerce: {items: [{item_id: 'a'}]}})") == 3
    (event,) = await site.until_named("add_to_cart")
    assert event["ecommerce"]["items"] == [{"item_id": "a"}]


async def test_gtag_events_carry_their_parameters(site: Site, page: Page):
    site.script = DEFAULT + GRANT
    await page.goto(site.origin)
    await page.evaluate("""() => {
        gtag('set', 'user_data', {email: 'a@b.example', phone_number: '+48123', address: {city: 'Łódź', street: 'X 1'}});
        gtag('config', 'G-1', {user_id: 7});
        gtag('event', 'purchase', {transaction_id: 9, value: 10, currency: 'PLN', tax: NaN, items: [{item_id: 'a'}]});
        gtag('event', 'view_search_results', {search_term: 'rower'});
    }""")
    (purchase,) = await site.until_named("purchase")
    assert purchase["ecommerce"] == {
        "transaction_id": "9", "value": 10, "currency": "PLN", "items": [{"item_id": "a"}],
    }  # fmt: skip
    assert purchase["user"] == {
        "email": "a@b.example", "phone": "+48123", "city": "Łódź", "street": "X 1", "user_id": "7",
    }  # fmt: skip
    (search,) = await site.until_named("search")
    assert search["ecommerce"]["search_term"] == "rower"


async def test_the_data_layer_remembers_an_object_until_it_is_reset(site: Site, page: Page):
    site.script = DEFAULT + GRANT
    await page.goto(site.origin)
    await page.evaluate("""() => {
        dataLayer.push({ecommerce: {items: [{item_id: 'a'}]}});
        dataLayer.push({event: 'view_item'});
        dataLayer.push({ecommerce: null});
        dataLayer.push({event: 'view_cart'});
    }""")
    (item,) = await site.until_named("view_item")
    (cart,) = await site.until_named("view_cart")
    assert item["ecommerce"]["items"] == [{"item_id": "a"}]
    assert cart["ecommerce"] == {}


async def test_the_shops_own_data_layer_events_stay_with_the_shop(site: Site, page: Page):
    site.script = DEFAULT + GRANT
    await page.goto(site.origin)
    await page.evaluate("""() => {
        for (const event of ['gtm.js', 'gtm.click', 'newsletter_open', 7, null]) dataLayer.push({event});
        dataLayer.push(null, 'text', 7, [], {get event() { throw 1 }}, () => 1);
        dataLayer.push({event: 'login'});
    }""")
    await site.until_named("login")
    assert {event["event"] for event in site.events} == {"page_view", "login"}


async def test_its_own_queue_takes_any_name_and_an_id(site: Site, page: Page):
    site.script = (
        DEFAULT + GRANT + "window.rekindle = [{event: 'quiz_done', event_id: 'mine', user: {email: 'a@b.pl'}}];"
    )
    await page.goto(site.origin)
    await page.evaluate("rekindle.push(['event', 'search', {search_term: 'koło'}])")
    (quiz,) = await site.until_named("quiz_done")
    assert (quiz["event_id"], quiz["user"]) == ("mine", {"email": "a@b.pl"})
    (search,) = await site.until_named("search")
    assert search["ecommerce"] == {"search_term": "koło"}


async def test_the_queue_may_be_a_function_with_a_list(site: Site, page: Page):
    site.script = (
        DEFAULT
        + GRANT
        + ("window.rekindle = function(){(rekindle.q = rekindle.q || []).push(arguments)}; rekindle('event', 'early');")
    )
    await page.goto(site.origin)
    await page.evaluate("rekindle('event', 'late')")
    assert await site.until_named("early")
    assert await site.until_named("late")


async def test_a_page_with_the_tag_twice_counts_once(site: Site, page: Page):
    site.script = DEFAULT + GRANT
    site.tags *= 2
    await page.goto(site.origin)
    await page.evaluate("dataLayer.push({event: 'login'})")
    await site.until_named("login")
    assert [event["event"] for event in site.events] == ["page_view", "login"]


async def test_event_ids_are_unique_and_times_are_rfc3339(site: Site, page: Page):
    site.script = DEFAULT + GRANT + "for (let i = 0; i < 9; i++) dataLayer.push({event: 'login'});"
    await page.goto(site.origin)
    await site.until_named("login", 9)
    assert len({event["event_id"] for event in site.events}) == 10
    assert all(event["event_time"].endswith("Z") for event in site.events)


async def test_strict_policy_and_trusted_types_see_no_violation(site: Site, page: Page):
    await page.add_init_script(
        "window.violations = []; document.addEventListener('securitypolicyviolation',"
        " event => violations.push(event.violatedDirective + ' ' + event.sourceFile))"
    )
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    site.script = DEFAULT + VIEW + GRANT
    await page.goto(site.origin + "/?gclid=x")
    await site.until_named("view_item")
    await page.evaluate("history.pushState({}, '', '/other')")
    await site.until_named("page_view", 2)
    assert await page.evaluate("violations") == []
    # The listener does hear: an inline script on the same page is refused and told.
    await page.evaluate(
        "new Promise(done => { document.addEventListener('securitypolicyviolation', done);"
        " const image = new Image(); image.src = 'http://127.0.0.1:9/x.png' })"
    )
    assert len(await page.evaluate("violations")) == 1
    assert errors == []
