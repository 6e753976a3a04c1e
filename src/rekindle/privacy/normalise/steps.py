"""Steps that several platforms document in the same words."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from functools import cache

import phonenumbers

from rekindle.privacy.normalise._states import US_STATES
from rekindle.privacy.normalise.rules import Context, Unusable

# What phones and web pages copy along unseen: soft hyphens, zero-width characters, marks of direction, byte-order marks.
_UNSEEN = "\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
_UNSEEN_ANYWHERE = re.compile(f"[{_UNSEEN}]")
_EDGES = re.compile(rf"\A[\s{_UNSEEN}]+|[\s{_UNSEEN}]+\Z")
_LABEL = r"[^@\s.\x00-\x2c/:-@\[-`{-\x7f]+"  # letters of every script, digits, hyphens
_EMAIL = re.compile(rf"[^@\s\x00-\x1f\x7f<>()\[\],;:\"\\]+@{_LABEL}(?:\.{_LABEL})+")
_ISO_DATE = re.compile(r"(\d{4})(?:[-/.]?(\d{2})[-/.]?(\d{2})|[-/.](\d{1,2})[-/.](\d{1,2}))", re.ASCII)
_YEAR_LAST = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})", re.ASCII)
_US_ZIP_PLUS_4 = re.compile(r"(\d{5})-?\d{4}", re.ASCII)


def composed(value: str) -> str:
    """Return NFC without spaces and unseen characters around: macOS and some forms send letters and accents apart."""
    return _EDGES.sub("", unicodedata.normalize("NFC", value))


def lowered(value: str, _context: Context) -> str:
    """NFC, trim, lower (not casefold: ``ß`` stays)."""
    return composed(value).lower()


def trimmed(value: str, _context: Context) -> str:
    """NFC and trim; case stays."""
    return composed(value)


def email(value: str, _context: Context) -> str:
    """Trim and lower; dots and plus signs stay."""
    address = _UNSEEN_ANYWHERE.sub("", composed(value)).lower()
    if not _EMAIL.fullmatch(address):
        raise Unusable("not-an-email-address")
    return address


def e164(value: str, context: Context) -> str:
    """Return ``+`` and the digits of a number that can exist. Raises `Unusable`."""
    text = composed(value)
    digits = "".join(letter for letter in text if letter.isdecimal())
    if not 7 <= len(digits) <= 20:
        raise Unusable("not-a-phone-number")
    number = None
    if text.startswith(("00", "+00")):
        number = _parse("+" + text.removeprefix("+").lstrip("0"), None)
    elif text.startswith("+"):
        number = _parse(text, None)
    else:
        regions = [region.upper() for region in (context.default_region, context.country) if region]
        # Last, a leading zero that the country does not dial: "if the number itself begins with a 0 …" (Snap, "ph").
        tries = [text, text.lstrip("0")] if text.startswith("0") else [text]
        found = (_parse(written, region) for written in tries for region in regions)
        number = next((each for each in found if each is not None), None)
        if number is None and not digits.startswith("0"):
            number = _parse("+" + digits, None)  # many systems store the country code without its plus
    if number is None:
        raise Unusable("not-a-phone-number")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def phone_digits(value: str, context: Context) -> str:
    """Return the digits of E.164 without ``+``."""
    return e164(value, context)[1:]


def name(value: str, _context: Context) -> str:
    """Lower, without punctuation; letters of every script, spaces between words stay."""
    kept = "".join(letter for letter in composed(value).lower() if unicodedata.category(letter)[0] not in "PSC")
    return " ".join(kept.split())


def place(value: str, _context: Context) -> str:
    """Lower, letters only: no spaces, digits or punctuation; letters of every script stay."""
    return "".join(letter for letter in composed(value).lower() if unicodedata.category(letter)[0] in "LM")


def us_state(value: str, context: Context) -> str:
    """As `place`; a state of the USA by its two letters."""
    compact = place(value, context)
    if (context.country or "US").upper() in {"US", "USA"}:
        return US_STATES.get(compact, compact)
    return compact


def postal_code(value: str, context: Context) -> str:
    """Lower, without spaces and dashes; of a US code the first five digits."""
    text = composed(value).lower()
    longer = _US_ZIP_PLUS_4.fullmatch(text.replace(" ", ""))
    if longer is not None and (context.country or "US").upper() in {"US", "USA"}:
        return longer[1]
    return "".join(letter for letter in text if letter.isalnum())


def country(value: str, _context: Context) -> str:
    """Two letters of ISO 3166-1, lower case. Raises `Unusable` for anything else, names of countries too."""
    code = composed(value).upper()
    if code not in phonenumbers.SUPPORTED_REGIONS and code not in _MORE_COUNTRIES:
        raise Unusable("not-an-iso-country")
    return code.lower()


def country_upper(value: str, context: Context) -> str:
    """Two letters of ISO 3166-1, upper case."""
    return country(value, context).upper()


def country_by_name(value: str, context: Context) -> str:
    """As `country`; names in English and Polish count too (Meta's example: ``United States`` → ``us``)."""
    return country(_countries().get(composed(value).casefold(), value), context)


def birth_date(value: str, _context: Context) -> str:
    """Return YYYYMMDD from year, month and day in this order, or with the year last where only one order is a date.

    ``2/16/1997`` is read (Meta, "db"); ``02/03/1997`` is ambiguous and refused.
    """
    text = composed(value)
    if found := _ISO_DATE.fullmatch(text):
        year, month, day = int(found[1]), int(found[2] or found[4]), int(found[3] or found[5])
    elif found := _YEAR_LAST.fullmatch(text):
        first, second, year = int(found[1]), int(found[2]), int(found[3])
        if first <= 12 and second <= 12 and first != second:
            raise Unusable("not-a-date")
        month, day = (first, second) if first <= 12 else (second, first)
    else:
        raise Unusable("not-a-date")
    try:
        born = date(year, month, day)
    except ValueError:
        raise Unusable("not-a-date") from None
    if born.year < 1900:
        raise Unusable("not-a-date")
    return born.strftime("%Y%m%d")


def gender(value: str, _context: Context) -> str:
    """Return ``f`` or ``m``."""
    letter = _GENDERS.get(composed(value).lower())
    if letter is None:
        raise Unusable("not-f-or-m")
    return letter


_GENDERS = {"f": "f", "female": "f", "woman": "f", "m": "m", "male": "m", "man": "m"}
# ISO 3166-1 codes that have no telephone numbers of their own.
_MORE_COUNTRIES = frozenset({"AQ", "BV", "GS", "HM", "PN", "TF", "UM"})


@cache
def _countries() -> dict[str, str]:
    from babel import Locale  # its tables are read from files: not before somebody sends a name

    return {
        name.casefold(): code
        for language in ("pl", "en")
        for code, name in Locale(language).territories.items()
        if len(code) == 2 and code.isalpha()
    }


def _parse(text: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None
