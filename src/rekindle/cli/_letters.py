"""The desk for dead letters, with what it takes to map an event again as an account was or is configured."""

from __future__ import annotations

from functools import partial

from rekindle.cli._compose import Installation
from rekindle.egress.deadletters import LetterDesk
from rekindle.egress.rehearsal import Rehearsal
from rekindle.feeds import PublishedIds
from rekindle.model.discover import discover


def letter_desk(installation: Installation) -> LetterDesk:
    """Return the desk of an installation."""
    return LetterDesk(
        installation.database,
        installation.log,
        installation.ledger,
        installation.clock,
        partial(_account, installation),
    )


def _account(installation: Installation, workspace: str, destination: str, at_ms: int | None) -> Rehearsal | None:
    shop = installation.workspaces().get(workspace) if at_ms is None else installation.versions.at(workspace, at_ms)
    document = shop.destinations.get(destination) if shop else None
    module = discover("rekindle.destinations").get(document.kind) if document else None
    if shop is None or document is None or module is None:
        return None
    return Rehearsal(
        destination,
        document,
        shop.policy,
        module,
        partial(_secret, installation),
        installation.consents,
        installation.vault,
        PublishedIds(installation.database, installation.blobs, installation.clock),
        installation.vendors,
    )


def _secret(installation: Installation, name: str) -> str:
    """Return a secret; in place of an access token that is made, a word will do: nothing is sent."""
    return "-" if name.startswith("oauth:") else installation.secrets.get(name)
