"""Access tokens that renew themselves: once for all workers, early, with overlap, and never without a reason."""

import asyncio
import json
from typing import Any
from urllib.parse import parse_qs

import pytest

from rekindle.destinations import pinterest_audience, snapchat_audience
from rekindle.egress._store import LaneState, Store
from rekindle.egress.configured import Configured, configured
from rekindle.egress.connector import Answer, Limits, OutRequest, SettingsError
from rekindle.egress.credentials import Account, Credentials, accounts
from rekindle.egress.http import MockTransport, TransportFailed
from rekindle.egress.options import take_apart
from rekindle.engines.database import Database
from rekindle.engines.secrets import SecretMissing
from rekindle.workspace import Destination, DestinationConsent, Feed, Shop, Workspace
from rekindle.workspace.documents import FeedPush

MINUTE = 60_000
SEEDS = {"client_id": "snap_id", "client_secret": "snap_secret", "refresh_token": "snap_refresh"}
ACCOUNT = Account("shop", "oauth:snap_refresh", snapchat_audience.manifest.oauth, SEEDS, ("snap",))  # type: ignore[arg-type]
STORE = {"snap_id": "id-1", "snap_secret": "secret-1", "snap_refresh": "refresh-1", "other": "x"}


class Platform:
    """Gives a token of half an hour for each call, and a new refresh token with it."""

    def __init__(self) -> None:
        self.forms: list[dict[str, list[str]]] = []
        self.refuse = ""
        self.down = False

    def __call__(self, request: OutRequest) -> Answer:
        self.forms.append(parse_qs(request.body.decode()))
        if self.down:
            raise TransportFailed("reset")
        if self.refuse:
            return Answer(400, {}, json.dumps({"error": self.refuse}).encode())
        number = len(self.forms)
        body = {"access_token": f"access-{number}", "refresh_token": f"refresh-{number}-new", "expires_in": 1800}
        return Answer(200, {}, json.dumps(body).encode())


class World:
    def __init__(self, database: Database, clock: Any) -> None:
        self.database, self.clock, self.platform, self.store = database, clock, Platform(), dict(STORE)

    def worker(self, name: str = "w1") -> Credentials:
        def secret(name: str) -> str:
            try:
                return self.store[name]
            except KeyError:
                raise SecretMissing(f"secret {name!r} is not set") from None

        transport = MockTransport(self.platform)
        return Credentials(self.database, secret, b"k" * 32, transport, self.clock, name, lambda: 0.5)

    def token(self) -> str:
        return self.worker().get("shop", ACCOUNT.name)


@pytest.fixture
def world(database: Database, clock: Any) -> World:
    return World(database, clock)


async def test_fifty_workers_one_refresh(world: World):
    workers = [world.worker(f"w{number}") for number in range(50)]
    done = await asyncio.gather(*(worker.step([ACCOUNT]) for worker in workers))
    assert sum(done) == 1
    assert len(world.platform.forms) == 1
    assert {worker.get("shop", ACCOUNT.name) for worker in workers} == {"access-1"}


async def test_it_is_renewed_at_four_fifths_of_its_life_and_the_old_one_serves_until_then(world: World):
    worker = world.worker()
    await worker.step([ACCOUNT])
    world.clock.advance(24 * MINUTE - 1)
    assert await worker.step([ACCOUNT]) == 0
    world.clock.advance(1)
    assert world.token() == "access-1"
    assert await worker.step([ACCOUNT]) == 1
    assert world.token() == "access-2"
    assert world.platform.forms[1]["refresh_token"] == ["refresh-1-new"], "the platform's newest is used"


async def test_nothing_readable_is_stored(world: World):
    await world.worker().step([ACCOUNT])
    with world.database.read() as connection:
        rows = str(connection.exec_driver_sql("SELECT * FROM egress_credentials").all())
    assert not [word for word in ("access-1", "refresh-1", "secret-1", "id-1") if word in rows]


async def test_new_means_are_tried_at_once_and_the_old_token_goes_on_when_they_are_refused(world: World):
    worker = world.worker()
    await worker.step([ACCOUNT])
    world.store["snap_secret"] = "mistyped"
    world.platform.refuse = "invalid_client"
    assert await worker.step([ACCOUNT]) == 1
    assert await worker.step([ACCOUNT]) == 0, "what was refused is not asked for again and again"
    assert world.token() == "access-1"
    world.store["snap_secret"] = "secret-2"
    world.platform.refuse = ""
    assert await worker.step([ACCOUNT]) == 1
    assert world.platform.forms[-1]["client_secret"] == ["secret-2"]
    assert world.platform.forms[-1]["refresh_token"] == ["refresh-1"], "what a person gave wins over what was kept"
    assert world.token() == "access-3"


async def test_a_dead_token_says_why_and_comes_back_by_itself(world: World):
    worker = world.worker()
    await worker.step([ACCOUNT])
    world.clock.advance(25 * MINUTE)
    world.platform.refuse = "invalid_grant"
    await worker.step([ACCOUNT])
    world.clock.advance(10 * MINUTE)
    with pytest.raises(SecretMissing, match="invalid_grant"):
        world.token()
    world.platform.refuse = ""
    world.clock.advance(15 * MINUTE)
    assert await worker.step([ACCOUNT]) == 1
    assert world.token().startswith("access-")


async def test_a_platform_that_is_down_is_asked_again_after_a_wait(world: World):
    world.platform.down = True
    worker = world.worker()
    assert await worker.step([ACCOUNT]) == 1
    assert await worker.step([ACCOUNT]) == 0
    world.clock.advance(10_000)
    world.platform.down = False
    assert await worker.step([ACCOUNT]) == 1
    assert world.token() == "access-2"


async def test_a_token_that_was_refused_early_is_renewed_once(world: World):
    worker = world.worker()
    await worker.step([ACCOUNT])
    world.clock.advance(MINUTE)
    lane = Store(world.database, "shop", "snap")
    await lane.save(LaneState(state="held", since_ms=world.clock()))
    world.clock.advance(1000)
    assert await worker.step([ACCOUNT]) == 1
    world.clock.advance(1000)
    assert await worker.step([ACCOUNT]) == 0, "the new one is refused too: asking for more helps nobody"


async def test_an_owner_that_slept_too_long_writes_nothing(world: World):
    late = world.worker("late")
    answer = world.platform.__call__
    others: list[int] = []

    class Slow:
        async def send(self, request: OutRequest, limits: Limits) -> Answer:
            world.clock.advance(2 * MINUTE)
            others.append(await world.worker("other").step([ACCOUNT]))
            return answer(request)

    late._transport = Slow()
    assert await late.step([ACCOUNT]) == 0
    assert others == [1]
    assert world.token() == "access-1", "the other's, which asked first"


async def test_missing_means_are_told(world: World):
    del world.store["snap_refresh"]
    worker = world.worker()
    assert await worker.step([ACCOUNT]) == 0
    with pytest.raises(SecretMissing, match="snap_refresh"):
        world.token()
    assert worker.get("shop", "other") == "x"


async def test_the_client_can_say_who_it_is_in_a_header(world: World):
    seen: list[OutRequest] = []

    def remember(request: OutRequest) -> Answer:
        seen.append(request)
        return world.platform(request)

    worker = world.worker()
    worker._transport = MockTransport(remember)
    await worker.step([Account("shop", ACCOUNT.name, pinterest_audience.manifest.oauth, SEEDS, ())])  # type: ignore[arg-type]
    assert seen[0].headers["authorization"] == "Basic aWQtMTpzZWNyZXQtMQ=="
    assert "client_secret" not in seen[0].body.decode()


def settings(**more: str) -> dict[str, Any]:
    return {"segment_id": "1"} | {key: {"secret": name} for key, name in more.items()}


def test_accounts_with_the_same_means_share_a_token():
    consent = DestinationConsent(consent_mode=["ad_storage"])

    def audience(**more: str) -> Destination:
        return Destination(kind="snapchat_audience", consent=consent, settings=settings(**more))

    workspace = Workspace(
        shop=Shop(name="shop", title="Shop", origins=[], country="PL", currency="PLN"),
        destinations={"a": audience(**SEEDS), "b": audience(**SEEDS), "c": audience(access_token="fixed")},
    )
    (account,) = accounts([workspace], lambda _account: snapchat_audience.manifest)
    assert account.destinations == ("a", "b")
    assert account.name == "oauth:snap_refresh"


def test_destinations_and_pushed_feeds_are_accounts_and_the_disabled_are_none():
    consent = DestinationConsent(consent_mode=["ad_storage"])
    workspace = Workspace(
        shop=Shop(name="shop", title="Shop", origins=[], country="PL", currency="PLN"),
        destinations={
            "b": Destination(kind="meta", consent=consent, settings={"pixel_id": "1"}),
            "a": Destination(kind="meta", consent=consent, enabled=False),
        },
        feeds={
            "g": Feed(channel="google/xml", push=FeedPush(settings={"account": "1"})),
            "h": Feed(channel="google", push=FeedPush(enabled=False)),
            "i": Feed(channel="google"),
        },
    )
    found = [
        Configured("b", "meta", False, {"pixel_id": "1"}),
        # The platform is the channel's, whatever the file's format.
        Configured("@g", "google", True, {"account": "1"}),
    ]
    assert list(configured(workspace)) == found


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"client_id": "x"}, "client_secret, refresh_token"),
        (SEEDS | {"access_token": "y"}, "not both"),
        ({}, "access_token is missing"),
    ],
)
def test_a_token_or_all_the_means_for_one(given: dict[str, str], words: str):
    with pytest.raises(SettingsError, match=words):
        take_apart(snapchat_audience.manifest, settings(**given))
