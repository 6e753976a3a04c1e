"""TCP ports for the demo: the usual ones where they are free."""

from __future__ import annotations

import random
import socket
from collections.abc import Collection

# Below what Linux and macOS take from for those who ask for any port: nobody who asks gets one of these between our
# look and the moment when the process that was told to listen there does.
_FREE = range(20_000, 32_000)
_TRIES = 100


def choose(wanted: int, beside: Collection[int] = ()) -> int:
    """Return ``wanted`` if nobody listens there, else (and for 0) a free port that is not ``beside``.

    Raises `OSError` when none is found.
    """
    for port in ([wanted] if wanted else []) + random.sample(_FREE, _TRIES):
        if port not in beside and _is_free(port):
            return port
    raise OSError(f"no free port among {_TRIES} from {_FREE.start} to {_FREE.stop - 1}")


def free(count: int) -> list[int]:
    """Return ports that are free, each another. Raises `OSError` when none is found."""
    chosen: list[int] = []
    for _ in range(count):
        chosen.append(choose(0, chosen))
    return chosen


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
