"""One module for each page: what it reads, the page itself and the same as JSON. Each has `HANDLERS`."""

from __future__ import annotations

import importlib
import pkgutil

from litestar.types import ControllerRouterHandler


def handlers() -> list[ControllerRouterHandler]:
    """Return the handlers of every page module."""
    found: list[ControllerRouterHandler] = []
    for module in pkgutil.iter_modules(__path__):
        if not module.name.startswith("_"):
            found.extend(importlib.import_module(f"{__name__}.{module.name}").HANDLERS)
    return found
