"""`rekindle identifiers normalise`: what a platform gets for an identifier, one JSON document a line."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from rekindle.cli import _probe
from rekindle.cli._accounts import normalisers
from rekindle.privacy.normalise import Context


@click.group()
def command() -> None:
    """Try the identifiers' normalisation and hashing, offline."""


@command.command()
def normalise() -> None:
    """Normalise and hash identifiers as a platform documents it.

    In: {"id", "platform", "field", "input", "context": {"default_region", "country", "choices"}}.
    Out: {"id", "verdict": "ok" | "reject", "normalized", "hash", "reason"}; "hash" is null for what the platform
    wants in clear; Criteo's three hashes are in "hashes".

    \b
    echo '{"id": 1, "platform": "meta", "field": "email", "input": " Anna@Example.com"}' \\
      | rekindle identifiers normalise
    """  # noqa: D301 (the backslash is click's mark for lines that stay as they are)
    _probe.run(_normalise)


class _Request(msgspec.Struct):
    platform: str
    field: str
    input: str | None = None
    context: Context = msgspec.field(default_factory=Context)


def _normalise(given: dict[str, Any]) -> dict[str, Any]:
    if given.get("context") is None:
        given = {key: value for key, value in given.items() if key != "context"}
    request = msgspec.convert(given, _Request)
    platforms = normalisers()
    name = request.platform.removesuffix("_audience").removesuffix("_custom")  # a list's rules are its platform's
    platform = platforms.get(_ALIASES.get(name, name))
    if platform is None:
        raise _probe.ProbeError(f"platform: {request.platform!r} is none of {', '.join(platforms)}")
    answer = platform.normalise(request.field, request.input or "", request.context)
    out: dict[str, Any] = {
        "verdict": answer.verdict,
        "normalized": answer.normalized,
        "hash": answer.hash,
        "reason": answer.reason,
    }
    return out if answer.hashes is None else out | {"hashes": answer.hashes}


# Destinations whose names are not their platform's, and what people call the platforms.
_ALIASES = {
    "snap": "snapchat", "facebook": "meta", "bing": "microsoft", "microsoft_uet": "microsoft",
    "ga4": "google", "google_ads": "google", "google_ads_enhanced": "google", "google_data_manager": "google",
}  # fmt: skip
