"""Personal data in URLs, titles and search terms is found and cut before anything is stored.

A URL keeps its origin and path and, of the query, what an allow-list names; the fragment goes, except a path of a
single-page shop. What is left is searched for values that name a person: e-mail addresses, phone numbers, card
numbers (Luhn), Polish PESEL numbers (check digit), IBANs and secrets (JWT, long random tokens).
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

CUT = "[cut]"

KEPT_PARAMETERS = frozenset(
    {
        "utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term", "utm_id", "utm_source_platform",
        "q", "s", "search", "query", "page", "p", "sort", "order", "category", "cat", "brand", "color", "size",
        "variant", "id", "sku", "item_id", "product_id", "pid", "lang", "currency", "filter", "price",
    }
)  # fmt: skip
"""Query parameters that are kept (their values are still searched). Click ids are read from the URL by the gateway
into `Client`, which is sealed; they are not kept here."""

_EMAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}(?:@|%40)(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}", re.IGNORECASE)
_JWT = re.compile(r"\beyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?")
# No hyphen: 32 characters with hyphens are far more often a product's name than a token.
_TOKEN = re.compile(r"\b(?=\w*\d)(?=\w*[A-Za-z])\w{32,}\b")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_DIGITS = re.compile(r"(?<![\w.,])\+?(?:\d[ ./()-]{0,2}){7,19}(?![\w])")
_CARD = re.compile(r"(?<!\d)(?:\d{4}([ -])\d{4}\1\d{4}\1\d{4}|\d{4}([ -])\d{6}\2\d{5})(?!\d)")
_ALONE = re.compile(r"(?<!\d)\d{11,19}(?!\d)")
_PLUS = re.compile(r"(?<!\w)(?:\+|00)\d(?:[ ./()-]{0,2}\d){7,13}(?!\w)")
_SEPARATED = re.compile(r"(?<![\w.,-])(?:\(?\d{2,4}\)?[ ./-]){2,4}\d{2,4}(?![\w-])")

# What nearly every address of a shop looks like: nothing is encoded, no part is long enough for a token.
_PLAIN_URL = re.compile(
    r"(https?://[a-z0-9.-]{1,31}(?::[1-9]\d{0,3})?(?:/[A-Za-z0-9_.~-]{0,31})*)"
    r"(?:\?((?:[A-Za-z0-9_.~-]{1,40}=[A-Za-z0-9_.~-]{0,31}(?:&(?!$)|$))*))?"
)
_PARTS = re.compile(r"[/?&=]")
_DIGEST = re.compile(r"\b([0-9a-f]{64})\b")
_LONGEST_NOTE = 200
_SEVEN_DIGITS = re.compile(r"\d(?:\D*\d){6}")
_ADDRESS = re.compile(r"@|%40")


def clean_search_term(term: str | None) -> str | None:
    """Return a search term without personal data; None when nothing but that was in it."""
    if term is None:
        return None
    cleaned = clean_text(term)
    return None if cleaned.replace(CUT, "").strip() == "" else cleaned


def clean_url(url: str) -> str:
    """Return the URL without user, password, unlisted parameters, fragment and personal values; ``""`` if no URL."""
    plain = _PLAIN_URL.fullmatch(url)
    if plain is not None and (_SEVEN_DIGITS.search(url) is None or _all_clean(url)):
        base, query = plain.groups()
        if not query:
            return base
        kept = [pair for pair in query.split("&") if pair.partition("=")[0].lower() in KEPT_PARAMETERS]
        return f"{base}?{'&'.join(kept)}" if kept else base
    return _clean_any_url(url)


def _all_clean(url: str) -> bool:
    return all(clean_text(part) == part for part in _PARTS.split(url))


def _clean_any_url(url: str) -> str:
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    if parts.scheme.lower() not in {"http", "https"} or not host:
        # Application screens and the like are paths at most; an unknown scheme could carry anything.
        return _clean_path(parts.path) if not parts.scheme and parts.path.startswith("/") else ""
    netloc = (f"[{host}]" if ":" in host else clean_text(host)) + (f":{port}" if port is not None else "")
    query = urlencode(
        [
            (name, clean_text(value))
            for name, value in parse_qsl(parts.query, keep_blank_values=True, max_num_fields=None)
            if name.lower() in KEPT_PARAMETERS
        ],
        safe="[]",
    )
    fragment = ""
    if parts.fragment.startswith(("/", "!/")):
        fragment = _clean_path(parts.fragment.partition("?")[0])
    return urlunsplit((parts.scheme.lower(), netloc, _clean_path(parts.path), query, fragment))


def clean_text(text: str) -> str:
    """Return text with every value that names a person, or opens a door, replaced by ``[cut]``."""
    # The shortest personal value has an @ or seven digits, or is a token: most texts have none of them.
    digits = _SEVEN_DIGITS.search(text) is not None
    if _ADDRESS.search(text) is not None:
        text = _EMAIL.sub(CUT, text)
    elif not digits and len(text) < 32:
        return text
    text = _JWT.sub(CUT, text)
    text = _IBAN.sub(lambda found: CUT if _iban(found[0]) else found[0], text)
    if digits:
        text = _PLUS.sub(CUT, text)
        text = _DIGITS.sub(lambda found: _digits(found[0]), text)
        text = _SEPARATED.sub(lambda found: CUT if 9 <= _count(found[0]) <= 12 else found[0], text)
    return _TOKEN.sub(CUT, text)


def clean_note(text: str) -> str:
    """Return what a person wrote down about an act of theirs, for a record that forgets nothing.

    Personal values are cut, SHA-256 digests stay, and what is beyond 200 characters goes.
    """
    parts = _DIGEST.split(text)
    cleaned = "".join(part if place % 2 else clean_text(part) for place, part in enumerate(parts))
    return cleaned if len(cleaned) <= _LONGEST_NOTE else cleaned[: _LONGEST_NOTE - 1] + "…"


def _clean_path(path: str) -> str:
    return "/".join(_clean_segment(segment) for segment in path.split("/"))


def _clean_segment(segment: str) -> str:
    plain = unquote(unquote(segment))  # an address is often encoded twice when it went through a redirect
    for reading in (plain, plain.replace("+", " ")):
        without = clean_text(reading)
        if without != reading:
            return quote(without, safe="[]!@")
    return segment


def _digits(text: str) -> str:
    digits = "".join(filter(str.isdigit, text))
    spaces = text[len(text.rstrip(" ./()-")) :]
    if _personal(digits):
        return CUT + spaces
    # A number beside others ("size 38 80020146566"): each group alone, and cards written in groups.
    text = _CARD.sub(lambda found: CUT if _luhn("".join(filter(str.isdigit, found[0]))) else found[0], text)
    return _ALONE.sub(lambda found: CUT if _personal(found[0]) else found[0], text)


def _personal(digits: str) -> bool:
    return (13 <= len(digits) <= 19 and _luhn(digits) and not _gtin(digits)) or (len(digits) == 11 and _pesel(digits))


def _count(text: str) -> int:
    return sum(map(str.isdigit, text))


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _gtin(digits: str) -> bool:
    """Tell a 13- or 14-digit article number from a card number: shops have many of them in their paths."""
    if len(digits) not in {13, 14}:
        return False
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(digits[:-1]), 1))
    return (total + int(digits[-1])) % 10 == 0


def _pesel(digits: str) -> bool:
    weights = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)
    month = int(digits[2:4]) % 20
    if not (1 <= month <= 12 and 1 <= int(digits[4:6]) <= 31):
        return False
    return sum(weight * int(digit) for weight, digit in zip(weights, digits, strict=True)) % 10 == 0


def _iban(text: str) -> bool:
    bare = text.replace(" ", "")
    if len(bare) < 15:
        return False
    return int("".join(str(int(letter, 36)) for letter in bare[4:] + bare[:4])) % 97 == 1


__all__ = ["CUT", "KEPT_PARAMETERS", "clean_note", "clean_search_term", "clean_text", "clean_url"]
