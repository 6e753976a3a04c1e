"""Opens destinations' accounts outside their lanes, and tells which normalisers all destinations have."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from rekindle.cli._compose import Installation
from rekindle.egress.account import Accounts
from rekindle.egress.http import HttpTransport
from rekindle.model.discover import discover
from rekindle.privacy.normalise import PLATFORMS, Platform
from rekindle.workspace import Destination


def open_accounts(installation: Installation, transport: HttpTransport) -> Accounts:
    """Return what opens accounts; a destination counts as configured while the live version has it."""

    def destination(workspace: str, name: str) -> Destination | None:
        found = installation.workspaces().get(workspace)
        return found.destinations.get(name) if found is not None else None

    modules = dict(discover("rekindle.destinations"))
    return Accounts(modules, installation.credentials(transport).get, destination)


@cache
def normalisers() -> Mapping[str, Platform]:
    """Return every normaliser by its platform's name: the shared ones, and those that destinations bring."""
    brought = [module.manifest.identifiers for module in discover("rekindle.destinations").values()]
    return {each.name: each for each in brought if each is not None} | dict(PLATFORMS)
