"""The console's application: every page and every JSON address, behind one door."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

import argon2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from litestar import Litestar, Request, get
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.params import FromPath
from litestar.response import Response
from litestar.types import ControllerRouterHandler

import rekindle
from rekindle.console import errors
from rekindle.console.door import door
from rekindle.console.headers import security_headers
from rekindle.console.pages import handlers
from rekindle.console.render import assets
from rekindle.console.services import Record, Services, Shops
from rekindle.console.visit import Visit
from rekindle.egress.deadletters import LetterDesk
from rekindle.egress.deadmembers import MemberDesk
from rekindle.engines.database import Database
from rekindle.engines.log.protocol import Log
from rekindle.feeds.category_desk import CategoryDesk
from rekindle.feeds.quality import QualityDesk
from rekindle.model.clock import Clock
from rekindle.privacy.vendor_lists import VendorLists
from rekindle.workspace import Versions
from rekindle.workspace.access import ApiKeys, Authenticator, PasswordLogin, Sessions, Users

# Read once, here, so that importing the console declares every table that its pages read.
_PAGES = handlers()
_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


def create_console(
    database: Database,
    log: Log,
    shops: Shops,
    clock: Clock,
    record: Record,
    *,
    secure: bool = False,
    trusted_proxies: tuple[str, ...] = (),
    allowed_hosts: Sequence[str] = (),
    random: Callable[[int], bytes] = secrets.token_bytes,
    hasher: argon2.PasswordHasher | None = None,
    login: Authenticator | None = None,
    ledger_key: Ed25519PublicKey | None = None,
    letters: LetterDesk | None = None,
    members: MemberDesk | None = None,
    versions: Versions | None = None,
    vendors: VendorLists | None = None,
    quality: QualityDesk | None = None,
    categories: CategoryDesk | None = None,
) -> Litestar:
    """Return the console as an ASGI application.

    ``shops`` gives the live workspaces, ``record`` writes changes by people to the ledger. ``secure`` when browsers
    reach it by https (cookies are then ``Secure``). ``allowed_hosts`` are the host names it answers to (all, when
    empty). ``login`` replaces passwords, for single sign-on. With ``ledger_key`` the ledger can be verified on its page, with
    ``letters`` dead letters can be previewed and sent again, with ``members`` refused people, with ``versions`` changes of the policy approved, and with
    ``vendors`` the vendor list's age is watched; with ``quality`` whole reports of feeds can be exported,
    and with ``categories`` the shop's categories mapped to Google's.
    """
    users = Users(database, clock, random, hasher)
    services = Services(
        database=database,
        log=log,
        clock=clock,
        shops=shops,
        record=record,
        users=users,
        sessions=Sessions(database, clock, random),
        keys=ApiKeys(database, clock, random),
        login=login or PasswordLogin(database, users, clock),
        secure=secure,
        trusted_proxies=trusted_proxies,
        ledger_key=ledger_key,
        letters=letters,
        members=members,
        versions=versions,
        vendors=vendors,
        quality=quality,
        categories=categories,
    )
    # Litestar wraps a handler's function anew for each application, so each gets its own copies.
    every: list[ControllerRouterHandler] = [_described(copy(handler)) for handler in (_asset, _livez, *_PAGES)]
    return Litestar(
        every,
        guards=[door],
        dependencies={"visit": Provide(_visit, sync_to_thread=False)},
        exception_handlers={HTTPException: errors.http_error, Exception: errors.server_error},
        before_send=[security_headers(secure)],
        allowed_hosts=list(allowed_hosts) or None,
        request_max_body_size=64 * 1024,
        openapi_config=OpenAPIConfig(
            title="Rekindle", version=rekindle.__version__, path="/api", render_plugins=[JsonRenderPlugin()]
        ),
        state=State({"services": services, "closing": threading.Event()}),
        logging_config=None,
    )


def close_streams(app: Litestar) -> None:
    """End every live stream within a second: a server that waits for its connections would wait for ever."""
    app.state.closing.set()


def _described(handler: ControllerRouterHandler) -> ControllerRouterHandler:
    if isinstance(handler, HTTPRouteHandler) and handler.include_in_schema is not False:
        handler.responses = errors.DESCRIBED | dict(handler.responses or {})
    return handler


def _visit(request: Request[Any, Any, Any]) -> Visit:
    visit: Visit = request.state.visit
    return visit


@get("/static/{digest:str}/{name:str}", opt={"public": True}, include_in_schema=False, sync_to_thread=False)
def _asset(digest: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    known, content = assets().get(name, ("", b""))
    if known != digest:
        raise NotFoundException
    kind = _TYPES.get(name.rpartition(".")[2], "application/octet-stream")
    return Response(content, media_type=kind, headers={"cache-control": "public, max-age=31536000, immutable"})


@get("/livez", opt={"public": True}, include_in_schema=False, sync_to_thread=False, media_type="text/plain")
def _livez() -> str:
    return "ok\n"
