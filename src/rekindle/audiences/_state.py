"""What the rules need to know of one visitor, folded from the log record by record."""

from __future__ import annotations

import msgspec

from rekindle.model.behaviour import item_acts
from rekindle.model.event import Consent
from rekindle.model.record import ConsentChange, Stored

# A cart with more lines than this is no shopper's; the newest are kept.
_CART_LINES = 100


class Line(msgspec.Struct, array_like=True):
    """The last times one item was put into the cart and taken out of it; 0 for never."""

    added_ms: int = 0
    removed_ms: int = 0


class VisitorState(msgspec.Struct, omit_defaults=True):
    """Last times of each act, the cart, and the newest consent. Times are 0 for never.

    All times are maxima, so neither the order of arrival nor a repetition changes them; consent is the newest by
    arrival.
    """

    viewed_ms: int = 0
    bought_ms: int = 0
    cart: dict[str, Line] = msgspec.field(default_factory=dict)
    consent: Consent = msgspec.field(default_factory=Consent)
    consent_ms: int = 0

    def fold(self, record: Stored | ConsentChange) -> None:
        """Take one record in."""
        if record.received_ms >= self.consent_ms:
            self.consent, self.consent_ms = record.consent, record.received_ms
        if isinstance(record, ConsentChange):
            return
        for act, item_id, at_ms in item_acts(record):
            if act == "view":
                self.viewed_ms = max(self.viewed_ms, at_ms)
            elif act == "purchase":
                self.bought_ms = max(self.bought_ms, at_ms)
            else:
                line = self.cart.setdefault(item_id, Line())
                if act == "cart":
                    line.added_ms = max(line.added_ms, at_ms)
                else:
                    line.removed_ms = max(line.removed_ms, at_ms)
        self._shorten()

    def join(self, other: VisitorState) -> None:
        """Take in what is known of the same visitor under another name; ``other`` is the one that was met later."""
        if other.consent_ms >= self.consent_ms:
            self.consent, self.consent_ms = other.consent, other.consent_ms
        self.viewed_ms = max(self.viewed_ms, other.viewed_ms)
        self.bought_ms = max(self.bought_ms, other.bought_ms)
        for item, theirs in other.cart.items():
            line = self.cart.setdefault(item, Line())
            line.added_ms = max(line.added_ms, theirs.added_ms)
            line.removed_ms = max(line.removed_ms, theirs.removed_ms)
        self._shorten()

    def carted_ms(self) -> int:
        """Return when something that is still in the cart was last put there, or 0 for an empty cart."""
        return max(
            (
                line.added_ms
                for line in self.cart.values()
                if line.added_ms > line.removed_ms and line.added_ms > self.bought_ms
            ),
            default=0,
        )

    def _shorten(self) -> None:
        # What a purchase has settled can never matter again: times only grow.
        dead = [item for item, line in self.cart.items() if max(line.added_ms, line.removed_ms) <= self.bought_ms]
        for item in dead:
            del self.cart[item]
        if len(self.cart) > _CART_LINES:
            newest = sorted(self.cart, key=lambda item: max(self.cart[item].added_ms, self.cart[item].removed_ms))
            for item in newest[:-_CART_LINES]:
                del self.cart[item]


_decoder = msgspec.msgpack.Decoder(VisitorState)


def pack(state: VisitorState) -> bytes:
    """Return the state as it is stored."""
    return msgspec.msgpack.encode(state)


def unpack(data: bytes) -> VisitorState:
    """Read what `pack` wrote."""
    return _decoder.decode(data)
