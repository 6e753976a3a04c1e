"""`kill -9` of every process under load, and a start again: no acknowledged event is lost, each comes to an end."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from rich.console import Console

from rekindle.cli._demo.run import settled
from rekindle.cli._demo.street import Options, Street, open_street
from rekindle.egress.status import event_outcomes
from rekindle.model.clock import rfc3339, system_clock

pytestmark = pytest.mark.xdist_group("street")


@pytest_asyncio.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    async with open_street(Options(tmp_path / "demo", any_ports=True), Console(file=io.StringIO())) as opened:
        yield opened


def children(role: str) -> list[int]:
    """Return the process ids of this test's own children of one role."""
    found = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(os.getpid())], capture_output=True, text=True, check=True
    )
    lines = (line.split(None, 1) for line in found.stdout.splitlines())
    return [int(pid) for pid, arguments in lines if f"serve {role} " in arguments]


class Client:
    """Sends views with ids of its own and keeps those that were acknowledged."""

    def __init__(self, street: Street, session: aiohttp.ClientSession) -> None:
        self._street, self._session = street, session
        self.acknowledged: list[str] = []
        self.stopping = False

    async def run(self, name: str) -> None:
        number = 0
        while not self.stopping:
            number += 1
            if await self._send(f"{name}-{number}"):
                self.acknowledged.append(f"{name}-{number}")
            await asyncio.sleep(0.005)

    async def _send(self, event_id: str) -> bool:
        product = self._street.products[0]
        event = {
            "event": "view_item",
            "event_id": event_id,
            "event_time": rfc3339(system_clock()),
            "page": {"url": f"{self._street.addresses.shop}/p/{product.id}"},
            "ecommerce": {"currency": "PLN", "items": [{"item_id": product.id}]},
            "consent": {"ad_storage": "granted", "ad_user_data": "granted", "ad_personalization": "granted"},
        }
        headers = {
            "origin": self._street.addresses.shop,
            "user-agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/143.0.0.0 Safari/537.36",
        }
        try:
            async with self._session.post(f"{self._street.addresses.gateway}/e", json=event, headers=headers) as answer:
                return answer.status == 204
        except aiohttp.ClientError:
            return False


async def test_no_acknowledged_event_is_lost(street: Street) -> None:
    async with aiohttp.ClientSession() as session:
        client = Client(street, session)
        sending = [asyncio.create_task(client.run(name)) for name in ("a", "b", "c")]
        for role in ("gateway", "worker", "gateway", "worker", "scheduler"):
            already = len(client.acknowledged)
            async with asyncio.timeout(300):
                while len(client.acknowledged) < already + 60:
                    await asyncio.sleep(0.01)
            for pid in children(role):
                os.kill(pid, signal.SIGKILL)
        already = len(client.acknowledged)
        async with asyncio.timeout(300):
            while len(client.acknowledged) < already + 60:
                await asyncio.sleep(0.01)
        client.stopping = True
        await asyncio.gather(*sending)
    now = await settled(street)
    assert now.settled
    assert len(client.acknowledged) > 300
    received = {event["event_id"] for event in street.meta.received}
    assert set(client.acknowledged) - received == set()
    for event_id in client.acknowledged[:: max(1, len(client.acknowledged) // 50)]:
        ends = event_outcomes(street.installation.database, "demo", event_id)
        assert {end.destination: end.outcome for end in ends} == {"meta": "delivered", "webhook": "delivered"}
