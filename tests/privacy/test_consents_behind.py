"""Behind a long backlog: the newest choice counts at once, though it is written later and a part at a time."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rekindle.engines.database import Database, open_database
from rekindle.engines.log import Entry, SqliteLog
from rekindle.model.event import Consent
from rekindle.model.record import ConsentChange, Tally, encode
from rekindle.privacy import consents
from rekindle.privacy._signals import Pending
from rekindle.privacy.consents import ConsentView
from tests.conftest import FakeClock
from tests.privacy.test_consents import NO, YES, event, log, write
from tests.scratch import fresh_state

__all__ = ["log"]


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consents, "_BATCH", 3)


async def committed(log: SqliteLog) -> int:
    (lag,) = [one for one in await log.lag() if one.consumer == "consents"]
    return lag.records


@pytest.mark.usefixtures("small_parts")
async def test_a_withdrawal_at_the_end_counts_before_anything_else_is_written(log: SqliteLog, database: Database):
    await write(log, *[event(1, YES, f"s{number}") for number in range(10)], ConsentChange("shop", 2, "s0", NO))
    view = ConsentView(log, database)
    assert await view.refresh() == 11
    assert await committed(log) == 11, "the cursor waits until all of it is in the table"
    assert [view.latest("shop", f"s{number}") for number in (0, 1, 9)] == [NO, YES, YES]
    another = ConsentView(log, database)
    assert await another.refresh() == 11, "a process that dies now has lost nothing"
    assert another.latest("shop", "s0") == NO
    steps = 0
    while await view.step():
        steps += 1
    assert steps == 2
    assert await committed(log) == 0
    view.recall("shop", ["s0", "s9"])
    assert [view.latest("shop", name) for name in ("s0", "s9")] == [NO, YES]


@pytest.mark.usefixtures("small_parts")
async def test_who_is_forgotten_before_being_written_stays_forgotten(log: SqliteLog, database: Database):
    await write(log, *[event(number, YES, f"s{number}") for number in range(1, 10)])
    view = ConsentView(log, database)
    await view.refresh()
    view.forget("shop", "s9")
    view.expire("shop", 8)
    while await view.step():
        pass
    kept = [number for number in range(1, 10) if view.latest("shop", f"s{number}") is not None]
    assert kept == [8]


CHOICES = st.builds(Consent, ad_storage=st.sampled_from(["granted", "denied"]), tcf=st.sampled_from([None, "CPx"]))
RECORDS = st.tuples(st.sampled_from(["a", "b", "c", "d", "e", "f", "g"]), st.integers(1, 4), CHOICES)
ACTS = st.lists(st.one_of(RECORDS, st.sampled_from(["refresh", "restart", "other"])), max_size=30)


@settings(max_examples=40, deadline=None)
@given(acts=ACTS)
def test_however_reading_is_cut_the_newest_choice_is_found(acts: Sequence[tuple[str, int, Consent] | str]):
    async def run(folder: Path) -> None:
        log, database = SqliteLog(folder / "log.db", clock=FakeClock()), open_database(fresh_state(folder / "state.db"))
        views = [ConsentView(log, database), ConsentView(log, database)]
        newest: dict[str, tuple[int, Consent]] = {}
        for act in acts:
            if isinstance(act, tuple):
                subject, at, consent = act
                await write(log, event(at, consent, subject))
                if newest.get(subject, (0,))[0] <= at:
                    newest[subject] = (at, consent)
            elif act == "restart":
                await views[0].close()
            else:
                await views[act == "other"].refresh()
        for view in views:
            await view.refresh()
            view.recall("shop", "abc")
            assert {name: view.latest("shop", name) for name in "abcdefg"} == {
                name: newest[name][1] if name in newest else None for name in "abcdefg"
            }
        await log.close()
        database.close()

    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as name:
        patch.setattr(consents, "_BATCH", 2)
        asyncio.run(run(Path(name)))


def test_what_waits_is_bounded_by_entries_and_by_characters():
    def entries(count: int, tcf: str) -> list[Entry]:
        changes = [ConsentChange("shop", 1, f"s{number}", Consent(tcf=tcf)) for number in range(count)]
        return [Entry(0, at, 0, encode(change)) for at, change in enumerate(changes)]

    few, long = Pending(entries=10), Pending(characters=1_000)
    few.read(entries(9, ""))
    assert not few.full()
    few.read(entries(10, ""))
    assert few.full()
    long.read(entries(2, "x" * 400))
    assert not long.full()
    long.read(entries(3, "x" * 400))
    assert long.full()
    long.written(long.first(2))
    assert (len(long), long.full()) == (1, False)


def test_tallies_and_what_is_no_record_change_nothing():
    pending = Pending()
    tally, broken = encode(Tally("shop", 2, "filtered", "bot", 1)), b"\xff"
    changed, unreadable = pending.read([Entry(0, 1, 0, tally), Entry(0, 2, 0, broken)])
    assert (changed, [entry.offset for entry in unreadable], len(pending)) == ([], [2], 0)
