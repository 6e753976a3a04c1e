"""Which workspace a page belongs to: by its origin, which must be registered (`Shop.origins`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rekindle.model.clock import Clock
from rekindle.workspace import Workspace

_LOOK_MS = 1000


class Origins:
    """Looks workspaces up. ``workspaces`` is asked once a second, so a newly applied version counts within that."""

    def __init__(self, workspaces: Callable[[], Mapping[str, Workspace]], clock: Clock) -> None:
        self._workspaces = workspaces
        self._clock = clock
        self._looked_ms = 0
        self._live: Mapping[str, Workspace] | None = None
        self._by_origin: dict[str, list[Workspace]] = {}

    def of(self, origin: str, wanted: str = "") -> Workspace | None:
        """Return the workspace that registered ``origin``; where several did, ``wanted`` names the one."""
        found = self._index().get(origin.lower().rstrip("/"), ())
        if wanted:
            return next((workspace for workspace in found if workspace.name == wanted), None)
        return found[0] if found else None

    def named(self, name: str) -> Workspace | None:
        """Return the workspace of that name."""
        self._index()
        return None if self._live is None else self._live.get(name)

    def _index(self) -> dict[str, list[Workspace]]:
        now = self._clock()
        if self._live is not None and 0 <= now - self._looked_ms < _LOOK_MS:
            return self._by_origin
        live, self._looked_ms = self._workspaces(), now
        if live is not self._live:
            index: dict[str, list[Workspace]] = {}
            for workspace in live.values():
                for origin in workspace.shop.origins:
                    index.setdefault(origin.lower().rstrip("/"), []).append(workspace)
            self._by_origin, self._live = index, live
        return self._by_origin
