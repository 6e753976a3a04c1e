"""The demo's street: simulated platforms, a shop, and Rekindle's own processes, all on this machine."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import click
import msgspec
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from rekindle.catalog import SnapshotStore
from rekindle.cli import _compose
from rekindle.cli._demo.folder import NAME, PIXEL, Addresses, Keys, alone, keys, prepare
from rekindle.cli._demo.ports import choose
from rekindle.cli._scheduler import catalog_import, fetcher
from rekindle.feeds import FeedBuilder
from rekindle.model.clock import system_clock
from rekindle.model.product import Product
from rekindle.ops.supervisor import supervise
from rekindle.sandbox import proxy
from rekindle.sandbox.platforms.meta import MetaPlatform
from rekindle.sandbox.platforms.webhook import WebhookReceiver
from rekindle.sandbox.serving import application, running
from rekindle.sandbox.shop import CATALOG, Shop, load_catalog
from rekindle.sandbox.shop.data_layer import currency_of
from rekindle.workspace import Workspace

_SHOWN_PRODUCTS = 2000
_READY_S = 120.0


class Options:
    """What the person asked for. ``seconds`` None: until Ctrl-C. ``any_ports``: none of the usual ones."""

    def __init__(
        self, folder: Path, seconds: float | None = None, catalog: Path | None = None, *, any_ports: bool = False
    ) -> None:
        self.any_ports = any_ports
        self.folder = folder
        self.seconds = seconds
        self.catalog = catalog or CATALOG
        self.own_catalog = catalog is None


class Street(msgspec.Struct, frozen=True):
    """A running installation with everything around it."""

    installation: _compose.Installation
    workspace: Workspace
    products: list[Product]
    addresses: Addresses
    keys: Keys
    meta: MetaPlatform
    webhook: WebhookReceiver


@asynccontextmanager
async def open_street(options: Options, screen: Console) -> AsyncIterator[Street]:
    """Start everything and yield when it is ready; stop it in order. Raises `click.ClickException`."""
    async with AsyncExitStack() as stack:
        stack.enter_context(alone(options.folder))
        ports: dict[str, int] = {}
        for role, wanted in _PORTS.items():
            ports[role] = choose(0 if options.any_ports else wanted, ports.values())
        settings = _compose.settings_for(options.folder, None, **_settings(ports))
        _compose.create(settings)
        installation = _compose.open_installation(options.folder, None, settings)
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
        try:
            await stack.enter_async_context(_shop(products, addresses, ports["shop"]))
        except OSError as error:
            raise click.ClickException(f"port {ports['shop']}: {error.strerror}; try again") from None
        await stack.enter_async_context(_processes(options.folder, ports))
        await _ready(addresses)
        yield Street(installation, workspace, products, addresses, secret, meta, webhook)


async def _publish(
    installation: _compose.Installation, options: Options, addresses: Addresses, screen: Console
) -> tuple[Workspace, list[Product]]:
    """Apply the workspace, import the catalogue and build the feeds, as `apply`, `import` and `build` do."""
    store = SnapshotStore(installation.database, installation.blobs)
    builder = FeedBuilder(installation.database, installation.blobs, store, installation.clock)
    currency = "PLN"
    workspace = prepare(options.folder, addresses, options.catalog, own_catalog=options.own_catalog, currency=currency)
    with spinner(screen) as progress:
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
    screen.print(f"Catalogue: {result.items} items ({result.kind or 'as before'}), remarks: {result.warnings}.")
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


async def _ready(addresses: Addresses) -> None:
    ends = asyncio.get_running_loop().time() + _READY_S
    async with aiohttp.ClientSession() as session:
        for url in (f"{addresses.gateway}/readyz", f"{addresses.console}/livez"):
            while not await _answers(session, url):
                if asyncio.get_running_loop().time() > ends:
                    raise click.ClickException(f"{url} did not come up; the lines above say why")
                await asyncio.sleep(0.2)


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


def spinner(screen: Console) -> Progress:
    """Return a line that turns while something takes long."""
    return Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=screen, transient=True
    )


_PORTS = {"shop": 8000, "gateway": 8700, "console": 8701, "worker": 8702, "scheduler": 8703}
