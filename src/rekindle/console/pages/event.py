"""One event: what came, and its way through the street."""

from __future__ import annotations

from typing import Any

import msgspec
from anyio.to_thread import run_sync
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from rekindle.audiences import of
from rekindle.console.visit import Visit
from rekindle.egress.trace import Trace, trace


async def read(visit: Visit, event_id: str) -> Trace:
    """Return an event's way. Raises `NotFoundException` when nobody knows the id."""
    found = await trace(visit.services.database, visit.services.log, visit.name, event_id)
    if not found.found:
        raise NotFoundException
    return found


def signals(found: Trace) -> dict[str, Any]:
    """Return the consent signals that came, by name."""
    return {} if found.consent is None else msgspec.to_builtins(found.consent)


@get("/w/{workspace:str}/events/{event_id:path}", opt={"action": "view_events"}, include_in_schema=False)
async def page(visit: NamedDependency[Visit], event_id: FromPath[str]) -> Response[str]:
    """Show one event."""
    found = await read(visit, event_id.removeprefix("/"))

    def show() -> Response[str]:
        mine = of(visit.services.database, visit.name, found.subject) if found.subject else []
        return visit.page("event.html", t=found, signals=signals(found), audiences=mine)

    return await run_sync(show)


@get("/api/w/{workspace:str}/events/{event_id:path}", opt={"action": "view_events"})
async def data(visit: NamedDependency[Visit], event_id: FromPath[str]) -> Trace:
    """Return one event's way through the street."""
    return await read(visit, event_id.removeprefix("/"))


HANDLERS = [page, data]
