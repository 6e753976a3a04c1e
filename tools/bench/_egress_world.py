"""A shop with events in the log and lanes to a simulated Meta: what the benchmark of the way out works with."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from aiohttp import web
from aiohttp.typedefs import Handler

from rekindle.destinations import meta
from rekindle.egress.connector import Answer, Limits, OutRequest
from rekindle.egress.http import HttpTransport
from rekindle.egress.lane import Lane
from rekindle.egress.send import Door
from rekindle.engines.database import metadata, open_database
from rekindle.engines.log import Keyed, SqliteLog
from rekindle.engines.secrets import SecretMissing
from rekindle.model.clock import system_clock
from rekindle.model.event import Client, Consent, Ecommerce, Item, Page, User
from rekindle.model.record import Stored, encode
from rekindle.model.sealed import Sealed, pack
from rekindle.privacy.consents import ConsentView
from rekindle.privacy.keys import Keyring
from rekindle.privacy.ledger import Ledger
from rekindle.privacy.vault import Vault
from rekindle.sandbox.platforms import MetaPlatform
from rekindle.sandbox.platforms._serve import serving
from rekindle.workspace import Destination, Policy

PIXEL, TOKEN = "1234567890", "sandbox-token"
_YES = Consent(ad_storage="granted", analytics_storage="granted", ad_user_data="granted", ad_personalization="granted")


class Secrets:
    """Secrets as files in a folder, so that the next process finds the same keys."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)

    def _path(self, name: str) -> Path:
        return self._folder / name.replace("/", "~")

    def get(self, name: str) -> str:
        path = self._path(name)
        if not path.exists():
            raise SecretMissing(name)
        return path.read_text()

    def put(self, name: str, value: str) -> None:
        self._path(name).write_text(value)

    def delete(self, name: str) -> None:
        self._path(name).unlink()

    def names(self) -> list[str]:
        return sorted(path.name.replace("~", "/") for path in self._folder.iterdir())


class Watched:
    """The transport, watched: requests, and how long after an event was appended its answer came, by host."""

    def __init__(self) -> None:
        self.inner = HttpTransport(allow_private=True)
        self.requests = 0
        self.events = 0
        self.first: float | None = None
        self.appended: dict[str, float] = {}
        self.waits: dict[str, list[float]] = {}

    async def send(self, request: OutRequest, limits: Limits) -> Answer:
        self.first = self.first or time.time()
        self.requests += 1
        answer = await self.inner.send(request, limits)
        self.events += len(request.event_ids) if answer.status == 200 else 0
        now = time.perf_counter()
        waits = self.waits.setdefault(request.url.split("/")[2], [])
        waits += [now - self.appended[name] for name in request.event_ids if name in self.appended]
        return answer


class Shop:
    """One workspace on SQLite, opened from its folder as a worker opens it."""

    def __init__(self, folder: Path) -> None:
        self.database = open_database(folder / "state.db")
        metadata.create_all(self.database.engine)
        self.secrets = Secrets(folder / "secrets")
        keyring = Keyring(self.secrets)
        keyring.ensure()
        self.vault = Vault(self.database, keyring, system_clock)
        self.ledger = Ledger(self.database, keyring, system_clock, link=self.vault.link)
        self.log = SqliteLog(folder / "log.db")
        self.consents = ConsentView(self.log, self.database)
        self.transport = Watched()
        self._count = 0

    def lane(self, name: str, base: str) -> Lane:
        """Return the lane to one simulated account."""
        self.secrets.put("meta_token", TOKEN)
        given = {"pixel_id": PIXEL, "access_token": {"secret": "meta_token"}, "api_base": base}
        return Lane(
            workspace="shop", name=name, policy=Policy(), module=meta, secret=self.secrets.get, log=self.log,
            destination=Destination(kind="meta", consent=meta.manifest.consent, settings=given),
            database=self.database, door=Door(self.transport, self.ledger, system_clock), consents=self.consents,
            vault=self.vault, feed_ids=None, clock=system_clock,
        )  # fmt: skip

    async def happen(self, count: int, visitors: int, at: float | None = None) -> None:
        """Append views and purchases of so many visitors, as the gateway does.

        ``at`` is when they were to come (``time.perf_counter``), which may be a little ago.
        """
        now = time.perf_counter() if at is None else at
        found = records(self.vault, count, self._count, visitors)
        self._count += count
        self.transport.appended |= {name: now for name, _ in found}
        await self.log.append([keyed for _, keyed in found])

    async def close(self) -> None:
        await self.consents.close()
        await self.transport.inner.close()
        await self.log.close()
        self.database.close()


def records(vault: Vault, count: int, done: int, visitors: int) -> list[tuple[str, Keyed]]:
    """Return events as the gateway stores them, with their ids: each tenth a purchase; ``done`` came before."""
    found = []
    now = system_clock()
    for count_ in range(done + 1, done + count + 1):
        number = count_ % visitors
        subject = f"s1_{number:032x}"
        person = Sealed(
            Client(ip="203.0.113.9", user_agent="Mozilla/5.0 (X11; Linux x86_64) Firefox/140", fbp=f"fb.1.{now}.{number}"),
            User(email=f"visitor{number}@mail.example"),
        )  # fmt: skip
        name = f"e-{now}-{count_}"
        items = [Item(item_id=f"SKU-{(number + each) % 500}", quantity=1, price=Decimal("19.90")) for each in (0, 1)]
        stored = Stored(
            "shop", name, "purchase" if count_ % 10 == 0 else "view_item", now, now, "web", subject,
            Page(url=f"https://shop.example/p/{number % 500}"),
            Ecommerce(currency="EUR", value=Decimal("39.80"), transaction_id=f"o{count_}", items=items), _YES,
            sealed=vault.seal("shop", subject, pack(person)),
        )  # fmt: skip
        found.append((name, Keyed(subject, encode(stored))))
    return found


def _serve(pipe: Connection, delay_s: float) -> None:
    async def run() -> None:
        platform = MetaPlatform(system_clock, pixel_id=PIXEL, token=TOKEN, keep=1_000)
        app = platform.app()
        first = True

        @web.middleware
        async def wait(request: web.Request, handler: Handler) -> web.StreamResponse:
            nonlocal first
            if first:
                first = False
                pipe.send(time.time())
            await asyncio.sleep(delay_s)
            return await handler(request)

        app.middlewares.append(wait)
        async with serving(app) as base:
            pipe.send(base)
            await asyncio.to_thread(pipe.poll, None)

    asyncio.run(run())


class Platform(NamedTuple):
    """A simulated Meta in a process of its own."""

    base: str
    pipe: Connection

    def first_s(self, longest_s: float) -> float:
        """Return when the first request came (``time.time``). Raises `TimeoutError`."""
        if not self.pipe.poll(longest_s):
            raise TimeoutError
        return float(self.pipe.recv())


@contextmanager
def platform(delay_s: float = 0) -> Iterator[Platform]:
    """Run a simulated Meta that answers so late."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, delay_s), daemon=True)
    process.start()
    try:
        yield Platform(ours.recv(), ours)
    finally:
        ours.send("end")
        process.join(5)
        if process.is_alive():
            process.terminate()
