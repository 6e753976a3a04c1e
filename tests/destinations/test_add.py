"""`rekindle destinations add`: what is asked, what is written, and a test event that goes the whole way."""

import asyncio
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rekindle.cli import main
from rekindle.cli._compose import open_installation
from rekindle.destinations import meta
from rekindle.model.clock import system_clock
from rekindle.model.discover import discover
from rekindle.privacy import ledger
from rekindle.sandbox.platforms import MetaPlatform
from tests.scratch import migrated_state


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REKINDLE_ALLOW_PRIVATE_ADDRESSES", "true")
    folder = tmp_path / "shop"
    migrated_state(folder / "data" / "state.db")
    done = CliRunner().invoke(main, ["init", str(folder), "--name", "shop"])
    assert done.exit_code == 0, done.output
    return folder


def add(shop: Path, *words: str, typed: str = "") -> Result:
    return CliRunner().invoke(main, ["destinations", "add", *words, "-w", str(shop)], input=typed)


async def test_a_new_account_is_asked_for_written_and_tried(shop: Path):
    platform = MetaPlatform(system_clock, pixel_id="77", token="good")
    async with platform.serve() as base:
        done = await asyncio.to_thread(
            add, shop, "meta", "--set", f"api_base={base}", "--test-code", "TEST1", typed="77\ngood\ny\n"
        )
    assert done.exit_code == 0, done.output
    assert "view_item to" in done.output
    assert "delivered, HTTP 200" in done.output
    assert len(platform.received) == 1
    text = (shop / "destinations" / "meta.toml").read_text()
    written = tomllib.loads(text)
    assert "good" not in text
    assert "TEST1" not in text
    assert written["settings"]["access_token"] == {"secret": "meta_access_token"}
    assert written["settings"]["pixel_id"] == "77"
    assert CliRunner().invoke(main, ["plan", "-w", str(shop)]).exit_code == 0
    installation = open_installation(shop)
    actions = {line.line.action for line in ledger.lines(installation.database, "shop", kind="send", limit=10)}
    installation.close()
    assert actions == {"send", "answer"}


async def test_the_platforms_refusal_is_shown(shop: Path):
    platform = MetaPlatform(system_clock, pixel_id="77", token="good")
    async with platform.serve() as base:
        done = await asyncio.to_thread(
            add, shop, "meta", "--set", f"api_base={base}", "--set", "pixel_id=77", "--send", typed="bad\n"
        )
    assert done.exit_code == 0, done.output
    assert "hold, HTTP 401" in done.output
    assert "Session has expired" in done.output


def test_what_cannot_be_used_is_not_written(shop: Path):
    done = add(shop, "hook", "--kind", "webhook", "--set", "url=http://shop.example/", "--no-send", typed="x\n")
    assert done.exit_code == 1
    assert "nothing was written" in done.output
    assert not (shop / "destinations" / "hook.toml").exists()
    assert "there is no platform" in add(shop, "nobody").output
    assert "cannot be a name" in add(shop, "Bad Name", "--kind", "meta").output


def test_a_typo_costs_nothing_and_leaves_nothing(shop: Path):
    assert "did you mean meta?" in add(shop, "Meta").output
    done = add(shop, "meta", "--set", "pixle_id=1", "--no-send", typed="never asked\n")
    assert "unknown setting 'pixle_id' (did you mean pixel_id?)" in done.output
    assert "access_token (" not in done.output
    done = add(shop, "reddit", "--set", "pixel_id=1", "--set", "batch=5000", "--no-send", typed="token\n")
    assert "nothing was written" in done.output
    kept = CliRunner().invoke(main, ["secrets", "list", "-w", str(shop)]).output
    assert "reddit" not in kept
    assert "meta" not in kept


def test_the_feed_and_the_country_are_known_without_asking(shop: Path):
    done = add(shop, "meta", "--set", "pixel_id=1", "--no-send", typed="token\n")
    assert "Feed meta: its ids are the ones" in done.output
    written = tomllib.loads((shop / "destinations" / "meta.toml").read_text())
    assert written["feed"] == "meta"
    assert written["settings"]["default_region"] == tomllib.loads((shop / "shop.toml").read_text())["country"]
    assert add(shop, "reddit", "--set", "pixel_id=1", "--no-send", typed="token\n").exit_code == 0
    assert "feed" not in tomllib.loads((shop / "destinations" / "reddit.toml").read_text())
    given = add(shop, "m2", "--kind", "meta", "--feed", "google", "--set", "default_region=DE", "--set", "pixel_id=1",
                "--no-send", typed="token\n")  # fmt: skip
    assert given.exit_code == 0
    written = tomllib.loads((shop / "destinations" / "m2.toml").read_text())
    assert (written["feed"], written["settings"]["default_region"]) == ("google", "DE")
    assert "there is no feed 'lost'" in add(shop, "m3", "--kind", "meta", "--feed", "lost").output


def test_the_means_to_renew_a_token_can_be_given_instead(shop: Path):
    asked = ("snap", "--kind", "snapchat_audience", "--renew", "--set", "segment_id=1")
    assert "there is no audience 'lost'" in add(shop, *asked, "--audience", "lost").output
    done = add(shop, *asked, "--audience", "cart_abandoned", typed="a\nb\nc\n")
    assert done.exit_code == 0, done.output
    assert tomllib.loads((shop / "destinations" / "snap.toml").read_text())["audience"] == "cart_abandoned"
    settings = tomllib.loads((shop / "destinations" / "snap.toml").read_text())["settings"]
    assert settings.keys() == {"segment_id", "default_region", "client_id", "client_secret", "refresh_token"}
    assert "renews no tokens" in add(shop, "m", "--kind", "meta", "--renew", "--set", "pixel_id=1").output


def test_the_list_tells_what_is_unverified_and_what_is_for_audiences():
    told = CliRunner().invoke(main, ["destinations", "list"]).output
    assert "meta_custom_audience: Meta custom audience, for audiences" in told
    assert "RTB House publishes no specification" in told
    assert "to renew it: client_id, client_secret, refresh_token" in told
    assert meta.manifest.title in told
    assert told.count("\n") > len(discover("rekindle.destinations"))
