"""Per-visitor state, what items go together, and the counts of what happened: views of the log."""

from rekindle.profiles.co_views import Related
from rekindle.profiles.id_match import IdMatch, IdMatchMetrics
from rekindle.profiles.sightings import ItemSightings
from rekindle.profiles.statistics import Point, Totals, series, totals
from rekindle.profiles.touches import History, erase
from rekindle.profiles.view import ProfileView

__all__ = [
    "History",
    "IdMatch",
    "IdMatchMetrics",
    "ItemSightings",
    "Point",
    "ProfileView",
    "Related",
    "Totals",
    "erase",
    "series",
    "totals",
]
