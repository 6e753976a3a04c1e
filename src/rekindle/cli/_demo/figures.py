"""The demo's figures, and whether they balance: the shoppers' account against the platform's, and against Meta's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from rekindle import ads, audiences, feeds, profiles
from rekindle.cli._compose import Installation
from rekindle.egress.lane import consumer_name
from rekindle.egress.status import LaneStatus
from rekindle.egress.status import status as lane_status
from rekindle.feeds import FeedStatus
from rekindle.model.outcome import Outcome
from rekindle.ops.archive import CONSUMER
from rekindle.profiles import IdMatch, Totals
from rekindle.profiles.id_match import id_match
from rekindle.sandbox.shoppers import Ledger
from rekindle.workspace import Workspace


class Figures(msgspec.Struct, frozen=True):
    """What the platform says of itself at one moment, since the beginning of its data."""

    totals: Totals
    lanes: list[LaneStatus]
    feeds: list[FeedStatus]
    match: list[IdMatch]
    sizes: dict[str, int]
    ads_personal: int
    ads_other: int
    unread: dict[str, int]

    @property
    def settled(self) -> bool:
        """Whether every consumer is at the log's end and nothing waits for another try.

        The archive is an hour behind by design, so it is not waited for.
        """
        unread = any(records for consumer, records in self.unread.items() if consumer != CONSUMER)
        return not unread and not any(lane.waiting for lane in self.lanes)


async def read(installation: Installation, workspace: Workspace) -> Figures:
    """Read every figure."""
    lag = await installation.log.lag()
    database, name = installation.database, workspace.name
    # Whoever has not begun to read is not in the log's list, and has not read anything.
    followers = ["profiles", "audiences", *(consumer_name(name, destination) for destination in workspace.destinations)]
    served = ads.served(database, name, 0)
    return Figures(
        totals=profiles.totals(database, name, 0),
        lanes=lane_status(database, name, lag),
        feeds=feeds.status(database, workspace),
        match=id_match(database, name, 0),
        sizes=audiences.sizes(database, name),
        ads_personal=sum(entry.personal for entry in served),
        ads_other=sum(entry.general for entry in served),
        unread=dict.fromkeys(followers, 1) | {entry.consumer: entry.records for entry in lag},
    )


def problems(now: Figures, before: Figures, shoppers: Ledger, at_meta: int, destinations: Sequence[str]) -> list[str]:
    """Return what does not balance, in words; empty when every event is accounted for.

    ``before`` was read at the start, so that a folder of an earlier run counts only what came since. ``at_meta`` is how
    many events the simulated Meta took.
    """
    counted = Counter(now.totals.outcomes())
    counted.subtract(before.totals.outcomes())
    found = [f"at the door: {words}" for words in shoppers.differences({key: n for key, n in counted.items() if n})]
    # Duplicates are recognised by their id and end nowhere; bots are filtered at each destination.
    arrived = sum(now.totals.accepted.values()) + now.totals.filtered.get("bot", 0)
    lanes = {lane.destination: lane for lane in now.lanes}
    earlier = {lane.destination: lane for lane in before.lanes}
    for name in destinations:
        if name not in lanes:
            found.append(f"destination {name}: never ran")
            continue
        ended = sum(lanes[name].counts.values())
        if ended != arrived:
            found.append(f"destination {name}: {arrived} events arrived, {ended} came to an outcome")
        if lanes[name].counts.get(Outcome.WAITING, 0):
            found.append(f"destination {name}: {lanes[name].counts[Outcome.WAITING]} still wait")
    delivered = _delivered(lanes.get("meta")) - _delivered(earlier.get("meta"))
    if delivered != at_meta:
        found.append(f"meta: {delivered} told as delivered, {at_meta} received there")
    return found


def _delivered(lane: LaneStatus | None) -> int:
    return 0 if lane is None else lane.counts.get(Outcome.DELIVERED, 0)
