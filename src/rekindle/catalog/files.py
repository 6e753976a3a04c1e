"""The files that one state is kept in."""

from __future__ import annotations

from pathlib import Path

import msgspec

from rekindle.model.ports import overlaid


class Files(msgspec.Struct, frozen=True):
    """The files of a state, and how many items it has."""

    base: Path
    patch: Path | None = None
    items: int = 0

    def table(self) -> str:
        """Return SQL for the rows."""
        return overlaid(self.base, self.patch)
