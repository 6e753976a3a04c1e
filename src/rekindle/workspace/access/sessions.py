"""Server-side sessions: a random 256-bit token in the cookie, only its SHA-256 here."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable

import msgspec
import sqlalchemy as sa

from rekindle.engines.database import Database
from rekindle.model.clock import Clock
from rekindle.workspace.access import _tables as t

IDLE_MS = 60 * 60_000
ABSOLUTE_MS = 12 * 60 * 60_000
_TOUCH_MS = 60_000  # the idle clock is written at most once a minute, not on every request


class Session(msgspec.Struct, frozen=True):
    """A live login. ``reference`` names it on pages; it is no secret and opens nothing."""

    user_id: str
    reference: str
    created_ms: int
    seen_ms: int


class NewSession(msgspec.Struct, frozen=True):
    """A session just made; ``token`` goes into the cookie and is kept nowhere."""

    token: str
    session: Session


class Sessions:
    """Sessions end when idle for ``idle_ms``, after ``absolute_ms`` at the latest, and at once when revoked."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        random: Callable[[int], bytes] = secrets.token_bytes,
        *,
        idle_ms: int = IDLE_MS,
        absolute_ms: int = ABSOLUTE_MS,
    ) -> None:
        self._database = database
        self._clock = clock
        self._random = random
        self.idle_ms = idle_ms
        self.absolute_ms = absolute_ms

    def start(self, user_id: str, replacing: str | None = None) -> NewSession:
        """Make a session with a new token; the token the browser came with (``replacing``) ends.

        A login always gets a new token, so one that was planted in the browser beforehand is worth nothing.
        """
        token = base64.urlsafe_b64encode(self._random(32)).rstrip(b"=").decode()
        digest, now = _digest(token), self._clock()
        with self._database.begin() as connection:
            gone = sa.or_(t.sessions.c.seen_ms <= now - self.idle_ms, t.sessions.c.created_ms <= now - self.absolute_ms)
            connection.execute(t.sessions.delete().where(gone))
            if replacing:
                connection.execute(t.sessions.delete().where(t.sessions.c.token_hash == _digest(replacing)))
            connection.execute(
                t.sessions.insert().values(token_hash=digest, user_id=user_id, created_ms=now, seen_ms=now)
            )
        return NewSession(token, Session(user_id, digest[:12], now, now))

    def check(self, token: str) -> Session | None:
        """Return the live session of a token, or None; counts as activity."""
        session, now = self.look(token), self._clock()
        if session is not None and now - session.seen_ms >= _TOUCH_MS:
            with self._database.begin() as connection:
                mine = t.sessions.c.token_hash == _digest(token)
                connection.execute(t.sessions.update().where(mine).values(seen_ms=now))
        return session

    def look(self, token: str) -> Session | None:
        """Return the live session of a token, or None; a page that watches by itself is no activity."""
        digest, now = _digest(token), self._clock()
        with self._database.read() as connection:
            row = connection.execute(sa.select(t.sessions).where(t.sessions.c.token_hash == digest)).one_or_none()
        if row is None or now >= row.seen_ms + self.idle_ms or now >= row.created_ms + self.absolute_ms:
            return None
        return Session(row.user_id, digest[:12], row.created_ms, row.seen_ms)

    def revoke(self, token: str) -> None:
        """End one session."""
        with self._database.begin() as connection:
            connection.execute(t.sessions.delete().where(t.sessions.c.token_hash == _digest(token)))

    def revoke_all(self, user_id: str) -> int:
        """End every session of a user (after a password change, say); return how many there were."""
        with self._database.begin() as connection:
            return connection.execute(t.sessions.delete().where(t.sessions.c.user_id == user_id)).rowcount


def form_token(token: str) -> str:
    """Return the word that every form of this session carries; it cannot be turned back into the session's token."""
    return hmac.new(token.encode(), b"rekindle form", hashlib.sha256).hexdigest()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
