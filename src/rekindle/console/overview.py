"""What the overview says: how much came, what became of it, and what somebody should look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from rekindle.ads import Served, served
from rekindle.audiences import sizes
from rekindle.console.alarms import Alarm, alarms, privacy_alarms, quality_alarms
from rekindle.console.destinations import Balance, Lane, balances, lanes
from rekindle.console.visit import Visit
from rekindle.egress.expiry import expiries
from rekindle.engines.log.protocol import ConsumerLag
from rekindle.feeds import FeedStatus, delivery_status, status
from rekindle.feeds.push import push_status
from rekindle.feeds.quality import newest
from rekindle.model.names import PLAIN
from rekindle.model.outcome import Outcome
from rekindle.privacy.subjects import Requests
from rekindle.privacy.vendor_lists import reads_strings
from rekindle.profiles import series
from rekindle.profiles.id_match import IdMatch, id_match
from rekindle.profiles.statistics import HOUR_MS, Point

_DAY_MS = 24 * HOUR_MS


class Slot(msgspec.Struct, frozen=True):
    """Events of one hour or day that began at ``start_ms``."""

    start_ms: int
    accepted: int
    filtered: int
    invalid: int


class Overview(msgspec.Struct, kw_only=True):
    """The last ``hours`` hours of one workspace; ``slots`` are hours, or days when the period is longer than two.

    ``filtered`` and ``invalid`` are counts by reason code, ``events`` accepted counts by name.
    """

    hours: int
    since_ms: int
    received: int
    accepted: int
    filtered: dict[str, int]
    invalid: dict[str, int]
    events: dict[str, int]
    slots: list[Slot]
    id_match: list[IdMatch]
    balances: list[Balance]
    lanes: list[Lane]
    feeds: list[FeedStatus]
    audiences: dict[str, int]
    ads: list[Served]
    alarms: list[Alarm]


def read(visit: Visit, hours: int, lag: Sequence[ConsumerLag]) -> Overview:
    """Read the overview of the visitor's workspace."""
    database, now = visit.services.database, visit.services.clock()
    # The present hour counts as one of them; counts are kept by whole hours.
    since = now // HOUR_MS * HOUR_MS - (hours - 1) * HOUR_MS
    points = series(database, visit.name, since)
    filtered, invalid, events = Counter[str](), Counter[str](), Counter[str]()
    for point in points:
        if point.outcome == Outcome.ACCEPTED.value:
            events[point.event] += point.count
        elif point.outcome == Outcome.INVALID.value:
            invalid[point.reason] += point.count
        else:
            filtered[point.reason] += point.count
    matches = id_match(database, visit.name, since)
    running, feeds = lanes(visit, lag), status(database, visit.shop)
    balanced = balances(visit, running, lag)
    counted = sizes(database, visit.name)
    return Overview(
        hours=hours,
        since_ms=since,
        received=events.total() + filtered.total() + invalid.total(),
        accepted=events.total(),
        filtered=dict(filtered.most_common()),
        invalid=dict(invalid.most_common()),
        events=dict(events.most_common()),
        slots=slots(points, since, now, HOUR_MS if hours <= 48 else _DAY_MS),
        id_match=matches,
        balances=balanced,
        lanes=running,
        feeds=feeds,
        audiences={name: counted.get(name, 0) for name in sorted(visit.shop.audiences)},
        ads=served(database, visit.name, since),
        alarms=alarms(
            received=events.total(),
            matches=matches,
            lanes=running,
            feeds=feeds,
            balances=balanced,
            expiries=expiries(database, visit.shop),
            now_ms=now,
            privacy=_privacy(visit, now),
            deliveries=delivery_status(database, visit.shop, now),
            pushes=push_status(database, visit.shop),
            quality=quality_alarms(visit.shop, newest(database, visit.name)),
        ),
    )


def _privacy(visit: Visit, now: int) -> list[Alarm]:
    services = visit.services
    return privacy_alarms(
        vendors=services.vendors.age() if services.vendors is not None else None,
        reads_strings=reads_strings(visit.shop),
        pending=services.versions.pending(visit.name) if services.versions is not None else None,
        requests=Requests(services.database, services.clock, visit.name, PLAIN).unfinished(),
        now_ms=now,
    )


def slots(points: list[Point], since: int, now: int, length: int) -> list[Slot]:
    """Return every slot from ``since`` to now, empty ones too."""
    sums: dict[int, Counter[str]] = {}
    for point in points:
        sums.setdefault(point.hour_ms // length * length, Counter())[point.outcome] += point.count
    none: Counter[str] = Counter()
    found = []
    for start in range(since // length * length, now + 1, length):
        counted = sums.get(start, none)
        found.append(
            Slot(
                start,
                counted[Outcome.ACCEPTED.value],
                counted[Outcome.FILTERED.value],
                counted[Outcome.INVALID.value],
            )
        )
    return found
