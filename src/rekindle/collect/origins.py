"""Which workspace a page belongs to: by its origin, which must be registered (`Shop.origins`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rekindle.workspace import Workspace


class Origins:
    """Looks workspaces up; a newly applied version counts at once."""

    def __init__(self, workspaces: Callable[[], Mapping[str, Workspace]]) -> None:
        self._workspaces = workspaces
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
        live = self._workspaces()
        if live is not self._live:
            index: dict[str, list[Workspace]] = {}
            for workspace in live.values():
                for origin in workspace.shop.origins:
                    index.setdefault(origin.lower().rstrip("/"), []).append(workspace)
            self._by_origin, self._live = index, live
        return self._by_origin
