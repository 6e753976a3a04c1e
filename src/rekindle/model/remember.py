"""Remember what a function said of a text, bounded by entries and by length: strangers choose the texts."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Generic, TypeVar

T = TypeVar("T")


class Remembered(Generic[T]):
    """A function of one text that remembers its newest answers to texts of up to ``longest`` characters."""

    def __init__(self, work: Callable[[str], T], entries: int, longest: int) -> None:
        wraps(work)(self)
        self._work = work
        self._longest = longest
        self._known = lru_cache(maxsize=entries)(work)

    def __call__(self, text: str) -> T:
        return self._known(text) if len(text) <= self._longest else self._work(text)

    def forget(self) -> None:
        """Forget all answers."""
        self._known.cache_clear()

    @property
    def entries(self) -> int:
        """How many answers are remembered."""
        return self._known.cache_info().currsize


def remembered(entries: int, longest: int) -> Callable[[Callable[[str], T]], Remembered[T]]:
    """Decorate a function with `Remembered`."""

    def decorate(work: Callable[[str], T]) -> Remembered[T]:
        return Remembered(work, entries, longest)

    return decorate
