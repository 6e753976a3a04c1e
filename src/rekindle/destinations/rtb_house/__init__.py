"""RTB House: events by server, under contract; nothing of it is publicly specified (see the manifest)."""

from rekindle.destinations.rtb_house.connector import classify, configure, manifest

__all__ = ["classify", "configure", "manifest"]
