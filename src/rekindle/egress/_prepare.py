"""From a stored event to one that may be sent, or to its end: consent, seal, id contract, mapping, window."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

import msgspec

from rekindle.egress._store import Result, Waiting
from rekindle.egress.connector import Connector, Limits, Mapped, Rejected
from rekindle.egress.fields import canonical, needs_seal
from rekindle.egress.options import LaneOptions
from rekindle.egress.window import outside_window
from rekindle.model.event import Consent, Event
from rekindle.model.outcome import Outcome, Reason
from rekindle.model.ports import FeedIds
from rekindle.model.record import Stored
from rekindle.model.sealed import Sealed, unpack
from rekindle.privacy.consent.vendors import Vendors
from rekindle.privacy.decide import EXCERPT, decide
from rekindle.privacy.permit import Permit
from rekindle.workspace import Destination, Policy


class ConsentFacts(Protocol):
    """The newest choices, read from the log (`rekindle.privacy.consents.ConsentView`)."""

    async def refresh(self) -> object:
        """Catch up to the end of the log."""
        ...

    def latest(self, workspace: str, subject: str) -> Consent | None:
        """Return the visitor's newest choice, if one is known."""
        ...

    def recall(self, workspace: str, subjects: Collection[str]) -> None:
        """Get ready to be asked for the newest choices of these visitors."""
        ...

    def suppressed_among(self, workspace: str, subjects: Collection[str]) -> Collection[str]:
        """Return those of ``subjects`` who asked for nothing more to be done with their data."""
        ...


class Opener(Protocol):
    """Opens seals (`rekindle.privacy.vault.Vault`)."""

    def open(self, workspace: str, subject: str, sealed: bytes) -> bytes | None:
        """Return what was sealed, or None when the person was erased."""
        ...


class Ready(msgspec.Struct, frozen=True):
    """One event that may leave, with the permit that says so."""

    waiting: Waiting
    mapped: Mapped
    permit: Permit
    item_ids: Mapping[str, int]


class Preparer:
    """Decides and maps for one account. Holds no event after it returned."""

    def __init__(
        self,
        name: str,
        destination: Destination,
        policy: Policy,
        options: LaneOptions,
        limits: Limits,
        consents: ConsentFacts,
        vault: Opener,
        feed_ids: FeedIds | None,
        vendors: Vendors = EXCERPT,
    ) -> None:
        self._name = name
        self._rule = destination.consent
        self._feed = destination.feed
        self._only = frozenset(destination.events)
        self._policy = policy
        self._options = options
        self._limits = limits
        self._consents = consents
        self._vault = vault
        self._feed_ids = feed_ids
        self._vendors = vendors

    def suppressed(self, events: Sequence[Waiting]) -> Collection[str]:
        """Return which of the people of these events, by any of their names, are on the suppression list now.

        Their newest consents are read along with it, all at once.
        """
        self._consents.recall(events[0].stored.workspace, {one.stored.subject for one in events})
        names = {name for one in events for name in (one.stored.subject, *one.stored.user_subjects)}
        return self._consents.suppressed_among(events[0].stored.workspace, names) if names else ()

    def all(self, events: Sequence[Waiting], connector: Connector, now_ms: int) -> tuple[list[Ready], list[Result]]:
        """Return those of ``events`` that may leave, and what the others came to."""
        ready: list[Ready] = []
        ended: list[Result] = []
        suppressed = self.suppressed(events)
        for waiting in events:
            found = self.prepare(waiting, connector, now_ms, suppressed)
            if isinstance(found, Ready):
                ready.append(found)
            else:
                ended.append(found)
        return ready, ended

    def prepare(
        self, waiting: Waiting, connector: Connector, now_ms: int, suppressed: Collection[str]
    ) -> Ready | Result:
        """Return the mapped event with its permit, or the outcome it came to. Never raises for what the event says.

        ``suppressed`` is what `suppressed` said of this event's batch just before.
        """
        stored = waiting.stored

        def end(outcome: Outcome, reason: str, detail: str = "") -> Result:
            return Result(waiting, outcome, reason, detail, attempts=waiting.attempts)

        if (self._only and stored.event not in self._only) or not connector.maps(stored.event):
            return end(Outcome.FILTERED, Reason.NOT_MAPPED)
        if stored.bot:
            return end(Outcome.FILTERED, Reason.BOT)
        decision = decide(
            stored,
            self._name,
            self._rule,
            self._policy,
            fields=connector.fields,
            latest=self._consents.latest(stored.workspace, stored.subject),
            suppressed=any(name in suppressed for name in (stored.subject, *stored.user_subjects)),
            now_ms=now_ms,
            vendors=self._vendors,
        )
        if not decision.allowed or decision.permit is None:
            return end(Outcome.FILTERED, str(decision.reason) or Reason.PERMIT_DENIED)
        permit = decision.permit
        try:
            sealed = self._open(stored, permit)
        except msgspec.MsgspecError:
            return end(Outcome.INVALID, Reason.MALFORMED, "what was sealed cannot be read")
        if sealed is None:
            return end(Outcome.FILTERED, Reason.ERASED)
        event = canonical(stored, sealed, permit)
        event, item_ids = self._keep_contract(event, stored.workspace)
        unknown = sum(count for reason, count in item_ids.items() if reason != "ok")
        if unknown and self._options.unknown_ids == "reject":
            words = f"{unknown} of {sum(item_ids.values())} item ids are not in the feed {self._feed}"
            return msgspec.structs.replace(end(Outcome.INVALID, "id-not-in-feed", words), item_ids=item_ids)
        try:
            mapped = connector.map(event)
        except Exception as error:  # noqa: BLE001 - one event that a mapping did not expect must not stop the lane
            mapped = Rejected("mapping-failed", type(error).__name__)
        if isinstance(mapped, Rejected):
            return msgspec.structs.replace(end(Outcome.INVALID, mapped.reason, mapped.detail), item_ids=item_ids)
        if reason := outside_window(mapped, self._limits, now_ms):
            outcome = Outcome.EXPIRED if reason == Reason.WINDOW_PASSED else Outcome.INVALID
            return msgspec.structs.replace(end(outcome, reason), item_ids=item_ids)
        return Ready(waiting, mapped, permit, item_ids)

    def _open(self, stored: Stored, permit: Permit) -> Sealed | None:
        if not stored.sealed or not needs_seal(permit.fields):
            return Sealed()
        plain = self._vault.open(stored.workspace, stored.subject, stored.sealed)
        return None if plain is None else unpack(plain)

    def _keep_contract(self, event: Event, workspace: str) -> tuple[Event, Mapping[str, int]]:
        """Leave out items whose id the platform cannot know, and count every id by what became of it."""
        items = event.ecommerce.items
        if self._feed is None or self._feed_ids is None or not items:
            return event, {}
        names = [item.item_id for item in items if item.item_id]
        missing = self._feed_ids.missing(workspace, self._feed, names)
        counts = Counter(missing.get(name, "ok") for name in names)
        if not missing:
            return event, counts
        kept = [item for item in items if item.item_id not in missing]
        shop = msgspec.structs.replace(event.ecommerce, items=kept)
        return msgspec.structs.replace(event, ecommerce=shop), counts


def batches(ready: Sequence[Ready], most: int) -> list[list[Ready]]:
    """Part by group and by tries: each failed try quarters the batch, so one that upsets the platform ends alone."""
    parts: dict[tuple[str, int], list[list[Ready]]] = {}
    for one in ready:
        tries = min(one.waiting.attempts, 5)
        found = parts.setdefault((one.mapped.group, tries), [[]])
        if len(found[-1]) >= max(1, most >> (2 * tries)):
            found.append([])
        found[-1].append(one)
    return [batch for found in parts.values() for batch in found]


def fingerprint(secrets: Mapping[str, str]) -> str:
    """Return a name for these secret values, to notice a change; it does not tell them."""
    text = "\0".join(f"{name}\0{secrets[name]}" for name in sorted(secrets))
    return hashlib.sha256(b"rekindle credentials\0" + text.encode()).hexdigest()[:32]
