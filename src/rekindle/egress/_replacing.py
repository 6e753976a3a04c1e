"""Replace a list as a whole: everybody who belongs there, in one session, decided again at the moment they leave.

A session has a number, an order of requests and a time in which it must be over. How far it has come stands in the
database: after a crash it goes on with the request that was not answered, and after its time it begins anew with a number
of its own. While it runs nothing else is told the platform about this list; what changed meanwhile follows as
differences. Where a platform cannot replace, or refuses to, everybody is added and removed again one by one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

import msgspec

from rekindle.egress import _pace
from rekindle.egress._members import Ready
from rekindle.egress._people import People, Person, Told
from rekindle.egress._replacements import DONE, FAILED, RUNNING, WANTED, Replacement, Replacements
from rekindle.egress._standing import Standing
from rekindle.egress.audience import AudienceConnector, Replaces, Session
from rekindle.egress.connector import OutRequest, Verdict
from rekindle.model.clock import Clock
from rekindle.model.outcome import Outcome, Reason
from rekindle.privacy.permit import Permit

_LOOK_MS: Final = 5_000
_FIRST: Final = "the list is told for the first time"

Prepare = Callable[[Sequence[Person]], Awaitable[Sequence[Ready | Told]]]
Send = Callable[[OutRequest, Sequence[Permit]], Awaitable[Verdict]]


class _Page(NamedTuple):
    ready: list[Ready]
    told: list[Told]
    last: bool


class Replacing:
    """The replacement of one list, where one is wanted or runs."""

    def __init__(
        self,
        rows: Replacements,
        people: People,
        prepare: Prepare,
        standing: Standing[AudienceConnector],
        send: Send,
        clock: Clock,
        random: Callable[[], float],
    ) -> None:
        self._rows = rows
        self._people = people
        self._prepare = prepare
        self._standing = standing
        self._send = send
        self._clock = clock
        self._random = random
        self._looked_ms = -_LOOK_MS
        self._now: Replacement | None = None

    async def first(self) -> None:
        """Note that this list is told for the first time."""
        if await self._rows.load() is None:
            await self._keep(Replacement(WANTED, words=_FIRST, updated_ms=self._clock()))

    async def step(self, connector: AudienceConnector, *, caught_up: bool) -> int | None:
        """Do the next request; return how many people were dealt with, or None when there is nothing to replace.

        A session begins only when everything that came until now is known (``caught_up``).
        """
        now = self._clock()
        found = await self._current(now)
        if found is None:
            return None
        if not isinstance(connector, Replaces) and found.words == _FIRST:
            # Nobody was told yet: the differences are everybody.
            await self._keep(msgspec.structs.replace(found, state=DONE, updated_ms=now))
            return None
        if not isinstance(connector, Replaces):
            await self._start_over(found, "the platform cannot replace a list as a whole")
            return 1
        if found.state == WANTED:
            if not caught_up:
                return 0
            session = now * 1000 + int(self._random() * 1000)
            total = await self._people.wanted()
            found = Replacement(RUNNING, session, now, total=total, updated_ms=now)
            await self._keep(found)
        elif now >= found.began_ms + connector.replace_ms:
            await self._keep(Replacement(WANTED, words="the session's time was over", updated_ms=now))
            return 1
        return await self._request(found, connector)

    async def _current(self, now: int) -> Replacement | None:
        if self._now is None and now - self._looked_ms >= _LOOK_MS:
            self._looked_ms = now
            found = await self._rows.load()
            self._now = found if found is not None and found.state in (WANTED, RUNNING) else None
        return self._now

    async def _request(self, found: Replacement, connector: Replaces) -> int:
        page = await self._page(found, connector)
        if not page.ready:
            # Nobody is left who may be there: without people there is no request that could end a session.
            await self._people.record(page.told, self._clock())
            if found.seq == 1:
                await self._start_over(found, "nobody may be on the list", state=DONE)
            else:
                await self._keep(Replacement(WANTED, words="the last of a session left", updated_ms=self._clock()))
            return len(page.told) or 1
        session = Session(found.session, found.seq, page.last, found.total)
        request = connector.replace([each.mapped for each in page.ready], session)
        verdict = await self._send(request, [each.permit for each in page.ready])
        now, before = self._clock(), await self._standing.state()
        after = _pace.judged(before, verdict, now, self._standing.fingerprint, self._random, late=False)
        said = set(verdict.per_event)
        if said <= {"delivered", "accepted"}:
            done = [
                Told(each.person.subject, True, Outcome(one), Reason.OK, verdict.words, 1, ticket=found.mark)
                for each, one in zip(page.ready, verdict.per_event, strict=True)
            ]
            await self._people.record([*page.told, *done], now)
            await self._advance(found, page)
        elif said & {"permanent", "split"}:
            await self._start_over(found, verdict.words, state=FAILED)
        await self._standing.keep(after)
        return len(page.ready)

    async def _page(self, found: Replacement, connector: Replaces) -> _Page:
        """Return whom the next request holds. It looks one further, because the last request must say that it is."""
        ready: list[Ready] = []
        told: list[Told] = []
        after = found.after
        while len(ready) <= connector.replace_batch:
            rows: list[Person] = await self._people.page(after, connector.replace_batch + 1)
            if not rows:
                return _Page(ready, told, last=True)
            after = rows[-1].subject
            for each in await self._prepare(rows):
                if isinstance(each, Ready):
                    ready.append(each)
                else:
                    told.append(each)
        ready = ready[: connector.replace_batch]
        end = ready[-1].person.subject
        return _Page(ready, [each for each in told if each.subject <= end], last=False)

    async def _advance(self, found: Replacement, page: _Page) -> None:
        now = self._clock()
        if page.last:
            await self._people.replaced(found.mark, now)
            await self._keep(msgspec.structs.replace(found, state=DONE, words="", updated_ms=now))
        else:
            end = page.ready[-1].person.subject
            await self._keep(msgspec.structs.replace(found, seq=found.seq + 1, after=end, updated_ms=now))

    async def _start_over(self, found: Replacement, words: str, state: str = DONE) -> None:
        """Tell everybody again one by one: what the platform holds is not known."""
        now = self._clock()
        await self._people.start_over(now)
        await self._keep(msgspec.structs.replace(found, state=state, words=words, updated_ms=now))

    async def _keep(self, replacement: Replacement) -> None:
        await self._rows.save(replacement)
        self._now = replacement if replacement.state in (WANTED, RUNNING) else None
