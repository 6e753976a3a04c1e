"""Google Data Manager API: members of a customer list, added and removed."""

from rekindle.destinations.google_data_manager_audience.connector import classify, configure, manifest

__all__ = ["classify", "configure", "manifest"]
