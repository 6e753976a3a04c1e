"""Microsoft Advertising customer lists: people added and removed by hashed e-mail."""

from rekindle.destinations.microsoft_audience.connector import classify, configure, manifest

__all__ = ["classify", "configure", "manifest"]
