"""Logging in and out, the choice of a language, and the way to one's workspaces."""

from __future__ import annotations

import base64
import re
import secrets
from typing import Any

from anyio.to_thread import run_sync
from litestar import Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Redirect
from msgspec.structs import replace

from rekindle.console.door import LANGUAGE_COOKIE, client_address
from rekindle.console.language import LANGUAGES
from rekindle.console.visit import Visit
from rekindle.workspace.access import LoginRefused, LoginThrottled

_LOCAL = re.compile(r"/w/[A-Za-z0-9_/.-]*")
_YEAR = 365 * 24 * 3600


def session_cookie(visit: Visit, value: str, max_age: int | None = None) -> Cookie:
    """Return the session cookie; it goes when the browser closes."""
    services = visit.services
    return Cookie(
        key=services.session_cookie,
        value=value,
        path="/",
        httponly=True,
        secure=services.secure,
        samesite="lax",
        max_age=max_age,
    )


def local(target: str | None) -> str:
    """Return a page of this console to go to; anything else leads home, so that no link of ours leads elsewhere."""
    return target if target and _LOCAL.fullmatch(target) and "//" not in target else "/"


@get("/login", opt={"public": True}, include_in_schema=False, sync_to_thread=False)
def show(visit: NamedDependency[Visit], next: FromQuery[str] = "/") -> Response[Any]:  # noqa: A002
    """Show the form. A random cookie binds it to this browser until there is a session."""
    if visit.user is not None:
        return Redirect(local(next), status_code=303)
    token = visit.token or base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()
    page = _form(visit, token, local(next))
    page.set_cookie(session_cookie(visit, token))
    return page


def _form(
    visit: Visit, token: str, target: str, *, status: int = 200, problem: str = "", wait: int = 0
) -> Response[str]:
    return replace(visit, token=token, user=None).page(
        "login.html", status=status, target=target, problem=problem, wait=wait
    )


@post("/login", opt={"public": True}, include_in_schema=False)
async def submit(request: Request[Any, Any, Any], visit: NamedDependency[Visit]) -> Response[Any]:
    """Check name and password; a success starts a new session under a new token."""
    form = await request.form()
    name, password = str(form.get("name", ""))[:200], str(form.get("password", ""))[:2000]
    target = local(str(form.get("next", "/")))
    services = visit.services
    address = client_address(request, services.trusted_proxies)
    answer: Response[Any] = await run_sync(_submit, visit, name, password, target, address)
    return answer


def _submit(visit: Visit, name: str, password: str, target: str, address: str) -> Response[Any]:
    services = visit.services
    try:
        user = services.login.authenticate(name, password, address)
    except LoginThrottled as throttled:
        seconds = -(-throttled.retry_ms // 1000)
        page = _form(visit, visit.token, target, status=429, problem="throttled", wait=throttled.retry_ms)
        page.headers["retry-after"] = str(seconds)
        return page
    except LoginRefused:
        return _form(visit, visit.token, target, status=403, problem="refused")
    fresh = services.sessions.start(user.id, replacing=visit.token)
    answer = Redirect(target, status_code=303)
    answer.set_cookie(session_cookie(visit, fresh.token))
    return answer


@post("/logout", opt={}, include_in_schema=False, sync_to_thread=True)
def logout(visit: NamedDependency[Visit]) -> Redirect:
    """End the session here and in the browser."""
    visit.services.sessions.revoke(visit.token)
    answer = Redirect("/login", status_code=303)
    answer.set_cookie(session_cookie(visit, "", max_age=0))
    return answer


@post("/language", opt={"public": True, "form": False}, include_in_schema=False)
async def language(request: Request[Any, Any, Any], visit: NamedDependency[Visit]) -> Redirect:
    """Remember the language a person chose."""
    form = await request.form()
    chosen = str(form.get("language", ""))
    target = str(form.get("next", "/"))
    answer = Redirect(target if target == "/login" else local(target), status_code=303)
    if chosen in LANGUAGES:
        answer.set_cookie(
            Cookie(
                key=LANGUAGE_COOKIE,
                value=chosen,
                path="/",
                httponly=True,
                samesite="lax",
                secure=visit.services.secure,
                max_age=_YEAR,
            )
        )
    return answer


@get("/", include_in_schema=False, sync_to_thread=False)
def home(visit: NamedDependency[Visit]) -> Response[Any]:
    """Lead to the only workspace, or list them."""
    if len(visit.shops) == 1:
        return Redirect(f"/w/{next(iter(visit.shops))}/", status_code=303)
    return visit.page("home.html")


HANDLERS = [show, submit, logout, language, home]
