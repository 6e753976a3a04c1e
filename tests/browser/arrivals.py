"""What the tag has sent, and waiting for it: for the thing itself, as long as a busy machine may need."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from playwright.async_api import Page

# Only a fault waits so long; a machine that does ten other things does not.
PATIENCE_S = 120


class Arrivals:
    """The batches that a server was sent."""

    def __init__(self) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self._changed = asyncio.Condition()

    async def add(self, batch: list[dict[str, Any]]) -> None:
        async with self._changed:
            self.batches.append(batch)
            self._changed.notify_all()

    @property
    def events(self) -> list[dict[str, Any]]:
        """All events so far, in the order of arrival, repeated ones too."""
        return [event for batch in self.batches for event in batch]

    def sent(self, name: str) -> list[dict[str, Any]]:
        """All events of one name, repeated ones too."""
        return [event for event in self.events if event["event"] == name]

    def named(self, name: str) -> list[dict[str, Any]]:
        """The events of one name, each as it came first.

        A page that is left before it read the answer lets the next page send again (at least once, under one id).
        """
        first = {event["event_id"]: event for event in reversed(self.sent(name))}
        return list(reversed(first.values()))

    async def until(self, true: Callable[[], object]) -> None:
        """Wait until ``true()``; it is asked after each batch. Raises `AssertionError` with what has arrived."""
        async with self._changed:
            try:
                await asyncio.wait_for(self._changed.wait_for(lambda: bool(true())), PATIENCE_S)
            except TimeoutError:
                raise AssertionError(f"arrived: {[event['event'] for event in self.events]}") from None

    async def until_named(self, name: str, count: int = 1) -> list[dict[str, Any]]:
        await self.until(lambda: len(self.named(name)) >= count)
        return self.named(name)


async def turned(page: Page, ms: int, true: Callable[[], object]) -> None:
    """Turn the page's own clock on by ``ms`` until ``true()``. Raises `TimeoutError`."""
    async with asyncio.timeout(PATIENCE_S):
        while not true():
            await page.clock.run_for(ms)
