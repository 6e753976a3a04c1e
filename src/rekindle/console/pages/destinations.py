"""Destinations: how each lane is, what became of events in words, dead letters."""

from __future__ import annotations

from typing import Annotated

from anyio.to_thread import run_sync
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, QueryParameter

from rekindle.console import destinations as read
from rekindle.console.destinations import DeadLetters, Lane, LaneDetail
from rekindle.console.visit import BIGGEST, Visit
from rekindle.egress.quality import newest

BeforeMs = Annotated[int | None, QueryParameter(ge=0, le=BIGGEST)]


@get("/w/{workspace:str}/destinations", opt={"action": "view"}, include_in_schema=False)
async def page(visit: NamedDependency[Visit]) -> Response[str]:
    """Show every destination."""
    lag = await visit.services.log.lag()
    return await run_sync(lambda: visit.page("destinations.html", lanes=read.lanes(visit, lag)))


@get("/w/{workspace:str}/destinations/{name:str}", opt={"action": "view"}, include_in_schema=False)
async def detail(visit: NamedDependency[Visit], name: FromPath[str], before_ms: BeforeMs = None) -> Response[str]:
    """Show one destination."""
    found = await _detail(visit, name)
    sees = visit.may("view_events")
    return await run_sync(
        lambda: visit.page(
            "destination.html",
            d=found,
            quality=newest(found.quality),
            dead=read.letters(visit, name, before_ms) if sees and not found.lane.audience else None,
            refused=read.refused(visit, name) if sees and found.lane.audience else None,
            first=before_ms is None,
        )
    )


@get("/api/w/{workspace:str}/destinations", opt={"action": "view"})
async def data(visit: NamedDependency[Visit]) -> list[Lane]:
    """Return every destination with its lane."""
    lag = await visit.services.log.lag()
    return await run_sync(read.lanes, visit, lag)


@get("/api/w/{workspace:str}/destinations/{name:str}", opt={"action": "view"})
async def data_detail(visit: NamedDependency[Visit], name: FromPath[str]) -> LaneDetail:
    """Return one destination with its outcomes by reason."""
    return await _detail(visit, name)


@get("/api/w/{workspace:str}/destinations/{name:str}/dead-letters", opt={"action": "view_events"}, sync_to_thread=True)
def data_letters(visit: NamedDependency[Visit], name: FromPath[str], before_ms: BeforeMs = None) -> DeadLetters:
    """Return up to 100 events that the platform refused for good."""
    return read.letters(visit, name, before_ms)


async def _detail(visit: Visit, name: str) -> LaneDetail:
    found = await run_sync(read.detail, visit, name, await visit.services.log.lag())
    if found is None:
        raise NotFoundException
    return found


HANDLERS = [page, detail, data, data_detail, data_letters]
