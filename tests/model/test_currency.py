"""Amounts in a currency's smallest unit."""

from decimal import Decimal

import pytest

from rekindle.model.currency import NO_DIGITS, THREE_DIGITS, digits, smallest_units


@pytest.mark.parametrize(
    ("amount", "currency", "units"),
    [
        ("1.99", "EUR", 199), ("199", "JPY", 199), ("199.5", "JPY", 200), ("1.235", "KWD", 1235), ("0.005", "PLN", 1),
        ("1", "RSD", 100), ("0", "EUR", 0), ("12345678901234567.89", "EUR", 1234567890123456789),
    ],
)  # fmt: skip
def test_the_smallest_unit(amount: str, currency: str, units: int):
    assert smallest_units(Decimal(amount), currency) == units


def test_no_currency_is_in_both_tables():
    assert not NO_DIGITS & THREE_DIGITS
    assert {digits(each) for each in NO_DIGITS} == {0}
    assert {digits(each) for each in THREE_DIGITS} == {3}
