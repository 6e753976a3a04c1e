"""Records of processing activities (GDPR Art. 30), written from what is configured, and from nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from rekindle.model.clock import rfc3339
from rekindle.privacy.classification import FIELDS, Label, label, members
from rekindle.privacy.consent.known_vendors import TABLE
from rekindle.workspace import DestinationConsent, Workspace

_MISSING = "not configured"
_VISITORS = "visitors and customers of the shop"


class Recipient(msgspec.Struct, frozen=True):
    """What a connector declares: its title, the event fields and purposes, and the hosts it sends to."""

    destination: str
    title: str
    fields: frozenset[str]
    purposes: frozenset[str]
    hosts: frozenset[str]


class Activity(msgspec.Struct, frozen=True):
    """One processing activity; ``data`` are the fields by class."""

    name: str
    purposes: list[str]
    people: str
    data: dict[str, list[str]]
    recipients: list[str]
    basis: str
    erased_after: str
    transfers: str = "none by this system"


class Records(msgspec.Struct, frozen=True):
    """The record of one workspace, as Art. 30(1) lists it. What nobody configured says so."""

    workspace: str
    written: str
    controller: str
    contact: str
    data_protection_officer: str
    activities: list[Activity]
    security: list[str]
    gaps: list[str]


def build(workspace: Workspace, recipients: Sequence[Recipient], now_ms: int) -> Records:
    """Return the record; ``recipients`` are those of the enabled destinations."""
    policy, who = workspace.policy, workspace.policy.controller
    sealed = policy.retention.identifiers or policy.keep_events
    archived = policy.retention.archive or policy.keep_events
    gaps = [
        f"policy.toml [controller] {name} is empty"
        for name in ("name", "contact", "data_protection_officer", "privacy_notice")
        if not getattr(who, name)
    ]
    gaps += [
        f"destinations/{one.destination}.toml: whether {one.title} processes data outside the EEA, and on which safeguards, "
        "is for you to add"
        for one in recipients
    ]
    store = ", ".join(policy.store_with) or "none"
    activities = [
        Activity(
            "Collection of events in the shop",
            ["measurement and personalisation of the shop's advertising"],
            _VISITORS,
            by_label(FIELDS.keys() - {"extra"}),
            [],
            f"consent ({store}; TCF purposes {_numbers(policy.store_purposes)}), asked at every event",
            f"events after {policy.keep_events}, their archive after {archived}; identifiers after {sealed}, by destroying "
            "their keys",
        ),
        Activity(
            "Audiences and recommendations",
            ["personalised advertising"],
            _VISITORS,
            by_label({"page", "ecommerce"}),
            [],
            f"consent ({', '.join(policy.personalise_with) or 'none'}), asked again at every change",
            policy.keep_events,
        ),
        *(_sending(workspace, one) for one in recipients),
    ]
    return Records(
        workspace.name,
        rfc3339(now_ms),
        who.name or workspace.shop.title,
        who.contact or _MISSING,
        who.data_protection_officer or _MISSING,
        activities,
        [
            "pseudonyms: HMAC-SHA256 with a secret key for each installation, by workspace and kind of identifier",
            "identifiers encrypted with AES-256-GCM under a key of each person's own, wrapped by a key-encryption key",
            "nothing leaves without a permit, decided at the moment of sending; every send is in a tamper-evident ledger",
            "personal data is cut from URLs, titles and search terms before storage",
        ],
        gaps,
    )


def by_label(fields: frozenset[str] | set[str]) -> dict[str, list[str]]:
    """Return the fields by class, the most sensitive class first; groups are told field by field."""
    every = sorted({name for field in fields for name in members(field)})
    found = {one.value: [name for name in every if label(name) is one] for one in reversed(Label)}
    return {name: listed for name, listed in found.items() if listed}


def markdown(records: Records) -> str:
    """Return the record as a page for people."""
    return "\n".join(_lines(records)) + "\n"


def _lines(records: Records) -> Iterator[str]:
    yield f"# Records of processing activities: {records.workspace}"
    yield ""
    yield f"Written {records.written} from the configuration that is live (GDPR Art. 30(1))."
    yield ""
    yield f"* Controller: {records.controller}; contact: {records.contact}"
    yield f"* Data protection officer: {records.data_protection_officer}"
    for one in records.activities:
        yield from ("", f"## {one.name}", "")
        yield f"* Purposes: {', '.join(one.purposes)}"
        yield f"* People: {one.people}"
        for name, fields in one.data.items():
            yield f"* Data, {name}: {', '.join(fields)}"
        yield f"* Recipients: {', '.join(one.recipients) or 'none'}"
        yield f"* Basis: {one.basis}"
        yield f"* Transfers to third countries: {one.transfers}"
        yield f"* Erased: {one.erased_after}"
    yield from ("", "## Security (Art. 32)", "")
    for measure in records.security:
        yield f"* {measure}"
    if records.gaps:
        yield from ("", "## Still to be added", "")
        for gap in records.gaps:
            yield f"* {gap}"


def _sending(workspace: Workspace, one: Recipient) -> Activity:
    rule = workspace.destinations[one.destination].consent
    return Activity(
        f"Sending to {one.title} ({one.destination})",
        sorted(one.purposes),
        _VISITORS,
        by_label(one.fields),
        [f"{one.title} ({', '.join(sorted(one.hosts)) or 'the host in its settings'})"],
        f"consent ({basis(rule)}), decided at every send",
        "what was sent is kept by the recipient under its own rules; here only that it was sent, in the ledger",
        "depends on the recipient; to be added",
    )


def basis(rule: DestinationConsent) -> str:
    """Say in words which signals must allow a destination."""
    parts = []
    if rule.consent_mode:
        parts.append(f"consent mode {', '.join(rule.consent_mode)}")
    if rule.tcf_vendor is not None:
        known = TABLE.get(rule.tcf_vendor)
        name = f" ({known.name})" if known else ""
        parts.append(f"TCF vendor {rule.tcf_vendor}{name}, purposes {_numbers(rule.tcf_purposes or [1, 3, 4])}")
    if rule.ac_provider is not None:
        parts.append(f"additional consent provider {rule.ac_provider}")
    return "; ".join(parts) or "not mapped, so nothing is sent"


def _numbers(numbers: Sequence[int]) -> str:
    return ", ".join(str(number) for number in numbers)
