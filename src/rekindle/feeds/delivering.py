"""Deliver a feed's live version: one attempt, and what it came to in the state, the receipts and the ledger."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from rekindle.egress.parcel import Parcel
from rekindle.egress.reach import TransferFailed, TransferRefused
from rekindle.engines.blobs import BlobMissing, Blobs
from rekindle.engines.database import Database
from rekindle.engines.database.lease import Lease
from rekindle.engines.secrets import SecretMissing
from rekindle.feeds import content, deliveries, receipts, turns, versions
from rekindle.feeds.beside import deltas_beside, parcel_of
from rekindle.feeds.carrying import Carrier, Notice
from rekindle.feeds.channel import channel
from rekindle.feeds.deltas import Deltas
from rekindle.feeds.outlets import Outlet, OutletError, outlet
from rekindle.feeds.receipts import Receipt, Status
from rekindle.feeds.turns import Turn
from rekindle.feeds.versions import FeedVersion
from rekindle.model.clock import Clock, rfc3339
from rekindle.privacy.ledger import Ledger, LedgerLine
from rekindle.workspace import Delivery, Workspace, duration_ms

T = TypeVar("T")

_SPARE_MS: Final = 60_000


class NothingToDeliver(LookupError):
    """The feed or delivery is unknown, nothing was ever published, or somebody else delivers it right now."""


class Delivered(msgspec.Struct, frozen=True):
    """What an attempt came to. ``again``: it failed and is tried again later, so there is no receipt yet."""

    delivery: str
    version: int
    status: Status
    words: str
    again: bool


class Deliverer:
    """Takes live versions out. Only one process delivers the same delivery at a time.

    ``secret`` gives a secret's value by its name; ``holder`` names this process; ``folder`` is for files under way.
    """

    def __init__(
        self, database: Database, blobs: Blobs, carrier: Carrier, secret: Callable[[str], str], ledger: Ledger,
        clock: Clock, random: Callable[[], float], holder: str, folder: Path | None = None,
    ) -> None:  # fmt: skip
        self._database, self._blobs, self._carrier, self._secret = database, blobs, carrier, secret
        # A scheduler that has lost its own lease must still be able to give this one back.
        self._leases = Database(database.engine, database.turn)
        self._ledger, self._clock, self._random, self._holder = ledger, clock, random, holder
        self._folder = folder
        self._deltas = Deltas(database, blobs, clock, folder)

    def turn(self, workspace: Workspace, feed: str, delivery: Delivery) -> Turn | None:
        """Look at the clock; return the delivery's state, or None when there is nothing to deliver yet."""
        with self._database.read() as connection:
            pointer = versions.live(connection, workspace.name, feed)
            kept = deliveries.read(connection, workspace.name, feed, delivery.name)
        if pointer is None:
            return None
        now = self._clock()
        before = kept or turns.first(delivery, now)
        live = (pointer[0].version, pointer[1])
        after = turns.looked(before, delivery, live, partial(self._settings, delivery), now, self._random)
        if after != kept:
            with self._database.begin() as connection:
                deliveries.write(connection, workspace.name, feed, delivery.name, after)
        return after

    async def deliver(self, workspace: Workspace, feed: str, delivery: Delivery) -> Delivered:
        """Make one attempt with the live version, whatever the clock says.

        Raises `NothingToDeliver`, `LedgerUnavailable`, `BlobsUnavailable`; what the other side says is in the answer.
        """
        # As long as an attempt may last: a process that died in one is waited for, and no longer.
        lease = Lease(
            self._leases, self._clock, f"deliver/{workspace.name}/{feed}/{delivery.name}"[:100], self._holder,
            duration_ms(delivery.timeout) + _SPARE_MS,
        )  # fmt: skip
        if await _off(lease.acquire) is None:
            raise NothingToDeliver(
                f"feed {feed}: delivery {delivery.name} is under way elsewhere; look at its receipts"
            )
        try:
            return await self._attempt(workspace, feed, delivery)
        finally:
            await _off(lease.release)

    async def _attempt(self, workspace: Workspace, feed: str, delivery: Delivery) -> Delivered:
        version, turn = await _off(partial(self._read, workspace.name, feed, delivery))
        settings = self._settings(delivery)
        if turn.attempts == 0:
            # What cannot be recorded is not sent; the retries of one attempt need no line of their own.
            await _off(
                partial(
                    self._ledger.append, [_line(workspace.name, feed, delivery, version, "deliver", "", self._clock())]
                )
            )
        size, digest, after_ms = 0, "", 0
        status: Status = "delivered"
        work = await _off(self._place)
        try:
            place, parcel = await _off(partial(self._parcel, delivery, version, work))
            size, digest = parcel.size, parcel.sha256
            secrets = {key: self._secret(name) for key, name in delivery.secrets.items()}
            notice = _notice(workspace, version, parcel)
            words = await self._carrier.carry(delivery, place, secrets, parcel, notice)
            since = turn.arrived_version
            if delivery.deltas and since is not None and since != version.version:
                with ExitStack() as stack:
                    making = deltas_beside(self._deltas, since, version, delivery, place)
                    for near, small in await _off(partial(stack.enter_context, making)):
                        await self._carrier.carry(delivery, near, secrets, small, notice)
        except (TransferRefused, OutletError, SecretMissing, BlobMissing) as error:
            status, words = "refused", str(error)
        except TransferFailed as error:
            status, words, after_ms = "failed", str(error), error.after_ms
        finally:
            await _off(partial(shutil.rmtree, work, ignore_errors=True))
        end = turns.ended(turn, status, words, version.version, settings, self._clock(), self._random)
        # What the other side asks for comes on top of our own wait.
        after = msgspec.structs.replace(end, next_ms=end.next_ms + after_ms)
        receipt = None
        if after.status != "waiting":
            receipt = Receipt(
                workspace=workspace.name, feed=feed, version=version.version, route=delivery.name, kind=delivery.kind,
                status=status, at_ms=self._clock(), bytes=size, sha256=digest, detail=words, attempts=turn.attempts + 1,
            )  # fmt: skip
        await _off(partial(self._keep, workspace.name, feed, delivery, version, after, receipt))
        return Delivered(delivery.name, version.version, status, words, receipt is None)

    def _read(self, workspace: str, feed: str, delivery: Delivery) -> tuple[FeedVersion, Turn]:
        with self._database.read() as connection:
            pointer = versions.live(connection, workspace, feed)
            turn = deliveries.read(connection, workspace, feed, delivery.name)
        if pointer is None:
            raise NothingToDeliver(f"feed {feed} was never published; run `rekindle feeds build {feed}`")
        return pointer[0], turn or turns.first(delivery, self._clock())

    def _place(self) -> Path:
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix="delivery-", dir=self._folder))

    def _parcel(self, delivery: Delivery, version: FeedVersion, work: Path) -> tuple[Outlet, Parcel]:
        shape = channel(version.channel).format
        place = outlet(delivery, f"{version.feed}.{shape.extension}")
        packed = delivery.compression == "gzip" and delivery.kind != "webhook"  # its notice tells of the plain file
        path, digest = self._blobs.path(version.gzip_digest), version.gzip_digest
        if not packed:
            path, digest = self._plain(delivery, version, work)
        size = version.gzip_size if packed else version.size
        return place, parcel_of(path, size, digest, shape, place, packed=packed)

    def _plain(self, delivery: Delivery, version: FeedVersion, work: Path) -> tuple[Path, str]:
        """Return the plain file, made in ``work`` where it is not kept, and its digest."""
        parts, target = content.plain(self._blobs, version), work / "file"
        if (kept := content.plain_blob(version)) is not None:
            return self._blobs.path(kept), kept
        if delivery.kind == "webhook" and version.plain_digest is not None:
            return target, version.plain_digest  # it is only told of
        seen = hashlib.sha256()
        with target.open("wb") as out:
            for part in parts:
                seen.update(part)
                if delivery.kind != "webhook":
                    out.write(part)
        return target, seen.hexdigest()

    def _keep(
        self, workspace: str, feed: str, delivery: Delivery, version: FeedVersion, turn: Turn, receipt: Receipt | None
    ) -> None:
        if receipt is not None:
            # The ledger first: a receipt that is in no ledger must not be believed.
            line = _line(workspace, feed, delivery, version, "receipt", receipt.status, receipt.at_ms)
            facts = {**line.facts, "bytes": receipt.bytes, "sha256": receipt.sha256, "attempts": receipt.attempts}
            self._ledger.append([msgspec.structs.replace(line, facts=facts)])
        with self._database.begin() as connection:
            if receipt is not None:
                receipts.record(connection, receipt)
            # The schedule may have looked at the clock meanwhile.
            seen = deliveries.read(connection, workspace, feed, delivery.name) or turn
            turn = msgspec.structs.replace(turn, occasion_ms=max(seen.occasion_ms, turn.occasion_ms))
            deliveries.write(connection, workspace, feed, delivery.name, turn)

    def _settings(self, delivery: Delivery) -> str:
        """Return a name for a delivery's settings and secrets, to notice a change; it does not tell them."""
        parts = [msgspec.json.encode(delivery, order="deterministic")]
        for name in sorted(delivery.secrets.values()):
            try:
                parts.append(self._secret(name).encode())
            except SecretMissing:
                parts.append(b"")
        return hashlib.sha256(b"rekindle delivery\0" + b"\0".join(parts)).hexdigest()


def _line(
    workspace: str, feed: str, delivery: Delivery, version: FeedVersion, action: str, outcome: str, at_ms: int
) -> LedgerLine:
    """Return the ledger's line of a delivery: codes, numbers and hashes; the other side's words stay in the receipt."""
    facts = {"feed": feed, "version": version.version, "digest": version.digest, "way": delivery.kind}
    return LedgerLine(
        "publication", workspace, at_ms, actor="feeds", action=action, destination=delivery.name, outcome=outcome,
        facts=facts,
    )  # fmt: skip


def _notice(workspace: Workspace, version: FeedVersion, parcel: Parcel) -> Notice:
    shape, origins = channel(version.channel).format, workspace.shop.origins
    address = f"{origins[0]}/feeds/{workspace.name}/{version.feed}" if origins else ""
    # Its token, where it has one, is the receiver's own business: addresses are written to logs.
    return Notice(
        f"feed_{workspace.name}_{version.feed}_{version.version}",
        {
            "workspace": workspace.name, "feed": version.feed, "channel": version.channel, "version": version.version,
            "url": f"{address}.{shape.extension}", "manifest": f"{address}.json", "items": version.items,
            "bytes": parcel.size, "sha256": parcel.sha256, "created": rfc3339(version.created_ms),
        },
    )  # fmt: skip


async def _off(work: Callable[[], T]) -> T:
    """Do what blocks on a worker thread."""
    return await asyncio.to_thread(work)
