"""What no feed tool and no tag alone can see: the feed against what the tag saw, and the age of what channels hold."""

from rekindle.feeds.quality.desk import QualityDesk
from rekindle.feeds.quality.drift import Drifted, DriftReport
from rekindle.feeds.quality.freshness import FreshnessReport, ItemAge, Spread, Stage
from rekindle.feeds.quality.ids import IdReport, Miss
from rekindle.feeds.quality.reports import Day, Reports, newest, trend

__all__ = [
    "Day",
    "DriftReport",
    "Drifted",
    "FreshnessReport",
    "IdReport",
    "ItemAge",
    "Miss",
    "QualityDesk",
    "Reports",
    "Spread",
    "Stage",
    "newest",
    "trend",
]
