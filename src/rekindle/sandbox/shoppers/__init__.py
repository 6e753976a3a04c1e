"""Simulated shoppers: seeded visits over the real wire format, with a ledger of what must have come of them."""

from rekindle.sandbox.shoppers.ledger import Ledger
from rekindle.sandbox.shoppers.people import DEMO, Goods, Habits
from rekindle.sandbox.shoppers.traffic import Traffic
from rekindle.sandbox.shoppers.wire import Call, HttpTransport, Reply, Transport

__all__ = ["DEMO", "Call", "Goods", "Habits", "HttpTransport", "Ledger", "Reply", "Traffic", "Transport"]
