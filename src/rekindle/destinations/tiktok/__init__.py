"""TikTok Events API 2.0: events by server, deduplicated with the pixel's by name and ``event_id``."""

from rekindle.destinations.tiktok.answers import classify
from rekindle.destinations.tiktok.connector import configure, manifest

__all__ = ["classify", "configure", "manifest"]
