"""Whatever happens in whatever order: one outcome for each event, sums that balance, nothing sent without leave."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, ClassVar

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from rekindle.egress._tables import outcomes
from rekindle.egress.connector import Answer
from rekindle.egress.http import TransportFailed
from rekindle.egress.lane import Lane
from rekindle.egress.status import event_outcomes, outcome_counts
from rekindle.engines.database import open_database
from rekindle.engines.log import Entry, SqliteConsumer
from rekindle.model.outcome import FINAL
from rekindle.privacy.ledger import lines
from tests.conftest import FakeClock
from tests.egress.world import DENIED, GRANTED, World, error, ok
from tests.scratch import fresh_state

FAULTS = ["none", "none", "reset", "html", "500", "429", "token"]


class Crash(BaseException):
    """The process dies here."""


class Lanes(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        folder = Path(self.folder.name)
        self.database = open_database(fresh_state(folder / "state.db"))
        self.clock = FakeClock()
        self.fault = "none"
        self.crash = ""
        self.poison: set[str] = set()
        self.events: dict[str, str] = {}
        self.withdrawn: dict[str, int] = {}
        self.wrongly_sent: list[str] = []
        self.twice: list[str] = []
        self.world = self.do(self._make(folder))

    settings: ClassVar[dict[str, Any]] = {"batch": 8, "concurrency": 1}

    async def _make(self, folder: Path) -> World:
        world = World(folder, self.database, self.clock, settings=self.settings)
        world.platform.answer = self.answer
        return world

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    def answer(self, events: list[dict[str, Any]]) -> Answer:
        """A platform that is all or nothing, with this moment's fault."""
        names = [event["event_id"] for event in events]
        # Everything is decided again with the newest consent, so nobody who withdrew before this step may be here.
        self.wrongly_sent += [name for name in names if self.events[name] in self.withdrawn]
        self.twice += [
            name for name in names for each in event_outcomes(self.database, "shop", name) if each.outcome in FINAL
        ]
        if self.crash == "before":
            raise Crash
        if self.fault == "reset":
            raise TransportFailed("reset")
        if self.fault == "html":
            return Answer(200, {}, b"<html>")
        if self.fault == "500":
            return Answer(500)
        if self.fault == "429":
            return error(4, status=429, headers={"retry-after": "30"})
        if self.fault == "token":
            return error(190, status=401)
        if self.poison & set(names):
            return error(100)
        if self.crash == "after":
            raise Crash
        return ok(len(names))

    @rule(count=st.integers(1, 12), subject=st.sampled_from("abc"), bad=st.booleans(), denied=st.booleans())
    def arrive(self, count: int, subject: str, bad: bool, denied: bool) -> None:
        if subject in self.withdrawn:
            subject = f"{subject}{len(self.events)}"  # a person who withdrew is another visitor afterwards
        who = f"{subject}-no" if denied else subject
        names = self.do(self.world.happen(count, subject=who, consent=DENIED if denied else GRANTED))
        self.events |= dict.fromkeys(names, who)
        if bad:
            self.poison.add(names[-1])

    @rule(fault=st.sampled_from(FAULTS))
    def change(self, fault: str) -> None:
        self.fault = fault

    @rule(ms=st.sampled_from([1_000, 60_000, 1_000_000]))
    def wait(self, ms: int) -> None:
        self.clock.advance(ms)

    @rule()
    def step(self) -> None:
        self.do(self.world.lane.step())

    @rule(where=st.sampled_from(["before", "after", "commit"]))
    def die(self, where: str) -> None:
        """Die around a send; the next life starts with what is on disk."""
        self.crash = where
        with pytest.MonkeyPatch.context() as patch, contextlib.suppress(Crash):
            if where == "commit":
                patch.setattr(SqliteConsumer, "commit", self.no_commit)
            self.do(self.world.lane.step())
        self.crash = ""
        self.do(self.world.restart())

    async def no_commit(self, _upto: Entry) -> None:
        raise Crash

    @precondition(lambda self: self.events)
    @rule(subject=st.sampled_from("abc"))
    def withdraw(self, subject: str) -> None:
        if subject not in self.withdrawn:
            self.clock.advance(1)
            self.do(self.world.withdraw(subject))
            self.withdrawn[subject] = self.clock()

    @rule()
    def new_token(self) -> None:
        self.world.secrets.put("meta_token", f"token-{self.clock()}")
        if self.fault == "token":
            self.fault = "none"

    @invariant()
    def no_more_outcomes_than_events(self) -> None:
        counted = outcome_counts(self.database, "shop")
        assert sum(each.count for each in counted) <= len(self.events)
        with self.database.read() as connection:
            by = (outcomes.c.outcome, outcomes.c.reason)
            rows = connection.execute(sa.select(*by, sa.func.count()).group_by(*by)).all()
        assert {(each.outcome, each.reason): each.count for each in counted} == {(o, r): n for o, r, n in rows}
        assert self.wrongly_sent == []
        assert self.twice == [], "an event that had come to its end was sent again"

    def teardown(self) -> None:
        """Heal everything: then each event has exactly one end, and each that was sent has its line."""
        try:
            self.fault = "none"
            self.world.secrets.put("meta_token", "healed")
            self.do(self.world.run_for(6 * 3_600_000, tick_ms=600_000))
            counted = outcome_counts(self.database, "shop")
            assert sum(each.count for each in counted) == len(self.events)
            assert {each.outcome for each in counted} <= {str(outcome) for outcome in FINAL}
            delivered = sum(each.count for each in counted if each.outcome == "delivered")
            refused = {each.reason for each in counted if each.outcome == "dead"}
            assert refused <= {"platform-refused", "retries-spent"}
            assert delivered >= len([name for name, who in self.events.items() if self.may(name, who)])
            written = {line.line.event_id for line in lines(self.database, "shop", kind="send", limit=100_000)}
            assert set(self.world.platform.sent) <= written
        finally:
            self.do(self.world.close())
            self.database.close()
            self.loop.close()
            self.folder.cleanup()

    def may(self, name: str, who: str) -> bool:
        return name not in self.poison and not who.endswith("-no") and who not in self.withdrawn


TestLanes = Lanes.TestCase
TestLanes.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)


class Crowd(Lanes):
    """The same with several requests open at once, from the first step of each life."""

    settings: ClassVar[dict[str, Any]] = {"batch": 2, "concurrency": 4}

    async def _make(self, folder: Path) -> World:
        class Wide(World):
            def new_lane(self) -> Lane:
                lane = super().new_lane()
                lane._flow._limit = 4.0
                return lane

        world = Wide(folder, self.database, self.clock, settings=self.settings)
        world.platform.answer = self.answer
        return world


TestCrowd = Crowd.TestCase
TestCrowd.settings = TestLanes.settings
