"""A simulated customer list of the Data Manager API: the same service as for events."""

from rekindle.sandbox.platforms.google_data_manager import answer

__all__ = ["answer"]
