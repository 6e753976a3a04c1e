"""What another policy would have answered to the events that came: counts by question and reason, and no event."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Iterable

import msgspec

from rekindle.engines.log.protocol import Log
from rekindle.model.record import Stored, decode
from rekindle.privacy.consent.vendors import Vendors
from rekindle.privacy.decide import EXCERPT, door, may_personalise, weigh
from rekindle.workspace import Workspace

_BATCH = 1_000


class Changed(msgspec.Struct, frozen=True):
    """``count`` events would be answered ``after`` where they are answered ``before``; ``ok`` is a yes.

    ``question`` is ``store``, ``personalise`` or ``destination <name>``; ``none`` where one side has no such destination.
    """

    question: str
    before: str
    after: str
    count: int


class PolicyDiff:
    """Feed it the log with `add`; each event is asked with its own consent, at the time when it was received.

    Suppression and later withdrawals are the same under both policies and are left out. Events that the door refused
    are not in the log: what a laxer ``store_with`` would let in cannot be counted.
    """

    def __init__(self, before: Workspace, after: Workspace, vendors: Vendors = EXCERPT) -> None:
        self._before, self._after, self._vendors = before, after, vendors
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self._asked: Counter[str] = Counter()
        self.events = 0

    def add(self, events: Iterable[Stored]) -> None:
        """Ask both policies about each event."""
        for event in events:
            if event.workspace != self._after.name or event.bot:
                continue
            self.events += 1
            before, after = self._answers(self._before, event), self._answers(self._after, event)
            for question in before.keys() | after.keys():
                self._asked[question] += 1
                self._counts[question, before.get(question, "none"), after.get(question, "none")] += 1

    def changed(self) -> list[Changed]:
        """Return what would change, most events first."""
        return [
            Changed(question, before, after, count)
            for (question, before, after), count in self._counts.most_common()
            if before != after
        ]

    def asked(self, question: str) -> int:
        """Return how many events the question was asked about."""
        return self._asked[question]

    def _answers(self, workspace: Workspace, event: Stored) -> dict[str, str]:
        policy, now = workspace.policy, event.received_ms
        stored = door(event.consent, policy, now, self._vendors)
        answers = {"store": "ok" if stored.keep else stored.detail or stored.reason}
        allowed, reason = may_personalise(event.consent, policy, now, self._vendors)
        answers["personalise"] = "ok" if allowed else reason
        for name, destination in workspace.destinations.items():
            if destination.enabled and (not destination.events or event.event in destination.events):
                choice = weigh(event.consent, destination.consent, policy, now, self._vendors)
                answers[f"destination {name}"] = "ok" if choice.allowed else choice.reason
        return answers


async def compare(log: Log, found: PolicyDiff, since_ms: int, most: int | None = None) -> PolicyDiff:
    """Ask about what the log took in since then, at most ``most`` entries of it, and return ``found``."""
    # A cursor of its own, gone at the end: it moves nothing and holds back nothing for long.
    name = f"policy-diff/{os.getpid()}-{os.urandom(4).hex()}"
    read = 0
    consumer = await log.consumer(name)
    try:
        while (most is None or read < most) and (entries := await consumer.poll(_BATCH)):
            records = []
            for entry in entries:
                if entry.appended_ms >= since_ms:
                    read += 1
                    try:
                        records.append(decode(entry.value))
                    except msgspec.MsgspecError:
                        continue
            # Asking is arithmetic: on a thread, so that who waits for other things is not held up.
            await asyncio.to_thread(found.add, [record for record in records if isinstance(record, Stored)])
    finally:
        await consumer.close()
        await log.forget(name)
    return found
