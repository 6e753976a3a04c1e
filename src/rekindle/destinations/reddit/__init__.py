"""Reddit Conversions API v3: events by server, deduplicated with the pixel's by ``conversion_id``."""

from rekindle.destinations.reddit.answers import classify
from rekindle.destinations.reddit.connector import configure, manifest

__all__ = ["classify", "configure", "manifest"]
