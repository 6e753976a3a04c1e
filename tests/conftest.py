"""What every test may ask for: a clock that stands still, a fresh state database, the shared real data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rekindle.engines.database import Database, open_database

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"


class FakeClock:
    """Milliseconds that move only when told to."""

    def __init__(self, now_ms: int = 1_788_000_000_000) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms

    def advance(self, ms: int) -> None:
        self.now_ms += ms


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A SQLite state database with every table that the test has imported."""
    opened = open_database(tmp_path / "state.db")
    opened.create_all()
    yield opened
    opened.close()


@pytest.fixture
def shared_data() -> Path:
    """The real catalogues and feeds, kept outside the project."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("the shared real-world data is not beside this checkout")
    return folder
