"""Group commit for the ledger: what comes while one commit is on its way goes together with the next.

Not all of it: a platform that was away has batches of a thousand, and their lines must not make those of a lane that is up
to date wait. Each commit takes every small call, and a part of one large call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from rekindle.privacy.ledger import LedgerLine

_SMALL: Final = 64
"""A call of at most so many lines waits for one commit that is under way and for nothing else."""
_PART: Final = 500
"""Lines of a larger call that go together: a few milliseconds."""


class Recorder(Protocol):
    """Where sends are written down (`rekindle.privacy.ledger.Ledger`)."""

    def append(self, lines: Sequence[LedgerLine]) -> None:
        """Write the lines durably, or raise."""
        ...


class _Entry(NamedTuple):
    lines: Sequence[LedgerLine]
    written: asyncio.Future[None]


class Journal:
    """Writes lines for many requests at once. Small calls are written in their order, large ones in turns."""

    def __init__(self, ledger: Recorder) -> None:
        self._ledger = ledger
        self._waiting: list[_Entry] = []
        self._writing: asyncio.Task[None] | None = None

    async def append(self, lines: Sequence[LedgerLine]) -> None:
        """Return when the lines are durable. Raises what the ledger raises for them, and then they are not all written."""
        for start in range(0, len(lines), _PART):
            await self._append(lines[start : start + _PART])

    async def _append(self, lines: Sequence[LedgerLine]) -> None:
        entry = _Entry(lines, asyncio.get_running_loop().create_future())
        self._waiting.append(entry)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        await entry.written

    async def _write(self) -> None:
        try:
            while self._waiting:
                wanted = self._take()
                if await self._commit(wanted) and len(wanted) > 1:
                    # One of them cannot be written; the others must not suffer for it.
                    for entry in wanted:
                        await self._commit([entry])
        finally:
            self._writing = None

    def _take(self) -> list[_Entry]:
        """Return what the next commit writes; the rest keeps waiting, in its order."""
        # Whoever gave up waiting sends nothing, so there is nothing to record.
        waiting = [entry for entry in self._waiting if not entry.written.done()]
        large = next((entry for entry in waiting if len(entry.lines) > _SMALL), None)
        self._waiting = [entry for entry in waiting if entry is not large and len(entry.lines) > _SMALL]
        return [entry for entry in waiting if entry is large or len(entry.lines) <= _SMALL]

    async def _commit(self, entries: Sequence[_Entry]) -> bool:
        """Write entries in one transaction; return whether several failed together (each may be tried alone)."""
        try:
            await asyncio.to_thread(self._ledger.append, [line for entry in entries for line in entry.lines])
        except asyncio.CancelledError:
            for entry in entries:
                entry.written.cancel()
            raise
        except BaseException as error:  # noqa: BLE001 - it is raised where the lines came from
            if len(entries) > 1 and isinstance(error, Exception):
                return True
            for entry in entries:
                if not entry.written.done():
                    entry.written.set_exception(error)
            return False
        for entry in entries:
            if not entry.written.done():
                entry.written.set_result(None)
        return False
