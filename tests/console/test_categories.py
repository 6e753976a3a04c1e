"""The page that maps a shop's categories to Google's: fields, search, preview, and the rule that is what was previewed."""

from __future__ import annotations

import html
import re

import httpx
import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from rekindle.workspace import FeedRule
from tests.console.conftest import HOSTILE, House, form_token, login
from tests.feeds.conftest import product

Browser = TestClient[Litestar]
AT = "/w/shop/feeds/google/categories"
LOOK = f"{AT}/preview"
SHOES = "Ubrania i akcesoria > Buty"


@pytest.fixture
def stocked(house: House) -> House:
    house.shelf.folder.mkdir(parents=True, exist_ok=True)
    kinds = {"Obuwie > Buty": 3, "Dom > Pokrowce": 2, HOSTILE: 1, "": 1}
    house.shelf.put(
        *(
            product(f"{place}-{number}", product_type=kind or None)
            for place, (kind, count) in enumerate(kinds.items())
            for number in range(count)
        )
    )
    return house


def post(browser: Browser, path: str, pairs: dict[str, str], **more: str) -> httpx.Response:
    token = form_token(browser.get(AT).text)
    return browser.post(path, data={"form_token": token, "own": list(pairs), "to": list(pairs.values()), **more})


def saved(browser: Browser, house: House, pairs: dict[str, str]) -> httpx.Response:
    """Preview and save, as the form does."""
    shown = post(browser, LOOK, pairs)
    assert shown.status_code == 200
    digest = re.search(r'name="digest" value="([0-9a-f]+)"', shown.text)
    assert digest is not None
    own = [html.unescape(each) for each in re.findall(r'name="own" value="([^"]*)"', shown.text)]
    to = re.findall(r'name="to" value="([^"]*)"', shown.text)
    answer = post(browser, f"{AT}/save", dict(zip(own, to, strict=True)), digest=digest[1])
    house.shops["shop"] = house.versions.live().get("shop", house.shops["shop"])
    return answer


def test_categories_are_listed_with_proposals_and_a_person_may_search(stocked: House, ola: Browser) -> None:
    page = ola.get(AT).text
    assert "Obuwie &gt; Buty" in page
    assert "Apparel &amp; Accessories &gt; Shoes" in page, "a proposal"
    assert "(no category)" in page
    assert HOSTILE not in page
    assert "Apparel &amp; Accessories &gt; Shoes" in ola.get(AT, params={"q": "187"}).text
    assert "No category has all these words." in ola.get(AT, params={"q": "zxqv"}).text
    rows = ola.get("/api/w/shop/feeds/google/categories").json()
    assert rows[0]["name"] == "Obuwie > Buty"
    assert (rows[0]["items"], rows[0]["unknown"]) == (3, 3)
    found = ola.get("/api/w/shop/taxonomy", params={"q": "BUTY męskie", "language": "pl"})
    assert found.status_code == 200
    (first, *_rest) = ola.get("/api/w/shop/taxonomy", params={"q": "buty", "language": "pl"}).json()
    assert first == {"number": 187, "path": SHOES}
    assert ola.get("/api/w/shop/taxonomy", params={"q": "x", "language": "de"}).status_code == 400


def test_empty_fields_are_filled_with_proposals_on_a_persons_word(stocked: House, ola: Browser) -> None:
    def fields(page: str) -> list[str]:
        return re.findall(r'<input name="to" value="([^"]*)"', page)

    assert set(fields(ola.get(AT).text)) == {""}
    assert "Apparel &amp; Accessories &gt; Shoes" in fields(ola.get(AT, params={"fill": 1}).text)


def test_what_is_previewed_becomes_the_rule_and_nothing_else(stocked: House, ola: Browser) -> None:
    before = stocked.shops["shop"]
    shown = post(ola, LOOK, {"Obuwie > Buty": SHOES, "Dom > Pokrowce": ""})
    assert "google_product_category" in shown.text
    assert stocked.versions.history("shop") == [], "a preview saves nothing"
    answer = saved(ola, stocked, {"Obuwie > Buty": SHOES, "Dom > Pokrowce": "", HOSTILE: " 436 "})
    assert answer.status_code == 303
    now = stocked.shops["shop"]
    rule = FeedRule(do="category", attribute="google_product_category", table={"Obuwie > Buty": "187", HOSTILE: "436"})
    google = msgspec.structs.replace(before.feeds["google"], rule=[*before.feeds["google"].rule, rule])
    assert now == msgspec.structs.replace(before, feeds={**before.feeds, "google": google})
    page = ola.get(answer.headers["location"]).text
    assert "has the mapping" in page
    assert "The rule has 2 entries" in page
    assert ola.get("/api/w/shop/feeds/google/categories").json()[0]["name"] != "Obuwie > Buty", "it is known now"
    again = saved(ola, stocked, {"Obuwie > Buty": "", HOSTILE: ""})
    assert again.status_code == 303
    assert stocked.shops["shop"] == before, "a rule without entries goes"


def test_faults_are_shown_at_their_field_and_save_nothing(stocked: House, ola: Browser) -> None:
    wrong = post(ola, LOOK, {"Obuwie > Buty": "Shoos", "Dom > Pokrowce": SHOES})
    assert wrong.status_code == 400
    assert 'value="Shoos"' in wrong.text
    assert wrong.text.count("aria-invalid") == 1
    assert f'value="{html.escape(SHOES)}"' in wrong.text, "what was right is not lost"
    same = post(ola, LOOK, {"Obuwie > Buty": ""})
    assert same.status_code == 400
    assert "live already" in same.text
    stale = post(ola, f"{AT}/save", {"Obuwie > Buty": "187"}, digest="0" * 16)
    assert stale.status_code == 409
    assert stocked.versions.history("shop") == []


def test_only_who_may_publish_maps_and_only_where_there_is_a_taxonomy(stocked: House, browser: Browser) -> None:
    login(browser, "ewa")
    page = browser.get(AT).text
    assert "Preview" not in page
    assert "Obuwie" in page
    token = form_token(page)
    for path in (LOOK, f"{AT}/save"):
        assert browser.post(path, data={"form_token": token, "own": "a", "to": "187"}).status_code == 403
    for path in ("/w/shop/feeds/nope/categories", "/w/other/feeds/google/categories"):
        assert browser.get(path).status_code == 404


def test_without_a_catalogue_there_is_no_page(house: House, ola: Browser) -> None:
    assert ola.get(AT).status_code == 404
