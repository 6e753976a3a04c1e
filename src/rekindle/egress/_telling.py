"""Tell a platform about people of an audience: in batches, parted where one is refused, and what it said written down."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from rekindle.egress import _pace, _tickets
from rekindle.egress._closing import ENOUGH_TRIES, removal_wait_ms
from rekindle.egress._ending import Judge, parted
from rekindle.egress._members import Members, Ready
from rekindle.egress._people import People, Person, Told
from rekindle.egress._prepare import ConsentFacts
from rekindle.egress._quota import Turn
from rekindle.egress._standing import Standing
from rekindle.egress._tickets import Ticket
from rekindle.egress.audience import AudienceConnector
from rekindle.egress.connector import Answer, Disposition, Limits, OutRequest, Verdict
from rekindle.egress.send import Door
from rekindle.model.clock import Clock
from rekindle.model.outcome import Outcome, Reason
from rekindle.privacy.permit import Permit, PermitRefused

_SPLITS: Final = 64
_HOUR_MS: Final = 3_600_000
_ALONE: Final = 7
"""After so many tries a person is told alone, whatever the batch (each quarters it, and 4 to the 7th is 16,384)."""
# The worst that one of a person's requests came to is what the person came to.
_WORST: Final[tuple[Disposition, ...]] = ("hold", "permanent", "split", "retry", "accepted", "delivered")


class Telling:
    """What is told one platform about one audience. Holds nobody after it returned."""

    def __init__(
        self,
        workspace: str,
        name: str,
        limits: Limits,
        classify: Callable[[Answer, int], Verdict],
        members: Members,
        people: People,
        standing: Standing[AudienceConnector],
        turn: Turn,
        door: Door,
        consents: ConsentFacts,
        clock: Clock,
        random: Callable[[], float],
    ) -> None:
        self._workspace = workspace
        self._name = name
        self._limits = limits
        self._classify = classify
        self._members = members
        self._people = people
        self._standing = standing
        self._turn = turn
        self._door = door
        self._consents = consents
        self._clock = clock
        self._random = random

    async def prepare(self, due: Sequence[Person]) -> Sequence[Ready | Told]:
        """Decide about each of them now, with the newest consent."""
        connector = self._standing.connector
        assert connector is not None
        await self._consents.refresh()
        return await asyncio.to_thread(self._members.prepare, due, connector, self._clock())

    async def request(self, request: OutRequest, permits: Sequence[Permit]) -> Verdict:
        """Send one request, at the expense of the account's quota. Raises what `Door.send` raises."""
        connector = self._standing.connector
        assert connector is not None
        self._turn.spend()
        return await self._door.send(
            self._name, self._workspace, connector, self._limits, request, permits, self._classify
        )

    async def tell(self, due: Sequence[Person], connector: AudienceConnector) -> int:
        """Tell the platform about these people; return how many they were. Who could not be told stays due."""
        if not due:
            return 0
        prepared = await self.prepare(due)
        await self._people.record([each for each in prepared if isinstance(each, Told)], self._clock())
        groups: dict[tuple[str, str, int], list[Ready]] = {}
        for each in prepared:
            if isinstance(each, Ready):
                groups.setdefault((each.operation, each.mapped.group, min(each.person.attempts, _ALONE)), []).append(
                    each
                )
        parts = deque(
            group[start : start + size]
            for (_operation, _group, tries), group in groups.items()
            for size in [max(1, connector.batch >> (2 * tries))]
            for start in range(0, len(group), size)
        )
        budget = _SPLITS
        while parts:
            part = parts.popleft()
            state = await self._standing.state()
            if budget <= 0 or (state.state != "running" and self._clock() < state.next_ms):
                break  # they stay due
            budget -= 1
            parts.extendleft(reversed(await self._send(part, connector)))
        return len(due)

    async def _send(self, part: list[Ready], connector: AudienceConnector) -> list[list[Ready]]:
        """Send the requests of one batch and record what became of its people; return the parts that go again."""
        now = self._clock()
        permits = {each.permit.event_id: each.permit for each in part}
        told: dict[str, Disposition] = {}
        tickets: dict[str, Ticket] = {}
        worst: Verdict | None = None
        try:
            for request in connector.build(part[0].operation, [each.mapped for each in part], now):
                verdict = await self.request(request, [permits[name] for name in request.event_ids])
                ticket = _tickets.opened(
                    connector, self._workspace, self._name, part[0].operation, request, verdict, self._clock(),
                    self._random,
                )  # fmt: skip
                for name, one in zip(request.event_ids, verdict.per_event, strict=True):
                    told[name] = min(told.get(name, one), one, key=_WORST.index)
                    if ticket is not None and one == "accepted":
                        tickets[name] = ticket
                if worst is None or _gravity(verdict) < _gravity(worst):
                    worst = verdict
        except PermitRefused:
            return []  # too slow: they stay due and are decided again
        if worst is None:
            await self._refuse(part)
            return []
        return await self._settle(part, told, worst, tickets)

    async def _refuse(self, part: Sequence[Ready]) -> None:
        results = [
            Told(each.person.subject, each.person.sent, Outcome.INVALID, "mapping-failed", "no request was built")
            for each in part
        ]
        await self._people.record(results, self._clock())

    async def _settle(
        self, part: list[Ready], told: Mapping[str, Disposition], worst: Verdict, tickets: Mapping[str, Ticket]
    ) -> list[list[Ready]]:
        now, before = self._clock(), await self._standing.state()
        said = [told.get(each.permit.event_id, "retry") for each in part]
        verdict = msgspec.structs.replace(worst, per_event=tuple(said))
        after = _pace.judged(before, verdict, now, self._standing.fingerprint, self._random, late=False)
        judge = Judge(verdict, after, now, self._random)
        others = before.succeeded_ms > now - _HOUR_MS
        results: list[Told] = []
        rest: list[Ready] = []
        for each, disposition in zip(part, said, strict=True):
            person = each.person
            ticket = tickets.get(each.permit.event_id)
            ending = judge(disposition, person.attempts, alone=len(part) == 1, others_passed=others, ticket=ticket)
            if ending is None:
                rest.append(each)
                continue
            # Removed because consent went, though still wanted: nothing more to do until the audience says so.
            there = each.operation == "add" if disposition in ("delivered", "accepted") else person.sent
            outcome, reason, tries, due, named = ending
            if outcome is Outcome.DEAD and each.operation == "remove" and tries < ENOUGH_TRIES:
                # They are still there: the platform is told again by itself, and only then somebody has to look.
                outcome, reason = Outcome.WAITING, Reason.REMOVAL_REFUSED
                due = now + removal_wait_ms(tries)
            results.append(Told(person.subject, there, outcome, reason, verdict.words, tries, due, named))
        await self._people.record(results, now, list({each.id: each for each in tickets.values()}.values()))
        await self._standing.keep(after)
        return parted(rest, part)


def _gravity(verdict: Verdict) -> int:
    if verdict.credential_action is not None:
        return -1
    return min(_WORST.index(one) for one in verdict.per_event)
