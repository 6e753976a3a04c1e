"""Meta product catalogue by its Catalog Batch API, ``items_batch``. Source: Marketing API v25, "Catalog Batch API"."""

from rekindle.feeds.platforms.meta.account import (
    configure,
    expiry_ms,
    manifest,
    most_bytes,
    per_item,
    revision,
    waits,
)

__all__ = ["configure", "expiry_ms", "manifest", "most_bytes", "per_item", "revision", "waits"]
