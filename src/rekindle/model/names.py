"""What a room must know of pseudonyms: that a rotation of their key gives everybody a new one."""

from __future__ import annotations

from typing import Protocol


class Names(Protocol):
    """Tells which pseudonyms are the same visitor's; made by `privacy.pseudonyms`."""

    def current(self, subject: str) -> str:
        """Return the visitor's newest pseudonym, ``subject`` itself where nothing else is known."""
        ...

    def newest(self) -> str:
        """Return what a pseudonym begins with that is the visitor's newest for certain; "" when all are."""
        ...

    def aliases(self, subject: str) -> tuple[str, ...]:
        """Return every pseudonym of the visitor whose key is kept, the newest first."""
        ...

    def root(self, subject: str) -> str | None:
        """Return what all of the visitor's pseudonyms have in common; None when the key of this one is gone."""
        ...


class _Plain:
    """Takes every name as it is."""

    def current(self, subject: str) -> str:
        return subject

    def newest(self) -> str:
        return ""

    def aliases(self, subject: str) -> tuple[str, ...]:
        return (subject,)

    def root(self, subject: str) -> str | None:
        return subject


PLAIN: Names = _Plain()
"""For what never saw a rotation: a view in a test, a log of one epoch."""
