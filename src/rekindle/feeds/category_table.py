"""The rule that maps a shop's categories to Google's taxonomy, and the same feed with other entries in it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from rekindle.feeds.categories import ATTRIBUTE
from rekindle.workspace import Feed, FeedRule


def entries(feed: Feed) -> Mapping[str, str]:
    """Return what the feed's rule maps: category of the shop = category of the taxonomy; empty without such a rule."""
    place = _place(feed)
    return {} if place is None else feed.rule[place].table


def entry(feed: Feed, name: str) -> str | None:
    """Return what the rule gives a category by its own name; rules read names without case."""
    return next((to for key, to in entries(feed).items() if key.lower() == name.lower()), None)


def with_entries(feed: Feed, changes: Mapping[str, str]) -> Feed:
    """Return the feed with other entries: an empty one takes the category out of the rule.

    The last rule that maps categories without a condition is changed; where there is none it is put at the end, so that
    it has the last word. A rule that would be empty goes.
    """
    place = _place(feed)
    changed = {key.lower() for key in changes}
    table = {key: to for key, to in entries(feed).items() if key.lower() not in changed}
    table |= {key: to for key, to in changes.items() if to}
    rules = list(feed.rule)
    if place is None:
        rules += [FeedRule(do="category", attribute=ATTRIBUTE, table=table)] if table else []
    elif table:
        rules[place] = msgspec.structs.replace(rules[place], table=table)
    else:
        del rules[place]
    return msgspec.structs.replace(feed, rule=rules)


def _place(feed: Feed) -> int | None:
    """Return where the rule is that a table of shop categories may change."""
    return next(
        (
            place
            for place, rule in reversed(list(enumerate(feed.rule)))
            if rule.do == "category"
            and rule.attribute == ATTRIBUTE
            and rule.when is None
            and rule.value in (None, "source.product_type")
        ),
        None,
    )
