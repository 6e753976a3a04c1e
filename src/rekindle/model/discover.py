"""Find connectors: the folders of one of our packages, and what other distributions offer by entry point."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from importlib.metadata import entry_points
from types import ModuleType


def discover(package: str) -> Mapping[str, ModuleType]:
    """Return the connector packages below ``package`` by name, e.g. ``rekindle.destinations``.

    Our own are its sub-packages; others come from the entry-point group of the same name. A name that is taken by one
    of ours cannot be replaced, so that installing a package never changes where data goes.
    """
    root = importlib.import_module(package)
    found = {entry.name: entry for entry in entry_points(group=package)}
    modules: dict[str, ModuleType] = {}
    for name, entry in sorted(found.items()):
        modules[name] = entry.load()
    for module in pkgutil.iter_modules(root.__path__):
        if module.ispkg and not module.name.startswith("_"):
            modules[module.name] = importlib.import_module(f"{package}.{module.name}")
    return modules
