"""Checks that several simulated platforms make of identifiers and money; each returns what is wrong, or ""."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from ipaddress import ip_address
from typing import Any

from rekindle.sandbox.platforms.simulated import Call

_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NOTHING = {hashlib.sha256(text).hexdigest() for text in (b"", b"null", b"undefined", b"None")}


def bearer(call: Call) -> bool:
    """Say whether there is a bearer token; which one does not matter here."""
    kind, _, token = call.headers.get("authorization", "").partition(" ")
    return kind.lower() == "bearer" and bool(token.strip())


def unhashed(user: Mapping[str, Any], keys: Collection[str], *, lists: bool) -> str:
    """Name the first identifier that is no SHA-256 of something; ``lists``: each stands in an array."""
    for key in keys:
        if key not in user:
            continue
        if isinstance(user[key], list) != lists:
            return f"{key} must {'' if lists else 'not '}be an array"
        for value in user[key] if lists else [user[key]]:
            if not isinstance(value, str) or not _HEX.fullmatch(value):
                return f"{key} is not a SHA-256 hash"
            if value in _NOTHING:
                # The real ones take it and match nobody; here a test must see it.
                return f"{key} is the hash of nothing"
    return ""


def wrong_device(user: Mapping[str, Any], ip: str, agent: str) -> str:
    """Say what is wrong with address and user agent, which every platform wants in clear."""
    if ip in user:
        try:
            ip_address(user[ip])
        except ValueError:
            return f"{ip} is no address"
    if agent in user and (not isinstance(user[agent], str) or not user[agent].strip() or _HEX.fullmatch(user[agent])):
        return f"{agent} must be in clear"
    return ""


def wrong_amount(value: Any, *, text: bool) -> str:
    """Say what is wrong with an amount that is a number, or a number as ``text``."""
    if isinstance(value, str) != text or isinstance(value, bool):
        return f"an amount must be a {'string' if text else 'number'}"
    try:
        number = float(value)
    except (TypeError, ValueError):
        return "an amount is not a number"
    return "" if 0 <= number < float("inf") else "an amount is out of range"


def wrong_currency(code: Any) -> str:
    """Say whether a code cannot be one of ISO 4217."""
    return "" if isinstance(code, str) and re.fullmatch(r"[A-Z]{3}", code) else "currency is not ISO 4217"
