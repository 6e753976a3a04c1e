"""`rekindle feeds check-pages` on a real installation, against the demo's shop."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rekindle.cli import _landing, main
from rekindle.sandbox.serving import application, running
from rekindle.sandbox.shop.catalogue import CATALOG, load_catalog
from rekindle.sandbox.shop.pages import Shop


async def rekindle(*arguments: str) -> Result:
    runner = CliRunner(env={"REKINDLE_ALLOW_PRIVATE_ADDRESSES": "true"})
    return await asyncio.to_thread(runner.invoke, main, arguments)


async def test_pages_of_a_feed_are_checked_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def at_once(_: float) -> None: ...

    monkeypatch.setattr(_landing, "_sleep", at_once)
    folder = tmp_path / "shop"
    there = ("-w", str(folder))
    demo = Shop(load_catalog())
    async with running(application(demo.routes())) as origin:
        assert (await rekindle("init", str(folder), "--origin", origin)).exit_code == 0
        source = f'[[source]]\nname = "main"\nlocation = "{CATALOG}"\nkind = "csv"\nlink_base = "{origin}"\n'
        (folder / "catalog.toml").write_text(source)
        (folder / "feeds" / "google.toml").write_text('channel = "google_merchant"\n')
        for words in (["apply", "--yes"], ["catalog", "import"], ["feeds", "build", "google"]):
            assert (await rekindle(*words, *there)).exit_code == 0
        fine = await rekindle("feeds", "check-pages", "google", "--sample", "5", *there)
        assert (fine.exit_code, "google: 5 of 5 pages visited, 0 with findings" in fine.output) == (0, True), (
            fine.output
        )
        demo.shelves.by_id["HLN-101-GRE"].sale_price = Decimal("699.00")
        bad = await rekindle("feeds", "check-pages", "google", "--item", "HLN-101-GRE", *there)
        assert bad.exit_code == 1
        assert "block   sale_price price-mismatch: feed '749.00 PLN', page '699.00 PLN'" in bad.output, bad.output
        as_json = await rekindle("feeds", "check-pages", "google", "--item", "HLN-101-GRE", "--json", *there)
        report = json.loads(as_json.output)
        assert (report["run"]["visited"], report["items"][0]["findings"][0]["code"]) == (1, "price-mismatch")
        as_csv = await rekindle("feeds", "check-pages", "google", "--item", "HLN-101-GRE", "--csv", *there)
        assert "HLN-101-GRE,2," in as_csv.output, as_csv.output
        unknown = await rekindle("feeds", "check-pages", "google", "--item", "nope", *there)
        assert (unknown.exit_code, "publishes no item 'nope'" in unknown.output) == (1, True)
