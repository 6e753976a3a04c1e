"""What one shop has configured: documents, immutable versions, differences, plan and apply."""

from rekindle.workspace.documents import (
    Audience,
    Campaign,
    Catalog,
    Destination,
    DestinationConsent,
    Feed,
    FeedRule,
    Policy,
    Shop,
    Source,
    Tag,
    Workspace,
    duration_ms,
)

__all__ = [
    "Audience",
    "Campaign",
    "Catalog",
    "Destination",
    "DestinationConsent",
    "Feed",
    "FeedRule",
    "Policy",
    "Shop",
    "Source",
    "Tag",
    "Workspace",
    "duration_ms",
]
