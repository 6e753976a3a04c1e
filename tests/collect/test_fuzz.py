"""Whatever is sent: 204, 4xx or 503, never an exception, and never a stored event without consent."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rekindle.collect.wire import Unreadable, decode
from rekindle.engines.database import open_database
from tests.collect.harness import GRANTED, Street
from tests.conftest import FakeClock
from tests.scratch import fresh_state

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=30),
    st.sampled_from(
        ["granted", "NaN", "2026-09-01T11:59:00Z", "9999-12-31T23:59:59+23:59", "0001-01-01T00:00:00Z", "PLN"]
    ),
)
KEYS = st.sampled_from(
    ["event", "event_id", "event_time", "events", "sent_at", "user", "client", "page", "ecommerce", "consent", "items",
     "extra", "email", "phone", "price", "quantity", "value", "url", "tcf", "gpp", "ldu", "external", "search_term"]
) | st.text(max_size=8)  # fmt: skip
Running = tuple[Street, asyncio.Runner]
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6))


@pytest.fixture(scope="module")
def street() -> Iterator[Running]:
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(fresh_state(Path(folder) / "state.db"))
        with asyncio.Runner() as runner:
            made = Street(Path(folder), database, FakeClock())
            yield made, runner
            runner.run(made.close())
        database.close()


def send(running: Running, body: Any, *, api: bool = False) -> int:
    street, runner = running
    return runner.run(street.api(body) if api else street.tag(body)).status


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), st.booleans())
@example(b"[]", False)  # bytes may happen to be JSON; an empty batch is one
def test_bytes(street: Running, body: bytes, api: bool) -> None:
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        assert send(street, body, api=api) == 400
    else:
        assert send(street, body, api=api) in {200, 204, 400}


@settings(max_examples=200, deadline=None)
@given(JSON, st.booleans())
def test_json(street: Running, body: Any, api: bool) -> None:
    assert send(street, msgspec.json.encode(body), api=api) in {200, 204, 400}


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(KEYS, JSON, max_size=4), st.booleans())
def test_events_with_anything_in_any_field(street: Running, changes: dict[str, Any], api: bool) -> None:
    event = street[0].event(user={"user_id": "u"}) | changes
    assert send(street, event, api=api) in {200, 204, 400}


@settings(max_examples=300, deadline=None)
@given(st.lists(st.dictionaries(KEYS, JSON, max_size=3) | JSON, max_size=5))
def test_every_event_of_a_batch_comes_out_once(changes: list[Any]) -> None:
    whole = {"event": "view_item", "event_id": "e", "event_time": "2026-09-01T11:59:00Z", "consent": GRANTED}
    sent = [whole | change if isinstance(change, dict) else change for change in changes]
    batch = decode(msgspec.json.encode(sent), 100)
    indexes = [event.index for event in batch.events] + [problem.index for problem in batch.problems]
    assert sorted(indexes) == list(range(len(sent)))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | JSON.map(msgspec.json.encode))
def test_decoding_raises_one_exception_only(body: bytes) -> None:
    with contextlib.suppress(Unreadable):
        assert len(decode(body, 3).events) <= 3
