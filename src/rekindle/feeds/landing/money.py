"""Amounts and words of schema.org as pages write them, and what feeds call the same."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Final

_NUMBER = re.compile(r"[0-9][0-9\s\u00a0\u202f.,'’]{0,30}")
_PLAIN = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,6})?\Z")
_TYPE = re.compile(r"[^/#:]*\Z")

AVAILABILITY: Final = {
    "instock": "in_stock", "limitedavailability": "in_stock", "onlineonly": "in_stock", "instoreonly": "in_stock",
    "outofstock": "out_of_stock", "soldout": "out_of_stock", "discontinued": "out_of_stock",
    "preorder": "preorder", "presale": "preorder", "backorder": "backorder", "availablefororder": "backorder",
}  # fmt: skip
"""schema.org's ItemAvailability, Meta's ``available for order``, and OpenGraph's words, without blanks and hyphens."""

CONDITION: Final = {
    "newcondition": "new", "new": "new", "refurbishedcondition": "refurbished", "refurbished": "refurbished",
    "usedcondition": "used", "used": "used", "damagedcondition": "used",
}  # fmt: skip


def amount(text: str | None) -> Decimal | None:
    """Return a price as a number; ``1 299,00 zł`` and ``1,299.00`` are 1299, ``12,5`` is 12.5. None where there is none."""
    if text is None:
        return None
    match = _NUMBER.search(text)
    if match is None:
        return None
    digits = re.sub(r"[\s\u00a0\u202f'’]", "", match[0]).rstrip(".,")
    last = max(digits.rfind("."), digits.rfind(","))
    if last >= 0:
        whole, separator, rest = digits[:last], digits[last], digits[last + 1 :]
        mixed = ("," if separator == "." else ".") in whole
        # Several of one kind part thousands, and so does one comma before three digits.
        if separator in whole or (separator == "," and len(rest) == 3 and not mixed):
            digits = (whole + rest).replace(",", "").replace(".", "")
        else:
            digits = whole.replace(",", "").replace(".", "") + "." + rest
    try:
        return Decimal(digits)
    except InvalidOperation:
        return None


def plain(text: str | None) -> bool:
    """Tell whether a price is written as schema.org wants it: digits and a point."""
    return text is None or _PLAIN.match(text.strip()) is not None


def availability(text: str | None) -> str | None:
    """Return the feed's value of a page's availability, or None for a word that is none."""
    return AVAILABILITY.get(_word(text))


def condition(text: str | None) -> str | None:
    """Return the feed's value of a page's condition, or None for a word that is none."""
    return CONDITION.get(_word(text))


def _word(text: str | None) -> str:
    match = _TYPE.search((text or "").strip().rstrip("/"))
    return re.sub(r"[\s_-]", "", match[0]).lower() if match else ""
