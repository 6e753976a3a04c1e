"""Pinterest customer list: people are added and removed as they come and go."""

from rekindle.destinations.pinterest_audience.connector import classify, configure, manifest

__all__ = ["classify", "configure", "manifest"]
