"""API keys for servers: ``rk_<id>_<secret><checksum>``, shown once and stored as SHA-256.

The fixed prefix and the CRC-32 let secret scanners find a leaked key without asking anyone; the secret has 256 bits,
so a plain hash is enough (argon2 is for what people remember).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import zlib
from collections import OrderedDict
from collections.abc import Callable, Collection

import msgspec
import sqlalchemy as sa

from rekindle.engines.database import Database
from rekindle.model.clock import Clock
from rekindle.workspace.access import _tables as t
from rekindle.workspace.access.roles import SCOPES

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_FORM = re.compile(r"(rk_([0-9A-Za-z]{11})_[0-9A-Za-z]{43})([0-9A-Za-z]{6})", re.ASCII)
_CACHED = 1024


class ApiKey(msgspec.Struct, frozen=True):
    """One key without its secret. ``scopes`` are those of `rekindle.workspace.access.SCOPES`; times in ms."""

    id: str
    workspace: str
    name: str
    scopes: frozenset[str]
    created_by: str
    created_ms: int
    expires_ms: int | None = None
    revoked_ms: int | None = None


class NewApiKey(msgspec.Struct, frozen=True):
    """A key just made; ``text`` is shown to the person once."""

    text: str
    key: ApiKey

    def __repr__(self) -> str:
        return f"NewApiKey(id={self.key.id!r})"


class ApiKeys:
    """Make, check and revoke keys.

    A checked key is remembered for ``cache_ms`` (at most 1,024 of them), because the gateway asks for every request;
    so a revoked key can work that long in another process, and not at all in this one.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        random: Callable[[int], bytes] = secrets.token_bytes,
        *,
        cache_ms: int = 5000,
    ) -> None:
        self._database = database
        self._clock = clock
        self._random = random
        self._cache_ms = cache_ms
        self._cache: OrderedDict[str, tuple[int, ApiKey]] = OrderedDict()

    def create(
        self, workspace: str, name: str, scopes: Collection[str], created_by: str, expires_ms: int | None = None
    ) -> NewApiKey:
        """Make a key for one workspace. Raises `ValueError` for a bad name, scope or expiry."""
        self.check(name, scopes, expires_ms)
        name, now = name.strip(), self._clock()
        identity = _base62(int.from_bytes(self._random(8), "big"), 11)
        body = f"rk_{identity}_{_base62(int.from_bytes(self._random(32), 'big'), 43)}"
        text = body + _checksum(body)
        key = ApiKey(identity, workspace, name, frozenset(scopes), created_by, now, expires_ms)
        with self._database.begin() as connection:
            connection.execute(
                t.api_keys.insert().values(
                    id=identity,
                    workspace=workspace,
                    name=name,
                    secret_hash=_digest(text),
                    scopes=" ".join(sorted(key.scopes)),
                    created_by=created_by,
                    created_ms=now,
                    expires_ms=expires_ms,
                )
            )
        return NewApiKey(text, key)

    def check(self, name: str, scopes: Collection[str], expires_ms: int | None = None) -> None:
        """Raise `ValueError` when `create` would."""
        name = name.strip()
        if not 1 <= len(name) <= 100 or not name.isprintable():
            raise ValueError(f"key name {name[:40]!r} cannot be used; give 1 to 100 printable characters")
        unknown = sorted(set(scopes) - set(SCOPES))
        if unknown or not scopes:
            raise ValueError(f"scopes {unknown} cannot be used; choose at least one of {', '.join(SCOPES)}")
        if expires_ms is not None and expires_ms <= self._clock():
            raise ValueError("the key would already have expired; choose a later day")

    def verify(self, text: str) -> ApiKey | None:
        """Return the live key, or None. A mistyped key fails its checksum and costs no look into the database."""
        form = _FORM.fullmatch(text)
        if form is None or _checksum(form[1]) != form[3]:
            return None
        now, digest = self._clock(), _digest(text)
        cached = self._cache.get(digest)
        if cached is not None and now < cached[0]:
            key = cached[1]
            return None if key.expires_ms is not None and now >= key.expires_ms else key
        with self._database.read() as connection:
            row = connection.execute(sa.select(t.api_keys).where(t.api_keys.c.id == form[2])).one_or_none()
        if row is None or not hmac.compare_digest(row.secret_hash, digest):
            return None
        if row.revoked_ms is not None or (row.expires_ms is not None and now >= row.expires_ms):
            return None
        key = _key(row)
        self._cache[digest] = (now + self._cache_ms, key)
        while len(self._cache) > _CACHED:
            self._cache.popitem(last=False)
        return key

    def revoke(self, workspace: str, key_id: str) -> bool:
        """End a key of this workspace; return whether there was a live one."""
        with self._database.begin() as connection:
            found = connection.execute(
                t.api_keys.update()
                .where(
                    t.api_keys.c.id == key_id, t.api_keys.c.workspace == workspace, t.api_keys.c.revoked_ms.is_(None)
                )
                .values(revoked_ms=self._clock())
            ).rowcount
        self._cache.clear()
        return bool(found)

    def of(self, workspace: str) -> list[ApiKey]:
        """Return every key of a workspace, newest first, revoked ones too."""
        query = (
            sa.select(t.api_keys)
            .where(t.api_keys.c.workspace == workspace)
            .order_by(t.api_keys.c.created_ms.desc(), t.api_keys.c.id)
        )
        with self._database.read() as connection:
            return [_key(row) for row in connection.execute(query)]


def _key(row: sa.Row[tuple[object, ...]]) -> ApiKey:
    return ApiKey(
        row.id,
        row.workspace,
        row.name,
        frozenset(row.scopes.split()),
        row.created_by,
        row.created_ms,
        row.expires_ms,
        row.revoked_ms,
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), 6)


def _base62(number: int, width: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 62)
        digits = _DIGITS[rest] + digits
    return digits.rjust(width, "0")
