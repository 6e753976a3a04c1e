"""`rekindle feeds push` and `pushes`, against a platform that is served."""

from __future__ import annotations

import asyncio
from pathlib import Path

from click.testing import CliRunner, Result

from rekindle.cli import main
from rekindle.model.clock import system_clock
from rekindle.sandbox.platforms.merchant_api import MerchantCenter
from rekindle.sandbox.platforms.simulated import SimulatedServer

PRODUCTS = """id,title,description,link,image_link,price,availability,brand,condition,gtin
A,Sofa cover,Soft,https://shop.example/a,https://shop.example/a.jpg,199.00 PLN,in_stock,Dagra,new,5901234123457
B,Chair cover,Soft,https://shop.example/b,https://shop.example/b.jpg,99.00 PLN,in_stock,Dagra,new,5901234123457
"""
FEED = """channel = "google_merchant"
[push.settings]
account = "123"
data_source = "456"
feed_label = "PL"
content_language = "pl"
api_base = "{base}"
access_token = {{ secret = "google_token" }}
"""


async def rekindle(*arguments: str, typed: str = "") -> Result:
    runner = CliRunner(env={"REKINDLE_ALLOW_PRIVATE_ADDRESSES": "true"})
    return await asyncio.to_thread(runner.invoke, main, arguments, input=typed)


async def test_a_feed_is_rehearsed_and_pushed_by_hand(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    assert (await rekindle("init", str(folder), "--origin", "https://shop.example")).exit_code == 0
    (folder / "products.csv").write_text(PRODUCTS)
    (folder / "catalog.toml").write_text('[[source]]\nname = "main"\nlocation = "products.csv"\ncurrency = "PLN"\n')
    there = ("-w", str(folder))
    center = MerchantCenter()
    async with SimulatedServer(center.answer, system_clock).serve() as base:
        (folder / "feeds" / "google.toml").write_text(FEED.format(base=base))
        applied = await rekindle("apply", *there, "--yes")
        assert "push.settings: access_token: there is no secret 'google_token'" in applied.output
        assert "google is published and not pushed" in applied.output
        nothing = await rekindle("feeds", "push", "google", "--dry-run", *there)
        assert (nothing.exit_code, "was never published" in nothing.output) == (1, True)
        assert (await rekindle("catalog", "import", *there)).exit_code == 0
        assert (await rekindle("feeds", "build", "google", *there)).exit_code == 0
        rehearsed = await rekindle("feeds", "push", "google", "--dry-run", "--limit", "1", *there)
        assert "2 items would be sent, 0 removed" in rehearsed.output
        assert '+ A {"title":"Sofa cover"' in rehearsed.output
        assert center.requests == [], "a rehearsal sends nothing"
        held = await rekindle("feeds", "push", "google", *there)
        assert "held" in held.output
        assert "google_token" in held.output
        assert (await rekindle("secrets", "set", "google_token", *there, typed="t0ken")).exit_code == 0
        center.issues["B"] = [{"code": "image_link_broken", "severity": "DISAPPROVED", "description": "No image"}]
        done = await rekindle("feeds", "push", "google", *there)
        assert "version 1 of 1, running; 2 accepted" in done.output, done.output
        assert set(center.offers(system_clock())) == {"A", "B"}
        told = await rekindle("feeds", "explain", "google", "A", "price", *there)
        assert "google push: the platform accepted it as it is, 20" in told.output, told.output
        assert "google push: price " in told.output, "and how old that is, item by item"
        told = await rekindle("feeds", "explain", "google", "B", "id", *there)
        assert "google push: the platform accepted it as it is, 20" in told.output, told.output
        shown = await rekindle("feeds", "pushes", *there)
        assert "google to Google Merchant API: version 1 of 1" in shown.output


async def test_a_feed_without_a_push_is_told_so(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    assert (await rekindle("init", str(folder), "--origin", "https://shop.example")).exit_code == 0
    (folder / "feeds" / "ceneo.toml").write_text('channel = "ceneo"\n[push]\n')
    refused = await rekindle("plan", "-w", str(folder))
    assert refused.exit_code == 1
    assert "feeds/ceneo.toml: push: ceneo takes no items by API; remove [push]" in refused.output
    (folder / "feeds" / "ceneo.toml").write_text('channel = "ceneo"\n')
    assert (await rekindle("apply", "-w", str(folder), "--yes")).exit_code == 0
    answer = await rekindle("feeds", "push", "ceneo", "-w", str(folder))
    assert (answer.exit_code, "feeds/ceneo.toml: the feed has no [push]" in answer.output) == (1, True)
    assert "no feed has a [push]" in (await rekindle("feeds", "pushes", "-w", str(folder))).output
