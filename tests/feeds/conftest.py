"""A small shop: products to a Parquet snapshot, and a builder over it."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest

from rekindle.engines.blobs import Blobs, FolderBlobs
from rekindle.feeds import FeedBuilder, FeedVersion, content
from rekindle.feeds.offline import products_from_json
from rekindle.feeds.program import fingerprint
from rekindle.model.ports import Snapshot
from rekindle.model.product import Product
from rekindle.workspace import Feed, Shop, Workspace


def product(identity: str, **values: Any) -> Product:
    """A product without a fault at either channel."""
    clean: dict[str, Any] = {
        "title": f"Sofa cover {identity}", "description": "Soft, washable, made of cotton.",
        "link": f"https://shop.example/{identity}", "image_link": f"https://cdn.example/{identity}.jpg",
        "price": Decimal("199.00"), "currency": "PLN", "availability": "in_stock", "quantity": 3, "brand": "Dagra",
        "gtin": "5901234123457", "condition": "new", "product_type": "Home > Covers",
    }  # fmt: skip
    return Product(id=identity, **(clean | values))


def published(blobs: Blobs, version: FeedVersion) -> bytes:
    """A version's file as readers get it who take nothing packed."""
    return b"".join(content.plain(blobs, version))


class Shelf:
    """A snapshot port whose snapshot a test replaces."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.snapshot: Snapshot | None = None

    def put(self, *products: Product) -> Snapshot:
        lines = [
            msgspec.json.encode({**msgspec.to_builtins(p), "source": "main", "row": number})
            for number, p in enumerate(products, 1)
        ]
        body = b"\n".join(lines)
        digest = hashlib.sha256(body).hexdigest()
        (self.folder / "products.json").write_bytes(body)
        path = self.folder / f"{digest}.parquet"
        duckdb.connect().execute(
            f"COPY ({products_from_json(self.folder / 'products.json')} ORDER BY id) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 10240)"
        )
        self.snapshot = Snapshot("shop", digest, path, len(products), 0)
        return self.snapshot

    def current(self, workspace: str) -> Snapshot | None:
        return self.snapshot if workspace == "shop" else None

    def changed(self, workspace: str, old: str, new: str, folder: Path) -> Path | None:
        return None


class KnowingShelf(Shelf):
    """One that tells what changed between its snapshots."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.kept: dict[str, Path] = {}

    def put(self, *products: Product) -> Snapshot:
        snapshot = super().put(*products)
        self.kept[snapshot.digest] = snapshot.base
        return snapshot

    def changed(self, workspace: str, old: str, new: str, folder: Path) -> Path | None:
        target = folder / "changed.parquet"
        a, b = (f"(SELECT id, {fingerprint()} AS mark FROM '{self.kept[digest]}')" for digest in (old, new))
        duckdb.execute(
            f"COPY (SELECT id, b.mark IS NULL AS gone FROM {a} a FULL JOIN {b} b USING (id) "
            f"WHERE a.mark IS DISTINCT FROM b.mark ORDER BY id) TO '{target}' (FORMAT parquet)"
        )
        return target


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    folder = tmp_path / "snapshots"
    folder.mkdir()
    return Shelf(folder)


@pytest.fixture
def blobs(tmp_path: Path) -> FolderBlobs:
    return FolderBlobs(tmp_path / "blobs")


@pytest.fixture
def builder(database, blobs, shelf, clock, tmp_path) -> FeedBuilder:
    return FeedBuilder(database, blobs, shelf, clock, tmp_path / "work")


def shop(**feeds: Feed) -> Workspace:
    return Workspace(
        shop=Shop(name="shop", title="Pokrowce & Co", origins=["https://shop.example"], country="PL", currency="PLN"),
        feeds=feeds,
    )


GOOGLE = Feed(channel="google_merchant")
META = Feed(channel="meta")
