"""The simulated receiver takes only what is signed with its secret."""

import time

import pytest

from rekindle.destinations import webhook
from rekindle.egress.connector import Limits, Mapped
from rekindle.egress.http import HttpTransport
from rekindle.model.event import Event
from rekindle.sandbox.platforms import WebhookReceiver

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


@pytest.mark.parametrize("secrets", [{"secret": SECRET}, {"secret": OTHER, "previous_secret": SECRET}])
@pytest.mark.parametrize("batch", [1, 10])
async def test_signed_events_arrive_once(batch: int, secrets: dict[str, str]):
    receiver = WebhookReceiver(SECRET)
    async with receiver.serve() as url, HttpTransport(allow_private=True) as transport:
        hook = webhook.configure({"url": url + "/hook", "batch": batch}, secrets)
        mapped = hook.map(Event("page_view", "e1", "2026-09-01T12:00:00Z"))
        assert isinstance(mapped, Mapped)
        request = hook.build([mapped], time.time_ns() // 1_000_000)
        for _ in range(2):
            answer = await transport.send(request, Limits(batch=1))
            assert webhook.classify(answer, 1).per_event == ("delivered",)
    assert [event["event_id"] for event in receiver.received] == ["e1"]


async def test_other_secrets_and_altered_bodies_are_refused():
    receiver = WebhookReceiver(SECRET)
    async with receiver.serve() as url, HttpTransport(allow_private=True) as transport:
        hook = webhook.configure({"url": url + "/hook"}, {"secret": OTHER})
        mapped = hook.map(Event("page_view", "e1", "2026-09-01T12:00:00Z"))
        assert isinstance(mapped, Mapped)
        answer = await transport.send(hook.build([mapped], time.time_ns() // 1_000_000), Limits(batch=1))
        assert webhook.classify(answer, 1).per_event == ("hold",)
    assert (receiver.received, receiver.rejected) == ([], 1)
