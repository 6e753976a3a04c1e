"""A list whose platform decides later: who is there is what it says in the end, not what it took."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from rekindle.destinations import google_data_manager_audience as google_list
from rekindle.egress._tables import people
from rekindle.egress.account import Accounts
from rekindle.egress.asking import Asker
from rekindle.egress.audience_lane import AudienceLane
from rekindle.egress.connector import Answer, OutRequest
from rekindle.egress.decisions import Decisions
from rekindle.egress.http import MockTransport
from rekindle.egress.quality import readings
from rekindle.egress.send import Door
from rekindle.engines.database import Database
from rekindle.sandbox.platforms.google_data_manager_audience import answer as google
from rekindle.sandbox.platforms.simulated import call
from rekindle.workspace import Destination, DestinationConsent, Policy
from tests.conftest import FakeClock
from tests.egress.test_audience_lane import Street
from tests.egress.world import DENIED, GRANTED, World

_HOUR = 3_600_000


class LaterStreet(Street):
    """A street whose platform is Google's customer list, with a poller."""

    def __init__(self, world: World) -> None:
        self.refuse = False
        self.rule = google_list.manifest.consent
        self.bad = ""
        """The hash of somebody whom the platform refuses, without saying whom."""
        self.answers: dict[str, bytes] = {}
        self.transport = MockTransport(self._answer)
        world.secrets.values["google_token"] = "good"
        super().__init__(world)
        accounts = Accounts(
            {"google_data_manager_audience": google_list},
            lambda _workspace, name: world.secrets.get(name),
            lambda _workspace, _name: self.destination,
        )
        door = Door(self.transport, world.ledger, world.clock)
        decisions = Decisions(world.database, world.log, door, world.clock, lambda: 0.5)
        self.poller = Asker(world.database, door, accounts, world.clock, [decisions], lambda: 0.5)

    @property
    def destination(self) -> Destination:
        return Destination(
            kind="google_data_manager_audience",
            consent=self.rule,
            audience="lost",
            settings={"operating_account": "1", "audience_id": "9", "access_token": {"secret": "google_token"}},
        )

    def new_lane(self) -> AudienceLane:
        world = self.world
        return AudienceLane(
            workspace="shop", name="google", destination=self.destination, policy=Policy(), module=google_list,
            secret=world.secrets.get, log=world.log, database=world.database,
            door=Door(self.transport, world.ledger, world.clock), consents=world.consents, vault=world.vault,
            changes=self.read, lease=self.lease, clock=world.clock, random=random.Random(7).random,
        )  # fmt: skip

    def _answer(self, request: OutRequest) -> Answer:
        if self.refuse and request.method == "GET":
            body = {"requestStatusPerDestination": [{"requestStatus": "FAILED"}]}
            return Answer(200, {}, json.dumps(body).encode())
        path = request.url.partition(".com")[2]
        if request.method == "GET" and (said := self.answers.get(path.rpartition("=")[2])):
            return Answer(200, {}, said)
        answer = google(call(request.method, path, request.headers, request.body, self.world.clock()))
        if request.method == "POST" and self.bad and self.bad in request.body.decode():
            alone = len(json.loads(request.body)["audienceMembers"]) == 1
            status = "FAILED" if alone else "PARTIAL_SUCCESS"
            body = {"requestStatusPerDestination": [{"requestStatus": status}]}
            name = f"with-the-bad-one-{len(self.answers)}"
            self.answers[name] = json.dumps(body).encode()
            return Answer(200, {}, json.dumps({"requestId": name}).encode())
        return answer

    async def decide(self, ms: int = 3 * _HOUR) -> None:
        """Let the platform decide."""
        until = self.world.clock() + ms
        while self.world.clock() < until:
            self.world.clock.advance(600_000)
            await self.poller.step()

    def there(self) -> dict[str, Any]:
        """Return who is at the platform as far as is known, with the outcome."""
        query = sa.select(people.c.subject, people.c.sent, people.c.outcome).order_by(people.c.subject)
        with self.world.database.read() as connection:
            return {row.subject: (row.sent, row.outcome) for row in connection.execute(query)}


@pytest.fixture
async def street(tmp_path: Path, database: Database, clock: FakeClock) -> AsyncIterator[LaterStreet]:
    made = LaterStreet(World(tmp_path, database, clock))
    yield made
    await made.lane.close()
    await made.world.close()


async def test_who_was_added_is_there_when_the_platform_says_so(street: LaterStreet) -> None:
    await street.visit("s1", "s2")
    street.change(True, "s1", "s2")
    await street.run()
    assert await street.outcomes() == {"accepted/awaiting-decision": 2}
    # A new visit asks again about the consent; nothing changes, and the decision is still waited for.
    await street.visit("s1")
    await street.run()
    assert await street.outcomes() == {"accepted/awaiting-decision": 2}
    await street.decide()
    assert await street.outcomes() == {"delivered/ok": 2}
    assert street.there() == {"s1": (True, "delivered"), "s2": (True, "delivered")}
    rate = readings(street.world.database, "shop", "google")[0]
    assert (rate.measure, rate.value, rate.words) == ("match-rate", 61.0, "61 to 70")


async def test_requests_are_split_by_what_their_members_chose(street: LaterStreet) -> None:
    await street.lane.close()
    street.rule = DestinationConsent(consent_mode=["ad_user_data"])
    street.lane = street.new_lane()
    await street.visit("s1", "s2", "s3")
    await street.visit("s4", "s5", consent=msgspec.structs.replace(GRANTED, ad_personalization=None))
    await street.visit("s6", consent=msgspec.structs.replace(GRANTED, ad_personalization="denied"))
    street.change(True, "s1", "s4", "s2", "s6", "s5", "s3")
    await street.run()
    told = [json.loads(request.body) for request in street.transport.requests]
    assert sorted((len(each["audienceMembers"]), each["consent"].get("adPersonalization")) for each in told) == [
        (1, "CONSENT_DENIED"), (2, None), (3, "CONSENT_GRANTED"),
    ]  # fmt: skip
    await street.decide()
    # The platform refuses whom it may not show personal ads, and nobody with them.
    assert await street.outcomes() == {"delivered/ok": 5, "dead/platform-refused": 1}
    # Whoever withdraws is taken off, whatever group it was, with nothing said of a consent that is no more.
    street.transport.requests.clear()
    await street.visit("s1", "s4", consent=DENIED)
    await street.run()
    (gone,) = [json.loads(one.body) for one in street.transport.requests if one.url.endswith("audienceMembers:remove")]
    assert (len(gone["audienceMembers"]), "consent" in gone) == (2, False)


async def test_who_could_not_be_added_is_not_there(street: LaterStreet) -> None:
    await street.visit("s1")
    street.change(True, "s1")
    await street.run()
    street.refuse = True
    await street.decide()
    assert street.there() == {"s1": (False, "dead")}


async def test_who_could_not_be_removed_still_is_there_and_is_taken_off_later(street: LaterStreet) -> None:
    await street.visit("s1")
    street.change(True, "s1")
    await street.run()
    await street.decide()
    await street.visit("s1", consent=DENIED)
    await street.run()
    assert street.there() == {"s1": (False, "accepted")}
    street.refuse = True
    await street.decide(_HOUR)
    assert street.there() == {"s1": (True, "waiting")}
    assert await street.outcomes() == {"waiting/removal-refused": 1}
    # The platform is repaired: nobody has to do anything.
    street.refuse = False
    await street.run(2 * _HOUR)
    await street.decide()
    assert street.there() == {"s1": (False, "delivered")}


async def test_a_removal_that_is_always_refused_comes_to_the_desk(street: LaterStreet) -> None:
    await street.visit("s1")
    street.change(True, "s1")
    await street.run()
    await street.decide()
    street.change(False, "s1")
    await street.run()
    street.refuse = True
    for _ in range(12):
        await street.decide()
        await street.run(25 * _HOUR, tick_ms=_HOUR)
    assert street.there() == {"s1": (True, "dead")}
    told = [request for request in street.transport.requests if request.url.endswith("audienceMembers:remove")]
    assert len(told) == 8


async def test_one_bad_member_of_many_ends_alone_and_the_others_are_there(street: LaterStreet) -> None:
    """The platform says only that some of a request were refused: it is told again in ever smaller requests."""
    names = [f"s{number:03}" for number in range(40)]
    await street.visit(*names)
    street.bad = hashlib.sha256(b"s017@example.com").hexdigest()
    street.change(True, *names)
    await street.run()
    for _ in range(12):
        await street.decide()
        assert all(sent for sent, outcome in street.there().values() if outcome != "dead"), "may be there: removable"
        await street.run(25 * _HOUR, tick_ms=_HOUR)
    there = street.there()
    assert there.pop("s017") == (False, "dead")
    assert set(there.values()) == {(True, "delivered")}
    assert await street.outcomes() == {"delivered/ok": 39, "dead/platform-refused": 1}


async def test_a_later_word_about_an_older_request_does_not_count(street: LaterStreet) -> None:
    await street.visit("s1")
    street.change(True, "s1")
    await street.run()
    street.change(False, "s1")
    await street.run(60_000)
    await street.decide()
    assert street.there() == {"s1": (False, "delivered")}
