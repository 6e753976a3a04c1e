"""Audiences: how large they are, who is in them by pseudonym, who came and went and why."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, QueryParameter

from rekindle.audiences import Change, Member, latest_changes, members, sizes
from rekindle.console.visit import Visit

_PAGE = 100

After = Annotated[str, QueryParameter(max_length=100)]


class Size(msgspec.Struct):
    """One audience: its rule as configured, and how many visitors are in it now."""

    name: str
    title: str
    rule: str
    within: str
    after: str | None
    size: int


class Members(msgspec.Struct):
    """A page of members; ask on with ``after`` = ``next`` until that is empty."""

    members: list[Member]
    next: str


def read(visit: Visit) -> list[Size]:
    """Return every audience of the live configuration."""
    counted = sizes(visit.services.database, visit.name)
    return [
        Size(name, audience.title or name, audience.rule, audience.within, audience.after, counted.get(name, 0))
        for name, audience in sorted(visit.shop.audiences.items())
    ]


def read_members(visit: Visit, audience: str, after: str) -> Members:
    """Return one page of members. Raises `NotFoundException` for an audience that is not configured."""
    if audience not in visit.shop.audiences:
        raise NotFoundException
    found = members(visit.services.database, visit.name, audience, _PAGE + 1, after)
    more = len(found) > _PAGE
    return Members(found[:_PAGE], found[_PAGE - 1].subject if more else "")


@get("/w/{workspace:str}/audiences", opt={"action": "view"}, include_in_schema=False, sync_to_thread=True)
def page(visit: NamedDependency[Visit]) -> Response[str]:
    """Show the audiences."""
    return visit.page("audiences.html", audiences=read(visit))


@get(
    "/w/{workspace:str}/audiences/{name:str}",
    opt={"action": "view_events"},
    include_in_schema=False,
    sync_to_thread=True,
)
def detail(visit: NamedDependency[Visit], name: FromPath[str], after: After = "") -> Response[str]:
    """Show one audience."""
    shown = read_members(visit, name, after)
    return visit.page(
        "audience.html",
        audience=next(size for size in read(visit) if size.name == name),
        shown=shown,
        first=not after,
        changes=latest_changes(visit.services.database, visit.name, name, 50),
    )


@get("/api/w/{workspace:str}/audiences", opt={"action": "view"}, sync_to_thread=True)
def data(visit: NamedDependency[Visit]) -> list[Size]:
    """Return every audience with its size."""
    return read(visit)


@get("/api/w/{workspace:str}/audiences/{name:str}/members", opt={"action": "view_events"}, sync_to_thread=True)
def data_members(visit: NamedDependency[Visit], name: FromPath[str], after: After = "") -> Members:
    """Return up to 100 members by pseudonym."""
    return read_members(visit, name, after)


@get("/api/w/{workspace:str}/audiences/{name:str}/changes", opt={"action": "view_events"}, sync_to_thread=True)
def data_changes(visit: NamedDependency[Visit], name: FromPath[str]) -> list[Change]:
    """Return the newest 50 entries and exits."""
    if name not in visit.shop.audiences:
        raise NotFoundException
    return latest_changes(visit.services.database, visit.name, name, 50)


HANDLERS = [page, detail, data, data_members, data_changes]
