"""Every audience destination keeps the same promises: differences only, over crashes, and out again on withdrawal."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rekindle.egress.audience_lane import AudienceLane
from rekindle.egress.connector import Answer, Limits, OutRequest
from rekindle.egress.http import TransportFailed
from rekindle.egress.send import Door
from rekindle.engines.database import Database
from rekindle.sandbox.platforms.simulated import call, simulated
from rekindle.workspace import Destination, DestinationConsent, Policy
from tests.conftest import FakeClock
from tests.destinations.test_conformance_bad_input import AUDIENCES, MODULES, config
from tests.egress.test_audience_lane import Street
from tests.egress.world import DENIED, GRANTED, World

_MINUTE = 60_000


class AnyList(Street):
    """A street to any list, judged by its simulated platform."""

    def __init__(self, world: World, name: str) -> None:
        self.name = name
        self.module = MODULES[name]
        self.asked: list[OutRequest] = []
        self.down = False
        self.rule: DestinationConsent | None = None
        found = simulated(name)
        assert found is not None
        self.judge = found
        super().__init__(world)

    def new_lane(self) -> AudienceLane:
        world = self.world
        names = {setting.name for setting in self.module.manifest.secrets}
        chosen = {key: value for key, value in config(self.name).items() if key not in ("consent", "policy")}
        world.secrets.values.update({key: str(value) for key, value in chosen.items() if key in names})
        settings = {key: {"secret": key} if key in names else value for key, value in chosen.items()}
        consent = self.rule or self.module.manifest.consent
        document = Destination(
            kind=self.name, consent=consent, audience="lost", settings=settings | {"first_sync": "add"}
        )
        return AudienceLane(
            workspace="shop", name="list", destination=document, policy=Policy(), module=self.module,
            secret=world.secrets.get, log=world.log, database=world.database,
            door=Door(self, world.ledger, world.clock), consents=world.consents, vault=world.vault,
            changes=self.read, lease=self.lease, clock=world.clock, random=random.Random(7).random,
        )  # fmt: skip

    async def send(self, request: OutRequest, limits: Limits) -> Answer:
        if self.down:
            raise TransportFailed("reset")
        self.asked.append(request)
        scheme, _, rest = request.url.partition("://")
        assert scheme == "https"
        path = "/" + rest.partition("/")[2]
        return self.judge(call(request.method, path, request.headers, request.body, self.world.clock()))

    async def told(self) -> list[tuple[str, ...]]:
        """Let everything happen that is due; return whom each request named since the last time."""
        before = len(self.asked)
        await self.run(5 * _MINUTE)
        return [tuple(name.rpartition("/")[2] for name in request.event_ids) for request in self.asked[before:]]


@pytest.fixture(params=AUDIENCES)
async def street(request: Any, tmp_path: Path, database: Database, clock: FakeClock) -> AsyncIterator[AnyList]:
    made = AnyList(World(tmp_path, database, clock), request.param)
    yield made
    await made.lane.close()
    await made.world.close()


async def test_differences_only(street: AnyList) -> None:
    await street.visit("s1", "s2")
    street.change(True, "s1", "s2")
    assert await street.told() == [("s1", "s2")]
    await street.visit("s1")
    assert await street.told() == [], "a visit is no difference"
    await street.visit("s3")
    street.change(True, "s3")
    street.change(False, "s1")
    assert sorted(await street.told()) == [("s1",), ("s3",)]
    assert {reason.partition("/")[0] for reason in await street.outcomes()} <= {"delivered", "accepted"}


async def test_a_crash_loses_nobody(street: AnyList) -> None:
    street.down = True
    await street.visit("s1", "s2")
    street.change(True, "s1", "s2")
    assert await street.told() == []
    await street.lane.close()
    street.lane = street.new_lane()
    street.down = False
    await street.run(40 * _MINUTE)
    assert {name.rpartition("/")[2] for request in street.asked for name in request.event_ids} == {"s1", "s2"}
    assert {reason.partition("/")[0] for reason in await street.outcomes()} <= {"delivered", "accepted"}


async def test_who_withdraws_is_taken_off_though_still_in_the_audience(street: AnyList) -> None:
    await street.visit("s1", "s2")
    street.change(True, "s1", "s2")
    await street.told()
    await street.world.withdraw("s1")
    assert await street.told() == [("s1",)]
    last = street.asked[-1]
    word = last.method + last.url + last.body.decode()
    assert any(each in word for each in ("DELETE", "remove", "REMOVE", "delete", "Remove"))
    assert await street.told() == []


async def test_who_refused_is_never_put_on(street: AnyList) -> None:
    await street.visit("s1", consent=DENIED)
    street.change(True, "s1")
    assert await street.told() == []


async def test_people_with_different_answers_never_share_a_request_that_tells_one(street: AnyList) -> None:
    """Google tells the consent of a whole request; the others tell none."""
    street.rule = DestinationConsent(consent_mode=["ad_user_data"])
    await street.lane.close()
    street.lane = street.new_lane()
    await street.visit("s1")
    await street.visit("s2", consent=msgspec.structs.replace(GRANTED, ad_personalization="denied"))
    street.change(True, "s1", "s2")
    told = sorted(await street.told())
    tells = [b'"consent"' in request.body for request in street.asked]
    assert told == ([("s1",), ("s2",)] if any(tells) else [("s1", "s2")])
    assert all(tells) == any(tells) == (street.name == "google_data_manager_audience")
    if any(tells):
        bodies = sorted(request.body.decode().count("CONSENT_DENIED") for request in street.asked)
        assert bodies == [0, 1]
