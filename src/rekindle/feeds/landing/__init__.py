"""The feed against the landing page: what structured data says of an item, read as platforms' crawlers do."""

from rekindle.feeds.landing.comparing import PageFinding
from rekindle.feeds.landing.desk import MOST, LandingDesk, ask
from rekindle.feeds.landing.store import Checked, PageRun, checked, run_of, totals, trim
from rekindle.feeds.landing.visiting import MAX_PAGE, ROBOT, Visitor

__all__ = [
    "MAX_PAGE",
    "MOST",
    "ROBOT",
    "Checked",
    "LandingDesk",
    "PageFinding",
    "PageRun",
    "Visitor",
    "ask",
    "checked",
    "run_of",
    "totals",
    "trim",
]
