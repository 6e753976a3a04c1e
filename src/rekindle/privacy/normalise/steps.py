"""Steps that several platforms document in the same words."""

from __future__ import annotations

import re
import unicodedata
from datetime import date

import phonenumbers

from rekindle.privacy.normalise._states import US_STATES
from rekindle.privacy.normalise.rules import Context, Unusable

_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+")
_ISO_DATE = re.compile(r"(\d{4})[-/.]?(\d{2})[-/.]?(\d{2})", re.ASCII)
_US_ZIP_PLUS_4 = re.compile(r"(\d{5})-?\d{4}", re.ASCII)


def composed(value: str) -> str:
    """Return NFC without spaces around: macOS and some forms send letters and accents apart."""
    return unicodedata.normalize("NFC", value).strip()


def lowered(value: str, _context: Context) -> str:
    """NFC, trim, lower (not casefold: ``ß`` stays)."""
    return composed(value).lower()


def trimmed(value: str, _context: Context) -> str:
    """NFC and trim; case stays."""
    return composed(value)


def email(value: str, _context: Context) -> str:
    """Trim and lower; dots and plus signs stay."""
    address = composed(value).lower()
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
    if text.startswith("00"):
        number = _parse("+" + text[2:], None)
    elif text.startswith("+"):
        number = _parse(text, None)
    else:
        region = (context.default_region or context.country or "").upper() or None
        number = _parse(text, region) if region is not None else None
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


def birth_date(value: str, _context: Context) -> str:
    """Return YYYYMMDD from year-month-day with or without separators; other orders are ambiguous and refused."""
    found = _ISO_DATE.fullmatch(composed(value))
    if found is None:
        raise Unusable("not-a-date")
    try:
        born = date(int(found[1]), int(found[2]), int(found[3]))
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


def _parse(text: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None
