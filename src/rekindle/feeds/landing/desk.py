"""The desk of landing pages: takes up what a person asked for, visits the pages of a sample, keeps what it found."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec
import structlog

from rekindle.engines.blobs import BlobMissing, Blobs
from rekindle.engines.database import Database
from rekindle.engines.database.lease import LeaseLost
from rekindle.feeds import versions
from rekindle.feeds.builder import NothingToBuild
from rekindle.feeds.explaining import UnknownItem
from rekindle.feeds.items import items_of
from rekindle.feeds.landing import page, store
from rekindle.feeds.landing.comparing import Facts, PageFinding, compare, facts_of, finding
from rekindle.feeds.landing.matching import Wanted
from rekindle.feeds.landing.sample import Sampler
from rekindle.feeds.landing.store import Checked, Kept, PageRun
from rekindle.feeds.landing.visiting import Stopped, Visited, Visitor
from rekindle.feeds.versions import FeedVersion
from rekindle.model.clock import Clock
from rekindle.model.ports import ItemAges, Sightings
from rekindle.workspace import Workspace, duration_ms

MOST: Final = 1000
"""Pages of one run."""

_LONGEST_MS: Final = 30 * 60_000
_SELLING_MS: Final = 24 * 3_600_000
_CODES: Final = {
    "missing": "page-missing", "forbidden": "page-forbidden", "failed": "page-failed", "unreadable": "page-unreadable",
    "kept-out": "page-keeps-us-out",
}  # fmt: skip

_log = structlog.get_logger()


class LandingDesk:
    """``visitor`` makes one for a run, with the pause in ms between two requests; ``folder`` is for files under way."""

    def __init__(
        self, database: Database, blobs: Blobs, seen: Sightings, ages: ItemAges, visitor: Callable[[int], Visitor],
        clock: Clock, folder: Path | None = None,
    ) -> None:  # fmt: skip
        self._database, self._blobs, self._seen, self._ages = database, blobs, seen, ages
        self._visitor, self._clock, self._folder = visitor, clock, folder
        self._under_way: asyncio.Task[PageRun] | None = None

    async def step(self, workspaces: Iterable[Workspace]) -> int:
        """Begin a run that was asked for, or that another process left; return how many pages one had that has ended.

        A run takes minutes and goes on beside whoever calls this; nobody has to wait for it to stop (`close`).
        """
        if self._under_way is None:
            shops = {shop.name: shop for shop in workspaces}
            for workspace, feed, run in store.open_runs(self._database):
                if workspace in shops:
                    self._under_way = asyncio.create_task(self._tried(shops[workspace], feed, run))
                    break
        if self._under_way is None or not self._under_way.done():
            return 0
        ended, self._under_way = self._under_way, None
        return max(1, (await ended).visited)

    async def close(self) -> None:
        """Break a run off; whoever comes next takes it up."""
        if self._under_way is not None:
            self._under_way.cancel()
            await asyncio.gather(self._under_way, return_exceptions=True)

    async def _tried(self, workspace: Workspace, feed: str, asked: PageRun) -> PageRun:
        """One feed that cannot be checked is told so, and keeps no other from it; nor is the shop visited again and again."""
        try:
            return await self.check(workspace, feed, asked.items, asked=asked)
        except LeaseLost:
            raise
        except (NothingToBuild, BlobMissing) as error:
            words = str(error)
        except Exception as error:  # noqa: BLE001 - whatever it was, the same visits would come to it once more
            words = f"the check broke down ({type(error).__name__}); the log of the scheduler says more"
            _log.error("pages cannot be checked", workspace=workspace.name, feed=feed, exc_info=error)
        failed = msgspec.structs.replace(asked, state="failed", ended_ms=self._clock(), words=words)
        await self._keep(workspace.name, feed, failed)
        return failed

    async def check(
        self, workspace: Workspace, feed: str, sample: int = 0, ids: Sequence[str] = (), asked: PageRun | None = None,
        told: Callable[[Checked], None] = lambda _: None,
    ) -> PageRun:  # fmt: skip
        """Visit the pages of ``sample`` items (0: as many as quality.toml says), or of the items ``ids``; return the run.

        Each result is kept, and told, as it is there. How far a run is that was ``asked`` for is kept too, so that another
        process can take it up; of others only the end is. Raises `NothingToBuild`, `UnknownItem`, `BlobMissing`.
        """
        version = _live(self._database, workspace, feed)
        size = min(sample or workspace.quality.page_sample, MOST)
        items = await asyncio.to_thread(self._chosen, version, size, list(ids))
        begun = self._clock()
        run = PageRun("running", len(items), 0, asked.asked_ms if asked else begun, begun)
        visitor = self._visitor(duration_ms(workspace.quality.page_pause))
        words, visited = "", 0
        for item in items:
            if asked is not None and visited % 10 == 0:
                await self._keep(workspace.name, feed, msgspec.structs.replace(run, visited=visited))
            if self._clock() - begun > _LONGEST_MS:
                words = f"after {_LONGEST_MS // 60_000} minutes; the shop lets pages be read slowly, so ask for fewer"
                break
            try:
                found = await self._one(visitor, workspace, version, item)
            except Stopped as error:
                words = str(error)
                continue  # another host's pages may go on
            visited += 1
            told(found)
        ended = msgspec.structs.replace(
            run, state="stopped" if words else "done", visited=visited, ended_ms=self._clock(), words=words
        )
        await self._keep(workspace.name, feed, ended)
        return ended

    async def _keep(self, workspace: str, feed: str, run: PageRun) -> None:
        await self._database.run(lambda c: store.save_run(c, workspace, feed, run))

    def _chosen(self, version: FeedVersion, size: int, ids: Sequence[str]) -> list[Wanted]:
        sampler = Sampler(items_of(self._blobs, version), self._folder)
        if not ids:
            ages = self._ages.sources(version.workspace)
            since = self._clock() - _SELLING_MS
            return sampler.sample(size, version.version, ages, self._seen, version.workspace, since)
        found = sampler.chosen(ids)
        known = {name for each in found for name in (each.id, each.own_id)}
        for name in ids:
            if name not in known:
                raise UnknownItem(f"{version.feed} publishes no item {name!r}; ids are compared byte for byte")
        return found

    async def _one(self, visitor: Visitor, workspace: Workspace, version: FeedVersion, item: Wanted) -> Checked:
        name, feed = workspace.name, version.feed
        kept = await self._database.query(lambda c: store.kept(c, name, feed, item.id))
        if kept is not None and kept.link != item.link:
            kept = None
        at = await visitor.visit(item.link, kept.etag if kept else None, kept.modified if kept else None)
        facts = kept.facts if at.outcome == "same" and kept is not None else None
        if at.outcome == "read":
            facts = await asyncio.to_thread(_read, item.link, at)
        now = self._clock()
        found, how = list(_of_visit(item, at, version)), "none"
        if facts is not None:
            compared, how = compare(item, facts, workspace.shop.currency, now)
            found += compared
        result = Checked(item.id, now, version.version, item.row, item.link, at.outcome, at.status, how, found)
        keeps = _kept(item, at, facts, kept)
        await self._database.run(lambda c: store.save(c, name, feed, result, keeps))
        return result


def ask(database: Database, workspace: Workspace, feed: str, now_ms: int) -> PageRun:
    """Note that a run is wanted, for whoever takes it up (`LandingDesk.step`); one that is under way goes on.

    Raises `NothingToBuild` while nothing is published.
    """
    _live(database, workspace, feed)
    with database.begin() as connection:
        now = store.run_of(connection, workspace.name, feed)
        if now is not None and now.state in ("asked", "running"):
            return now
        run = PageRun("asked", workspace.quality.page_sample, asked_ms=now_ms)
        store.save_run(connection, workspace.name, feed, run)
    return run


def _live(database: Database, workspace: Workspace, feed: str) -> FeedVersion:
    if feed not in workspace.feeds:
        names = ", ".join(sorted(workspace.feeds)) or "none"
        raise NothingToBuild(f"workspace {workspace.name} has no feed {feed!r}; it has: {names}")
    with database.read() as connection:
        pointer = versions.live(connection, workspace.name, feed)
    if pointer is None:
        raise NothingToBuild(f"feed {feed} is not published yet; `rekindle feeds build {feed}` does it")
    return pointer[0]


def _read(link: str, at: Visited) -> Facts:
    return facts_of(page.read(at.body, at.final or link, at.headers), at.final)


def _of_visit(item: Wanted, at: Visited, version: FeedVersion) -> Iterator[PageFinding]:
    """Yield what the visit itself came to."""
    code = _CODES.get(at.outcome)
    if code is not None:
        yield finding(code, "link", item.link, at.words or (at.status if at.status is not None else ""))
    if not at.google and version.channel.startswith("google"):
        yield finding("page-keeps-google-out", "link", item.link, "robots.txt")


def _kept(item: Wanted, at: Visited, facts: Facts | None, before: Kept | None) -> Kept | None:
    """Return what makes the next visit conditional; an answer that nothing has changed may not repeat its marks."""
    if facts is None:
        return None
    same = before if at.outcome == "same" else None
    etag = at.headers.get("etag") or (same.etag if same else "")
    modified = at.headers.get("last-modified") or (same.modified if same else "")
    return Kept(item.link, etag, modified, facts)
