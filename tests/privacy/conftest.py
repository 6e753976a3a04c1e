"""Keys that are the same in every run, and the privacy engine's parts on a fresh database."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence

import pytest

from rekindle.engines.database import Database
from rekindle.engines.secrets import SecretMissing
from rekindle.privacy.keys import Keyring
from rekindle.privacy.vault import Vault
from tests.conftest import FakeClock, PostgresqlServer
from tests.privacy import house


class MemorySecrets:
    """The secret store's protocol on a dictionary."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def get(self, name: str) -> str:
        if name not in self.values:
            raise SecretMissing(f"secret {name!r} is not set")
        return self.values[name]

    def put(self, name: str, value: str) -> None:
        self.values[name] = value

    def delete(self, name: str) -> None:
        del self.values[name]

    def names(self) -> Sequence[str]:
        return sorted(self.values)


class Counted:
    """Bytes that look random and repeat in every run."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, size: int) -> bytes:
        self.calls += 1
        return hashlib.shake_256(str(self.calls).encode()).digest(size)


@pytest.fixture
def secrets() -> MemorySecrets:
    return MemorySecrets()


@pytest.fixture
def keyring(secrets: MemorySecrets) -> Keyring:
    return Keyring(secrets, Counted())


@pytest.fixture
def vault(database: Database, keyring: Keyring, clock: FakeClock) -> Vault:
    return Vault(database, keyring, clock)


@pytest.fixture(scope="session", autouse=True)
def _houses_on_postgresql(request: pytest.FixtureRequest) -> None:
    """Give every house a database of its own where the tests run on PostgreSQL."""
    if os.environ.get("REKINDLE_TEST_DATABASE") == "postgresql":
        server: PostgresqlServer = request.getfixturevalue("postgresql_server")
        house.new_database = server.fresh
