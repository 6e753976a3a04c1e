"""Try a mapping without a server: events in, the requests that would leave out. The probes' logic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

import msgspec

from rekindle.destinations.preview_event import ConsentUnreadable, read_event
from rekindle.egress.connector import Answer, Connector, ConnectorModule, Manifest, Mapped, Rejected
from rekindle.egress.fields import cut
from rekindle.egress.options import LaneOptions
from rekindle.egress.window import outside_window
from rekindle.model.clock import parse_rfc3339
from rekindle.model.event import Event
from rekindle.model.outcome import Reason
from rekindle.model.record import Stored
from rekindle.privacy.decide import decide
from rekindle.workspace import DestinationConsent, Policy

_Account = TypeVar("_Account", covariant=True)


class PreviewRequest(msgspec.Struct, frozen=True):
    """One request as it would leave; ``body`` is the JSON document in it."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: msgspec.Raw


class Preview(msgspec.Struct, frozen=True):
    """``outcome``: ``send`` when any event leaves, ``blocked`` when consent keeps all of them, else ``reject``.

    ``reasons`` has each event that does not leave.
    """

    outcome: str
    reasons: dict[str, str]
    requests: list[PreviewRequest]


class _Module(Protocol[_Account]):
    @property
    def manifest(self) -> Manifest: ...

    def configure(self, settings: Mapping[str, Any], secrets: Mapping[str, str]) -> _Account: ...


def account(module: _Module[_Account], config: Mapping[str, Any]) -> tuple[_Account, DestinationConsent, Policy]:
    """Configure from a preview's ``config``: settings, secrets written out, and ``consent`` and ``policy`` if given.

    Raises `SettingsError` and `msgspec.ValidationError`.
    """
    manifest = module.manifest
    names = {setting.name for setting in manifest.secrets}
    other = {"consent", "policy"} | set(LaneOptions.__struct_fields__)
    secrets = {key: str(value) for key, value in config.items() if key in names}
    settings = {key: value for key, value in config.items() if key not in names | other}
    rule = msgspec.convert(config["consent"], DestinationConsent) if "consent" in config else manifest.consent
    policy = msgspec.convert(config.get("policy", {}), Policy)
    return module.configure(settings, secrets), rule, policy


def preview(module: ConnectorModule, config: Mapping[str, Any], events: list[Any], now_ms: int) -> Preview:
    """Return what would leave for ``events`` (canonical events as JSON values), decided and mapped as in a lane."""
    connector, rule, policy = account(module, config)
    reasons: dict[str, str] = {}
    blocked: set[str] = set()
    groups: dict[str, list[Mapped]] = {}
    for index, given in enumerate(events):
        name = str(given.get("event_id") or f"#{index}") if isinstance(given, dict) else f"#{index}"
        try:
            event = read_event(given)
        except ConsentUnreadable:
            reasons[name] = Reason.CONSENT_UNREADABLE
            blocked.add(name)
            continue
        except (msgspec.ValidationError, ValueError, OverflowError, OSError):
            reasons[name] = Reason.MALFORMED
            continue
        if not connector.maps(event.event):
            reasons[name] = Reason.NOT_MAPPED
            continue
        stored = _stored(event)
        decision = decide(
            stored, module.manifest.name, rule, policy,
            fields=connector.fields, latest=None, suppressed=False, now_ms=now_ms,
        )  # fmt: skip
        if not decision.allowed or decision.permit is None:
            reasons[name] = decision.reason
            blocked.add(name)
            continue
        mapped = connector.map(cut(event, decision.permit))
        if isinstance(mapped, Rejected):
            reasons[name] = mapped.reason
        elif reason := outside_window(mapped, module.manifest.limits, now_ms):
            reasons[name] = reason
        else:
            groups.setdefault(mapped.group, []).append(mapped)
    requests = [
        _shown(connector, group[start : start + connector.batch], now_ms)
        for group in groups.values()
        for start in range(0, len(group), connector.batch)
    ]
    outcome = "send" if requests else "blocked" if reasons and blocked == reasons.keys() else "reject"
    return Preview(outcome, {name: str(reason) for name, reason in reasons.items()}, requests)


def answer_from(response: Mapping[str, Any]) -> Answer:
    """Read a probe's ``response``; a ``body`` that is no text is taken as the JSON document itself."""
    body = response.get("body", "")
    raw = body.encode() if isinstance(body, str) else b"" if body is None else msgspec.json.encode(body)
    headers = {str(name).lower(): str(value) for name, value in (response.get("headers") or {}).items()}
    return Answer(int(response["status"]), headers, raw)


def _stored(event: Event) -> Stored:
    time_ms = parse_rfc3339(event.event_time)
    return Stored(
        workspace="preview",
        event_id=event.event_id,
        event=event.event,
        event_time_ms=time_ms,
        received_ms=time_ms,
        source=event.source,
        subject="preview",
        page=event.page,
        ecommerce=event.ecommerce,
        consent=event.consent,
        ldu=event.ldu,
    )


def _shown(connector: Connector, batch: list[Mapped], now_ms: int) -> PreviewRequest:
    request = connector.build(batch, now_ms)
    return PreviewRequest(request.method, request.url, request.headers, msgspec.Raw(request.body))
