"""The gateway of one shop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rekindle.engines.database import Database
from tests.collect.harness import Street
from tests.conftest import FakeClock


@pytest.fixture
async def street(tmp_path: Path, database: Database, clock: FakeClock) -> AsyncIterator[Street]:
    made = Street(tmp_path, database, clock)
    yield made
    await made.close()
