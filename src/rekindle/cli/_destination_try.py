"""Send one event to a new account, the way every event goes: decided, mapped, through the door, into the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from rekindle.cli._compose import Installation
from rekindle.egress.answers import masked
from rekindle.egress.connector import Answer, Connector, ConnectorModule, Limits, OutRequest, Rejected, Verdict
from rekindle.egress.fields import canonical
from rekindle.egress.http import HttpTransport, TransportFailed
from rekindle.egress.send import Door
from rekindle.model.event import Client, Consent, Ecommerce, Item, Page, User
from rekindle.model.record import Stored
from rekindle.model.sealed import Sealed
from rekindle.privacy.decide import decide
from rekindle.workspace import Destination, Policy

_AGREED = Consent(
    ad_storage="granted", analytics_storage="granted", ad_user_data="granted", ad_personalization="granted"
)
_NAMES = ("view_item", "add_to_cart", "purchase", "page_view", "generate_lead", "sign_up")


class NotSent(Exception):
    """The event did not leave; the message says why."""


class Told(msgspec.Struct, frozen=True):
    """What became of the event. ``said`` is the beginning of the platform's answer, masked."""

    event: str
    url: str
    verdict: Verdict
    status: int | None
    said: str


class _Watched:
    """Keeps the answer for the person who is waiting for it."""

    def __init__(self, inner: HttpTransport) -> None:
        self._inner = inner
        self.answer: Answer | None = None
        self.failed = ""

    async def send(self, request: OutRequest, limits: Limits) -> Answer:
        try:
            self.answer = await self._inner.send(request, limits)
        except TransportFailed as failed:
            self.failed = str(failed)
            raise
        return self.answer


def send_test_event(
    installation: Installation, workspace: str, origin: str, country: str, name: str, destination: Destination, policy: Policy,
    module: ConnectorModule, settings: Mapping[str, Any], secrets: Mapping[str, str],
) -> Told:  # fmt: skip
    """Send a made-up event of a made-up person who agreed. Raises `NotSent` and `SettingsError`."""
    connector = module.configure(settings, secrets)
    stored = _event(installation, workspace, origin, connector)
    decision = decide(
        stored, name, destination.consent, policy, fields=connector.fields, latest=None, suppressed=False,
        now_ms=installation.clock(),
    )  # fmt: skip
    permit = decision.permit
    if permit is None:
        raise NotSent(f"the consent rule lets nobody through by consent mode alone ({decision.reason})")
    person = Sealed(
        client=Client(ip="198.51.100.7", user_agent="Mozilla/5.0 (test event)", client_id="1234567890.1234567890"),
        user=User(email="test@example.com", user_id="test", country=country, external={module.manifest.name: "test"}),
    )
    mapped = connector.map(canonical(stored, person, permit))
    if isinstance(mapped, Rejected):
        raise NotSent(f"the test event cannot be mapped: {mapped.reason} {mapped.detail}".strip())
    request = connector.build([mapped], installation.clock())

    async def leave() -> Told:
        async with HttpTransport(allow_private=installation.settings.allow_private_addresses) as transport:
            watched = _Watched(transport)
            door = Door(watched, installation.ledger, installation.clock)
            verdict = await door.send(
                name, workspace, connector, module.manifest.limits, request, [permit], module.classify
            )
        answer = watched.answer
        said = masked(answer.body.decode("utf-8", "replace")) if answer else watched.failed
        return Told(stored.event, request.url.partition("?")[0], verdict, answer.status if answer else None, said)

    return asyncio.run(leave())


def _event(installation: Installation, workspace: str, origin: str, connector: Connector) -> Stored:
    now = installation.clock()
    name = next((name for name in _NAMES if connector.maps(name)), None)
    if name is None:
        raise NotSent("the account takes none of the usual events")
    return Stored(
        workspace=workspace,
        event_id=f"test-{now}",
        event=name,
        event_time_ms=now,
        received_ms=now,
        source="web",
        subject="test",
        page=Page(url=f"{origin}/test"),
        ecommerce=Ecommerce(
            currency="EUR", value=Decimal("1.00"), transaction_id=f"test-{now}",
            items=[Item(item_id="TEST", item_name="Test event", price=Decimal("1.00"), quantity=1)],
        ),
        consent=_AGREED,
    )  # fmt: skip
