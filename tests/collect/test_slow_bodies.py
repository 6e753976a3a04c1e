"""Bodies that come too slowly are ended by one timer, in virtual time."""

from __future__ import annotations

import asyncio

import pytest

from rekindle.collect._body import SLOWEST_BODY_MS, Bodies
from rekindle.collect._http import Refused
from tests.collect.harness import FakeProtocol, FakeScope
from tests.conftest import FakeClock

SCOPE = FakeScope("POST", "/e", {"content-length": "5"})


class Slow(FakeProtocol):
    """A body that comes when it is told to."""

    def __init__(self) -> None:
        super().__init__(b"whole")
        self.come = asyncio.Event()

    async def __call__(self) -> bytes:
        await self.come.wait()
        return await super().__call__()


async def test_a_slow_body_is_a_408_and_the_others_go_on(clock: FakeClock) -> None:
    bodies = Bodies(clock)
    old, young = Slow(), Slow()
    first = asyncio.create_task(bodies.read(SCOPE, old, 10))
    await asyncio.sleep(0)
    clock.advance(SLOWEST_BODY_MS - 1)
    second = asyncio.create_task(bodies.read(SCOPE, young, 10))
    await asyncio.sleep(0)
    bodies.sweep()
    await asyncio.sleep(0)
    assert not first.done()
    clock.advance(1)
    bodies.sweep()
    with pytest.raises(Refused) as refused:
        await first
    assert (refused.value.status, refused.value.headers) == (408, [("connection", "close")])
    assert first.cancelling() == 0
    young.come.set()
    assert await second == b"whole"


async def test_a_task_that_somebody_else_cancels_is_cancelled(clock: FakeClock) -> None:
    reading = asyncio.create_task(Bodies(clock).read(SCOPE, Slow(), 10))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
