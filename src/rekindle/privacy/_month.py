"""One month's key tree as a process has it in memory: families as they are kept, and what was opened of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rekindle.privacy import _tree

_OPEN_FAMILIES = 4_096
_NEAR = 4  # how far down nodes are remembered: at most 16⁴ of them (10 MB), and three steps fewer for a new subject


class MonthTree:
    """``families`` maps places to wrapped families; ``unwrap`` opens one and raises what the vault raises.

    A tree is thrown away whole when anything in it was destroyed: what is remembered here would lead to it.
    """

    def __init__(self, families: Mapping[str, bytes], unwrap: Callable[[str, bytes], bytes]) -> None:
        self._families = families
        self._unwrap = unwrap
        self._opened: dict[str, bytes] = {}
        self._near: dict[str, bytes] = {}

    def __bool__(self) -> bool:
        return bool(self._families)

    def leaf(self, path: str) -> bytes | None:
        """Return the key at ``path``, or None when it was destroyed."""
        node = self._near.get(path[:_NEAR])
        if node is None:
            place = _tree.covering(self._families, path)
            family = self._open(place)
            if len(place) >= _NEAR or (node := _tree.leaf(place, family, path, _NEAR)) is None:
                return _tree.leaf(place, family, path)
            self._near[path[:_NEAR]] = node
        return _tree.descend(node, path[_NEAR:])

    def opened(self) -> set[bytes]:
        """Return every secret that is held in clear."""
        return {*self._opened.values(), *self._near.values()}

    def _open(self, place: str) -> bytes:
        family = self._opened.get(place)
        if family is None:
            family = self._unwrap(place, self._families[place])
            if len(self._opened) >= _OPEN_FAMILIES:
                self._opened.clear()
            self._opened[place] = family
        return family
