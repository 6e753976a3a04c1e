"""The door: every handler needs a login, a right and, when it changes something, a form of our own, unless it says not.

A handler says ``opt={"action": …}`` (the right it needs), ``{"public": True}`` (no login), ``{"form": False}`` (changes
nothing worth protecting). A handler that says nothing needs a login and is closed to keys.
"""

from __future__ import annotations

import hmac
import ipaddress
from typing import Any
from urllib.parse import urlsplit

from anyio.to_thread import run_sync
from litestar.connection import ASGIConnection, Request
from litestar.exceptions import NotAuthorizedException, NotFoundException, PermissionDeniedException
from litestar.handlers.base import BaseRouteHandler

from rekindle.console.language import choose
from rekindle.console.services import Services
from rekindle.console.visit import Visit
from rekindle.workspace.access import ACTIONS, SCOPES, Action, can
from rekindle.workspace.access.sessions import form_token

LANGUAGE_COOKIE = "rekindle-language"
FORM_FIELD = "form_token"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

Connection = ASGIConnection[Any, Any, Any, Any]


async def door(connection: Connection, handler: BaseRouteHandler) -> None:
    """Let the request in, or raise: 401 without a login, 404 for others' workspaces, 403 without the right."""
    services: Services = connection.app.state.services
    visit = await run_sync(_identify, services, connection)
    connection.state.visit = visit
    if handler.opt.get("public") is not True:
        _authorise(visit, connection, handler)
    if connection.scope.get("method", "GET") not in _SAFE:
        _same_origin(connection)
        if handler.opt.get("form") is not False and visit.key is None:
            await _own_form(connection, visit.token)


def _identify(services: Services, connection: Connection) -> Visit:
    headers, cookies = connection.headers, connection.cookies
    language = choose(cookies.get(LANGUAGE_COOKIE), headers.get("accept-language", ""))
    path = connection.url.path
    bearer = headers.get("authorization", "")
    name = connection.path_params.get("workspace")
    if bearer[:7].lower() == "bearer " and path.startswith("/api/"):
        key = services.keys.verify(bearer[7:].strip())
        if key is None:
            return Visit(services, language, path)
        actions: frozenset[Action] = frozenset().union(*(SCOPES.get(scope, frozenset()) for scope in key.scopes))
        shop = services.shops().get(key.workspace) if name == key.workspace else None
        return Visit(services, language, path, key=key, workspace=shop, actions=actions)
    token = cookies.get(services.session_cookie, "")
    session = services.sessions.check(token) if token else None
    user = services.users.get(session.user_id) if session else None
    if session is None or user is None or user.disabled:
        return Visit(services, language, path, token=token)
    live = services.shops()
    mine = {shop: live[shop].shop.title for shop in sorted(user.roles) if shop in live}
    chosen = live[name] if name in mine else None
    role = user.roles.get(str(name), "") if chosen else ""
    return Visit(
        services,
        language,
        path,
        user=user,
        session=session,
        token=token,
        workspace=chosen,
        actions=frozenset(action for action in ACTIONS if can(role, action)),
        shops=mine,
    )


def _authorise(visit: Visit, connection: Connection, handler: BaseRouteHandler) -> None:
    if visit.user is None and visit.key is None:
        raise NotAuthorizedException
    if "workspace" in connection.path_params and visit.workspace is None:
        raise NotFoundException  # also when it exists: names of other shops are nobody's business
    action = handler.opt.get("action")
    if action is None:
        if visit.user is None:
            raise PermissionDeniedException
    elif action not in visit.actions:
        raise PermissionDeniedException


def _same_origin(connection: Connection) -> None:
    """Refuse a change that another site's page asked for (Fetch Metadata first, else ``Origin``)."""
    site = connection.headers.get("sec-fetch-site")
    origin = connection.headers.get("origin")
    if site is not None:
        if site not in ("same-origin", "none"):
            raise PermissionDeniedException
    elif origin is not None and urlsplit(origin).netloc != connection.headers.get("host", ""):
        raise PermissionDeniedException


async def _own_form(connection: Connection, token: str) -> None:
    assert isinstance(connection, Request)
    given = str((await connection.form()).get(FORM_FIELD, ""))
    if not token or not hmac.compare_digest(given.encode(), form_token(token).encode()):
        raise PermissionDeniedException("form")


def client_address(connection: Connection, trusted: tuple[str, ...]) -> str:
    """Return the browser's address: the peer's, or behind trusted proxies the last one that they did not add."""
    peer = connection.client.host if connection.client else ""
    networks = [ipaddress.ip_network(entry, strict=False) for entry in trusted]

    def is_ours(text: str) -> bool:
        try:
            parsed = ipaddress.ip_address(text)
        except ValueError:
            return False
        return any(parsed in network for network in networks)

    if not is_ours(peer):
        return peer
    hops = [hop.strip() for hop in connection.headers.get("x-forwarded-for", "").split(",") if hop.strip()]
    return next((hop for hop in reversed(hops) if not is_ours(hop)), peer)
