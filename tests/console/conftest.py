"""A console over a real database and log, with two shops and a person for each."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import argon2
import httpx
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from rekindle.console import create_console
from rekindle.egress.deadletters import LetterDesk
from rekindle.egress.deadmembers import MemberDesk, Rehearse
from rekindle.egress.rehearsal import Rehearsal
from rekindle.engines.blobs import FolderBlobs
from rekindle.engines.database import Database
from rekindle.engines.log import Keyed, SqliteLog
from rekindle.engines.secrets import SecretMissing
from rekindle.feeds.category_desk import CategoryDesk
from rekindle.feeds.quality import QualityDesk
from rekindle.model.event import Consent, Ecommerce, Item, Page
from rekindle.model.ports import SourceAges
from rekindle.model.record import Record, Stored, encode
from rekindle.privacy.keys import Keyring
from rekindle.privacy.ledger import Ledger
from rekindle.privacy.vendor_lists import VendorLists
from rekindle.profiles import ItemSightings
from rekindle.workspace import (
    Audience,
    Delivery,
    Destination,
    DestinationConsent,
    Feed,
    FeedPush,
    Shop,
    Versions,
    Workspace,
)
from rekindle.workspace.access import ApiKeys, Users
from tests.conftest import FakeClock
from tests.feeds.conftest import Shelf

PASSWORD = "correct horse battery"
HOSTILE = "<script>alert(1)</script>\"'&{{7*7}}</td>"
CHEAP = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def shop(name: str, title: str) -> Workspace:
    return Workspace(
        shop=Shop(name=name, title=title, origins=["https://shop.example"], country="PL", currency="PLN"),
        feeds={"google": Feed(channel="google_merchant", delivery=DELIVERIES), "meta": Feed(channel="meta", push=PUSH)},
        audiences={"viewers": Audience(rule="viewed_not_bought", within="14d", title=f"Viewers {HOSTILE}")},
        destinations={
            "meta": Destination(
                kind="meta", consent=DestinationConsent(consent_mode=["ad_storage", "ad_user_data"]), feed="meta"
            )
        },
    )


DELIVERIES = [
    Delivery(name="partner", kind="sftp", location="sftp://someone@files.example/in/google.xml", host_key=["SHA256:x"]),
    Delivery(name="search", kind="webhook", location="https://search.example/hook"),
    Delivery(name="unused", kind="webhook", location="https://unused.example/hook", enabled=False),
]


PUSH = FeedPush(settings={"catalog_id": "789", "access_token": {"secret": "platform"}})


class MemorySecrets:
    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def get(self, name: str) -> str:
        if name not in self._values:
            raise SecretMissing(name)
        return self._values[name]

    def put(self, name: str, value: str) -> None:
        self._values[name] = value

    def delete(self, name: str) -> None:
        del self._values[name]

    def names(self) -> Sequence[str]:
        return sorted(self._values)


class House:
    """One console, with what is below it within reach."""

    def __init__(self, database: Database, log: SqliteLog, clock: FakeClock, *, secure: bool = False) -> None:
        self.database = database
        self.log = log
        self.clock = clock
        self.keyring = Keyring(MemorySecrets())
        self.recorded: list[tuple[str, str, str, str]] = []
        self.shops = {"shop": shop("shop", f"Shop {HOSTILE}"), "other": shop("other", "Other shop")}
        self.users = Users(database, clock, hasher=CHEAP)
        self.keys = ApiKeys(database, clock)
        self.accounts: dict[tuple[str, bool], Rehearsal] = {}
        self.would: Rehearse = lambda *_given: None
        ledger = Ledger(database, self.keyring, clock)
        self.versions = Versions(database, clock, self._record, lambda _name: 2)
        self.desk = self._desk(database, clock)
        self.app: Litestar = create_console(
            database,
            log,
            lambda: self.shops,
            clock,
            self._record,
            hasher=CHEAP,
            secure=secure,
            ledger_key=self.keyring.ledger_key().public_key(),
            letters=LetterDesk(database, log, ledger, clock, self._account),
            members=MemberDesk(database, ledger, clock, lambda *given: self.would(*given)),
            versions=self.versions,
            quality=self.desk,
            categories=CategoryDesk(self.shelf, None, clock),
            vendors=VendorLists(database, FolderBlobs(Path(tempfile.mkdtemp(prefix="rekindle-blobs-"))), clock),
        )

    def _desk(self, database: Database, clock: FakeClock) -> QualityDesk:
        """Files of feeds are where `filled.feeds` puts them."""
        beside = database.engine.dialect.name == "sqlite" and database.engine.url.database  # on a server it is a name
        self.feeds = folder = (Path(beside).parent if beside else Path(tempfile.mkdtemp(prefix="rekindle-"))) / "feeds"
        blobs = FolderBlobs(folder / "blobs")
        self.shelf = Shelf(folder)
        return QualityDesk(database, blobs, self.shelf, ItemSightings(database), self, clock, folder / "work")

    def sources(self, workspace: str) -> Sequence[SourceAges]:
        """Items of the shelf, seen two hours ago and less; every fifth changed its price ten minutes ago."""
        seen, now = f"{self.clock.now_ms} - n * 180000", self.clock.now_ms
        price = f"CASE WHEN n % 5 = 0 THEN {now - 600_000} ELSE 1 END"
        rows = f"(SELECT 'sku-' || n AS id, {seen} AS seen_ms, {price} AS price_ms, 1 AS stock_ms, 1 AS changed_ms FROM range(40) t(n))"
        return [SourceAges("main", rows, 0)]

    def _account(self, workspace: str, name: str, at_ms: int | None) -> Rehearsal | None:
        return self.accounts.get((name, at_ms is not None))

    def _record(self, workspace: str, actor: str, action: str, detail: str) -> None:
        self.recorded.append((workspace, actor, action, detail))

    def empty(self) -> Workspace:
        """A shop that has configured nothing yet."""
        return Workspace(
            shop=Shop(name="empty", title="New shop", origins=["https://new.example"], country="PL", currency="PLN")
        )

    def append(self, *records: Record) -> None:
        asyncio.run(self.log.append([Keyed("s", encode(record)) for record in records]))

    def event(self, event_id: str = "e1", workspace: str = "shop", **changes: object) -> Stored:
        values: dict[str, object] = {
            "event": "view_item",
            "event_time_ms": self.clock.now_ms,
            "received_ms": self.clock.now_ms,
            "source": "web",
            "subject": "s1_abcdef",
            "page": Page(url="https://shop.example/p/1", title=HOSTILE),
            "ecommerce": Ecommerce(
                value=Decimal("1234.5"), currency="PLN", items=[Item(item_id="sku-1", item_name=HOSTILE)]
            ),
            "consent": Consent(ad_storage="granted", ad_user_data="granted"),
        }
        return Stored(workspace=workspace, event_id=event_id, **(values | changes))  # type: ignore[arg-type]


@pytest.fixture
def house(database: Database, clock: FakeClock, tmp_path: Path) -> Iterator[House]:
    log = SqliteLog(tmp_path / "log.db", clock=clock)
    made = House(database, log, clock)
    made.users.create("ola", PASSWORD, {"shop": "owner"})
    made.users.create("jan", PASSWORD, {"other": "owner"})
    made.users.create("ewa", PASSWORD, {"shop": "analyst"})
    yield made
    asyncio.run(log.close())


@pytest.fixture
def browser(house: House) -> Iterator[TestClient[Litestar]]:
    """A browser that is not logged in; it follows no redirects."""
    with TestClient(house.app, raise_server_exceptions=False) as client:
        client.follow_redirects = False
        yield client


@pytest.fixture
def ola(browser: TestClient[Litestar]) -> TestClient[Litestar]:
    """The browser, logged in as the owner of `shop`."""
    assert login(browser, "ola").status_code == 303
    return browser


def form_token(page: str) -> str:
    found = re.search(r'name="form_token" value="([0-9a-f]+)"', page)
    assert found is not None
    return found[1]


def login(browser: TestClient[Litestar], name: str, password: str = PASSWORD, to: str = "/") -> httpx.Response:
    page = browser.get("/login", params={"next": to})
    given = {"name": name, "password": password, "next": to, "form_token": form_token(page.text)}
    return browser.post("/login", data=given)
