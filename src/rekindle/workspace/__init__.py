"""What one shop has configured: documents, immutable versions, differences, plan and apply."""

from rekindle.workspace.approval import ApprovalRefused, policy_changes
from rekindle.workspace.diff import Change, changes
from rekindle.workspace.documents import (
    Audience,
    Campaign,
    Catalog,
    Delivery,
    Destination,
    DestinationConsent,
    Feed,
    FeedExample,
    FeedPush,
    FeedRule,
    FeedTemplate,
    Policy,
    PolicyTest,
    Quality,
    Shop,
    Source,
    Tag,
    Workspace,
    duration_ms,
)
from rekindle.workspace.load import WorkspaceError, load_folder
from rekindle.workspace.reviews import Review
from rekindle.workspace.scaffold import scaffold
from rekindle.workspace.versions import Version, VersionMissing, Versions

__all__ = [
    "ApprovalRefused",
    "Audience",
    "Campaign",
    "Catalog",
    "Change",
    "Delivery",
    "Destination",
    "DestinationConsent",
    "Feed",
    "FeedExample",
    "FeedPush",
    "FeedRule",
    "FeedTemplate",
    "Policy",
    "PolicyTest",
    "Quality",
    "Review",
    "Shop",
    "Source",
    "Tag",
    "Version",
    "VersionMissing",
    "Versions",
    "Workspace",
    "WorkspaceError",
    "changes",
    "duration_ms",
    "load_folder",
    "policy_changes",
    "scaffold",
]
