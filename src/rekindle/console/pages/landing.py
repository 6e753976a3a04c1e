"""Landing pages: a button that has a feed's pages checked, the results as JSON and as CSV."""

from __future__ import annotations

from litestar import get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect, Stream

from rekindle.console.landing import LandingPages, everything, read
from rekindle.console.pages.quality import stream
from rekindle.console.visit import Visit
from rekindle.feeds import live_version
from rekindle.feeds.landing import ask
from rekindle.feeds.quality import export


@post("/w/{workspace:str}/quality/{name:str}/pages", opt={"action": "operate"}, include_in_schema=False,
      sync_to_thread=True)  # fmt: skip
def check(visit: NamedDependency[Visit], name: FromPath[str]) -> Redirect:
    """Have a sample of the feed's pages visited; the scheduler does it."""
    services = visit.services
    if name not in visit.shop.feeds or live_version(services.database, visit.name, name) is None:
        raise NotFoundException
    services.record(visit.name, visit.actor, "feed.check-pages", name)
    ask(services.database, visit.shop, name, services.clock())
    return Redirect(f"{visit.home}/quality/{name}#pages", status_code=303)


@get("/w/{workspace:str}/quality/{name:str}/pages.csv", opt={"action": "view"}, include_in_schema=False)
async def csv_pages(visit: NamedDependency[Visit], name: FromPath[str]) -> Stream:
    """Export what was found at the pages of every item that was visited."""
    if name not in visit.shop.feeds:
        raise NotFoundException
    return await stream(visit, f"{name}-pages", lambda: export.pages(everything(visit, name)))


@get("/api/w/{workspace:str}/quality/{name:str}/pages", opt={"action": "view"}, sync_to_thread=True)
def data_pages(visit: NamedDependency[Visit], name: FromPath[str]) -> LandingPages:
    """Return what was found at landing pages of one feed: the newest run, sums, and the worst items."""
    return read(visit, name)


HANDLERS = [check, csv_pages, data_pages]
