"""An erased person leaves the platforms' lists: asked until the platform has answered, through the door like all else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rekindle.egress.account import Accounts
from rekindle.egress.asking import Asker
from rekindle.egress.connector import Answer
from rekindle.egress.http import MockTransport, TransportFailed
from rekindle.egress.removal import Forgets
from rekindle.egress.send import Door
from rekindle.engines.database import Database
from rekindle.engines.secrets import SealedFileSecrets, SecretMissing
from rekindle.model.discover import discover
from rekindle.model.event import User
from rekindle.model.sealed import Sealed
from rekindle.privacy.keys import Keyring
from rekindle.privacy.ledger import Ledger, lines
from rekindle.privacy.subjects.removals import REMOVED, Removals
from rekindle.sandbox.platforms.google_data_manager_audience import answer as google_list
from rekindle.sandbox.platforms.meta_custom_audience import answer as meta_list
from rekindle.sandbox.platforms.simulated import call
from rekindle.workspace import Destination, DestinationConsent
from tests.conftest import FakeClock

ANNA = Sealed(user=User(email="anna@shop.example"))
LIST = Destination(
    kind="meta_custom_audience",
    consent=DestinationConsent(consent_mode=["ad_storage"]),
    settings={"audience_id": "2384000001", "access_token": {"secret": "meta_token"}},
)


GOOGLE = Destination(
    kind="google_data_manager_audience",
    consent=DestinationConsent(consent_mode=["ad_user_data"]),
    settings={"operating_account": "1", "audience_id": "9", "access_token": {"secret": "google_token"}},
)
_HOUR = 3_600_000


class House:
    """A remover with a platform that can be made to fail."""

    def __init__(self, database: Database, folder: Path, clock: FakeClock) -> None:
        keyring = Keyring(SealedFileSecrets(folder / "secrets.json", bytes(32)))
        self.database, self.clock = database, clock
        self.removals = Removals(database, keyring, clock, "shop")
        self.asked: list[Any] = []
        self.down = False
        self.instead: Answer | None = None
        self.secrets = {"meta_token": "EAAB", "google_token": "ya29"}
        self.destinations = {"list": LIST}
        door = Door(MockTransport(self._answer), Ledger(database, keyring, clock), clock)
        accounts = Accounts(discover("rekindle.destinations"), self._secret, self._named)
        self.asker = Asker(database, door, accounts, clock)

    def _answer(self, request: Any) -> Any:
        if self.down:
            raise TransportFailed("reset")
        got = call(request.method, request.url.partition(".com")[2], request.headers, request.body, self.clock())
        self.asked.append(got)
        if self.instead is not None and got.method == "GET":
            return self.instead
        return google_list(got) if "googleapis" in request.url else meta_list(got)

    async def tell(self) -> int:
        """Return how many were told or asked."""
        before = len(self.asked)
        await self.asker.run(Forgets(lambda: [("shop", self.removals)], self.clock))
        return len(self.asked) - before

    async def wait(self, ms: int) -> None:
        until = self.clock() + ms
        while self.clock() < until:
            self.clock.advance(600_000)
            await self.tell()

    def _secret(self, workspace: str, name: str) -> str:
        assert workspace == "shop"
        try:
            return self.secrets[name]
        except KeyError:
            raise SecretMissing(name) from None

    def _named(self, workspace: str, name: str) -> Destination | None:
        return self.destinations.get(name)

    @property
    def state(self) -> str:
        return self.removals.of("r1")[0].state


@pytest.fixture
def house(database: Database, tmp_path: Path, clock: FakeClock) -> House:
    made = House(database, tmp_path, clock)
    made.removals.queue("r1", "list", [ANNA])
    return made


async def test_the_platform_is_told_and_the_person_is_in_no_line(house: House) -> None:
    assert await house.tell() == 1
    assert [asked.method for asked in house.asked] == ["DELETE"]
    assert house.state == REMOVED
    assert await house.tell() == 0
    written = lines(house.database, "shop", kind="send")
    assert written
    assert "anna" not in repr(written)


def _no_secret(house: House) -> None:
    house.secrets.clear()


def _down(house: House) -> None:
    house.down = True


def _gone(house: House) -> None:
    house.destinations.clear()


@pytest.mark.parametrize("trouble", [_no_secret, _down, _gone])
async def test_what_cannot_be_told_now_is_told_later(house: House, trouble: Callable[[House], None]) -> None:
    trouble(house)
    await house.tell()
    assert house.state == "pending"
    house.down = False
    house.secrets["meta_token"] = "EAAB"
    house.destinations["list"] = LIST
    house.clock.advance(2 * 86_400_000)
    assert await house.tell() == 1
    assert house.state == REMOVED


@pytest.fixture
def later(house: House) -> House:
    """A house whose list is Google's, which decides later."""
    house.destinations["list"] = GOOGLE
    return house


async def test_taken_is_not_removed_until_the_platform_says_so(later: House) -> None:
    await later.tell()
    assert later.state == "asked"
    # "Wait for 30 minutes", and 45 until this one has decided.
    await later.wait(29 * 60_000)
    assert [asked.method for asked in later.asked] == ["POST"]
    await later.wait(3 * _HOUR)
    assert later.state == REMOVED
    told = later.removals.of("r1")[0]
    assert told.reason == "the platform confirmed it"


_FAILED = Answer(200, {}, b'{"requestStatusPerDestination": [{"requestStatus": "FAILED"}]}')


async def test_what_the_platform_refuses_later_is_told_again_until_it_is_done(later: House) -> None:
    await later.tell()
    later.instead = _FAILED
    await later.wait(_HOUR)
    assert later.state == "pending"
    told = later.removals.of("r1")[0]
    assert (told.refusals, told.tickets) == (1, ())
    assert "later" in told.reason
    later.instead = None
    await later.wait(6 * _HOUR)
    assert later.state == REMOVED
    assert [asked.method for asked in later.asked].count("POST") == 2


async def test_what_is_always_refused_ends_and_says_so(later: House) -> None:
    later.instead = _FAILED
    await later.wait(9 * 24 * _HOUR)
    assert later.state == "refused"
    assert "later" in later.removals.of("r1")[0].reason
    assert [asked.method for asked in later.asked].count("POST") == 7
    assert later.removals.due() == []


@pytest.mark.parametrize("trouble", [_no_secret, _down, _gone])
async def test_nobody_says_what_became_of_it(later: House, trouble: Callable[[House], None]) -> None:
    await later.tell()
    trouble(later)
    await later.wait(35 * _HOUR)
    assert later.state == "asked"
    await later.wait(2 * _HOUR)
    assert later.state == "taken"
    assert "by hand" in later.removals.of("r1")[0].reason


async def test_it_is_asked_by_one_and_goes_on_after_a_restart(later: House) -> None:
    await later.tell()
    later.clock.advance(2 * _HOUR)
    assert len(later.removals.due()) == 1
    # Whoever took it died; nobody else gets it for two minutes, then somebody does.
    assert later.removals.due() == []
    later.clock.advance(120_000)
    assert await later.tell() == 1
    assert later.state == REMOVED


async def test_a_list_that_is_only_validated_is_never_called_removed(later: House) -> None:
    later.destinations["list"] = msgspec.structs.replace(GOOGLE, settings=GOOGLE.settings | {"validate_only": True})
    await later.tell()
    assert later.state == "taken"
    assert "no call" in later.removals.of("r1")[0].reason
