"""Twenty thousand broken bodies through the decoder and the door: the short form of `make fuzz-gateway`."""

from __future__ import annotations

import pytest
from tools.fuzz.gateway import run

from rekindle.collect.wire import decode
from tests.collect.harness import Street


def test_broken_bodies_raise_nothing_undeclared() -> None:
    outcomes = run(20_000, seed=7)
    assert min(outcomes["accepted events"], outcomes["invalid events"], outcomes["unreadable bodies"]) > 1000


@pytest.mark.parametrize("text", [b"\x82", b"\xed\xa0\x80", b"\xff\xfe"])
def test_text_that_is_no_utf_8_is_refused(text: bytes) -> None:
    (problem,) = decode(b'{"event":"view_item","event_id":"' + text + b'"}', 1).problems
    assert "UTF-8" in problem.remedy


async def test_numbers_that_cannot_be_stored_are_refused(street: Street) -> None:
    answer = await street.api(street.event(user={"user_id": "u"}, ldu={"enabled": True, "country": 2**80}))
    assert (answer.status, answer.json()["errors"][0]["place"]) == (400, "ldu.country")
