"""DuckDB for the archive: core only, bounded memory, spilling to the work folder."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import duckdb

MEMORY: Final = "256MB"


def connect(folder: Path) -> duckdb.DuckDBPyConnection:
    """Open an engine whose tables and spills live in ``folder``; nothing is ever loaded from the network."""
    return duckdb.connect(
        str(folder / "work.duckdb"),
        config={
            "memory_limit": MEMORY,
            "threads": 1,
            "temp_directory": str(folder / "spill"),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
