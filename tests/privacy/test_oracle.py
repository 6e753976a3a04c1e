"""The reference packages read what we accept as we do: a short form of `python -m tools.fuzz` (`make fuzz`)."""

from __future__ import annotations

import pytest
from tools.fuzz.__main__ import node, run

COUNT = 4_000


def test_the_reference_reads_what_we_accept_equally() -> None:
    try:
        node()
    except FileNotFoundError as missing:
        pytest.skip(str(missing))
    counts, faults = run(seed=20261123, count=COUNT)
    assert faults == []
    assert counts["right: read equally"] == COUNT // 4
    assert counts["broken: read equally"] > COUNT // 20  # some broken strings are other right ones
    assert sum(counts.values()) == COUNT
