"""Google's product taxonomy: numbers and full paths of its categories, in English and Polish.

Dated data (`google.tsv`, written by `tools/taxonomy.py` from the files that Google publishes); its first line has the
versions. Channels besides Google's take the same categories (Meta, Microsoft, Pinterest, Snapchat, TikTok, Criteo).
Source: Google Merchant Center help, "Google product category" (6324436).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Literal

import msgspec

Language = Literal["en", "pl"]

FILE = Path(__file__).parent / "google.tsv"
SEPARATOR = " > "


class Category(msgspec.Struct, frozen=True, gc=False):
    """A category: its number, full paths by language (a language may lack it), and the numbers above it."""

    number: int
    paths: dict[Language, str]
    above: tuple[int, ...]

    def path(self, language: str) -> str:
        """Return the path in a language, or in English."""
        return self.paths["pl"] if language == "pl" and "pl" in self.paths else self.paths["en"]


class Taxonomy:
    """The categories in the order of their tree: what lies below one follows it."""

    def __init__(self, text: str) -> None:
        first, _, body = text.partition("\n")
        self.version = first.removeprefix("# ")
        self.categories: dict[int, Category] = {}
        for line in body.splitlines():
            number, parent, english, polish = line.split("\t")
            over = self.categories[int(parent)] if parent else None
            names: dict[Language, str] = {"en": english, "pl": polish}
            paths: dict[Language, str] = {}
            for language, name in names.items():
                # A path in a language needs every name above it in that language.
                if name and (over is None or language in over.paths):
                    paths[language] = f"{over.paths[language]}{SEPARATOR}{name}" if over else name
            above = (*over.above, over.number) if over else ()
            self.categories[int(number)] = Category(int(number), paths, above)

    def find(self, value: str) -> Category | None:
        """Return the category of a number or a full path, byte for byte as Google writes it; None for anything else."""
        return self._spelled.get(value)

    def spellings(self) -> Sequence[str]:
        """Return every way to write a category, in the order of the tree."""
        return list(self._spelled)

    def below(self, number: int) -> tuple[int, int]:
        """Return the first and the last place in `spellings` of a category and all below it. Raises `KeyError`."""
        top = self.categories[number]
        found = [place for place, each in enumerate(self._spelled.values()) if each is top or number in each.above]
        return found[0], found[-1]

    @cached_property
    def _spelled(self) -> dict[str, Category]:
        def each() -> Iterator[tuple[str, Category]]:
            for category in self.categories.values():
                yield str(category.number), category
                for path in category.paths.values():
                    yield path, category

        return dict(each())


@cache
def google() -> Taxonomy:
    """Return Google's taxonomy as it is kept here."""
    return Taxonomy(FILE.read_text(encoding="utf-8"))
