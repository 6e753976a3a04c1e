"""A lane whose token renews itself: it holds without one, goes on with one, and loses nothing in between."""

import json
from pathlib import Path
from typing import Any

from rekindle.egress.connector import Answer, OAuth, OutRequest
from rekindle.egress.credentials import Account, Credentials
from rekindle.egress.http import MockTransport
from rekindle.engines.database import Database
from tests.conftest import FakeClock
from tests.egress.world import MemorySecrets, World, error, ok

SEEDS = {"client_id": "id", "client_secret": "secret", "refresh_token": "refresh"}
ACCOUNT = Account("shop", "oauth:refresh", OAuth(url="https://tokens.example/"), SEEDS, ("meta",))


class Renewed(MemorySecrets):
    """Tokens come from the credentials, everything else from the store."""

    def __init__(self, database: Database, clock: FakeClock) -> None:
        super().__init__(id="i", secret="s", refresh="r")
        self.given = 0
        self.refused = False
        self.credentials = Credentials(
            database, super().get, b"k" * 32, MockTransport(self.answer), clock, "w1", lambda: 0.5
        )

    def answer(self, request: OutRequest) -> Answer:
        if self.refused:
            return Answer(400, {}, b'{"error": "invalid_grant"}')
        self.given += 1
        return Answer(200, {}, json.dumps({"access_token": f"token-{self.given}", "expires_in": 3600}).encode())

    def get(self, name: str) -> str:
        return self.credentials.get("shop", name) if name.startswith("oauth:") else super().get(name)


async def test_nothing_is_lost_while_there_is_no_token(tmp_path: Path, database: Database, clock: FakeClock):
    world = World(tmp_path, database, clock, settings={"access_token": {"secret": "oauth:refresh"}})
    secrets = Renewed(database, clock)
    world.secrets = secrets
    await world.restart()

    def takes(token: str) -> Any:
        def answer(events: list[Any]) -> Answer:
            sent = world.platform.requests[-1].headers["authorization"]
            return ok(len(events)) if sent == f"Bearer {token}" else error(190, status=401)

        return answer

    world.platform.answer = takes("token-1")
    await world.happen(2)
    await world.run()
    assert world.state() == "held"
    assert not world.platform.requests, "there is no token yet"

    await secrets.credentials.step([ACCOUNT])
    await world.run_for(31_000, 31_000)
    assert world.counts() == {"delivered/ok": 2}

    world.platform.answer = takes("token-2")
    await world.happen(1)
    await world.run()
    assert world.state() == "held", "the platform took the token back before its time"
    assert await secrets.credentials.step([ACCOUNT]) == 1
    await world.run_for(31_000, 31_000)
    assert world.state() == "running"
    assert world.counts() == {"delivered/ok": 3}

    secrets.refused = True
    clock.advance(3_600_000)
    await secrets.credentials.step([ACCOUNT])
    await world.happen(1)
    await world.run_for(31_000, 31_000)
    assert world.state() == "held"
    assert world.counts()["delivered/ok"] == 3
    secrets.refused = False
    secrets.put("refresh", "r2")
    await secrets.credentials.step([ACCOUNT])
    world.platform.answer = takes("token-3")
    await world.run_for(31_000, 31_000)
    assert world.counts() == {"delivered/ok": 4}
    await world.close()
