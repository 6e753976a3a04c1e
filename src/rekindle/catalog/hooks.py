"""``POST /hooks/<workspace>/<source>``: a shop system says what has changed.

A webhook is a hint: whoever sends one again, or an old one, or one out of order, makes us read the item again and
nothing else. 2xx means that the hint is on stable storage.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
import structlog

from rekindle.catalog._asking import check_standard
from rekindle.catalog.account import Unsigned
from rekindle.catalog.accounts import secret_name
from rekindle.catalog.hints import EVERYTHING, HintStore
from rekindle.catalog.reading import sources
from rekindle.egress.connector import SettingsError
from rekindle.engines.secrets import SecretMissing
from rekindle.model.clock import Clock
from rekindle.model.web import Request, Response, Route
from rekindle.workspace import Source, Workspace

MOST_BYTES: Final = 2 << 20
"""A webhook may bring a whole product with hundreds of variants."""

_MOST_KEYS: Final = 1_000
_log = structlog.get_logger()


_REFUSAL = {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}
DESCRIBED = {
    "/hooks/{workspace}/{source}": {
        "post": {
            "summary": "Take a webhook about changed products",
            "description": "Signed by the shop system, or as Standard Webhooks 1.0 with the source's `hook_secret`.",
            "parameters": [
                {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                for name in ("workspace", "source")
            ],
            "requestBody": {"content": {"application/json": {"schema": {}, "example": {"ids": ["12", "13"]}}}},
            "responses": {
                "204": {"description": "Kept."},
                "400": {"description": "The body did not come whole.", "content": _REFUSAL},
                "401": {"description": "The signature is not the source's.", "content": _REFUSAL},
                "404": {"description": "There is no such source.", "content": _REFUSAL},
                "408": {"description": "The body came too slowly.", "content": _REFUSAL},
                "413": {"description": "The body is too large.", "content": _REFUSAL},
                "415": {"description": "The body is compressed.", "content": _REFUSAL},
            },
        }
    }
}
"""What the gateway says of these addresses (OpenAPI 3.1)."""


class HookServer:
    """Takes webhooks for the live workspaces. ``secret`` gives a secret's value by its name."""

    def __init__(
        self,
        workspaces: Callable[[], Mapping[str, Workspace]],
        secret: Callable[[str], str],
        hints: HintStore,
        clock: Clock,
    ) -> None:
        self._workspaces, self._secret, self._hints, self._clock = workspaces, secret, hints, clock

    def routes(self) -> list[Route]:
        """Return the route for the gateway."""
        return [Route(frozenset({"POST"}), "/hooks/*", self.take, most_bytes=MOST_BYTES, described=DESCRIBED)]

    async def take(self, request: Request) -> Response:
        """Verify, keep, answer: 204 when it is kept, 401 without a valid signature, 404 for no such source."""
        _, _, workspace, name = [*request.path.split("/", 3), "", ""][:4]
        shop = self._workspaces().get(workspace)
        source = next((one for one in shop.catalog.source if one.name == name), None) if shop else None
        if source is None or "hook_secret" not in source.options:
            return _refusal(404, "not-found", "there is no source with a hook_secret at this path")
        try:
            secret = self._secret(secret_name(source.kind, "hook_secret", source.options["hook_secret"]))
        except (SecretMissing, SettingsError):
            _log.warning("catalog.hook_secret_missing", workspace=workspace, source=name)
            return _refusal(503, "unavailable", "the source's hook_secret is not stored", {"retry-after": "60"})
        try:
            keys = self._keys(source, request, secret)
        except Unsigned:
            return _refusal(401, "bad-signature", "sign the body with the source's hook_secret")
        if keys:
            await asyncio.to_thread(self._hints.add, workspace, name, keys, self._clock())
        return Response(204, {"cache-control": "no-store"})

    def _keys(self, source: Source, request: Request, secret: str) -> Sequence[str]:
        module: Any = sources().get(source.kind)
        now = self._clock()
        if hasattr(module, "hint"):
            try:
                found: Sequence[str] = module.hint(request.headers, request.body, secret, now)
                return found
            except Unsigned:
                if "webhook-signature" not in request.headers:
                    raise
        return own(request.headers, request.body, secret, now)


def own(headers: Mapping[str, str], body: bytes, secret: str, now_ms: int) -> Sequence[str]:
    """Return the keys of a hint in our own form, for systems that know no webhooks: ``{"ids": ["12", "13"]}``.

    Signed as Standard Webhooks 1.0. Without ids the whole source is read. Raises `Unsigned`.
    """
    check_standard(headers, body, secret, now_ms)
    try:
        found = msgspec.json.decode(body or b"{}", type=_Own).ids
    except msgspec.MsgspecError:
        found = []
    return found if 0 < len(found) <= _MOST_KEYS else [EVERYTHING]


class _Own(msgspec.Struct):
    ids: list[str] = []


def _refusal(status: int, code: str, remedy: str, headers: Mapping[str, str] = {}) -> Response:
    body = msgspec.json.encode({"error": code, "remedy": remedy})
    return Response(status, {"content-type": "application/json", "cache-control": "no-store", **headers}, body)
