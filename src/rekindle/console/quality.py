"""What the quality pages show: each feed's issues and their trend, ids, drift and age, from the reports that are kept."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from litestar.exceptions import NotFoundException

from rekindle.console.visit import Visit
from rekindle.feeds import FeedStatus, Finding, findings, status
from rekindle.feeds.quality import Day, Reports, newest, trend
from rekindle.workspace import Feed, duration_ms

DAYS = 30
_DAY_MS = 86_400_000
_WORST = {"block": 0, "limit": 1, "warning": 2}


class FeedQuality(msgspec.Struct, frozen=True):
    """One feed: the newest reports, its days (oldest first), and what is allowed (``max_drift`` 0 to 1, age in ms)."""

    feed: str
    channel: str
    status: FeedStatus
    reports: Reports
    days: Sequence[Day]
    max_drift: float
    fresh_within_ms: int


class FindingOf(msgspec.Struct, frozen=True):
    """What a check found in a feed's newest version, and the rules (by number) that made the attribute what it is."""

    feed: str
    finding: Finding
    rules: Sequence[int]


class Quality(msgspec.Struct, frozen=True):
    """Every feed, and every finding, worst first."""

    feeds: Sequence[FeedQuality]
    findings: Sequence[FindingOf]


def read(visit: Visit) -> Quality:
    """Return the quality of every feed of the workspace."""
    database, shop = visit.services.database, visit.shop
    made = newest(database, visit.name)
    days = trend(database, visit.name, visit.services.clock() - DAYS * _DAY_MS)
    feeds, found = [], []
    for one in status(database, shop):
        document = shop.feeds[one.feed]
        feeds.append(
            FeedQuality(
                one.feed, document.channel, one, made.get(one.feed, Reports()), days.get(one.feed, []),
                shop.quality.max_drift, duration_ms(document.fresh_within),
            )
        )  # fmt: skip
        found += [
            FindingOf(one.feed, each, rules_of(document, each.attribute))
            for each in findings(database, visit.name, one.feed)
        ]
    found.sort(key=lambda each: (_WORST[each.finding.severity], -each.finding.count, each.feed, each.finding.code))
    return Quality(feeds, found)


def read_feed(visit: Visit, name: str) -> tuple[FeedQuality, list[FindingOf]]:
    """Return one feed's quality and findings. Raises `NotFoundException` when it is not configured."""
    found = read(visit)
    feed = next((each for each in found.feeds if each.feed == name), None)
    if feed is None:
        raise NotFoundException
    return feed, [each for each in found.findings if each.feed == name]


def rules_of(document: Feed, attribute: str) -> list[int]:
    """Return the numbers of the rules that set an attribute; a market rule without names may set any."""
    return [
        number
        for number, rule in enumerate(document.rule, 1)
        if rule.attribute == attribute or (rule.do == "market" and (not rule.names or attribute in rule.names))
    ]
