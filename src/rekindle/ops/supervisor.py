"""One process tree: start the roles, start them again when they die, stop them in order."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence

import structlog

from rekindle.ops.loop import SUPERVISOR, rest

_log = structlog.get_logger()

_GRACE_S = 30.0
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0


async def supervise(
    commands: Mapping[str, Sequence[str]],
    stopping: asyncio.Event,
    *,
    environment: Mapping[str, str] | None = None,
    first_pause_s: float = _FIRST_PAUSE_S,
) -> None:
    """Run every command as a child until ``stopping``; then SIGTERM, and SIGKILL after 30 s.

    A child that ends is started again after ``first_pause_s``, doubling up to 30 s while it keeps ending quickly.
    ``environment`` is added to this process's own.
    """
    everything = {**os.environ, **(environment or {}), SUPERVISOR: str(os.getpid())}
    async with asyncio.TaskGroup() as group:
        for name, command in commands.items():
            group.create_task(_keep(name, command, everything, stopping, first_pause_s), name=name)


async def _keep(
    name: str, command: Sequence[str], environment: Mapping[str, str], stopping: asyncio.Event, first_pause_s: float
) -> None:
    pause = first_pause_s
    loop = asyncio.get_running_loop()
    while not stopping.is_set():
        began = loop.time()
        # A session of its own, so that Ctrl-C in a terminal reaches the children through us, once, and in order.
        child = await asyncio.create_subprocess_exec(*command, env=environment, start_new_session=True)
        _log.info("started", process=name, pid=child.pid)
        ended = asyncio.create_task(child.wait())
        told = asyncio.create_task(stopping.wait())
        await asyncio.wait({ended, told}, return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        if stopping.is_set():
            await _stop(name, child)
            return
        _log.error("ended, starting again", process=name, status=child.returncode, pause_s=pause)
        await rest(stopping, pause)
        lived_well = loop.time() - began > 60
        pause = first_pause_s if lived_well else min(pause * 2, _LONGEST_PAUSE_S)


async def _stop(name: str, child: asyncio.subprocess.Process) -> None:
    if child.returncode is None:
        child.terminate()
    try:
        async with asyncio.timeout(_GRACE_S):
            await child.wait()
    except TimeoutError:
        _log.error("did not stop in time, killed", process=name)
        child.kill()
        await child.wait()
