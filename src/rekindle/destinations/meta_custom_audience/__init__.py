"""Meta custom audience from a customer list: people are added and removed as they come and go."""

from rekindle.destinations.meta_custom_audience.connector import classify, configure, manifest

__all__ = ["classify", "configure", "manifest"]
