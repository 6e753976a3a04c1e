"""A list replaced as a whole: exactly the audience is there afterwards, whatever was there before and breaks between."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from rekindle.destinations import meta_custom_audience as meta_list
from rekindle.egress._replacements import Replacements
from rekindle.egress.audience_lane import AudienceLane
from rekindle.egress.connector import Answer, Limits, OutRequest
from rekindle.egress.http import TransportFailed
from rekindle.egress.lists import lists, resync
from rekindle.egress.send import Door
from rekindle.engines.database import Database
from rekindle.sandbox.platforms.meta_custom_audience import answer as judged
from rekindle.sandbox.platforms.simulated import call
from rekindle.workspace import Destination, Policy
from tests.conftest import FakeClock
from tests.egress.test_audience_lane import Street, digest
from tests.egress.world import DENIED, World

_MINUTE = 60_000


class MetaList:
    """Meta's list: it judges each request as the simulated platform does, and keeps who is on it."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.members: set[str] = {"a stranger"}
        self.sessions: list[dict[str, Any]] = []
        self.differences: list[tuple[str, set[str]]] = []
        self.fail_after: int | None = None
        self.refuse = False

    async def send(self, request: OutRequest, limits: Limits) -> Answer:
        path = request.url.partition(".com")[2]
        answer = judged(call(request.method, path, request.headers, request.body, self.clock()))
        if answer.status != 200:
            return answer
        body = json.loads(request.body)
        people = {row[body["payload"]["schema"].index("EMAIL")] for row in body["payload"]["data"]}
        if not path.endswith("replace"):
            self.differences.append((request.method, people))
            self.members = self.members | people if request.method == "POST" else self.members - people
            return answer
        if self.refuse:
            return Answer(400, {}, b'{"error": {"code": 100, "message": "Invalid parameter"}}')
        if self.fail_after is not None and len(self.sessions) >= self.fail_after:
            raise TransportFailed("reset")
        session = body["session"]
        self.sessions.append(session)
        self.members = people if session["batch_seq"] == 1 else self.members | people
        return answer


class MetaStreet(Street):
    def __init__(self, world: World) -> None:
        self.meta = MetaList(world.clock)
        self.settings: dict[str, Any] = {}
        world.secrets.values["meta_token"] = "good"
        super().__init__(world)
        self.batch = 2
        self.lane = self.new_lane()

    def new_lane(self) -> AudienceLane:
        world = self.world
        settings = {"audience_id": "9", "access_token": {"secret": "meta_token"}, "batch": self.batch, **self.settings}
        consent = meta_list.manifest.consent
        return AudienceLane(
            workspace="shop", name="meta",
            destination=Destination(kind="meta_custom_audience", consent=consent, audience="lost", settings=settings),
            policy=Policy(), module=meta_list, secret=world.secrets.get, log=world.log, database=world.database,
            door=Door(self.meta, world.ledger, world.clock), consents=world.consents, vault=world.vault,
            changes=self.read, lease=self.lease, clock=world.clock, random=random.Random(7).random,
        )  # fmt: skip

    async def restart(self) -> None:
        await self.lane.close()
        self.lane = self.new_lane()

    @property
    def sequence(self) -> list[tuple[int, bool]]:
        return [(each["batch_seq"], each["last_batch_flag"]) for each in self.meta.sessions]

    async def state(self) -> str:
        found = await Replacements(self.world.database, "shop", "meta").load()
        return found.state if found else ""


@pytest.fixture
async def street(tmp_path: Path, database: Database, clock: FakeClock) -> AsyncIterator[MetaStreet]:
    made = MetaStreet(World(tmp_path, database, clock))
    yield made
    await made.lane.close()
    await made.world.close()


FIVE = ("s1", "s2", "s3", "s4", "s5")


async def joined(street: MetaStreet, *subjects: str) -> None:
    await street.visit(*subjects)
    street.change(True, *subjects)


async def test_the_first_sync_replaces_and_then_only_differences_go(street: MetaStreet) -> None:
    await joined(street, *FIVE)
    await street.run()
    assert street.meta.members == {digest(each) for each in FIVE}, "no stranger is left"
    assert street.sequence == [(1, False), (2, False), (3, True)]
    assert {each["estimated_num_total"] for each in street.meta.sessions} == {5}
    assert len({each["session_id"] for each in street.meta.sessions}) == 1
    assert street.meta.differences == []
    await joined(street, "s6")
    street.change(False, "s1")
    await street.run()
    assert len(street.meta.sessions) == 3
    assert sorted(street.meta.differences) == [("DELETE", {digest("s1")}), ("POST", {digest("s6")})]


async def test_a_crash_goes_on_where_the_session_was(street: MetaStreet) -> None:
    await joined(street, *FIVE)
    street.meta.fail_after = 1
    await street.run(10 * _MINUTE)
    assert street.sequence == [(1, False)]
    await street.restart()
    street.meta.fail_after = None
    await street.run(10 * _MINUTE)
    assert street.sequence == [(1, False), (2, False), (3, True)]
    assert len({each["session_id"] for each in street.meta.sessions}) == 1
    assert street.meta.members == {digest(each) for each in FIVE}


async def test_a_session_past_its_time_begins_anew(street: MetaStreet) -> None:
    await joined(street, *FIVE)
    street.meta.fail_after = 1
    await street.run(95 * _MINUTE)
    street.meta.fail_after = None
    await street.run(40 * _MINUTE)
    assert street.sequence == [(1, False), (1, False), (2, False), (3, True)]
    first, second = street.meta.sessions[:2]
    assert first["session_id"] != second["session_id"]
    assert street.meta.members == {digest(each) for each in FIVE}


async def test_resync_replaces_again(street: MetaStreet) -> None:
    await joined(street, "s1", "s2")
    await street.run()
    street.meta.members = {"somebody put by hand"}
    resync(street.world.database, "shop", "meta", street.world.clock())
    await street.run(_MINUTE)
    assert street.meta.members == {digest("s1"), digest("s2")}
    assert await street.state() == "done"
    told = (await lists(street.world.database, "shop"))[0]
    assert (told.there, told.wanted) == (2, 2)


async def test_who_may_not_be_there_is_not_in_the_session(street: MetaStreet) -> None:
    await joined(street, *FIVE)
    await street.visit("s5", consent=DENIED)
    await street.visit("s2", consent=DENIED)
    await street.run()
    assert street.meta.members == {digest(each) for each in ("s1", "s3", "s4")}
    assert street.sequence == [(1, False), (2, True)]


async def test_who_withdraws_while_the_session_runs_is_removed_after_it(street: MetaStreet) -> None:
    await joined(street, *FIVE)
    street.meta.fail_after = 1
    await street.run(2 * _MINUTE)
    await street.visit("s1", consent=DENIED)
    street.change(False, "s4")
    street.meta.fail_after = None
    await street.run(10 * _MINUTE)
    assert street.meta.members == {digest(each) for each in ("s2", "s3", "s5")}


async def test_a_refused_session_ends_in_differences(street: MetaStreet) -> None:
    street.meta.refuse = True
    await joined(street, "s1", "s2", "s3")
    await street.run()
    assert await street.state() == "failed"
    assert street.meta.members == {"a stranger", *(digest(each) for each in ("s1", "s2", "s3"))}


async def test_first_sync_may_leave_what_is_there(street: MetaStreet) -> None:
    street.settings["first_sync"] = "add"
    await street.restart()
    await joined(street, "s1")
    await street.run()
    assert street.meta.sessions == []
    assert street.meta.members == {"a stranger", digest("s1")}


async def test_nobody_who_may_be_there_leaves_nothing_to_replace(street: MetaStreet) -> None:
    await street.visit("s1", consent=DENIED)
    street.change(True, "s1")
    await street.run()
    assert street.meta.sessions == []
    assert await street.state() == "done"
