"""What a page's address, its referrer and its title say, without personal data; the same ones come again and again.

What is remembered is in clear, bounded in number and in length, and only in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from rekindle.model.clicks import find_click_ids
from rekindle.model.event import Page

_REMEMBERED, _LONGEST = 4096, 1024  # entries, and the characters of one

Clicks = Sequence[tuple[str, str]]


class Pages:
    """Reads pages. ``clean_url`` and ``clean_text`` cut personal data out."""

    def __init__(self, clean_url: Callable[[str], str], clean_text: Callable[[str], str]) -> None:
        def address(url: str) -> tuple[str, Clicks]:
            return clean_url(url), find_click_ids(url)

        self._address, self._known_address = address, lru_cache(maxsize=_REMEMBERED)(address)
        self._title, self._known_title = clean_text, lru_cache(maxsize=_REMEMBERED)(clean_text)

    def read(self, page: Page) -> tuple[Page, Clicks]:
        """Return the page as it may be stored, and the click ids of its address."""
        url, referrer, title = page.url, page.referrer, page.title
        clicks: Clicks = ()
        if url:
            url, clicks = self._known_address(url) if len(url) <= _LONGEST else self._address(url)
        if referrer:
            known = len(referrer) <= _LONGEST
            referrer = (self._known_address(referrer) if known else self._address(referrer))[0]
        if title:
            title = self._known_title(title) if len(title) <= _LONGEST else self._title(title)
        return Page(url, referrer, title), clicks
