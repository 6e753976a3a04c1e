"""Dead letters in the console: chosen, looked at without personal data, sent again by who may, with a line in the ledger."""

import asyncio
import html

import httpx
import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from rekindle.destinations import meta
from rekindle.egress._store import Result, Store, Waiting
from rekindle.egress.rehearsal import Rehearsal
from rekindle.egress.status import event_outcomes
from rekindle.model.event import Client, Consent, User
from rekindle.model.outcome import Outcome
from rekindle.model.record import encode
from rekindle.model.sealed import Sealed, pack
from rekindle.privacy import ledger
from rekindle.privacy.consents import ConsentView
from rekindle.privacy.vault import Vault
from rekindle.workspace import Destination, Policy
from tests.console.conftest import House, form_token, login

Browser = TestClient[Litestar]
LETTERS = "/w/shop/destinations/meta/letters"
REPLAY = "/w/shop/destinations/meta/replay"
GRANTED = Consent(ad_storage="granted", ad_user_data="granted", ad_personalization="granted")
ACCOUNT = Destination(
    kind="meta", consent=meta.manifest.consent, settings={"pixel_id": "1", "access_token": {"secret": "t"}}
)


@pytest.fixture
def refused(house: House) -> House:
    """A shop with one dead letter, whose phone number can be read since the region is told."""
    vault = Vault(house.database, house.keyring, house.clock)
    person = Sealed(Client(ip="203.0.113.9", user_agent="Mozilla"), User(email="anna@example.com", phone="601234567"))
    stored = house.event("a/b c", consent=GRANTED, sealed=vault.seal("shop", "s1_abcdef", pack(person)))
    house.append(stored)

    async def end() -> None:
        (entry,) = await house.log.tail(None, 1)
        waiting = Waiting(stored, encode(stored), entry.partition, entry.offset)
        dead = Result(waiting, Outcome.DEAD, "platform-refused", "no phone <script>alert(1)</script>", attempts=1)
        await Store(house.database, "shop", "meta").record([dead], house.clock())

    asyncio.run(end())
    consents = ConsentView(house.log, house.database)
    for then in (True, False):
        more = {} if then else {"default_region": "PL"}
        document = msgspec.structs.replace(ACCOUNT, settings=ACCOUNT.settings | more)
        house.accounts["meta", then] = Rehearsal(
            "meta", document, Policy(), meta, lambda name: "token", consents, vault, None
        )
    return house


def outcome(house: House) -> str:
    return event_outcomes(house.database, "shop", "a/b c")[0].outcome


def send(browser: Browser, page: str = LETTERS, **fields: str) -> httpx.Response:
    return browser.post(REPLAY, data={"form_token": form_token(browser.get(page).text), "outcome": "dead", **fields})


def test_the_list_tells_the_platforms_words_the_reason_and_the_remedy(refused: House, ola: Browser) -> None:
    page = ola.get(LETTERS).text
    assert "the platform refused it (1)" in page
    assert "change the destination&#39;s settings or the data, apply, then replay" in page
    assert "no phone &lt;script&gt;" in page
    assert "No dead letter." in ola.get(f"{LETTERS}?reason=retries-spent").text
    assert "No dead letter." in ola.get(f"{LETTERS}?until=2020-01-01").text
    assert ola.get(f"{LETTERS}?since=yesterday").status_code == 400
    assert ola.get("/w/shop/destinations/nobody/letters").status_code == 404


def test_the_preview_shows_then_and_now_without_the_person(refused: House, ola: Browser) -> None:
    raw = ola.get(f"{LETTERS}/a%2Fb%20c").text
    page = html.unescape(raw)
    assert '<ins>+     "ph": [</ins>' in page
    assert '"(a hash)"' in page
    assert '"event_name": "ViewContent"' in page
    assert not [word for word in ("anna@", "601234567", "203.0.113.9") if word in page]
    assert "<script>alert" not in raw
    assert ola.get(f"{LETTERS}/nobody").status_code == 404


def test_sending_again_is_written_down_and_goes_back_to_the_lane(refused: House, ola: Browser) -> None:
    answer = send(ola, reason="platform-refused")
    assert (answer.status_code, answer.headers["location"].endswith("again=1")) == (303, True)
    assert outcome(refused) == "waiting"
    assert [(action, detail) for _, _, action, detail in refused.recorded][-1] == (
        "deadletters.replay", "meta reason=platform-refused&outcome=dead",
    )  # fmt: skip
    (line,) = [one.line for one in ledger.lines(refused.database, "shop", kind="decision")]
    assert (line.action, line.event_id, line.actor.partition(":")[0]) == ("replay", "a/b c", "user")


def test_one_letter_alone(refused: House, ola: Browser) -> None:
    assert send(ola, f"{LETTERS}/a%2Fb%20c", event_id="another").headers["location"].endswith("again=0")
    assert send(ola, f"{LETTERS}/a%2Fb%20c", event_id="a/b c").headers["location"].endswith("again=1")


def test_only_who_operates_may_and_only_with_the_own_form(refused: House, browser: Browser) -> None:
    refused.users.create("ada", "correct horse battery", {"shop": "auditor"})
    login(browser, "ada")
    page = browser.get(LETTERS)
    assert page.status_code == 200
    assert "Send all of this choice again" not in page.text
    assert browser.get(f"{LETTERS}/a%2Fb%20c").status_code == 403
    assert send(browser).status_code == 403
    browser.cookies.clear()
    login(browser, "ola")
    assert browser.post(REPLAY, data={"outcome": "dead"}).status_code == 403
    assert (
        browser.post(REPLAY, data={"outcome": "all", "form_token": form_token(browser.get(LETTERS).text)}).status_code
        == 400
    )
    assert outcome(refused) == "dead"
