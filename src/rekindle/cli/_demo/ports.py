"""TCP ports for the demo: the usual ones where they are free."""

from __future__ import annotations

import socket


def choose(wanted: int) -> int:
    """Return ``wanted`` if nobody listens there, else a port that the system chooses."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
