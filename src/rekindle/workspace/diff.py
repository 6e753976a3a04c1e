"""The difference between two versions of a workspace, value by value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from rekindle.workspace.documents import Workspace


class Change(msgspec.Struct, frozen=True):
    """One changed value: its path (``destinations.meta.settings.pixel_id``), before and after; None is absence."""

    path: str
    before: Any
    after: Any

    @property
    def sign(self) -> str:
        """``+`` for added, ``-`` for removed, ``~`` for changed."""
        return "+" if self.before is None else "-" if self.after is None else "~"


def changes(before: Workspace | None, after: Workspace | None) -> list[Change]:
    """Return what differs, sorted by path. Either side may be None: nothing configured."""
    old = msgspec.to_builtins(before) if before is not None else {}
    new = msgspec.to_builtins(after) if after is not None else {}
    return sorted(_walk("", old, new), key=lambda change: change.path)


def _walk(path: str, before: Any, after: Any) -> Iterator[Change]:
    # A table that comes or goes is told value by value too: that is what a reader has to check.
    before = {} if before is None and isinstance(after, dict) else before
    after = {} if after is None and isinstance(before, dict) else after
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before.keys() | after.keys():
            yield from _walk(f"{path}.{key}" if path else str(key), before.get(key), after.get(key))
    elif before != after:
        yield Change(path, before, after)
