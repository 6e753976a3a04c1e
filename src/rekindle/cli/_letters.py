"""The desk for dead letters, with what it takes to map an event again as an account was or is configured."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from rekindle.cli._compose import Installation
from rekindle.egress._members import Members, Ready
from rekindle.egress._people import Person, Told
from rekindle.egress.account import AccountUnusable
from rekindle.egress.connector import SettingsError
from rekindle.egress.deadletters import LetterDesk
from rekindle.egress.deadmembers import MemberDesk
from rekindle.egress.options import take_apart
from rekindle.egress.rehearsal import Rehearsal
from rekindle.engines.secrets import SecretMissing
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


def member_desk(installation: Installation) -> MemberDesk:
    """Return the desk for people whom an audience's platform refused."""
    return MemberDesk(
        installation.database, installation.ledger, installation.clock, partial(_would_tell, installation)
    )


def _would_tell(
    installation: Installation, workspace: str, destination: str, people: Sequence[Person]
) -> Sequence[Ready | Told] | None:
    shop = installation.workspaces().get(workspace)
    document = shop.destinations.get(destination) if shop else None
    module = discover("rekindle.destinations").get(document.kind) if document else None
    if shop is None or document is None or module is None:
        return None
    try:
        parts = take_apart(module.manifest, document.settings)
        secrets = {key: _secret(installation, name) for key, name in parts.secrets.items()}
        account = module.configure(parts.settings, secrets)
    except (SettingsError, SecretMissing) as error:
        raise AccountUnusable(str(error)) from None
    members = Members(
        destination, workspace, document, shop.policy, module.manifest.fields, installation.consents,
        installation.vault, installation.vendors, installation.pseudonymiser,
    )  # fmt: skip
    return members.prepare(people, account, installation.clock())


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
