"""Membership kept event by event equals a recount over the whole log, at any moment, after any history."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from rekindle.audiences import AudienceView, changes, members, sizes
from rekindle.engines.database import open_database
from rekindle.model.record import decode
from tests.audiences.shop import DAY, HOUR, MINUTE, RULES, may_enter, recount, shop
from tests.conftest import FakeClock
from tests.memory_log import MemoryLog
from tests.scratch import fresh_state
from tests.visits import DENIED, GRANTED, NOT_PERSONAL, chose, did

PEOPLE = st.sampled_from(["s1_a", "s1_b"])
EVENTS = st.sampled_from(
    ["view_item", "add_to_cart", "begin_checkout", "remove_from_cart", "purchase", "page_view"]
)  # fmt: skip
AGO = st.one_of(st.just(0), st.integers(-5, 120).map(lambda n: n * MINUTE), st.integers(0, 31).map(lambda n: n * DAY))


class Recount(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.database = open_database(fresh_state(Path(self.folder.name) / "state.db"))
        self.clock = FakeClock()
        self.log = MemoryLog()
        self.runner = asyncio.Runner()
        self.view = self.open()

    def open(self) -> AudienceView:
        return AudienceView(
            self.log, self.database, self.clock, lambda: {"shop": shop()}, may_enter=may_enter, keep_ms=400 * DAY
        )

    @rule(
        event=EVENTS,
        who=PEOPLE,
        item=st.sampled_from(["hat", "shoe", None]),
        ago=AGO,
        consent=st.sampled_from([GRANTED, GRANTED, GRANTED, NOT_PERSONAL]),
        bot=st.sampled_from([False, False, False, True]),
        number=st.integers(0, 30),
    )
    def visit(self, event, who, item, ago, consent, bot, number) -> None:
        now = self.clock()
        self.log.put(
            did(
                event,
                *([item] if item else []),
                who=who,
                at=now - ago,
                received=now,
                consent=consent,
                bot=bot,
                event_id=f"{who}-{number}",
            )
        )

    @rule(who=PEOPLE, consent=st.sampled_from([DENIED, NOT_PERSONAL]))
    def withdraw(self, who, consent) -> None:
        self.log.put(chose(consent, who=who, at=self.clock()))

    @rule(
        ms=st.one_of(st.integers(1, 90).map(lambda n: n * MINUTE), st.sampled_from([1, HOUR, DAY, 7 * DAY, 16 * DAY]))
    )
    def wait(self, ms) -> None:
        self.clock.advance(ms)

    @rule()
    def crash(self) -> None:
        self.log.committed["audiences"] = 0
        self.view = self.open()

    @rule(limit=st.sampled_from([1, 3]))
    def work_a_little(self, limit: int) -> None:
        self.runner.run(self.view.step(limit))

    @rule()
    def compare(self) -> None:
        while self.runner.run(self.view.step()):
            pass
        expected = recount([decode(entry.value) for entry in self.log.entries], self.clock())
        kept = {audience: {member.subject for member in members(self.database, "shop", audience)} for audience in RULES}
        assert kept == expected
        assert sizes(self.database, "shop") == {audience: len(people) for audience, people in expected.items()}

    @invariant()
    def changes_alternate_and_end_where_membership_is(self) -> None:
        inside: set[tuple[str, str]] = set()
        for change in changes(self.database, "shop", limit=10_000):
            key = (change.audience, change.subject)
            assert change.entered == (key not in inside)
            inside ^= {key}
        kept = {(audience, member.subject) for audience in RULES for member in members(self.database, "shop", audience)}
        assert inside == kept

    def teardown(self) -> None:
        try:
            self.compare()
        finally:
            self.runner.close()
            self.database.close()
            self.folder.cleanup()


TestRecount = Recount.TestCase
TestRecount.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
