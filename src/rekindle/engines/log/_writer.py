"""Group commit: one thread takes everything that waits, stores it in one transaction and wakes all who asked."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from rekindle.engines.log._block import MAX_BYTES, MAX_RECORDS, Packer
from rekindle.engines.log._file import File, Packed, translate
from rekindle.engines.log.protocol import LogFull, LogUnavailable
from rekindle.model.clock import Clock

_AGAIN_MS = 500
# When several calls wait at once, a short pause lets one commit serve many more; a lone call never waits.
_GATHER_S = 0.002


class _Job:
    """Something that waits for the next transaction."""

    __slots__ = ("future",)

    def __init__(self) -> None:
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()


class _Append(_Job):
    """The records of one call."""

    __slots__ = ("size", "values")

    def __init__(self, values: Sequence[bytes], size: int) -> None:
        super().__init__()
        self.values, self.size = values, size


class _Work(_Job):
    """Anything else that needs the write lock: cursors, consumers, trimming."""

    __slots__ = ("do",)

    def __init__(self, do: Callable[[File], Any]) -> None:
        super().__init__()
        self.do = do


class Writer:
    """Owns the writing connection and its thread.

    ``max_waiting`` bounds the bytes that wait for their commit. ``reserve`` is the free disk space, in bytes, below
    which appends are refused, so that cursors and trims can still be written.
    """

    def __init__(self, path: Path, clock: Clock, *, max_waiting: int, reserve: int, max_bytes: int | None) -> None:
        self._path, self._clock = path, clock
        self._max_waiting, self._reserve, self._max_bytes = max_waiting, reserve, max_bytes
        self._packer = Packer()
        self._file: File | None = File(path, writer=True, max_bytes=max_bytes)
        self._appends: deque[_Append] = deque()
        self._works: deque[_Work] = deque()
        self._ready = threading.Event()
        self._lock = threading.Lock()
        self._waiting = 0
        self._closed = False
        self._refused: LogUnavailable | None = None
        self._again_ms = 0
        self.on_commit: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._run, name="rekindle-log", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Bytes that wait for their commit."""
        return self._waiting

    @property
    def refused(self) -> LogUnavailable | None:
        """Why appends are refused at present, or None."""
        return self._refused

    def append(self, values: Sequence[bytes]) -> asyncio.Future[Any]:
        """Queue records; the future resolves once they are on stable storage. Raises `LogUnavailable`, `LogFull`."""
        size = sum(map(len, values))
        job = _Append(values, size)
        with self._lock:
            if self._closed:
                raise LogUnavailable("the log is closed")
            if self._refused is not None and self._clock() < self._again_ms:
                raise type(self._refused)(*self._refused.args)
            # One call alone may be larger than the whole buffer; refusing it would be refusing it for ever.
            if self._waiting and self._waiting + size > self._max_waiting:
                raise LogUnavailable(f"{self._waiting} bytes wait for the disk already; try again in a moment")
            self._waiting += size
            self._appends.append(job)
        # The thread clears the flag before it takes what waits; so a flag that is up still covers this job.
        if not self._ready.is_set():
            self._ready.set()
        return job.future

    def work(self, do: Callable[[File], Any]) -> asyncio.Future[Any]:
        """Queue ``do`` for the next transaction; the future resolves to its result once that is durable."""
        job = _Work(do)
        with self._lock:
            if self._closed:
                raise LogUnavailable("the log is closed")
            self._works.append(job)
        self._ready.set()
        return job.future

    def close(self) -> None:
        """Commit what waits and end the thread. Blocks; call it from a thread."""
        with self._lock:
            self._closed = True
        self._ready.set()
        self._thread.join()

    def _run(self) -> None:
        crowded = False
        while True:
            self._ready.wait()
            if crowded:
                time.sleep(_GATHER_S)
            self._ready.clear()
            with self._lock:
                appends, self._appends = self._appends, deque()
                works, self._works = self._works, deque()
                closed = self._closed
            crowded = len(appends) > 2 and not closed
            if works:
                self._settle(works, *self._transact(works, ()))
            if appends:
                results, error = self._transact((), appends)
                with self._lock:
                    self._waiting -= sum(job.size for job in appends)
                    self._refused = error if isinstance(error, LogUnavailable) else None
                    self._again_ms = self._clock() + _AGAIN_MS
                self._settle(appends, results, error)
            if closed and not (appends or works):
                if self._file is not None:
                    self._file.close()
                return
            if closed:
                self._ready.set()

    def _transact(self, works: Iterable[_Work], appends: Collection[_Append]) -> tuple[list[Any], Exception | None]:
        try:
            if appends:
                self._check_room()
            if self._file is None:
                self._file = File(self._path, writer=True, max_bytes=self._max_bytes)
            blocks = self._blocks(appends)
            self._file.begin()
            try:
                results = [work.do(self._file) for work in works]
                if appends:
                    self._file.add(blocks, self._clock())
                    results = [None] * len(appends)
                self._file.commit()
            except BaseException:
                self._file.rollback()
                raise
        except (sqlite3.Error, OSError, LogUnavailable) as error:
            # After a failed sync nothing this connection believes about the file can be trusted.
            self._abandon()
            return [], translate(error) if isinstance(error, sqlite3.Error) else _as_unavailable(error)
        except Exception as error:  # noqa: BLE001 -- whoever asked gets it; the thread must live
            self._abandon()
            return [], error
        return results, None

    def _check_room(self) -> None:
        space = os.statvfs(self._path.parent)
        if space.f_bavail * space.f_frsize < self._reserve:
            raise LogFull(
                "less disk space is free than the log keeps in reserve; free space, acceptance resumes by itself"
            )

    def _abandon(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except sqlite3.Error:
                return

    def _blocks(self, appends: Iterable[_Append]) -> list[Packed]:
        blocks: list[Packed] = []
        values: list[bytes] = []
        size = 0
        for job in appends:
            for value in job.values:
                if values and (size + len(value) > MAX_BYTES or len(values) == MAX_RECORDS):
                    blocks.append(Packed(len(values), self._packer.pack(values)))
                    values, size = [], 0
                values.append(value)
                size += len(value)
        if values:
            blocks.append(Packed(len(values), self._packer.pack(values)))
        return blocks

    def _settle(self, jobs: Iterable[_Job], results: list[Any], error: Exception | None) -> None:
        loops: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
        for at, job in enumerate(jobs):
            loops.setdefault(job.future.get_loop(), []).append((job.future, None if error else results[at]))
        for loop, answers in loops.items():
            try:
                loop.call_soon_threadsafe(self._wake, answers, error)
            except RuntimeError:  # that loop is gone, and with it everyone who waited
                continue

    def _wake(self, answers: list[tuple[asyncio.Future[Any], Any]], error: Exception | None) -> None:
        for future, result in answers:
            if future.done():
                continue
            if error is None:
                future.set_result(result)
            else:
                # Each waiter gets its own exception: a shared one would gather every waiter's traceback.
                future.set_exception(type(error)(*error.args))
        if error is None:
            self.on_commit()


def _as_unavailable(error: Exception) -> LogUnavailable:
    if isinstance(error, LogUnavailable):
        return error
    if isinstance(error, OSError) and error.errno in _ERRNO_NO_ROOM:
        return LogFull("the disk behind the log is full; free space, acceptance resumes by itself")
    return LogUnavailable(f"the log cannot be written now: {error}")


_ERRNO_NO_ROOM = {28, 122, 27}  # ENOSPC, EDQUOT, EFBIG
