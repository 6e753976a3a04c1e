"""Decide what a file is by looking into it, never by its name."""

from __future__ import annotations

import re
from types import ModuleType
from typing import Final, cast

from rekindle.catalog.report import Report, refuse
from rekindle.catalog.row import Prepared, Source
from rekindle.model.discover import discover

SOURCES: Final = "rekindle.catalog.sources"

# Narrow looks come before wide ones; sources of other distributions come after the narrow and before the generic ones.
_FIRST = ("idosell_iof", "ceneo", "shopify_bulk", "shopify_json", "shopify_csv", "woocommerce_csv", "magento_csv")
_LAST = ("google_feed", "meta_feed", "jsonl", "csv")

_PROLOG = re.compile(
    r"\s*(?:<\?.*?\?>\s*|<!--.*?-->\s*|<!DOCTYPE[^>]*>\s*)*<([A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)", re.S
)


def root_of(head: str) -> str | None:
    """Return the local name of the XML root element, or None when ``head`` is no XML."""
    found = _PROLOG.match(head)
    return found[2] if found else None


def sources() -> dict[str, Source]:
    """Return every source by name, in the order in which they look at a file."""
    found: dict[str, ModuleType] = dict(discover(SOURCES))
    others = sorted(set(found) - set(_FIRST) - set(_LAST))
    return {name: cast("Source", found[name]) for name in (*_FIRST, *others, *_LAST) if name in found}


def choose(prepared: Prepared, kind: str, report: Report) -> tuple[str, Source]:
    """Return the source named ``kind``, or with ``auto`` the first that recognises the file, and say which.

    Raises `Refused` for an unknown kind or an unknown file.
    """
    known = sources()
    if kind != "auto":
        if kind not in known:
            raise refuse("unknown-kind", f"use auto or one of {', '.join(sorted(known))}", kind)
        return kind, known[kind]
    for name, source in known.items():
        if reason := source.sniff(prepared):
            report.add("kind", f'set kind = "{name}" to say so yourself', severity="note", value=f"{name}: {reason}")
            return name, source
    remedy = 'this is no catalogue that is known here; for a table set kind = "csv" and name its columns'
    raise refuse("unknown-format", remedy, " ".join(prepared.head.split())[:120])
