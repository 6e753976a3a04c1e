"""The door: one request leaves with a permit for each of its events, and with a ledger line for each of them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from rekindle.egress._journal import Journal, Recorder
from rekindle.egress.answers import same
from rekindle.egress.connector import Answer, Limits, OutRequest, Retry, Verdict
from rekindle.egress.http import Transport, TransportFailed
from rekindle.egress.request import host_of
from rekindle.model.clock import Clock
from rekindle.privacy.ledger import LedgerLine
from rekindle.privacy.permit import Leave, Permit, PermitMismatch, in_order


class HostRefused(Exception):
    """A connector built a request to a host that neither its manifest nor its settings name."""


class Account(Protocol):
    """What the door asks of an account, of events or of an audience."""

    @property
    def fields(self) -> frozenset[str]:
        """The fields it uses."""
        ...

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts its requests may go to."""
        ...


class Door:
    """The only way out. One for all lanes of a process."""

    def __init__(self, transport: Transport, ledger: Recorder, clock: Clock) -> None:
        self._transport = transport
        self._journal = Journal(ledger)
        self._clock = clock

    async def send(
        self, name: str, workspace: str, connector: Account, limits: Limits, request: OutRequest,
        permits: Sequence[Permit], classify: Callable[[Answer, int], Verdict], took: Callable[[int], None] = lambda _: None,
    ) -> Verdict:  # fmt: skip
        """Send and return what the answer means.

        Raises `PermitRefused` when an event of the request has no valid permit for this destination, `HostRefused`,
        and whatever the ledger raises when it cannot record: then nothing was sent. No answer is a verdict (retry).
        ``took`` is told how many ms the platform needed.
        """
        leave = self._check(name, workspace, connector, request, permits)
        digest = hashlib.sha256(request.body).hexdigest()
        intents = [_intent(permit, name, workspace, digest, self._clock()) for permit in permits]
        await self._journal.append(intents)
        # The ledger may have waited for its turn; what was allowed before must be allowed now.
        leave.still(self._clock())
        began = self._clock()
        try:
            answer = await self._transport.send(request, limits)
        except TransportFailed as error:
            verdict = same("retry", len(permits), retry=Retry(), words=f"no answer: {error}")
        else:
            verdict = classify(answer, len(permits))
            if len(verdict.per_event) != len(permits):
                verdict = same("retry", len(permits), words="the connector's verdict does not fit the batch")
        took(self._clock() - began)
        end = _answer(name, workspace, digest, verdict, self._clock())
        await self._journal.append([end])
        return verdict

    async def ask(self, name: str, connector: Account, limits: Limits, request: OutRequest) -> Answer:
        """Ask a platform about its own doing: nobody's data leaves, so there is no permit and no line.

        Raises `PermitMismatch` for a request that has events or people in it, `HostRefused`, and `TransportFailed`.
        """
        if request.event_ids:
            raise PermitMismatch("a question has no events in it")
        self._check_host(name, connector, request)
        return await self._transport.send(request, limits)

    async def note(self, line: LedgerLine) -> None:
        """Write down what a platform said later. Raises what the ledger raises."""
        await self._journal.append([line])

    def _check(
        self, name: str, workspace: str, connector: Account, request: OutRequest, permits: Sequence[Permit]
    ) -> Leave:
        if request.event_ids != tuple(permit.event_id for permit in permits):
            raise PermitMismatch("the permits are not those of the events in the request")
        for permit in permits:
            if permit.workspace != workspace or not permit.fields <= connector.fields:
                raise PermitMismatch("the permit is for another account")
        self._check_host(name, connector, request)
        return Leave(permits, self._clock(), name)

    @staticmethod
    def _check_host(name: str, connector: Account, request: OutRequest) -> None:
        if host_of(request.url) not in connector.hosts:
            raise HostRefused(f"{name}: the request's host is not one of {', '.join(sorted(connector.hosts))}")


def _intent(permit: Permit, name: str, workspace: str, digest: str, now_ms: int) -> LedgerLine:
    """Return the line of one event that is about to leave: on what ground, with which fields, in which request."""
    facts = {
        "request": digest,
        "basis": permit.basis,
        "purposes": in_order(permit.purposes),
        "fields": in_order(permit.fields),
        "limited_use": permit.limited_use,
        "permit_ms": permit.issued_ms,
    }
    return LedgerLine(
        kind="send", workspace=workspace, at_ms=now_ms, actor="egress", action="send", event_id=permit.event_id,
        subject=permit.subject, destination=name, facts=facts,
    )  # fmt: skip


def _answer(name: str, workspace: str, digest: str, verdict: Verdict, now_ms: int) -> LedgerLine:
    """Return the line of a request that was answered, or not: how many events came to what, and the platform's trace."""
    facts = {"request": digest, "results": dict(Counter(verdict.per_event)), "trace": verdict.trace}
    return LedgerLine(
        kind="send", workspace=workspace, at_ms=now_ms, actor="egress", action="answer", destination=name,
        reason=verdict.words, facts=facts,
    )  # fmt: skip
