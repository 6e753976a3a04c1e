"""What the connectors of a workspace's destinations declare, for records and receipts."""

from __future__ import annotations

from rekindle.model.discover import discover
from rekindle.privacy.records import Recipient
from rekindle.workspace import Workspace


def recipients(workspace: Workspace) -> list[Recipient]:
    """Return the enabled destinations' recipients, by name."""
    connectors = discover("rekindle.destinations")
    found = []
    for name, destination in sorted(workspace.destinations.items()):
        if destination.enabled and destination.kind in connectors:
            manifest = connectors[destination.kind].manifest
            found.append(Recipient(name, manifest.title, manifest.fields, manifest.purposes, manifest.hosts))
    return found
