"""Which category of Google's taxonomy a shop's own category may be, by its words. A person decides."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Final

import msgspec

from rekindle.feeds.taxonomy import SEPARATOR, Category, Language, google

LEAST: Final = 0.35
"""Likenesses below are not proposed."""
_ABOVE: Final = 0.4
_FARTHER: Final = 0.8
_SHOPS_SEPARATORS = re.compile(r"\s*(?:>|»|›|/|\||::|\\)\s*")
_LITTLE = frozenset(
    (
        "a",
        "and",
        "for",
        "in",
        "of",
        "on",
        "other",
        "the",
        "to",
        "with",
        "dla",
        "do",
        "i",
        "oraz",
        "pozostale",
        "w",
        "z",
        "ze",
    )
)

_Words = Mapping[str, float]


class Proposal(msgspec.Struct, frozen=True):
    """A category and how alike its words are, 0 to 1."""

    category: Category
    likeness: float


class _Index(msgspec.Struct, frozen=True):
    """The categories of a language by their words; a word counts the more, the fewer categories have it."""

    categories: list[Category]
    vectors: list[_Words]
    last: list[tuple[str, ...]]
    having: Mapping[str, list[int]]
    weight: Mapping[str, float]
    strange: float
    """The weight of a word that no category has."""


def propose(own: str, most: int = 3) -> list[Proposal]:
    """Return up to ``most`` categories for a shop's category path, the likeliest first; none where no word is alike.

    The words of the last name count most, those above it help to choose. Where nothing is like the last name, the one above
    it is tried, at a discount. Words are compared without case, accents and endings, in English and Polish.
    """
    names = [name for name in _SHOPS_SEPARATORS.split(own) if _stems(name)]
    discount = 1.0
    while names:
        best: dict[int, Proposal] = {}
        for language in ("en", "pl"):
            for category, likeness in _alike(_index(language), names):
                before = best.get(category.number)
                if before is None or before.likeness < likeness * discount:
                    best[category.number] = Proposal(category, likeness * discount)
        good = [each for each in best.values() if each.likeness >= LEAST]
        if good:
            # Of two alike the wider one: a category that is too wide is still true.
            good.sort(key=lambda each: (-round(each.likeness, 2), len(each.category.above), each.category.number))
            return good[:most]
        names.pop()
        discount *= _FARTHER
    return []


def _alike(index: _Index, names: list[str]) -> list[tuple[Category, float]]:
    query = _vector(names, index.weight, index.strange)
    last = set(_stems(names[-1]))
    sums: dict[int, float] = defaultdict(float)
    named: set[int] = set()
    for word, weight in query.items():
        for place in index.having.get(word, ()):
            sums[place] += weight * index.vectors[place][word]
            if word in last:
                named.add(place)
    return [(index.categories[place], sums[place] * _covered(index.last[place], query)) for place in named]


def _covered(name: tuple[str, ...], query: _Words) -> float:
    """Return less than 1 where a category's name says more than was asked for: books are no accessories for books."""
    return 0.7 + 0.3 * sum(stem in query for stem in name) / len(name)


@cache
def _index(language: Language) -> _Index:
    categories = [each for each in google().categories.values() if language in each.paths]
    paths = [each.paths[language].split(SEPARATOR) for each in categories]
    count = Counter(word for path in paths for word in {stem for name in path for stem in _stems(name)})
    weight = {word: math.log(1 + len(paths) / times) for word, times in count.items()}
    strange = math.log(1 + len(paths) / 20)
    vectors = [_vector(path, weight, strange) for path in paths]
    having: dict[str, list[int]] = defaultdict(list)
    for place, vector in enumerate(vectors):
        for word in vector:
            having[word].append(place)
    return _Index(categories, vectors, [_stems(path[-1]) for path in paths], having, weight, strange)


def _vector(names: list[str], weight: Mapping[str, float], strange: float) -> _Words:
    """Return the weights of a path's words, of length 1 together."""
    found: dict[str, float] = {}
    for place, name in enumerate(reversed(names)):
        for stem in _stems(name):
            found[stem] = max(found.get(stem, 0.0), weight.get(stem, strange) * _ABOVE ** min(place, 2))
    length = math.sqrt(sum(each * each for each in found.values()))
    return {stem: each / length for stem, each in found.items()}


@lru_cache(maxsize=16_384)
def _stems(text: str) -> tuple[str, ...]:
    """Return a name's words without case, accents and endings: both languages put grammar at the end."""
    words = plain(text).split()
    return tuple(word[: max(4, len(word) - 2)] for word in words if word not in _LITTLE and len(word) > 1)


def plain(text: str) -> str:
    """Return a name's words without case and accents, one blank between."""
    letters = unicodedata.normalize("NFKD", text.casefold().replace("ł", "l").replace("'s", ""))
    return " ".join(re.findall(r"[^\W_]+", "".join(letter for letter in letters if not unicodedata.combining(letter))))
