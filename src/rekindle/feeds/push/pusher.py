"""The push of every feed: what the pointer's move changed is sent, asked about to the end, and kept from expiring."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
import structlog
from sqlalchemy.engine import Connection

from rekindle.egress.connector import SettingsError
from rekindle.egress.items import Line
from rekindle.egress.options import take_apart
from rekindle.egress.send import Door
from rekindle.engines.blobs import BlobMissing, Blobs
from rekindle.engines.database import Database
from rekindle.feeds import _sql, receipts, versions
from rekindle.feeds.channel import UnknownChannel, configured
from rekindle.feeds.push._store import ACCEPTED, HELD, REFUSED, PushRow, Rows
from rekindle.feeds.push.asking import Asker
from rekindle.feeds.push.planning import Planner
from rekindle.feeds.push.platform import Catalogue, Platform, platform
from rekindle.feeds.push.sending import Sender, Values
from rekindle.feeds.receipts import Receipt
from rekindle.feeds.versions import UnknownVersion
from rekindle.model.clock import Clock
from rekindle.workspace import Feed, FeedPush, Workspace, duration_ms

ROUTE: Final = "push"
"""The route of a push's receipts."""

_HOUR_MS: Final = 3_600_000
_REFRESH_SHARE: Final = 5 / 6
"""An item is sent again after this part of the time in which its platform forgets it: 25 of 30 days."""
_REFRESHED: Final = 5_000

_log = structlog.get_logger()


class PushRefused(ValueError):
    """A feed cannot be pushed as its document says; the message names place and remedy."""


class FeedPusher:
    """Pushes the feeds that say so. One process at a time does it: the scheduler, which holds a lease.

    ``secret`` returns a workspace's secret or renewed token by name.
    """

    def __init__(
        self, database: Database, blobs: Blobs, door: Door, workspaces: Callable[[], Iterable[Workspace]],
        secret: Callable[[str, str], str], clock: Clock, random: Callable[[], float], folder: Path | None = None,
        memory_limit: str = _sql.MEMORY_LIMIT,
    ) -> None:  # fmt: skip
        self._database, self._blobs, self._door = database, blobs, door
        self._workspaces, self._secret = workspaces, secret
        self._clock, self._random = clock, random
        self._planner = Planner(database, blobs, clock, folder, memory_limit)
        self._feeds: dict[tuple[str, str], _Feed] = {}
        self._given_up: dict[tuple[str, str], Feed] = {}

    async def step(self) -> int:
        """Do what is due of every feed, side by side; return how much it was."""
        wanted = {
            (shop.name, name): document
            for shop in self._workspaces()
            for name, document in shop.feeds.items()
            if document.push is not None and document.push.enabled
        }
        for key in [key for key, feed in self._feeds.items() if wanted.get(key) != feed.document]:
            del self._feeds[key]
        for key, document in wanted.items():
            if key not in self._feeds and self._given_up.get(key) != document:
                self._begin(key, document)
        done = await asyncio.gather(*(feed.step() for feed in self._feeds.values()), return_exceptions=True)
        for error in done:
            if isinstance(error, BaseException):
                raise error  # the others have done their part
        return sum(one for one in done if isinstance(one, int))

    def _begin(self, key: tuple[str, str], document: Feed) -> None:
        try:
            self._feeds[key] = self._open(*key, document)
        except PushRefused as error:
            # `apply` checks this; what was uninstalled since comes here. One shop's feed must not stop another's.
            self._given_up[key] = document
            _log.error("feed cannot be pushed", workspace=key[0], feed=key[1], reason=str(error))

    def _open(self, workspace: str, name: str, document: Feed) -> _Feed:
        chosen, push = platform_of(document)
        rows = Rows(self._database.dialect, workspace, name)
        parts = take_apart(chosen.manifest, push.settings)
        spec = configured(document).spec

        async def release(now: int) -> None:
            await self._database.run(lambda c: rows.release(c, now))

        line: Line[Catalogue] = Line(
            self._database, self._door, workspace, name, manifest=chosen.manifest, parts=parts,
            configure=lambda secrets: chosen.configure(parts.settings, secrets, spec),
            secret=partial(self._secret, workspace), release=release, clock=self._clock, random=self._random,
        )  # fmt: skip
        return _Feed(self._database, self._planner, rows, line, chosen, push, document, workspace, name, self._clock)


class _Feed:
    """One feed's push."""

    def __init__(
        self, database: Database, planner: Planner, rows: Rows, line: Line[Catalogue], chosen: Platform, push: FeedPush,
        document: Feed, workspace: str, name: str, clock: Clock,
    ) -> None:  # fmt: skip
        self.document = document
        self._database, self._planner, self._rows, self._line = database, planner, rows, line
        self._platform, self._push, self._workspace, self._name = chosen, push, workspace, name
        self._clock = clock
        self._sender = Sender(database, rows, line, chosen, clock)
        self._asker = Asker(database, rows, line, chosen, clock)
        self._refreshed_ms = 0

    async def step(self) -> int:
        try:
            planned = await asyncio.to_thread(
                self._planner.plan, self._workspace, self._name, self._push, self._platform
            )
        except BlobMissing:
            return 0  # trimmed between the look at the pointer and the reading: the next look finds another version
        done = planned.changed + planned.removed if planned else 0
        account = await self._line.open()
        if account is None:
            return done
        sent = await self._sender.step(account, self._values)
        done += sent
        if await self._line.open() is not None:
            done += await self._asker.step(account)
        if not sent:
            done += await self._refresh()
            if await self._database.query(self._is_done):
                await self._database.run(self._finish)
        return done

    def _values(self, ids: Sequence[str]) -> Values:
        with self._database.read() as connection:
            push = self._rows.push(connection)
            try:
                version = versions.find(connection, self._workspace, self._name, push.version)
            except UnknownVersion:
                return {}
        with self._planner.open(version, self._platform) as items:
            try:
                return items.values(version, ids)
            except BlobMissing:
                return {}

    async def _refresh(self) -> int:
        """Make due again what the platform would forget; nothing else waits while this is asked."""
        life = duration_ms(self._push.refresh) if self._push.refresh else int(self._platform.expiry_ms * _REFRESH_SHARE)
        now = self._clock()
        if not life or now - self._refreshed_ms < _HOUR_MS:
            return 0
        again = await self._database.run(lambda c: self._rows.refresh(c, now - life, now, _REFRESHED))
        if again < _REFRESHED:
            self._refreshed_ms = now
        return again

    def _is_done(self, connection: Connection) -> bool:
        push = self._rows.push(connection)
        return bool(push.version) and not push.done_ms and not self._rows.any_open(connection)

    def _finish(self, connection: Connection) -> None:
        """Write the receipt of a version whose last item was answered for."""
        push, counts = self._rows.push(connection), self._rows.counts(connection)
        now = self._clock()
        self._rows.save(connection, msgspec.structs.replace(push, done_ms=now))
        told = [f"{counts.get(ACCEPTED, 0)} items"]
        told += [
            f"{counts[state]} {word}"
            for state, word in ((REFUSED, "refused"), (HELD, "removals held"))
            if counts.get(state)
        ]
        refused = counts.get(REFUSED, 0) and not counts.get(ACCEPTED, 0)
        receipts.record(
            connection,
            Receipt(
                workspace=self._workspace, feed=self._name, version=push.version, route=ROUTE, kind="push",
                status="refused" if refused else "accepted", at_ms=now, detail=", ".join(told),
            ),
        )  # fmt: skip


def platform_of(document: Feed) -> tuple[Platform, FeedPush]:
    """Return the platform that a feed is pushed to, and how. Raises `PushRefused`."""
    push, chosen = document.push, platform(document.channel)
    if push is None:
        raise PushRefused("the feed has no [push]")
    if chosen is None:
        raise PushRefused(f"push: {document.channel} takes no items by API; remove [push]")
    try:
        parts = take_apart(chosen.manifest, push.settings)
        chosen.configure(parts.settings, dict.fromkeys(parts.secrets, "checked"), configured(document).spec)
    except (SettingsError, UnknownChannel) as error:
        raise PushRefused(f"push.settings: {error}") from None
    return chosen, push


def approve(connection: Connection, dialect: str, workspace: str, feed: str, who: str) -> int:
    """Let removals that are held go on, on a person's word; return how many."""
    rows = Rows(dialect, workspace, feed)
    push: PushRow = rows.push(connection)
    changed = msgspec.structs.replace(push, held_reason="", approved_by=who, approved_version=push.version, done_ms=0)
    rows.save(connection, changed)
    return rows.hold(connection, held=False)


def retry(connection: Connection, dialect: str, workspace: str, feed: str, now_ms: int) -> int:
    """Make due at once what waits for another try, and what was refused; return how many items."""
    rows = Rows(dialect, workspace, feed)
    again = rows.release(connection, now_ms, refused=True)
    if again:
        rows.save(connection, msgspec.structs.replace(rows.push(connection), done_ms=0))
    return again
