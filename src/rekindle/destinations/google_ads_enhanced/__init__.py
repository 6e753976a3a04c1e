"""Google Ads API: enhanced conversions and click conversions, for accounts that are not on the Data Manager API."""

from rekindle.destinations.google_ads_enhanced.answers import classify
from rekindle.destinations.google_ads_enhanced.connector import configure, manifest

__all__ = ["classify", "configure", "manifest"]
