"""The simulated Meta refuses what Meta refuses, and a lane gets along with it over real connections."""

import copy
import hashlib
from typing import Any

import aiohttp
import pytest

from rekindle.egress.http import HttpTransport
from rekindle.sandbox.platforms import MetaPlatform
from tests.conftest import FakeClock
from tests.egress.world import World

HASH = hashlib.sha256(b"anna.kowalska@example.com").hexdigest()


def good(now_ms: int) -> dict[str, Any]:
    return {
        "event_name": "Purchase",
        "event_time": now_ms // 1000 - 60,
        "event_id": "e1",
        "action_source": "website",
        "event_source_url": "https://shop.example/",
        "user_data": {"em": [HASH], "client_user_agent": "Mozilla/5.0", "client_ip_address": "203.0.113.9"},
        "custom_data": {"currency": "PLN", "value": 10.5, "content_ids": ["A"], "contents": [{"id": "A"}]},
    }


async def post(url: str, data: Any, token: str = "sandbox-token", pixel: str = "1234567890") -> tuple[int, Any]:
    headers = {"authorization": f"Bearer {token}"}
    body: Any = {"data": data} if not isinstance(data, bytes) else data
    sent: Any = {"data": body} if isinstance(body, bytes) else {"json": body}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/v25.0/{pixel}/events", headers=headers, **sent) as answer,
    ):
        return answer.status, await answer.json()


CHANGES: list[tuple[str, Any]] = [
    ("too old", lambda e: e.update(event_time=e["event_time"] - 8 * 86_400)),
    ("in the future", lambda e: e.update(event_time=e["event_time"] + 3_600)),
    ("milliseconds", lambda e: e.update(event_time=e["event_time"] * 1000)),
    ("time as text", lambda e: e.update(event_time=str(e["event_time"]))),
    ("no name", lambda e: e.pop("event_name")),
    ("no source", lambda e: e.pop("action_source")),
    ("unknown source", lambda e: e.update(action_source="web")),
    ("no url", lambda e: e.pop("event_source_url")),
    ("no agent", lambda e: e["user_data"].pop("client_user_agent")),
    ("nobody", lambda e: e.update(user_data={"client_user_agent": "Mozilla/5.0"})),
    ("clear e-mail", lambda e: e["user_data"].update(em=["anna.kowalska@example.com"])),
    ("upper-case hash", lambda e: e["user_data"].update(em=[HASH.upper()])),
    ("hash of nothing", lambda e: e["user_data"].update(ph=[hashlib.sha256(b"").hexdigest()])),
    ("unnormalised", lambda e: e["user_data"].update(em=[hashlib.sha256(b"John_Smith@gmail.com").hexdigest()])),
    ("hashed ip", lambda e: e["user_data"].update(client_ip_address=HASH)),
    ("no value", lambda e: e["custom_data"].pop("value")),
    ("value as text", lambda e: e["custom_data"].update(value="10.5")),
    ("currency", lambda e: e["custom_data"].update(currency="zł")),
    ("ids as text", lambda e: e["custom_data"].update(content_ids="A")),
    ("ids as numbers", lambda e: e["custom_data"].update(content_ids=[1])),
    ("content type", lambda e: e["custom_data"].update(content_type="sku")),
]


@pytest.mark.parametrize(("what", "change"), CHANGES, ids=[name for name, _ in CHANGES])
async def test_one_bad_event_refuses_the_whole_batch(clock: FakeClock, what: str, change: Any):
    pixel = MetaPlatform(clock)
    fine, bad = good(clock()), copy.deepcopy(good(clock())) | {"event_id": "e2"}
    change(bad)
    async with pixel.serve() as url:
        status, answer = await post(url, [fine, bad])
        assert (status, answer["error"]["code"]) == (400, 100)
        assert answer["error"]["fbtrace_id"]
        assert pixel.received == []
        assert (await post(url, [fine]))[1]["events_received"] == 1


async def test_accounts_bodies_and_repeats(clock: FakeClock):
    pixel = MetaPlatform(clock)
    event = good(clock())
    async with pixel.serve() as url:
        assert (await post(url, [event], token="stolen"))[1]["error"]["code"] == 190
        assert (await post(url, [event], pixel="2"))[1]["error"]["error_subcode"] == 33
        assert (await post(url, b"{broken"))[1]["error"]["code"] == 100
        assert (await post(url, []))[1]["error"]["code"] == 100
        many = [event | {"event_id": str(number)} for number in range(1001)]
        assert (await post(url, many))[0] == 400
        assert (await post(url, many[:1000]))[1]["events_received"] == 1000
        await post(url, [event])
        await post(url, [event])
    assert len(pixel.received) == 1001
    assert pixel.duplicates == 1
    assert pixel.content_ids == {"A"}
    found = pixel.by_event_id("e1")
    assert found is not None
    assert found["event_name"] == "Purchase"


async def test_a_lane_delivers_over_the_wire_through_every_fault(tmp_path, database, clock):
    pixel = MetaPlatform(clock)
    async with pixel.serve() as url, HttpTransport(allow_private=True) as transport:
        settings = {"api_base": url, "pixel_id": pixel.pixel_id}
        world = World(tmp_path, database, clock, transport=transport, settings=settings)
        world.secrets.put("meta_token", "sandbox-token")
        names = await world.happen(40)
        pixel.poison.add(names[11])
        pixel.garbage, pixel.throttle, pixel.fail = 1, 1, 1
        pixel.throttle_code = 80_004
        await world.run_for(600_000)
        assert world.counts() == {"delivered/ok": 39, "dead/platform-refused": 1}

        pixel.tokens = {"next"}
        await world.happen(10)
        await world.run()
        assert world.state() == "held"
        world.secrets.put("meta_token", "next")
        await world.run_for(60_000)
        assert world.counts() == {"delivered/ok": 49, "dead/platform-refused": 1}
        await world.close()
    assert len(pixel.received) == 49
    assert pixel.by_event_id(names[11]) is None
    assert pixel.content_ids == {"A1"}
