"""Google Data Manager API: conversions to Google Ads and other Google products, taken now and judged later."""

from rekindle.destinations.google_data_manager.connector import classify, configure, manifest

__all__ = ["classify", "configure", "manifest"]
