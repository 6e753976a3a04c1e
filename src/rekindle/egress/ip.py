"""Tell IP addresses from other text."""

from __future__ import annotations

import socket
from ipaddress import ip_address


def is_address(text: str) -> bool:
    """Say whether ``ipaddress`` can read the text, of either version; asked for each event at each destination."""
    for family in (socket.AF_INET, socket.AF_INET6):
        # The C library's reading costs a tenth, and takes no text that ``ipaddress`` does not take.
        try:
            socket.inet_pton(family, text)
        except (OSError, ValueError):
            continue
        return True
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
