"""Signed messages over HTTP, after Standard Webhooks 1.0 (id, timestamp and signature headers, secret rotation)."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from standardwebhooks import Webhook

from rekindle.egress.connector import SettingsError

_KEY_BYTES: Final = 24
_ROTATION: Final = ("secret", "previous_secret")


def signers(secrets: Mapping[str, str]) -> list[Webhook]:
    """Return what signs with ``secret`` and, while the receiver moves to it, with ``previous_secret``.

    Raises `SettingsError`.
    """
    return [_signer(name, secrets[name]) for name in _ROTATION if secrets.get(name)]


def signed_headers(signs: Sequence[Webhook], message: str, now_ms: int, body: bytes) -> dict[str, str]:
    """Return the headers of a JSON message; ``message`` is its id, the same each time it is sent."""
    moment = datetime.fromtimestamp(now_ms // 1000, UTC)
    return {
        "content-type": "application/json",
        "webhook-id": message,
        "webhook-timestamp": str(now_ms // 1000),
        "webhook-signature": " ".join(signer.sign(message, moment, body.decode()) for signer in signs),
    }


def _signer(name: str, secret: str) -> Webhook:
    """Return what signs with ``secret``, read strictly: the library passes over characters that are no base64."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if len(key) < _KEY_BYTES:
        raise SettingsError(f"webhook: the secret {name} is not whsec_ and the base64 of at least {_KEY_BYTES} bytes")
    return Webhook(key)
