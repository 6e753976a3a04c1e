"""An import as the scheduler makes it: JSON Lines become the live snapshot, with its report, its index and its history."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

from rekindle.catalog import CatalogImport, SnapshotStore
from rekindle.egress.fetch import Fetcher
from rekindle.engines.blobs import FolderBlobs
from rekindle.engines.database import open_database
from rekindle.workspace import Catalog, Shop, Source, Workspace


def import_lines(products: Path, folder: Path) -> dict[str, float]:
    """Import the file into an empty catalogue; return the items and the seconds, by the clock and of the processor."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        work = Path(name)
        database = open_database(work / "state.db")
        database.create_all()
        blobs = FolderBlobs(work / "blobs")
        source = Source(name="bench", location=products.name)
        shop = Shop(name="shop", title="Bench", origins=["https://shop.example"], country="PL", currency="PLN")
        workspace = Workspace(shop=shop, catalog=Catalog(source=[source]))
        fetch = Fetcher(work / "fetched")
        importer = CatalogImport(workspace, database, blobs, fetch, lambda: 0, base=products.parent, work=work)
        started, worked = time.perf_counter(), time.process_time()
        result = asyncio.run(importer.run(source))
        seconds, cpu = time.perf_counter() - started, time.process_time() - worked
        live = SnapshotStore(database, blobs).current("shop")
        database.close()
        if result.status != "live" or live is None or live.items != result.items:
            raise SystemExit(f"the import is {result.status}: {result.message}")
        return {"seconds": seconds, "cpu": cpu, "items": result.items}
