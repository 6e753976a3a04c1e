"""Clients that number their events and note every 2xx in a book of their own."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import aiohttp
import msgspec

from rekindle.model.clock import Clock, rfc3339
from rekindle.sandbox.torture.books import Acknowledged, Book, Line, Withdrawn

GRANTED = {"ad_storage": "granted", "ad_user_data": "granted", "ad_personalization": "granted"}
DENIED = {"ad_storage": "denied", "ad_user_data": "denied", "ad_personalization": "denied"}


class Answered(msgspec.Struct):
    """What the gateway said, as far as it matters here."""

    accepted: int = 0


def person_of(event_id: str) -> str:
    """Return whose event it is: ids are ``g-client-person-number``, or ``d-…`` where consent was denied."""
    return event_id.rpartition("-")[0]


def denied(event_id: str) -> bool:
    """Say whether the event carried a refusal, and so must never be delivered."""
    return event_id.startswith("d-")


class Client:
    """One server that writes events for many people, one after the other.

    A third of them withdraw their consent at the end, and one in six never gave it. Requests without an answer are
    sent again with the same ids, four times of five; the others are given up, and nothing is known of them. One in twenty is sent twice in any case.
    """

    def __init__(self, number: int, seed: int, url: str, key: str, book: Book, clock: Clock) -> None:
        self._name = str(number)
        self._random = Random(f"{seed}/{number}")  # noqa: S311 - repeatable, and nothing secret
        self._url = url
        self._headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        self._book = book
        self._clock = clock
        self._number = 0
        self.statuses: Counter[str] = Counter()
        self.sent = 0

    async def run(self, session: aiohttp.ClientSession, stopping: Callable[[], bool]) -> None:
        """Write until told to stop."""
        people = 0
        while not stopping():
            people += 1
            kind = "d" if self._random.random() < 1 / 6 else "g"
            person = f"{kind}-{self._name}-{people}"
            for _ in range(self._random.randint(1, 8)):
                await self._write(session, stopping, person, DENIED if kind == "d" else GRANTED)
                await asyncio.sleep(self._random.uniform(0.01, 0.1))
            if kind == "g" and self._random.random() < 1 / 3:
                await self._withdraw(session, person)

    async def _write(
        self, session: aiohttp.ClientSession, stopping: Callable[[], bool], person: str, consent: dict[str, str]
    ) -> None:
        events = [self._event(person, consent) for _ in range(self._random.randint(1, 4))]
        self.sent += len(events)
        answer = await self._post(session, stopping, events, again=self._random.random() < 0.8)
        if answer is not None and answer.accepted == len(events):
            now = self._clock()
            if self._random.random() < 0.05:  # as one whose answer got lost on the way
                await self._post(session, stopping, events, again=False)
            await self._note([Acknowledged(event["event_id"], now) for event in events])

    async def _withdraw(self, session: aiohttp.ClientSession, person: str) -> None:
        event = self._event(person, DENIED) | {"event_id": f"d-{person}-withdrawal"}
        # Not given up at the end either: a withdrawal that may or may not have arrived could not be judged.
        if await self._post(session, lambda: False, [event], again=True) is not None:
            await self._note([Withdrawn(person, self._clock())])

    def _event(self, person: str, consent: dict[str, str]) -> dict[str, Any]:
        self._number += 1
        name = f"{person}-{self._number}"
        return {
            "event": "view_item",
            "event_id": name,
            "event_time": rfc3339(self._clock()),
            "client": {"client_id": person},
            "consent": consent,
            "ecommerce": {"transaction_id": name, "items": [{"item_id": f"sku-{self._number % 50}"}]},
        }

    async def _post(
        self,
        session: aiohttp.ClientSession,
        stopping: Callable[[], bool],
        events: list[dict[str, Any]],
        *,
        again: bool,
    ) -> Answered | None:
        body = msgspec.json.encode(events)
        while True:
            try:
                async with session.post(self._url, data=body, headers=self._headers) as answer:
                    raw = await answer.read()
                    self.statuses[str(answer.status)] += 1
                    if answer.status == 200:
                        return msgspec.json.decode(raw, type=Answered)
                    if answer.status < 500:
                        return None
            except (aiohttp.ClientError, TimeoutError, OSError):
                self.statuses["no answer"] += 1
            if not again or stopping():
                return None
            await asyncio.sleep(self._random.uniform(0.05, 0.3))

    async def _note(self, lines: list[Line]) -> None:
        await asyncio.to_thread(self._book.write, lines)
