from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rekindle.engines.database import Database
from tests.conftest import FakeClock
from tests.egress.world import World


@pytest.fixture
async def world(tmp_path: Path, database: Database, clock: FakeClock) -> AsyncIterator[World]:
    made = World(tmp_path, database, clock)
    yield made
    await made.close()
