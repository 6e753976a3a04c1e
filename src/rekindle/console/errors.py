"""Errors as pages for people and as JSON for programs; neither tells what went on inside."""

from __future__ import annotations

import logging
import traceback
from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.openapi import ResponseSpec
from litestar.response import Redirect

from rekindle.console.language import choose
from rekindle.console.visit import Visit

_log = logging.getLogger(__name__)


class Refused(msgspec.Struct, frozen=True):
    """What every JSON address answers to a request that it does not serve; ``status`` is the HTTP status."""

    status: int
    detail: str


def http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """Answer a refused request: a login page for who is not logged in, else the status in words."""
    return _answer(request, error.status_code, error.detail if error.status_code == 400 else "")


def server_error(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Answer 500. The error's type and place are logged and not its text, which may hold what a person typed."""
    place = "".join(traceback.format_tb(error.__traceback__)[-3:])
    _log.error("console request failed: %s %s\n%s", request.method, type(error).__name__, place)
    return _answer(request, 500, "")


def _answer(request: Request[Any, Any, Any], status: int, detail: str) -> Response[Any]:
    path = request.url.path
    if (path + "/").startswith("/api/"):
        headers = {"www-authenticate": "Bearer"} if status == 401 else {}
        return Response(Refused(status, detail or _PLAIN.get(status, "error")), status_code=status, headers=headers)
    if status == 401:
        return Redirect(f"/login?next={quote(path, safe='/')}", status_code=303)
    visit = getattr(request.state, "visit", None)
    if visit is None:
        visit = Visit(request.app.state.services, choose(None, request.headers.get("accept-language", "")), path)
    return visit.page("error.html", status=status, code=status)


_PLAIN = {
    400: "bad request",
    401: "log in, or send an API key as a bearer token",
    403: "not allowed",
    404: "not found",
    405: "method not allowed",
    413: "too large",
    429: "too many tries",
    500: "internal error",
}

DESCRIBED = {
    status: ResponseSpec(Refused, generate_examples=False, description=_PLAIN[status].capitalize())
    for status in (400, 401, 403, 404)
}
"""The refusals that every JSON address may answer, for the description of the API."""
