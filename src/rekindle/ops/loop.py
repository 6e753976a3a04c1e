"""Run steps until told to stop: each does what is there to do and says how much it was."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping

import structlog
from prometheus_client import Counter, Gauge

Step = Callable[[], Awaitable[int]]

_log = structlog.get_logger()
_done = Counter("rekindle_step_done_total", "Things done by a background step", ["step"])
_failed = Counter("rekindle_step_failed_total", "Background steps that ended in an exception", ["step"])
_alive = Gauge("rekindle_step_last_run_seconds", "When a background step last came to an end", ["step"])

_LONGEST_PAUSE_S = 30.0


async def run_steps(
    steps: Mapping[str, Step],
    *,
    idle_s: float,
    stopping: asyncio.Event,
    wakes: Mapping[str, str] | None = None,
    rests: Mapping[str, float] | None = None,
) -> None:
    """Loop every step side by side until ``stopping``; a step in progress is finished first.

    A step that did nothing rests ``idle_s``; one that failed is tried again after a pause that doubles up to 30 s, so
    that one broken room does not stop the others or fill the log. ``wakes`` names for a step the one that goes on with
    what it did, and that then does not rest; ``rests`` are those that rest for another time than ``idle_s``.
    """
    bells = {name: asyncio.Event() for name in steps}
    async with asyncio.TaskGroup() as group:
        for name, step in steps.items():
            following = bells.get((wakes or {}).get(name, ""))
            idle = (rests or {}).get(name, idle_s)
            group.create_task(_loop(name, step, idle, stopping, bells[name], following), name=name)


async def _loop(
    name: str, step: Step, idle_s: float, stopping: asyncio.Event, bell: asyncio.Event, following: asyncio.Event | None
) -> None:
    pause = idle_s
    while not stopping.is_set():
        bell.clear()  # before the look: whoever rings after it is heard
        try:
            done = await step()
        except Exception as error:  # noqa: BLE001 - the loop is the last place that can keep the process going
            _failed.labels(name).inc()
            _log.error("step failed", step=name, exc_info=error)
            pause = min(max(pause, 0.1) * 2, _LONGEST_PAUSE_S)
            await rest(stopping, pause)
            continue
        _done.labels(name).inc(done)
        _alive.labels(name).set_to_current_time()
        pause = idle_s
        if done and following is not None:
            following.set()
        if done == 0:
            await rest(stopping, idle_s, bell)


async def rest(stopping: asyncio.Event, seconds: float, bell: asyncio.Event | None = None) -> None:
    """Wait, or less when it is time to stop or the bell rings."""
    waits = {asyncio.ensure_future(each.wait()) for each in (stopping, bell) if each is not None}
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()


SUPERVISOR = "REKINDLE_SUPERVISOR"
"""Environment variable that tells a child its supervisor's process id."""

_ORPHAN_LOOK_S = 1.0


def stop_on_signals() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set, and the death of the supervisor; for use inside a running loop.

    A supervisor that was killed cannot tell its children, and orphans would keep its ports.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    supervisor = os.environ.get(SUPERVISOR)
    if supervisor is not None:

        def look() -> None:
            if os.getppid() != int(supervisor):
                stopping.set()
            else:
                loop.call_later(_ORPHAN_LOOK_S, look)

        look()
    return stopping
