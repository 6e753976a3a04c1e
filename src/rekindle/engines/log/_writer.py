"""Group commit: one thread takes everything that waits, stores it in one transaction and wakes all who asked."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from rekindle.engines.log._block import MAX_BYTES, MAX_RECORDS, Packer
from rekindle.engines.log._file import File, Packed, translate
from rekindle.engines.log.protocol import LogFull, LogUnavailable
from rekindle.model.clock import Clock

_AGAIN_MS = 500
# When several calls waited for the last commit, a short pause lets the next one serve many too; a lone call never waits.
_GATHER_S = 0.002
_SEVERAL = 3


class _Appends:
    """What the next transaction appends: the records of several calls, and the future of each."""

    __slots__ = ("enough", "futures", "size", "values", "wanted")

    def __init__(self, wanted: int) -> None:
        self.values: list[bytes] = []
        self.futures: list[asyncio.Future[Any]] = []
        self.size = 0
        self.wanted = wanted  # so many calls are worth no more waiting
        self.enough = threading.Lock()
        self.enough.acquire()


class _Work(NamedTuple):
    """Anything else that needs the write lock: cursors, consumers, trimming."""

    do: Callable[[File], Any]
    future: asyncio.Future[Any]


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
        self._jobs: SimpleQueue[_Appends | _Work | None] = SimpleQueue()
        # The thread holds it for two assignments only: a caller must not wait for who waits for the interpreter.
        self._lock = threading.Lock()
        self._open: _Appends | None = None  # queued, and not yet taken by the thread
        self._calls = 1  # how many the last commit served
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
        future = asyncio.get_running_loop().create_future()
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
            appends = self._open
            if appends is None:
                appends = self._open = _Appends(self._calls if self._calls >= _SEVERAL else 1)
                self._jobs.put(appends)
            appends.values += values
            appends.size += size
            appends.futures.append(future)
            if len(appends.futures) == appends.wanted:
                appends.enough.release()
        return future

    def work(self, do: Callable[[File], Any]) -> asyncio.Future[Any]:
        """Queue ``do`` for the next transaction; the future resolves to its result once that is durable."""
        job = _Work(do, asyncio.get_running_loop().create_future())
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
        ended = False
        while not ended:
            works, appends, ended = self._take()
            if works:
                self._do(works)
            if appends is not None:
                error = self._store(appends)
                self._stored += appends.size
                self._calls = len(appends.futures)
                self._again_ms = self._clock() + _AGAIN_MS
                self._refused = error if isinstance(error, LogUnavailable) else None
                for loop in {future.get_loop() for future in appends.futures}:
                    futures = [future for future in appends.futures if future.get_loop() is loop]
                    _call(loop, self._wake, futures, error)
        if self._file is not None:
            self._file.close()

    def _take(self) -> tuple[list[_Work], _Appends | None, bool]:
        """Wait for a job, and a little for more appends; return all there is, and whether the end has come."""
        works: list[_Work] = []
        appends: _Appends | None = None
        job = self._jobs.get()
        try:
            while job is not None:
                if isinstance(job, _Work):
                    works.append(job)
                else:
                    appends = job  # there is never a second one while this one is open
                    job.enough.acquire(timeout=_GATHER_S)
                job = self._jobs.get_nowait()
        except Empty:
            pass
        with self._lock:
            if self._open is appends:
                self._open = None
        return works, appends, job is None

    def _do(self, works: list[_Work]) -> None:
        results, error = self._transact(lambda file: [work.do(file) for work in works])
        for at, work in enumerate(works):
            _call(work.future.get_loop(), _tell, [work.future], None if error else results[at], error)

    def _transact(self, do: Callable[[File], Any]) -> tuple[Any, Exception | None]:
        try:
            if self._file is None:
                self._file = File(self._path, writer=True, max_bytes=self._max_bytes)
            self._file.begin()
            try:
                result = do(self._file)
                self._file.commit()
            except BaseException:
                self._file.rollback()
                raise
        except (sqlite3.Error, OSError, LogUnavailable) as error:
            # After a failed sync nothing this connection believes about the file can be trusted.
            self._abandon()
            return None, translate(error) if isinstance(error, sqlite3.Error) else _as_unavailable(error)
        except Exception as error:  # noqa: BLE001 -- whoever asked gets it; the thread must live
            self._abandon()
            return None, error
        return result, None

    def _store(self, appends: _Appends) -> Exception | None:
        try:
            self._check_room()
            blocks = self._blocks(appends)  # before the write lock is taken
        except (OSError, LogUnavailable) as error:
            return _as_unavailable(error)
        except Exception as error:  # noqa: BLE001 -- as in `_transact`
            return error
        return self._transact(lambda file: file.add(blocks, self._clock()))[1]

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

    def _blocks(self, appends: _Appends) -> list[Packed]:
        if appends.size <= MAX_BYTES and 0 < len(appends.values) <= MAX_RECORDS:
            return [Packed(len(appends.values), self._packer.pack(appends.values))]
        blocks: list[Packed] = []
        values: list[bytes] = []
        size = 0
        for value in appends.values:
            if values and (size + len(value) > MAX_BYTES or len(values) == MAX_RECORDS):
                blocks.append(Packed(len(values), self._packer.pack(values)))
                values, size = [], 0
            values.append(value)
            size += len(value)
        if values:
            blocks.append(Packed(len(values), self._packer.pack(values)))
        return blocks

    def _wake(self, futures: list[asyncio.Future[Any]], error: Exception | None) -> None:
        _tell(futures, None, error)
        if error is None:
            self.on_commit()


def _call(loop: asyncio.AbstractEventLoop, do: Callable[..., None], *arguments: object) -> None:
    try:
        loop.call_soon_threadsafe(do, *arguments)
    except RuntimeError:  # that loop is gone, and with it everyone who waited
        return


def _tell(futures: list[asyncio.Future[Any]], result: object, error: Exception | None) -> None:
    for future in futures:
        if future.done():
            continue
        if error is None:
            future.set_result(result)
        else:
            # Each waiter gets its own exception: a shared one would gather every waiter's traceback.
            future.set_exception(type(error)(*error.args))


def _as_unavailable(error: Exception) -> LogUnavailable:
    if isinstance(error, LogUnavailable):
        return error
    if isinstance(error, OSError) and error.errno in _ERRNO_NO_ROOM:
        return LogFull("the disk behind the log is full; free space, acceptance resumes by itself")
    return LogUnavailable(f"the log cannot be written now: {error}")


_ERRNO_NO_ROOM = {28, 122, 27}  # ENOSPC, EDQUOT, EFBIG
