"""Taking a person off the platforms' lists: what must be told to whom, kept encrypted until it was told."""

from __future__ import annotations

import os
from collections.abc import Sequence

import msgspec
import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from rekindle.engines.database import Database
from rekindle.model.clock import Clock
from rekindle.model.sealed import Sealed, pack, unpack
from rekindle.privacy._tables import subject_removals as table
from rekindle.privacy.keys import Keyring

_NONCE = 12
PENDING, ASKED, REMOVED, TAKEN, REFUSED, IMPOSSIBLE = (
    "pending", "asked", "removed", "taken", "refused", "impossible",
)  # fmt: skip
OPEN = frozenset({PENDING, ASKED})
_CLAIM_MS = 120_000
FIRST_MS, LONGEST_MS = 60_000, 6 * 3_600_000
_HOUR_MS, _DAY_MS = 3_600_000, 24 * 3_600_000
REFUSALS = 6
"""So often a removal that a platform refused is told again, over four days: an account is repaired by then, or nobody will."""


class Removal(msgspec.Struct, frozen=True):
    """One platform.

    ``state``: ``pending`` (to be told), ``asked`` (it took the request and has not decided), ``removed`` (it confirmed
    it), ``taken`` (it took the request and never said more), ``refused`` or ``impossible``. The first two are open.
    ``tickets`` are by what it is asked, until ``deadline_ms``. ``refusals``: how often it was refused and told again.
    """

    request: str
    destination: str
    state: str
    reason: str
    attempts: int
    next_ms: int
    updated_ms: int
    tickets: tuple[str, ...] = ()
    deadline_ms: int = 0
    refusals: int = 0


class Removals:
    """One workspace's removals.

    Who executes them takes `due`, tells or asks the platform, and says `settle`, `again`, `refused` or `waits`.
    """

    def __init__(self, database: Database, keyring: Keyring, clock: Clock, workspace: str) -> None:
        self._database = database
        self._keyring = keyring
        self._clock = clock
        self._workspace = workspace

    def queue(self, request: str, destination: str, people: Sequence[Sealed]) -> None:
        """Put a removal down; ``people`` are what the platform may know the person by."""
        cipher, nonce = self._cipher(), os.urandom(_NONCE)
        plain = msgspec.msgpack.encode([pack(one) for one in people])
        payload = nonce + cipher.encrypt(nonce, plain, self._bound(request, destination))
        self._put(request, destination, PENDING, "", payload)

    def impossible(self, request: str, destination: str, reason: str) -> None:
        """Note a platform that cannot forget, and why."""
        self._put(request, destination, IMPOSSIBLE, reason, b"")

    def due(self) -> list[tuple[Removal, list[Sealed]]]:
        """Return what is to be told or asked now, with what the platform knows the person by.

        For two minutes nobody else gets them; who does not say what became of one is followed by another.
        """
        now = self._clock()
        mine = (table.c.workspace == self._workspace, table.c.state.in_(sorted(OPEN)), table.c.next_ms <= now)
        with self._database.read() as connection:
            if connection.execute(sa.select(table.c.request).where(*mine).limit(1)).first() is None:
                return []
        with self._database.begin() as connection:
            rows = connection.execute(sa.select(table).where(*mine).order_by(table.c.next_ms)).all()
            connection.execute(sa.update(table).where(*mine).values(next_ms=now + _CLAIM_MS))
        found = []
        for row in rows:
            try:
                plain = self._cipher().decrypt(
                    row.payload[:_NONCE], row.payload[_NONCE:], self._bound(row.request, row.destination)
                )
            except InvalidTag:
                self.settle(row.request, row.destination, IMPOSSIBLE, "what was kept for it cannot be read")
                continue
            people = [unpack(one) for one in msgspec.msgpack.decode(plain, type=list[bytes])]
            found.append((_removal(row), people))
        return found

    def settle(self, request: str, destination: str, state: str, reason: str) -> None:
        """End a removal; what it held is deleted."""
        self._update(request, destination, state=state, reason=reason, payload=b"", updated_ms=self._clock())

    def again(self, removal: Removal, reason: str, until_ms: int = 0) -> None:
        """Try later: after a minute, then twice as long each time, at most six hours; not before ``until_ms``."""
        wait = min(LONGEST_MS, FIRST_MS << min(removal.attempts, 12))
        now = self._clock()
        self._update(
            removal.request, removal.destination,
            reason=reason, attempts=removal.attempts + 1, next_ms=max(now + wait, until_ms), updated_ms=now,
        )  # fmt: skip

    def refused(self, removal: Removal, reason: str) -> bool:
        """Tell it again after an hour, then four times as long each time, a day at most; False when that was enough."""
        if removal.refusals >= REFUSALS:
            return False
        now = self._clock()
        wait = min(_DAY_MS, _HOUR_MS << (2 * removal.refusals))
        self._update(
            removal.request, removal.destination, state=PENDING, reason=reason, attempts=0, tickets="", deadline_ms=0,
            refusals=removal.refusals + 1, next_ms=now + wait, updated_ms=now,
        )  # fmt: skip
        return True

    def waits(self, removal: Removal, tickets: Sequence[str], next_ms: int, deadline_ms: int, reason: str) -> None:
        """Note that the platform took the request and is asked at ``next_ms`` what it decided, until ``deadline_ms``."""
        looks = removal.attempts + 1 if removal.state == ASKED else 0
        self._update(
            removal.request, removal.destination, state=ASKED, reason=reason, attempts=looks, next_ms=next_ms,
            deadline_ms=deadline_ms, tickets=" ".join(tickets), updated_ms=self._clock(),
        )  # fmt: skip

    def of(self, request: str) -> list[Removal]:
        """Return what became of one request at each platform."""
        query = sa.select(table).where(table.c.workspace == self._workspace, table.c.request == request)
        with self._database.read() as connection:
            return [_removal(row) for row in connection.execute(query.order_by(table.c.destination))]

    def _put(self, request: str, destination: str, state: str, reason: str, payload: bytes) -> None:
        now = self._clock()
        with self._database.begin() as connection:
            connection.execute(
                sa.insert(table).values(
                    workspace=self._workspace, request=request, destination=destination, state=state, reason=reason,
                    attempts=0, next_ms=now, updated_ms=now, payload=payload,
                )
            )  # fmt: skip

    def _update(self, request: str, destination: str, **values: object) -> None:
        mine = (
            table.c.workspace == self._workspace,
            table.c.request == request,
            table.c.destination == destination,
        )
        with self._database.begin() as connection:
            connection.execute(sa.update(table).where(*mine).values(**values))

    def _cipher(self) -> AESGCM:
        return AESGCM(self._keyring.derive("subject-removals"))

    def _bound(self, request: str, destination: str) -> bytes:
        return "\x1f".join(("rekindle/removal", self._workspace, request, destination)).encode()


def _removal(row: sa.Row[tuple[object, ...]]) -> Removal:
    return Removal(
        row.request, row.destination, row.state, row.reason, row.attempts, row.next_ms, row.updated_ms,
        tuple(row.tickets.split()), row.deadline_ms, row.refusals,
    )  # fmt: skip
