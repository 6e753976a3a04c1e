"""The event log: the record of what happened, of which profiles, audiences and statistics are views."""

from rekindle.engines.log.protocol import (
    Consumer,
    ConsumerLag,
    Entry,
    Keyed,
    Log,
    LogCorrupt,
    LogFull,
    LogUnavailable,
    SetsAside,
    owned,
)
from rekindle.engines.log.sqlite import SqliteConsumer, SqliteLog

__all__ = [
    "Consumer",
    "ConsumerLag",
    "Entry",
    "Keyed",
    "Log",
    "LogCorrupt",
    "LogFull",
    "LogUnavailable",
    "SetsAside",
    "SqliteConsumer",
    "SqliteLog",
    "owned",
]
