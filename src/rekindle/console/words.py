"""Codes in words: outcomes, states and event names, in the language of the page.

Reason codes have a table of their own, `rekindle.model.reasons`.
"""

from __future__ import annotations

import gettext
from collections.abc import Mapping
from functools import cache
from typing import Final

from babel import units

from rekindle.console.language import translations
from rekindle.model.findings import FINDINGS
from rekindle.model.landing import LANDING
from rekindle.model.outcome import Outcome
from rekindle.model.reasons import REASONS
from rekindle.model.remedies import REMEDIES


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

SOURCES: Final[Mapping[str, str]] = {"web": _("web shop"), "app": _("app"), "offline": _("shop floor or CRM")}

ROLES: Final[Mapping[str, str]] = {"owner": _("owner"), "analyst": _("analyst"), "auditor": _("auditor")}

SEVERITIES: Final[Mapping[str, str]] = {
    "block": _("blocking"),
    "limit": _("limiting"),
    "warning": _("warnings"),
    "error": _("blocking"),
    "note": _("notes"),
}

SEVERITY_MEANS: Final[Mapping[str, str]] = {
    "block": _("keep items out of the feed"),
    "limit": _("items are in, shown less"),
    "warning": _("worth a look"),
}

LANES: Final[Mapping[str, str]] = {
    "running": _("running"),
    "throttled": _("throttled"),
    "open": _("platform is down"),
    "held": _("on hold"),
}

MEASURES: Final[Mapping[str, str]] = {
    "event-match-quality": _("event match quality"),
    "event-coverage": _("events that come from the server too"),
    "event-quality": _("event quality"),
    "email-coverage": _("events with an e-mail address"),
    "uploads-imported": _("uploads that were imported"),
    "uploads-pending": _("uploads that are pending"),
    "match-rate": _("match rate"),
    "matched": _("people matched"),
    "audience-size": _("audience size"),
    "unread": _("not told"),
}

UNITS: Final[Mapping[str, str]] = {
    "of 10": _("of 10"),
    "of 3": _("of 3"),
    "percent": "%",
    "people": _("people"),
}

LANE_MEANS: Final[Mapping[str, str]] = {
    "throttled": _("The platform asked for a pause. Events wait; nothing is lost."),
    "open": _("The platform does not answer properly. Events wait; one is tried from time to time."),
    "held": _("The account does not let us in: check the token. Events wait until it is repaired; nothing is lost."),
}

DRIFT: Final[Mapping[str, str]] = {
    "price": _("another price"),
    "sale": _("the sale is on one side alone"),
    "currency": _("another currency"),
    "sold": _("bought although out of stock"),
}

DRIFT_REMEDIES: Final[Mapping[str, str]] = {
    "price": _("Read the source more often, or look at the rules that change the price."),
    "sale": _("Look at the dates of the sale in the source, and at how often it is read."),
    "currency": _("Publish a feed for the other market; nothing was compared."),
    "sold": _("Look at the stock in the source: visitors buy the item."),
}

STAGES: Final[Mapping[str, str]] = {
    "source": _("source, as last read"),
    "published": _("published version"),
    "pull": _("fetched by readers"),
    "push": _("taken by the platform, item by item"),
}

CONSENT: Final[Mapping[str, str]] = {"granted": _("granted"), "denied": _("denied")}

LEDGER: Final[Mapping[str, str]] = {
    "decision": _("decision"),
    "send": _("send"),
    "change": _("change by a person"),
    "publication": _("publication"),
}

RECEIPTS: Final[Mapping[str, str]] = {
    "delivered": _("delivered"),
    "accepted": _("taken in"),
    "refused": _("refused"),
    "failed": _("failed"),
    "fetched": _("fetched"),
}

RULES: Final[Mapping[str, str]] = {
    "viewed_not_bought": _("viewed and not bought; window %(within)s"),
    "cart_abandoned": _("cart left alone for %(after)s; window %(within)s"),
    "bought": _("bought; window %(within)s"),
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

    def __init__(self, language: str) -> None:
        self._language = language
        self._catalogue: gettext.NullTranslations = translations(language)

    def outcome(self, code: str) -> str:
        """Return an outcome in words."""
        return self._say(OUTCOMES.get(code, code))

    def reason(self, code: str) -> str:
        """Return a reason in words."""
        return self._say(REASONS.get(code, code))

    def remedy(self, code: str) -> str:
        """Return what to do about a reason, or "" where there is nothing to say."""
        return self._say(REMEDIES.get(code, ""))

    def source(self, code: str) -> str:
        """Return where an event came from."""
        return self._say(SOURCES.get(code, code))

    def role(self, code: str) -> str:
        """Return a role in words."""
        return self._say(ROLES.get(code, code))

    def receipt(self, status: str) -> str:
        """Return what became of a feed's version on one way out."""
        return self._say(RECEIPTS.get(status, status))

    def receipt_tone(self, status: str) -> str:
        """Return how that looks."""
        return "bad" if status in ("refused", "failed") else "good"

    def ledger(self, kind: str) -> str:
        """Return a kind of ledger line in words."""
        return self._say(LEDGER.get(kind, kind))

    def rule(self, rule: str, within: str, after: str | None) -> str:
        """Return an audience's rule in words."""
        values = {"within": self.length(within), "after": self.length(after) if after else ""}
        return self._say(RULES.get(rule, rule)) % values

    def length(self, text: str) -> str:
        """Return a configured duration such as ``14d`` in words."""
        unit = {"s": "second", "m": "minute", "h": "hour", "d": "day"}[text[-1]]
        return units.format_unit(int(text[:-1]), unit, locale=self._language)

    def severity(self, code: str) -> str:
        """Return how bad an issue is, as a heading."""
        return self._say(SEVERITIES.get(code, code))

    def severity_means(self, code: str) -> str:
        """Return what an issue of this severity does."""
        return self._say(SEVERITY_MEANS.get(code, ""))

    @property
    def outcomes(self) -> list[str]:
        """Every outcome's code, in the order of columns."""
        return [outcome.value for outcome in Outcome]

    def lane(self, state: str) -> str:
        """Return a lane's state in words."""
        return self._say(LANES.get(state, state))

    def lane_means(self, state: str) -> str:
        """Return what a lane's state means for the events."""
        return self._say(LANE_MEANS.get(state, ""))

    def measure(self, code: str) -> str:
        """Return what a platform's score measures."""
        return self._say(MEASURES.get(code, code))

    def unit(self, code: str) -> str:
        """Return a score's unit."""
        return self._say(UNITS.get(code, code))

    def drift(self, kind: str) -> str:
        """Return how a page and a feed differ."""
        return self._say(DRIFT.get(kind, kind))

    def drift_remedy(self, kind: str) -> str:
        """Return what to do about it."""
        return self._say(DRIFT_REMEDIES.get(kind, ""))

    def finding(self, code: str) -> str:
        """Return what a check found."""
        return self._say(FINDINGS[code].means) if code in FINDINGS else code

    def finding_remedy(self, code: str) -> str:
        """Return what to do about it in general, or "" where the finding's own English remedy is all there is."""
        known = code in FINDINGS and self._language != "en"
        return self._say(FINDINGS[code].remedy) if known else ""

    def landing(self, code: str) -> str:
        """Return what was found at a landing page."""
        return self._say(LANDING[code].means if code in LANDING else code)

    def landing_remedy(self, code: str) -> str:
        """Return what to do about it."""
        return self._say(LANDING[code].remedy if code in LANDING else "")

    def stage(self, name: str) -> str:
        """Return a place on the way of a value; a delivery keeps its own name."""
        return self._say(STAGES.get(name, name))

    def consent(self, value: str) -> str:
        """Return a consent signal's value in words."""
        return self._say(CONSENT.get(value, value))

    def refused(self, outcome: str, count: int) -> str:
        """Return how many events were refused at the door."""
        if outcome == Outcome.INVALID:
            return self._catalogue.ngettext("%(num)d invalid", "%(num)d invalid", count) % {"num": count}
        return self._catalogue.ngettext("%(num)d filtered", "%(num)d filtered", count) % {"num": count}

    @property
    def consent_changed(self) -> str:
        """A visitor now allows less."""
        return self._catalogue.gettext("consent changed")

    @property
    def bot(self) -> str:
        """The visitor is a program."""
        return self._catalogue.gettext("bot")

    def tone(self, code: str) -> str:
        """Return how an outcome looks."""
        return TONES.get(code, "idle")

    def _say(self, text: str) -> str:
        return self._catalogue.gettext(text) if text else ""


@cache
def words_of(language: str) -> Words:
    """Return the words of a language."""
    return Words(language)
