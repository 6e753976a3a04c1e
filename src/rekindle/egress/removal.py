"""Take erased people off the platforms' lists: what `rekindle.privacy.subjects` has put aside is told to each of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from rekindle.egress.account import Accounts, AccountUnusable
from rekindle.egress.audience import AudienceConnector, MappedMember, Member
from rekindle.egress.connector import Rejected
from rekindle.egress.fields import cut_member
from rekindle.egress.send import Door
from rekindle.model.clock import Clock
from rekindle.model.sealed import Sealed
from rekindle.privacy.decide import permit_removal
from rekindle.privacy.subjects.removals import IMPOSSIBLE, REFUSED, REMOVED, Removal, Removals

_DONE = ("delivered", "accepted")


class Remover:
    """Asks platforms to forget."""

    def __init__(self, door: Door, accounts: Accounts, clock: Clock) -> None:
        self._door = door
        self._accounts = accounts
        self._clock = clock

    async def run(self, workspace: str, removals: Removals) -> int:
        """Ask every platform whose time has come; return how many were asked."""
        due = await asyncio.to_thread(removals.due)
        for removal, people in due:
            state, reason = await self._one(workspace, removal, people)
            if state:
                await asyncio.to_thread(
                    removals.settle, removal.request, removal.destination, state, reason
                )  # fmt: skip
            else:
                await asyncio.to_thread(removals.again, removal, reason)
        return len(due)

    async def _one(self, workspace: str, removal: Removal, people: Sequence[Sealed]) -> tuple[str, str]:
        try:
            module, connector = await asyncio.to_thread(self._accounts.open, workspace, removal.destination)
        except AccountUnusable as error:
            return "", str(error)
        mapped = _map(connector, removal.request, people)
        if not mapped:
            return IMPOSSIBLE, "nothing is known of the person that this platform could match"
        accepted = False
        groups: dict[str, list[MappedMember]] = {}
        for member in mapped:
            groups.setdefault(member.group, []).append(member)
        for group in groups.values():
            for start in range(0, len(group), connector.batch):
                part = group[start : start + connector.batch]
                for request in connector.build("remove", part, self._clock()):
                    permits = [
                        # The request stands for the person: the ledger must not name who is being erased.
                        permit_removal(
                            workspace,
                            removal.request,
                            member,
                            removal.destination,
                            fields=connector.fields,
                            now_ms=self._clock(),
                        )
                        for member in request.event_ids
                    ]
                    verdict = await self._door.send(
                        removal.destination, workspace, connector, module.manifest.limits, request,
                        permits, module.classify,
                    )  # fmt: skip
                    if any(one == "permanent" for one in verdict.per_event):
                        return REFUSED, verdict.words
                    if not all(one in _DONE for one in verdict.per_event):
                        return "", verdict.words or "no answer yet"
                    accepted = accepted or "accepted" in verdict.per_event
        return REMOVED, "the platform took the request and works on it" if accepted else "the platform confirmed it"


def _map(connector: AudienceConnector, request: str, people: Sequence[Sealed]) -> list[MappedMember]:
    found = []
    for number, sealed in enumerate(people):
        user, client = cut_member(sealed.user, sealed.client, connector.fields)
        mapped = connector.map(Member(f"{request}-{number}", user, client), "remove")
        if not isinstance(mapped, Rejected):
            found.append(mapped)
    return found
