"""Start the demo's servers and processes, let shoppers in, and account for what came of it."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from rekindle.catalog import SnapshotStore
from rekindle.cli import _compose
from rekindle.cli._demo import figures
from rekindle.cli._demo.folder import NAME, OWNER, PIXEL, Addresses, Keys, keys, prepare
from rekindle.cli._demo.ports import choose
from rekindle.cli._demo.table import table
from rekindle.cli._scheduler import catalog_import, fetcher
from rekindle.feeds import FeedBuilder
from rekindle.model.clock import system_clock
from rekindle.model.product import Product
from rekindle.ops.loop import rest, stop_on_signals
from rekindle.ops.supervisor import supervise
from rekindle.sandbox import proxy
from rekindle.sandbox.platforms.meta import MetaPlatform
from rekindle.sandbox.platforms.webhook import WebhookReceiver
from rekindle.sandbox.serving import application, running
from rekindle.sandbox.shop import CATALOG, Shop, load_catalog
from rekindle.sandbox.shop.catalogue import in_stock
from rekindle.sandbox.shop.data_layer import currency_of
from rekindle.sandbox.shop.pages import SLOTS
from rekindle.sandbox.shoppers import Goods, HttpTransport, Traffic
from rekindle.workspace import Workspace

_SHOPPERS_PER_SECOND = 3.0
_SHOWN_PRODUCTS = 2000
_FOR_EVER_S = 10 * 365 * 86_400.0
_SETTLE_S = 120.0
_READY_S = 60.0


class Options:
    """What the person asked for. ``seconds`` None: until Ctrl-C."""

    def __init__(self, folder: Path, seconds: float | None, catalog: Path | None) -> None:
        self.folder = folder
        self.seconds = seconds
        self.catalog = catalog or CATALOG
        self.own_catalog = catalog is None


async def run(options: Options, screen: Console) -> bool:
    """Run the demo; return whether the sums balanced. Raises `click.ClickException` when it cannot start."""
    ports = {role: choose(wanted) for role, wanted in _PORTS.items()}
    settings = _compose.settings_for(options.folder, None, **_settings(ports))
    _compose.create(settings)
    installation = _compose.open_installation(options.folder, None, settings)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(installation.aclose)
        secret = keys(installation)
        meta = MetaPlatform(system_clock, pixel_id=PIXEL, token=secret.meta_token)
        webhook = WebhookReceiver(secret.webhook_secret)
        addresses = Addresses(
            shop=f"http://127.0.0.1:{ports['shop']}",
            gateway=f"http://127.0.0.1:{ports['gateway']}",
            console=f"http://127.0.0.1:{ports['console']}",
            meta=await stack.enter_async_context(meta.serve()),
            webhook=await stack.enter_async_context(webhook.serve()),
        )
        workspace, products = await _publish(installation, options, addresses, screen)
        before = await figures.read(installation, workspace)
        await stack.enter_async_context(_shop(products, addresses, ports["shop"]))
        stopping = stop_on_signals()
        await stack.enter_async_context(_processes(options.folder, ports))
        async with aiohttp.ClientSession() as session:
            await _ready(session, addresses)
            _welcome(screen, addresses, secret)
            shoppers = _shoppers(session, products, addresses, secret)
            _trouble(meta)
            visiting = asyncio.create_task(shoppers.run(options.seconds or _FOR_EVER_S, _SHOPPERS_PER_SECOND))
            if options.seconds is None:
                await _watch(installation, workspace, screen, stopping)
                visiting.cancel()
                await asyncio.gather(visiting, return_exceptions=True)
                return True
            return await _account(installation, workspace, screen, stopping, visiting, shoppers, meta, before)


async def _account(
    installation: _compose.Installation,
    workspace: Workspace,
    screen: Console,
    stopping: asyncio.Event,
    visiting: asyncio.Task[None],
    shoppers: Traffic,
    meta: MetaPlatform,
    before: figures.Figures,
) -> bool:
    stopped = asyncio.create_task(stopping.wait())
    with _spinner(screen) as progress:
        task = progress.add_task("shoppers visit", total=None)
        await asyncio.wait({visiting, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if stopping.is_set():
            visiting.cancel()
            raise click.ClickException("stopped before the end, so nothing was balanced")
        stopped.cancel()
        await visiting
        progress.update(task, description="the last events are on their way")
        now = await _settled(installation, workspace)
    screen.print(table(now))
    found = figures.problems(now, before, shoppers.ledger, len(meta.received), sorted(workspace.destinations))
    if not now.settled:
        found.append(f"after {_SETTLE_S:.0f} s something still waits: {now.unread}")
    if found:
        screen.print("[red]The sums do not balance:[/]", *found, sep="\n  ")
    else:
        screen.print(f"[green]The sums balance[/]: {shoppers.ledger.sent} events sent, each accounted for.")
    return not found


async def _settled(installation: _compose.Installation, workspace: Workspace) -> figures.Figures:
    loop = asyncio.get_running_loop()
    ends = loop.time() + _SETTLE_S
    while True:
        now = await figures.read(installation, workspace)
        if now.settled or loop.time() > ends:
            await asyncio.sleep(2.5)  # the gateway writes its count of ads every two seconds
            return await figures.read(installation, workspace)
        await asyncio.sleep(0.5)


async def _publish(
    installation: _compose.Installation, options: Options, addresses: Addresses, screen: Console
) -> tuple[Workspace, list[Product]]:
    """Apply the workspace, import the catalogue and build the feeds, as `apply`, `import` and `build` do."""
    store = SnapshotStore(installation.database, installation.blobs)
    builder = FeedBuilder(installation.database, installation.blobs, store, installation.clock)
    currency = "PLN"
    workspace = prepare(options.folder, addresses, options.catalog, own_catalog=options.own_catalog, currency=currency)
    with _spinner(screen) as progress:
        task = progress.add_task("reading the catalogue", total=None)
        importer = catalog_import(installation, workspace, fetcher(installation))
        result = await importer.run(
            workspace.catalog.source[0],
            confirm_shrink=True,
            progress=lambda items: progress.update(task, description=f"reading the catalogue: {items} items"),
        )
        if not result.ok:
            for issue in result.issues[:20]:
                screen.print(f"  row {issue.row or '-'}: {issue.attribute or ''} {issue.code}: {issue.remedy}")
            raise click.ClickException(f"{options.catalog}: {result.message or result.reason}")
        products = load_catalog() if options.own_catalog else store.products(NAME, _SHOWN_PRODUCTS)
        if currency_of(products) != currency:
            currency = currency_of(products)
            workspace = prepare(
                options.folder, addresses, options.catalog, own_catalog=options.own_catalog, currency=currency
            )
        installation.versions.apply(workspace, "demo", "make demo")
        for feed in workspace.feeds:
            progress.update(task, description=f"building the feed {feed}")
            await asyncio.to_thread(builder.build, workspace, feed)
    screen.print(f"Catalogue: {result.items} items ({result.kind or 'as before'}), {result.warnings} remarks.")
    return workspace, products


@asynccontextmanager
async def _shop(products: Sequence[Product], addresses: Addresses, port: int) -> AsyncIterator[None]:
    app = application(Shop(products).routes())
    proxy.mount(app, addresses.gateway)
    async with running(app, port):
        yield


@asynccontextmanager
async def _processes(folder: Path, ports: Mapping[str, int]) -> AsyncIterator[None]:
    stopping = asyncio.Event()
    arguments = [sys.executable, "-m", "rekindle", "serve"]
    options = ["--workspace", str(folder), "--data", str(folder / "data")]
    environment = {f"REKINDLE_{name.upper()}": str(value) for name, value in _settings(ports).items()}
    commands = {role: [*arguments, role, *options] for role in ("gateway", "worker", "scheduler", "console")}
    task = asyncio.create_task(supervise(commands, stopping, environment=environment))
    try:
        yield
    finally:
        stopping.set()
        await task


def _settings(ports: Mapping[str, int]) -> dict[str, object]:
    return {
        "gateway_port": ports["gateway"],
        "console_port": ports["console"],
        "worker_port": ports["worker"],
        "scheduler_port": ports["scheduler"],
        "trusted_proxies": "127.0.0.1",
        "allow_private_addresses": "true",
        "log_level": "warning",
    }


async def _ready(session: aiohttp.ClientSession, addresses: Addresses) -> None:
    ends = asyncio.get_running_loop().time() + _READY_S
    for url in (f"{addresses.gateway}/readyz", f"{addresses.console}/livez"):
        while True:
            try:
                async with session.get(url) as answer:
                    if answer.status == 200:
                        break
            except aiohttp.ClientError:
                pass
            if asyncio.get_running_loop().time() > ends:
                raise click.ClickException(f"{url} did not come up; the lines above say why")
            await asyncio.sleep(0.2)


def _welcome(screen: Console, addresses: Addresses, secret: Keys) -> None:
    screen.print(f"[bold]Shop[/]     {addresses.shop}")
    screen.print(f"[bold]Console[/]  {addresses.console}  ({OWNER} / {secret.password})")
    screen.print(f"[bold]Feeds[/]    {addresses.gateway}/feeds/{NAME}/google.xml, meta.csv")


def _shoppers(
    session: aiohttp.ClientSession, products: Sequence[Product], addresses: Addresses, secret: Keys
) -> Traffic:
    # Every few products, one that is sold out or gone from the feed is looked at too, as in any shop.
    priced = [product for product in products if product.price is not None]
    goods = [Goods(product.id, product.title, product.price) for product in priced if product.price is not None]
    goods.sort(key=lambda entry: not in_stock(next(product for product in priced if product.id == entry.item_id)))
    if not goods:
        raise click.ClickException("the catalogue has no item with a price, so there is nothing to buy")
    return Traffic(
        HttpTransport(session, addresses.gateway),
        goods,
        origin=addresses.shop,
        currency=currency_of(products),
        clock=system_clock,
        seed=secrets.token_hex(8),
        api_key=secret.api_key,
        placements=sorted(slot.placement for slot in SLOTS.values()),
    )


def _trouble(meta: MetaPlatform) -> None:
    """Let the platform be as platforms are: over quota now and then, and once broken."""
    meta.throttle, meta.retry_after_s, meta.fail = 1, 2, 1


async def _watch(
    installation: _compose.Installation, workspace: Workspace, screen: Console, stopping: asyncio.Event
) -> None:
    screen.print("Ctrl-C ends it.\n")
    for _ in itertools.count():
        await rest(stopping, 10)
        if stopping.is_set():
            return
        screen.print(table(await figures.read(installation, workspace)))
        screen.print()


def _spinner(screen: Console) -> Progress:
    return Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=screen, transient=True
    )


_PORTS = {"shop": 8000, "gateway": 8700, "console": 8701, "worker": 8702, "scheduler": 8703}
