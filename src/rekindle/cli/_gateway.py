"""The gateway's role: events in; tag, feeds and ads out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from prometheus_client import REGISTRY

from rekindle.ads import AdServer, ServedCounter
from rekindle.ads import routes as ad_routes
from rekindle.catalog import HintStore, HookServer, SnapshotOffers, SnapshotStore
from rekindle.cli._compose import Installation
from rekindle.collect.cookie import visitor_of
from rekindle.collect.door import Guards
from rekindle.collect.gateway import Gateway
from rekindle.collect.server import serve_gateway, steady
from rekindle.feeds import FeedServer, Pulls
from rekindle.model.web import Request, Route
from rekindle.ops.loop import run_steps, stop_on_signals
from rekindle.privacy.decide import door
from rekindle.privacy.redact import clean_search_term, clean_text, clean_url
from rekindle.privacy.suppression import SuppressionCopy
from rekindle.profiles import History, Related
from rekindle.tags.serve import routes as tag_routes
from rekindle.workspace import Feed, Workspace
from rekindle.workspace.access import ApiKeys

_log = structlog.get_logger()
_COUNT_S = 2.0


async def run(installation: Installation, drain_s: float) -> None:
    """Serve until SIGTERM; then drain."""
    settings = installation.settings
    counter = ServedCounter(installation.database, installation.clock)
    pulls = Pulls(installation.database, installation.clock)
    gateway = Gateway(
        log=installation.log,
        workspaces=installation.workspaces,
        guards=Guards(
            consent=partial(door, vendors=installation.vendors),
            subject=installation.pseudonymiser.subject,
            seal=installation.vault.seal,
            clean_url=clean_url,
            clean_text=clean_text,
            clean_search_term=clean_search_term,
            suppressed=SuppressionCopy(installation.database, installation.clock, installation.pseudonymiser),
        ),
        verify=_Verifier(installation),
        clock=installation.clock,
        routes=_routes(installation, counter, pulls),
        trusted_proxies=settings.trusted_proxies,
        registry=REGISTRY,
    )
    steady()
    stopping = stop_on_signals()
    noted = {"ads served": counter.step, "feeds fetched": pulls.step}
    counting = asyncio.create_task(run_steps(noted, idle_s=_COUNT_S, stopping=stopping))
    try:
        await serve_gateway(
            gateway,
            settings.host,
            settings.gateway_port,
            drain_s=drain_s,
            stopping=stopping,
            on_listening=lambda: _log.info("listening", host=settings.host, port=settings.gateway_port),
        )
    finally:
        stopping.set()
        await counting
        await counter.flush()
        await pulls.step()


class _Verifier:
    """Which workspace an API key may write events to."""

    def __init__(self, installation: Installation) -> None:
        self._keys = ApiKeys(installation.database, installation.clock)

    def __call__(self, text: str) -> str | None:
        key = self._keys.verify(text)
        return key.workspace if key is not None and "events:write" in key.scopes else None


def _routes(installation: Installation, counter: ServedCounter, pulls: Pulls) -> list[Route]:
    workspaces = installation.workspaces
    database, blobs, clock = installation.database, installation.blobs, installation.clock

    def workspace_of(request: Request) -> Workspace | None:
        return workspace_by_request(workspaces(), request)

    def feed_of(workspace: str, feed: str) -> Feed | None:
        found = workspaces().get(workspace)
        return None if found is None else found.feeds.get(feed)

    def subject_of(request: Request, workspace: str) -> str | None:
        visitor = visitor_of(request.cookies)
        return None if visitor is None else installation.pseudonymiser.subject(workspace, "cookie", visitor)

    ads = AdServer(
        workspace_of=workspace_of,
        subject_of=subject_of,
        latest_consent=installation.consents.latest,
        history=History(database, installation.pseudonymiser),
        co_views=Related(database),
        offers=SnapshotOffers(SnapshotStore(database, blobs), blobs, clock),
        counter=counter,
        clock=clock,
        suppressed=installation.consents.suppressed,
        vendors=installation.vendors,
    )
    manifest_key = Ed25519PrivateKey.from_private_bytes(installation.keyring.derive("feed manifests"))
    return [
        *tag_routes(workspace_of),
        *FeedServer(database, blobs, feed_of, installation.clock, manifest_key, pulls).routes(),
        *HookServer(workspaces, installation.secrets.get, HintStore(database), clock).routes(),
        *ad_routes(ads),
    ]


def workspace_by_request(workspaces: Mapping[str, Workspace], request: Request) -> Workspace | None:
    """Return whose page asks: ``?w=<name>``, else the shop one of whose origins has this host, else the only one."""
    wanted = request.query.get("w")
    if wanted is not None:
        return workspaces.get(wanted)
    for workspace in workspaces.values():
        if any(origin.partition("://")[2] == request.host for origin in workspace.shop.origins):
            return workspace
    return next(iter(workspaces.values())) if len(workspaces) == 1 else None
