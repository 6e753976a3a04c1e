"""Random bytes from the system, fetched in pages.

A call of `os.urandom` lets other threads run; on the hot path, beside the log's writer, getting back costs more than
the bytes. For nonces and ids, in one process: a page is not shared with a fork.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

_PAGE = 4096


def pooled_random(source: Callable[[int], bytes] = os.urandom) -> Callable[[int], bytes]:
    """Return a function like `os.urandom` that asks ``source`` once for many calls. Safe for threads."""
    lock = threading.Lock()
    page, at = b"", 0

    def take(size: int) -> bytes:
        nonlocal page, at
        with lock:
            if at + size > len(page):
                page, at = source(max(_PAGE, size)), 0
            found = page[at : at + size]
            at += size
            return found

    return take
