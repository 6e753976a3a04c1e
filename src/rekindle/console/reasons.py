"""Reason codes in words, for the pages. A code that is missing here is shown as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final


def _(text: str) -> str:
    return text  # marks for extraction; translated when shown


REASONS: Final[Mapping[str, str]] = {
    "ok": _("in order"),
    # at the door
    "consent-absent": _("no consent signal came with it"),
    "consent-denied": _("the visitor refused"),
    "consent-unreadable": _("the consent signal cannot be read"),
    "bot": _("a bot"),
    "duplicate": _("sent more than once"),
    "malformed": _("broken or of the wrong shape"),
    "too-large": _("too large"),
    "too-old": _("too old"),
    "in-future": _("its time is in the future"),
    "unknown-origin": _("from a page that is not the shop's"),
    "bad-key": _("wrong API key"),
    # consent, decided again at every send
    "consent-not-enough": _("the consent does not cover it"),
    "consent-implied": _("consent was only implied, and here it must be given"),
    "purpose-not-granted": _("what was granted covers nothing that may leave"),
    "consent-withdrawn": _("the visitor withdrew consent"),
    "consent-code-failed": _("the decision failed, so it is a no"),
    "destination-unmapped": _("no consent rule for this destination"),
    "gpc-opt-out": _("the browser asks not to be sold or shared (GPC)"),
    "us-privacy-opt-out": _("opted out (US Privacy)"),
    "sale-opt-out": _("opted out of sale"),
    "sharing-opt-out": _("opted out of sharing"),
    "targeted-advertising-opt-out": _("opted out of targeted advertising"),
    "known-child": _("known to be a child"),
    "no-purpose-consent": _("no consent for the purpose"),
    "no-purpose-li": _("no legitimate interest for the purpose"),
    "no-vendor-consent": _("no consent for the vendor"),
    "no-vendor-li": _("no legitimate interest for the vendor"),
    "no-provider-consent": _("no consent for the ad provider"),
    "purpose-not-declared": _("the vendor has not declared the purpose"),
    "vendor-not-disclosed": _("the vendor was not shown to the visitor"),
    "no-disclosed-vendors": _("the consent string names no disclosed vendors"),
    "vendor-deleted": _("the vendor has left the list"),
    "vendor-unknown": _("the vendor is not on the list"),
    "restricted": _("the publisher does not allow it"),
    "li-not-permitted": _("legitimate interest is not permitted here"),
    "unsupported-version": _("the consent string's version is not supported"),
    "policy-too-old": _("the consent string follows an old policy"),
    "not-service-specific": _("the consent string is not for this service"),
    "reserved-cmp": _("the consent string comes from no real consent platform"),
    "created-in-future": _("the consent string was made in the future"),
    "expired": _("the consent has expired"),
    # on the way out
    "not-mapped": _("this platform does not take such events"),
    "no-match-key": _("nothing by which the platform could know the visitor"),
    "missing-field": _("a field that the platform needs is missing"),
    "window-passed": _("too late: the platform's or the rule's time has passed"),
    "permit-denied": _("not permitted at the time of sending"),
    "permit-expired": _("the permit had expired"),
    "awaiting-decision": _("waiting for the platform's decision"),
    "partly-refused": _("the platform refused some of the request and does not say which"),
    "undecided": _("the platform did not say in time what became of it"),
    "platform-refused": _("the platform refused it"),
    "retries-spent": _("tried often enough without success"),
    "credentials": _("the account does not let us in"),
    "erased": _("the visitor's data was erased"),
    "id-not-in-feed": _("an item id is in no published feed"),
    "lane-paused": _("the lane is paused"),
    "limited-use": _("the person limited the use of their data, and the platform cannot be told"),
    "mapping-failed": _("it could not be turned into the platform's form"),
    "replayed": _("it was asked for again"),
    "no-answer": _("the platform gave no answer"),
    # item ids against a feed
    "unknown": _("in no catalogue"),
    "excluded": _("in the catalogue, left out of the feed"),
    "removed": _("was in an earlier version"),
    "case": _("the feed writes it in other letters"),
    "prefix": _("the feed writes it with another prefix"),
    "absent": _("the item has no id"),
    # audiences
    "viewed": _("viewed an item"),
    "cart-abandoned": _("left a cart alone"),
    "bought": _("bought"),
    "cart-empty": _("the cart is empty"),
    "cart-active": _("the cart is in use again"),
    "no-consent": _("no consent to personal ads"),
    "suppressed": _("objected to advertising"),
    "rule-changed": _("the rule was changed"),
    "rule-removed": _("the audience was removed"),
}

_REPAIR = _("Read the platform's words, change the destination's settings or the data, apply, then replay.")

REMEDIES: Final[Mapping[str, str]] = {
    "platform-refused": _REPAIR,
    "retries-spent": _("Others got through while this one was tried: replay it; when it comes back, it is the event."),
    "partly-refused": _REPAIR,
    "undecided": _("Look it up at the platform by its trace; replay only what is not there."),
    "mapping-failed": _("This is a fault of the mapping: report it with this page, and replay after an update."),
    "missing-field": _(
        "Send the field from the page or the server; what is stored lacks it, so a replay alone is no help."
    ),
    "no-match-key": _("Send an identifier that this platform can match, or accept that it cannot know this visitor."),
    "malformed": _("Repair the page or the server that sends it; what is stored stays as it is."),
    "id-not-in-feed": _("Publish the items in the destination's feed, or set unknown_ids to drop, then replay."),
    "in-future": _("Set the clock of the server that sends the events; replay when the time has come."),
    "limited-use": _("Nothing is to be done: the person's choice stands."),
    "consent-signal-missing": _("Send the consent signal with the event; what is stored lacks it."),
}
"""What to do about what came to a bad end."""
