"""A receipt for one person's consent, in the structure of ISO/IEC TS 27560:2023 (clause 6: record, processing, party, event).

It names the person by pseudonym and the strings by hash; what each recipient may do is decided from the consent itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from rekindle.model.clock import rfc3339
from rekindle.model.event import Consent
from rekindle.privacy.consent.vendors import Vendors
from rekindle.privacy.decide import EXCERPT, weigh
from rekindle.privacy.records import Recipient, by_label
from rekindle.workspace import Workspace

_STRINGS = ("tcf", "gpp", "us_privacy", "ac")


def receipt(
    workspace: Workspace,
    recipients: Sequence[Recipient],
    record_id: str,
    subject: str,
    consent: Consent,
    received_ms: int,
    vendors: Vendors = EXCERPT,
) -> dict[str, Any]:
    """Return the receipt as a JSON object. ``record_id`` is the event that brought the consent."""
    policy = workspace.policy
    controller = policy.controller.name or workspace.shop.title
    purposes = []
    for one in recipients:
        rule = workspace.destinations[one.destination].consent
        choice = weigh(consent, rule, policy, received_ms, vendors)
        purposes.append(
            {
                "purpose": sorted(one.purposes),
                "purpose_type": "advertising",
                "lawful_basis": "consent" if choice.allowed else "none",
                "decision": "given" if choice.allowed else "refused",
                "reason": choice.reason,
                "granted_signals": sorted(choice.purposes),
                "pii_information": [
                    {"pii_type": kind, "pii_attributes": fields} for kind, fields in by_label(one.fields).items()
                ],
                "pii_controllers": [controller],
                "recipient_third_parties": [one.title],
                "retention_period": policy.retention.identifiers or policy.keep_events,
                "withdrawal_method": "the shop's consent dialogue, or a request to the controller",
            }
        )
    return {
        "schema_version": "ISO/IEC TS 27560:2023",
        "record_id": record_id,
        "pii_principal_id": subject,
        "pii_processing": {
            "privacy_notice": policy.controller.privacy_notice or None,
            "language": workspace.shop.language,
            "purposes": purposes,
        },
        "party_identification": [
            {
                "party_id": workspace.name,
                "party_name": controller,
                "party_role": "controller",
                "party_contact": policy.controller.contact or None,
                "party_url": workspace.shop.origins[0] if workspace.shop.origins else None,
            }
        ],
        "event": [
            {
                "event_time": rfc3339(received_ms),
                "event_type": (consent.kind or "explicit")
                if any(one["decision"] == "given" for one in purposes)
                else "not given",
                "event_state": "recorded",
                "signals": _signals(consent),
            }
        ],
    }


def _signals(consent: Consent) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name in consent.__struct_fields__:
        value = getattr(consent, name)
        if value is None:
            continue
        # A consent string is pseudonymous data: its hash proves which one it was.
        told[name] = {"sha256": hashlib.sha256(value.encode()).hexdigest()} if name in _STRINGS else value
    return told
