"""Lanes follow what is applied: started, stopped, and their cursors given up when a destination is gone."""

from __future__ import annotations

from pathlib import Path

from rekindle.cli import _compose
from rekindle.cli._lanes import Lanes
from rekindle.egress.http import HttpTransport
from rekindle.feeds import PublishedIds
from rekindle.workspace import Destination, DestinationConsent, Shop, Workspace

CONSENT = DestinationConsent(consent_mode=["ad_storage"])


def shop(**destinations: Destination) -> Workspace:
    return Workspace(
        shop=Shop(name="shop", title="Shop", origins=["https://shop.example"], country="PL", currency="PLN"),
        destinations=destinations,
    )


def hook(*, enabled: bool = True) -> Destination:
    settings = {"url": "https://hooks.example/in", "secret": {"secret": "hook"}}
    return Destination(kind="webhook", consent=CONSENT, settings=settings, enabled=enabled)


async def test_lanes_follow_what_is_applied(tmp_path: Path) -> None:
    settings = _compose.settings_for(tmp_path)
    _compose.create(settings)
    now = 1_788_000_000_000

    def clock() -> int:
        nonlocal now
        now += 2_000  # a version applied elsewhere is noticed after a second
        return now

    installation = _compose.Installation(settings, clock=clock)
    installation.secrets.put("hook", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    feed_ids = PublishedIds(installation.database, installation.blobs, clock)
    lanes = Lanes(installation, HttpTransport(), feed_ids, 0.01)

    async def cursors() -> set[str]:
        return {entry.consumer for entry in await installation.log.lag() if entry.consumer.startswith("lane/")}

    async def apply(workspace: Workspace) -> int:
        installation.versions.apply(workspace, "test", "")
        return await lanes.step()

    for name in ("one", "two", "gone"):
        await (await installation.log.consumer(f"lane/shop/{name}")).close()
    assert await apply(shop(one=hook(), two=hook())) == 2
    assert await cursors() == {"lane/shop/one", "lane/shop/two"}
    assert await lanes.step() == 0
    assert await apply(shop(one=hook(), two=hook(enabled=False))) == 1
    assert await cursors() == {"lane/shop/one", "lane/shop/two"}
    assert await apply(shop(two=hook())) == 2
    assert await cursors() == {"lane/shop/two"}
    await lanes.close()
    await installation.aclose()
