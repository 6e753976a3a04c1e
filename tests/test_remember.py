"""What is remembered is bounded by entries and by length, and never changes an answer."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from rekindle.collect.agents import read_agent
from rekindle.model.remember import remembered
from rekindle.privacy.consent.gpp import parse_gpp
from rekindle.privacy.consent.tcf import parse_tcf


@given(texts=st.lists(st.text(max_size=8)))
def test_answers_are_the_functions_own_and_bounded(texts: list[str]):
    asked: list[str] = []

    @remembered(3, 4)
    def shout(text: str) -> str:
        """Say it loud."""
        asked.append(text)
        return text.upper()

    assert [shout(text) for text in texts] == [text.upper() for text in texts]
    assert shout.entries <= 3
    before = len(asked)
    assert (shout("abc"), shout("abc"), shout("abcde"), shout("abcde")) == ("ABC", "ABC", "ABCDE", "ABCDE")
    assert len(asked) - before in (2, 3), "only the long one is asked for again"
    shout.forget()
    assert shout.entries == 0
    assert shout.__doc__ == "Say it loud."


def test_long_strings_of_strangers_leave_nothing_behind():
    read: list[Callable[[str], object]] = [parse_tcf, parse_gpp, read_agent]
    tracemalloc.start()
    try:
        for number in range(300):
            for each in read:
                each(f"{number:06d}" * 5_000)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 2_000_000, "300 texts of 30,000 characters for each would be 27 MB"
