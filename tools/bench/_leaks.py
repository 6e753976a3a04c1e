"""A generated corpus of URLs, titles and search terms with and without personal data, to measure `privacy.redact`."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import quote

FIRST = ("anna", "jan", "piotr", "zofia", "maria.k", "t.nowak", "jürgen", "o-brien", "li", "katarzyna_w")
LAST = ("kowalska", "nowak", "müller", "smith", "o'connor", "garcia", "yilmaz", "ivanova")
HOSTS = ("gmail.com", "wp.pl", "mail.example.co.uk", "firma.com.pl", "web.de", "proton.me")
WORDS = ("jacket", "kurtka zimowa", "red dress size 38", "buty trekkingowe", "iphone 15 pro", "lampa led 2700k", "sofa")


class Sample(NamedTuple):
    """One text; ``secret`` is what must not survive in it (empty: nothing must be cut); ``kind`` of both."""

    kind: str
    text: str
    secret: str
    url: bool


def corpus(count: int, seed: int = 1) -> list[Sample]:
    """Return ``count`` samples, half of them with one personal value each."""
    draw = random.Random(seed)
    made = []
    for number in range(count):
        if number % 2:
            kind = draw.choice(list(_PERSONAL))
            value = _PERSONAL[kind](draw)
            made.append(_placed(draw, kind, value))
        else:
            kind = draw.choice(list(_HARMLESS))
            made.append(_harmless(draw, kind, _HARMLESS[kind](draw)))
    return made


def _placed(draw: random.Random, kind: str, value: str) -> Sample:
    match draw.randrange(6):
        case 0:
            return Sample(kind, f"Order for {value} | Shop", value, url=False)
        case 1:
            return Sample(kind, f"{draw.choice(WORDS)} {value}", value, url=False)
        case 2:
            return Sample(kind, f"https://shop.example/search?q={quote(value, safe='')}", value, url=True)
        case 3:
            return Sample(kind, f"https://shop.example/account/{quote(value, safe='@')}/orders", value, url=True)
        case 4:
            name = draw.choice(("email", "u", "token", "uid", "customer", "tel"))
            return Sample(kind, f"https://shop.example/?{name}={quote(value, safe='')}&page=2", value, url=True)
        case _:
            return Sample(kind, value, value, url=False)


def _harmless(draw: random.Random, kind: str, value: str) -> Sample:
    match draw.randrange(4):
        case 0:
            return Sample(kind, f"https://shop.example/p/{quote(value)}", "", url=True)
        case 1:
            return Sample(kind, f"https://shop.example/search?q={quote(value)}&page=3", "", url=True)
        case 2:
            return Sample(kind, f"{value} | Shop", "", url=False)
        case _:
            return Sample(kind, value, "", url=False)


def _digits(draw: random.Random, count: int) -> str:
    return "".join(str(draw.randrange(10)) for _ in range(count))


def _email(draw: random.Random) -> str:
    mark = draw.choice(("", f"+{draw.choice(('shop', 'news', '2024'))}", str(draw.randrange(100))))
    return f"{draw.choice(FIRST)}{draw.choice(('.', '', '_'))}{draw.choice(LAST)}{mark}@{draw.choice(HOSTS)}"


def _phone(draw: random.Random) -> str:
    a, b, c = _digits(draw, 3), _digits(draw, 3), _digits(draw, 3)
    first = draw.choice("5678")
    return draw.choice(
        (
            f"+48{first}{a[1:]}{b}{c}",
            f"+48 {first}{a[1:]} {b} {c}",
            f"0048{first}{a[1:]}{b}{c}",
            f"{first}{a[1:]}-{b}-{c}",
            f"{first}{a[1:]} {b} {c}",
            f"(22) {a} {b[:2]} {c[:2]}",
            f"+49 30 {a}{b}",
            f"+1 (415) {a}-{_digits(draw, 4)}",
        )
    )


def _card(draw: random.Random) -> str:
    start = draw.choice(("4", "51", "37")) + _digits(draw, 14)
    start = start[: 14 if start.startswith("37") else 15]
    total = 0
    for place, digit in enumerate(reversed(start)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    text = start + str(-total % 10)
    if len(text) == 15:
        return draw.choice((text, f"{text[:4]} {text[4:10]} {text[10:]}"))
    return draw.choice((text, " ".join(text[at : at + 4] for at in range(0, len(text), 4))))


def _pesel(draw: random.Random) -> str:
    start = f"{draw.randrange(50, 99)}{draw.randrange(1, 13):02}{draw.randrange(1, 29):02}{_digits(draw, 4)}"
    weights = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)
    return start + str(-sum(weight * int(digit) for weight, digit in zip(weights, start, strict=True)) % 10)


def _iban(draw: random.Random) -> str:
    country, length = draw.choice((("PL", 24), ("DE", 18)))
    bare = _digits(draw, length)
    number = int(bare + "".join(str(int(letter, 36)) for letter in country) + "00")
    text = f"{country}{98 - number % 97:02}{bare}"
    return draw.choice((text, " ".join(text[at : at + 4] for at in range(0, len(text), 4))))


def _token(draw: random.Random) -> str:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    return "a1" + "".join(draw.choice(letters) for _ in range(draw.randrange(34, 60)))


def _ean(draw: random.Random) -> str:
    start = "590" + _digits(draw, 9)
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(start))
    return start + str(-total % 10)


_PERSONAL: dict[str, Callable[[random.Random], str]] = {
    "e-mail": _email,
    "phone": _phone,
    "card": _card,
    "PESEL": _pesel,
    "IBAN": _iban,
    "token": _token,
}
_HARMLESS: dict[str, Callable[[random.Random], str]] = {
    "words": lambda draw: draw.choice(WORDS),
    "article number": lambda draw: draw.choice(("SKU-", "", "art. ")) + _digits(draw, draw.choice((5, 6, 8, 9, 10))),
    "EAN": _ean,
    "model": lambda draw: f"WH-{_digits(draw, 4)}XM{draw.randrange(1, 9)} {draw.choice(WORDS)}",
    "price": lambda draw: f"{draw.randrange(1, 9999)},{draw.randrange(100):02} zł",
    "size": lambda draw: f"{draw.randrange(20, 300)}x{draw.randrange(20, 300)}x{draw.randrange(20, 300)} cm",
    "date": lambda draw: f"2026-{draw.randrange(1, 13):02}-{draw.randrange(1, 29):02}",
    "slug": lambda draw: f"{draw.choice(WORDS).replace(' ', '-')}-{_digits(draw, 7)}-{draw.choice(('black', 'xl'))}",
}
