"""What platforms decide later: accepted, then asked until they say, or until their time is over; each event ends once."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.destinations import google_data_manager
from rekindle.destinations.google_data_manager.status import AsksStatus
from rekindle.egress._tickets import wait_ms
from rekindle.egress.account import Accounts
from rekindle.egress.asking import Asker
from rekindle.egress.connector import Answer, OutRequest
from rekindle.egress.decisions import Decisions
from rekindle.egress.http import MockTransport, TransportFailed
from rekindle.egress.later import Receipt, Waits
from rekindle.egress.send import Door
from rekindle.egress.status import awaited, dead_letters, event_outcomes
from rekindle.egress.trace import trace
from rekindle.engines.database import Database
from rekindle.engines.database.lease import Fenced, Lease, LeaseLost
from rekindle.engines.log import Entry
from rekindle.privacy import ledger
from rekindle.sandbox.platforms.google_data_manager import answer as google
from rekindle.sandbox.platforms.simulated import call
from rekindle.workspace import Destination
from tests.conftest import FakeClock
from tests.egress.world import World

_HOUR = 3_600_000
_DAY = 24 * _HOUR
_NAME = "meta"  # what the world calls its one destination


class Asking(NamedTuple):
    lease: Lease
    asker: Asker

    async def step(self) -> int:
        return await self.asker.step() if self.lease.held() else 0


class Later:
    """A shop with a Google account, and pollers that share its database."""

    def __init__(self, folder: Path, database: Database, clock: FakeClock) -> None:
        self.clock = clock
        self.transport = MockTransport(self._answer)
        self.instead: Callable[[OutRequest], Answer | None] = lambda request: None
        self.world = World(folder, database, clock, transport=self.transport)
        self.world.module = google_data_manager
        self.world.secrets.values["google_token"] = "good"
        self.world.destination = Destination(
            kind="google_data_manager",
            consent=google_data_manager.manifest.consent,
            settings={"operating_account": "1", "conversion_action": "2", "access_token": {"secret": "google_token"}},
        )
        self.world.lane = self.world.new_lane()
        self.configured = True
        self.poller = self.new_poller("one")

    def new_poller(self, holder: str) -> Asking:
        """Return an asker under the installation's lease, as a worker has it."""
        accounts = Accounts(
            {"google_data_manager": google_data_manager},
            lambda _workspace, name: self.world.secrets.get(name),
            lambda _workspace, _name: self.world.destination if self.configured else None,
        )
        lease = Lease(self.world.database, self.clock, "asker", holder, ttl_ms=60_000)
        database, door = Fenced(self.world.database, lease), Door(self.transport, self.world.ledger, self.clock)
        decisions = Decisions(database, self.world.log, door, self.clock, lambda: 0.5)
        return Asking(lease, Asker(database, door, accounts, self.clock, [decisions], lambda: 0.5))

    def _answer(self, request: OutRequest) -> Answer:
        instead = self.instead(request)
        if instead is not None:
            return instead
        path = request.url.partition(".com")[2]
        return google(call(request.method, path, request.headers, request.body, self.clock()))

    @property
    def questions(self) -> list[OutRequest]:
        return [request for request in self.transport.requests if request.method == "GET"]

    async def purchases(self, count: int, *, age_ms: int = 0) -> list[str]:
        return await self.world.happen(count, name="purchase", age_ms=age_ms)

    async def wait(self, ms: int, tick_ms: int = 600_000) -> int:
        """Let time pass with the poller awake; return how many requests were decided."""
        decided = 0
        until = self.clock() + ms
        while self.clock() < until:
            self.clock.advance(min(tick_ms, until - self.clock()))
            decided += await self.poller.step()
        return decided


@pytest.fixture
async def later(tmp_path: Path, database: Database, clock: FakeClock) -> AsyncIterator[Later]:
    made = Later(tmp_path, database, clock)
    yield made
    await made.world.close()


async def test_accepted_becomes_delivered_when_the_platform_says_so(later: Later) -> None:
    names = await later.purchases(3)
    await later.world.run()
    assert later.world.counts() == {"accepted/awaiting-decision": 3}
    told = awaited(later.world.database, "shop")[0]
    assert (told.destination, told.requests) == (_NAME, 1)
    # "Wait for 30 minutes": nobody asks before.
    assert await later.wait(29 * 60_000) == 0
    assert later.questions == []
    assert await later.wait(3 * _HOUR) == 1
    assert later.world.counts() == {"delivered/ok": 3}
    assert 1 <= len(later.questions) <= 3
    assert awaited(later.world.database, "shop") == []
    assert {each.outcome for each in event_outcomes(later.world.database, "shop", names[0])} == {"delivered"}
    line = ledger.lines(later.world.database, "shop", kind="send", limit=1)[0].line
    assert (line.action, line.outcome, line.destination) == ("decided", "delivered", _NAME)


async def test_refused_becomes_a_dead_letter_with_the_platforms_words(later: Later) -> None:
    await later.purchases(2, age_ms=40 * _DAY)
    await later.world.run()
    await later.wait(3 * _HOUR)
    assert later.world.counts() == {"dead/platform-refused": 2}
    assert [letter.detail for letter in dead_letters(later.world.database, "shop")] == ["EVENT_TOO_OLD: 2"] * 2


class Counting:
    """Google, with a memory: which transactions it has, and what it refused of each request; it never says which."""

    def __init__(self, bad: set[str]) -> None:
        self.bad = bad
        self.has: Counter[str] = Counter()
        self.statuses: dict[str, dict[str, Any]] = {}
        self.sizes: list[int] = []

    def __call__(self, request: OutRequest) -> Answer:
        if request.method == "GET":
            said = {"requestStatusPerDestination": [self.statuses[request.url.rpartition("=")[2]]]}
            return Answer(200, {}, json.dumps(said).encode())
        names = [event["transactionId"] for event in json.loads(request.body)["events"]]
        self.sizes.append(len(names))
        refused = Counter({"DUPLICATE_TRANSACTION_ID": sum(name in self.has for name in names),
                           "INVALID_GCLID": sum(name in self.bad for name in names)})  # fmt: skip
        self.has.update(name for name in names if name not in self.bad and name not in self.has)
        errors = [
            {"reason": f"PROCESSING_ERROR_REASON_{reason}", "recordCount": str(n)} for reason, n in refused.items() if n
        ]
        bad = refused.total()
        status = "SUCCESS" if not bad else "FAILED" if bad == len(names) else "PARTIAL_SUCCESS"
        number = f"r{len(self.statuses)}"
        self.statuses[number] = {"requestStatus": status, "errorInfo": {"errorCounts": errors}}
        return Answer(200, {}, json.dumps({"requestId": number}).encode())


async def test_of_a_thousand_with_one_bad_999_are_delivered_and_one_is_dead(later: Later) -> None:
    names = await later.purchases(1_000)
    platform = Counting({names[613]})
    later.instead = platform
    await later.world.run()
    assert platform.sizes == [1_000]
    for _ in range(12):
        await later.wait(_HOUR)
        await later.world.run_for(60_000, 5_000)
    assert later.world.counts() == {"delivered/ok": 999, "dead/platform-refused": 1}
    (letter,) = dead_letters(later.world.database, "shop")
    assert (letter.event_id, letter.detail) == (names[613], "INVALID_GCLID: 1")
    assert len(platform.has) == 999
    assert set(platform.has.values()) == {1}, "the platform counts each once"
    assert 1 in platform.sizes
    assert sum(platform.sizes) < 3_000, "only the part with the bad one goes on being parted"


async def test_what_the_log_no_longer_has_stays_partly_refused(later: Later, monkeypatch: pytest.MonkeyPatch) -> None:
    names = await later.purchases(3)
    later.instead = Counting({names[0]})
    await later.world.run()

    async def nothing(after: object, limit: int) -> list[Entry]:
        return []

    monkeypatch.setattr(later.world.log, "tail", nothing)
    await later.wait(3 * _HOUR)
    assert later.world.counts() == {"accepted/partly-refused": 3}


async def test_who_withdrew_meanwhile_does_not_go_again(later: Later) -> None:
    names = await later.purchases(8)
    platform = Counting({names[0]})
    later.instead = platform
    await later.world.run()
    await later.wait(3 * _HOUR)
    assert later.world.counts() == {"waiting/partly-refused": 8}
    await later.world.withdraw()
    await later.world.run()
    assert platform.sizes == [8], "nothing leaves without a permit of now"
    assert later.world.counts() == {"filtered/consent-withdrawn": 8}


async def test_explain_tells_the_next_look(later: Later) -> None:
    name = (await later.purchases(1))[0]
    await later.world.run()
    found = await trace(later.world.database, later.world.log, "shop", name)
    assert found.passages[0].look_ms >= later.clock() + 1_800_000
    await later.wait(3 * _HOUR)
    found = await trace(later.world.database, later.world.log, "shop", name)
    assert found.passages[0].look_ms == 0


def _down(later: Later) -> None:
    def fail(request: OutRequest) -> Answer:
        raise TransportFailed("reset")

    later.instead = fail


def _html(later: Later) -> None:
    later.instead = lambda request: Answer(502, {}, b"<html>")


def _working(later: Later) -> None:
    later.instead = lambda request: Answer(
        200, {}, b'{"requestStatusPerDestination": [{"requestStatus": "PROCESSING"}]}'
    )


def _token_gone(later: Later) -> None:
    del later.world.secrets.values["google_token"]


def _unconfigured(later: Later) -> None:
    later.configured = False


@pytest.mark.parametrize("trouble", [_down, _html, _working, _token_gone, _unconfigured])
async def test_nobody_says_anything_until_the_deadline(later: Later, trouble: Callable[[Later], None]) -> None:
    await later.purchases(2)
    await later.world.run()
    trouble(later)
    await later.wait(35 * _HOUR)
    assert later.world.counts() == {"accepted/awaiting-decision": 2}
    # Growing waits: 36 hours take a handful of questions, not hundreds.
    assert len(later.questions) <= 15
    await later.wait(6 * _HOUR)
    assert later.world.counts() == {"accepted/undecided": 2}
    assert awaited(later.world.database, "shop") == []


async def test_a_platform_that_asks_to_wait_is_left_alone(later: Later) -> None:
    await later.purchases(1)
    await later.world.run()
    later.instead = lambda request: Answer(429, {"retry-after": "36000"}, b"")
    await later.wait(9 * _HOUR)
    assert len(later.questions) == 1


async def test_an_answer_that_a_connector_cannot_read_stops_nobody_else(
    later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    await later.purchases(1)
    await later.world.run()
    later.clock.advance(60_000)
    await later.purchases(1)
    await later.world.run()
    understood = AsksStatus.read_status
    first: list[str] = []

    def read(account: AsksStatus, answer: Answer, ticket: str) -> Receipt:
        first.append(ticket)
        if ticket == first[0]:
            raise KeyError("surprise")
        return understood(account, answer, ticket)

    monkeypatch.setattr(AsksStatus, "read_status", read)
    await later.wait(3 * _HOUR)
    assert later.world.counts() == {"accepted/awaiting-decision": 1, "delivered/ok": 1}
    assert awaited(later.world.database, "shop")[0].words == "the answer was not understood: KeyError"


async def test_tickets_outlive_a_restart(later: Later) -> None:
    await later.purchases(1)
    await later.world.run()
    await later.world.restart()
    later.poller = later.new_poller("after the restart")
    await later.wait(3 * _HOUR)
    assert later.world.counts() == {"delivered/ok": 1}


async def test_one_question_at_a_time_whoever_asks(later: Later) -> None:
    await later.purchases(1)
    await later.world.run()
    others = [later.new_poller(f"other {number}") for number in range(4)]
    later.clock.advance(2 * _HOUR)
    decided = await asyncio.gather(*(poller.step() for poller in others))
    assert sum(decided) == 1
    assert len(later.questions) == 1


class Killed(BaseException):
    """The process is gone."""


async def test_who_died_asking_is_followed_by_another(later: Later) -> None:
    await later.purchases(1)
    await later.world.run()
    later.clock.advance(2 * _HOUR)

    def die(request: OutRequest) -> Answer:
        raise Killed

    later.instead = die
    with pytest.raises(Killed):
        await later.poller.step()
    later.instead = lambda request: None
    later.poller = later.new_poller("another")
    assert await later.wait(50_000, 10_000) == 0, "still the dead one's"
    assert await later.wait(60_000, 10_000) == 1


async def test_who_slept_through_the_end_of_its_lease_writes_nothing(later: Later) -> None:
    await later.purchases(1)
    await later.world.run()
    later.clock.advance(2 * _HOUR)
    other = later.new_poller("other")
    overtaken: list[int] = []

    def sleep(request: OutRequest) -> Answer | None:
        later.instead = lambda request: None
        later.clock.advance(120_000)
        assert other.lease.held()
        return None

    later.instead = sleep
    with pytest.raises(LeaseLost):
        overtaken.append(await later.poller.step())
    assert overtaken == []
    assert later.world.counts() == {"accepted/awaiting-decision": 1}
    assert await other.step() == 1
    assert later.world.counts() == {"delivered/ok": 1}


async def test_validate_only_is_never_asked_about(later: Later) -> None:
    later.world.destination.settings["validate_only"] = True
    later.world.lane = later.world.new_lane()
    await later.purchases(1)
    await later.world.run()
    assert later.world.counts() == {"accepted/ok": 1}
    assert awaited(later.world.database, "shop") == []


@given(looks=st.integers(0, 200), spread=st.floats(0, 1, exclude_max=True))
def test_waits_grow_and_are_bounded(looks: int, spread: float) -> None:
    waits = Waits(first_ms=1_800_000, longest_ms=4 * _HOUR)
    wait = wait_ms(waits, looks, lambda: spread)
    assert waits.first_ms <= wait <= waits.longest_ms * 5 // 4
    assert wait_ms(waits, looks + 1, lambda: 0.0) >= wait_ms(waits, looks, lambda: 0.0)
