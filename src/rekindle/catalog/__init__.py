"""Catalogues from anywhere, read carefully, kept as immutable snapshots with change sets."""

from rekindle.catalog._folder import FolderReader
from rekindle.catalog.accounts import Accounts
from rekindle.catalog.ages import Age, Ages
from rekindle.catalog.changes import ChangeSet, ChangeSummary
from rekindle.catalog.hints import HintStore
from rekindle.catalog.hooks import HookServer
from rekindle.catalog.importing import CatalogImport
from rekindle.catalog.inputs import Inputs
from rekindle.catalog.offers import SnapshotOffers
from rekindle.catalog.reading import open_catalog, read_items, read_rows
from rekindle.catalog.refresh import CatalogRefresh
from rekindle.catalog.report import Refused, Report
from rekindle.catalog.row import Item, Options, Row
from rekindle.catalog.runs import RunLog, RunResult
from rekindle.catalog.snapshots import Kept, SnapshotStore
from rekindle.catalog.walker import Walker

__all__ = [
    "Accounts",
    "Age",
    "Ages",
    "CatalogImport",
    "CatalogRefresh",
    "ChangeSet",
    "ChangeSummary",
    "FolderReader",
    "HintStore",
    "HookServer",
    "Inputs",
    "Item",
    "Kept",
    "Options",
    "Refused",
    "Report",
    "Row",
    "RunLog",
    "RunResult",
    "SnapshotOffers",
    "SnapshotStore",
    "Walker",
    "open_catalog",
    "read_items",
    "read_rows",
]
