"""Snapchat customer list segment: people are added and removed as they come and go."""

from rekindle.destinations.snapchat_audience.connector import classify, configure, manifest

__all__ = ["classify", "configure", "manifest"]
