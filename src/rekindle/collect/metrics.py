"""The gateway's numbers for Prometheus."""

from __future__ import annotations

from functools import cache, lru_cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Counters, with their labelled children held, because looking them up costs more than counting."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        requests = Counter(
            "rekindle_gateway_requests", "Requests by route and status.", ["route", "status"], registry=registry
        )
        events = Counter(
            "rekindle_gateway_events",
            "Events by workspace, outcome and reason.",
            ["workspace", "outcome", "reason"],
            registry=registry,
        )
        self.append = Histogram(
            "rekindle_gateway_append_seconds",
            "Time from the end of the door to stable storage.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.bytes = Counter("rekindle_gateway_event_bytes", "Bytes of event bodies read.", registry=registry)
        self.waiting = Gauge("rekindle_gateway_waiting_bytes", "Bytes that wait for their commit.", registry=registry)
        self.faults = Counter(
            "rekindle_gateway_faults",
            "Requests that met an unexpected error, by its type.",
            ["kind"],
            registry=registry,
        )

        @cache
        def request_child(route: str, status: int) -> Counter:
            return requests.labels(route, str(status))

        @lru_cache(maxsize=4096)
        def event_child(workspace: str, outcome: str, reason: str) -> Counter:
            return events.labels(workspace, outcome, reason)

        self.request = request_child
        self.event = event_child
