"""Google Merchant Center by its API: `productInputs` of a primary data source of type API. Source: Merchant API v1."""

from rekindle.feeds.platforms.google_merchant.account import (
    configure,
    expiry_ms,
    manifest,
    most_bytes,
    per_item,
    revision,
    waits,
)

__all__ = ["configure", "expiry_ms", "manifest", "most_bytes", "per_item", "revision", "waits"]
