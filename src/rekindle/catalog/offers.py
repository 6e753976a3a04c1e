# ruff: noqa: S608 - table functions take no parameters; names come from our own columns, texts through _duck.text
"""What an ad may say of an item right now, looked up in microseconds, in memory that does not grow.

Beside each snapshot stands an index: a read-only SQLite file, id → offer. It is a blob too, made once by the import, so
that any number of processes look items up without loading the catalogue.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path

import msgspec

from rekindle.catalog import _duck
from rekindle.catalog.snapshots import SnapshotStore
from rekindle.catalog.values import money
from rekindle.engines.blobs import Blobs, BlobsUnavailable
from rekindle.model.clock import Clock
from rekindle.model.product import Offer

_FRESH_MS = 1000
_COLUMNS = "id, title, link, image_link, price, sale_price, sale_start_ms, sale_end_ms, currency, availability, brand, product_type"


class _Entry(msgspec.Struct, array_like=True):
    title: str
    link: str
    image_link: str
    price: Decimal
    sale_price: Decimal | None
    sale_start_ms: int | None
    sale_end_ms: int | None
    currency: str
    availability: str | None
    brand: str | None
    product_type: str | None


_decoder = msgspec.msgpack.Decoder(_Entry)
_encoder = msgspec.msgpack.Encoder(decimal_format="string")


def build_index(snapshot: Path, folder: Path) -> Path:
    """Write the index of a snapshot's Parquet file into ``folder`` and return it.

    Items that no ad could show (without title, link, image, price or currency) are not in it.
    """
    target = folder / "offers.db"
    index = sqlite3.connect(target, isolation_level=None)
    try:
        index.execute("PRAGMA journal_mode=OFF")
        index.execute("PRAGMA synchronous=OFF")  # the blob store syncs the finished file
        index.execute("CREATE TABLE offers (id TEXT PRIMARY KEY, entry BLOB NOT NULL) WITHOUT ROWID")
        index.execute("BEGIN")
        with _duck.connect(folder, threads=1) as engine:
            # Parquet is sorted by id, and SQLite fills a tree fastest in order.
            engine.execute("SET preserve_insertion_order = true")
            found = engine.execute(
                f"SELECT {_COLUMNS} FROM {_duck.parquet(snapshot)} WHERE price IS NOT NULL AND currency IS NOT NULL "
                "AND coalesce(link, '') <> '' AND coalesce(image_link, '') <> '' AND title <> ''"
            )
            while rows := found.fetchmany(5000):
                index.executemany(
                    "INSERT INTO offers VALUES (?, ?)",
                    [(row[0], _encoder.encode(_Entry(*row[1:]))) for row in rows],
                )
        index.execute("COMMIT")
    finally:
        index.close()
    return target


class SnapshotOffers:
    """The port `Offers`, from the live snapshot. Safe to use from several threads."""

    def __init__(self, snapshots: SnapshotStore, blobs: Blobs, clock: Clock) -> None:
        self._snapshots, self._blobs, self._clock = snapshots, blobs, clock
        self._open: dict[str, tuple[str, sqlite3.Connection]] = {}
        self._checked: dict[str, int] = {}
        self._lock = threading.Lock()

    def offers(self, workspace: str, item_ids: Iterable[str]) -> Mapping[str, Offer]:
        """See `rekindle.model.ports.Offers`; what no ad could show is missing too.

        ``sale_price`` is there only while the sale lasts. A change of the live snapshot is seen within a second.
        """
        now = self._clock()
        wanted = list(dict.fromkeys(item_ids))
        answer: dict[str, Offer] = {}
        with self._lock:
            index = self._index(workspace, now)
            if index is None:
                return answer
            for start in range(0, len(wanted), 500):
                part = wanted[start : start + 500]
                marks = ", ".join("?" * len(part))
                for identity, entry in index.execute(f"SELECT id, entry FROM offers WHERE id IN ({marks})", part):
                    answer[identity] = _offer(identity, _decoder.decode(entry), now)
        return answer

    def close(self) -> None:
        """Close every index."""
        with self._lock:
            for _, index in self._open.values():
                index.close()
            self._open.clear()

    def _index(self, workspace: str, now: int) -> sqlite3.Connection | None:
        known = self._open.get(workspace)
        if known and 0 <= now - self._checked[workspace] < _FRESH_MS:
            return known[1]
        digest = self._snapshots.offers_digest(workspace)
        self._checked[workspace] = now
        if digest is None:
            return None
        if known and known[0] == digest:
            return known[1]
        try:
            file = self._blobs.path(digest)
        except BlobsUnavailable:
            return known[1] if known else None  # a state that is a little old shows better ads than none
        if known:
            known[1].close()
        uri = f"{file.resolve().as_uri()}?mode=ro&immutable=1"
        index = sqlite3.connect(uri, uri=True, check_same_thread=False)
        self._open[workspace] = (digest, index)
        return index


def _offer(identity: str, entry: _Entry, now: int) -> Offer:
    sale = entry.sale_price
    if sale is not None and (
        sale >= entry.price
        or (entry.sale_start_ms is not None and now < entry.sale_start_ms)
        or (entry.sale_end_ms is not None and now >= entry.sale_end_ms)
    ):
        sale = None
    return Offer(
        identity,
        entry.title,
        entry.link,
        entry.image_link,
        money(entry.price),
        entry.currency,
        entry.availability == "in_stock",
        None if sale is None else money(sale),
        entry.brand,
        entry.product_type,
    )
