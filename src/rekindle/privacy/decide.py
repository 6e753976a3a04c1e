"""Decide: may this leave, may this be kept, may this be personal? The only maker of permits.

The newest signal of every framework that is present is read, strictly, in the order GPC, GPP, US Privacy, TCF,
consent mode, and all of them must allow: where they conflict, the stricter wins. Where none can allow, where one
cannot be read or where reading fails, the answer is no.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from rekindle.model.event import Consent
from rekindle.model.record import Stored
from rekindle.privacy._frameworks import Choice, Need, read_choice
from rekindle.privacy.classification import granted, permitted
from rekindle.privacy.consent.known_vendors import Excerpt
from rekindle.privacy.consent.vendors import Vendors
from rekindle.privacy.permit import SIGNALS, Permit, _issue
from rekindle.workspace.documents import DestinationConsent, Policy

EXCERPT = Excerpt()
"""The vendor list where none is handed in."""

_TCF_SIGNALS = {
    "ad_storage": frozenset({"tcf:1"}),
    "ad_user_data": frozenset({"tcf:1", "tcf:7"}),
    "ad_personalization": frozenset({"tcf:3", "tcf:4"}),
}
_NEVER = frozenset({"never"})

PERMIT_MS = 5 * 60_000
"""How long a permit lives. Queueing, retry and replay need a new one."""


class Decision(msgspec.Struct, frozen=True):
    """One answer. ``reason`` is ``ok`` or one code; ``facts`` go to the ledger and hold no personal data."""

    allowed: bool
    reason: str
    permit: Permit | None
    purposes: frozenset[str]
    facts: Mapping[str, Any]


class DoorDecision(msgspec.Struct, frozen=True):
    """May an event be kept? ``reason``: ``ok``, ``consent-absent``, ``consent-denied`` or ``consent-unreadable``.

    ``detail`` is the exact reason code of the framework that refused.
    """

    keep: bool
    reason: str
    detail: str = ""


def decide(
    stored: Stored,
    destination: str,
    rule: DestinationConsent,
    policy: Policy,
    *,
    fields: frozenset[str],
    latest: Consent | None,
    suppressed: bool,
    now_ms: int,
    vendors: Vendors = EXCERPT,
) -> Decision:
    """Decide one event for one destination, now. Never raises.

    ``fields`` are the event fields the destination declares; the permit has those of them that may leave for what was
    granted (`rekindle.privacy.classification`). ``latest`` is the person's newest consent, where one is
    known: both it and the event's own must allow. ``suppressed`` is the suppression list's answer. ``vendors`` finds the
    vendor list by which a TC string is read.
    """
    return _decide(
        stored.workspace,
        stored.subject,
        stored.event_id,
        stored.consent,
        destination,
        rule,
        policy,
        fields=fields,
        latest=latest,
        suppressed=suppressed,
        limited=bool(stored.ldu is not None and stored.ldu.enabled),
        now_ms=now_ms,
        vendors=vendors,
    )


def decide_member(
    workspace: str,
    subject: str,
    job_id: str,
    destination: str,
    rule: DestinationConsent,
    policy: Policy,
    *,
    fields: frozenset[str],
    latest: Consent | None,
    suppressed: bool,
    now_ms: int,
    vendors: Vendors = EXCERPT,
) -> Decision:
    """Decide one member of an audience for one sync job (``job_id`` takes the event's place). Never raises."""
    return _decide(
        workspace,
        subject,
        job_id,
        latest,
        destination,
        rule,
        policy,
        fields=fields,
        latest=None,
        suppressed=suppressed,
        limited=False,
        now_ms=now_ms,
        vendors=vendors,
    )


def permit_removal(
    workspace: str, subject: str, job_id: str, destination: str, *, fields: frozenset[str], now_ms: int
) -> Permit:
    """Return leave to tell a platform that a person is no longer in an audience.

    Nobody has to agree to that: it ends a use. The permit's purpose is ``removal`` and its basis ``withdrawal``.
    """
    return _issue(
        event_id=job_id,
        workspace=workspace,
        destination=destination,
        subject=subject,
        fields=fields,
        purposes=frozenset({"removal"}),
        basis="withdrawal",
        limited_use=False,
        issued_ms=now_ms,
        expires_ms=now_ms + PERMIT_MS,
    )


def door(consent: Consent, policy: Policy, now_ms: int, vendors: Vendors = EXCERPT) -> DoorDecision:
    """Decide whether an event may be kept at all (``policy.toml``, ``store_with``). Never raises.

    ``vendors`` finds the list by which the shop's own vendor id is read.
    """
    need = Need(
        signals=frozenset(policy.store_with),
        vendor=policy.tcf_vendor,
        purposes=frozenset(policy.store_purposes),
        first_party=True,
    )
    choice = _read(consent, need, policy, now_ms, vendors)
    if choice.allowed:
        return DoorDecision(True, "ok")
    if choice.absent:
        return DoorDecision(False, "consent-absent", choice.reason)
    return DoorDecision(False, "consent-unreadable" if choice.unreadable else "consent-denied", choice.reason)


def may_personalise(
    consent: Consent | None, policy: Policy, now_ms: int, vendors: Vendors = EXCERPT
) -> tuple[bool, str]:
    """Tell whether an ad or a page of the shop may be personal, and why not (``personalise_with``). Never raises."""
    need = Need(
        signals=frozenset(policy.personalise_with),
        vendor=policy.tcf_vendor,
        purposes=frozenset(policy.store_purposes) | {1, 3, 4},
        first_party=True,
    )
    choice = _read(consent, need, policy, now_ms, vendors)
    return choice.allowed, choice.reason


def _decide(
    workspace: str,
    subject: str,
    event_id: str,
    own: Consent | None,
    destination: str,
    rule: DestinationConsent,
    policy: Policy,
    *,
    fields: frozenset[str],
    latest: Consent | None,
    suppressed: bool,
    limited: bool,
    now_ms: int,
    vendors: Vendors,
) -> Decision:
    if suppressed:
        return Decision(False, "suppressed", None, frozenset(), {"frameworks": []})
    need = _need(rule)
    if isinstance(need, str):
        return Decision(False, need, None, frozenset(), {"frameworks": []})
    choice = _read(own, need, policy, now_ms, vendors)
    facts = choice.facts()
    # The newest choice is mostly the one that came with this event.
    if choice.allowed and latest is not None and latest != own:
        newer = _read(latest, need, policy, now_ms, vendors)
        if not newer.allowed:
            facts = newer.facts() | {"withdrawn": newer.reason}
            return Decision(False, "consent-withdrawn", None, frozenset(), facts)
        choice = choice.stricter(newer)
        facts = choice.facts()
    if not choice.allowed:
        return Decision(False, choice.reason, None, frozenset(), facts)
    limited_use = limited or choice.limited_use
    allowed = permitted(fields, granted(choice.purposes))
    if fields and not allowed:
        # What was granted is the basis for nothing that this destination may have.
        return Decision(False, "purpose-not-granted", None, frozenset(), facts)
    permit = _issue(
        event_id=event_id,
        workspace=workspace,
        destination=destination,
        subject=subject,
        fields=allowed,
        purposes=choice.purposes,
        basis=choice.basis,
        limited_use=limited_use,
        issued_ms=now_ms,
        expires_ms=now_ms + PERMIT_MS,
        signals=_signals(own, latest, choice.purposes),
    )
    return Decision(True, "ok", permit, choice.purposes, facts | {"limited_use": limited_use})


def _signals(own: Consent | None, latest: Consent | None, purposes: frozenset[str]) -> frozenset[str]:
    """Return consent mode's signals as they are now: of two answers the stricter, and without any, what TCF granted.

    Which purposes stand for which signal: Google, "Consent mode TCF integration". What nobody said is not told.
    """
    told: list[str] = []
    for name in SIGNALS:
        said = {getattr(consent, name) for consent in (own, latest) if consent is not None} - {None}
        if said:
            told.append(f"{name}={'denied' if 'denied' in said else 'granted'}")
        elif _TCF_SIGNALS.get(name, _NEVER) <= purposes:
            told.append(f"{name}=granted")
    return frozenset(told)


def weigh(
    consent: Consent | None, rule: DestinationConsent, policy: Policy, now_ms: int, vendors: Vendors = EXCERPT
) -> Choice:
    """Return what a consent allows a destination, without a permit: for policy tests, dry runs and receipts."""
    need = _need(rule)
    return (
        Choice(allowed=False, reason=need) if isinstance(need, str) else _read(consent, need, policy, now_ms, vendors)
    )


def _need(rule: DestinationConsent) -> Need | str:
    """Return what a destination needs, or the reason for which it can be sent nothing."""
    try:
        need = Need(
            signals=frozenset(rule.consent_mode),
            vendor=rule.tcf_vendor,
            purposes=frozenset(rule.tcf_purposes),
            provider=rule.ac_provider,
        )
    except Exception:  # noqa: BLE001 - whatever goes wrong here means: do not send
        return "consent-code-failed"
    return need if need.mapped else "destination-unmapped"


def _read(consent: Consent | None, need: Need, policy: Policy, now_ms: int, vendors: Vendors = EXCERPT) -> Choice:
    try:
        return read_choice(consent, need, policy.jurisdiction, now_ms, vendors)
    except Exception:  # noqa: BLE001 - a fault in consent code must never become a "yes"
        return Choice(allowed=False, reason="consent-code-failed", unreadable=True)
