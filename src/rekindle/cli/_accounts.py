"""Opens destinations' accounts outside their lanes, with the installation's documents and secrets."""

from __future__ import annotations

from rekindle.cli._compose import Installation
from rekindle.egress.account import Accounts
from rekindle.egress.http import HttpTransport
from rekindle.model.discover import discover
from rekindle.workspace import Destination


def open_accounts(installation: Installation, transport: HttpTransport) -> Accounts:
    """Return what opens accounts; a destination counts as configured while the live version has it."""

    def destination(workspace: str, name: str) -> Destination | None:
        found = installation.workspaces().get(workspace)
        return found.destinations.get(name) if found is not None else None

    modules = dict(discover("rekindle.destinations"))
    return Accounts(modules, installation.credentials(transport).get, destination)
