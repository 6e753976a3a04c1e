"""Snapchat Conversions API v3: events by server, deduplicated with the pixel's by ``event_id``."""

from rekindle.destinations.snapchat.connector import classify, configure, manifest

__all__ = ["classify", "configure", "manifest"]
