"""What the pages say of destinations: lanes, outcomes in words, dead letters, and whether the sums balance."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from rekindle.console.visit import Visit
from rekindle.egress.deadmembers import MemberFilter, reasons
from rekindle.egress.lane import consumer_name
from rekindle.egress.quality import Reading, readings
from rekindle.egress.status import (
    Awaited,
    EventOutcome,
    LaneStatus,
    OutcomeCount,
    awaited,
    dead_letters,
    outcome_counts,
    status,
)
from rekindle.engines.log.protocol import ConsumerLag
from rekindle.model.outcome import Reason
from rekindle.profiles import totals
from rekindle.workspace import Destination

_PAGE = 100


class Lane(msgspec.Struct, frozen=True):
    """One configured destination; ``lane`` is None until it has read its first event. ``audience`` is what it takes instead."""

    name: str
    kind: str
    enabled: bool
    feed: str | None
    lane: LaneStatus | None
    audience: str | None = None


class Balance(msgspec.Struct, frozen=True):
    """Whether every stored event is accounted for at one destination, over all time.

    ``stored`` events (bots too, duplicates once) against ``accounted`` outcomes, waiting and held among them.
    ``reading`` says that somebody is still behind the log, so that a difference means nothing yet.
    """

    destination: str
    stored: int
    accounted: int
    reading: bool

    @property
    def even(self) -> bool:
        """Whether the sums are equal."""
        return self.stored == self.accounted


class DeadLetters(msgspec.Struct, frozen=True):
    """A page of dead letters, newest first; ask on with ``before_ms`` = ``next_ms`` until that is None."""

    letters: list[EventOutcome]
    next_ms: int | None


class LaneDetail(msgspec.Struct, frozen=True):
    """One destination with its outcomes by reason, and what its platform has not decided yet."""

    lane: Lane
    outcomes: list[OutcomeCount]
    awaited: Awaited | None
    quality: list[Reading]


def lanes(visit: Visit, lag: Sequence[ConsumerLag]) -> list[Lane]:
    """Return every configured destination, and those that have run and are configured no more."""
    running = {lane.destination: lane for lane in status(visit.services.database, visit.name, lag)}
    configured = visit.shop.destinations
    return [_lane(name, configured.get(name), running.get(name)) for name in sorted(configured.keys() | running.keys())]


def _lane(name: str, document: Destination | None, lane: LaneStatus | None) -> Lane:
    if document is None:
        return Lane(name, "", False, None, lane)
    return Lane(name, document.kind, document.enabled, document.feed, lane, document.audience)


def balances(visit: Visit, found: Sequence[Lane], lag: Sequence[ConsumerLag]) -> list[Balance]:
    """Return the balance of every destination that is switched on and has run."""
    counted = totals(visit.services.database, visit.name, 0)
    # A bot's event is stored and goes the whole way, to be filtered at each destination.
    stored = sum(counted.accepted.values()) + counted.filtered.get(Reason.BOT, 0)
    behind = {entry.consumer for entry in lag if entry.records}
    return [
        Balance(
            each.name,
            stored,
            sum(each.lane.counts.values()),
            bool(behind & {"profiles", consumer_name(visit.name, each.name)}),
        )
        for each in found
        if each.enabled and each.lane is not None
    ]


def detail(visit: Visit, name: str, lag: Sequence[ConsumerLag]) -> LaneDetail | None:
    """Return one destination, or None when there is none of that name."""
    lane = next((lane for lane in lanes(visit, lag) if lane.name == name), None)
    if lane is None:
        return None
    counted = outcome_counts(visit.services.database, visit.name)
    waits = [each for each in awaited(visit.services.database, visit.name) if each.destination == name]
    return LaneDetail(
        lane,
        [count for count in counted if count.destination == name],
        waits[0] if waits else None,
        readings(visit.services.database, visit.name, name),
    )


def refused(visit: Visit, name: str) -> dict[tuple[str, str], int]:
    """Return how many people an audience's platform refused for good, by (destination, reason)."""
    return reasons(visit.services.database, MemberFilter(workspace=visit.name, destination=name))


def letters(visit: Visit, name: str, before_ms: int | None) -> DeadLetters:
    """Return one page of dead letters."""
    found = dead_letters(visit.services.database, visit.name, name, before_ms=before_ms, limit=_PAGE + 1)
    return DeadLetters(found[:_PAGE], found[_PAGE - 1].updated_ms if len(found) > _PAGE else None)
