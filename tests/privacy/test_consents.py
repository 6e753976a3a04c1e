"""The newest consent, read from the log: a withdrawal overtakes what is still queued."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rekindle.engines.database import Database
from rekindle.engines.log import Keyed, SqliteLog
from rekindle.model.event import Consent, Ecommerce, Page
from rekindle.model.record import ConsentChange, Record, Stored, Tally, encode
from rekindle.privacy.consents import ConsentView
from rekindle.privacy.suppression import Suppression
from tests.conftest import FakeClock

YES, NO = Consent(ad_storage="granted"), Consent(ad_storage="denied")


@pytest.fixture
async def log(tmp_path: Path, clock: FakeClock) -> AsyncIterator[SqliteLog]:
    opened = SqliteLog(tmp_path / "log.db", clock=clock)
    yield opened
    await opened.close()


def event(at: int, consent: Consent, subject: str = "s1_a", also: list[str] | None = None) -> Stored:
    return Stored("shop", f"e{at}", "view_item", at, at, "web", subject, Page(), Ecommerce(), consent,
                  user_subjects=also or [])  # fmt: skip


async def write(log: SqliteLog, *records: Record) -> None:
    await log.append([Keyed("k", encode(record)) for record in records])


async def test_a_withdrawal_is_seen_at_the_next_refresh(log: SqliteLog, database: Database) -> None:
    view = ConsentView(log, database)
    await write(log, event(1, YES))
    assert await view.refresh() == 1
    assert view.latest("shop", "s1_a") == YES
    await write(log, Tally("shop", 2, "filtered", "bot", 1), ConsentChange("shop", 3, "s1_a", NO))
    assert await view.refresh() == 2
    assert view.latest("shop", "s1_a") == NO
    assert await view.refresh() == 0


async def test_nothing_is_known_of_strangers_and_of_other_shops(log: SqliteLog, database: Database) -> None:
    view = ConsentView(log, database)
    await write(log, event(1, YES))
    await view.refresh()
    assert view.latest("shop", "s1_b") is None
    assert view.latest("other", "s1_a") is None


async def test_the_newer_signal_counts_whatever_the_order(log: SqliteLog, database: Database) -> None:
    view = ConsentView(log, database)
    await write(log, ConsentChange("shop", 5, "s1_a", NO), event(4, YES))
    await view.refresh()
    assert view.latest("shop", "s1_a") == NO
    await write(log, event(3, YES))
    await view.refresh()
    assert view.latest("shop", "s1_a") == NO
    await write(log, event(6, YES))
    await view.refresh()
    assert view.latest("shop", "s1_a") == YES


async def test_the_persons_other_names_share_it(log: SqliteLog, database: Database) -> None:
    view = ConsentView(log, database)
    await write(log, event(1, YES, also=["s1_login"]))
    await view.refresh()
    assert view.latest("shop", "s1_login") == YES


async def test_what_was_read_survives_a_restart(log: SqliteLog, database: Database) -> None:
    first = ConsentView(log, database)
    await write(log, event(1, YES), ConsentChange("shop", 2, "s1_a", NO))
    await first.refresh()
    await first.close()
    second = ConsentView(log, database)
    assert second.latest("shop", "s1_a") == NO
    assert await second.refresh() == 0


async def test_a_failed_write_is_read_again(
    log: SqliteLog, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = ConsentView(log, database)
    await write(log, ConsentChange("shop", 2, "s1_a", NO))

    async def broken(*_args: object) -> None:
        raise OSError("disk")

    with monkeypatch.context() as patch:
        patch.setattr(database, "run", broken)
        with pytest.raises(OSError, match="disk"):
            await view.refresh()
    assert await view.refresh() == 1
    assert view.latest("shop", "s1_a") == NO


def test_the_suppression_list(database: Database, clock: FakeClock) -> None:
    listed = Suppression(database)
    assert not listed.suppressed("shop", "s1_a")
    listed.add("shop", "s1_a", "erasure", clock())
    listed.add("shop", "s1_a", "erasure", clock())
    assert listed.suppressed("shop", "s1_a")
    assert not listed.suppressed("other", "s1_a")
    listed.remove("shop", "s1_a")
    assert not listed.suppressed("shop", "s1_a")


def test_many_are_looked_up_together(database: Database, clock: FakeClock) -> None:
    listed = Suppression(database)
    names = [f"s1_{number}" for number in range(1_201)]
    for name in (names[0], names[700], names[1_200]):
        listed.add("shop", name, "erasure", clock())
    listed.add("other", names[1], "erasure", clock())
    assert listed.suppressed_among("shop", names) == {names[0], names[700], names[1_200]}
    assert listed.suppressed_among("shop", []) == frozenset()


async def test_an_unreadable_entry_does_not_stop_withdrawals(log: SqliteLog, database: Database) -> None:
    view = ConsentView(log, database)
    await write(log, event(1, YES))
    await log.append([Keyed("k", b"\xc1 no record")])
    await write(log, ConsentChange("shop", 3, "s1_a", NO))
    assert await view.refresh() == 3
    assert view.latest("shop", "s1_a") == NO
    assert view.unreadable == 1


async def test_choices_go_with_the_events_and_with_the_person(log: SqliteLog, database: Database) -> None:
    view = ConsentView(log, database)
    await write(log, event(1, YES, "s1_a"), event(5, YES, "s1_b"), event(6, YES, "s1_c"))
    await view.refresh()
    assert view.latest("shop", "s1_a") == YES
    assert view.expire("shop", 5) == 1
    view.forget("shop", "s1_b")
    assert [view.latest("shop", name) for name in ("s1_a", "s1_b", "s1_c")] == [None, None, YES]


async def test_what_another_process_deletes_is_remembered_for_a_bounded_time(
    log: SqliteLog, database: Database, clock: FakeClock
) -> None:
    view = ConsentView(log, database, clock=clock, stale_ms=60_000)
    other = ConsentView(log, database, name="consents/other", clock=clock, stale_ms=60_000)
    await write(log, event(1, YES, "s1_a"), event(6, YES, "s1_b"))
    for reader in (view, other):
        await reader.refresh()
        assert reader.latest("shop", "s1_a") == reader.latest("shop", "s1_b") == YES
    assert view.expire("shop", 5) == 1
    view.forget("shop", "s1_b")
    assert view.latest("shop", "s1_a") is view.latest("shop", "s1_b") is None
    clock.advance(59_999)
    assert other.latest("shop", "s1_a") == YES  # remembered: the log says nothing of a deletion
    clock.advance(1)
    assert other.latest("shop", "s1_a") is other.latest("shop", "s1_b") is None


async def test_a_clock_that_was_set_back_does_not_keep_choices_alive(
    log: SqliteLog, database: Database, clock: FakeClock
) -> None:
    view, other = ConsentView(log, database, clock=clock), ConsentView(log, database)
    await write(log, event(1, YES))
    await view.refresh()
    assert view.latest("shop", "s1_a") == YES
    other.forget("shop", "s1_a")
    clock.advance(-3_600_000)
    assert view.latest("shop", "s1_a") is None


@pytest.mark.parametrize("deletion", ["expire", "forget"])
async def test_what_a_deletion_overtakes_is_not_remembered(
    log: SqliteLog, database: Database, monkeypatch: pytest.MonkeyPatch, deletion: str
) -> None:
    view = ConsentView(log, database)
    await write(log, event(1, YES))
    await view.refresh()

    class Overtaken:
        def decode(self, row: bytes) -> Consent:
            view.expire("shop", 5) if deletion == "expire" else view.forget("shop", "s1_a")
            return YES

    with monkeypatch.context() as patch:
        patch.setattr("rekindle.privacy.consents._decoder", Overtaken())
        view.latest("shop", "s1_a")
    assert view.latest("shop", "s1_a") is None


async def test_many_are_recalled_together_and_then_asked_for_nothing(
    log: SqliteLog, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = ConsentView(log, database)
    await write(log, *[event(1, YES, f"s{number}") for number in range(1_200)])
    await view.refresh()
    view.recall("shop", [f"s{number}" for number in range(1_200)] + ["stranger"])
    with monkeypatch.context() as patch:
        patch.setattr(database, "read", None)
        assert {view.latest("shop", f"s{number}") == YES for number in range(1_200)} == {True}
        assert view.latest("shop", "stranger") is None
    await write(log, ConsentChange("shop", 2, "s7", NO))
    await view.refresh()
    view.recall("shop", ["s7", "s8"])
    assert [view.latest("shop", name) for name in ("s7", "s8")] == [NO, YES]


@pytest.mark.parametrize("ask", ["latest", "recall"])
async def test_what_a_refresh_overtakes_is_not_remembered(
    log: SqliteLog, database: Database, monkeypatch: pytest.MonkeyPatch, ask: str
) -> None:
    view = ConsentView(log, database)
    await write(log, event(1, YES))
    await view.refresh()
    read, overtaken = threading.Event(), threading.Event()

    class Slow:
        def decode(self, row: bytes) -> Consent:
            read.set()
            assert overtaken.wait(120)
            return YES

    with monkeypatch.context() as patch:
        patch.setattr("rekindle.privacy.consents._decoder", Slow())
        given = "s1_a" if ask == "latest" else ["s1_a"]
        asked = asyncio.create_task(asyncio.to_thread(getattr(view, ask), "shop", given))
        await asyncio.to_thread(read.wait, 120)
        await write(log, ConsentChange("shop", 2, "s1_a", NO))
        await view.refresh()
        overtaken.set()
        await asked
    assert view.latest("shop", "s1_a") == NO


async def test_each_process_learns_what_another_has_read_already(log: SqliteLog, database: Database) -> None:
    one, two = ConsentView(log, database), ConsentView(log, database)
    await write(log, event(1, YES))
    assert (await one.refresh(), await two.refresh()) == (1, 0), "the first has committed it; its row is everybody's"
    assert two.latest("shop", "s1_a") == YES
    await write(log, ConsentChange("shop", 2, "s1_a", NO))
    await one.refresh()
    await two.refresh()
    assert two.latest("shop", "s1_a") == NO


async def test_after_a_failure_nothing_old_is_remembered(
    log: SqliteLog, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = ConsentView(log, database), ConsentView(log, database)
    await write(log, event(1, YES))
    await one.refresh()
    await two.refresh()
    assert two.latest("shop", "s1_a") == YES
    await write(log, ConsentChange("shop", 2, "s1_a", NO))
    await one.refresh()

    async def down(*_: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(database, "run", down)
        with pytest.raises(ConnectionError):
            await two.refresh()
    await two.refresh()
    assert two.latest("shop", "s1_a") == NO
