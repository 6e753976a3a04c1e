"""An installation around a simulated shop: catalogue, webhooks, and time that passes only when somebody waits."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import duckdb

from rekindle.catalog import (
    Accounts,
    Ages,
    CatalogImport,
    CatalogRefresh,
    HintStore,
    HookServer,
    RunLog,
    RunResult,
    SnapshotStore,
    Walker,
)
from rekindle.egress.connector import Answer, Limits, OutRequest
from rekindle.egress.fetch import Fetcher, FetchFailed, FetchResult
from rekindle.egress.http import TransportFailed
from rekindle.engines.blobs import FolderBlobs
from rekindle.engines.database import Database
from rekindle.engines.secrets import SecretMissing
from rekindle.model.web import Request, Response
from rekindle.workspace import Catalog, Source, Workspace
from rekindle.workspace import Shop as ShopDocument
from tests.catalog.shops.base import Shop
from tests.conftest import FakeClock


class Stopped(BaseException):
    """The process dies here."""


class World:
    """One workspace with one account as its source."""

    def __init__(self, folder: Path, database: Database, shop: Shop, **options: Any) -> None:
        self.folder, self.database, self.shop, self.clock = folder, database, shop, shop.clock
        self.blobs = FolderBlobs(folder / "blobs")
        self.slept: list[float] = []
        secrets = {name: {"secret": f"{shop.kind}_{name}"} for name in shop.secrets}
        self.source = Source(
            name="main", kind=shop.kind, every="1d", currency=None if shop.tells_currency else shop.currency,
            options={**shop.options, **secrets, "hook_secret": {"secret": "hook"}, **options},
        )  # fmt: skip
        document = ShopDocument(name="shop", title="Shop", origins=[], country="PL", currency="EUR")
        self.workspace = Workspace(shop=document, catalog=Catalog(source=[self.source]))
        self.snapshots = SnapshotStore(database, self.blobs)
        self.ages, self.runs = Ages(database, self.blobs), RunLog(database)
        self.dies_at = 0

    # -- the parts, fresh each time, as after a start of the process

    def accounts(self) -> Accounts:
        walker = Walker(self, self, self.clock, self._sleep, lambda: 0.5)
        return Accounts(self.database, walker, self._secret, self.folder / "walks")

    def importer(self) -> CatalogImport:
        fetch = Fetcher(self.folder / "downloads")
        return CatalogImport(self.workspace, self.database, self.blobs, fetch, self.clock, accounts=self.accounts())

    async def run(self, **options: Any) -> RunResult:
        """Import everything."""
        return await self.importer().run(self.source, **options)

    async def refresh(self) -> int:
        """Read again what is due."""
        return await CatalogRefresh(self.workspace, self.database, self.blobs, self.clock, self.accounts()).step()

    async def hook(self, headers: dict[str, str], body: bytes, path: str = "/hooks/shop/main") -> Response:
        server = HookServer(lambda: {"shop": self.workspace}, self._secret, HintStore(self.database), self.clock)
        (route,) = server.routes()
        lower = {name.lower(): value for name, value in headers.items()}
        return await route.handler(Request("POST", path, {}, lower, {}, "198.51.100.1", "hooks.example", body))

    def items(self) -> dict[str, dict[str, Any]]:
        """Return the live items by id."""
        snapshot = self.snapshots.current("shop")
        if snapshot is None:
            return {}
        found = duckdb.sql(f"FROM {snapshot.table()} ORDER BY id")
        return {row[0]: dict(zip(found.columns, row, strict=True)) for row in found.fetchall()}

    def told(self) -> dict[str, tuple[str, str]]:
        """Return the live items as `Shop.expected` gives them."""
        return {key: (f"{row['price']:.2f}", row["availability"]) for key, row in self.items().items()}

    def _secret(self, name: str) -> str:
        if name == "hook":
            return self.shop.hook_secret
        try:
            return self.shop.secrets[name.removeprefix(f"{self.shop.kind}_")]
        except KeyError:
            raise SecretMissing(name) from None

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.advance(max(1, int(seconds * 1000)))
        await asyncio.sleep(0)

    # -- the network

    async def send(self, request: OutRequest, limits: Limits) -> Answer:
        if self.dies_at and len(self.shop.requests) + 1 >= self.dies_at:
            self.dies_at = 0
            raise Stopped
        self.clock.advance(20)
        answer = self.shop.send(request)
        if answer.status == 0:
            raise TransportFailed("the host broke the connection off")
        return answer

    async def get(self, url: str) -> FetchResult:
        self.clock.advance(200)
        body = self.shop.file(url)
        if body is None:
            raise FetchFailed("https://files.example/: answered with status 403")
        path = Path(tempfile.mkdtemp(dir=self.folder)) / "file"
        path.write_bytes(body)
        return FetchResult(200, path, {}, "https://files.example/")


def world(
    folder: Path, database: Database, kind: type[Shop], clock: FakeClock, products: int = 130, **options: Any
) -> World:
    """Return a world with a filled shop."""
    shop = kind(clock)
    shop.fill(products)
    clock.advance(3_600_000)
    return World(folder, database, shop, **options)
