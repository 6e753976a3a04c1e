"""Torture a cluster: ``python -m tools.torture`` kills brokers and the database too (`make torture-kafka`)."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg

from rekindle.cli._demo.ports import choose
from rekindle.cli._torture import Ground, execute
from rekindle.sandbox.torture import CLUSTER, plan
from rekindle.sandbox.torture.processes import Process
from tools import postgres
from tools.kafka import Cluster, missing

ROLES = ("gateway", "gateway-2", "worker", "worker-2", "scheduler")


@contextmanager
def ground(folder: Path, roles: Sequence[str] = ROLES) -> Iterator[Ground]:
    """Three brokers and a PostgreSQL, each a process that may be killed; running, and ended with the block."""
    folder.mkdir(parents=True, exist_ok=True)
    cluster = Cluster(folder / "kafka")
    cluster.format()
    postgres.prepare(folder / "postgres")
    port = choose(0)
    stores = {
        f"broker-{node}": Process(f"broker-{node}", cluster.command(node), {}, folder / f"broker-{node}.log")
        for node in cluster.nodes
    }
    stores["database"] = Process("database", postgres.command(folder / "postgres", port), {}, folder / "database.log")

    async def brokers() -> bool:
        return await asyncio.to_thread(cluster.complete)

    async def database() -> bool:
        return await asyncio.to_thread(_answers, port)

    made = Ground(
        log_url=f"kafka://{cluster.bootstrap}/torture-{os.getpid()}?partitions=6",
        database_url=postgres.url(port),
        stores=stores,
        ready={"database": database, **dict.fromkeys((f"broker-{node}" for node in cluster.nodes), brokers)},
        roles=roles,
    )
    try:
        for store in stores.values():
            store.start()
        asyncio.run(_up(made))
        yield made
    finally:
        for store in stores.values():
            store.resume()
            store.kill()


async def _up(made: Ground) -> None:
    async with asyncio.timeout(120):
        for ready in made.ready.values():
            while not await ready():  # noqa: ASYNC110 - other processes have no events
                await asyncio.sleep(0.2)


def _answers(port: int) -> bool:
    try:
        psycopg.connect(f"host=127.0.0.1 port={port} user=postgres dbname=postgres connect_timeout=2").close()
    except psycopg.OperationalError:
        return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--drain", type=float, default=300.0)
    chosen = parser.parse_args()
    reason = missing()
    if reason is not None:
        sys.exit(reason)
    folder = (chosen.folder or Path(tempfile.mkdtemp(prefix="rekindle-torture-"))).resolve()
    cycles = plan(chosen.seed, chosen.cycles, CLUSTER)
    with ground(folder / "stores") as stood_on:
        passed = execute(folder, cycles, chosen.seed, stood_on, chosen.drain, folder / "report")
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
