"""An event prepared again and not sent: what the platform saw, or would see, without what names a person.

It goes the whole way of a lane: consent, seal, id contract, mapping, window. What consent keeps back is not shown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from rekindle.egress._prepare import ConsentFacts, Opener, Preparer, Ready
from rekindle.egress._store import Waiting
from rekindle.egress._strangers import masked, stranger
from rekindle.egress.connector import Connector, ConnectorModule, SettingsError
from rekindle.egress.options import configurator, take_apart
from rekindle.engines.secrets import SecretMissing
from rekindle.model.ports import FeedIds
from rekindle.model.record import Stored
from rekindle.model.sealed import pack, unpack
from rekindle.privacy.consent.vendors import Vendors
from rekindle.privacy.decide import EXCERPT
from rekindle.workspace import Destination, Policy

SEND = "send"


class Rehearsed(msgspec.Struct, frozen=True):
    """``outcome`` is ``send`` when it would leave, else what it would come to, with ``reason`` and ``detail``.

    ``body`` is the event in the platform's words, masked; None when it would not leave.
    """

    outcome: str
    reason: str = ""
    detail: str = ""
    body: Any = None


class Rehearsal:
    """One account as it is, or once was, configured. Never raises for what an event says."""

    def __init__(
        self,
        name: str,
        destination: Destination,
        policy: Policy,
        module: ConnectorModule,
        secret: Callable[[str], str],
        consents: ConsentFacts,
        vault: Opener,
        feed_ids: FeedIds | None,
        vendors: Vendors = EXCERPT,
    ) -> None:
        """``secret`` returns a secret by name. An account that cannot be configured says so of each event."""
        self._preparers: list[Preparer] = []
        self._broken = ""
        try:
            parts = take_apart(module.manifest, destination.settings)
            values = {key: secret(stored) for key, stored in parts.secrets.items()}
            self._connector: Connector = configurator(module, parts)(values)
        except (SettingsError, SecretMissing) as error:
            self._broken = str(error)
            return
        limits = module.manifest.limits
        for opener in (vault, _Strangers(vault, 0), _Strangers(vault, 1)):
            self._preparers.append(
                Preparer(name, destination, policy, parts.options, limits, consents, opener, feed_ids, vendors)
            )

    def show(self, stored: Stored, now_ms: int) -> Rehearsed:
        """Return what this event would come to at ``now_ms``, decided with the newest consent."""
        if self._broken:
            return Rehearsed("held", "credentials", self._broken)
        waiting = Waiting(stored, b"", 0, 0)
        suppressed = self._preparers[0].suppressed([waiting])
        own, *others = (each.prepare(waiting, self._connector, now_ms, suppressed) for each in self._preparers)
        if not isinstance(own, Ready):
            return Rehearsed(str(own.outcome), str(own.reason), own.detail)
        one, other = (each.mapped.body if isinstance(each, Ready) else None for each in others)
        consent = stored.consent
        strings = {text for text in (consent.tcf, consent.gpp, consent.ac, consent.us_privacy) if text}
        return Rehearsed(SEND, body=masked(own.mapped.body, one, other, strings))


class _Strangers:
    """Opens a seal only where the person was not erased, and hands out a stranger's data in place of theirs."""

    def __init__(self, vault: Opener, which: int) -> None:
        self._vault = vault
        self._which = which

    def open(self, workspace: str, subject: str, sealed: bytes) -> bytes | None:
        plain = self._vault.open(workspace, subject, sealed)
        return None if plain is None else pack(stranger(unpack(plain), self._which))
