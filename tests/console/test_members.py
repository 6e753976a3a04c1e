"""Refused people in the console: chosen, tried dry, told again by who may; by the beginning of a pseudonym, never by name."""

import asyncio
import html

import msgspec
import pytest
import sqlalchemy as sa
from litestar import Litestar
from litestar.testing import TestClient

from rekindle.destinations import meta_custom_audience
from rekindle.egress._members import Ready
from rekindle.egress._people import AudienceChange, People, Person, Seal, Told
from rekindle.egress._tables import people
from rekindle.egress.account import AccountUnusable
from rekindle.model.outcome import Outcome
from rekindle.privacy import ledger
from rekindle.workspace import Destination
from tests.console.conftest import House, form_token, login

Browser = TestClient[Litestar]
MEMBERS = "/w/shop/destinations/list/members"
ANNA, BARTEK, CELINA, DANA = (f"s1_{letter * 32}" for letter in "abcd")
LIST = Destination(kind="meta_custom_audience", audience="viewers", consent=meta_custom_audience.manifest.consent)


@pytest.fixture
def refused(house: House) -> House:
    """Anna and Bartek could not be added, Celina not removed, and of Dana nothing is known that the platform could match."""
    shop = house.shops["shop"]
    house.shops["shop"] = msgspec.structs.replace(shop, destinations=shop.destinations | {"list": LIST})

    async def end() -> None:
        rows, now = People(house.database, "shop", "list"), house.clock()
        everybody = (ANNA, BARTEK, CELINA, DANA)
        await rows.know({one: Seal(b"sealed", one, ()) for one in everybody}, now)
        await rows.take([AudienceChange(number, one, one != CELINA) for number, one in enumerate(everybody)], now)
        words = "no match <script>alert(1)</script>"
        dead = [Told(one, False, Outcome.DEAD, "platform-refused", words, 8) for one in (ANNA, BARTEK)]
        dead += [Told(CELINA, True, Outcome.DEAD, "removal-refused", "", 8)]
        await rows.record([*dead, Told(DANA, False, Outcome.INVALID, "no-match-key", "", 0)], now)

    asyncio.run(end())
    return house


def outcomes(house: House) -> dict[str, str]:
    with house.database.read() as connection:
        return {row.subject: row.outcome for row in connection.execute(sa.select(people))}


def page(browser: Browser, query: str = "") -> str:
    answer = browser.get(f"{MEMBERS}{query}")
    assert answer.status_code == 200
    return answer.text


def test_the_list_is_masked_and_chosen_by_reason_outcome_person_and_day(refused: House, ola: Browser) -> None:
    everybody = page(ola)
    assert everybody.count("s1_aaaaaaa…") == everybody.count("s1_bbbbbbb…") == 1
    assert not [one for one in (ANNA, BARTEK, CELINA, DANA) if one in everybody]
    assert "<script>alert" not in everybody
    assert "the platform refused it (2)" in everybody
    assert "s1_ccccccc…" in everybody
    assert "s1_ddddddd…" not in everybody
    assert "s1_ddddddd…" in page(ola, "?outcome=invalid")
    assert "s1_aaaaaaa…" not in page(ola, "?reason=removal-refused")
    assert "s1_bbbbbbb…" not in page(ola, "?member=s1_aaaaaaa…")
    assert "Nobody was refused." in page(ola, "?until=2020-01-01")
    assert ola.get(f"{MEMBERS}?since=yesterday").status_code == 400


def test_it_speaks_polish(refused: House, ola: Browser) -> None:
    ola.cookies.set("language", "pl")
    told = ola.get(MEMBERS, headers={"accept-language": "pl"}).text
    assert "Refused people" not in told
    assert "Pseudonym</th>" not in told


def test_an_audience_leads_there_and_what_takes_events_has_no_such_page(refused: House, ola: Browser) -> None:
    told = ola.get("/w/shop/destinations/list").text
    assert f'href="{MEMBERS}"' in told
    assert "No dead letter." not in told
    assert "/members" not in ola.get("/w/shop/destinations/meta").text
    assert ola.get("/w/shop/destinations/meta/members").status_code == 404
    del refused.shops["shop"].destinations["list"]
    assert "s1_aaaaaaa…" in page(ola)  # it is configured no more, and they were refused all the same


def test_what_would_happen_is_shown_and_nothing_is_told(refused: House, ola: Browser) -> None:
    def would(_workspace: str, _name: str, some: list[Person]) -> list[Ready | Told]:
        return [Told(one.subject, False, Outcome.FILTERED, "consent-denied", "", 8) for one in some]

    refused.would = would  # type: ignore[assignment]
    told = html.unescape(ola.get(f"{MEMBERS}/preview?reason=platform-refused").text)
    assert told.count("not told:") == 2
    assert outcomes(refused)[ANNA] == "dead"
    refused.would = lambda *_given: None
    assert "configured no more" in ola.get(f"{MEMBERS}/preview").text

    def unusable(*_given: object) -> None:
        raise AccountUnusable("there is no secret 'meta_token'")

    refused.would = unusable
    assert "there is no secret 'meta_token'" in html.unescape(ola.get(f"{MEMBERS}/preview").text)


def test_told_again_is_written_down_and_goes_back_to_the_lane(refused: House, ola: Browser) -> None:
    form = {
        "form_token": form_token(page(ola)),
        "outcome": "dead",
        "reason": "platform-refused",
        "member": "s1_aaaaaaa…",
    }
    answer = ola.post(f"{MEMBERS}/replay", data=form)
    assert (answer.status_code, answer.headers["location"].endswith("again=1")) == (303, True)
    found = outcomes(refused)
    assert (found[ANNA], found[BARTEK], found[CELINA]) == ("waiting", "dead", "dead")
    assert [(action, detail) for _, _, action, detail in refused.recorded][-1] == (
        "deadmembers.replay", "list reason=platform-refused&outcome=dead",
    )  # fmt: skip
    (line,) = [one.line for one in ledger.lines(refused.database, "shop", kind="decision")]
    assert (line.action, line.destination, line.actor.partition(":")[0]) == ("replay", "list", "user")
    assert "Told again: 1." in page(ola, "?again=1")


def test_only_who_operates_may_and_only_with_the_own_form(refused: House, browser: Browser) -> None:
    refused.users.create("ada", "correct horse battery", {"shop": "auditor"})
    login(browser, "ada")
    told = page(browser)
    assert "told again of this choice" not in told
    assert browser.get(f"{MEMBERS}/preview").status_code == 403
    assert (
        browser.post(f"{MEMBERS}/replay", data={"outcome": "dead", "form_token": form_token(told)}).status_code == 403
    )
    refused.users.create("ann", "correct horse battery", {"shop": "analyst"})
    browser.cookies.clear()
    login(browser, "ann")
    assert browser.get(MEMBERS).status_code == 403
    browser.cookies.clear()
    login(browser, "ola")
    assert browser.post(f"{MEMBERS}/replay", data={"outcome": "dead"}).status_code == 403
    assert (
        browser.post(f"{MEMBERS}/replay", data={"outcome": "all", "form_token": form_token(page(browser))}).status_code
        == 400
    )
    assert set(outcomes(refused).values()) == {"dead", "invalid"}


def test_the_same_as_json(refused: House, ola: Browser) -> None:
    found = ola.get("/api/w/shop/destinations/list/dead-members").json()
    assert {each["member"] for each in found["members"]} == {"s1_aaaaaaa…", "s1_bbbbbbb…", "s1_ccccccc…"}
    assert found["counted"] == [
        {"reason": "platform-refused", "count": 2}, {"reason": "removal-refused", "count": 1},
    ]  # fmt: skip
