"""How many digits a currency has after the point, by ISO 4217 (not by custom: the dinar of Serbia has two)."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Final

NO_DIGITS: Final = frozenset(
    {
        "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF",
        "XPF",
    }
)  # fmt: skip
THREE_DIGITS: Final = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})


@cache
def tender() -> frozenset[str]:
    """Return the currencies that are tender somewhere today; platforms refuse the others (CLDR, "territory currencies")."""
    from babel.core import get_global

    uses = (use for territory in get_global("territory_currencies").values() for use in territory)
    return frozenset(code for code, _since, until, tender in uses if until is None and tender)


def digits(currency: str) -> int:
    """Return the digits after the point of a currency (three upper-case letters); two for most."""
    return 0 if currency in NO_DIGITS else 3 if currency in THREE_DIGITS else 2


def smallest_units(amount: Decimal, currency: str) -> int:
    """Return an amount in the currency's smallest unit (1.99 EUR is 199, 199 JPY is 199), halves rounded up."""
    return int(amount.scaleb(digits(currency)).to_integral_value(ROUND_HALF_UP))
