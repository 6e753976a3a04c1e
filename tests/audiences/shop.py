"""A shop with the three rules, and a recount of its audiences that knows nothing of how they are kept."""

from __future__ import annotations

from collections.abc import Iterable

from rekindle.model.event import Consent
from rekindle.model.record import ConsentChange, Record, Stored
from rekindle.workspace import Audience, Shop, Workspace

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000

RULES = {
    "viewed": Audience(rule="viewed_not_bought", within="14d"),
    "carts": Audience(rule="cart_abandoned", within="7d", after="30m"),
    "buyers": Audience(rule="bought", within="30d"),
}


def shop(rules: dict[str, Audience] | None = None) -> Workspace:
    return Workspace(
        shop=Shop(name="shop", title="Shop", origins=["https://shop.test"], country="PL", currency="PLN"),
        audiences=RULES if rules is None else rules,
    )


def may_enter(workspace: str, consent: Consent, now_ms: int) -> bool:
    return consent.ad_storage == "granted" and consent.ad_personalization == "granted"


def recount(records: Iterable[Record], now_ms: int) -> dict[str, set[str]]:
    """Go through the whole log for every visitor and read the rules off it in words."""
    unique: dict[object, Stored | ConsentChange] = {}
    for number, record in enumerate(records):
        if isinstance(record, Stored):
            unique.setdefault(record.event_id, record)
        elif isinstance(record, ConsentChange):
            unique[number] = record
    found: dict[str, set[str]] = {"viewed": set(), "carts": set(), "buyers": set()}
    for who in {record.subject for record in unique.values()}:
        mine = [record for record in unique.values() if record.subject == who and not getattr(record, "bot", False)]
        # What names no item says nothing, except that a purchase was made.
        relevant = [
            r
            for r in mine
            if isinstance(r, Stored) and r.event != "page_view" and (r.ecommerce.items or r.event == "purchase")
        ]
        if not relevant:
            continue
        last_word = mine[0]
        for record in mine:
            if record.received_ms >= last_word.received_ms:
                last_word = record
        if not may_enter("shop", last_word.consent, now_ms):
            continue

        def when(*names: str, events: list[Stored] = relevant) -> list[tuple[int, str | None]]:
            return [
                (min(e.event_time_ms, e.received_ms), e.ecommerce.items[0].item_id if e.ecommerce.items else None)
                for e in events
                if e.event in names
            ]

        bought = [at for at, _ in when("purchase")]
        if any(now_ms - at < 30 * DAY for at in bought):
            found["buyers"].add(who)
        if any(now_ms - at < 14 * DAY for at, _ in when("view_item")) and not any(
            now_ms - at < 14 * DAY for at in bought
        ):
            found["viewed"].add(who)
        gone = when("remove_from_cart")
        still = [
            at
            for at, item in when("add_to_cart", "begin_checkout")
            if all(at > other for other in bought) and all(at > other for other, what in gone if what == item)
        ]
        if still and 30 * MINUTE <= now_ms - max(still) < 7 * DAY:
            found["carts"].add(who)
    return found
