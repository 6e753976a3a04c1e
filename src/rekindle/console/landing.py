"""What was found at landing pages, for the quality page and its twin for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec
from litestar.exceptions import NotFoundException

from rekindle.console.visit import Visit
from rekindle.feeds.landing import Checked, PageRun, checked, run_of, totals

LISTED = 100
_AT_ONCE = 500


class LandingPages(msgspec.Struct, frozen=True):
    """The newest run, how many items' pages are how bad at the worst (`landing.totals`), and the worst of them."""

    run: PageRun | None
    totals: Mapping[str, int]
    items: Sequence[Checked]


def read(visit: Visit, feed: str) -> LandingPages:
    """Return one feed's. Raises `NotFoundException` when it is not configured."""
    if feed not in visit.shop.feeds:
        raise NotFoundException
    database = visit.services.database
    with database.read() as connection:
        run = run_of(connection, visit.name, feed)
    return LandingPages(run, totals(database, visit.name, feed), checked(database, visit.name, feed, LISTED))


def everything(visit: Visit, feed: str) -> Iterator[Checked]:
    """Yield every item whose page was visited, the worst first."""
    offset = 0
    while found := checked(visit.services.database, visit.name, feed, _AT_ONCE, offset):
        yield from found
        offset += len(found)
