"""Serve ads: ``GET /ad/<placement>`` as HTML or JSON. No consent, no personal ad."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence

import msgspec
import structlog

from rekindle.ads import draw
from rekindle.ads.pick import Pick, Picker, web_origin
from rekindle.ads.served import ServedCounter
from rekindle.model.clock import Clock
from rekindle.model.event import Consent
from rekindle.model.ports import CoViews, Offers, Touch, VisitorHistory
from rekindle.model.web import Request, Response, Route
from rekindle.privacy.consent.vendors import Vendors
from rekindle.privacy.decide import EXCERPT, may_personalise
from rekindle.workspace import Campaign, Workspace

WorkspaceOf = Callable[[Request], Workspace | None]
"""Says whose page asks. None answers 404."""

SubjectOf = Callable[[Request, str], str | None]
"""Returns the visitor's pseudonym in that workspace from the first-party cookie, or None for a stranger."""

LatestConsent = Callable[[str, str], Consent | None]
"""Returns the newest consent of (workspace, subject), or None."""

_TOUCHES = 60
_TOKEN_BYTES = 12


class _Choice(msgspec.Struct):
    picks: list[Pick]
    personal: bool  # a visitor's own history was used
    private: bool  # a visitor was known, so the answer is for nobody else


class AdServer:
    """Picks and draws; reads happen on a worker thread, so that a slow disk holds up nobody else."""

    def __init__(
        self,
        *,
        workspace_of: WorkspaceOf,
        subject_of: SubjectOf,
        latest_consent: LatestConsent,
        history: VisitorHistory,
        co_views: CoViews,
        offers: Offers,
        counter: ServedCounter,
        clock: Clock,
        suppressed: Callable[[str, str], bool] = lambda _workspace, _subject: False,
        vendors: Vendors = EXCERPT,
        token: Callable[[int], str] = secrets.token_urlsafe,
    ) -> None:
        self._workspace_of = workspace_of
        self._subject_of = subject_of
        self._latest_consent = latest_consent
        self._history = history
        self._picker = Picker(co_views, offers)
        self._counter = counter
        self._clock = clock
        self._suppressed = suppressed
        self._vendors = vendors
        self._token = token
        self._report = structlog.get_logger("ads")

    async def ad(self, request: Request) -> Response:
        """Answer one request for an ad; 204 when there is nothing to show."""
        workspace = self._workspace_of(request)
        name = request.path.removeprefix("/ad/")
        placement = name.removesuffix(".json")
        found = _campaign(workspace, placement)
        if workspace is None or found is None:
            return Response(status=404, headers={"cache-control": "no-store"})
        campaign_name, campaign = found
        choice = await asyncio.to_thread(self._choose, request, workspace, campaign)
        headers = _headers(request, workspace, private=choice.private)
        if not choice.picks:
            return Response(status=204, headers=headers)
        language = workspace.shop.language
        slots = draw.slots(choice.picks, campaign_name, campaign, language, self._token(_TOKEN_BYTES))
        if name.endswith(".json") or _prefers_json(request):
            headers["content-type"] = "application/json"
            body = msgspec.json.encode({"placement": placement, "personal": choice.personal, "items": slots})
        else:
            headers["content-type"] = "text/html; charset=utf-8"
            headers["content-security-policy"] = _policy(workspace, choice.picks)
            whole = "fragment" not in request.query
            body = (draw.page if whole else draw.fragment)(slots, campaign, language).encode()
        if request.method == "HEAD":
            return Response(status=200, headers=headers | {"content-length": str(len(body))})
        await self._counter.count(workspace.name, placement, personal=choice.personal)
        return Response(status=200, headers=headers, body=body)

    async def style(self, request: Request) -> Response:
        """Answer the stylesheet for pages that take the fragment."""
        return Response(
            headers={
                "content-type": "text/css; charset=utf-8",
                "cache-control": "public, max-age=3600",
                "x-content-type-options": "nosniff",
            },
            body=b"" if request.method == "HEAD" else draw.stylesheet().encode(),
        )

    def _choose(self, request: Request, workspace: Workspace, campaign: Campaign) -> _Choice:
        now_ms = self._clock()
        touches, private = self._touches(request, workspace, now_ms)
        picks = self._picker.pick(workspace.name, campaign, touches, now_ms)
        return _Choice(picks, personal=bool(touches), private=private)

    def _touches(self, request: Request, workspace: Workspace, now_ms: int) -> tuple[Sequence[Touch], bool]:
        try:
            subject = self._subject_of(request, workspace.name)
            if subject is None or self._suppressed(workspace.name, subject):
                return [], False
            latest = self._latest_consent(workspace.name, subject)
            allowed, _ = may_personalise(latest, workspace.policy, now_ms, self._vendors)
            return (self._history.touches(workspace.name, subject, _TOUCHES), True) if allowed else ([], False)
        except Exception as error:  # noqa: BLE001 - whatever fails here must end in an ad that is not personal
            self._report.error("visitor could not be read", workspace=workspace.name, error=type(error).__name__)
            return [], False


_NAME = {"name": "placement", "in": "path", "required": True, "schema": {"type": "string"}}
_SHOP = {
    "name": "w",
    "in": "query",
    "schema": {"type": "string"},
    "description": "The workspace, where several share a host.",
}
_FRAGMENT = {
    "name": "fragment",
    "in": "query",
    "schema": {"type": "string"},
    "description": "Only the slots, for a page of the shop.",
}
_JSON_SLOTS = {"application/json": {"schema": {"type": "object", "required": ["placement", "personal", "items"]}}}
_NOTHING = {
    "204": {"description": "There is nothing to show."},
    "404": {"description": "No campaign has this placement."},
}
DESCRIBED = {
    "/ad/slot.css": {
        "get": {
            "summary": "The stylesheet of ads",
            "responses": {"200": {"description": "CSS.", "content": {"text/css": {"schema": {"type": "string"}}}}},
        }
    },
    "/ad/{placement}": {
        "get": {
            "summary": "Show an ad; personal only where consent allows it",
            "parameters": [_NAME, _SHOP, _FRAGMENT],
            "responses": _NOTHING
            | {
                "200": {
                    "description": "The ad, as HTML or (by `Accept`) as JSON.",
                    "content": {"text/html": {"schema": {"type": "string"}}} | _JSON_SLOTS,
                }
            },
        }
    },
    "/ad/{placement}.json": {
        "get": {
            "summary": "The same as data",
            "parameters": [_NAME, _SHOP],
            "responses": _NOTHING | {"200": {"description": "The ad.", "content": _JSON_SLOTS}},
        }
    },
}
"""What the gateway says of these addresses (OpenAPI 3.1)."""


def routes(server: AdServer) -> list[Route]:
    """Return the gateway's routes of ads."""
    methods = frozenset({"GET", "HEAD"})
    return [
        Route(methods=methods, path="/ad/slot.css", handler=server.style, described=DESCRIBED),
        Route(methods=methods, path="/ad/*", handler=server.ad),
    ]


def _campaign(workspace: Workspace | None, placement: str) -> tuple[str, Campaign] | None:
    campaigns = workspace.campaigns if workspace is not None else {}
    for name, campaign in sorted(campaigns.items()):
        if campaign.placement == placement:
            return name, campaign
    return None


def _headers(request: Request, workspace: Workspace, *, private: bool) -> dict[str, str]:
    headers = {
        "cache-control": "private, no-store" if private else "public, max-age=60",
        "vary": "Cookie, Accept, Origin",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
    }
    origin = request.headers.get("origin")
    if origin is not None and origin in workspace.shop.origins:
        headers["access-control-allow-origin"] = origin
        headers["access-control-allow-credentials"] = "true"
    return headers


def _policy(workspace: Workspace, picks: Sequence[Pick]) -> str:
    pictures = sorted({origin for pick in picks if (origin := web_origin(pick.offer.image_link))})
    frames = " ".join(["'self'", *sorted(workspace.shop.origins)])
    return (
        f"default-src 'none'; style-src {draw.style_hash()}; img-src {' '.join(pictures)}; "
        f"base-uri 'none'; form-action 'none'; frame-ancestors {frames}"
    )


def _prefers_json(request: Request) -> bool:
    accept = request.headers.get("accept", "")
    return "application/json" in accept and "text/html" not in accept
