"""Somebody follows the consents while no worker does, so that a worker that comes back sends at once."""

from __future__ import annotations

from pathlib import Path

from rekindle.cli import _compose
from rekindle.cli._compose import Installation
from rekindle.cli._spare import SpareReader
from rekindle.engines.log import Keyed
from rekindle.model.event import Consent
from rekindle.model.record import ConsentChange, encode
from rekindle.privacy.consents import ConsentView
from tests.conftest import FakeClock

_NO = Consent(ad_storage="denied")


async def _choose(installation: Installation, clock: FakeClock, count: int) -> None:
    changes = [ConsentChange("shop", clock(), f"s1_{number}", _NO) for number in range(count)]
    await installation.log.append([Keyed(change.subject, encode(change)) for change in changes])


async def test_what_nobody_follows_is_followed_and_what_somebody_does_is_not(tmp_path: Path, clock: FakeClock) -> None:
    settings = _compose.settings_for(tmp_path)
    _compose.create(settings)
    installation = Installation(settings, folder=tmp_path, clock=clock)
    spare = SpareReader(installation, behind=20)
    worker = ConsentView(installation.log, installation.database, names=installation.pseudonymiser, clock=clock)
    await worker.refresh()

    await _choose(installation, clock, 19)
    clock.advance(5_000)
    assert await spare.step() == 0, "a worker that is there is that far behind now and then"
    await _choose(installation, clock, 30)
    assert await spare.step() == 0, "not at every step"
    clock.advance(5_000)
    assert await spare.step() >= 49
    assert sum(one.records for one in await installation.log.lag() if one.consumer == "consents") == 0
    clock.advance(5_000)
    assert await spare.step() == 0

    # A worker that starts now has nothing to read, and knows every choice.
    fresh = ConsentView(installation.log, installation.database, names=installation.pseudonymiser, clock=clock)
    assert await fresh.refresh() == 0
    assert fresh.latest("shop", "s1_29") == _NO
    # One that had slept reads on where it was; what the spare reader wrote stays.
    await worker.refresh()
    assert worker.latest("shop", "s1_29") == _NO
    for view in (fresh, worker):
        await view.close()
    await installation.aclose()
