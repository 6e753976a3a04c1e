"""Reading a request's body: at most so large, and not too slowly."""

from __future__ import annotations

import asyncio

from rekindle.collect._http import Protocol_, Refused, Scope
from rekindle.model.clock import Clock

SLOWEST_BODY_MS = 20_000
_LOOK_S = 1.0
_CLOSE = [("connection", "close")]


class Bodies:
    """Reads bodies; one timer for all of them ends those that take too long (a timer for each costs more than most bodies).

    It looks once a second while a body is being read, so a slow one may have that much longer.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._reading: dict[asyncio.Task[object], int] = {}  # the oldest comes first
        self._slow: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def read(self, scope: Scope, protocol: Protocol_, limit: int) -> bytes:
        """Return the whole body. Raises `Refused` when it is larger than ``limit``, encoded, or too slow to come."""
        headers = scope.headers
        encoding = headers.get("content-encoding")
        if encoding is not None and encoding.strip().lower() != "identity":
            raise Refused(415, "content-encoding", "send the body uncompressed")
        length = headers.get("content-length")
        task: asyncio.Task[object] | None = asyncio.current_task()
        if task is None:
            raise RuntimeError("a body is read within a task")
        self._reading[task] = self._clock()
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_LOOK_S, self._look)
        try:
            if length is None:
                return await _unannounced(protocol, limit)
            if int(length) > limit:
                raise _too_large(limit)
            return await protocol()
        except asyncio.CancelledError:
            if task not in self._slow:
                raise
            task.uncancel()
            raise Refused(408, "too-slow", "send the body without pauses", _CLOSE) from None
        except (ValueError, RuntimeError):  # a length that is no number, a connection that broke off
            raise Refused(400, "body", "send the whole body", _CLOSE) from None
        finally:
            self._reading.pop(task, None)
            self._slow.discard(task)

    def sweep(self) -> None:
        """End the reading of every body that has been under way for longer than `SLOWEST_BODY_MS`."""
        latest = self._clock() - SLOWEST_BODY_MS
        slow = []
        for task, began_ms in self._reading.items():
            if began_ms > latest:
                break
            slow.append(task)
        for task in slow:
            self._slow.add(task)
            del self._reading[task]
            task.cancel()

    def _look(self) -> None:
        self.sweep()
        self._timer = asyncio.get_running_loop().call_later(_LOOK_S, self._look) if self._reading else None


async def _unannounced(protocol: Protocol_, limit: int) -> bytes:
    parts, size = [], 0
    async for part in protocol:
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(bytes(part))
    return b"".join(parts)


def _too_large(limit: int) -> Refused:
    return Refused(413, "too-large", f"send at most {limit} bytes in one request", _CLOSE)
