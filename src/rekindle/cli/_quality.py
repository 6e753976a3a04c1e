"""The desk of quality, put together."""

from __future__ import annotations

from collections.abc import Iterator

from rekindle.catalog import Ages, SnapshotStore
from rekindle.cli._compose import Installation
from rekindle.engines.blobs import BlobMissing
from rekindle.feeds import NothingToBuild
from rekindle.feeds.quality import QualityDesk
from rekindle.profiles import ItemSightings
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


def age_lines(desk: QualityDesk, workspace: Workspace, feed: str, item_id: str) -> Iterator[str]:
    """Yield how old an item's price and stock are at each stage of a feed; nothing where that is not known."""
    try:
        ages = list(desk.ages(workspace, feed, item_id))
    except (NothingToBuild, BlobMissing):
        return
    for age in ages:
        for stage, price_ms in age.price.items():
            yield f"{feed} {stage}: price {short_age(price_ms)} old, stock {short_age(age.stock[stage])} old"


def short_age(ms: int) -> str:
    """Return an age in its largest unit of which there are two or more: ``90s`` is ``90s``, ``150s`` is ``2m``."""
    seconds = max(0, ms // 1000)
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"
