"""Languages: English is the source, Polish is complete. Catalogues are `.po` files, compiled when first needed."""

from __future__ import annotations

import gettext
import io
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Final

from babel import Locale, dates, numbers
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

_FEED_PRICE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ([A-Z]{3})", re.ASCII)
_LETTER_BEFORE_DIGIT = re.compile(r"(?<=[A-Z])(?=[0-9])")

LANGUAGES: Final[Mapping[str, str]] = {"en": "English", "pl": "Polski"}


@cache
def translations(language: str) -> gettext.NullTranslations:
    """Return the catalogue of one language; English needs none."""
    if language not in LANGUAGES or language == "en":
        return gettext.NullTranslations()
    source = files("rekindle.console") / "locale" / language / "LC_MESSAGES" / "console.po"
    catalogue = read_po(io.BytesIO(source.read_bytes()), locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def choose(chosen: str | None, accepted: str) -> str:
    """Return the language a person chose, else the best of ``Accept-Language`` (RFC 9110, 12.5.4), else English."""
    if chosen is not None and chosen in LANGUAGES:
        return chosen
    ranked: list[tuple[float, str]] = []
    for part in accepted.split(",")[:20]:
        tag, _, parameter = part.strip().partition(";")
        try:
            weight = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
        except ValueError:
            continue
        ranked.append((weight, tag.strip().lower().split("-")[0]))
    for weight, tag in sorted(ranked, key=lambda pair: -pair[0]):
        if weight > 0 and tag in LANGUAGES:
            return tag
    return "en"


class Format:
    """Numbers, money and times as one language writes them. Times are UTC; the browser turns them into its own."""

    def __init__(self, language: str) -> None:
        self.language = language
        # English with day before month and a 24-hour clock, as operators' tools write it.
        self._locale = Locale("en", "GB") if language == "en" else Locale.parse(language)

    def number(self, value: int | float | Decimal) -> str:
        """Return a number with the language's separators."""
        return numbers.format_decimal(value, locale=self._locale)

    def percent(self, share: float) -> str:
        """Return a share (0 to 1) as per cent, rounded down to a tenth, so that 100 % means all."""
        whole = int(Decimal(str(share)) * 1000)
        return numbers.format_percent(
            Decimal(whole) / 1000, format=None, locale=self._locale, decimal_quantization=False
        )

    def money(self, amount: Decimal, currency: str | None) -> str:
        """Return an amount; without a currency it stays a bare number."""
        if currency is None:
            return self.number(amount)
        text = numbers.format_currency(amount, currency, locale=self._locale, decimal_quantization=False)
        return _LETTER_BEFORE_DIGIT.sub("\u00a0", text)  # as CLDR spaces a code: PLN 49.90, and $49.90

    def price(self, text: str) -> str:
        """Return a feed's price (``49.90 PLN``) as the language writes it, and any other text as it is."""
        match = _FEED_PRICE.fullmatch(text)
        return self.money(Decimal(match[1]), match[2]) if match else text

    def time(self, ms: int) -> str:
        """Return date and time in UTC, to the second."""
        moment = datetime.fromtimestamp(ms / 1000, UTC)
        return f"{dates.format_datetime(moment, 'd MMM y, HH:mm:ss', locale=self._locale)} UTC"

    def day(self, ms: int) -> str:
        """Return a day (UTC)."""
        return dates.format_date(datetime.fromtimestamp(ms / 1000, UTC), "d MMM y", locale=self._locale)

    def duration(self, ms: int) -> str:
        """Return a length of time in its largest unit."""
        return dates.format_timedelta(
            timedelta(milliseconds=ms), granularity="second", threshold=1.5, locale=self._locale
        )
