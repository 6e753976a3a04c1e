"""A gateway with the real privacy engine and the real log, called as Granian calls it."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from rekindle.collect.door import Guards
from rekindle.collect.gateway import Gateway
from rekindle.engines.database import Database
from rekindle.engines.log import SqliteLog
from rekindle.engines.secrets import SealedFileSecrets
from rekindle.model.clock import Clock, rfc3339
from rekindle.model.record import ConsentChange, Record, Stored, Tally, decode
from rekindle.model.sealed import Sealed, unpack
from rekindle.model.web import Route
from rekindle.privacy import redact
from rekindle.privacy.decide import door
from rekindle.privacy.keys import Keyring
from rekindle.privacy.pseudonyms import Pseudonymiser
from rekindle.privacy.suppression import SuppressionCopy
from rekindle.privacy.vault import Vault
from rekindle.workspace import Shop, Workspace

ORIGIN = "https://shop.example"
KEY = "a-key-of-the-shop"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)
GRANTED = {
    "ad_storage": "granted",
    "analytics_storage": "granted",
    "ad_user_data": "granted",
    "ad_personalization": "granted",
}
DENIED = dict.fromkeys(GRANTED, "denied")


def workspace(name: str = "shop", *origins: str) -> Workspace:
    return Workspace(
        shop=Shop(name=name, title="Shop", origins=list(origins) or [ORIGIN], country="PL", currency="PLN")
    )


class Headers:
    def __init__(self, pairs: Mapping[str, str]) -> None:
        self._pairs = {name.lower(): value for name, value in pairs.items()}

    def get(self, key: str, default: Any = None) -> Any:
        return self._pairs.get(key, default)

    def items(self) -> list[tuple[str, str]]:
        return list(self._pairs.items())


class FakeScope:
    proto = "http"
    authority: str | None = None

    def __init__(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        peer: str = "203.0.113.9:5555",
        scheme: str = "https",
    ) -> None:
        self.method = method
        self.path, _, self.query_string = target.partition("?")
        self.client = peer
        self.scheme = scheme
        self._headers = Headers(headers)

    @property
    def headers(self) -> Headers:
        return self._headers


class FakeProtocol:
    """Gives a body, in parts when it is a list, and keeps the answer."""

    def __init__(self, body: bytes | Sequence[bytes]) -> None:
        self._body = body
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.body = b""
        self.file = ""

    async def __call__(self) -> bytes:
        return self._body if isinstance(self._body, bytes) else b"".join(self._body)

    async def _parts(self) -> AsyncIterator[bytes]:
        for part in [self._body] if isinstance(self._body, bytes) else self._body:
            yield part

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._parts()

    def response_empty(self, status: int, headers: list[tuple[str, str]]) -> None:
        self.status, self.headers = status, headers

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    def response_file(self, status: int, headers: list[tuple[str, str]], file: str) -> None:
        self.status, self.headers, self.file = status, headers, file

    def response_file_range(self, status: int, headers: list[tuple[str, str]], file: str, start: int, end: int) -> None:
        self.status, self.headers, self.file, self.span = status, headers, file, (start, end)

    def response_stream(self, status: int, headers: list[tuple[str, str]]) -> FakeProtocol:
        self.status, self.headers = status, headers
        return self

    async def send_bytes(self, data: bytes) -> None:
        self.body += data

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class Street:
    """The gateway, and eyes on what it stored."""

    def __init__(
        self,
        folder: Path,
        database: Database,
        clock: Clock,
        *,
        routes: Sequence[Route] = (),
        trusted_proxies: Sequence[str] = (),
        log: SqliteLog | None = None,
        shops: Mapping[str, Workspace] | None = None,
    ) -> None:
        keyring = Keyring(SealedFileSecrets(folder / "secrets.json", bytes(32)))
        keyring.ensure()
        self.clock = clock
        self.pseudonyms = Pseudonymiser(keyring)
        self.vault = Vault(database, keyring, clock)
        self.log = log or SqliteLog(folder / "log.db", clock=clock)
        self.shops: Mapping[str, Workspace] = shops or {"shop": workspace()}
        guards = Guards(
            door,
            self.pseudonyms.subject,
            self.vault.seal,
            redact.clean_url,
            redact.clean_text,
            redact.clean_search_term,
            SuppressionCopy(database, clock),
        )
        self.gateway = Gateway(
            log=self.log,
            workspaces=lambda: self.shops,
            guards=guards,
            verify=lambda key: "shop" if key == KEY else None,
            clock=clock,
            routes=routes,
            trusted_proxies=trusted_proxies,
        )

    def event(self, **changes: Any) -> dict[str, Any]:
        return {
            "event": "view_item",
            "event_id": base64.b32encode(str(id(changes)).encode()).decode(),
            "event_time": rfc3339(self.clock()),
            "ecommerce": {
                "currency": "PLN",
                "value": 10,
                "items": [{"item_id": "A-1", "price": "10.00", "quantity": 1}],
            },
            "consent": GRANTED,
        } | changes

    async def ask(
        self,
        method: str,
        target: str,
        body: Any = b"",
        headers: Mapping[str, str] | None = None,
        *,
        peer: str = "203.0.113.9:5555",
        scheme: str = "https",
        chunked: bool = False,
    ) -> FakeProtocol:
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        given = {"content-length": str(len(content))} if content and not chunked else {}
        scope = FakeScope(method, target, given | dict(headers or {}), peer, scheme)
        protocol = FakeProtocol(
            content if not chunked else [content[at : at + 1000] for at in range(0, len(content), 1000)]
        )
        await self.gateway.__rsgi__(scope, protocol)
        return protocol

    async def tag(self, body: Any, cookie: str = "", origin: str = ORIGIN, **headers: str) -> FakeProtocol:
        given = {"origin": origin, "user-agent": CHROME, "content-type": "text/plain;charset=UTF-8"} | headers
        if cookie:
            given["cookie"] = f"other=1; rk_id={cookie}"
        return await self.ask("POST", "/e", body, given)

    async def api(self, body: Any, key: str = KEY) -> FakeProtocol:
        return await self.ask("POST", "/v1/events", body, {"authorization": f"Bearer {key}"})

    async def stored(self) -> list[Record]:
        return [decode(entry.value) for entry in await self.log.tail((0, 0), 100_000)]

    async def events(self) -> list[Stored]:
        return [record for record in await self.stored() if isinstance(record, Stored)]

    async def changes(self) -> list[ConsentChange]:
        return [record for record in await self.stored() if isinstance(record, ConsentChange)]

    async def tallies(self) -> dict[tuple[str, str], int]:
        found: dict[tuple[str, str], int] = {}
        for record in await self.stored():
            if isinstance(record, Tally):
                name = (record.outcome, record.reason)
                found[name] = found.get(name, 0) + record.count
        return found

    def open(self, stored: Stored) -> Sealed:
        plaintext = self.vault.open(stored.workspace, stored.subject, stored.sealed)
        assert plaintext is not None
        return unpack(plaintext)

    async def close(self) -> None:
        await self.gateway.close()
        await self.log.close()


def cookie_value(answer: FakeProtocol) -> str:
    header = answer.header("set-cookie")
    assert header is not None
    return header.split(";")[0].removeprefix("rk_id=")
