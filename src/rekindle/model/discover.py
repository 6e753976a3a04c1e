"""Find connectors: the folders of one of our packages, and what other distributions offer by entry point."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from types import ModuleType


class Connectors(Mapping[str, ModuleType]):
    """Connector packages by name. One of ours is loaded when it is asked for, those of others to see whether they load.

    A distribution of somebody else's that cannot be loaded, or lacks what its group needs, is set aside: to whoever
    looks for it by name, it is not there.
    """

    def __init__(self, package: str) -> None:
        root = importlib.import_module(package)
        self._package = package
        self._needs: tuple[str, ...] = getattr(root, "NEEDS", ())
        self._ours = {
            found.name
            for found in pkgutil.iter_modules(root.__path__)
            if found.ispkg and not found.name.startswith("_")
        }
        offered = _offered(package, tuple(sys.path))
        self._others = {entry.name: entry for entry in offered if entry.name not in self._ours}
        self._loaded: dict[str, ModuleType] = {}
        self._faults: dict[str, str] = {}

    def __getitem__(self, name: str) -> ModuleType:
        if name not in self._loaded:
            if name in self._ours:
                self._loaded[name] = importlib.import_module(f"{self._package}.{name}")
            elif name not in self._others or not self._load(name, self._others[name]):
                raise KeyError(name)
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        return name in self._ours or (isinstance(name, str) and self.get(name) is not None)

    def __iter__(self) -> Iterator[str]:
        yield from (name for name in sorted(self._others) if name in self)
        yield from sorted(self._ours)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @property
    def set_aside(self) -> Mapping[str, str]:
        """What others offer and cannot be used, by name, with the distribution and the reason. Loads them."""
        len(self)
        return dict(self._faults)

    def _load(self, name: str, entry: EntryPoint) -> bool:
        if name in self._faults:
            return False
        try:
            module = entry.load()
        except Exception as error:  # noqa: BLE001 - it is not ours, and one bad package must not stop every command
            # Other exceptions' texts can quote anything, such as a setting of the environment.
            told = isinstance(error, (ImportError, SyntaxError, AttributeError))
            fault = f"{type(error).__name__}: {error}" if told else type(error).__name__
        else:
            lacking = [part for part in self._needs if not hasattr(module, part)]
            if not lacking:
                self._loaded[name] = module
                return True
            fault = f"it has no {', '.join(lacking)}"
        owner = entry.dist.name if entry.dist is not None else entry.value
        self._faults[name] = f"{owner} cannot be loaded ({fault}); repair it or uninstall it"
        return False


@lru_cache(maxsize=32)
def _offered(group: str, _path: tuple[str, ...]) -> EntryPoints:
    """Return what is offered: reading what is installed takes milliseconds, and every step of a source asks again."""
    return entry_points(group=group)


def discover(package: str) -> Connectors:
    """Return the connector packages below ``package`` by name, e.g. ``rekindle.destinations``.

    Our own are its sub-packages; others come from the entry-point group of the same name, and need the attributes that
    ``NEEDS`` of our package names. A name that is taken by one of ours cannot be replaced, so that installing a package
    never changes where data goes.
    """
    return Connectors(package)
