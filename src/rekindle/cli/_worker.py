"""The worker's role: the lanes to the platforms first, then the views of the log and what else follows it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import structlog

from rekindle.cli._compose import Installation
from rekindle.cli._lanes import Lanes
from rekindle.egress.http import HttpTransport
from rekindle.model.discover import discover
from rekindle.model.ports import FeedIds
from rekindle.ops.health import Health
from rekindle.ops.interpreter import loading, settled
from rekindle.ops.loop import run_steps, stop_on_signals

_log = structlog.get_logger()
_IDLE_S = 0.2
_THREADS = 32
_LONGEST_S = 10.0
"""So long at most the rest of the worker waits for the lanes' first step."""


async def run(installation: Installation) -> None:
    """Follow the log until SIGTERM.

    A restart with a backlog sends first: the views have a backlog of their own then, and would take processor and
    database from the reading of the newest consents, without which nothing may leave.
    """
    settings = installation.settings
    # The default is four more than there are cores: a handful of lanes that wait for the database's one writer would
    # leave no thread for those that only read.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS, thread_name_prefix="work"))
    transport = HttpTransport(allow_private=settings.allow_private_addresses)
    lanes = Lanes(installation, transport, _FeedIds(installation), _IDLE_S)
    health = Health(settings.host, settings.worker_port, lambda: True)
    health.start()
    stopping = stop_on_signals()
    settled()
    first = {"lanes": lanes.step, "credentials": lanes.renew, "consents": installation.consents.step}
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(run_steps(first, idle_s=_IDLE_S, stopping=stopping))
            await _first_steps(lanes, stopping)
            tell_set_aside()
            if not stopping.is_set():
                # Loading what the views need takes a quarter of a start, and no lane needs it.
                with loading():
                    from rekindle.cli._rooms import rooms

                group.create_task(run_steps(rooms(installation, transport), idle_s=_IDLE_S, stopping=stopping))
    finally:
        await lanes.close()
        await transport.close()
        health.stop()


def tell_set_aside() -> None:
    """Name in the log the destinations of others that cannot be loaded; nothing is wrong for those who use none."""
    for name, why in discover("rekindle.destinations").set_aside.items():
        _log.warning("connector set aside", destination=name, reason=why)


async def _first_steps(lanes: Lanes, stopping: asyncio.Event) -> None:
    waits = [asyncio.create_task(event.wait()) for event in (lanes.stepped, stopping)]
    await asyncio.wait(waits, timeout=_LONGEST_S, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


class _FeedIds:
    """The published ids (`rekindle.model.ports.FeedIds`), loaded when a lane of a destination with a feed asks."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation

    def channels(self, workspace: str) -> Sequence[str]:
        """See `FeedIds.channels`."""
        return self._ids.channels(workspace)

    def missing(self, workspace: str, feed: str, item_ids: Sequence[str]) -> Mapping[str, str]:
        """See `FeedIds.missing`."""
        return self._ids.missing(workspace, feed, item_ids)

    @cached_property
    def _ids(self) -> FeedIds:
        from rekindle.feeds import PublishedIds

        return PublishedIds(self._installation.database, self._installation.blobs, self._installation.clock)
