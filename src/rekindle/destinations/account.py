"""What accounts share: one address of an API, headers, and requests of JSON. A connector adds its words and its body."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

from rekindle.egress.connector import Manifest, Mapped, OutRequest
from rekindle.egress.request import account_host, encode


def bearer(token: str) -> dict[str, str]:
    """Return the header of RFC 6750: a token in a URL would end up in logs."""
    return {"authorization": f"Bearer {token.strip()}"}


class Account:
    """An account at an API that takes JSON at ``base`` + ``path`` (`rekindle.egress.connector.Connector` in part).

    ``names``: the GA4 names of the events it takes; an audience has none. Raises `SettingsError` for a ``base`` that
    is no address.
    """

    def __init__(
        self,
        manifest: Manifest,
        *,
        base: str,
        path: str,
        headers: Mapping[str, str],
        batch: int,
        names: Container[str] = (),
    ) -> None:
        self.fields = manifest.fields
        self.hosts = frozenset({account_host(manifest.name, "api_base", base)})
        self.batch = batch
        self._url = base.rstrip("/") + path
        self._headers = {"content-type": "application/json", **headers}
        self._names = names

    def maps(self, name: str) -> bool:
        """Say whether events of this GA4 name go to this account at all."""
        return name in self._names

    def _post(self, body: Mapping[str, Any], batch: Sequence[Mapped]) -> OutRequest:
        return self._request("POST", body, tuple(one.event_id for one in batch))

    def _request(self, method: str, body: Mapping[str, Any], names: tuple[str, ...]) -> OutRequest:
        return OutRequest(method, self._url, self._headers, encode(body), names)
