"""The event log: the record of what happened, of which profiles, audiences and statistics are views."""

from rekindle.engines.log.protocol import Consumer, ConsumerLag, Entry, Keyed, Log, LogFull, LogUnavailable

__all__ = ["Consumer", "ConsumerLag", "Entry", "Keyed", "Log", "LogFull", "LogUnavailable"]
