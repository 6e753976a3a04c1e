"""Meta Conversions API: events by server, deduplicated with the pixel's by ``event_id``."""

from rekindle.destinations.meta.answers import classify
from rekindle.destinations.meta.connector import configure, manifest

__all__ = ["classify", "configure", "manifest"]
