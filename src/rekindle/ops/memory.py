"""Keep what the allocator holds small: glibc gives each thread an arena of its own, and none gives back what it freed."""

from __future__ import annotations

import ctypes
import sys

_M_ARENA_MAX = -8  # malloc.h
_ARENAS = 2


def few_arenas() -> bool:
    """Let all threads share two arenas; return whether that took effect (only glibc knows it).

    Threads here do short work in turns (a transaction, a batch of mappings), so that memory freed by one is of use to
    the others. Call it before there are any. ``MALLOC_ARENA_MAX`` in the environment does the same.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_M_ARENA_MAX, _ARENAS))
