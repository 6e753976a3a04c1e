"""Orders between the checkout and the page that thanks for them: in memory, a few, read once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping

import msgspec


class Order(msgspec.Struct, frozen=True):
    """What was bought, item id to pieces, and what the customer wrote."""

    lines: Mapping[str, int]
    form: Mapping[str, str]

    @property
    def user_data(self) -> dict[str, object]:
        """What the customer wrote, in the words of GA4's ``user_data``."""
        first, _, last = self.form.get("name", "").strip().partition(" ")
        address = {
            "first_name": first, "last_name": last, "street": self.form.get("street", ""),
            "city": self.form.get("city", ""), "postal_code": self.form.get("postal_code", ""),
        }  # fmt: skip
        found: dict[str, object] = {"address": {name: value for name, value in address.items() if value}}
        found |= {"email": self.form["email"].strip()}
        if phone := self.form.get("phone", "").strip():
            found["phone_number"] = phone
        return found


class Orders:
    """The last thousand orders. `take` gives each once, so that a reload is not a second purchase."""

    def __init__(self, number: Callable[[], str], keep: int = 1000) -> None:
        self._number, self._keep = number, keep
        self._orders: OrderedDict[str, Order] = OrderedDict()

    def place(self, order: Order) -> str:
        """Keep an order and return its number."""
        number = self._number()
        self._orders[number] = order
        while len(self._orders) > self._keep:
            self._orders.popitem(last=False)
        return number

    def take(self, number: str) -> Order | None:
        """Return the order the first time it is asked for, then None."""
        return self._orders.pop(number, None)
