"""When a delivery's turn is: the newest moment that its schedule names, however many went by before it."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from rekindle.workspace import Delivery, duration_ms


def last_occasion(delivery: Delivery, since_ms: int, now_ms: int) -> int:
    """Return the newest occasion up to now (epoch ms); ``since_ms`` is when readers got the live version.

    Only the newest counts, so after a pause a delivery is caught up with once.
    """
    if delivery.every is not None:
        step = duration_ms(delivery.every)
        return now_ms // step * step
    if delivery.at:
        return _last_time(delivery, now_ms)
    return since_ms


def _last_time(delivery: Delivery, now_ms: int) -> int:
    zone = ZoneInfo(delivery.timezone)
    today = datetime.fromtimestamp(now_ms / 1000, zone).date()
    moments = []
    # Two days back: a time that a change of the clocks skips is that much later, and yesterday's may be the newest.
    for back in range(3):
        day = today - timedelta(days=back)
        for text in delivery.at:
            # An hour that comes twice counts once, the first time (fold=0).
            local = datetime.combine(day, time.fromisoformat(text), zone)
            moment = int(local.astimezone(UTC).timestamp() * 1000)
            if moment <= now_ms:
                moments.append(moment)
    return max(moments)
