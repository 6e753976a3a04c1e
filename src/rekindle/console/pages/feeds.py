"""Feeds: what is live, what is held and why, what the checks found."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect

from rekindle.console.visit import Visit
from rekindle.feeds import (
    PULL,
    DeliveryStatus,
    FeedStatus,
    FeedVersion,
    Finding,
    Receipt,
    UnknownChannel,
    delivery_status,
    findings,
    issues,
    status,
    versions,
)
from rekindle.feeds import receipt_history as receipts_of
from rekindle.feeds.categories import takes_categories
from rekindle.feeds.deliveries import ask
from rekindle.feeds.push import PushIssue, PushStatus, push_issues, push_status
from rekindle.feeds.push import approve as approve_push
from rekindle.feeds.push import retry as retry_push
from rekindle.model.issue import Issue
from rekindle.profiles.id_match import IdMatch, id_match

_PAGE = 100
_WEEK_MS = 7 * 86_400_000
_RECEIPTS = 20

Severity = Annotated[Literal["", "block", "limit", "warning"], QueryParameter()]
Code = Annotated[str, QueryParameter(max_length=64)]
Offset = Annotated[int, QueryParameter(ge=0, le=1_000_000)]


class FeedDetail(msgspec.Struct):
    """One feed: its state, versions, what its checks found, and how well events match its ids (last seven days).

    ``deliveries`` are where its file is taken to, ``pulls`` who fetched it; ``push`` is how its items fare at the
    platform's API, where they are pushed.
    """

    status: FeedStatus
    versions: list[FeedVersion]
    findings: list[Finding]
    id_match: IdMatch | None
    deliveries: list[DeliveryStatus]
    pulls: list[Receipt]
    push: PushStatus | None


class PushIssues(msgspec.Struct):
    """A page of what the platform said of items; ask on with ``offset`` = ``next`` until that is None."""

    issues: list[PushIssue]
    next: int | None


class Issues(msgspec.Struct):
    """A page of issues; ask on with ``offset`` = ``next`` until that is None."""

    issues: list[Issue]
    next: int | None


def read(visit: Visit, name: str) -> FeedDetail:
    """Return one feed. Raises `NotFoundException` when it is not configured."""
    database = visit.services.database
    found = next((feed for feed in status(database, visit.shop) if feed.feed == name), None)
    if found is None:
        raise NotFoundException
    with database.read() as connection:
        built = versions.history(connection, visit.name, name)
        pulls = receipts_of(connection, visit.name, name, PULL, _RECEIPTS)
    goes = delivery_status(database, visit.shop, visit.services.clock(), name)
    matches = id_match(database, visit.name, visit.services.clock() - _WEEK_MS)
    match = next((match for match in matches if match.feed == name), None)
    push = next((push for push in push_status(database, visit.shop) if push.feed == name), None)
    return FeedDetail(found, built, findings(database, visit.name, name), match, goes, pulls, push)


def read_push_issues(visit: Visit, name: str, offset: int) -> PushIssues:
    """Return one page. Raises `NotFoundException` when the feed is not configured."""
    if name not in visit.shop.feeds:
        raise NotFoundException
    found = push_issues(visit.services.database, visit.name, name, _PAGE + 1, offset)
    return PushIssues(found[:_PAGE], offset + _PAGE if len(found) > _PAGE else None)


def read_issues(visit: Visit, name: str, severity: str, code: str, offset: int) -> Issues:
    """Return one page of issues. Raises `NotFoundException` when the feed is not configured."""
    if name not in visit.shop.feeds:
        raise NotFoundException
    found = issues(visit.services.database, visit.name, name, severity or None, code or None, _PAGE + 1, offset)
    return Issues(found[:_PAGE], offset + _PAGE if len(found) > _PAGE else None)


def _mapped(visit: Visit, name: str) -> bool:
    try:
        return takes_categories(visit.shop.feeds[name])
    except UnknownChannel:
        return False  # the connector is not installed any more; the page is to show what there is all the same


@get("/w/{workspace:str}/feeds", opt={"action": "view"}, include_in_schema=False, sync_to_thread=True)
def page(visit: NamedDependency[Visit]) -> Response[str]:
    """Show the feeds."""
    return visit.page("feeds.html", feeds=status(visit.services.database, visit.shop))


@get("/w/{workspace:str}/feeds/{name:str}", opt={"action": "view"}, include_in_schema=False, sync_to_thread=True)
def detail(
    visit: NamedDependency[Visit], name: FromPath[str], severity: Severity = "", code: Code = "", offset: Offset = 0
) -> Response[str]:
    """Show one feed."""
    return visit.page(
        "feed.html",
        feed=read(visit, name),
        shown=read_issues(visit, name, severity, code, offset),
        said=read_push_issues(visit, name, 0),
        severity=severity,
        code=code,
        offset=offset,
        mapped=_mapped(visit, name),
    )


@post(
    "/w/{workspace:str}/feeds/{name:str}/versions/{version:int}/approve",
    opt={"action": "publish"},
    include_in_schema=False,
    sync_to_thread=True,
)
def approve(visit: NamedDependency[Visit], name: FromPath[str], version: FromPath[int]) -> Redirect:
    """Publish the newest version although it was held, on this person's word."""
    held = read(visit, name).status.held
    if held is None or held.version != version:
        raise NotFoundException
    services = visit.services
    services.record(visit.name, visit.actor, "feed.approve", f"{name} {version}")
    with services.database.begin() as connection:
        versions.approve(connection, held, visit.actor)
        versions.publish(connection, services.database.dialect, held, services.clock())
    return Redirect(f"{visit.home}/feeds/{name}", status_code=303)


@post(
    "/w/{workspace:str}/feeds/{name:str}/deliveries/{delivery:str}/ask",
    opt={"action": "publish"},
    include_in_schema=False,
    sync_to_thread=True,
)
def deliver(visit: NamedDependency[Visit], name: FromPath[str], delivery: FromPath[str]) -> Redirect:
    """Have the live version taken there now, again if it has arrived already."""
    known = next((each for each in read(visit, name).deliveries if each.name == delivery), None)
    if known is None or not known.enabled or known.live_version is None:
        raise NotFoundException
    services = visit.services
    services.record(visit.name, visit.actor, "feed.deliver", f"{name} to {delivery}")
    ask(services.database, visit.name, name, delivery, services.clock())
    return Redirect(f"{visit.home}/feeds/{name}#deliveries", status_code=303)


@post(
    "/w/{workspace:str}/feeds/{name:str}/push/{what:str}",
    opt={"action": "publish"},
    include_in_schema=False,
    sync_to_thread=True,
)
def push(visit: NamedDependency[Visit], name: FromPath[str], what: FromPath[str]) -> Redirect:
    """Let removals at the platform that are held pass (``approve``), or send again what was refused (``again``)."""
    found = read(visit, name).push
    if found is None or what not in ("approve", "again") or (what == "approve" and not found.held_reason):
        raise NotFoundException
    services = visit.services
    database = services.database
    services.record(visit.name, visit.actor, f"feed.push.{what}", f"{name} {found.version}")
    with database.begin() as connection:
        if what == "approve":
            approve_push(connection, database.dialect, visit.name, name, visit.actor)
        else:
            retry_push(connection, database.dialect, visit.name, name, services.clock())
    return Redirect(f"{visit.home}/feeds/{name}#push", status_code=303)


@get("/api/w/{workspace:str}/feeds/{name:str}/push", opt={"action": "view"}, sync_to_thread=True)
def data_push(visit: NamedDependency[Visit], name: FromPath[str], offset: Offset = 0) -> PushIssues:
    """Return up to 100 items of which the platform said something."""
    return read_push_issues(visit, name, offset)


@get("/api/w/{workspace:str}/feeds", opt={"action": "view"}, sync_to_thread=True)
def data(visit: NamedDependency[Visit]) -> list[FeedStatus]:
    """Return every feed's state."""
    return status(visit.services.database, visit.shop)


@get("/api/w/{workspace:str}/feeds/{name:str}", opt={"action": "view"}, sync_to_thread=True)
def data_detail(visit: NamedDependency[Visit], name: FromPath[str]) -> FeedDetail:
    """Return one feed with its versions and findings."""
    return read(visit, name)


@get("/api/w/{workspace:str}/feeds/{name:str}/issues", opt={"action": "view"}, sync_to_thread=True)
def data_issues(
    visit: NamedDependency[Visit], name: FromPath[str], severity: Severity = "", code: Code = "", offset: Offset = 0
) -> Issues:
    """Return up to 100 issues of the newest version."""
    return read_issues(visit, name, severity, code, offset)


HANDLERS = [page, detail, approve, push, data_push, deliver, data, data_detail, data_issues]
