"""What accounts share: one address of an API, headers, and requests of JSON. A connector adds its words and its body.

An account for events is an `Account`, one for an audience's members a `ListAccount`.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

from rekindle.egress.audience import MappedMember, Member, Operation
from rekindle.egress.connector import Manifest, Mapped, OutRequest, Rejected
from rekindle.egress.request import account_host, encode


def bearer(token: str) -> dict[str, str]:
    """Return the header of RFC 6750: a token in a URL would end up in logs."""
    return {"authorization": f"Bearer {token.strip()}"}


def as_text(settings: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return settings with the numbers called ``names`` as text: in TOML, ids are written either way."""
    return {key: str(value) if key in names and type(value) is int else value for key, value in settings.items()}


class _Api:
    """An address that takes JSON at ``base`` + ``path``. Raises `SettingsError` for a ``base`` that is no address."""

    def __init__(self, manifest: Manifest, base: str, path: str, headers: Mapping[str, str], batch: int) -> None:
        self.fields = manifest.fields
        self.hosts = frozenset({account_host(manifest.name, "api_base", base)})
        self.batch = batch
        self._url = base.rstrip("/") + path
        self._headers = {"content-type": "application/json", **headers}

    def _request(self, method: str, body: Mapping[str, Any], names: tuple[str, ...], below: str = "") -> OutRequest:
        return OutRequest(method, self._url + below, self._headers, encode(body), names)

    def _ask(self, url: str) -> OutRequest:
        headers = {name: value for name, value in self._headers.items() if name != "content-type"}
        return OutRequest("GET", url, headers, b"", ())


class Account(_Api):
    """An account for events (`rekindle.egress.connector.Connector` in part). ``names``: the GA4 names that it takes."""

    def __init__(
        self,
        manifest: Manifest,
        *,
        base: str,
        path: str,
        headers: Mapping[str, str],
        batch: int,
        names: Container[str],
    ) -> None:
        super().__init__(manifest, base, path, headers, batch)
        self._names = names

    def maps(self, name: str) -> bool:
        """Say whether events of this GA4 name go to this account at all."""
        return name in self._names

    def _post(self, body: Mapping[str, Any], batch: Sequence[Mapped]) -> OutRequest:
        return self._request("POST", body, tuple(one.event_id for one in batch))


class ListAccount(_Api):
    """An account for an audience's members (`rekindle.egress.audience.AudienceConnector` in part)."""

    def __init__(self, manifest: Manifest, *, base: str, path: str, headers: Mapping[str, str], batch: int) -> None:
        super().__init__(manifest, base, path, headers, batch)
        self._title = manifest.title

    def _send(self, method: str, body: Mapping[str, Any], batch: Sequence[MappedMember], below: str = "") -> OutRequest:
        return self._request(method, body, tuple(one.member_id for one in batch), below)

    def _unlimited(self, member: Member, operation: Operation) -> Rejected | None:
        """Refuse to add who limited the use of their data, where the platform cannot be told; removing is no use."""
        if member.limited_use and operation == "add":
            return Rejected("limited-use", f"{self._title} cannot limit the use of a person on a list")
        return None
