"""A whole installation in virtual time: gateway, log, views and lane as the processes compose them; the platform is ours."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from rekindle.audiences import AudienceView
from rekindle.cli._compose import Installation, create
from rekindle.cli._history import WholeLog
from rekindle.cli._subjects import HOLDERS
from rekindle.collect.door import Guards
from rekindle.collect.gateway import Gateway
from rekindle.destinations import webhook
from rekindle.egress.connector import Answer, Limits, OutRequest
from rekindle.egress.lane import Lane
from rekindle.egress.send import Door
from rekindle.model.clock import rfc3339
from rekindle.model.ports import Touch
from rekindle.model.record import Record, decode
from rekindle.ops.archive import ArchiveWriter
from rekindle.privacy.decide import door
from rekindle.privacy.redact import clean_search_term, clean_text, clean_url
from rekindle.privacy.subjects import Erasure, Person, Removals, Sent, find
from rekindle.privacy.subjects.export import export, gather
from rekindle.privacy.subjects.person import Kind
from rekindle.privacy.suppression import SuppressionCopy
from rekindle.profiles import History, ProfileView
from rekindle.settings import Settings
from rekindle.workspace import Audience, Destination, DestinationConsent, Shop, Workspace
from tests.collect.harness import GRANTED, FakeProtocol, FakeScope
from tests.conftest import FakeClock
from tests.scratch import migrated_state

KEY = "a-key-of-the-shop"

new_database: Callable[[], str] = str
"""Returns the URL of a new house's state database: empty for a file of its own (`conftest` sets PostgreSQL)."""


class Platform:
    """The far side: keeps what was sent, and answers 200 unless told otherwise."""

    def __init__(self) -> None:
        self.requests: list[OutRequest] = []
        self.answer = Answer(200, {}, b"")

    async def send(self, request: OutRequest, limits: Limits) -> Answer:
        self.requests.append(request)
        return self.answer


class House:
    """One installation with one shop and one destination."""

    def __init__(self, data: Path, clock: FakeClock) -> None:
        settings = Settings(data=data, database_url=new_database())
        if not settings.database_url and not (data / "state.db").exists():
            migrated_state(data / "state.db")
        create(settings)
        self.data, self.clock = data, clock
        self.installation = Installation(settings, clock=clock)
        self.installation.database.create_all()
        self.installation.secrets.put("hook", "whsec_" + base64.b64encode(bytes(range(32))).decode())
        self.destination = Destination(
            kind="webhook",
            consent=DestinationConsent(consent_mode=["ad_storage"]),
            settings={"url": "https://hook.example/in", "secret": {"secret": "hook"}, "personal": True, "batch": 10},
        )
        shop = Workspace(
            shop=Shop(name="shop", title="Shop", origins=["https://shop.example"], country="PL", currency="PLN"),
            destinations={"hook": self.destination},
            audiences={"viewers": Audience(rule="viewed_not_bought", within="14d")},
        )
        self.installation.versions.apply(shop, "anna", "first")
        self.platform = Platform()
        self.whole = WholeLog(self.installation)
        self.consents = self.installation.consents
        self.profiles = ProfileView(
            self.installation.log, self.installation.database, clock, names=self.installation.pseudonymiser
        )
        self.audiences = AudienceView(
            self.installation.log,
            self.installation.database,
            clock,
            self.installation.workspaces,
            may_enter=lambda _workspace, _consent, _now: True,
            suppressed=self.consents.suppressed_among,
            names=self.installation.pseudonymiser,
        )
        self.gateway = Gateway(
            log=self.installation.log,
            workspaces=self.installation.workspaces,
            guards=Guards(
                door,
                self.installation.pseudonymiser.subject,
                self.installation.vault.seal,
                clean_url,
                clean_text,
                clean_search_term,
                SuppressionCopy(self.installation.database, clock, self.installation.pseudonymiser),
            ),
            verify=lambda key: "shop" if key == KEY else None,
            clock=clock,
        )
        self.lane = self.new_lane()

    def new_lane(self, **changes: Any) -> Lane:
        parts: dict[str, Any] = {
            "workspace": "shop",
            "name": "hook",
            "destination": self.destination,
            "policy": self.installation.workspaces()["shop"].policy,
            "module": webhook,
            "secret": self.installation.secrets.get,
            "log": self.installation.log,
            "database": self.installation.database,
            "door": Door(self.platform, self.installation.ledger, self.clock),
            "consents": self.consents,
            "vault": self.installation.vault,
            "feed_ids": None,
            "clock": self.clock,
            "random": random.Random(7).random,
        }
        return Lane(**(parts | changes))

    def event(self, event_id: str, **more: Any) -> dict[str, Any]:
        return {
            "event": "view_item",
            "event_id": event_id,
            "event_time": rfc3339(self.clock()),
            "ecommerce": {"currency": "PLN", "value": 10, "items": [{"item_id": "A-1", "price": "10.00"}]},
            "consent": GRANTED,
        } | more

    async def take(self, *events: Mapping[str, Any]) -> FakeProtocol:
        """Send events as the shop's server does."""
        body = msgspec.json.encode(events)
        headers = {"authorization": f"Bearer {KEY}", "content-length": str(len(body))}
        protocol = FakeProtocol(body)
        await self.gateway.__rsgi__(FakeScope("POST", "/v1/events", headers), protocol)
        return protocol

    async def settle(self) -> None:
        """Let the views and the lane do what there is to do."""
        await self.consents.step()
        for room in (self.profiles, self.audiences, self.lane):
            while await room.step():
                pass

    async def archive(self) -> int:
        """Let an hour pass and put what happened before into the archive."""
        self.clock.advance(3_600_000)
        house = self.installation
        writer = ArchiveWriter(house.log, house.database, house.blobs, self.data / "work", self.clock)
        try:
            return await writer.step()
        finally:
            await writer.close()

    def profiles_of(self, subject: str) -> Sequence[Touch]:
        """Return what the profile knows of a visitor."""
        return History(self.installation.database, self.installation.pseudonymiser).touches("shop", subject, 99)

    async def records(self) -> list[Record]:
        return [decode(entry.value) for entry in await self.installation.log.tail((0, 0), 100_000)]

    async def person(self, raw: str, kind: Kind = "email") -> Person:
        subject = self.installation.pseudonymiser.subject("shop", kind, raw, region="PL")
        return await find(self.whole, self.clock, "shop", subject, kind, self.installation.pseudonymiser)

    async def exported(self, person: Person) -> dict[str, Any]:
        house = self.installation
        dossier = await gather(self.whole, house.database, house.vault, self.clock, person)
        document: dict[str, Any] = msgspec.json.decode(export(house.database, self.clock, person, dossier, HOLDERS))
        return document

    def erasure(self, *, audience: Collection[str] = (), remove: Any = None) -> Erasure:
        async def nothing(workspace: str, removals: Removals) -> int:
            return 0

        house = self.installation
        return Erasure(
            data=self.data, database=house.database, log=self.whole, keyring=house.keyring, vault=house.vault,
            ledger=house.ledger, clock=self.clock, names=house.pseudonymiser, holders=HOLDERS,
            sent=lambda _workspace, name: Sent(name in audience, "" if name in audience else "takes nothing back"),
            remove=remove or nothing, workspaces=lambda: ["shop"],
        )  # fmt: skip

    async def erase(self, raw: str, kind: Kind = "email", **more: Any) -> dict[str, Any]:
        """Erase a person and return the statement of the certificate."""
        person = await self.person(raw, kind)
        signed, _ = await self.erasure().erase(
            person, actor="anna", law="gdpr", identifier=(kind, raw), region="PL", **more
        )
        statement: dict[str, Any] = msgspec.json.decode(signed)["certificate"]
        return statement

    async def close(self) -> None:
        await self.lane.close()
        await self.profiles.close()
        await self.audiences.close()
        await self.consents.close()
        await self.gateway.close()
        await self.installation.aclose()


def holding(folder: Path, wanted: Sequence[bytes]) -> dict[str, list[bytes]]:
    """Return the files below ``folder`` whose bytes hold any of ``wanted``: a search that shares no code with ours."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            if seen := [each for each in wanted if each in content]:
                found[str(path.relative_to(folder))] = seen
    return found
