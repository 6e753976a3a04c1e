"""The overview."""

from __future__ import annotations

from typing import Annotated

from anyio.to_thread import run_sync
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from rekindle.console.overview import Overview, read
from rekindle.console.visit import Visit

Hours = Annotated[int, QueryParameter(ge=1, le=31 * 24)]
PERIODS = (24, 7 * 24, 30 * 24)


@get("/w/{workspace:str}/", opt={"action": "view"}, include_in_schema=False)
async def page(visit: NamedDependency[Visit], hours: Hours = 24) -> Response[str]:
    """Show the overview."""
    lag = await visit.services.log.lag()
    return await run_sync(lambda: visit.page("overview.html", o=read(visit, hours, lag), periods=PERIODS))


@get("/api/w/{workspace:str}/overview", opt={"action": "view"})
async def data(visit: NamedDependency[Visit], hours: Hours = 24) -> Overview:
    """Return counts, id match and alarms of the last hours (24 unless told)."""
    return await run_sync(read, visit, hours, await visit.services.log.lag())


HANDLERS = [page, data]
