"""One asker: an account is asked within its quota, and not while it is held, down, or asks to wait; its lane knows too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from rekindle.destinations import meta
from rekindle.egress._quota import Quota
from rekindle.egress._store import LaneState, Store
from rekindle.egress.account import Accounts
from rekindle.egress.asking import Asker, Line
from rekindle.egress.connector import Answer, OutRequest
from rekindle.egress.http import MockTransport, TransportFailed
from rekindle.egress.send import Door
from rekindle.engines.database import Database
from rekindle.engines.secrets import SealedFileSecrets, SecretMissing
from rekindle.privacy.keys import Keyring
from rekindle.privacy.ledger import Ledger
from rekindle.workspace import Destination
from tests.conftest import FakeClock

_OK = Answer(200, {}, b"{}")


class Item(NamedTuple):
    workspace: str
    destination: str


class Everything:
    """An errand that always has one question for each account; it could be a feed's, a list's or an item's."""

    pause_ms = 1_000

    def __init__(self, *destinations: str, name: str = "everything") -> None:
        self.name = name
        self.wanted = [Item("shop", one) for one in destinations]
        self.heard: list[str] = []
        self.postponed: list[tuple[str, int, str]] = []
        self.fault: Exception | None = None
        self.questions = 1

    async def due(self, now_ms: int, limit: int) -> Sequence[Item]:
        return self.wanted[:limit]

    async def run(self, due: Item, line: Line) -> int:
        if self.fault is not None:
            raise self.fault
        for _ in range(self.questions):
            try:
                await line.ask(OutRequest("GET", f"https://graph.facebook.com/{due.destination}", {}, b"", ()))
            except TransportFailed:
                return 0
            self.heard.append(due.destination)
        return 1

    async def postpone(self, due: Item, until_ms: int, words: str) -> int:
        self.postponed.append((due.destination, until_ms, words))
        return 0


class House:
    def __init__(self, database: Database, folder: Path, clock: FakeClock) -> None:
        self.database, self.clock = database, clock
        self.instead: Callable[[OutRequest], Answer] = lambda request: _OK
        self.transport = MockTransport(lambda request: self.instead(request))
        self.secret: str | None = "good"
        self.per_second: float | None = None
        keyring = Keyring(SealedFileSecrets(folder / "secrets.json", bytes(32)))
        self.door = Door(self.transport, Ledger(database, keyring, clock), clock)

    def asker(self, *errands: Everything) -> Asker:
        accounts = Accounts({"meta": meta}, self._secret, self._document)
        return Asker(self.database, self.door, accounts, self.clock, errands, lambda: 0.5)

    def _secret(self, workspace: str, name: str) -> str:
        if self.secret is None:
            raise SecretMissing(name)
        return self.secret

    def _document(self, workspace: str, name: str) -> Destination:
        settings: dict[str, Any] = {"pixel_id": "1", "access_token": {"secret": "meta_token"}}
        if self.per_second:
            settings["per_second"] = self.per_second
        return Destination(kind="meta", consent=meta.manifest.consent, settings=settings)

    async def wait(self, asker: Asker, seconds: int) -> None:
        for _ in range(seconds):
            self.clock.advance(1_000)
            await asker.step()

    @property
    def asked(self) -> int:
        return len(self.transport.requests)


@pytest.fixture
def house(database: Database, tmp_path: Path, clock: FakeClock) -> House:
    return House(database, tmp_path, clock)


async def test_all_errands_share_an_accounts_quota_with_its_lane(house: House, clock: FakeClock) -> None:
    house.per_second = 0.1
    one, two = Everything("meta", name="one"), Everything("meta", name="two")
    asker = house.asker(one, two)
    await asker.step()
    assert (one.heard, two.heard) == (["meta"], [])
    assert two.postponed[0][1] > clock()
    assert "quota" in two.postponed[0][2]
    lane = Quota(house.database, "shop", "meta", 0.1, clock)
    assert await lane.take(1) == 0, "what was asked is gone for the lane"
    await house.wait(asker, 100)
    assert 10 <= house.asked <= 11


async def test_several_questions_at_a_go_are_paid_for_later(house: House) -> None:
    house.per_second = 0.1
    errand = Everything("meta")
    errand.questions = 5
    asker = house.asker(errand)
    await house.wait(asker, 200)
    assert len(errand.heard) in (20, 25)


@pytest.mark.parametrize("status", [429, 503, 200])
async def test_a_wait_that_is_asked_for_holds_for_every_errand_and_the_lane(
    house: House, clock: FakeClock, status: int
) -> None:
    house.per_second = 50
    one, two = Everything("meta", name="one"), Everything("meta", name="two")
    house.instead = lambda request: Answer(status, {"retry-after": "600"}, b"")
    asker = house.asker(one, two)
    await house.wait(asker, 599)
    assert house.asked == 1
    assert await Quota(house.database, "shop", "meta", 50, clock).take(1) == 0
    house.instead = lambda request: _OK
    await house.wait(asker, 20)
    assert house.asked > 1
    assert await Quota(house.database, "shop", "meta", 50, clock).take(1) == 1


async def test_a_refused_secret_is_tried_again_when_it_changed(house: House) -> None:
    errand = Everything("meta")
    asker = house.asker(errand)
    house.instead = lambda request: Answer(401, {}, b"")
    await house.wait(asker, 800)
    assert house.asked == 1
    assert "renew" in errand.postponed[0][2]
    house.secret = "renewed"
    house.instead = lambda request: _OK
    await house.wait(asker, 2)
    assert house.asked == 3


async def test_an_account_whose_lane_is_held_is_not_asked(house: House, clock: FakeClock) -> None:
    from rekindle.egress._prepare import fingerprint

    errand = Everything("meta")
    asker = house.asker(errand)
    store = Store(house.database, "shop", "meta")
    until = clock() + 900_000
    await store.save(
        LaneState("held", "token expired", next_ms=until, fingerprint=fingerprint({"access_token": "good"}))
    )
    await house.wait(asker, 100)
    assert house.asked == 0
    assert {until_ms for _name, until_ms, _words in errand.postponed} == {until}
    assert not any("expired" in words for _name, _until, words in errand.postponed), (
        "a platform's words stay in its row"
    )
    house.secret = "renewed"
    await house.wait(asker, 1)
    assert house.asked == 1


async def test_a_platform_that_is_down_rests_and_disturbs_nobody(house: House) -> None:
    down, well = Everything("dead"), Everything("fine", name="other")

    def answer(request: OutRequest) -> Answer:
        if "dead" in request.url:
            raise TransportFailed("reset")
        return _OK

    house.instead = answer
    asker = house.asker(down, well)
    await house.wait(asker, 300)
    tried = [request for request in house.transport.requests if "dead" in request.url]
    assert len(tried) < 40, "after five failures it is tried now and then"
    assert len(well.heard) == 300


async def test_a_fault_in_one_errand_is_told_when_the_others_had_their_turn(house: House) -> None:
    broken, other = Everything("meta", name="broken"), Everything("second", name="other")
    broken.fault = ZeroDivisionError("surprise")
    asker = house.asker(broken, other)
    with pytest.raises(ZeroDivisionError):
        await asker.step()
    assert other.heard == ["second"]
    assert broken.postponed == [("meta", house.clock() + 120_000, "ZeroDivisionError")]


async def test_an_account_that_cannot_be_opened_is_said_to_its_errand(house: House) -> None:
    errand = Everything("meta")
    house.secret = None
    await house.asker(errand).step()
    assert [(name, until) for name, until, _words in errand.postponed] == [("meta", 0)]
    assert house.asked == 0
