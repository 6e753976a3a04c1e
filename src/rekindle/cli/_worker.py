"""The worker's role: the views of the log, and the lanes to the platforms."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import REGISTRY

from rekindle.audiences import AudienceView
from rekindle.cli._asking import Asking
from rekindle.cli._compose import Installation
from rekindle.cli._lanes import Lanes
from rekindle.cli._subjects import Subjects
from rekindle.egress.http import HttpTransport
from rekindle.engines.log import ConsumerLag
from rekindle.feeds import PublishedIds
from rekindle.ops.health import Health
from rekindle.ops.loop import run_steps, stop_on_signals
from rekindle.ops.metrics import StateMetrics
from rekindle.privacy.vendor_lists import VendorListMetrics
from rekindle.profiles import IdMatchMetrics, ProfileView

_IDLE_S = 0.2
_LAG_MS = 5_000


async def run(installation: Installation) -> None:
    """Follow the log until SIGTERM."""
    settings, database, clock = installation.settings, installation.database, installation.clock
    feed_ids = PublishedIds(database, installation.blobs, clock)
    transport = HttpTransport(allow_private=settings.allow_private_addresses)
    lanes = Lanes(installation, transport, feed_ids, _IDLE_S)
    subjects = Subjects(installation, transport)
    asking = Asking(installation, transport)
    profiles = ProfileView(installation.log, database, clock, feed_ids, names=installation.pseudonymiser)
    audiences = AudienceView(
        installation.log,
        database,
        clock,
        installation.workspaces,
        suppressed=installation.consents.suppressed_among,
        names=installation.pseudonymiser,
        vendors=installation.vendors,
    )
    lag = _Lag(installation)
    REGISTRY.register(IdMatchMetrics(database))
    REGISTRY.register(VendorListMetrics(installation.vendors))
    REGISTRY.register(StateMetrics(database, installation.workspaces, lag.newest, clock))
    health = Health(settings.host, settings.worker_port, lambda: True)
    health.start()
    stopping = stop_on_signals()
    try:
        steps = {
            "profiles": profiles.step,
            "audiences": audiences.step,
            "consents": installation.consents.step,
            "lanes": lanes.step,
            "credentials": lanes.renew,
            "lag": lag.step,
            "asking": asking.step,
            "subjects": subjects.step,
        }
        await run_steps(steps, idle_s=_IDLE_S, stopping=stopping)
    finally:
        await lanes.close()
        await transport.close()
        health.stop()


class _Lag:
    """The lag of the log's consumers, looked at every few seconds, for scrapes."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._looked_ms = 0
        self._newest: Sequence[ConsumerLag] = ()

    async def step(self) -> int:
        now = self._installation.clock()
        if now - self._looked_ms >= _LAG_MS:
            self._looked_ms = now
            self._newest = await self._installation.log.lag()
        return 0

    def newest(self) -> Sequence[ConsumerLag]:
        return self._newest
