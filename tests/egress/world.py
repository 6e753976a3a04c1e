"""A lane in virtual time: real log, database, ledger, vault and consent view; the platform and the clock are ours."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from rekindle.destinations import meta
from rekindle.egress import status
from rekindle.egress.connector import Answer, ConnectorModule, Limits, OutRequest
from rekindle.egress.http import Transport
from rekindle.egress.lane import Lane
from rekindle.egress.send import Door
from rekindle.engines.database import Database
from rekindle.engines.log import Keyed, Log, SqliteLog
from rekindle.engines.secrets import SecretMissing
from rekindle.model.event import Client, Consent, Ecommerce, Item, Page, User
from rekindle.model.ports import FeedIds
from rekindle.model.record import ConsentChange, Stored, encode
from rekindle.model.sealed import Sealed, pack
from rekindle.privacy.consents import ConsentView
from rekindle.privacy.keys import Keyring
from rekindle.privacy.ledger import Ledger
from rekindle.privacy.vault import Vault
from rekindle.workspace import Destination, Policy
from tests.conftest import FakeClock

GRANTED = Consent(
    ad_storage="granted", analytics_storage="granted", ad_user_data="granted", ad_personalization="granted"
)
DENIED = Consent(ad_storage="denied", analytics_storage="denied", ad_user_data="denied", ad_personalization="denied")


class MemorySecrets:
    """Secrets in a dictionary."""

    def __init__(self, **values: str) -> None:
        self.values = dict(values)

    def get(self, name: str) -> str:
        if name not in self.values:
            raise SecretMissing(f"the secret {name} is missing")
        return self.values[name]

    def put(self, name: str, value: str) -> None:
        self.values[name] = value

    def delete(self, name: str) -> None:
        del self.values[name]

    def names(self) -> Sequence[str]:
        return sorted(self.values)


class Scripted:
    """A transport that answers through ``answer``, which may raise; keeps every request that reached it."""

    def __init__(self) -> None:
        self.requests: list[OutRequest] = []
        self.answer: Any = lambda events: ok(len(events))

    async def send(self, request: OutRequest, limits: Limits) -> Answer:
        self.requests.append(request)
        answer = self.answer(json.loads(request.body)["data"])
        assert isinstance(answer, Answer)
        return answer

    @property
    def sent(self) -> list[str]:
        """Event ids in the order in which they were sent, repeats included."""
        return [name for request in self.requests for name in request.event_ids]


def ok(count: int) -> Answer:
    return Answer(200, {}, b'{"events_received": %d, "fbtrace_id": "TRACE"}' % count)


def error(code: int, *, status: int = 400, message: str = "no", headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(
        status,
        dict(headers or {}),
        msgspec.json.encode({"error": {"code": code, "message": message, "fbtrace_id": "T"}}),
    )


class World:
    """One shop with one destination account."""

    def __init__(
        self,
        folder: Path,
        database: Database,
        clock: FakeClock,
        *,
        transport: Transport | None = None,
        settings: Mapping[str, Any] | None = None,
        feed: str | None = None,
        feed_ids: FeedIds | None = None,
        module: ConnectorModule = meta,
        log: Log | None = None,
    ) -> None:
        self.database = database
        self.clock = clock
        self.secrets = MemorySecrets(meta_token="good")
        self.keyring = Keyring(self.secrets)
        self.vault = Vault(database, self.keyring, clock)
        self.ledger = Ledger(database, self.keyring, clock)
        self.platform = Scripted()
        self.transport: Transport = transport or self.platform
        self.folder = folder
        self.log: Log = log or SqliteLog(folder / "log.db", clock=clock)
        base = {"pixel_id": "1", "access_token": {"secret": "meta_token"}}
        self.destination = Destination(
            kind="meta", consent=meta.manifest.consent, feed=feed, settings=base | dict(settings or {})
        )
        self.feed_ids = feed_ids
        self.module = module
        self.consents = ConsentView(self.log, database)
        self.lane = self.new_lane()
        self.count = 0

    def new_lane(self) -> Lane:
        """A lane as after a restart."""
        return self.another_lane("meta")

    def another_lane(self, name: str, **settings: str) -> Lane:
        """A lane to another account, of that name."""
        given = dict(self.destination.settings) | settings
        return Lane(
            workspace="shop",
            name=name,
            destination=msgspec.structs.replace(self.destination, settings=given),
            policy=Policy(),
            module=self.module,
            secret=self.secrets.get,
            log=self.log,
            database=self.database,
            door=Door(self.transport, self.ledger, self.clock),
            consents=self.consents,
            vault=self.vault,
            feed_ids=self.feed_ids,
            clock=self.clock,
            random=random.Random(7).random,
        )

    async def restart(self) -> None:
        """Drop everything that is only in memory."""
        await self.lane.close()
        await self.consents.close()
        self.consents = ConsentView(self.log, self.database)
        self.lane = self.new_lane()

    async def happen(
        self,
        count: int = 1,
        *,
        name: str = "view_item",
        consent: Consent = GRANTED,
        subject: str = "s1",
        workspace: str = "shop",
        age_ms: int = 0,
        items: Sequence[str] = ("A1",),
        event_id: str | None = None,
        also: Sequence[str] = (),
    ) -> list[str]:
        """Append events as the gateway would, and return their ids."""
        records = []
        names = []
        for _ in range(count):
            self.count += 1
            named = event_id or f"e{self.count}"
            names.append(named)
            sealed = Sealed(
                client=Client(ip="203.0.113.9", user_agent="Mozilla/5.0"), user=User(email="anna@example.com")
            )
            stored = Stored(
                workspace=workspace,
                event_id=named,
                event=name,
                event_time_ms=self.clock() - age_ms,
                received_ms=self.clock(),
                source="web",
                subject=subject,
                user_subjects=list(also),
                page=Page(url="https://shop.example/p/A1"),
                ecommerce=Ecommerce(
                    currency="PLN", value=Decimal("10.50"), items=[Item(item_id=item) for item in items]
                ),
                consent=consent,
                sealed=self.vault.seal(workspace, subject, pack(sealed)),
            )
            records.append(Keyed(subject, encode(stored)))
        await self.log.append(records)
        return names

    async def withdraw(self, subject: str = "s1") -> None:
        """The visitor says no."""
        change = ConsentChange(workspace="shop", received_ms=self.clock(), subject=subject, consent=DENIED)
        await self.log.append([Keyed(subject, encode(change))])

    async def run(self, most: int = 200) -> None:
        """Step until there is nothing to do at this moment."""
        for _ in range(most):
            if not await self.lane.step():
                return
        raise AssertionError("the lane never rests")

    async def run_for(self, ms: int, tick_ms: int = 60_000) -> None:
        """Let time pass."""
        until = self.clock() + ms
        while self.clock() < until:
            self.clock.advance(min(tick_ms, until - self.clock()))
            await self.run()

    def counts(self) -> dict[str, int]:
        """Events by ``outcome/reason``."""
        return {f"{each.outcome}/{each.reason}": each.count for each in status.outcome_counts(self.database, "shop")}

    def state(self) -> str:
        found = status.status(self.database, "shop")
        return found[0].state if found else "running"

    async def close(self) -> None:
        await self.lane.close()
        await self.consents.close()
        await self.log.close()
