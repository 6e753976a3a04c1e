"""The scheduler's role: catalogue imports, feed builds, retention. One holder of the lease at a time."""

from __future__ import annotations

import asyncio
import os
import random as jitter
import types
from collections.abc import Iterable
from functools import partial

import structlog

from rekindle.catalog import Accounts, CatalogImport, CatalogRefresh, FolderReader, Inputs, SnapshotStore, Walker
from rekindle.cli._compose import Installation
from rekindle.cli._deliveries import deliverer
from rekindle.cli._landing import landing_desk
from rekindle.cli._pushes import feed_pusher
from rekindle.cli._quality import quality_desk
from rekindle.cli._spare import SpareReader
from rekindle.cli._subjects import relink
from rekindle.cli.archive import archive_of
from rekindle.egress import prune
from rekindle.egress.fetch import Fetcher
from rekindle.egress.http import HttpTransport
from rekindle.egress.query import QueryReader
from rekindle.egress.reach import Reach
from rekindle.engines.database.lease import Lease, LeaseLost
from rekindle.feeds import DeliverySchedule, FeedBuilder, FeedSchedule, Variants, landing
from rekindle.ops.archive import ArchiveWriter
from rekindle.ops.health import Health
from rekindle.ops.loop import Step, run_steps, stop_on_signals
from rekindle.privacy.retention import moments
from rekindle.privacy.vendor_lists import reads_strings
from rekindle.profiles import sightings
from rekindle.profiles.performance import ItemPerformance
from rekindle.workspace import Workspace, duration_ms

_log = structlog.get_logger()
_IDLE_S = 1.0
_HINTS_S = 0.2
_HOUR_MS = 3_600_000
_ARCHIVE_WAIT_MS = 10_000


async def run(installation: Installation) -> None:
    """Do what its time has come for, until SIGTERM."""
    settings = installation.settings
    lease = Lease(installation.database, installation.clock, "scheduler", f"{os.uname().nodename}/{os.getpid()}")
    working = installation.fenced(lease)
    scheduler = Scheduler(working)
    health = Health(settings.host, settings.scheduler_port, lambda: True)
    health.start()
    stopping = stop_on_signals()
    try:
        await run_steps(
            {name: while_held(lease, step) for name, step in scheduler.steps().items()},
            idle_s=_IDLE_S,
            stopping=stopping,
            wakes=scheduler.wakes,
            rests=scheduler.rests,
        )
    finally:
        lease.release()
        health.stop()
        await scheduler.close()
        await working.aclose()


def while_held(lease: Lease, step: Step) -> Step:
    """Return the step for the lease's holder; it does nothing for another, and one that lost it has written nothing."""

    async def guarded() -> int:
        try:
            return await step() if lease.held() else 0
        except LeaseLost:
            _log.warning("another scheduler has taken over; what was under way is left to it")
            return 0

    return guarded


class Scheduler:
    """What recurs. Each method does what is due and returns how much it was.

    Its installation is fenced (`Installation.fenced`): a scheduler that slept while another took over cannot write.
    """

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._fetch = fetcher(installation)
        self._transport = HttpTransport(allow_private=installation.settings.allow_private_addresses)
        self._accounts = accounts(installation, self._fetch, self._transport)
        builder = FeedBuilder(
            installation.database,
            installation.blobs,
            SnapshotStore(installation.database, installation.blobs),
            installation.clock,
            installation.settings.data / "work",
            performance=ItemPerformance(installation.database),
        )
        self._feeds = FeedSchedule(builder, self._workspaces, _feed_failed)
        work = installation.settings.data / "work"
        self._variants = Variants(installation.database, installation.blobs, installation.clock, work)
        goes = deliverer(installation, self._transport)
        self.deliveries = DeliverySchedule(goes, self._workspaces, installation.clock, _delivery_failed)
        self._archive = ArchiveWriter(
            installation.log,
            installation.database,
            installation.blobs,
            installation.settings.data / "work",
            installation.clock,
            wait_ms=_ARCHIVE_WAIT_MS,
        )
        self._pusher = feed_pusher(installation, self._transport, self._workspaces)
        self._desk = quality_desk(installation)
        self._pages = landing_desk(installation)
        self._relink = relink(installation)
        self._spare = SpareReader(installation)
        self._kept_ms = 0

    wakes = types.MappingProxyType({"catalogues": "feeds", "catalogue changes": "feeds", "feeds": "pushes"})
    """Which step goes on at once with what another did: a price is at the platforms without anybody's rest."""
    rests = types.MappingProxyType({"catalogue changes": _HINTS_S})
    """A webhook is kept by another process, and nobody rings: so it is looked for more often."""

    def steps(self) -> dict[str, Step]:
        """Return every method by the name it has in metrics."""
        return {
            "catalogues": self.catalogues,
            "catalogue changes": self.changes,
            "feeds": self.feeds,
            "deliveries": self.deliveries.step,
            "packed feeds": self._variants.step,
            "pushes": self.pushes,
            "archive": self.archive,
            "retention": self.retention,
            "feed quality": self.feed_quality,
            "landing pages": self.landing_pages,
            "pseudonyms": self.pseudonyms,
            "consents": self._spare.step,
        }

    async def catalogues(self) -> int:
        """Import the sources whose time has come."""
        done = 0
        for shop in self._workspaces():
            done += await catalog_import(self._installation, shop, self._fetch, self._accounts).step()
        return done

    async def changes(self) -> int:
        """Read again what webhooks named, and what accounts say has changed."""
        installation, done = self._installation, 0
        for shop in self._workspaces():
            refresh = CatalogRefresh(
                shop, installation.database, installation.blobs, installation.clock, self._accounts
            )
            done += await refresh.step()
        return done

    async def close(self) -> None:
        """Break deliveries and visits to pages off, and close the connections to accounts."""
        await self._pages.close()
        await self.deliveries.close()
        await self._transport.close()

    async def feeds(self) -> int:
        """Build the feeds whose snapshot, rules or specification changed."""
        return await self._feeds.step()

    async def pushes(self) -> int:
        """Send what publications changed to the platforms that take items by API."""
        return await self._pusher.step()

    async def archive(self) -> int:
        """Write the hours that are over into the archive."""
        return await self._archive.step()

    async def pseudonyms(self) -> int:
        """While a rotation's window is open, move what stands under older names; end windows that are over."""
        return await asyncio.to_thread(self._relink.step)

    async def retention(self) -> int:
        """Once an hour: destroy the keys of identifiers and drop choices, each when its time is over.

        The log drops what every consumer has read and no workspace keeps any more.
        """
        now = self._installation.clock()
        shops = list(self._workspaces())
        if not shops or now - self._kept_ms < _HOUR_MS:
            return 0
        self._kept_ms = now
        for shop in shops:
            before = moments(shop.policy, now)
            self._installation.vault.expire(shop.name, before.identifiers)
            self._installation.consents.expire(shop.name, before.consents)
            seen = now - duration_ms(shop.quality.keep_sightings)
            await self._installation.database.run(partial(sightings.trim, workspace=shop.name, before_ms=seen))
            checked = now - duration_ms(shop.quality.keep_page_checks)
            await self._installation.database.run(partial(landing.trim, workspace=shop.name, before_ms=checked))
        self._look_at_vendor_list()
        await self._archive.register()  # before the first trim: what is not archived yet must stay
        longest = max(duration_ms(shop.policy.keep_events) for shop in shops)
        gone = await self._installation.log.trim(now - longest)
        archive = archive_of(self._installation)
        for shop in shops:
            await self._installation.database.run(partial(prune, workspace=shop.name, before_ms=now - longest))
            await asyncio.to_thread(archive.drop, moments(shop.policy, now).archive, shop.name)
        # What belongs to no shop (unreadable records) stays as long as the longest of them.
        await asyncio.to_thread(archive.drop, min(moments(shop.policy, now).archive for shop in shops), "")
        return gone

    def _look_at_vendor_list(self) -> None:
        age = self._installation.vendors.age()
        if age.old and any(map(reads_strings, self._workspaces())):
            _log.warning("the vendor list is old; `rekindle vendors status` says more", days=age.days)

    async def feed_quality(self) -> int:
        """Compare feeds with what the tag saw, each every quarter of an hour and after a new version."""
        return await asyncio.to_thread(self._desk.step, list(self._workspaces()))

    async def landing_pages(self) -> int:
        """Visit the pages that somebody asked to have checked, one feed after the other."""
        return await self._pages.step(list(self._workspaces()))

    def _workspaces(self) -> Iterable[Workspace]:
        return self._installation.workspaces().values()


def fetcher(installation: Installation) -> Fetcher:
    """Return the guarded downloader; its files go below the data folder, where there is room."""
    folder = installation.settings.data / "downloads"
    folder.mkdir(parents=True, exist_ok=True)
    return Fetcher(folder, allow_private=installation.settings.allow_private_addresses)


def accounts(installation: Installation, fetch: Fetcher, transport: HttpTransport) -> Accounts:
    """Return the accounts that catalogues are read from."""
    walker = Walker(transport, fetch, installation.clock, asyncio.sleep, jitter.random)
    return Accounts(installation.database, walker, installation.secrets.get, installation.settings.data / "walks")


def inputs(installation: Installation) -> Inputs:
    """Return what gets catalogues from SFTP servers and databases; its files go where the downloads go."""
    folder, private = installation.settings.data / "downloads", installation.settings.allow_private_addresses
    reach = Reach(allow_private=private)
    query = QueryReader(folder, allow_private=private, reach=reach)
    return Inputs(query, FolderReader(folder, reach, installation.clock, asyncio.sleep), installation.secrets.get)


def catalog_import(
    installation: Installation, workspace: Workspace, fetch: Fetcher, accounts: Accounts | None = None
) -> CatalogImport:
    """Return the importer of one workspace; relative locations start at its folder."""
    return CatalogImport(
        workspace,
        installation.database,
        installation.blobs,
        fetch,
        installation.clock,
        base=installation.folder or installation.settings.data,
        accounts=accounts,
        inputs=inputs(installation),
    )


def _feed_failed(workspace: str, feed: str, error: Exception) -> None:
    _log.error("feed cannot be built", workspace=workspace, feed=feed, exc_info=error)


def _delivery_failed(workspace: str, feed: str, delivery: str, error: Exception) -> None:
    _log.error("delivery broke down", workspace=workspace, feed=feed, delivery=delivery, exc_info=error)
