"""Every address needs a login and a right, and nothing crosses from one workspace to another."""

from __future__ import annotations

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from tests.console.conftest import HOSTILE, House, form_token, login

Browser = TestClient[Litestar]

PUBLIC = {"/login", "/language", "/livez", "/static/{digest:str}/{name:str}"}


def addresses(app: Litestar) -> list[tuple[str, str]]:
    """Every (method, path) of the application, with its parameters filled in."""
    found = []
    for route in app.routes:
        for method in sorted(getattr(route, "methods", set()) - {"OPTIONS"}):
            path = route.path_format if hasattr(route, "path_format") else route.path
            filled = path.replace("{workspace}", "shop").replace("{version}", "2").replace("{", "").replace("}", "")
            found.append((method, filled))
    return found


def test_every_address_but_a_few_needs_a_login(house: House, browser: Browser) -> None:
    opened = set()
    for method, path in addresses(house.app):
        answer = browser.request(method, path)
        if path.startswith("/api"):
            assert answer.status_code == 401, (method, path)
            assert answer.json()["status"] == 401
        elif answer.headers.get("location", "").startswith("/login?next="):
            assert answer.status_code == 303, (method, path)
        else:
            opened.add(path)
    assert opened == {"/login", "/language", "/livez", "/static/digest/name"}


def test_other_peoples_workspaces_do_not_exist(house: House, ola: Browser) -> None:
    house.append(house.event("mine", "shop"), house.event("theirs", "other", subject="s1_theirs"))
    for method, path in addresses(house.app):
        if "/w/shop" in path:
            other = path.replace("/w/shop", "/w/other")
            assert ola.request(method, other).status_code == 404, (method, other)
            assert ola.request(method, path.replace("/w/shop", "/w/nowhere")).status_code == 404
    assert [row["event_id"] for row in ola.get("/api/w/shop/events").json()] == ["mine"]
    assert "theirs" not in ola.get("/w/shop/live").text


def test_a_role_without_the_right_gets_403(browser: Browser, house: House) -> None:
    login(browser, "ewa")
    assert browser.get("/w/shop/").status_code == 200
    for path in ("/w/shop/live", "/w/shop/live/stream", "/w/shop/ledger", "/api/w/shop/events", "/api/w/shop/access"):
        assert browser.get(path).status_code == 403, path
    settings = browser.get("/w/shop/settings")
    assert "API keys" not in settings.text
    token = form_token(settings.text)
    answer = browser.post("/w/shop/settings/keys", data={"form_token": token, "name": "x", "scope": "read"})
    assert answer.status_code == 403
    assert house.keys.of("shop") == []


def test_a_closed_account_loses_its_session(house: House, ola: Browser) -> None:
    user = house.users.find("ola")
    assert user is not None
    house.users.withdraw(user.id, "shop")
    assert ola.get("/w/shop/").status_code == 404


def test_api_keys_read_their_own_workspace(house: House, browser: Browser) -> None:
    house.append(house.event())
    made = house.keys.create("shop", "report", ["read"], "ola")
    bearer = {"authorization": f"Bearer {made.text}"}
    assert browser.get("/api/w/shop/events", headers=bearer).json()[0]["event_id"] == "e1"
    assert browser.get("/api/w/other/events", headers=bearer).status_code == 404
    assert browser.get("/api/w/shop/access", headers=bearer).status_code == 403
    assert browser.get("/w/shop/live", headers=bearer).status_code == 303  # pages are for people
    sender = house.keys.create("shop", "sender", ["events:write"], "ola")
    denied = browser.get("/api/w/shop/events", headers={"authorization": f"Bearer {sender.text}"})
    assert denied.status_code == 403
    house.keys.revoke("shop", made.key.id)
    house.clock.advance(10_000)
    assert browser.get("/api/w/shop/events", headers=bearer).status_code == 401


def test_every_answer_has_the_headers(house: House, ola: Browser) -> None:
    for path in ("/login", "/w/shop/", "/nowhere", "/api/w/shop/events", "/livez", "/api/openapi.json"):
        answer = ola.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy, path
        assert "unsafe" not in policy
        assert "require-trusted-types-for 'script'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "same-origin"


def test_the_api_describes_itself(ola: Browser) -> None:
    described = ola.get("/api/openapi.json").json()
    assert "/api/w/{workspace}/events" in described["paths"]
    assert not any(path.startswith("/w/") for path in described["paths"])


def test_errors_tell_nothing(house: House, ola: Browser, caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> object:
        raise RuntimeError("-".join(["secret", "value"]))

    house.shops.clear()
    assert ola.get("/w/shop/").status_code == 404
    house.app.state.services = msgspec.structs.replace(house.app.state.services, shops=broken)
    answer = ola.get("/w/shop/")
    assert answer.status_code == 500
    assert "secret-value" not in answer.text
    assert "secret-value" not in caplog.text
    assert "RuntimeError" in caplog.text
    assert HOSTILE not in ola.get("/" + HOSTILE).text


def test_large_bodies_are_refused(ola: Browser) -> None:
    assert ola.post("/logout", content=b"x" * 100_000, headers={"content-type": "text/plain"}).status_code in (403, 413)
    form = {"form_token": "x" * 100_000}
    assert ola.post("/logout", data=form).status_code == 413
