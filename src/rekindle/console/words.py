"""Codes in words: outcomes, states and event names, in the language of the page.

The English words of reason codes are `rekindle.model.reasons`; here are the words only the console needs.
"""

from __future__ import annotations

import gettext
from collections.abc import Mapping
from typing import Final

from rekindle.model.outcome import Outcome


def _(text: str) -> str:
    return text  # marks for extraction; translated when shown


OUTCOMES: Final[Mapping[str, str]] = {
    Outcome.WAITING: _("waiting"),
    Outcome.DELIVERED: _("delivered"),
    Outcome.ACCEPTED: _("accepted"),
    Outcome.FILTERED: _("filtered"),
    Outcome.INVALID: _("invalid"),
    Outcome.EXPIRED: _("expired"),
    Outcome.HELD: _("held"),
    Outcome.DEAD: _("dead letter"),
}

TONES: Final[Mapping[str, str]] = {
    Outcome.WAITING: "idle",
    Outcome.DELIVERED: "good",
    Outcome.ACCEPTED: "good",
    Outcome.FILTERED: "idle",
    Outcome.INVALID: "bad",
    Outcome.EXPIRED: "warn",
    Outcome.HELD: "warn",
    Outcome.DEAD: "bad",
}
"""How an outcome looks: ``good``, ``warn``, ``bad`` or ``idle``."""


class Words:
    """Words of one language; an unknown code is shown as it is, because a code helps more than nothing."""

    def __init__(self, catalogue: gettext.NullTranslations) -> None:
        self._catalogue = catalogue

    def outcome(self, code: str) -> str:
        """Return an outcome in words."""
        return self._say(OUTCOMES.get(code, code))

    def tone(self, code: str) -> str:
        """Return how an outcome looks."""
        return TONES.get(code, "idle")

    def _say(self, text: str) -> str:
        return self._catalogue.gettext(text) if text else ""
