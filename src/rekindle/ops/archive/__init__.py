"""The archive: what the log held, in Parquet files by the hour, for reading, replays and rebuilds."""

from rekindle.ops.archive.history import HistoryLog, pages
from rekindle.ops.archive.reading import Archive, ArchiveDamaged
from rekindle.ops.archive.writing import CONSUMER, ArchiveFile, ArchiveWriter

__all__ = ["CONSUMER", "Archive", "ArchiveDamaged", "ArchiveFile", "ArchiveWriter", "HistoryLog", "pages"]
