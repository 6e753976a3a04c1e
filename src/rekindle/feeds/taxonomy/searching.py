"""Find a category of Google's taxonomy by words, by its number or by its path, in either language."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from rekindle.feeds.taxonomy import SEPARATOR, Category, google
from rekindle.feeds.taxonomy.proposing import plain, propose

_NUMBER = re.compile(r"\s*([0-9]{1,9})(?![0-9])", re.ASCII)


def read(text: str) -> Category | None:
    """Return the category that a person means: a number (what follows it is a remark), or a whole path in any case."""
    known = google()
    if number := _NUMBER.match(text):
        return known.find(str(int(number[1])))
    return known.find(text.strip()) or _by_path().get(_folded(text))


def search(text: str, language: str, most: int = 20) -> Sequence[Category]:
    """Return up to ``most`` categories whose path has every word of a text, in English or in Polish, or begins one so.

    Those whose own name has a word come first, then the wider ones. A whole number or path finds its category alone; where
    none has every word, those that are most alike are returned.
    """
    if (exact := read(text)) is not None:
        return [exact]
    words = plain(text).split()
    if not words:
        return []
    found: dict[int, tuple[int, int, str, Category]] = {}
    for category, path in _texts():
        if all(f" {word}" in path for word in words):
            own = path.rsplit(f" {SEPARATOR.strip()} ", 1)[-1]
            named = sum(f" {word}" in f" {own}" for word in words)
            rank = (-named, len(category.above), category.path(language), category)
            found[category.number] = min(found.get(category.number, rank), rank, key=lambda each: each[:3])
    if not found:
        return [each.category for each in propose(text, most)]
    return [each[3] for each in sorted(found.values(), key=lambda each: each[:3])[:most]]


@cache
def _texts() -> Sequence[tuple[Category, str]]:
    """Every path, once for each language, its names without case and accents."""
    return [
        (category, " " + f" {SEPARATOR.strip()} ".join(plain(name) for name in path.split(SEPARATOR)))
        for category in google().categories.values()
        for path in category.paths.values()
    ]


@cache
def _by_path() -> dict[str, Category]:
    return {_folded(path): category for category in google().categories.values() for path in category.paths.values()}


def _folded(path: str) -> str:
    return SEPARATOR.join(name.strip().casefold() for name in path.split(">"))
