"""The desks of quality and of categories, put together."""

from __future__ import annotations

from collections.abc import Iterator

from rekindle.catalog import Ages, SnapshotStore
from rekindle.cli._compose import Installation
from rekindle.engines.blobs import BlobMissing
from rekindle.engines.database import Database
from rekindle.feeds import NothingToBuild
from rekindle.feeds.category_desk import CategoryDesk
from rekindle.feeds.push import pushed_item
from rekindle.feeds.quality import QualityDesk
from rekindle.model.clock import rfc3339
from rekindle.profiles import ItemSightings
from rekindle.profiles.performance import ItemPerformance
from rekindle.workspace import Workspace


def quality_desk(installation: Installation) -> QualityDesk:
    """Return what compares feeds with what the tag saw."""
    database, blobs = installation.database, installation.blobs
    return QualityDesk(
        database,
        blobs,
        SnapshotStore(database, blobs),
        ItemSightings(database),
        Ages(database, blobs),
        installation.clock,
        installation.settings.data / "work",
    )


def category_desk(installation: Installation) -> CategoryDesk:
    """Return what tells a shop's categories and tries another mapping."""
    return CategoryDesk(
        SnapshotStore(installation.database, installation.blobs),
        ItemPerformance(installation.database),
        installation.clock,
        installation.settings.data / "work",
    )


def age_lines(desk: QualityDesk, workspace: Workspace, feed: str, item_id: str) -> Iterator[str]:
    """Yield how old an item's price and stock are at each stage of a feed; nothing where that is not known."""
    try:
        ages = list(desk.ages(workspace, feed, item_id))
    except (NothingToBuild, BlobMissing):
        return
    for age in ages:
        for stage, price_ms in age.price.items():
            stock_ms = age.stock[stage]
            if price_ms is not None and stock_ms is not None:
                yield f"{feed} {stage}: price {short_age(price_ms)} old, stock {short_age(stock_ms)} old"


def push_lines(database: Database, workspace: Workspace, feed: str, item_id: str) -> Iterator[str]:
    """Yield what the platform that a feed is pushed to says of an item; ``item_id`` is its id in the feed."""
    known = pushed_item(database, workspace.name, feed, item_id)
    if known is None:
        yield f"{feed} push: no version with this item was pushed yet"
        return
    if known.current:
        yield f"{feed} push: the platform accepted it as it is, {rfc3339(known.accepted_ms)}"
    elif known.accepted_ms:
        yield f"{feed} push: the platform has an older form, accepted {rfc3339(known.accepted_ms)}"
    else:
        yield f"{feed} push: the platform has accepted no form of it"
    if known.state != "accepted":
        sent = f", last sent {rfc3339(known.pushed_ms)}" if known.pushed_ms else ", not sent yet"
        yield f"{feed} push: its newest form, wanted since {rfc3339(known.wanted_ms)}, is {known.state}{sent}"
    if known.code:
        yield f"{feed} push: the platform says {known.code}: {known.words}"


def short_age(ms: int) -> str:
    """Return an age in its largest unit of which there are two or more: ``90s`` is ``90s``, ``150s`` is ``2m``."""
    seconds = max(0, ms // 1000)
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"
