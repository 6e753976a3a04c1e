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
    r"""Normalise and hash identifiers as a platform documents it.

    In: {"id", "platform", "field", "input", "context": {"default_region", "country", "choices"}}.
    Out: {"id", "verdict": "ok" | "reject", "normalized", "hash", "reason"}; "hash" is null for what the platform
    wants in clear; Criteo's three hashes are in "hashes".

    \b
    echo '{"id": 1, "platform": "meta", "field": "email", "input": " Anna@Example.com"}' \\
      | rekindle identifiers normalise
    """
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
    platform = platforms.get(_ALIASES.get(request.platform, request.platform))
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


_ALIASES = {"snap": "snapchat", "facebook": "meta", "google_ads": "google", "bing": "microsoft"}
