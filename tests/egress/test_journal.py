"""The ledger's group commit: many requests share a transaction, and none suffers for another."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from rekindle.egress._journal import Journal
from rekindle.privacy.ledger import LedgerLine, LedgerUnavailable


class Slow:
    """A ledger whose first commit waits until it may go on."""

    def __init__(self) -> None:
        self.commits: list[list[str]] = []
        self.go = threading.Event()

    def append(self, lines: Sequence[LedgerLine]) -> None:
        self.go.wait(120)
        if any(line.action == "bad" for line in lines):
            raise LedgerUnavailable("cannot be written")
        self.commits.append([line.action for line in lines])


def line(action: str) -> LedgerLine:
    return LedgerLine("send", "shop", 0, action=action)


async def test_what_comes_during_a_commit_goes_with_the_next_in_its_order():
    ledger = Slow()
    journal = Journal(ledger)
    first = asyncio.create_task(journal.append([line("1")]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    others = [asyncio.create_task(journal.append([line(f"{each}a"), line(f"{each}b")])) for each in (2, 3)]
    await asyncio.sleep(0)
    assert not first.done()
    ledger.go.set()
    await asyncio.gather(first, *others)
    assert ledger.commits == [["1"], ["2a", "2b", "3a", "3b"]]


async def test_one_that_cannot_be_written_costs_no_other():
    ledger = Slow()
    ledger.go.set()
    journal = Journal(ledger)
    tasks = [asyncio.create_task(journal.append([line(name)])) for name in ("1", "bad", "3")]
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(each) for each in ended] == [type(None), LedgerUnavailable, type(None)]
    assert ledger.commits == [["1"], ["3"]]
    with pytest.raises(LedgerUnavailable):
        await journal.append([line("bad")])


async def test_who_gave_up_before_the_commit_is_not_written():
    ledger = Slow()
    journal = Journal(ledger)
    first = asyncio.create_task(journal.append([line("1")]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    gone, stays = (asyncio.create_task(journal.append([line(name)])) for name in ("2", "3"))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    ledger.go.set()
    await asyncio.gather(first, stays)
    assert ledger.commits == [["1"], ["3"]]


async def test_batches_of_a_thousand_take_turns_and_a_single_event_waits_for_none_of_them():
    ledger = Slow()
    journal = Journal(ledger)
    first = asyncio.create_task(journal.append([line("1")]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    large = [asyncio.create_task(journal.append([line(f"large {each}")] * 1_000)) for each in range(8)]
    small = asyncio.create_task(journal.append([line("small")] * 10))
    await asyncio.sleep(0)
    ledger.go.set()
    await small
    assert not any(each.done() for each in large[1:])
    await asyncio.gather(first, *large)
    assert [len(commit) for commit in ledger.commits] == [1, 510, *[500] * 15]
    assert [commit[0] for commit in ledger.commits[1:]] == [f"large {each}" for each in range(8)] * 2
