"""Try an audience's mapping without a server: people in, the requests that would leave out. The probe's logic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from rekindle.destinations.preview import Preview, PreviewRequest, account
from rekindle.destinations.preview_event import ConsentUnreadable, read_consent, repaired
from rekindle.egress.audience import AudienceModule, MappedMember, Member, Operation
from rekindle.egress.connector import Rejected
from rekindle.egress.fields import cut_member
from rekindle.model.event import Client, Consent, User
from rekindle.model.outcome import Reason
from rekindle.privacy.decide import decide_member

_AGREED: Final = Consent(
    ad_storage="granted", analytics_storage="granted", ad_user_data="granted", ad_personalization="granted"
)


class _Person(msgspec.Struct, frozen=True):
    user: User
    client: Client
    consent: Consent | None


def preview_audience(
    module: AudienceModule, config: Mapping[str, Any], operation: Operation, users: list[Any], now_ms: int,
    consent: Any = None,
) -> Preview:  # fmt: skip
    """Return what would leave for ``users``, decided and mapped as in a sync.

    A user is the canonical ``user`` object, flat or under ``user``, with ``client`` and ``consent`` beside it where
    known; ``member_id`` names it in the reasons (without one: ``#0``, ``#1``, …). ``consent`` stands for users that
    bring none. When nobody brings any, what is shown is what people who agreed would become: a sync asks the consent
    records, and here are none. Nobody needs to agree to be removed.
    """
    connector, rule, policy = account(module, config)
    reasons: dict[str, str] = {}
    blocked: set[str] = set()
    groups: dict[str, list[MappedMember]] = {}
    without = consent
    if consent is None and not any(isinstance(given, dict) and "consent" in given for given in users):
        without = msgspec.to_builtins(_AGREED)
    for index, given in enumerate(users):
        name = str(given.get("member_id") or f"#{index}") if isinstance(given, dict) else f"#{index}"
        try:
            person = _read(given, without)
        except ConsentUnreadable:
            reasons[name] = Reason.CONSENT_UNREADABLE
            blocked.add(name)
            continue
        except (msgspec.ValidationError, ValueError):
            reasons[name] = Reason.MALFORMED
            continue
        fields, limited, told = connector.fields, False, Consent()
        if operation == "add":
            decision = decide_member(
                "preview", "preview", name, module.manifest.name, rule, policy,
                fields=fields, latest=person.consent, suppressed=False, now_ms=now_ms,
            )  # fmt: skip
            if not decision.allowed or decision.permit is None:
                reasons[name] = decision.reason
                blocked.add(name)
                continue
            fields, limited = decision.permit.fields, decision.permit.limited_use
            told = decision.permit.told(person.consent or Consent())
        user, client = cut_member(person.user, person.client, fields)
        mapped = connector.map(Member(name, user, client, told, limited), operation)
        if isinstance(mapped, Rejected):
            reasons[name] = mapped.reason
        else:
            groups.setdefault(mapped.group, []).append(mapped)
    requests = [
        PreviewRequest(request.method, request.url, request.headers, msgspec.Raw(request.body))
        for group in groups.values()
        for start in range(0, len(group), connector.batch)
        for request in connector.build(operation, group[start : start + connector.batch], now_ms)
    ]
    outcome = "send" if requests else "blocked" if reasons and blocked == reasons.keys() else "reject"
    return Preview(outcome, {name: str(reason) for name, reason in reasons.items()}, requests)


def _read(given: Any, consent: Any) -> _Person:
    if not isinstance(given, dict):
        raise ValueError("a user is a JSON object")
    user = given.get("user", {key: value for key, value in given.items() if key in User.__struct_fields__})
    chosen = given.get("consent", consent)
    told = None if chosen is None else read_consent(repaired(chosen))
    return _Person(
        msgspec.convert(repaired(user), User, strict=False),
        msgspec.convert(repaired(given.get("client", {})), Client, strict=False),
        told,
    )
