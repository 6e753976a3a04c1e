"""Cluster mode under load: every process restarted in turn, then a broker killed; each acknowledged event arrives."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
import sqlalchemy as sa
from tools.kafka import Cluster

from rekindle.egress._tables import outcomes
from rekindle.engines.database.lease import _leases as leases
from rekindle.ops.archive import CONSUMER
from tests.cluster.street import Client, Street, open_street
from tests.conftest import PostgresqlServer

pytestmark = pytest.mark.cluster


def lease(street: Street) -> tuple[str, int]:
    with street.installation.database.read() as connection:
        row = connection.execute(sa.select(leases).where(leases.c.name == "scheduler")).one()
    return row.holder, row.token


def ends(street: Street) -> dict[str, str]:
    with street.installation.database.read() as connection:
        return {row.event_id: row.outcome for row in connection.execute(sa.select(outcomes))}


async def settled(street: Street, wanted: set[str]) -> None:
    try:
        async with asyncio.timeout(150):
            while wanted - {event["event_id"] for event in street.webhook.received}:
                await asyncio.sleep(0.2)
            while any(lag.records for lag in await street.installation.log.lag() if lag.consumer != CONSUMER):
                await asyncio.sleep(0.5)
    except TimeoutError:
        missing = wanted - {event["event_id"] for event in street.webhook.received}
        said = "\n".join(process.said() for process in street.of("worker"))
        raise AssertionError(f"{len(missing)} missing, {await street.installation.log.lag()}\n{said}") from None


async def test_restarts_and_a_dead_broker_lose_nothing(
    kafka: Cluster, postgresql_server: PostgresqlServer, tmp_path: Path
) -> None:
    log_url = f"kafka://{kafka.bootstrap}/street-{os.getpid()}?partitions=6"
    async with open_street(tmp_path / "shop", log_url, postgresql_server.fresh()) as street:
        client = Client(street)
        sending = asyncio.create_task(client.run(per_second=25))
        await client.more(50)
        for process in street.processes:
            if process.role == "scheduler":
                continue
            await street.restart(process)
            await client.more(25)
        assert client.again == [], "an orderly restart is not seen by clients"

        holder, token = lease(street)
        holding = next(process for process in street.of("scheduler") if holder.endswith(f"/{process.pid}"))
        await street.restart(holding)
        async with asyncio.timeout(30):
            while lease(street)[0] == holder:
                await asyncio.sleep(0.1)
        assert lease(street)[1] > token, "each change of holder has a higher fencing token"

        kafka.kill(1)
        try:
            await client.more(150)
        finally:
            kafka.restart(1)
            await asyncio.to_thread(kafka.wait)
        client.stopping = True
        await sending
        assert client.refused == [], "one retry is enough while a broker is gone"
        acknowledged = set(client.acknowledged)
        assert len(client.acknowledged) == len(acknowledged) > 400
        await settled(street, acknowledged)
        found = ends(street)
        assert {found.get(event_id) for event_id in acknowledged} == {"delivered"}
        assert {event["event_id"] for event in street.webhook.received} == set(found)
