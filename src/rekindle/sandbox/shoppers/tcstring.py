"""Write the TC string of a visitor who agreed to everything (IAB TCF v2.3, core and disclosed-vendors segments)."""

from __future__ import annotations

import base64

_DAY_MS = 86_400_000


def tc_string(now_ms: int, *, purposes: range = range(1, 12), vendors: int = 1200, cmp_id: int = 300) -> str:
    """Return a TC string made today that grants ``purposes`` to every vendor up to ``vendors``.

    Its times are whole days, as TCF v2.2 demands, so everybody who agreed on one day has the same string.
    """
    day = now_ms // _DAY_MS * _DAY_MS // 100
    granted = "".join("1" if number in purposes else "0" for number in range(1, 25))
    everyone = _bits(vendors, 16) + "0" + "1" * vendors
    core = (
        _bits(2, 6)
        + _bits(day, 36) * 2
        + _bits(cmp_id, 12)
        + _bits(1, 12)
        + _bits(1, 6)
        + _letters("PL")
        + _bits(150, 12)  # vendor list version
        + _bits(5, 6)  # policy version
        + "10"  # service specific, standard texts
        + "0" * 12
        + granted
        + "0" * 24
        + "0"
        + _letters("PL")
        + everyone
        + _bits(0, 16)
        + "0"
        + _bits(0, 12)
    )
    return f"{_base64(core)}.{_base64(_bits(1, 3) + everyone)}"


def _bits(value: int, width: int) -> str:
    return f"{value:0{width}b}"


def _letters(text: str) -> str:
    return "".join(_bits(ord(letter) - ord("A"), 6) for letter in text)


def _base64(bits: str) -> str:
    padded = bits + "0" * (-len(bits) % 8)
    return base64.urlsafe_b64encode(int(padded, 2).to_bytes(len(padded) // 8, "big")).decode().rstrip("=")
