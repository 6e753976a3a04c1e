"""Pinterest Conversions API v5: events by server, deduplicated with the tag's by ``event_id``."""

from rekindle.destinations.pinterest.answers import classify
from rekindle.destinations.pinterest.connector import configure, manifest

__all__ = ["classify", "configure", "manifest"]
