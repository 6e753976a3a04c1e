"""Reports as CSV, for a table program: one line for each item."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from rekindle.feeds.findings import Finding
from rekindle.feeds.landing.store import Checked
from rekindle.feeds.quality.drift import Drifted
from rekindle.feeds.quality.freshness import ItemAge
from rekindle.feeds.quality.ids import Miss
from rekindle.model.clock import rfc3339
from rekindle.model.issue import Issue

Row = Sequence[object]
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(rows: Iterable[Row]) -> Iterator[str]:
    """Yield lines of CSV (RFC 4180).

    Item ids and pages come from the internet. A text that a table program would take for a formula gets an apostrophe in
    front (OWASP, CSV injection); numbers do not.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for row in rows:
        writer.writerow([_safe(value) for value in row])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def _safe(value: object) -> object:
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return "" if value is None else value


def ids(misses: Iterable[Miss]) -> Iterator[Row]:
    """Yield the ids that pages send and the feed does not hold."""
    yield ("item_id", "events", "why", "id_in_feed", "last_seen")
    for miss in misses:
        yield (miss.item_id, miss.events, miss.code, miss.feed_id, rfc3339(miss.last_ms))


def drift(items: Iterable[Drifted]) -> Iterator[Row]:
    """Yield the items whose price or stock differs."""
    yield ("item_id", "what", "in_feed", "on_page", "since", "last_seen", "views", "views_that_agree")
    for item in items:
        yield (
            item.item_id, item.kind, item.feed_value, item.page_value, rfc3339(item.since_ms), rfc3339(item.last_ms),
            item.views, item.agreeing,
        )  # fmt: skip


def ages(items: Iterable[ItemAge]) -> Iterator[Row]:
    """Yield how old each item's price and stock are at each stage, in seconds; empty where a platform has no such item."""
    stages: list[str] | None = None
    for item in items:
        if stages is None:
            stages = list(item.price)
            names = [f"{value}_age_s_{stage}" for value in ("price", "stock") for stage in stages]
            yield ("item_id", "seen", "price_changed", "stock_changed", *names)
        found = [ages[stage] for ages in (item.price, item.stock) for stage in stages]
        seconds = [None if age is None else age // 1000 for age in found]
        yield (item.item_id, rfc3339(item.seen_ms), rfc3339(item.price_ms), rfc3339(item.stock_ms), *seconds)
    if stages is None:
        yield ("item_id", "seen", "price_changed", "stock_changed")


def pages(found: Iterable[Checked]) -> Iterator[Row]:
    """Yield what was found at landing pages: a line for each finding, and one for an item without any."""
    yield (
        "item_id",
        "row",
        "visited",
        "outcome",
        "severity",
        "attribute",
        "finding",
        "in_feed",
        "on_page",
        "link",
        "remedy",
    )
    for item in found:
        own = (item.item, item.row, rfc3339(item.at_ms), item.outcome)
        if not item.findings:
            yield (*own, "", "", "", "", "", item.link, "")
        for each in item.findings:
            yield (
                *own, each.severity, each.attribute, each.code, each.feed_value, each.page_value, item.link, each.remedy,
            )  # fmt: skip


def issues(found: Iterable[Issue]) -> Iterator[Row]:
    """Yield single issues of checks."""
    yield ("item_id", "row", "severity", "attribute", "finding", "value", "remedy")
    for each in found:
        yield (each.id, each.row, each.severity, each.attribute, each.code, each.value, each.remedy)


def findings(feeds: Iterable[tuple[str, str, Sequence[Finding]]]) -> Iterator[Row]:
    """Yield what checks found, counted: (feed, channel, findings)."""
    yield ("feed", "channel", "severity", "attribute", "finding", "items", "remedy")
    for feed, channel, found in feeds:
        for each in found:
            yield (feed, channel, each.severity, each.attribute, each.code, each.count, each.remedy)
