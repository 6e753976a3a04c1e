"""Catalogues from anywhere, read carefully, kept as immutable snapshots with change sets."""

from rekindle.catalog.changes import ChangeSet, ChangeSummary
from rekindle.catalog.importing import CatalogImport
from rekindle.catalog.offers import SnapshotOffers
from rekindle.catalog.reading import open_catalog, read_items, read_rows
from rekindle.catalog.report import Refused, Report
from rekindle.catalog.row import Item, Options, Row
from rekindle.catalog.runs import RunLog, RunResult
from rekindle.catalog.snapshots import Kept, SnapshotStore

__all__ = [
    "CatalogImport",
    "ChangeSet",
    "ChangeSummary",
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
    "open_catalog",
    "read_items",
    "read_rows",
]
