"""Run one benchmark by name, or all of them."""

from __future__ import annotations

import importlib
import pkgutil
import sys

from tools import bench

names = sorted(module.name for module in pkgutil.iter_modules(bench.__path__) if not module.name.startswith("_"))
chosen, arguments = (sys.argv[1:2], sys.argv[2:]) if len(sys.argv) > 1 else (names, [])
if not set(chosen) <= set(names):
    sys.exit(f"no benchmark is called {chosen[0]!r}; there are: {', '.join(names)}")
for name in chosen:
    importlib.import_module(f"tools.bench.{name}").main(arguments)
