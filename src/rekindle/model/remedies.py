"""What to do about a reason: the other half of the table `rekindle.model.reasons`, marked for translation like it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final


def _(text: str) -> str:
    return text  # marks for extraction; translated when shown


_ASK = _("Nothing is to be done while the visitor's choice stands. If nobody agrees, look at the consent banner.")
_SEND_SIGNAL = _("Let the page or the server send the consent signal with the event; what nobody said is no consent.")
_READABLE = _("Send the consent string as the consent platform made it, whole.")
_CMP = _("Bring the consent platform up to date, or ask its maker.")
_VENDOR = _("Name the platform's vendor in the consent platform, so that the visitor is asked about it.")
_RULE = _("Read the destination's consent rule: what it asks for must be what visitors are asked.")

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
    "consent-absent": _SEND_SIGNAL,
    "consent-denied": _ASK,
    "consent-unreadable": _READABLE,
    "consent-withdrawn": _ASK,
    "consent-implied": _("Ask for consent by an act of the visitor: silence is none where the GDPR holds."),
    "consent-not-enough": _RULE,
    "purpose-not-granted": _RULE,
    "consent-code-failed": _("This is a fault of the program: report it. Until then nothing is sent."),
    "destination-unmapped": _("Write a consent rule into the destination's document."),
    "gpc-opt-out": _ASK,
    "us-privacy-opt-out": _ASK,
    "sale-opt-out": _ASK,
    "sharing-opt-out": _ASK,
    "targeted-advertising-opt-out": _ASK,
    "no-purpose-consent": _ASK,
    "no-purpose-li": _ASK,
    "no-vendor-consent": _ASK,
    "no-vendor-li": _ASK,
    "no-provider-consent": _ASK,
    "vendor-not-disclosed": _VENDOR,
    "no-disclosed-vendors": _CMP,
    "vendor-unknown": _("Bring the vendor list up to date (rekindle vendors), or correct the vendor's number."),
    "purpose-not-declared": _RULE,
    "restricted": _("The consent platform restricts the vendor: change it there if that was not meant."),
    "li-not-permitted": _RULE,
    "unsupported-version": _CMP,
    "policy-too-old": _CMP,
    "not-service-specific": _CMP,
    "reserved-cmp": _CMP,
    "created-in-future": _CMP,
    "expired": _("Ask again: a choice older than thirteen months no longer counts."),
    "gpp-malformed": _READABLE,
    "gpp-unsupported-version": _CMP,
    "us-privacy-malformed": _READABLE,
    "us-privacy-unsupported-version": _CMP,
    "ac-absent": _("Switch Additional Consent on in the consent platform, or let the rule ask for consent mode alone."),
    "ac-malformed": _READABLE,
    "ac-unsupported-version": _CMP,
    "ad-storage-denied": _ASK,
    "ad-storage-absent": _SEND_SIGNAL,
    "ad-user-data-denied": _ASK,
    "ad-user-data-absent": _SEND_SIGNAL,
    "ad-personalization-denied": _ASK,
    "ad-personalization-absent": _SEND_SIGNAL,
    "analytics-storage-denied": _ASK,
    "analytics-storage-absent": _SEND_SIGNAL,
    "not-mapped": _("Nothing is to be done; the destination's page lists the events that the platform takes."),
    "window-passed": _("Nothing is to be done for what is late. If much is, look at how long the platform was down."),
    "credentials": _(
        "Renew the account's secret (rekindle secrets set); it then goes on by itself, and nothing is lost."
    ),
    "lane-paused": _("The platform does not answer. It is tried again and again; nothing is lost."),
    "partial-refund": _("Correct the order's value at the platform by hand, if it matters there."),
    "bot": _("Nothing is to be done: programs are not advertised to."),
    "duplicate": _("Nothing is to be done: it counts once. If much is, look for a page that sends twice."),
    "too-large": _("Send fewer events in a request, or fewer items in an event."),
    "too-old": _("Send events sooner; what is stored stays as it is."),
    "unknown-origin": _("Name the site in shop.toml (origins), if it is the shop's."),
    "bad-key": _("Give the server the key that rekindle keys made for this shop."),
    "too-slow": _("Send the request whole; a connection that trickles is closed."),
    "no-user-agent": _("Send the browser's User-Agent header as client.user_agent."),
    "excluded": _("A rule or a check leaves the item out: look for it among the feed's issues."),
    "removed": _("Pages still show an item that the catalogue has no more: take the page down, or look at the import."),
    "blanks": _("Send the id without blanks from the page, or take them out with the rule below."),
    "case": _("A platform tells A from a: send what the feed has, or apply the rule below."),
    "shopify": _("An app rewrites ids: publish the same form with the rule below, or send the plain id from the page."),
    "prefix": _("A plug-in puts something before the id: apply the rule below, or switch it off in the plug-in."),
    "zeros": _("A table program took leading zeros away: export the id as text, or apply the rule below."),
    "suffix": _("A plug-in joins SKU and number: apply the rule below, or choose the plain id in the plug-in."),
    "group": _("Send the id of the variant that is chosen on the page; a rule would give several items one id."),
    "field": _("Pages send another field as the id: apply the rule below, or send the catalogue's id."),
    "unknown": _("No item of the catalogue has it: look at the page that sends it."),
    "consent-signal-missing": _("Send the consent signal with the event; what is stored lacks it."),
}
