"""Let shoppers into the demo's street, and account for what came of it."""

from __future__ import annotations

import asyncio
import itertools
import secrets

import aiohttp
import click
from rich.console import Console

from rekindle.cli._demo import figures
from rekindle.cli._demo.folder import NAME, OWNER
from rekindle.cli._demo.street import Options, Street, open_street, spinner
from rekindle.cli._demo.table import table
from rekindle.model.clock import system_clock
from rekindle.ops.loop import rest, stop_on_signals
from rekindle.sandbox.shop.catalogue import in_stock
from rekindle.sandbox.shop.data_layer import currency_of
from rekindle.sandbox.shop.pages import SLOTS
from rekindle.sandbox.shoppers import Goods, HttpTransport, Traffic

_SHOPPERS_PER_SECOND = 3.0
_FOR_EVER_S = 10 * 365 * 86_400.0
_SETTLE_S = 120.0


async def run(options: Options, screen: Console) -> bool:
    """Run the demo; return whether the sums balanced. Raises `click.ClickException` when it cannot start."""
    async with open_street(options, screen) as street, aiohttp.ClientSession() as session:
        stopping = stop_on_signals()
        before = await figures.read(street.installation, street.workspace)
        _welcome(screen, street)
        shoppers = _shoppers(session, street)
        # Let the platform be as platforms are: over quota now and then, and once broken.
        street.meta.throttle, street.meta.retry_after_s, street.meta.fail = 1, 2, 1
        visiting = asyncio.create_task(shoppers.run(options.seconds or _FOR_EVER_S, _SHOPPERS_PER_SECOND))
        if options.seconds is None:
            await _watch(street, screen, stopping)
            visiting.cancel()
            await asyncio.gather(visiting, return_exceptions=True)
            return True
        return await _account(street, screen, stopping, visiting, shoppers, before)


async def _account(
    street: Street,
    screen: Console,
    stopping: asyncio.Event,
    visiting: asyncio.Task[None],
    shoppers: Traffic,
    before: figures.Figures,
) -> bool:
    stopped = asyncio.create_task(stopping.wait())
    with spinner(screen) as progress:
        task = progress.add_task("shoppers visit", total=None)
        await asyncio.wait({visiting, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if stopping.is_set():
            visiting.cancel()
            raise click.ClickException("stopped before the end, so nothing was balanced")
        stopped.cancel()
        await visiting
        progress.update(task, description="the last events are on their way")
        now = await settled(street)
    screen.print(table(now))
    found = figures.problems(
        now, before, shoppers.ledger, len(street.meta.received), sorted(street.workspace.destinations)
    )
    if not now.settled:
        found.append(f"something still waits, and nothing has moved for {_SETTLE_S:.0f} s: {now.unread}")
    if found:
        screen.print("[red]The sums do not balance:[/]", *found, sep="\n  ")
    else:
        screen.print(f"[green]The sums balance[/]: {shoppers.ledger.sent} events sent, each accounted for.")
    return not found


async def settled(street: Street) -> figures.Figures:
    """Wait until everything that was accepted has come to its end, or for two minutes nothing moves; return the figures."""
    loop = asyncio.get_running_loop()
    waits: object = None
    ends = 0.0
    while True:
        now = await figures.read(street.installation, street.workspace)
        if (still := (now.unread, [lane.waiting for lane in now.lanes])) != waits:
            waits, ends = still, loop.time() + _SETTLE_S
        if now.settled or loop.time() > ends:
            await asyncio.sleep(2.5)  # the gateway writes its count of ads every two seconds
            return await figures.read(street.installation, street.workspace)
        await asyncio.sleep(0.5)


def _welcome(screen: Console, street: Street) -> None:
    addresses = street.addresses
    screen.print(f"[bold]Shop[/]     {addresses.shop}")
    screen.print(f"[bold]Console[/]  {addresses.console}  ({OWNER} / {street.keys.password})")
    screen.print(f"[bold]Feeds[/]    {addresses.gateway}/feeds/{NAME}/google.xml, meta.csv")


def _shoppers(session: aiohttp.ClientSession, street: Street) -> Traffic:
    products = street.products
    priced = sorted((product for product in products if product.price is not None), key=lambda one: not in_stock(one))
    goods = [Goods(product.id, product.title, product.price) for product in priced if product.price is not None]
    if not goods:
        raise click.ClickException("the catalogue has no item with a price, so there is nothing to buy")
    return Traffic(
        HttpTransport(session, street.addresses.gateway),
        goods,
        origin=street.addresses.shop,
        currency=currency_of(products),
        clock=system_clock,
        seed=secrets.token_hex(8),
        api_key=street.keys.api_key,
        placements=sorted(slot.placement for slot in SLOTS.values()),
    )


async def _watch(street: Street, screen: Console, stopping: asyncio.Event) -> None:
    screen.print("Ctrl-C ends it.\n")
    for _ in itertools.count():
        await rest(stopping, 10)
        if stopping.is_set():
            return
        screen.print(table(await figures.read(street.installation, street.workspace)))
        screen.print()
