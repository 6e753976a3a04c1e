"""What a page says of things (schema.org), whichever syntax says it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

Way = Literal["json-ld", "microdata", "rdfa", "opengraph"]
"""In the order in which they are believed."""

DEPTH = 12
"""Things inside things, beyond which nothing is read: a product's offer's price is the fourth."""

BUDGET = 20_000
"""Values that are read of one page."""

LONGEST = 2_000
"""Characters of a value that are kept."""

_PREFIXES = (
    "https://schema.org/",
    "http://schema.org/",
    "https://www.schema.org/",
    "http://www.schema.org/",
    "schema:",
)


class Thing(msgspec.Struct):
    """``types`` and the names of ``values`` are without schema.org's address; each name has one value or more."""

    way: Way
    types: tuple[str, ...]
    values: dict[str, list[str | Thing]]

    def text(self, *names: str) -> str | None:
        """Return the first text of the first name that has one."""
        return next((each for name in names for each in self.texts(name)), None)

    def texts(self, name: str) -> Iterator[str]:
        """Yield the texts of a name that say something; a thing says what it is called, or where it is."""
        for each in self.values.get(name, ()):
            text = each if isinstance(each, str) else each.text("url", "contentUrl", "name", "value", "@id") or ""
            if text.strip():
                yield text.strip()

    def things(self, *names: str) -> Iterator[Thing]:
        """Yield the things of names."""
        for name in names:
            for each in self.values.get(name, ()):
                if isinstance(each, Thing):
                    yield each

    def any_of(self, *types: str) -> bool:
        """Tell whether it is of one of the types."""
        return any(each in types for each in self.types)


class Purse:
    """Counts what is read of a page, so that a page that is made to be endless ends."""

    def __init__(self, left: int = BUDGET) -> None:
        self.left = left

    def pay(self) -> bool:
        """Tell whether one value more may be read."""
        self.left -= 1
        return self.left >= 0


def bare(name: str) -> str:
    """Return a type's or property's name without schema.org's address; ``Product`` for ``schema:Product``."""
    name = name.strip()
    for prefix in _PREFIXES:
        if name.lower().startswith(prefix):
            return name[len(prefix) :]
    return name
