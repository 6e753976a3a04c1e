"""What needs a person, worst first: codes with figures; the page has the words and the way to the remedy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from rekindle.console.destinations import Balance, Lane
from rekindle.egress.expiry import DAY_MS, Expiry
from rekindle.feeds import DeliveryStatus, FeedStatus
from rekindle.feeds.push import PushStatus
from rekindle.feeds.quality import Reports
from rekindle.privacy.subjects import Request
from rekindle.privacy.vendor_lists import Age
from rekindle.profiles.id_match import IdMatch
from rekindle.workspace import Version, Workspace

ID_MATCH_GOOD = 0.98
ID_MATCH_BAD = 0.90
_OLD_MS = 3_600_000
_PUSH_OLD_MS = 6 * _OLD_MS
"""A first push of a large catalogue may take hours, and a platform's daily quota is waited for by the hour."""
_SOON_MS = 3 * DAY_MS
_DUE_SOON_MS = 7 * DAY_MS


class Alarm(msgspec.Struct, frozen=True, omit_defaults=True):
    """``code`` says what, ``about`` which feed or destination, ``figure`` how much (a share, a count or ms)."""

    code: str
    tone: Literal["warn", "bad"]
    about: str = ""
    figure: float = 0
    words: str = ""


def alarms(
    *,
    received: int,
    matches: Sequence[IdMatch],
    lanes: Sequence[Lane],
    feeds: Sequence[FeedStatus],
    balances: Sequence[Balance],
    expiries: Sequence[Expiry],
    now_ms: int,
    privacy: Sequence[Alarm] = (),
    deliveries: Sequence[DeliveryStatus] = (),
    pushes: Sequence[PushStatus] = (),
    quality: Sequence[Alarm] = (),
) -> list[Alarm]:
    """Return the alarms of one workspace, bad ones first; ``privacy`` and ``quality`` are those of the functions below."""
    found = [*_events(received), *_ids(matches), *_lanes(lanes, now_ms), *_feeds(feeds), *_sums(balances), *privacy]
    found += [*_credentials(expiries, now_ms), *_deliveries(deliveries, now_ms), *_pushes(pushes, now_ms), *quality]
    return sorted(found, key=lambda alarm: alarm.tone != "bad")


def privacy_alarms(
    *, vendors: Age | None, reads_strings: bool, pending: Version | None, requests: Sequence[Request], now_ms: int
) -> list[Alarm]:
    """Return what the consent rules and the law ask for: a newer vendor list, a second person, an answer in time."""
    found = []
    if vendors is not None and vendors.old and reads_strings:
        found.append(Alarm("vendors-old", "warn", "", vendors.days))
    if pending is not None:
        found.append(Alarm("approval", "warn", pending.author, pending.version))
    for request in requests:
        if request.overdue(now_ms):
            found.append(Alarm("request-late", "bad", request.id, now_ms - request.due_ms))
        elif request.state != "done" and request.due_ms - now_ms < _DUE_SOON_MS:
            found.append(Alarm("request-soon", "warn", request.id, request.due_ms - now_ms))
    return found


def quality_alarms(shop: Workspace, made: Mapping[str, Reports]) -> list[Alarm]:
    """Return what the newest reports say of feeds: prices that pages contradict, values that are too old at a channel."""
    found = []
    for feed, reports in sorted(made.items()):
        if feed not in shop.feeds:
            continue
        if reports.drift is not None and (reports.drift.share or 0) > shop.quality.max_drift:
            found.append(Alarm("feed-drift", "bad", feed, reports.drift.share or 0))
        if reports.freshness is not None and (last := reports.freshness.farthest).late:
            found.append(Alarm("feed-stale", "warn", feed, max(last.price.oldest_ms, last.stock.oldest_ms), last.name))
    return found


def _events(received: int) -> Iterator[Alarm]:
    if received == 0:
        yield Alarm("no-events", "warn")


def _ids(matches: Sequence[IdMatch]) -> Iterator[Alarm]:
    for match in matches:
        if match.share < ID_MATCH_GOOD:
            yield Alarm("id-match", "bad" if match.share < ID_MATCH_BAD else "warn", match.feed, match.share)


def _lanes(lanes: Sequence[Lane], now_ms: int) -> Iterator[Alarm]:
    for each in lanes:
        lane = each.lane
        if lane is None or not each.enabled:
            continue
        if lane.state in ("held", "open"):
            yield Alarm(f"lane-{lane.state}", "bad", each.name, lane.backlog, lane.words)
        elif lane.oldest_ms and now_ms - lane.oldest_ms > _OLD_MS:
            yield Alarm("lane-slow", "warn", each.name, now_ms - lane.oldest_ms)
        if dead := lane.counts.get("dead", 0):
            yield Alarm("dead-letters", "warn", each.name, dead)


def _feeds(feeds: Sequence[FeedStatus]) -> Iterator[Alarm]:
    for feed in feeds:
        if feed.held is not None:
            yield Alarm("feed-held", "bad", feed.feed, feed.held.version, feed.held.held_reason or "")
        elif feed.live is None:
            yield Alarm("feed-missing", "warn", feed.feed)


def _deliveries(deliveries: Sequence[DeliveryStatus], now_ms: int) -> Iterator[Alarm]:
    for each in deliveries:
        turn = each.turn
        if not each.enabled or turn.since_ms is None:
            continue
        words = f"{each.name}: {turn.words}" if turn.words else each.name
        if turn.status == "stopped":
            yield Alarm("delivery-stopped", "bad", each.feed, now_ms - turn.since_ms, words)
        elif each.late:
            yield Alarm("delivery-late", "warn", each.feed, now_ms - turn.since_ms, words)


def _pushes(pushes: Sequence[PushStatus], now_ms: int) -> Iterator[Alarm]:
    for push in pushes:
        if not push.enabled:
            continue
        waiting = push.items["waiting"] + push.items["taken"]
        if push.state in ("held", "open"):
            yield Alarm(f"push-{push.state}", "bad", push.feed, waiting, push.words)
        elif push.oldest_ms and now_ms - push.oldest_ms > _PUSH_OLD_MS:
            yield Alarm("push-late", "warn", push.feed, now_ms - push.oldest_ms)
        if push.held_reason:
            yield Alarm("push-removals", "bad", push.feed, push.items["held"], push.held_reason)
        if push.items["refused"]:
            yield Alarm("push-refused", "warn", push.feed, push.items["refused"])


def _sums(balances: Sequence[Balance]) -> Iterator[Alarm]:
    for balance in balances:
        if not balance.even and not balance.reading:
            yield Alarm("sums", "warn", balance.destination, abs(balance.stored - balance.accounted))


def _credentials(expiries: Sequence[Expiry], now_ms: int) -> Iterator[Alarm]:
    """Yield what will be a dead token; one that is dead already is told by its held lane."""
    for each in expiries:
        left = each.expires_ms - now_ms
        if each.kind == "told" and left <= each.warn_ms:
            yield Alarm("credential-expires", "bad" if left <= _SOON_MS else "warn", each.destination, max(0, left))
        elif each.kind == "renewed" and each.words and left > 0:
            yield Alarm("credential-renewal", "warn", each.destination, left, each.words)
