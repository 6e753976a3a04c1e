"""Access that will end is told of before it does; access that has ended holds the lane and loses nothing."""

import tomllib
from datetime import date
from typing import Any

import msgspec
import pytest

from rekindle.console.alarms import alarms
from rekindle.console.destinations import Lane as ConsoleLane
from rekindle.destinations import snapchat_audience
from rekindle.egress import status
from rekindle.egress.connector import Answer, OutRequest, SettingsError
from rekindle.egress.credentials import Credentials
from rekindle.egress.expiry import DAY_MS, Expiry, expiries
from rekindle.egress.http import MockTransport
from rekindle.egress.options import LaneOptions, take_apart
from rekindle.engines.database import Database
from rekindle.workspace import Destination, DestinationConsent, Feed, FeedPush, Shop, Workspace
from tests.conftest import FakeClock
from tests.egress.test_credentials import ACCOUNT, SEEDS, STORE
from tests.egress.world import World, error, ok

CONSENT = DestinationConsent(consent_mode=["ad_storage"])


def shop(**settings: dict[str, Any]) -> Workspace:
    return Workspace(
        shop=Shop(name="shop", title="Shop", origins=[], country="PL", currency="PLN"),
        destinations={
            name: Destination(kind="meta", consent=CONSENT, settings=given) for name, given in settings.items()
        },
    )


@pytest.mark.parametrize("text", ["secret_expires = 2027-01-31", 'secret_expires = "2027-01-31"'])
def test_a_person_tells_the_day_as_toml_or_as_text(database: Database, text: str):
    settings = tomllib.loads(text + "\nwarn_days = 30")
    assert msgspec.convert(settings, LaneOptions).secret_expires == date(2027, 1, 31)
    stored = msgspec.json.decode(msgspec.json.encode(shop(meta=settings)), type=Workspace)
    assert expiries(database, stored) == [Expiry("meta", "told", 1_801_353_600_000, 30 * DAY_MS)]


def test_a_feed_that_is_pushed_tells_its_day_too(database: Database):
    given = {"secret_expires": "2027-01-31", "warn_days": 30}
    feeds = {"google": Feed(channel="google_merchant", push=FeedPush(settings=given)),
             "off": Feed(channel="meta", push=FeedPush(settings=given, enabled=False))}  # fmt: skip
    pushed = msgspec.structs.replace(shop(), feeds=feeds)
    assert expiries(database, pushed) == [Expiry("@google", "told", 1_801_353_600_000, 30 * DAY_MS)]


@pytest.mark.parametrize("text", ['secret_expires = "soon"', "secret_expires = 31", "warn_days = 0"])
def test_what_is_no_day_is_refused_when_it_is_applied(text: str):
    with pytest.raises(SettingsError, match=r"snapchat_audience: .*(secret_expires|warn_days)"):
        take_apart(snapchat_audience.manifest, tomllib.loads(text))


async def test_a_token_that_renews_itself_tells_its_life_and_why_it_cannot(database: Database, clock: FakeClock):
    refused: list[OutRequest] = []

    def platform(request: OutRequest) -> Answer:
        refused.append(request)
        if len(refused) > 1:
            return Answer(400, {}, b'{"error": "invalid_grant"}')
        return Answer(200, {}, b'{"access_token": "a", "expires_in": 1800}')

    worker = Credentials(database, STORE.__getitem__, b"k" * 32, MockTransport(platform), clock, "w", lambda: 0.5)
    means = {key: {"secret": name} for key, name in SEEDS.items()}
    workspace = shop(snap=means, off=means)
    workspace.destinations["off"].enabled = False
    assert expiries(database, workspace) == []
    await worker.step([ACCOUNT])
    assert expiries(database, workspace) == [Expiry("snap", "renewed", clock() + 1_800_000)]
    clock.advance(1_500_000)
    await worker.step([ACCOUNT])
    (found,) = expiries(database, workspace)
    assert "invalid_grant" in found.words
    assert [alarm.code for alarm in _alarms([found], clock)] == ["credential-renewal"]


async def test_a_dead_token_holds_the_lane_and_alarms_until_it_is_repaired(world: World):
    """The old token is dead; a new one is stored; what waited goes out by itself and nothing is lost."""

    def platform(events: list[Any]) -> Answer:
        alive = world.platform.requests[-1].headers["authorization"] == "Bearer renewed"
        return ok(len(events)) if alive else error(190, status=401, message="Session has expired")

    world.platform.answer = platform
    await world.happen(3)
    await world.run()
    assert (world.state(), _codes(world)) == ("held", ["lane-held"])
    await world.run_for(3_600_000, 60_000)
    assert _codes(world) == ["lane-held"]
    assert world.counts() == {"held/credentials": 3}
    world.secrets.put("meta_token", "renewed")
    await world.run_for(60_000, 10_000)
    assert (world.state(), _codes(world)) == ("running", [])
    assert world.counts() == {"delivered/ok": 3}


async def test_a_secret_changes_while_both_are_good_and_no_event_notices(world: World):
    """Rotation with overlap: the platform takes the old and the new one; the lane moves over within half a minute."""
    used: list[str] = []

    def platform(events: list[Any]) -> Answer:
        used.append(world.platform.requests[-1].headers["authorization"])
        return ok(len(events))

    world.platform.answer = platform
    for step in range(8):
        if step == 3:
            world.secrets.put("meta_token", "second")
        await world.happen(1)
        await world.run_for(10_000, 10_000)
        assert world.state() == "running"
    assert world.counts() == {"delivered/ok": 8}
    moved = used.index("Bearer second")
    assert 3 <= moved <= 6
    assert set(used[:moved]) == {"Bearer good"}
    assert set(used[moved:]) == {"Bearer second"}


def _alarms(found: list[Expiry], clock: FakeClock, lanes: list[ConsoleLane] | None = None) -> list[Any]:
    return alarms(
        received=1, matches=[], lanes=lanes or [], feeds=[], balances=[], expiries=found, now_ms=clock()
    )  # fmt: skip


def _codes(world: World) -> list[str]:
    lanes = [ConsoleLane("meta", "meta", True, None, each) for each in status.status(world.database, "shop")]
    return [alarm.code for alarm in _alarms([], world.clock, lanes) if alarm.code != "lane-slow"]
