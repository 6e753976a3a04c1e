"""The feed against the landing page: what structured data says of an item, read as platforms' crawlers do.

Pages are parsed by lxml, which is there anyway. The readers of the four syntaxes are our own: extruct, the usual library, brings
seven packages along (rdflib, pyRdfa3, mf2py …) and was last released in November 2024; what an offer needs of it are two small
modules, with bounds on what a page may cost. robots.txt is read by Protego (no dependencies,
BSD), because the standard library's reader knows neither wildcards nor the longest match of RFC 9309.
"""

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
