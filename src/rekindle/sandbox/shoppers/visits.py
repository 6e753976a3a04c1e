"""What a shopper does in one visit: a list of steps, each with its event and what must become of it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from random import Random
from typing import Any, Final
from uuid import UUID

import msgspec

from rekindle.model.clock import rfc3339
from rekindle.model.outcome import Outcome, Reason
from rekindle.sandbox.shoppers.people import Goods, Habits, Shelf, Shopper
from rekindle.sandbox.shoppers.tcstring import tc_string

Expected = tuple[str, str]
"""Outcome and reason at the door."""

ACCEPTED: Final[Expected] = (Outcome.ACCEPTED.value, Reason.OK.value)
DUPLICATE: Final[Expected] = (Outcome.FILTERED.value, Reason.DUPLICATE.value)
_DENIED: Final[Expected] = (Outcome.FILTERED.value, Reason.CONSENT_DENIED.value)
_DAY_MS = 86_400_000
_SIGNALS = ("ad_storage", "analytics_storage", "ad_user_data", "ad_personalization")


class Step(msgspec.Struct):
    """One thing done. ``pause_s`` passes before it; ``by_server`` when the shop's server reports it and not the page.

    ``shift_ms`` moves the event's time, for clocks that nobody can repair.
    """

    name: str
    pause_s: float
    goods: list[Goods]
    consent: dict[str, Any]
    expected: Expected
    by_server: bool = False
    repeat: bool = False
    shift_ms: int = 0
    quantity: int = 1


def visit(who: Shopper, habits: Habits, shelf: Shelf, chance: Random, now_ms: int) -> Iterator[Step]:
    """Yield the steps of one visit, as the shopper decides them."""
    consent, expected = _banner(who, now_ms)

    def step(name: str, goods: list[Goods], **more: Any) -> Step:
        pause = chance.expovariate(1 / habits.pause_s)
        return _spoil(Step(name, pause, goods, consent, expected, **more), who, habits, chance)

    cart: dict[str, Goods] = {}
    yield step("page_view", [])
    for _ in range(habits.longest_visit):
        seen = _stale(shelf.draw(chance), habits, chance)
        yield step("view_item", [seen])
        if chance.random() < habits.cart_per_view:
            cart[seen.item_id] = seen
            yield step("add_to_cart", [seen])
            if chance.random() < habits.remove_per_cart:
                del cart[seen.item_id]
                yield step("remove_from_cart", [seen])
        if chance.random() >= habits.more_views:
            break
    if cart and not who.bot and chance.random() < habits.buy_per_cart:
        yield step("begin_checkout", list(cart.values()))
        yield step("purchase", list(cart.values()), by_server=who.email is not None)
    if who.kind == "withdrawn":
        no = dict.fromkeys(_SIGNALS, "denied")
        yield Step("consent_update", chance.expovariate(1 / habits.pause_s), [], no, _DENIED)


def event(step: Step, who: Shopper, chance: Random, now_ms: int, origin: str, currency: str) -> dict[str, Any]:
    """Return the step as a canonical event, at the time that the shopper's clock shows."""
    items = [
        {"item_id": one.item_id, "item_name": one.title, "price": float(one.price), "quantity": step.quantity}
        for one in step.goods
    ]
    told: dict[str, Any] = {
        "event": step.name,
        "event_id": str(UUID(int=chance.getrandbits(128), version=4)),
        "event_time": rfc3339(now_ms + step.shift_ms),
        "source": "web",
        "page": {"url": f"{origin}/p/{step.goods[0].item_id}" if step.goods else f"{origin}/"},
        "consent": step.consent,
    }
    if items:
        value = sum((one.price for one in step.goods), Decimal(0))
        told["ecommerce"] = {"currency": currency, "value": float(value), "items": items}
    if step.name == "purchase":
        told["ecommerce"]["transaction_id"] = f"T{chance.getrandbits(48):012X}"
        if who.email is not None:
            told["user"] = {"email": who.email}
    return told


def _banner(who: Shopper, now_ms: int) -> tuple[dict[str, Any], Expected]:
    yes = dict.fromkeys(_SIGNALS, "granted")
    if who.bot:
        return yes, (Outcome.FILTERED.value, Reason.BOT.value)
    match who.kind:
        case "refused":
            return dict.fromkeys(_SIGNALS, "denied"), _DENIED
        case "partial":
            return yes | {"ad_user_data": "denied", "ad_personalization": "denied"}, ACCEPTED
        case "tcf":
            return {"tcf": tc_string(now_ms)}, ACCEPTED
        case "silent":
            return {}, (Outcome.FILTERED.value, Reason.CONSENT_ABSENT.value)
        case _:
            return yes, ACCEPTED


def _stale(goods: Goods, habits: Habits, chance: Random) -> Goods:
    """Name some items as no feed does: the page's template is older than the catalogue."""
    if chance.random() >= habits.stale_ids:
        return goods
    return Goods(f"old-{goods.item_id}", goods.title, goods.price)


def _spoil(step: Step, who: Shopper, habits: Habits, chance: Random) -> Step:
    """Make some steps arrive twice, at an impossible time, or broken."""
    if not who.bot and chance.random() < habits.clock_broken:
        ahead = chance.random() < 0.5
        step.shift_ms = 2 * _DAY_MS if ahead else -30 * _DAY_MS
        step.expected = (Outcome.INVALID.value, (Reason.IN_FUTURE if ahead else Reason.TOO_OLD).value)
        step.by_server = False
    elif step.goods and chance.random() < habits.malformed:
        step.quantity = -1
        step.expected = (Outcome.INVALID.value, Reason.MALFORMED.value)
    elif chance.random() < habits.repeated:
        step.repeat = True
    return step
