"""`rekindle simulate`."""

from __future__ import annotations

import asyncio
import sys
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import click
import msgspec

_Share = click.FloatRange(0, 1)
_Seconds = click.FloatRange(0, 86_400)


@click.command()
@click.option("--target", required=True, help="The gateway, such as http://127.0.0.1:8700.")
@click.option("--origin", required=True, help="One of the shop's origins, as in shop.toml.")
@click.option("--rate", type=click.FloatRange(0, 10_000, min_open=True), default=2.0, help="Mean visits a second.")
@click.option("--seconds", type=_Seconds, default=60.0, help="How long visitors arrive.")
@click.option("--most-visits", type=click.IntRange(1, 1_000_000), default=10_000, help="No more visits than these.")
@click.option("--api-key", envvar="REKINDLE_API_KEY", help="The shop's server reports purchases of known customers.")
@click.option("--seed", default="1", help="Fixes every decision; two runs against one installation need two.")
@click.option("--pause", "pause_s", type=_Seconds, default=20.0, help="Mean seconds between two pages.")
@click.option("--blockers", type=_Share, default=0.0, help="Share of visitors whose browser sends nothing.")
@click.option("--day", "day_s", type=_Seconds, default=0.0, help="Length of a simulated day with its peak; 0: none.")
@click.option("--flash-at", "flash_at_s", type=_Seconds, help="Second at which a flash sale begins.")
@click.option("--flash-for", "flash_for_s", type=_Seconds, default=60.0, help="Its length in seconds.")
@click.option("--flash-times", type=click.FloatRange(1, 100), default=10.0, help="Times as many visitors come then.")
@click.option("--i-own-this-server", is_flag=True, help="Allow a target that is not this machine.")
def command(
    target: str,
    origin: str,
    seconds: float,
    most_visits: int,
    api_key: str | None,
    seed: str,
    pause_s: float,
    blockers: float,
    i_own_this_server: bool,
    **peaks: Any,
) -> None:
    """Send simulated shoppers through the real wire format, whether or not the gateway keeps up.

    They look at the demo shop's goods. The run is bounded in time and in visits, and prints one JSON object: what was
    sent, and what must have come of it.
    """
    if not (i_own_this_server or is_loopback(target)):
        raise click.UsageError(f"{target} is not this machine; add --i-own-this-server if it is yours to load")
    from rekindle.sandbox.shoppers import Habits
    from rekindle.sandbox.shoppers.peaks import Peaks

    arriving = Peaks(peaks.pop("rate"), **peaks)
    habits = Habits(pause_s=pause_s, blockers=blockers)
    told = asyncio.run(_run(target, origin, api_key, seed, habits, arriving, seconds, most_visits))
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(told)).decode() + "\n")


async def _run(
    target: str, origin: str, api_key: str | None, seed: str, habits: Any, peaks: Any, seconds: float, most: int
) -> dict[str, Any]:
    import aiohttp

    from rekindle.model.clock import system_clock
    from rekindle.sandbox.shop.catalogue import load_catalog
    from rekindle.sandbox.shop.data_layer import currency_of
    from rekindle.sandbox.shoppers import Goods, HttpTransport, Traffic

    products = load_catalog()
    goods = [Goods(product.id, product.title, product.price) for product in products if product.price is not None]
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=200)) as session:
        traffic = Traffic(
            HttpTransport(session, target), goods, origin=origin, currency=currency_of(products), clock=system_clock,
            seed=seed, habits=habits, api_key=api_key,
        )  # fmt: skip
        await traffic.run(seconds, peaks, most)
    return traffic.ledger.told()


def is_loopback(target: str) -> bool:
    """Tell whether an address is this machine's own; a name other than ``localhost`` is not."""
    host = urlsplit(target).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
