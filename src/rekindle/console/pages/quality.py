"""Quality: issues and their trend, ids, drift and age of every feed; a rule that mends ids; everything as CSV."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from itertools import chain, islice
from typing import Annotated

import msgspec
from anyio.to_thread import run_sync
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotFoundException
from litestar.params import Body, FromPath, QueryParameter
from litestar.response import Redirect, Stream

from rekindle.console import landing
from rekindle.console.quality import FeedQuality, FindingOf, Quality, read, read_feed
from rekindle.console.visit import BIGGEST, Visit
from rekindle.engines.blobs import BlobMissing
from rekindle.feeds import NothingToBuild, findings, issues
from rekindle.feeds.quality import QualityDesk, export
from rekindle.feeds.quality.fixes import Fix
from rekindle.workspace import Workspace, changes

_Rows = Callable[[], Iterable[export.Row]]
_LINES = 2000
_MOST_ISSUES = 100_000

Done = Annotated[int | None, QueryParameter(ge=1, le=BIGGEST)]


class FeedPage(msgspec.Struct):
    """One feed's quality with what its checks found."""

    quality: FeedQuality
    findings: list[FindingOf]


class Wish(msgspec.Struct):
    """What the form says: ``digest`` names the rule that was shown."""

    form_token: str
    digest: str = ""


@get("/w/{workspace:str}/quality", opt={"action": "view"}, include_in_schema=False, sync_to_thread=True)
def page(visit: NamedDependency[Visit]) -> Response[str]:
    """Show all feeds."""
    return visit.page("quality.html", q=read(visit))


@get("/w/{workspace:str}/quality/{name:str}", opt={"action": "view"}, include_in_schema=False, sync_to_thread=True)
def detail(visit: NamedDependency[Visit], name: FromPath[str], done: Done = None) -> Response[str]:
    """Show one feed."""
    return _show(visit, name, done, "")


@post("/w/{workspace:str}/quality/{name:str}/fix", opt={"action": "publish"}, include_in_schema=False,
      sync_to_thread=True)  # fmt: skip
def fix(
    visit: NamedDependency[Visit],
    name: FromPath[str],
    data: Annotated[Wish, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str] | Redirect:
    """Put the proposed rule at the end of the feed's rules, as a new version of the workspace."""
    versions = visit.services.versions
    found, _ = read_feed(visit, name)
    proposal = _proposal(found)
    if versions is None or proposal is None:
        raise NotFoundException
    if data.digest != digest(proposal):
        return _show(visit, name, None, "other")
    who = visit.user.name if visit.user is not None else visit.actor
    made = versions.apply(mended(visit.shop, name, proposal), who, f"ids of feed {name} as pages send them", "console")
    return Redirect(f"{visit.home}/quality/{name}?done={made.version}", status_code=303)


@get("/w/{workspace:str}/quality/findings.csv", opt={"action": "view"}, include_in_schema=False)
async def csv_findings(visit: NamedDependency[Visit]) -> Stream:
    """Export what checks found in every feed."""
    database = visit.services.database

    def rows() -> Iterator[export.Row]:
        return export.findings(
            (name, feed.channel, findings(database, visit.name, name))
            for name, feed in sorted(visit.shop.feeds.items())
        )

    return await stream(visit, "findings", rows)


@get("/w/{workspace:str}/quality/{name:str}/ids.csv", opt={"action": "view"}, include_in_schema=False)
async def csv_ids(visit: NamedDependency[Visit], name: FromPath[str]) -> Stream:
    """Export every id that pages send and the feed does not hold."""
    return await stream(visit, f"{name}-ids", lambda: export.ids(_desk(visit).misses(visit.shop, name)))


@get("/w/{workspace:str}/quality/{name:str}/drift.csv", opt={"action": "view"}, include_in_schema=False)
async def csv_drift(visit: NamedDependency[Visit], name: FromPath[str]) -> Stream:
    """Export every item whose price or stock differs."""
    return await stream(visit, f"{name}-drift", lambda: export.drift(_desk(visit).drifted(visit.shop, name)))


@get("/w/{workspace:str}/quality/{name:str}/ages.csv", opt={"action": "view"}, include_in_schema=False)
async def csv_ages(visit: NamedDependency[Visit], name: FromPath[str]) -> Stream:
    """Export how old every item's price and stock are."""
    return await stream(visit, f"{name}-ages", lambda: export.ages(_desk(visit).ages(visit.shop, name)))


@get("/w/{workspace:str}/quality/{name:str}/issues.csv", opt={"action": "view"}, include_in_schema=False)
async def csv_issues(visit: NamedDependency[Visit], name: FromPath[str]) -> Stream:
    """Export the single issues that are kept."""
    if name not in visit.shop.feeds:
        raise NotFoundException
    database = visit.services.database
    return await stream(
        visit, f"{name}-issues", lambda: export.issues(issues(database, visit.name, name, limit=_MOST_ISSUES))
    )


@get("/api/w/{workspace:str}/quality", opt={"action": "view"}, sync_to_thread=True)
def data(visit: NamedDependency[Visit]) -> Quality:
    """Return the quality of every feed."""
    return read(visit)


@get("/api/w/{workspace:str}/quality/{name:str}", opt={"action": "view"}, sync_to_thread=True)
def data_detail(visit: NamedDependency[Visit], name: FromPath[str]) -> FeedPage:
    """Return one feed's quality: newest reports, days, findings."""
    return FeedPage(*read_feed(visit, name))


def mended(shop: Workspace, name: str, proposal: Fix) -> Workspace:
    """Return the workspace with the rule at the end of the feed's."""
    feed = shop.feeds[name]
    with_rule = msgspec.structs.replace(feed, rule=[*feed.rule, proposal.rule])
    return msgspec.structs.replace(shop, feeds={**shop.feeds, name: with_rule})


def digest(proposal: Fix) -> str:
    """Return what names a rule in the form: what was looked at is what is applied."""
    return hashlib.sha256(proposal.toml.encode()).hexdigest()[:16]


def _proposal(found: FeedQuality) -> Fix | None:
    """Return the proposed rule; none once the live rules end with it."""
    return found.reports.ids.fix if found.reports.ids is not None else None


def _show(visit: Visit, name: str, done: int | None, problem: str) -> Response[str]:
    found, listed = read_feed(visit, name)
    proposal = _proposal(found)
    if proposal is not None and proposal.rule in visit.shop.feeds[name].rule:
        proposal = None  # it was applied, and the next comparison will tell
    return visit.page(
        "quality_feed.html",
        status=409 if problem else 200,
        q=found,
        findings=listed,
        fix=proposal,
        digest=digest(proposal) if proposal is not None else "",
        plan=changes(visit.shop, mended(visit.shop, name, proposal)) if proposal is not None else [],
        done=done,
        problem=problem,
        pages=landing.read(visit, name),
    )


def _desk(visit: Visit) -> QualityDesk:
    if visit.services.quality is None:
        raise NotFoundException
    return visit.services.quality


async def stream(visit: Visit, name: str, rows: _Rows) -> Stream:
    """Send CSV as it is made, a block at a time; what cannot be made is told before the first."""
    lines = export.as_csv(await run_sync(_begun, rows))

    async def blocks() -> AsyncIterator[str]:
        while block := await run_sync(lambda: "".join(islice(lines, _LINES))):
            yield block

    headers = {"content-disposition": f'attachment; filename="{visit.name}-{name}.csv"'}
    return Stream(blocks(), media_type="text/csv; charset=utf-8", headers=headers)


def _begun(rows: _Rows) -> Iterator[export.Row]:
    try:
        found = iter(rows())
        first = next(found)
    except (NothingToBuild, BlobMissing):
        raise NotFoundException from None
    return chain([first], found)


HANDLERS = [
    page, detail, fix, csv_findings, csv_ids, csv_drift, csv_ages, csv_issues, data, data_detail,
]  # fmt: skip
