"""Prometheus metrics of state: what became of every event, how far each consumer is, how large feeds and audiences are.

They are read from the state database at each scrape, by one process (the worker); counters of single processes
(requests, steps) stand beside them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from rekindle.audiences import sizes
from rekindle.egress.expiry import expiries
from rekindle.egress.status import LaneStatus, status
from rekindle.engines.database import Database
from rekindle.engines.log import ConsumerLag
from rekindle.feeds import DeliveryStatus, delivery_status
from rekindle.feeds import status as feed_status
from rekindle.feeds.push import push_status
from rekindle.feeds.quality import Reports, newest
from rekindle.model.clock import Clock
from rekindle.model.names import PLAIN
from rekindle.privacy.subjects import Requests
from rekindle.profiles import totals
from rekindle.workspace import Workspace

_STATES = ("running", "throttled", "open", "held")

# metric: (help, labels)
_FAMILIES = {
    "rekindle_events": ("Events that reached the door, by outcome and reason", ("workspace", "outcome", "reason")),
    "rekindle_destination_events": (
        "Events by their outcome at a destination",
        ("workspace", "destination", "outcome"),
    ),
    "rekindle_destination_unaccounted_events": (
        "Stored events without an outcome at a destination; above the lag's size, something is lost",
        ("workspace", "destination"),
    ),
    "rekindle_destination_state": ("1 for the state a lane is in", ("workspace", "destination", "state")),
    "rekindle_destination_waiting": ("Events that wait for another try", ("workspace", "destination")),
    "rekindle_credential_expires_seconds": (
        "Time until access ends: kind told (a secret whose end a person named) or renewed (a token that renews itself)",
        ("workspace", "destination", "kind"),
    ),
    "rekindle_log_lag_records": ("Records a consumer has not committed", ("consumer",)),
    "rekindle_log_lag_seconds": ("Age of the oldest record a consumer has not committed", ("consumer",)),
    "rekindle_feed_items": ("Items in a feed's live version", ("workspace", "feed")),
    "rekindle_feed_age_seconds": ("Age of a feed's live version", ("workspace", "feed")),
    "rekindle_feed_held": ("1 when a newer version is held back", ("workspace", "feed")),
    "rekindle_feed_delivery_stopped": (
        "1 when a delivery was refused or failed too often, and is not tried for now",
        ("workspace", "feed", "delivery"),
    ),
    "rekindle_feed_delivery_late": (
        "1 when a delivery is owed for longer than it allows",
        ("workspace", "feed", "delivery"),
    ),
    "rekindle_feed_delivery_owed_seconds": (
        "For how long a delivery has owed a version; 0 when it owes none",
        ("workspace", "feed", "delivery"),
    ),
    "rekindle_feed_push_items": ("Items of a feed at its platform's API, by state", ("workspace", "feed", "state")),
    "rekindle_feed_push_waiting_seconds": (
        "Since when the oldest item waits to be sent or decided; 0 when none does",
        ("workspace", "feed"),
    ),
    "rekindle_feed_push_state": ("1 for the state of a feed's line to its platform", ("workspace", "feed", "state")),
    "rekindle_feed_id_match_share": (
        "Share of the last day's events whose item id is in a feed, as last compared",
        ("workspace", "feed"),
    ),
    "rekindle_feed_drift_share": (
        "Share of compared items whose price on pages differs from the feed's, as last compared",
        ("workspace", "feed"),
    ),
    "rekindle_feed_value_age_seconds": (
        "Age of price and stock (value) at the source, published and at each channel (stage): median, p95, oldest",
        ("workspace", "feed", "stage", "value", "statistic"),
    ),
    "rekindle_feed_late_items": (
        "Items whose price or stock is older at a stage than the feed's fresh_within",
        ("workspace", "feed", "stage"),
    ),
    "rekindle_audience_members": ("Members of an audience", ("workspace", "audience")),
    "rekindle_subject_requests": ("Requests of people that are not answered yet", ("workspace", "law")),
    "rekindle_subject_request_due_seconds": (
        "Time until the law's deadline of the request that is due first; below 0 it has passed",
        ("workspace", "law"),
    ),
}


class StateMetrics(Collector):
    """``lag`` returns the newest known lag of the log's consumers (the scrape itself must not wait for the log)."""

    def __init__(
        self,
        database: Database,
        workspaces: Callable[[], Mapping[str, Workspace]],
        lag: Callable[[], Sequence[ConsumerLag]],
        clock: Clock,
    ) -> None:
        self._database = database
        self._workspaces = workspaces
        self._lag = lag
        self._clock = clock

    def describe(self) -> list[Metric]:
        return list(_empty().values())

    def collect(self) -> Iterator[Metric]:
        families = _empty()

        def add(name: str, value: float, *labels: str) -> None:
            families[name].add_metric(labels, value)

        now, lag = self._clock(), self._lag()
        for entry in lag:
            add("rekindle_log_lag_records", entry.records, entry.consumer)
            add("rekindle_log_lag_seconds", entry.oldest_ms / 1000, entry.consumer)
        for name, workspace in self._workspaces().items():
            counted = totals(self._database, name, 0)
            for (outcome, reason), count in counted.outcomes().items():
                add("rekindle_events", count, name, outcome, reason)
            # A duplicate is recognised by its id and ends nowhere; a robot is filtered at each destination.
            arrived = sum(counted.accepted.values()) + counted.filtered.get("bot", 0)
            for lane in status(self._database, name, lag):
                _lane(add, name, lane, arrived)
            for each in expiries(self._database, workspace):
                left = (each.expires_ms - now) / 1000
                add("rekindle_credential_expires_seconds", left, name, each.destination, each.kind)
            for feed in feed_status(self._database, workspace):
                add("rekindle_feed_items", feed.items, name, feed.feed)
                add("rekindle_feed_held", float(feed.held is not None), name, feed.feed)
                if feed.updated_ms is not None:
                    add("rekindle_feed_age_seconds", (now - feed.updated_ms) / 1000, name, feed.feed)
            for each_way in delivery_status(self._database, workspace, now):
                _delivery(add, name, each_way, now)
            for push in push_status(self._database, workspace):
                for state, count in push.items.items():
                    add("rekindle_feed_push_items", count, name, push.feed, state)
                waits = (now - push.oldest_ms) / 1000 if push.oldest_ms else 0
                add("rekindle_feed_push_waiting_seconds", waits, name, push.feed)
                for state in _STATES:
                    add("rekindle_feed_push_state", float(push.state == state), name, push.feed, state)
            for feed_name, made in newest(self._database, name).items():
                if feed_name in workspace.feeds:
                    _quality(add, name, feed_name, made)
            for audience, members in sizes(self._database, name).items():
                add("rekindle_audience_members", members, name, audience)
            requests = Requests(self._database, self._clock, name, PLAIN).unfinished()
            for law, waiting in Counter(request.law for request in requests).items():
                first = min(request.due_ms for request in requests if request.law == law)
                add("rekindle_subject_requests", waiting, name, law)
                add("rekindle_subject_request_due_seconds", (first - now) / 1000, name, law)
        yield from families.values()


def _lane(add: Callable[..., None], workspace: str, lane: LaneStatus, arrived: int) -> None:
    for outcome, count in lane.counts.items():
        add("rekindle_destination_events", count, workspace, lane.destination, outcome)
    unaccounted = arrived - sum(lane.counts.values())
    add("rekindle_destination_unaccounted_events", unaccounted, workspace, lane.destination)
    add("rekindle_destination_waiting", lane.waiting, workspace, lane.destination)
    for state in _STATES:
        add("rekindle_destination_state", float(lane.state == state), workspace, lane.destination, state)


def _delivery(add: Callable[..., None], workspace: str, delivery: DeliveryStatus, now_ms: int) -> None:
    labels, turn = (workspace, delivery.feed, delivery.name), delivery.turn
    owed_ms = now_ms - turn.since_ms if delivery.enabled and turn.since_ms is not None else 0
    add("rekindle_feed_delivery_stopped", float(delivery.enabled and turn.status == "stopped"), *labels)
    add("rekindle_feed_delivery_late", float(delivery.late), *labels)
    add("rekindle_feed_delivery_owed_seconds", owed_ms / 1000, *labels)


def _quality(add: Callable[..., None], workspace: str, feed: str, made: Reports) -> None:
    if made.ids is not None and made.ids.share is not None:
        add("rekindle_feed_id_match_share", made.ids.share, workspace, feed)
    if made.drift is not None and made.drift.share is not None:
        add("rekindle_feed_drift_share", made.drift.share, workspace, feed)
    for stage in made.freshness.stages if made.freshness is not None else ():
        add("rekindle_feed_late_items", stage.late, workspace, feed, stage.name)
        for value, spread in (("price", stage.price), ("stock", stage.stock)):
            for statistic in ("median", "p95", "oldest"):
                age = getattr(spread, f"{statistic}_ms") / 1000
                add("rekindle_feed_value_age_seconds", age, workspace, feed, stage.name, value, statistic)


def _empty() -> dict[str, GaugeMetricFamily]:
    return {name: GaugeMetricFamily(name, text, labels=labels) for name, (text, labels) in _FAMILIES.items()}
