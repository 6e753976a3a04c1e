"""`rekindle destinations add` for every platform: it asks, writes, sends a test event and shows the platform's answer."""

import asyncio
import tomllib
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from rekindle.cli import main
from rekindle.egress.connector import Answer, Manifest
from rekindle.model.clock import system_clock
from rekindle.sandbox.platforms import MetaPlatform, WebhookReceiver
from rekindle.sandbox.platforms.simulated import SimulatedServer, simulated
from tests.destinations.test_conformance_bad_input import AUDIENCES, EVENTS, MODULES, config
from tests.scratch import migrated_state

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def platform(name: str) -> tuple[AbstractAsyncContextManager[str], Any]:
    """Return a platform to be served, and the thing that keeps what it took."""
    if name == "meta":
        meta = MetaPlatform(system_clock, pixel_id=str(config(name)["pixel_id"]), token="test-token")
        return meta.serve(), meta
    if name == "webhook":
        receiver = WebhookReceiver(SECRET)
        return receiver.serve(), receiver
    found = simulated(name)
    assert found is not None
    server = SimulatedServer(found, system_clock)
    return server.serve(), server


def answers(manifest: Manifest) -> tuple[list[str], str]:
    """Return what is given on the command line, and what a person types when asked for the rest."""
    given = {key: str(value) for key, value in config(manifest.name).items()}
    secrets = [each.name for each in manifest.secrets if each.required]
    asked = [each.name for each in manifest.settings if each.required or each.asked]
    asked = [name for name in asked if name not in manifest.host_settings]
    extra = [key for key in given if key not in asked and key not in secrets and key not in manifest.host_settings]
    told = [word for key in extra for word in ("--set", f"{key}={given[key]}")]
    return told, "".join(f"{given[name]}\n" for name in (*asked, *secrets))


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REKINDLE_ALLOW_PRIVATE_ADDRESSES", "true")
    folder = tmp_path / "shop"
    migrated_state(folder / "data" / "state.db")
    assert CliRunner().invoke(main, ["init", str(folder), "--name", "shop"]).exit_code == 0
    return folder


@pytest.mark.parametrize("name", EVENTS)
async def test_an_account_for_events_is_asked_for_written_and_tried(name: str, shop: Path):
    manifest = MODULES[name].manifest
    told, typed = answers(manifest)
    serving, kept = platform(name)
    async with serving as base:
        place = base + ("/hook" if name == "webhook" else "")
        words = ["destinations", "add", name, *told, "--set", f"{manifest.host_settings[0]}={place}", "--send"]
        done = await asyncio.to_thread(CliRunner().invoke, main, [*words, "-w", str(shop)], input=typed)
    assert done.exit_code == 0, done.output
    assert ": delivered, HTTP 2" in done.output or ": accepted, HTTP 2" in done.output, done.output
    assert len(getattr(kept, "taken", None) or kept.received) == 1
    written = (shop / "destinations" / f"{name}.toml").read_text()
    secrets = {each.name for each in manifest.secrets if each.required}
    assert {key: value for key, value in tomllib.loads(written)["settings"].items() if key in secrets} == {
        key: {"secret": f"{name}_{key}"} for key in secrets
    }
    assert not [key for key in secrets if str(config(name)[key]) in written + done.output]
    assert CliRunner().invoke(main, ["plan", "-w", str(shop)]).exit_code == 0


@pytest.mark.parametrize("name", EVENTS)
async def test_the_platforms_refusal_is_shown(name: str, shop: Path):
    told, typed = answers(MODULES[name].manifest)
    server = SimulatedServer(lambda call: Answer(401, {}, b'{"message": "who are you"}'), system_clock)
    async with server.serve() as base:
        place = f"{MODULES[name].manifest.host_settings[0]}={base}"
        words = ["destinations", "add", name, *told, "--set", place, "--send", "-w", str(shop)]
        done = await asyncio.to_thread(CliRunner().invoke, main, words, input=typed)
    assert done.exit_code == 0, done.output
    assert "hold, HTTP 401" in done.output
    assert "who are you" in done.output


@pytest.mark.parametrize("name", AUDIENCES)
def test_an_account_for_an_audience_is_asked_for_and_written(name: str, shop: Path):
    told, typed = answers(MODULES[name].manifest)
    words = ["destinations", "add", name, *told, "--audience", "cart_abandoned", "-w", str(shop)]
    done = CliRunner().invoke(main, words, input=typed)
    assert done.exit_code == 0, done.output
    assert "nobody is sent as a test" in done.output
    written = tomllib.loads((shop / "destinations" / f"{name}.toml").read_text())
    assert written["audience"] == "cart_abandoned"
    assert CliRunner().invoke(main, ["plan", "-w", str(shop)]).exit_code == 0
