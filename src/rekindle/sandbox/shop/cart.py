"""The cart, in a cookie of the shop: what a visitor chose is the shop's business and needs no server state."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

NAME = "cart"
_MOST_LINES, _MOST_PIECES = 20, 99


def read(cookie: str) -> dict[str, int]:
    """Return item ids and quantities; whatever cannot be read is not in the cart."""
    lines: dict[str, int] = {}
    for item_id, quantity in parse_qsl(cookie)[:_MOST_LINES]:
        if quantity.isdecimal() and 0 < int(quantity) <= _MOST_PIECES:
            lines[item_id] = int(quantity)
    return lines


def write(lines: dict[str, int]) -> str:
    """Return the ``Set-Cookie`` value that keeps the cart for two weeks, or removes an empty one."""
    value = urlencode(list(lines.items())[:_MOST_LINES])
    return f"{NAME}={value}; Path=/; SameSite=Lax; HttpOnly; Max-Age={1_209_600 if lines else 0}"


def add(lines: dict[str, int], item_id: str, quantity: int) -> dict[str, int]:
    """Return the cart with ``quantity`` pieces more; a cart has room for 20 items of 99 pieces."""
    pieces = min(_MOST_PIECES, lines.get(item_id, 0) + max(1, quantity))
    return lines | {item_id: pieces} if item_id in lines or len(lines) < _MOST_LINES else lines
