# ruff: noqa: S608 - table functions take no parameters; names come from our own columns, texts through _duck.text
"""What an ad may say of an item right now, looked up in microseconds, in memory that does not grow.

Beside each snapshot stands an index, and beside its patch a second one: a line for each item, a JSON list that begins
with the id, sorted by id. They are blobs too, made once, so that any number of processes look items up in the page
cache without loading the catalogue.
"""

from __future__ import annotations

import mmap
import threading
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path

import duckdb
import msgspec

from rekindle.catalog import _duck
from rekindle.catalog.snapshots import SnapshotStore
from rekindle.catalog.values import money
from rekindle.engines.blobs import Blobs, BlobsUnavailable
from rekindle.model.clock import Clock
from rekindle.model.product import Offer

_FRESH_MS = 1000
_COLUMNS = (
    "id, title, link, image_link, price::VARCHAR, sale_price::VARCHAR, sale_start_ms, sale_end_ms, currency, availability, "
    "brand, product_type"
)
_SHOWN = (
    "price IS NOT NULL AND currency IS NOT NULL AND coalesce(link, '') <> '' AND coalesce(image_link, '') <> '' "
    "AND title <> ''"
)


class _Entry(msgspec.Struct, array_like=True):
    id: str
    title: str = ""
    link: str = ""
    image_link: str = ""
    price: Decimal | None = None
    sale_price: Decimal | None = None
    sale_start_ms: int | None = None
    sale_end_ms: int | None = None
    currency: str = ""
    availability: str | None = None
    brand: str | None = None
    product_type: str | None = None


_decoder = msgspec.json.Decoder(_Entry)


def build_index(engine: duckdb.DuckDBPyConnection, items: str, target: Path) -> None:
    """Write the index of a snapshot's base (a relation), whose items are sorted. Items that no ad could show are not in it."""
    engine.execute("SET preserve_insertion_order = true")  # sorting a million lines again takes memory and time
    try:
        _write(engine, f"SELECT json_array({_COLUMNS}) AS line FROM {items} WHERE {_SHOWN}", target)
    finally:
        engine.execute("SET preserve_insertion_order = false")


def build_patch(engine: duckdb.DuckDBPyConnection, patch: str, target: Path) -> None:
    """Write the index of a snapshot's patch: what is gone, or cannot be shown, is an id alone."""
    line = f"CASE WHEN NOT gone AND {_SHOWN} THEN json_array({_COLUMNS}) ELSE json_array(id) END"
    _write(engine, f"SELECT {line} AS line FROM {patch} ORDER BY id", target)


def _write(engine: duckdb.DuckDBPyConnection, query: str, target: Path) -> None:
    # No delimiter and no quote can be in the lines: JSON writes control characters as escapes.
    engine.execute(
        f"COPY ({query}) TO {_duck.text(target)} (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01')"
    )


class _Index:
    """A mapped file of lines, read by halving."""

    def __init__(self, path: Path) -> None:
        self._map: mmap.mmap | bytes = b""
        with path.open("rb") as file:
            # Nothing is in it, or it is of an earlier kind, which goes with the next import.
            if file.read(1) == b"[":
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def get(self, identity: str) -> _Entry | None:
        wanted = identity.encode("utf-8", "replace")
        low, high = 0, len(self._map)
        while low < high:
            middle = (low + high) // 2
            start = self._map.rfind(b"\n", low, middle) + 1 or low
            end = self._map.find(b"\n", middle, high)
            end = high if end < 0 else end
            entry = _decoder.decode(self._map[start:end])
            found = entry.id.encode()
            if found == wanted:
                return entry
            if found < wanted:
                low = end + 1
            else:
                high = start
        return None

    def close(self) -> None:
        if isinstance(self._map, mmap.mmap):
            self._map.close()


class SnapshotOffers:
    """The port `Offers`, from the live snapshot. Safe to use from several threads."""

    def __init__(self, snapshots: SnapshotStore, blobs: Blobs, clock: Clock) -> None:
        self._snapshots, self._blobs, self._clock = snapshots, blobs, clock
        self._open: dict[str, tuple[tuple[str, ...], list[_Index]]] = {}
        self._checked: dict[str, int] = {}
        self._lock = threading.Lock()

    def offers(self, workspace: str, item_ids: Iterable[str]) -> Mapping[str, Offer]:
        """See `rekindle.model.ports.Offers`; what no ad could show is missing too.

        ``sale_price`` is there only while the sale lasts. A change of the live snapshot is seen within a second.
        """
        now = self._clock()
        answer: dict[str, Offer] = {}
        with self._lock:
            indexes = self._indexes(workspace, now)
            for identity in dict.fromkeys(item_ids):
                entry = next((entry for index in indexes if (entry := index.get(identity)) is not None), None)
                if entry is not None and entry.price is not None:
                    answer[identity] = _offer(entry, entry.price, now)
        return answer

    def close(self) -> None:
        """Close every index."""
        with self._lock:
            for _, indexes in self._open.values():
                _close(indexes)
            self._open.clear()

    def _indexes(self, workspace: str, now: int) -> list[_Index]:
        """Return the patch's index, if there is one, and the base's."""
        known = self._open.get(workspace)
        if known and 0 <= now - self._checked[workspace] < _FRESH_MS:
            return known[1]
        digests = self._snapshots.offers_digests(workspace)
        self._checked[workspace] = now
        if not digests:
            return []
        if known and known[0] == digests:
            return known[1]
        try:
            files = [self._blobs.path(digest) for digest in digests]
        except BlobsUnavailable:
            return known[1] if known else []  # a state that is a little old shows better ads than none
        if known:
            _close(known[1])
        indexes = [_Index(file) for file in files]
        self._open[workspace] = (digests, indexes)
        return indexes


def _close(indexes: list[_Index]) -> None:
    for index in indexes:
        index.close()


def _offer(entry: _Entry, price: Decimal, now: int) -> Offer:
    sale = entry.sale_price
    if sale is not None and (
        sale >= price
        or (entry.sale_start_ms is not None and now < entry.sale_start_ms)
        or (entry.sale_end_ms is not None and now >= entry.sale_end_ms)
    ):
        sale = None
    return Offer(
        entry.id,
        entry.title,
        entry.link,
        entry.image_link,
        money(price),
        entry.currency,
        entry.availability == "in_stock",
        None if sale is None else money(sale),
        entry.brand,
        entry.product_type,
    )
