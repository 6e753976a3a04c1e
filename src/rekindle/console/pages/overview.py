"""The overview."""

from __future__ import annotations

from typing import Annotated

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from rekindle.console.overview import Overview, read
from rekindle.console.visit import Visit

Hours = Annotated[int, QueryParameter(ge=1, le=31 * 24)]
PERIODS = (24, 7 * 24, 30 * 24)


@get("/w/{workspace:str}/", opt={"action": "view"}, include_in_schema=False, sync_to_thread=True)
def page(visit: NamedDependency[Visit], hours: Hours = 24) -> Response[str]:
    """Show the overview."""
    return visit.page("overview.html", o=read(visit, hours), periods=PERIODS)


@get("/api/w/{workspace:str}/overview", opt={"action": "view"}, sync_to_thread=True)
def data(visit: NamedDependency[Visit], hours: Hours = 24) -> Overview:
    """Return counts, id match and alarms of the last hours (24 unless told)."""
    return read(visit, hours)


HANDLERS = [page, data]
