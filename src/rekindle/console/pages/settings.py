"""Settings: the own password, who has access, API keys, the versions of the workspace."""

from __future__ import annotations

from typing import Any

import msgspec
from anyio.to_thread import run_sync
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from rekindle.console.door import client_address
from rekindle.console.pages.login import session_cookie
from rekindle.console.visit import Visit
from rekindle.model.clock import rfc3339
from rekindle.workspace.access import SCOPES, LoginRefused, LoginThrottled, NewApiKey, WeakPassword

_DAY_MS = 86_400_000


class Key(msgspec.Struct):
    """An API key without its secret; times are RFC 3339."""

    id: str
    name: str
    scopes: list[str]
    created: str
    expires: str | None
    revoked: str | None


class Person(msgspec.Struct):
    """Somebody with access to the workspace."""

    name: str
    role: str


class Settings(msgspec.Struct):
    """Who and what has access."""

    people: list[Person]
    keys: list[Key]


def _time(ms: int | None) -> str | None:
    return None if ms is None else rfc3339(ms)


@get("/api/w/{workspace:str}/access", opt={"action": "manage_keys"}, sync_to_thread=True)
def data(visit: NamedDependency[Visit]) -> Settings:
    """Return the people and keys of the workspace."""
    services = visit.services
    return Settings(
        people=[Person(user.name, user.roles[visit.name]) for user in services.users.of(visit.name)],
        keys=[
            Key(
                key.id,
                key.name,
                sorted(key.scopes),
                rfc3339(key.created_ms),
                _time(key.expires_ms),
                _time(key.revoked_ms),
            )
            for key in services.keys.of(visit.name)
        ],
    )


@get("/w/{workspace:str}/settings", opt={"action": "view"}, include_in_schema=False, sync_to_thread=True)
def page(visit: NamedDependency[Visit], done: FromQuery[str] = "") -> Response[str]:
    """Show the settings."""
    return _show(visit, done=done)


def _show(
    visit: Visit, *, status: int = 200, done: str = "", problem: str = "", made: NewApiKey | None = None
) -> Response[str]:
    services = visit.services
    manages = visit.may("manage_keys")
    return visit.page(
        "settings.html",
        status=status,
        done=done,
        problem=problem,
        made=made,
        scopes=list(SCOPES),
        now=services.clock(),
        people=services.users.of(visit.name) if visit.may("manage_users") else [],
        keys=services.keys.of(visit.name) if manages else [],
    )


@post("/w/{workspace:str}/settings/password", opt={"action": "view"}, include_in_schema=False)
async def change_password(request: Request[Any, Any, Any], visit: NamedDependency[Visit]) -> Response[Any]:
    """Replace one's own password; every other session of this person ends, and this one gets a new token."""
    form = await request.form()
    old, new, again = (str(form.get(field, ""))[:2000] for field in ("old", "new", "again"))
    address = client_address(request, visit.services.trusted_proxies)
    return await run_sync(_change_password, visit, old, new, again, address)


def _change_password(visit: Visit, old: str, new: str, again: str, address: str) -> Response[Any]:
    services, user = visit.services, visit.user
    assert user is not None
    if new != again:
        return _show(visit, status=400, problem="differ")
    try:
        services.login.authenticate(user.name, old, address)
    except (LoginRefused, LoginThrottled) as refused:
        return _show(visit, status=403, problem="throttled" if isinstance(refused, LoginThrottled) else "old")
    try:
        services.users.check_strength(user.name, new)
    except WeakPassword:
        return _show(visit, status=400, problem="weak")
    services.record(visit.name, visit.actor, "access.password", "")
    services.users.set_password(user.id, new)
    services.sessions.revoke_all(user.id)
    answer = Redirect(f"{visit.home}/settings?done=password", status_code=303)
    answer.set_cookie(session_cookie(visit, services.sessions.start(user.id).token))
    return answer


@post("/w/{workspace:str}/settings/keys", opt={"action": "manage_keys"}, include_in_schema=False)
async def create_key(request: Request[Any, Any, Any], visit: NamedDependency[Visit]) -> Response[Any]:
    """Make a key and show it, this once."""
    form = await request.form()
    name, scopes, days = (
        str(form.get("name", "")),
        [str(scope) for scope in form.getall("scope", [])],
        str(form.get("days", "")),
    )
    return await run_sync(_create_key, visit, name, scopes, days)


def _create_key(visit: Visit, name: str, scopes: list[str], days: str) -> Response[Any]:
    services = visit.services
    if days and not (days.isdecimal() and len(days) <= 4 and 1 <= int(days) <= 3650):
        return _show(visit, status=400, problem="days")
    expires = services.clock() + int(days) * _DAY_MS if days else None
    try:
        services.keys.check(name, scopes, expires)
    except ValueError:
        return _show(visit, status=400, problem="scopes" if name.strip() else "name")
    services.record(visit.name, visit.actor, "access.key.create", " ".join(sorted(scopes)))
    made = services.keys.create(visit.name, name, scopes, visit.actor, expires)
    return _show(visit, made=made)


@post(
    "/w/{workspace:str}/settings/keys/{key_id:str}/revoke",
    opt={"action": "manage_keys"},
    include_in_schema=False,
    sync_to_thread=True,
)
def revoke_key(visit: NamedDependency[Visit], key_id: FromPath[str]) -> Redirect:
    """End a key."""
    if any(key.id == key_id and key.revoked_ms is None for key in visit.services.keys.of(visit.name)):
        visit.services.record(visit.name, visit.actor, "access.key.revoke", key_id)
        visit.services.keys.revoke(visit.name, key_id)
    return Redirect(f"{visit.home}/settings?done=revoked", status_code=303)


HANDLERS = [data, page, change_password, create_key, revoke_key]
