"""`rekindle demo`: it ends by itself, and with 0 only when the sums balance."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rekindle.cli._demo import figures
from rekindle.cli._demo.folder import alone
from rekindle.egress.status import LaneStatus
from rekindle.profiles import Totals
from rekindle.sandbox.shoppers import Ledger

pytestmark = pytest.mark.xdist_group("street")


def demo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rekindle", "demo", "--any-ports", "--folder", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)


def test_it_balances_twice_in_the_same_folder(tmp_path: Path) -> None:
    for _ in range(2):
        run = demo(tmp_path / "demo", "--seconds", "5")
        assert run.returncode == 0, run.stdout + run.stderr
        assert "The sums balance" in run.stdout
        for row in ("events accepted", "filtered by consent", "delivered to meta", "id match, google", "ads served"):
            assert row in run.stdout


def test_a_second_demo_in_the_same_folder_is_refused_in_words(tmp_path: Path) -> None:
    with alone(tmp_path / "demo"):
        run = demo(tmp_path / "demo", "--seconds", "5")
    assert run.returncode == 1
    assert "another demo runs in" in run.stderr
    assert "--folder" in run.stderr


def test_a_catalogue_that_is_none_is_refused_with_the_reason(tmp_path: Path) -> None:
    page = tmp_path / "feed.xml"
    page.write_text("<!doctype html><html><body><form>Log in</form></body></html>")
    run = demo(tmp_path / "demo", "--seconds", "5", "--catalog", str(page))
    assert run.returncode != 0
    assert "feed.xml" in run.stderr
    assert "Traceback" not in run.stderr


def lane(name: str, **counts: int) -> LaneStatus:
    return LaneStatus(
        destination=name, state="running", words="", since_ms=0, next_ms=0, backlog=0, waiting=0, oldest_ms=0,
        counts=counts, item_ids={},
    )  # fmt: skip


def report(accepted: int, lanes: list[LaneStatus]) -> figures.Figures:
    totals = Totals(received=accepted, accepted={"view_item": accepted} if accepted else {}, filtered={}, invalid={})
    return figures.Figures(
        totals=totals, lanes=lanes, feeds=[], match=[], sizes={}, ads_personal=0, ads_other=0, unread={}
    )


def told(sent: int) -> Ledger:
    ledger = Ledger()
    ledger.acknowledged["accepted", "ok"] = sent
    return ledger


@pytest.mark.parametrize(
    ("sent", "counted", "delivered", "at_meta", "problem"),
    [
        (10, 10, 10, 10, None),
        (10, 9, 9, 9, "at the door"),
        (10, 10, 9, 9, "10 events arrived, 9 came to an outcome"),
        (10, 10, 10, 9, "9 received there"),
    ],
)
def test_what_does_not_balance_is_told(
    sent: int, counted: int, delivered: int, at_meta: int, problem: str | None
) -> None:
    now = report(counted, [lane("meta", delivered=delivered)])
    found = figures.problems(now, report(0, []), told(sent), at_meta, ["meta"])
    assert (found == []) if problem is None else any(problem in words for words in found)
