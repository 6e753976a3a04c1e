"""Who the shoppers are: how they answer the banner, what they look at, how far they go."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from decimal import Decimal
from itertools import accumulate
from random import Random
from typing import Final, Literal

import msgspec

Kind = Literal["accepted", "refused", "partial", "tcf", "withdrawn", "silent"]

BROWSER: Final = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:129.0) Gecko/20100101 Firefox/129.0",
)
BOT: Final = "Mozilla/5.0 (compatible; ShopCrawler-bot/1.0)"


class Goods(msgspec.Struct, frozen=True):
    """One thing that can be looked at; ``price`` is in the shop's currency."""

    item_id: str
    title: str
    price: Decimal


class Habits(msgspec.Struct, frozen=True):
    """Shares (0 to 1) and speeds of the traffic.

    The defaults are those of public shop logs: carts 8.7 % of views, 30 % of carts bought (OTTO), half of the
    visits a page or two, items by Zipf's law with an exponent near 1.
    """

    cart_per_view: float = 0.087
    buy_per_cart: float = 0.30
    remove_per_cart: float = 0.10
    more_views: float = 0.75
    longest_visit: int = 40
    zipf: float = 0.95
    pause_s: float = 20.0
    consent: dict[Kind, float] = msgspec.field(
        default_factory=lambda: {
            "accepted": 0.56, "refused": 0.16, "partial": 0.10, "tcf": 0.08, "withdrawn": 0.06, "silent": 0.04,
        }
    )  # fmt: skip
    bots: float = 0.04
    repeated: float = 0.02
    clock_off: float = 0.05
    clock_broken: float = 0.01
    with_email: float = 0.35
    stale_ids: float = 0.03
    malformed: float = 0.005
    blockers: float = 0.0


DEMO: Final = Habits(
    cart_per_view=0.3, buy_per_cart=0.4, pause_s=0.8, longest_visit=12, clock_broken=0.02, malformed=0.01
)
"""Quick, eager shoppers, so that half a minute shows purchases and left carts; the mix of people is the same."""


class Shopper(msgspec.Struct):
    """One simulated person with one browser."""

    number: int
    kind: Kind
    user_agent: str
    bot: bool
    email: str | None
    clock_off_ms: int
    blocks: bool = False
    cookies: dict[str, str] = msgspec.field(default_factory=dict)


class Shelf:
    """Draws goods by Zipf's law: the first of the list is looked at most."""

    def __init__(self, goods: Sequence[Goods], exponent: float) -> None:
        if not goods:
            raise ValueError("there is nothing to look at: give at least one item")
        self._goods = goods
        self._sums = list(accumulate(1 / rank**exponent for rank in range(1, len(goods) + 1)))

    def draw(self, chance: Random) -> Goods:
        """Return one of the goods."""
        place = bisect_right(self._sums, chance.random() * self._sums[-1])
        return self._goods[min(place, len(self._goods) - 1)]


def shopper(number: int, habits: Habits, chance: Random) -> Shopper:
    """Return shopper ``number``; the same ``chance`` makes the same person."""
    bot = chance.random() < habits.bots
    (kind,) = chance.choices(list(habits.consent), list(habits.consent.values()))
    off = chance.random() < habits.clock_off
    blocks = habits.blockers > 0 and not bot and chance.random() < habits.blockers
    return Shopper(
        number=number,
        kind="accepted" if bot else kind,  # a crawler presses every button
        user_agent=BOT if bot else chance.choice(BROWSER),
        bot=bot,
        email=f"shopper{number}@example.com" if chance.random() < habits.with_email else None,
        clock_off_ms=chance.choice((-1, 1)) * chance.randint(2 * 3_600_000, 50 * 3_600_000) if off else 0,
        blocks=blocks,
    )
