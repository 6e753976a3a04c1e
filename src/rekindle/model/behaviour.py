"""What an event says about a visitor and an item: the reading of GA4 names that profiles and audiences share."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from rekindle.model.record import Stored

Act = Literal["view", "cart", "remove", "purchase"]

# GA4 "recommended events" for online sales. Each step of a checkout shows that its items are still in the cart.
ACTS: Final[dict[str, Act]] = {
    "view_item": "view",
    "add_to_cart": "cart",
    "view_cart": "cart",
    "begin_checkout": "cart",
    "add_shipping_info": "cart",
    "add_payment_info": "cart",
    "remove_from_cart": "remove",
    "purchase": "purchase",
}


class ItemAct(NamedTuple):
    """One thing done with one item; ``item_id`` is empty where a purchase names no items."""

    act: Act
    item_id: str
    at_ms: int


def item_acts(stored: Stored) -> list[ItemAct]:
    """Return what the event did, item by item; empty for events that say nothing of items, and for bots.

    A browser's clock can run ahead, so an event never counts as later than its arrival. A purchase always yields at
    least one act, because it empties the cart whatever it holds.
    """
    act = ACTS.get(stored.event)
    if act is None or stored.bot:
        return []
    at_ms = min(stored.event_time_ms, stored.received_ms)
    ids = dict.fromkeys(item.item_id for item in stored.ecommerce.items if item.item_id)
    if act == "purchase" and not ids:
        return [ItemAct(act, "", at_ms)]
    return [ItemAct(act, item_id, at_ms) for item_id in ids]
