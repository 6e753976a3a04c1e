"""Logging in and out, and what a stranger, a planted cookie or another site's page can do: nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from rekindle.console.pages.login import local
from rekindle.engines.database import Database
from rekindle.engines.log import SqliteLog
from tests.conftest import FakeClock
from tests.console.conftest import HOSTILE, PASSWORD, House, form_token, login

Browser = TestClient[Litestar]


def test_a_login_leads_to_the_page_that_was_asked_for(browser: Browser) -> None:
    asked = browser.get("/w/shop/settings")
    assert asked.status_code == 303
    assert asked.headers["location"] == "/login?next=/w/shop/settings"
    answer = login(browser, "ola", to="/w/shop/settings")
    assert answer.headers["location"] == "/w/shop/settings"
    assert browser.get("/w/shop/settings").status_code == 200


def test_the_only_workspace_opens_at_once(ola: Browser) -> None:
    assert ola.get("/").headers["location"] == "/w/shop/"


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/w//evil.example",
        "javascript:1",
        "",
        None,
        "/w/a?b",
    ],
)
def test_a_login_leads_nowhere_else(target: str | None) -> None:
    assert local(target) == "/"


def test_a_wrong_password_says_nothing_about_the_name(browser: Browser) -> None:
    known, unknown = login(browser, "ola", "wrong"), login(browser, HOSTILE, "wrong")
    assert known.status_code == unknown.status_code == 403
    assert "set-cookie" not in known.headers or "rekindle=" in known.headers["set-cookie"]
    assert "are not right" in known.text
    assert "are not right" in unknown.text
    assert HOSTILE not in unknown.text
    assert browser.get("/w/shop/settings").status_code == 303


def test_guessing_is_throttled(browser: Browser) -> None:
    answers = [login(browser, "ola", "wrong").status_code for _ in range(6)]
    assert answers == [403] * 5 + [429]
    assert int(login(browser, "ola").headers["retry-after"]) > 0


def test_a_login_changes_the_session(browser: Browser) -> None:
    browser.get("/login")
    before = browser.cookies["rekindle"]
    login(browser, "ola")
    first = browser.cookies["rekindle"]
    assert first != before
    browser.post("/logout", data={"form_token": form_token(browser.get("/w/shop/settings").text)})
    planted = "A" * 43
    browser.cookies.set("rekindle", planted)
    login(browser, "ola")
    names = [cookie.value for cookie in browser.cookies.jar if cookie.name == "rekindle"]
    assert planted not in names or len(names) > 1
    browser.cookies.clear()
    browser.cookies.set("rekindle", planted)
    assert browser.get("/w/shop/settings").status_code == 303  # what was planted opens nothing


def test_logging_out_ends_the_session_on_the_server(ola: Browser) -> None:
    token = ola.cookies["rekindle"]
    page = ola.get("/w/shop/settings")
    assert ola.post("/logout", data={"form_token": form_token(page.text)}).status_code == 303
    ola.cookies.clear()
    ola.cookies.set("rekindle", token)
    assert ola.get("/w/shop/settings").status_code == 303


def test_a_session_ends_when_idle(ola: Browser, clock: FakeClock) -> None:
    clock.advance(61 * 60_000)
    assert ola.get("/w/shop/settings").status_code == 303


def test_forms_need_their_own_token(ola: Browser) -> None:
    assert ola.post("/logout").status_code == 403
    assert ola.post("/logout", data={"form_token": "0" * 64}).status_code == 403
    assert ola.get("/w/shop/settings").status_code == 200


def test_the_login_form_is_bound_to_its_browser(browser: Browser) -> None:
    token = form_token(browser.get("/login").text)
    browser.cookies.clear()
    given = {"name": "ola", "password": PASSWORD, "form_token": token}
    assert browser.post("/login", data=given).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
    ],
)
def test_other_sites_cannot_post(ola: Browser, headers: dict[str, str]) -> None:
    token = form_token(ola.get("/w/shop/settings").text)
    assert ola.post("/logout", data={"form_token": token}, headers=headers).status_code == 403
    assert ola.get("/w/shop/settings").status_code == 200


def test_cookies_are_closed(browser: Browser, database: Database, clock: FakeClock, tmp_path: Path) -> None:
    plain = browser.get("/login").headers["set-cookie"]
    assert "HttpOnly" in plain
    assert "SameSite=lax" in plain
    assert "Secure" not in plain
    secure = House(database, SqliteLog(tmp_path / "log2.db", clock=clock), clock, secure=True)
    with TestClient(secure.app, base_url="https://console.example") as client:
        answer = client.get("/login")
    assert answer.headers["set-cookie"].startswith("__Host-rekindle=")
    assert "Secure" in answer.headers["set-cookie"]
    assert "Path=/;" in answer.headers["set-cookie"]
    assert "max-age" in answer.headers["strict-transport-security"]


def test_the_address_comes_from_trusted_proxies_only(house: House, browser: Browser) -> None:
    for number in range(5):
        page = browser.get("/login")
        given = {"name": "ola", "password": "wrong", "form_token": form_token(page.text)}
        assert browser.post("/login", data=given, headers={"x-forwarded-for": f"192.0.2.{number}"}).status_code == 403
    assert login(browser, "ola").status_code == 429  # the header changed nothing: nobody trusts this peer
