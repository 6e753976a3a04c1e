"""Puts the parts of subject requests together: who holds what, who is asked to forget, who they are."""

from __future__ import annotations

import hashlib

from rekindle.audiences.subjects import AudienceHolder
from rekindle.cli._accounts import normalisers, open_accounts
from rekindle.cli._compose import Installation
from rekindle.cli._history import WholeLog
from rekindle.egress.asking import Asker
from rekindle.egress.http import HttpTransport
from rekindle.egress.removal import Forgets
from rekindle.egress.send import Door
from rekindle.egress.subjects import ListHolder, OutcomeHolder
from rekindle.model.clock import rfc3339
from rekindle.privacy.ledger import LedgerLine
from rekindle.privacy.relink import Relink
from rekindle.privacy.subjects import Erasure, Holder, Removals, Requests, Sent, completed
from rekindle.privacy.subjects.holders import ConsentHolder
from rekindle.privacy.subjects.removals import OPEN
from rekindle.profiles.subjects import ProfileHolder

HOLDERS: tuple[Holder, ...] = (ConsentHolder(), ProfileHolder(), AudienceHolder(), OutcomeHolder(), ListHolder())
_LOOK_MS = 5_000


def relink(installation: Installation) -> Relink:
    """Return what rotates the pseudonyms' key and moves what stands under older names."""
    return Relink(
        installation.database,
        installation.keyring,
        installation.pseudonymiser,
        installation.clock,
        HOLDERS,
        installation.record,
    )


class Subjects:
    """The erasure of one installation, and the removals that are still to be told."""

    def __init__(self, installation: Installation, transport: HttpTransport) -> None:
        self._installation = installation
        self._looked_ms = -_LOOK_MS
        self._accounts = open_accounts(installation, transport)
        door = Door(transport, installation.ledger, installation.clock)
        self._asker = Asker(installation.database, door, self._accounts, installation.clock)

    def erasure(self) -> Erasure:
        """Return what erases."""
        installation = self._installation
        return Erasure(
            data=installation.settings.data,
            database=installation.database,
            log=WholeLog(installation),
            keyring=installation.keyring,
            vault=installation.vault,
            ledger=installation.ledger,
            clock=installation.clock,
            names=installation.pseudonymiser,
            holders=HOLDERS,
            sent=self._sent,
            remove=self._remove,
            workspaces=lambda: list(installation.workspaces()),
            platforms=list(normalisers().values()),
        )

    def removals(self, workspace: str) -> Removals:
        """Return one workspace's removals."""
        return Removals(
            self._installation.database, self._installation.keyring, self._installation.clock, workspace
        )  # fmt: skip

    def every(self) -> list[tuple[str, Removals]]:
        """Return the removals of each workspace."""
        return [(workspace, self.removals(workspace)) for workspace in list(self._installation.workspaces())]

    async def step(self) -> int:
        """Close the requests that wait for nothing more."""
        now = self._installation.clock()
        if 0 <= now - self._looked_ms < _LOOK_MS:
            return 0
        self._looked_ms = now
        for workspace in list(self._installation.workspaces()):
            self.close_answered(workspace)
        return 0

    async def _remove(self, workspace: str, removals: Removals) -> int:
        return await self._asker.run(Forgets(lambda: [(workspace, removals)], self._installation.clock))

    def close_answered(self, workspace: str) -> None:
        """Complete the certificates of the requests whose last platform has answered."""
        installation, removals = self._installation, self.removals(workspace)
        requests = Requests(installation.database, installation.clock, workspace, installation.pseudonymiser)
        for request in requests.waiting():
            platforms = removals.of(request.id)
            if any(one.state in OPEN for one in platforms):
                continue
            answers = [{"destination": one.destination, "state": one.state, "why": one.reason} for one in platforms]
            signed = completed(
                request.certificate.encode(),
                installation.keyring.ledger_key(),
                answers,
                rfc3339(installation.clock()),
            )
            facts = {
                "request": request.id,
                "platforms": {one.destination: one.state for one in platforms},
                "certificate": hashlib.sha256(signed).hexdigest(),
            }
            installation.ledger.append(
                [LedgerLine("change", workspace, installation.clock(), action="subject.removed", facts=facts)]
            )
            requests.move(request.id, "done", signed.decode())

    def _sent(self, workspace: str, name: str) -> Sent:
        found = self._accounts.kind(workspace, name)
        if found is None:
            return Sent(False, "it is not configured any more, so nobody can be told; tell the platform by hand")
        destination, module = found
        if module.manifest.kind == "audience":
            return Sent(True)
        return Sent(
            False,
            f"events sent to {destination.kind} cannot be deleted: the platform takes events in and offers no call that "
            "takes one back; ask it under its own terms, with the event ids of the ledger",
        )
