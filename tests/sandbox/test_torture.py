"""The torture's own judgement must be able to fail; and a short run of the real thing must pass."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from rekindle.cli.torture import command
from rekindle.sandbox.torture import Verdict, judge, plan
from rekindle.sandbox.torture.books import Acknowledged, Book, Receipt, Withdrawn, read
from rekindle.sandbox.torture.cable import Cable


def verdict(**changed: Any) -> Verdict:
    books: dict[str, Any] = {
        "acknowledged": ["g-0-1-1", "g-0-1-2"],
        "stored": Counter(["g-0-1-1", "g-0-1-2", "g-0-1-3"]),
        "outcomes": {"g-0-1-1": "delivered", "g-0-1-2": "delivered", "g-0-1-3": "delivered"},
        "receipts": [Receipt(f"g-0-1-{n}", f"g-0-1-{n}", 1000) for n in (1, 2, 3)],
        "withdrawn": [],
        "counted": 3,
        "grace_ms": 5000,
    }
    return judge(**(books | changed))


def test_books_that_agree_pass() -> None:
    assert verdict().passed
    assert verdict().delivered == 3


def test_an_acknowledged_event_that_is_not_in_the_log_is_lost() -> None:
    found = verdict(acknowledged=["g-0-1-1", "g-9-9-9"])
    assert not found.passed
    assert found.lost == ["g-9-9-9: not in the log"]


def test_a_delivery_that_nobody_received_is_a_loss() -> None:
    assert verdict(receipts=[Receipt("g-0-1-1", "g-0-1-1", 1), Receipt("g-0-1-2", "g-0-1-2", 1)]).lost


@pytest.mark.parametrize("outcome", ["waiting", "held", None])
def test_an_event_that_came_to_no_end_fails(outcome: str | None) -> None:
    outcomes = {"g-0-1-1": "delivered", "g-0-1-2": "delivered"} | ({} if outcome is None else {"g-0-1-3": outcome})
    assert verdict(outcomes=outcomes).unsettled


def test_equal_ids_are_duplicates_and_two_ids_for_one_event_are_a_fault() -> None:
    twice = [*[Receipt(f"g-0-1-{n}", f"g-0-1-{n}", 1000) for n in (1, 2, 3)], Receipt("g-0-1-1", "g-0-1-1", 1500)]
    assert verdict(receipts=twice).passed
    assert verdict(receipts=twice).delivered_copies == 1
    assert not verdict(receipts=[*twice, Receipt("g-0-1-2", "g-0-1-1", 1500)]).passed


def test_what_was_sent_after_a_refusal_or_a_withdrawal_is_found() -> None:
    denied = {"stored": Counter(["d-0-1-1"]), "outcomes": {"d-0-1-1": "delivered"}, "acknowledged": [], "counted": 1}
    assert verdict(**denied, receipts=[Receipt("d-0-1-1", "d-0-1-1", 1)]).without_consent
    assert not verdict(withdrawn=[Withdrawn("g-0-1", 500)]).without_consent
    late = verdict(withdrawn=[Withdrawn("g-0-1", 1000 - 5001)])
    assert len(late.without_consent) == 3
    assert late.latest_after_withdrawal_ms == 5001


def test_filtering_somebody_who_never_withdrew_is_found() -> None:
    outcomes = {"g-0-1-1": "filtered", "g-0-1-2": "delivered", "g-0-1-3": "delivered"}
    assert verdict(outcomes=outcomes).unsettled
    assert verdict(outcomes=outcomes, withdrawn=[Withdrawn("g-0-1", 900)]).passed


def test_a_view_that_counts_an_event_twice_fails() -> None:
    assert not verdict(counted=4).passed


def test_the_same_seed_makes_the_same_faults() -> None:
    assert plan(7, 50) == plan(7, 50)
    assert plan(7, 50) != plan(8, 50)
    assert {cycle.trouble for cycle in plan(7, 200)} == {"none", "pause", "refuse", "mute", "full"}


def test_a_line_cut_off_by_a_kill_is_cut_away(tmp_path: Path) -> None:
    path = tmp_path / "book"
    book = Book(path)
    book.write([Acknowledged("a", 1), Withdrawn("p", 2)])
    book.close()
    with path.open("ab") as out:
        out.write(b'{"type":"ack","event_')
    assert [line.event_id for line in read(path, Acknowledged)] == ["a"]
    again = Book(path)
    again.write([Acknowledged("b", 3)])
    again.close()
    assert [line.event_id for line in read(path, Acknowledged)] == ["a", "b"]
    assert list(read(path, Withdrawn)) == [Withdrawn("p", 2)]


async def test_the_line_carries_refuses_and_swallows_answers() -> None:
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            asked.append(line)
            writer.write(line.upper())
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    cable = Cable(server.sockets[0].getsockname()[1])

    async def ask(port: int, line: bytes) -> bytes:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(line)
            said = await reader.readline()
            writer.close()
        except ConnectionError:
            return b""
        return said

    async with cable.laid() as port:
        assert await ask(port, b"one\n") == b"ONE\n"
        cable.switch("refuse")
        assert await ask(port, b"two\n") == b""
        cable.switch("mute")
        assert await ask(port, b"three\n") == b""
        cable.switch("open")
        assert await ask(port, b"four\n") == b"FOUR\n"
    server.close()
    assert asked == [b"one\n", b"three\n", b"four\n"]


def test_a_short_torture_passes(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        command, ["--cycles", "4", "--seed", "3", "--drain", "90", "--folder", str(tmp_path / "run")]
    )
    assert done.exit_code == 0, done.output
    report = json.loads((tmp_path / "run" / "report" / "report.json").read_bytes())
    assert report["passed"]
    assert report["verdict"]["acknowledged"] > 50
    assert report["verdict"]["delivered"] > 0
    assert sum(report["kills"].values()) >= 4
    assert "passed" in (tmp_path / "run" / "report" / "report.html").read_text(encoding="utf-8")
