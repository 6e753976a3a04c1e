"""A platform's quota of requests is the account's, however many workers send: one bucket in the database for all of them."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.egress._tables import quotas
from rekindle.engines.database import Database
from rekindle.engines.database.core import upsert
from rekindle.model.clock import Clock

_SHARE: Final = 4
"""One worker takes at most this part of a second's requests at a time, so that it neither hoards nor asks all the time."""


class Quota:
    """A token bucket for ``per_second`` requests on average; one second's may go at once.

    What a worker has taken and not used when it ends is lost, so that restarts never send more than the quota.
    """

    def __init__(self, database: Database, workspace: str, destination: str, per_second: float, clock: Clock) -> None:
        self._database = database
        self._key = {"workspace": workspace, "destination": destination}
        self._rate = per_second / 1000
        self._most = max(1.0, per_second)
        self._clock = clock
        self._next_ms = 0

    async def take(self, wanted: int) -> int:
        """Return for how many requests there is leave now, up to ``wanted``. Asks nobody before the next can be there."""
        now = self._clock()
        if wanted <= 0 or now < self._next_ms:
            return 0
        share = min(wanted, max(1, int(self._most / _SHARE)))
        taken, left = await self._database.run(lambda connection: self._take(connection, share, now))
        self._next_ms = 0 if taken else now + max(1, int((1 - left) / self._rate))
        return taken

    @property
    def next_ms(self) -> int:
        """When to ask again; 0: at once."""
        return self._next_ms

    async def block(self, until_ms: int) -> None:
        """Give nobody leave before ``until_ms``: the platform asked one of those who share the account to wait."""
        values = {"tokens": 0.0, "filled_ms": until_ms}

        def write(connection: Connection) -> None:
            statement = upsert(quotas, self._database.dialect).values(**self._key, **values)
            later = quotas.c.filled_ms < until_ms
            changed = statement.on_conflict_do_update(index_elements=list(self._key), set_=values, where=later)
            connection.execute(changed)

        await self._database.run(write)

    def _take(self, connection: Connection, wanted: int, now: int) -> tuple[int, float]:
        mine = [quotas.c[name] == value for name, value in self._key.items()]
        row = connection.execute(sa.select(quotas.c.tokens, quotas.c.filled_ms).where(*mine)).first()
        if row is None:
            tokens, filled = self._most, now
        else:
            # Another worker's clock may be ahead; time that was counted once is not counted again.
            filled = max(now, row.filled_ms)
            tokens = min(self._most, row.tokens + (filled - row.filled_ms) * self._rate)
        taken = min(wanted, int(tokens + 1e-9))
        values = {"tokens": tokens - taken, "filled_ms": filled}
        statement = upsert(quotas, self._database.dialect).values(**self._key, **values)
        connection.execute(statement.on_conflict_do_update(index_elements=list(self._key), set_=values))
        return taken, tokens - taken


class Turn:
    """Leave for somebody who makes several requests at a go: one is enough to begin with, the others are paid for later."""

    def __init__(self, quota: Quota | None) -> None:
        """Without a quota there is always leave."""
        self._quota = quota
        self._left = 0

    async def may(self) -> bool:
        """Say whether a request may be made now. Leave that was not used stays."""
        if self._quota is not None and self._left < 1:
            self._left += await self._quota.take(1 - self._left)
        return self._quota is None or self._left >= 1

    @property
    def next_ms(self) -> int:
        """When to ask again; 0: at once."""
        return 0 if self._quota is None else self._quota.next_ms

    def spend(self) -> None:
        """Note one request."""
        self._left -= 1
