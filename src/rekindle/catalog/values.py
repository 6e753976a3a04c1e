"""Read what shops write into cells: prices, stock, dates, yes and no, article numbers."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

import msgspec

from rekindle.model.product import Availability

_NUMBER = re.compile(r"-?\d(?:[\d.,'’\s\u00a0\u202f]*\d)?|-?[.,]\d+")
_CODE = re.compile(r"(?<![A-Za-z])([A-Za-z]{3})(?![A-Za-z])")
_SYMBOLS = {
    "zł": "PLN",
    "€": "EUR",
    "£": "GBP",
    "Kč": "CZK",
    "₴": "UAH",
    "₽": "RUB",
    "руб": "RUB",
    "₹": "INR",
    "₩": "KRW",
    "₺": "TRY",
    "lei": "RON",
    "Ft": "HUF",
}
_THREE_DECIMALS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
_LARGEST = Decimal(10) ** 14  # the snapshot's column is DECIMAL(18,4)


class Price(msgspec.Struct, frozen=True):
    """An amount; ``currency`` only where the text names one; ``note`` is an issue code where it had to be interpreted."""

    amount: Decimal
    currency: str | None = None
    note: str | None = None


def price(text: str, currency: str | None = None) -> Price:
    """Read ``49,00 TND``, ``1 234,56 zł``, ``USD 12.00``, ``1.234,56 €``, ``9350 JPY``.

    ``currency`` is what is known from elsewhere; it decides whether ``1,234`` has three decimals. Raises `ValueError`.
    """
    found = _NUMBER.findall(text)
    if len(found) != 1:
        raise ValueError("not one number")
    rest = text.replace(found[0], " ", 1)
    named = _currency(rest)
    if not _grouped(found[0]):
        raise ValueError("its groups of digits are not those of a number")
    digits = re.sub(r"['’\s\u00a0\u202f]", "", found[0])
    digits, note = _decimal_point(digits, named or currency)
    try:
        amount = Decimal(digits)
    except InvalidOperation:
        raise ValueError("not a number") from None
    if abs(amount) >= _LARGEST:
        raise ValueError("too large for a price")
    return Price(amount.quantize(Decimal("0.0001")) if -amount.as_tuple().exponent > 4 else amount, named, note)  # type: ignore[operator]


def _grouped(text: str) -> bool:
    """Return whether what stands between the marks of thousands are groups of digits: ``1 234``, ``1,00,000``.

    A mark that is there once may be the decimal one; any other follows at most three digits and has three behind it, or
    two where lakhs are counted.
    """
    marks = re.findall(r"[.,'’\s\u00a0\u202f]+", text)
    parts = re.split(r"[.,'’\s\u00a0\u202f]+", text.lstrip("-"))
    if marks and marks[-1] in (".", ",") and marks.count(marks[-1]) == 1:
        marks, parts = marks[:-1], parts[:-1]  # the last mark is the decimal one, or as good as that
    if not marks:
        return True
    return len(parts[0]) <= 3 and len(parts[-1]) == 3 and all(len(part) in (2, 3) for part in parts[1:-1])


def money(amount: Decimal) -> Decimal:
    """Return an amount of the snapshot (four decimals) with two, unless it needs more."""
    cents = amount.quantize(Decimal("0.01"))
    return cents if cents == amount else amount.normalize()


def _currency(text: str) -> str | None:
    if code := _CODE.search(text):
        upper = code[1].upper()
        return "RON" if upper == "LEI" else upper
    for symbol, known in _SYMBOLS.items():
        if symbol in text:
            return known
    return None


def _decimal_point(digits: str, currency: str | None) -> tuple[str, str | None]:
    """Return the number with a decimal point only, and the code of what was interpreted."""
    comma, dot = digits.rfind(","), digits.rfind(".")
    if comma < 0 and digits.count(".") > 1:
        return digits.replace(".", ""), "thousands-separator"
    if comma < 0:  # 1.234 is what many exports write for 1.234, and some people for 1234
        few = len(digits) - dot - 1 == 3 and 0 < dot <= 3 and digits[0] != "0"
        return digits, "ambiguous-point" if few and (currency or "") not in _THREE_DECIMALS else None
    if dot >= 0:  # both are there: the last one is the decimal mark
        if comma > dot:
            return digits.replace(".", "").replace(",", "."), "comma-decimal"
        return digits.replace(",", ""), "thousands-separator"
    if digits.count(",") > 1:
        return digits.replace(",", ""), "thousands-separator"
    if len(digits) - comma - 1 == 3 and comma > 0 and (currency or "") not in _THREE_DECIMALS:
        return digits.replace(",", ""), "ambiguous-comma"
    return digits.replace(",", "."), "comma-decimal"


# Besides English: what shops and their translated plug-ins write, without blanks and dashes, in small letters.
_WORDS: dict[Availability, str] = {
    "in_stock": "wmagazynie nastanie dostępny dostępna dostępne dostępnyodręki auflager lieferbar sofortlieferbar "
    "verfügbar vorrätig enstock disponible disponibile skladem opvoorraad вналичии внаявності",
    "out_of_stock": "brak brakwmagazynie brakuje niedostępny niedostępna niedostępne wyprzedany wyprzedana wyprzedane "
    "nichtauflager nichtlieferbar nichtverfügbar ausverkauft rupturedestock enrupture enrupturedestock épuisé "
    "indisponible agotado sinstock sinexistencias nodisponible esaurito nondisponibile neskladem nenískladem vyprodáno "
    "nedostupné nietopvoorraad uitverkocht нетвналичии немаєвнаявності",
    "preorder": "przedsprzedaż vorbestellung vorbestellbar précommande preventa předobjednávka",
    "backorder": "nazamówienie aufbestellung surcommande bajopedido naobjednávku подзаказ",
}
_AVAILABILITY: dict[str, Availability] = {word: known for known, words in _WORDS.items() for word in words.split()} | {
    "instock": "in_stock",
    "available": "in_stock",
    "limitedavailability": "in_stock",
    "onlineonly": "in_stock",
    "yes": "in_stock",
    "true": "in_stock",
    "1": "in_stock",
    "tak": "in_stock",
    "outofstock": "out_of_stock",
    "soldout": "out_of_stock",
    "discontinued": "out_of_stock",
    "unavailable": "out_of_stock",
    "notavailable": "out_of_stock",
    "no": "out_of_stock",
    "false": "out_of_stock",
    "0": "out_of_stock",
    "nie": "out_of_stock",
    "preorder": "preorder",
    "presale": "preorder",
    "backorder": "backorder",
    "onbackorder": "backorder",
    "madetoorder": "backorder",
    "availablefororder": "backorder",
}


def availability(text: str) -> Availability | None:
    """Read ``in stock``, ``in_stock``, ``https://schema.org/InStock``, ``1``; None when it is none of the known words."""
    word = re.sub(r"[\s_-]", "", text.rsplit("/", 1)[-1]).lower()
    return _AVAILABILITY.get(word)


def truth(text: str) -> bool | None:
    """Read yes or no as exports write it; None when it is neither. A spreadsheet's leading apostrophe is ignored."""
    word = text.strip().lstrip("'").lower()
    if word in {"1", "true", "yes", "y", "tak", "t", "active", "enabled"}:
        return True
    if word in {"0", "-1", "false", "no", "n", "nie", "draft", "archived", "disabled"}:
        return False
    return None


def whole(text: str) -> int | None:
    """Read a quantity: ``3``, ``3.00``, ``3,0``; None when it is no whole number or does not fit 63 bits."""
    try:
        number = Decimal(text.strip().replace(",", "."))
    except InvalidOperation:
        return None
    if not number.is_finite() or number != number.to_integral_value() or abs(number) >= 2**63:
        return None
    return int(number)


def moment(text: str) -> tuple[int, bool]:
    """Read an ISO 8601 time as milliseconds since the epoch, and whether its offset had to be assumed (UTC).

    Raises `ValueError`.
    """
    clean = text.strip().replace(" ", "T", 1) if re.match(r"\d{4}-\d\d-\d\d \d", text.strip()) else text.strip()
    clean = re.sub(r"(\d) ?([+-]\d{4})$", r"\1\2", clean)
    parsed = datetime.fromisoformat(clean)
    assumed = parsed.tzinfo is None
    if assumed:
        parsed = parsed.replace(tzinfo=UTC)
    return int(parsed.timestamp() * 1000), assumed


def period(text: str) -> tuple[int, int, bool]:
    """Read ``start/end``, as Google's and Meta's ``sale_price_effective_date`` write it. Raises `ValueError`."""
    start, slash, end = text.partition("/")
    if not slash:
        raise ValueError("no '/' between start and end")
    (first, one), (last, two) = moment(start), moment(end)
    if last < first:
        raise ValueError("it ends before it starts")
    return first, last, one or two


_SCIENTIFIC = re.compile(r"\d[.,]\d+[eE]\+?\d+")


def article_number(text: str) -> str | None:
    """Return a GTIN or MPN without a spreadsheet's apostrophe; None where a spreadsheet destroyed it (``4.00638E+12``)."""
    clean = text.strip().removeprefix("'").strip()
    return None if _SCIENTIFIC.fullmatch(clean) else clean


PHP_MARK = " on line "
"""What PHP's messages have in them, and texts of shops hardly ever."""

_PHP = re.compile(
    r"(?:<br ?/?>\s*)?(?:<b>)?(?:PHP )?(?:Notice|Warning|Deprecated|Fatal error|Strict Standards)(?:</b>)?: .{1,500}? in "
    r"(?:<b>)?[^\s<>]+\.php(?:</b>)? on line (?:<b>)?\d+(?:</b>)?(?:\s*<br ?/?>)?\s*",
    re.S,
)


def without_php(text: str) -> str | None:
    """Return the text without what PHP printed into it, or None when there is nothing of it."""
    return _PHP.sub("", text) if PHP_MARK in text and _PHP.search(text) else None


LEADS = "ÂÃÄÅÆÇÈÉÐÑØÙĂĹĎŔÎÏàâãĐŃ"
"""What the first byte of an encoded letter looks like when it is taken for a letter itself."""

_DOUBLE = re.compile(rf"[{LEADS}][\u0080-\u02ff\u2010-\u2122]")


def undouble(text: str) -> str | None:
    """Return the text that was encoded as UTF-8 twice (``sofÄ™`` is ``sofę``), or None when it was not.

    Only a text that turns back as a whole is one: real letters next to each other do not make valid UTF-8 by chance.
    """
    if text.isascii() or not _DOUBLE.search(text):
        return None
    for wrong in ("cp1252", "cp1250", "latin-1"):
        try:
            return text.encode(wrong).decode("utf-8")
        except UnicodeError:
            continue
    return None
