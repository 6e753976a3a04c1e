"""Access tokens that renew themselves: one owner asks the platform, every worker reads what it got.

A token is asked for when there is none, at 80 % of its life, when its means (the client's secret, the refresh token)
were changed, and once when a platform refused it early. Until the new one is there the old one goes on, and for the
rest of its life after that: so nothing stops at a change. While nobody can get a new one, the lanes hold, and go on by
themselves once the means are repaired.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec
import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy.engine import Connection

from rekindle.egress._grant import Grant, GrantRefused, ask
from rekindle.egress._pace import HOLD_MS, backoff_ms
from rekindle.egress._prepare import fingerprint
from rekindle.egress._tables import credentials, lanes
from rekindle.egress.configured import Configured, configured
from rekindle.egress.connector import Manifest, OAuth, SettingsError
from rekindle.egress.http import Transport, TransportFailed
from rekindle.egress.options import take_apart, token_name
from rekindle.engines.database import Database
from rekindle.engines.database.core import upsert
from rekindle.engines.database.lease import Lease, LeaseLost, guard
from rekindle.engines.secrets import SecretMissing
from rekindle.model.clock import Clock
from rekindle.workspace import Workspace

_RENEW_AT: Final = 0.8
_LEASE_MS: Final = 60_000
_NONCE: Final = 12


class Account(msgspec.Struct, frozen=True):
    """One token to be kept. ``seeds`` names the secrets that are its means; ``destinations`` use it."""

    workspace: str
    name: str
    oauth: OAuth
    seeds: Mapping[str, str]
    destinations: tuple[str, ...]


def accounts(workspaces: Iterable[Workspace], manifest: Callable[[Configured], Manifest | None]) -> list[Account]:
    """Return the tokens that the live accounts need; those with the same means share one.

    ``manifest`` returns an account's, or None where its connector is not installed any more.
    """
    found: dict[tuple[str, str], Account] = {}
    for workspace in workspaces:
        for user in configured(workspace):
            declared = manifest(user)
            if declared is None or declared.oauth is None:
                continue
            try:
                seeds = take_apart(declared, user.settings).seeds
            except SettingsError:
                continue  # `apply` tells
            if not seeds:
                continue
            key = (workspace.name, token_name(seeds))
            before = found[key].destinations if key in found else ()
            found[key] = Account(*key, declared.oauth, seeds, (*before, user.name))
    return list(found.values())


class _Row(msgspec.Struct, frozen=True):
    sealed: bytes = b""
    seed: str = ""
    issued_ms: int = 0
    expires_ms: int = 0
    tried: str = ""
    failures: int = 0
    next_ms: int = 0
    words: str = ""


class Credentials:
    """The tokens of an installation. ``holder`` names this process; ``key`` (256 bits) seals what is stored."""

    def __init__(
        self, database: Database, secret: Callable[[str], str], key: bytes, transport: Transport, clock: Clock,
        holder: str, random: Callable[[], float],
    ) -> None:  # fmt: skip
        self._database = database
        self._secret = secret
        self._cipher = AESGCM(key)
        self._transport = transport
        self._clock = clock
        self._holder = holder
        self._random = random

    def get(self, workspace: str, name: str) -> str:
        """Return a token by its name, and any other secret from the store. Raises `SecretMissing`."""
        if not name.startswith(token_name({})):
            return self._secret(name)
        with self._database.read() as connection:
            row = _read(connection, workspace, name)
        if self._clock() < row.expires_ms:
            return self._open(workspace, name, row).access
        why = f": {row.words}" if row.words else "; it is asked for as soon as the worker runs"
        raise SecretMissing(f"there is no living access token for {name.removeprefix(token_name({}))!r}{why}")

    async def step(self, kept: Sequence[Account]) -> int:
        """Renew what is due; return how many tokens were asked for."""
        asked = 0
        for account in kept:
            try:
                values = await asyncio.to_thread(self._values, account)
            except SecretMissing as missing:
                await self._database.run(lambda c, a=account, m=missing: self._note(c, a, str(m)))  # type: ignore[misc]
                continue
            if await self._is_due(account, values):
                asked += await self._renew(account, values)
        return asked

    def _values(self, account: Account) -> dict[str, str]:
        return {seed: self._secret(name) for seed, name in account.seeds.items()}

    async def _is_due(self, account: Account, values: Mapping[str, str]) -> bool:
        def look(connection: Connection) -> bool:
            row = _read(connection, account.workspace, account.name)
            return due(row, fingerprint(values), _refused_ms(connection, account), self._clock())

        return await self._database.query(look)

    async def _renew(self, account: Account, values: Mapping[str, str]) -> int:
        lease = Lease(self._database, self._clock, f"token/{account.workspace}/{account.name}"[:100], self._holder,
                      _LEASE_MS)  # fmt: skip
        fence = await asyncio.to_thread(lease.acquire)
        if fence is None:
            return 0
        try:
            # Another owner may have done it between our look and our lease.
            if not await self._is_due(account, values):
                return 0
            row = await self._database.query(lambda c: _read(c, account.workspace, account.name))
            changed = await self._ask(account, row, values)
            await self._database.run(lambda c: self._write(c, account, changed, lease, fence))
        except LeaseLost:
            return 0  # slept too long; who took over has asked, or will
        finally:
            await asyncio.to_thread(lease.release)
        return 1

    async def _ask(self, account: Account, row: _Row, values: Mapping[str, str]) -> _Row:
        seed, means, now = fingerprint(values), dict(values), self._clock()
        if row.sealed and row.seed == seed and (newer := self._open(account.workspace, account.name, row).refresh):
            means["refresh_token"] = newer
        try:
            grant = await ask(account.oauth, means, self._transport)
        except (GrantRefused, TransportFailed) as error:
            failures = row.failures + 1
            # Refused means will be refused again; a person has to look, and a change of the means is noticed at once.
            wait = HOLD_MS if isinstance(error, GrantRefused) else backoff_ms(failures, 1000, self._random)
            words = f"{account.oauth.makes} could not be renewed: {error}"
            return msgspec.structs.replace(row, tried=seed, failures=failures, next_ms=now + wait, words=words[:400])
        kept = Grant(grant.access, grant.refresh or means.get("refresh_token", ""), grant.life_s)
        sealed = self._seal(account.workspace, account.name, kept)
        return _Row(sealed, seed, now, now + kept.life_s * 1000, tried=seed)

    def _write(self, connection: Connection, account: Account, row: _Row, lease: Lease, fence: int) -> None:
        guard(connection, lease.name, fence)
        values = msgspec.structs.asdict(row)
        key = {"workspace": account.workspace, "name": account.name}
        statement = upsert(credentials, self._database.dialect).values(**key, **values)
        connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))

    def _note(self, connection: Connection, account: Account, words: str) -> None:
        """Keep why there is no token, for the words of a held lane; the token in use is not touched."""
        row = _read(connection, account.workspace, account.name)
        if row.words != words:
            values = msgspec.structs.asdict(msgspec.structs.replace(row, words=words[:400]))
            key = {"workspace": account.workspace, "name": account.name}
            statement = upsert(credentials, self._database.dialect).values(**key, **values)
            connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))

    def _seal(self, workspace: str, name: str, grant: Grant) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, msgspec.json.encode(grant), f"{workspace}\0{name}".encode())

    def _open(self, workspace: str, name: str, row: _Row) -> Grant:
        try:
            plain = self._cipher.decrypt(row.sealed[:_NONCE], row.sealed[_NONCE:], f"{workspace}\0{name}".encode())
        except InvalidTag:
            raise SecretMissing(f"the token {name!r} was sealed with another key") from None
        return msgspec.json.decode(plain, type=Grant)


def due(row: _Row, seed: str, refused_ms: int, now_ms: int) -> bool:
    """Say whether a token must be asked for now. ``refused_ms``: since when lanes that use it hold (0: none does)."""
    if row.tried != seed:
        return True
    if now_ms < row.next_ms:
        return False
    old = now_ms >= row.issued_ms + int((row.expires_ms - row.issued_ms) * _RENEW_AT)
    return old or refused_ms > row.issued_ms


def _refused_ms(connection: Connection, account: Account) -> int:
    query = sa.select(sa.func.max(lanes.c.since_ms)).where(
        lanes.c.workspace == account.workspace,
        lanes.c.destination.in_(account.destinations),
        lanes.c.state == "held",
    )
    return int(connection.execute(query).scalar() or 0)


def _read(connection: Connection, workspace: str, name: str) -> _Row:
    query = sa.select(credentials).where(credentials.c.workspace == workspace, credentials.c.name == name)
    row = connection.execute(query).mappings().first()
    return msgspec.convert({field: row[field] for field in _Row.__struct_fields__}, _Row) if row else _Row()
