"""Work on all cores whose results are taken in order: each query runs on its caller's thread, several at a time."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import duckdb

Made = TypeVar("Made")

MOST = 4
"""Threads at most: each holds a slice of the catalogue in memory."""


def count() -> int:
    """Return how many threads work at a time."""
    return min(os.cpu_count() or 1, MOST)


def in_order(tasks: Iterable[Callable[[], Made]], most: int = MOST) -> Iterator[Made]:
    """Run tasks on all cores, or ``most`` at a time, and yield what they make in their order; as many may wait."""
    threads = min(count(), most)
    running: deque[Future[Made]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for task in tasks:
                running.append(pool.submit(task))
                if len(running) > threads:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            for future in running:
                future.cancel()


def ahead(values: Iterator[Made], weight: Callable[[Made], int], most: int = 4 << 20) -> Iterator[Made]:
    """Yield what an iterator yields, which runs on a thread of its own and at most some ``most`` of ``weight`` ahead."""

    def batches() -> Iterator[list[Made]]:
        batch, heavy = list[Made](), 0
        for value in values:
            batch.append(value)
            heavy += weight(value)
            if heavy >= most:
                yield batch
                batch, heavy = [], 0
        if batch:
            yield batch

    made = batches()
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, made, None)
        while (batch := coming.result()) is not None:
            coming = pool.submit(next, made, None)
            yield from batch


@contextmanager
def alone(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Let each query run on its caller's thread: parts are small, and helpers would only get in each other's way."""
    (threads,) = connection.execute("SELECT current_setting('threads')").fetchone() or (1,)
    connection.execute("SET threads = 1")
    try:
        yield
    finally:
        connection.execute(f"SET threads = {int(threads)}")


@contextmanager
def ordered(connection: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a cursor whose queries, run `alone`, hand on rows in the order in which they read them.

    Otherwise the engine keeps back the few rows that a filter leaves of a batch and hands them on after the next ones.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET enable_caching_operators = false")
        yield cursor
