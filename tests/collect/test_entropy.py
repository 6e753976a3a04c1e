"""Pooled random bytes are the system's, each given out once."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from rekindle.collect.entropy import pooled_random


@given(st.lists(st.integers(0, 5000), max_size=30))
def test_every_byte_is_given_out_once_and_in_order(sizes: list[int]) -> None:
    fetched: list[bytes] = []

    def source(size: int) -> bytes:
        fetched.append(os.urandom(size))
        return fetched[-1]

    take = pooled_random(source)
    given_out = [take(size) for size in sizes]
    assert [len(part) for part in given_out] == sizes
    whole, at = b"".join(fetched), 0
    for part in given_out:
        at = whole.index(part, at) + len(part)
