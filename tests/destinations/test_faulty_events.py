"""One table: what is wrong with an event, and what becomes of it at every destination.

``same`` is the event that must leave instead: a repair by a written rule (`rekindle.destinations.shared`, `preview`).
``reason`` rejects it everywhere. ``never`` must not be in any request.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.destinations.test_conformance_bad_input import EVENTS, STRICT, purchase, run, text


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """A faulty event, and one of the three things that may become of it."""

    event: dict[str, Any]
    same: dict[str, Any] | None = None
    reason: str = ""
    never: str = ""


def shop(**changes: Any) -> dict[str, Any]:
    return purchase(changes)


def item(**changes: Any) -> dict[str, Any]:
    return purchase({"items": [{"item_id": "sku-1", "price": 7, "quantity": 2} | changes]})


def client(**changes: Any) -> dict[str, Any]:
    found = purchase()
    found["client"] = {**found["client"], **changes}
    return found


def user(**changes: Any) -> dict[str, Any]:
    found = purchase()
    found["user"] = {**found["user"], **changes}
    return found


FAULTS: dict[str, Fault] = {
    # money
    "a currency in small letters": Fault(event=shop(currency="eur"), same=shop(currency="EUR")),
    "a currency with blanks": Fault(event=shop(currency=" EUR "), same=shop(currency="EUR")),
    "a currency that is a number": Fault(event=shop(currency=978), reason="malformed"),
    "no value, but prices": Fault(event=shop(value=None), same=shop(value=14)),
    "a price with a comma": Fault(event=item(price="7,00"), reason="malformed"),
    "a price that is a list": Fault(event=item(price=[7]), reason="malformed"),
    "a value that is true": Fault(event=shop(value=True), reason="malformed"),
    "a price in front of nothing": Fault(event=item(price=""), reason="malformed"),
    # quantities
    "a part of a piece": Fault(event=item(quantity=1.5), reason="malformed"),
    "a quantity as text": Fault(event=item(quantity="2"), same=item(quantity=2)),
    "no quantity": Fault(event=item(quantity=None), same=item(quantity=1)),
    # items
    "items that are no list": Fault(event=shop(items={"item_id": "sku-1"}), reason="malformed"),
    "an item that is text": Fault(event=shop(items=["sku-1"]), reason="malformed"),
    "an item without an id among others": Fault(
        event=shop(items=[{"item_id": "sku-1", "price": 7, "quantity": 2}, {"item_name": "nameless-thing", "price": 1}]),
        same=shop(items=[{"item_id": "sku-1", "price": 7, "quantity": 2}]),
    ),
    "an id of blanks": Fault(
        event=shop(items=[{"item_id": "sku-1", "price": 7, "quantity": 2}, {"item_id": "  ", "item_name": "blank-thing"}]),
        same=shop(items=[{"item_id": "sku-1", "price": 7, "quantity": 2}]),
    ),
    # the device
    "an address that is none": Fault(event=client(ip="999.1.1.1"), never="999.1.1.1"),
    "a name for an address": Fault(event=client(ip="localhost"), never="localhost"),
    "an agent of blanks": Fault(event=client(user_agent="   "), never='"   "'),
    # the person
    "an address with blanks and capitals": Fault(
        event=user(email="  Anna@Example.COM "), same=user(email="anna@example.com")
    ),
    "a number with blanks and brackets": Fault(
        event=user(phone="+48 (601) 23-45-67"), same=user(phone="+48601234567")
    ),
    "a number with two noughts": Fault(event=user(phone="0048601234567"), same=user(phone="+48601234567")),
    "a number as a number": Fault(event=user(phone=48601234567), same=user(phone="48601234567")),
    "a country's name": Fault(event=user(country="Poland"), never="Poland"),
    "an address as a list": Fault(event=user(email=["anna@example.com"]), reason="malformed"),
    # the event
    "no name": Fault(event=purchase(event=None), reason="malformed"),
    "a name that is a number": Fault(event=purchase(event=7), reason="malformed"),
    "a source that nobody knows": Fault(event=purchase(source="kiosk"), reason="malformed"),
    "unknown parts": Fault(event=purchase(surprise={"secret-note": "do-not-send"}), same=purchase()),
    "a page that is text": Fault(event=purchase(page="https://shop.example/"), reason="malformed"),
}  # fmt: skip


# GA4 takes an item by its name as well ("one of item_id or item_name is required").
BY_NAME = {("ga4", "an item without an id among others"), ("ga4", "an id of blanks")}


@pytest.mark.parametrize("title", FAULTS)
@pytest.mark.parametrize("name", STRICT)
def test_it_is_repaired_by_the_rule_or_rejected_with_the_reason(name: str, title: str) -> None:
    fault = FAULTS[title]
    found, bodies = run(name, fault.event)
    if fault.reason:
        assert (found.outcome, set(found.reasons.values())) == ("reject", {fault.reason})
    elif fault.same is not None and (name, title) not in BY_NAME:
        expected, good = run(name, fault.same)
        assert (found.outcome, bodies) == (expected.outcome, good)
        assert found.outcome == "send"
    assert not fault.never or fault.never not in text(bodies)
    assert "do-not-send" not in text(bodies)
    assert '"  "' not in text(bodies)


@pytest.mark.parametrize("name", EVENTS)
def test_bad_events_among_good_ones_cost_only_themselves(name: str) -> None:
    """All of the table in one batch, good ones between: what is rejected is named, and every good one leaves."""
    events, rejected = [], set()
    for number, (title, fault) in enumerate(FAULTS.items()):
        events.append(fault.event | {"event_id": f"bad{number}"})
        events.append(purchase(event_id=f"good{number}"))
        if fault.reason:
            rejected.add(f"bad{number}")
        assert title
    found, bodies = run(name, *events)
    assert rejected <= set(found.reasons)
    assert not {each for each in found.reasons if each.startswith("good")}
    assert bodies
