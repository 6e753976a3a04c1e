"""An audience at a platform in virtual time: who joins is added, who leaves or withdraws is removed, once each."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from rekindle.destinations import tiktok_audience
from rekindle.egress.audience_lane import AudienceChange, AudienceLane
from rekindle.egress.connector import Answer, Limits, OutRequest, SettingsError
from rekindle.egress.send import Door
from rekindle.engines.database import Database
from rekindle.engines.log import Keyed
from rekindle.model.event import Client, Consent, Ecommerce, Page, User
from rekindle.model.record import ConsentChange, Stored, encode
from rekindle.model.sealed import Sealed, pack
from rekindle.privacy.consents import ConsentView
from rekindle.privacy.ledger import lines
from rekindle.workspace import Destination, Policy
from tests.conftest import FakeClock
from tests.egress.world import GRANTED, World


def digest(subject: str) -> str:
    return hashlib.sha256(f"{subject}@example.com".encode()).hexdigest()


def said(code: int) -> Answer:
    return Answer(200, {}, json.dumps({"code": code, "message": "words", "request_id": "T"}).encode())


class Segment:
    """A platform that holds an audience and refuses batches with somebody it cannot digest."""

    def __init__(self) -> None:
        self.members: set[str] = set()
        self.calls: list[tuple[str, set[str]]] = []
        self.poison: set[str] = set()
        self.code = 0

    async def send(self, request: OutRequest, limits: Limits) -> Answer:
        body = json.loads(request.body)
        people = {each["id"] for row in body["batch_data"] for each in row if each}
        self.calls.append((body["action"], people))
        if self.code or people & self.poison:
            return said(self.code or 40002)
        self.members = self.members | people if body["action"] == "add" else self.members - people
        return said(0)


class Lease:
    def __init__(self) -> None:
        self.mine = True

    def held(self) -> bool:
        return self.mine


class Street:
    """A world with an audience instead of events."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.platform = Segment()
        self.lease = Lease()
        self.changes: list[AudienceChange] = []
        self.batch = 1000
        self.world.secrets.values["tiktok_token"] = "good"
        self.lane = self.new_lane()

    def new_lane(self) -> AudienceLane:
        world = self.world
        settings = {
            "advertiser_id": "7",
            "audience_id": "9",
            "access_token": {"secret": "tiktok_token"},
            "batch": self.batch,
        }
        consent = tiktok_audience.manifest.consent
        return AudienceLane(
            workspace="shop",
            name="tiktok",
            destination=Destination(kind="tiktok_audience", consent=consent, audience="lost", settings=settings),
            policy=Policy(),
            module=tiktok_audience,
            secret=world.secrets.get,
            log=world.log,
            database=world.database,
            door=Door(self.platform, world.ledger, world.clock),
            consents=world.consents,
            vault=world.vault,
            changes=self.read,
            lease=self.lease,
            clock=world.clock,
            random=random.Random(7).random,
        )

    def read(self, workspace: str, audience: str, limit: int, after: int) -> Sequence[AudienceChange]:
        assert (workspace, audience) == ("shop", "lost")
        return [change for change in self.changes if change.id > after][:limit]

    def change(self, entered: bool, *subjects: str) -> None:
        for subject in subjects:
            self.changes.append(AudienceChange(len(self.changes) + 1, subject, entered))

    async def visit(self, *subjects: str, consent: Consent = GRANTED, email: bool = True) -> None:
        """Visitors who tell who they are."""
        world = self.world
        records = []
        for subject in subjects:
            world.count += 1
            user = User(email=f"{subject}@example.com") if email else User()
            sealed = world.vault.seal("shop", subject, pack(Sealed(client=Client(ip="203.0.113.9"), user=user)))
            stored = Stored(
                workspace="shop", event_id=f"a{world.count}", event="view_item", event_time_ms=world.clock(),
                received_ms=world.clock(), source="web", subject=subject, page=Page(), ecommerce=Ecommerce(),
                consent=consent, sealed=sealed,
            )  # fmt: skip
            records.append(Keyed(subject, encode(stored)))
        await world.log.append(records)

    async def run(self, ms: int = 0, tick_ms: int = 30_000) -> None:
        until = self.world.clock() + ms
        for _ in range(2000):
            if await self.lane.step():
                continue
            if self.world.clock() >= until:
                return
            self.world.clock.advance(min(tick_ms, until - self.world.clock()))
        raise AssertionError("the lane never rests")

    async def outcomes(self) -> dict[str, int]:
        return await self.lane.people.counts()


@pytest.fixture
async def street(tmp_path: Path, database: Database, clock: FakeClock) -> AsyncIterator[Street]:
    made = Street(World(tmp_path, database, clock))
    yield made
    await made.lane.close()
    await made.world.close()


async def test_only_differences_are_sent(street: Street):
    await street.visit("anna", "jan", "ewa")
    street.change(True, "anna", "jan")
    await street.run()
    assert street.platform.calls == [("add", {digest("anna"), digest("jan")})]
    street.change(False, "jan")
    await street.run()
    await street.run(3_600_000)
    assert street.platform.calls[1:] == [("delete", {digest("jan")})]
    assert street.platform.members == {digest("anna")}
    assert await street.outcomes() == {"delivered/ok": 2}


async def test_each_send_and_removal_is_in_the_ledger(street: Street):
    await street.visit("anna")
    street.change(True, "anna")
    await street.run()
    street.change(False, "anna")
    await street.run()
    written = [each.line for each in lines(street.world.database, "shop", kind="send")]
    sent = [line for line in written if line.action == "send"]
    assert sorted(line.facts["basis"] for line in sent) == ["consent_mode", "withdrawal"]
    assert [line.subject for line in sent] == ["anna", "anna"]


async def test_who_withdrew_before_the_send_is_not_sent(street: Street):
    await street.visit("anna")
    await street.world.withdraw("anna")
    street.change(True, "anna")
    await street.run()
    assert street.platform.calls == []
    assert [name.partition("/")[0] for name in await street.outcomes()] == ["filtered"]


async def test_who_withdraws_later_is_removed(street: Street):
    await street.visit("anna")
    street.change(True, "anna")
    await street.run()
    await street.world.withdraw("anna")
    street.change(False, "anna")
    await street.run()
    assert street.platform.members == set()


async def test_who_is_there_and_joins_again_without_consent_is_removed(street: Street):
    await street.visit("anna")
    street.change(True, "anna")
    await street.run()
    await street.world.withdraw("anna")
    street.change(True, "anna")
    await street.run()
    assert [action for action, _ in street.platform.calls] == ["add", "delete"]


async def test_who_withdraws_what_only_this_platform_needs_is_removed_and_may_come_back(street: Street):
    """The audience goes by a rule of its own and may keep them."""
    await street.visit("anna", "jan")
    street.change(True, "anna", "jan")
    await street.run()
    await street.world.withdraw("anna")
    await street.run()
    assert street.platform.members == {digest("jan")}
    change = ConsentChange(workspace="shop", received_ms=street.world.clock(), subject="anna", consent=GRANTED)
    await street.world.log.append([Keyed("anna", encode(change))])
    await street.visit("jan")
    await street.run()
    assert [action for action, _ in street.platform.calls] == ["add", "delete", "add"]
    assert street.platform.members == {digest("anna"), digest("jan")}


async def test_who_was_never_there_is_not_removed(street: Street):
    street.change(False, "anna")
    await street.run()
    assert street.platform.calls == []
    assert await street.outcomes() == {"filtered/never-sent": 1}


async def test_identifiers_may_come_later_than_membership(street: Street):
    await street.visit("anna", email=False)
    street.change(True, "anna")
    await street.run()
    assert street.platform.calls == []
    await street.visit("anna")
    await street.run()
    assert street.platform.members == {digest("anna")}


async def test_one_bad_person_costs_no_other(street: Street):
    names = [f"p{number}" for number in range(20)]
    await street.visit(*names)
    street.platform.poison = {digest("p13")}
    street.change(True, *names)
    await street.run()
    assert street.platform.members == {digest(name) for name in names} - {digest("p13")}
    assert await street.outcomes() == {"delivered/ok": 19, "dead/platform-refused": 1}


async def test_a_dead_token_holds_and_a_new_one_goes_on(street: Street):
    await street.visit("anna")
    street.change(True, "anna")
    street.platform.code = 40105
    await street.run(3_600_000)
    assert await street.outcomes() == {"held/credentials": 1}
    assert len(street.platform.calls) < 10
    street.platform.code = 0
    street.world.secrets.values["tiktok_token"] = "new"
    await street.run(60_000)
    assert street.platform.members == {digest("anna")}


async def test_a_platform_that_is_down_gets_everybody_in_the_end(street: Street):
    await street.visit("anna", "jan")
    street.change(True, "anna", "jan")
    street.platform.code = 50000
    await street.run(1_800_000)
    assert street.platform.members == set()
    street.platform.code = 0
    await street.run(3_600_000)
    assert street.platform.members == {digest("anna"), digest("jan")}


async def test_after_a_crash_it_goes_on_where_it_was(street: Street):
    await street.visit("anna", "jan")
    street.change(True, "anna")
    await street.run()
    await street.lane.close()
    street.lane = street.new_lane()
    street.change(True, "jan")
    await street.run()
    assert street.platform.calls == [("add", {digest("anna")}), ("add", {digest("jan")})]


async def test_batches_are_as_large_as_allowed(street: Street):
    street.batch = 7
    street.lane = street.new_lane()
    names = [f"p{number}" for number in range(20)]
    await street.visit(*names)
    street.change(True, *names)
    await street.run()
    assert [len(people) for _, people in street.platform.calls] == [7, 7, 6]


async def test_another_workers_lane_is_left_alone(street: Street):
    await street.visit("anna")
    street.change(True, "anna")
    street.lease.mine = False
    await street.run()
    assert street.platform.calls == []


async def test_nobody_is_sent_after_erasure(street: Street):
    await street.visit("anna")
    street.world.vault.destroy("shop", "anna")
    street.change(True, "anna")
    await street.run()
    assert street.platform.calls == []


def test_an_audience_must_be_named(street: Street):
    world = street.world
    document = Destination(kind="tiktok_audience", consent=tiktok_audience.manifest.consent)
    arguments: dict[str, Any] = {
        "workspace": "shop", "name": "tiktok", "destination": document, "policy": Policy(),
        "module": tiktok_audience, "secret": world.secrets.get, "log": world.log, "database": world.database,
        "door": Door(street.platform, world.ledger, world.clock), "vault": world.vault,
        "consents": ConsentView(world.log, world.database), "changes": street.read, "lease": street.lease,
        "clock": world.clock,
    }  # fmt: skip
    with pytest.raises(SettingsError, match="audience is missing"):
        AudienceLane(**arguments)
