"""Catalogues from anywhere, read carefully, kept as immutable snapshots with change sets."""

from rekindle.catalog.reading import open_catalog, read_items, read_rows
from rekindle.catalog.report import Refused, Report
from rekindle.catalog.row import Item, Options, Row

__all__ = ["Item", "Options", "Refused", "Report", "Row", "open_catalog", "read_items", "read_rows"]
