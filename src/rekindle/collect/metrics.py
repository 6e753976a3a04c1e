"""The gateway's numbers for Prometheus."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_MOST_EVENT_LABELS = 4096


class Metrics(Collector):
    """Plain counts, turned into Prometheus's families when somebody asks.

    The gateway has one thread, so its counts need no locks; they are most of what the library's own counters cost.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.bytes = 0
        self.waiting = 0
        self._requests: dict[tuple[str, int], int] = {}
        self._events: dict[tuple[str, str, str], int] = {}
        self._faults: dict[str, int] = {}
        self._append = [0] * (len(_SECONDS) + 1)
        self._append_s = 0.0
        registry.register(self)

    def request(self, route: str, status: int) -> None:
        """Count one request."""
        key = (route, status)
        self._requests[key] = self._requests.get(key, 0) + 1

    def event(self, workspace: str, outcome: str, reason: str, number: int = 1) -> None:
        """Count events."""
        key = (workspace, outcome, reason)
        if key in self._events or len(self._events) < _MOST_EVENT_LABELS:
            self._events[key] = self._events.get(key, 0) + number

    def fault(self, kind: str) -> None:
        """Count a request that met an unexpected error."""
        self._faults[kind] = self._faults.get(kind, 0) + 1

    def append(self, seconds: float) -> None:
        """Note how long a request waited for stable storage."""
        self._append[bisect_left(_SECONDS, seconds)] += 1
        self._append_s += seconds

    def collect(self) -> Iterable[Metric]:
        """See `Collector`."""
        requests = CounterMetricFamily(
            "rekindle_gateway_requests", "Requests by route and status.", labels=["route", "status"]
        )
        for (route, status), number in self._requests.items():
            requests.add_metric([route, str(status)], number)
        events = CounterMetricFamily(
            "rekindle_gateway_events",
            "Events by workspace, outcome and reason.",
            labels=["workspace", "outcome", "reason"],
        )
        for name, number in self._events.items():
            events.add_metric(name, number)
        faults = CounterMetricFamily(
            "rekindle_gateway_faults", "Requests that met an unexpected error, by its type.", labels=["kind"]
        )
        for kind, number in self._faults.items():
            faults.add_metric([kind], number)
        yield requests
        yield events
        yield faults
        yield CounterMetricFamily("rekindle_gateway_event_bytes", "Bytes of event bodies read.", value=self.bytes)
        yield GaugeMetricFamily(
            "rekindle_gateway_waiting_bytes", "Bytes that wait for their commit.", value=self.waiting
        )
        yield self._append_family()

    def _append_family(self) -> Metric:
        family = HistogramMetricFamily(
            "rekindle_gateway_append_seconds", "Time from the end of the door to stable storage."
        )
        buckets, total = [], 0
        for bound, number in zip((*map(str, _SECONDS), "+Inf"), self._append, strict=True):
            total += number
            buckets.append((bound, float(total)))
        family.add_metric([], buckets, self._append_s)
        return family
