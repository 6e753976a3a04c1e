"""Group commit: one thread takes everything that waits, stores it in one transaction and wakes all who asked."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
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
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        # Held by callers only, never by the thread: a caller must not wait for somebody who waits for the interpreter.
        self._lock = threading.Lock()
        self._queued = self._stored = 0  # bytes since the beginning; one counter for the callers, one for the thread
        self._closed = False
        self._refused: LogUnavailable | None = None
        self._again_ms = 0
        self.on_commit: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._run, name="rekindle-log", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Bytes that wait for their commit."""
        return self._queued - self._stored

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
            refused = self._refused
            if refused is not None and self._clock() < self._again_ms:
                raise type(refused)(*refused.args)
            # One call alone may be larger than the whole buffer; refusing it would be refusing it for ever.
            waiting = self._queued - self._stored
            if waiting and waiting + size > self._max_waiting:
                raise LogUnavailable(f"{waiting} bytes wait for the disk already; try again in a moment")
            self._queued += size
            self._jobs.put(job)
        return job.future

    def work(self, do: Callable[[File], Any]) -> asyncio.Future[Any]:
        """Queue ``do`` for the next transaction; the future resolves to its result once that is durable."""
        job = _Work(do)
        with self._lock:
            if self._closed:
                raise LogUnavailable("the log is closed")
            self._jobs.put(job)
        return job.future

    def close(self) -> None:
        """Commit what waits and end the thread. Blocks; call it from a thread."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        crowded = ended = False
        while not ended:
            jobs, ended = self._take(_GATHER_S if crowded else 0)
            appends = [job for job in jobs if isinstance(job, _Append)]
            works = [job for job in jobs if isinstance(job, _Work)]
            crowded = len(appends) > 2
            if works:
                self._settle(works, *self._transact(works, ()))
            if appends:
                results, error = self._transact((), appends)
                self._stored += sum(job.size for job in appends)
                self._again_ms = self._clock() + _AGAIN_MS
                self._refused = error if isinstance(error, LogUnavailable) else None
                self._settle(appends, results, error)
        if self._file is not None:
            self._file.close()

    def _take(self, gather_s: float) -> tuple[list[_Job], bool]:
        """Wait for a job, then ``gather_s`` for more; return all there are, and whether the end has come."""
        jobs: list[_Job] = []
        job = self._jobs.get()
        if gather_s:
            time.sleep(gather_s)
        try:
            while job is not None:
                jobs.append(job)
                job = self._jobs.get_nowait()
        except Empty:
            return jobs, False
        return jobs, True

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
