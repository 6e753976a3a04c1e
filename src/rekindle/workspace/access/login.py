"""Logging in: who proves who they are, and how often they may try."""

from __future__ import annotations

import hashlib
import ipaddress
from typing import Final, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.engines.database import Database
from rekindle.engines.database.core import upsert
from rekindle.model.clock import Clock
from rekindle.workspace.access import _tables as t
from rekindle.workspace.access.users import User, Users

# Tries that cost no wait, by bucket. A name alone is generous, so that a stranger cannot lock its owner out.
_FREE: Final = {"pair": 5, "address": 20, "name": 60}
_FORGET_MS = 60 * 60_000
_FIRST_WAIT_MS = 15_000
_LONGEST_WAIT_MS = 15 * 60_000


class LoginRefused(Exception):
    """Name or password are wrong, or the account is closed; which of them is not told."""


class LoginThrottled(Exception):
    """Too many tries; ``retry_ms`` is how long to wait."""

    def __init__(self, retry_ms: int) -> None:
        super().__init__(f"too many tries; wait {-(-retry_ms // 1000)} s")
        self.retry_ms = retry_ms


class Authenticator(Protocol):
    """The seam for single sign-on: whatever proves a person's identity ends in a `User`."""

    def authenticate(self, name: str, secret: str, address: str) -> User:
        """Return who it is. Raises `LoginRefused` or `LoginThrottled`."""
        ...


class PasswordLogin:
    """Passwords with a growing wait, counted in the database so that every console process sees the same tries."""

    def __init__(self, database: Database, users: Users, clock: Clock) -> None:
        self._database = database
        self._users = users
        self._clock = clock

    def authenticate(self, name: str, secret: str, address: str) -> User:
        """Check a password. Raises `LoginRefused` or `LoginThrottled`.

        The try is counted before the password is looked at, so that a hundred tries at once are a hundred tries.
        """
        buckets = _buckets(name, address)
        with self._database.begin() as connection:
            wait = self._wait(connection, buckets)
            if wait == 0:
                self._count(connection, buckets)
        if wait:
            raise LoginThrottled(wait)
        user = self._users.check(name, secret)
        if user is None:
            raise LoginRefused
        with self._database.begin() as connection:
            # The address stays counted: one good account must not open the door for guessing others.
            cleared = [bucket for kind, bucket in buckets.items() if kind != "address"]
            connection.execute(t.attempts.delete().where(t.attempts.c.bucket.in_(cleared)))
        return user

    def _wait(self, connection: Connection, buckets: dict[str, str]) -> int:
        now = self._clock()
        connection.execute(t.attempts.delete().where(t.attempts.c.last_ms <= now - _FORGET_MS))
        rows = connection.execute(sa.select(t.attempts).where(t.attempts.c.bucket.in_(buckets.values()))).all()
        by_bucket = {row.bucket: row for row in rows}
        wait = 0
        for kind, bucket in buckets.items():
            row = by_bucket.get(bucket)
            if row is not None and row.tries >= _FREE[kind]:
                pause = min(_FIRST_WAIT_MS << min(row.tries - _FREE[kind], 10), _LONGEST_WAIT_MS)
                wait = max(wait, row.last_ms + pause - now)
        return wait

    def _count(self, connection: Connection, buckets: dict[str, str]) -> None:
        now = self._clock()
        for bucket in buckets.values():
            statement = upsert(t.attempts, self._database.dialect).values(bucket=bucket, tries=1, last_ms=now)
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["bucket"], set_={"tries": t.attempts.c.tries + 1, "last_ms": now}
                )
            )


def _buckets(name: str, address: str) -> dict[str, str]:
    """Return hashed bucket names; neither names nor addresses are kept, and hashes go after an hour without a try."""
    name = name.strip().casefold()
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        network = address
    else:
        # One customer of an access provider has a whole /64 of IPv6.
        prefix = 32 if parsed.version == 4 else 64
        network = str(ipaddress.ip_network((parsed, prefix), strict=False))
    texts = {"pair": f"pair\0{name}\0{network}", "address": f"address\0{network}", "name": f"name\0{name}"}
    return {kind: hashlib.sha256(text.encode()).hexdigest()[:32] for kind, text in texts.items()}
