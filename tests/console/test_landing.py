"""Landing pages in the console: the button, what was found with its age, the same for programs and as CSV."""

from __future__ import annotations

import asyncio
import csv
import io

from litestar import Litestar
from litestar.testing import TestClient

from rekindle.feeds.landing import PageRun
from rekindle.feeds.landing.comparing import finding
from rekindle.feeds.landing.store import Checked, run_of, save, save_run
from tests.console.conftest import HOSTILE, House, form_token, login
from tests.console.filled import fill

Browser = TestClient[Litestar]
PAGE = "/w/shop/quality/google"


def test_pages_are_asked_for_and_what_was_found_is_shown(house: House, browser: Browser) -> None:
    asyncio.run(fill(house))
    login(browser, "ewa")
    page = browser.get(PAGE).text
    assert "No page was checked yet." in page
    assert "Check pages now" not in page, "an analyst may not"
    assert browser.post(PAGE + "/pages", data={"form_token": form_token(page)}).status_code == 403
    browser.cookies.clear()
    login(browser, "ola")
    page = browser.get(PAGE).text
    assert "Check pages now" in page
    given = {"form_token": form_token(page)}
    assert browser.post(PAGE + "/pages").status_code in (400, 403), "a form without its token"
    answer = browser.post(PAGE + "/pages", data=given)
    assert (answer.status_code, answer.headers["location"]) == (303, PAGE + "#pages")
    page = browser.get(PAGE).text
    assert "Waiting for the scheduler" in page
    assert "Check pages now" not in page
    assert browser.post("/w/shop/quality/nope/pages", data=given).status_code == 404
    found(house)
    shown(browser)


def found(house: House) -> None:
    now = house.clock()
    price = finding("price-mismatch", "price", "199.00 PLN", f"189 {HOSTILE}")
    with house.database.begin() as connection:
        run = run_of(connection, "shop", "google")
        assert run is not None
        assert run.state == "asked"
        ended = PageRun("stopped", 50, 2, run.asked_ms, now, now, "https://shop.example refused 3 pages in a row")
        save_run(connection, "shop", "google", ended)
        bad = Checked(
            "sku-1", now, 1, 3, f"javascript:{HOSTILE}", "read", 200, "id", [price, finding("page-noindex", "link")]
        )
        save(connection, "shop", "google", bad, None)
        good = Checked("sku-2", now, 1, 4, "https://shop.example/2", "read", 200, "id")
        save(connection, "shop", "google", good, None)


def shown(browser: Browser) -> None:
    page = browser.get(PAGE).text
    for words in (
        "2 of 50 pages visited",
        "refused 3 pages in a row",
        "the page has another price",
        "199.00 PLN",
        "1 in order",
    ):
        assert words in page, words
    assert HOSTILE not in page
    assert 'href="javascript' not in page
    assert "Sprawdź strony teraz" in browser.get(PAGE, headers={"accept-language": "pl"}).text
    api = browser.get("/api/w/shop/quality/google/pages").json()
    assert (api["run"]["state"], api["totals"]) == ("stopped", {"block": 1, "limit": 0, "warning": 0, "fine": 1})
    assert [each["item"] for each in api["items"]] == ["sku-1", "sku-2"]
    rows = list(csv.DictReader(io.StringIO(browser.get(PAGE + "/pages.csv").text)))
    assert [(row["item_id"], row["finding"]) for row in rows] == [
        ("sku-1", "price-mismatch"), ("sku-1", "page-noindex"), ("sku-2", ""),
    ]  # fmt: skip
    assert browser.get("/api/w/shop/quality/nope/pages").status_code == 404
    assert browser.get("/w/shop/quality/nope/pages.csv").status_code == 404
