"""Which products an ad shows: what waits in the cart, then what was looked at, then what goes with it, then favourites.

Business rules come last and always hold: only what is in the catalogue, in stock, and not bought lately.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from rekindle.model.ports import CoViews, Offers, Touch
from rekindle.model.product import Offer
from rekindle.workspace import Campaign, duration_ms

Why = Literal["cart", "viewed", "related", "popular"]

_HOST = re.compile(r"[a-zA-Z0-9._-]+|[0-9a-fA-F:.]+")

# Some of the candidates are sold out or gone; asking for more than the slots leaves enough to fill them.
_SPARE = 4


class Pick(msgspec.Struct, frozen=True):
    """One product of an ad, and why it is there."""

    offer: Offer
    why: Why


class Picker:
    """Chooses from the views of other rooms."""

    def __init__(self, co_views: CoViews, offers: Offers) -> None:
        self._co_views = co_views
        self._offers = offers

    def pick(self, workspace: str, campaign: Campaign, touches: Sequence[Touch], now_ms: int) -> list[Pick]:
        """Return up to ``campaign.slots`` products, best first.

        ``touches`` are the visitor's, newest first; without them (no consent, nobody known) only what is popular
        with everybody is taken. Never the same product twice.
        """
        bought_after_ms = now_ms - duration_ms(campaign.exclude_bought_within)
        bought = {touch.item_id for touch in touches if touch.kind == "purchase" and touch.at_ms > bought_after_ms}
        wanted: dict[str, Why] = {}
        for kind, why in _OWN:
            for touch in touches:
                if touch.kind == kind:
                    wanted.setdefault(touch.item_id, why)
        own = list(wanted)
        enough = campaign.slots * _SPARE
        for fill in campaign.fill:
            if fill == "co_view" and (seeds := own or list(bought)):
                # Bought items are good seeds: what goes with them is what may be missing.
                for item_id in self._co_views.related(workspace, seeds[:20], enough):
                    wanted.setdefault(item_id, "related")
            elif fill == "popular":
                for item_id in self._co_views.popular(workspace, enough):
                    wanted.setdefault(item_id, "popular")
        offers = self._offers.offers(workspace, [item_id for item_id in wanted if item_id not in bought])
        picks = [
            Pick(offer, why)
            for item_id, why in wanted.items()
            if item_id not in bought and (offer := offers.get(item_id)) is not None and showable(offer)
        ]
        return picks[: campaign.slots]


_OWN: tuple[tuple[str, Why], ...] = (("cart", "cart"), ("view", "viewed"))


def showable(offer: Offer) -> bool:
    """Tell whether an offer can be shown: in stock, with a title, a price and an address that a browser may follow."""
    return (
        offer.in_stock
        and bool(offer.title.strip())
        and offer.price > 0
        and web_address(offer.link)
        and web_address(offer.image_link)
    )


def web_address(text: str) -> bool:
    """Tell whether ``text`` is an absolute ``http`` or ``https`` URL."""
    return web_origin(text) is not None


def web_origin(text: str) -> str | None:
    """Return ``scheme://host:port`` of an ``http`` or ``https`` URL, safe to stand in a header; None for others."""
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").encode("idna").decode("ascii")
        port = f":{parts.port}" if parts.port else ""
    except ValueError:  # a bad port or bracket; UnicodeError, which bad names raise, is one too
        return None
    if parts.scheme not in ("http", "https") or not _HOST.fullmatch(host):
        return None
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"
