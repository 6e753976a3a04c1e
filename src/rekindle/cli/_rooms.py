"""What a worker does beside the lanes: the views of the log, questions to platforms, subject requests, metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prometheus_client import REGISTRY

from rekindle.audiences import AudienceView
from rekindle.cli._asking import Asking
from rekindle.cli._compose import Installation
from rekindle.cli._subjects import Subjects
from rekindle.egress.http import HttpTransport
from rekindle.engines.log import ConsumerLag
from rekindle.feeds import PublishedIds
from rekindle.ops.loop import Step
from rekindle.ops.metrics import StateMetrics
from rekindle.privacy.vendor_lists import VendorListMetrics
from rekindle.profiles import IdMatchMetrics, ProfileView

_LAG_MS = 5_000


def rooms(installation: Installation, transport: HttpTransport) -> Mapping[str, Step]:
    """Return the steps by the name they have in metrics, and register what is scraped."""
    database, clock = installation.database, installation.clock
    subjects = Subjects(installation, transport)
    asking = Asking(installation, transport)
    feed_ids = PublishedIds(database, installation.blobs, clock)
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
    return {
        "profiles": profiles.step,
        "audiences": audiences.step,
        "lag": lag.step,
        "asking": asking.step,
        "subjects": subjects.step,
    }


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
