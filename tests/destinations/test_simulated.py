"""Whatever a mapping lets through, its simulated platform takes; whatever a platform says, the reader understands."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.destinations import (
    linkedin,
    linkedin_audience,
    meta_custom_audience,
    openai,
    pinterest,
    pinterest_audience,
    reddit,
    rtb_house,
    snapchat,
    snapchat_audience,
)
from rekindle.egress.connector import Answer, Mapped, SettingsError
from rekindle.egress.window import outside_window
from rekindle.model.event import Event
from rekindle.sandbox.platforms.simulated import call, simulated
from tests.destinations.test_meta import NOW, events

TOKEN = {"access_token": "t", "api_key": "t"}
MODULES: dict[str, tuple[Any, dict[str, Any]]] = {
    "pinterest": (pinterest, {"ad_account_id": "1"}),
    "snapchat": (snapchat, {"pixel_id": "p"}),
    "reddit": (reddit, {"pixel_id": "p"}),
    "linkedin": (linkedin, {"conversions": {"purchase": "1", "sign_up": "2"}}),
    "openai": (openai, {"pixel_id": "p"}),
}
READERS = [pinterest, snapchat, reddit, linkedin, openai, rtb_house, linkedin_audience, meta_custom_audience,
           pinterest_audience, snapchat_audience]  # fmt: skip


@pytest.mark.parametrize("name", sorted(MODULES))
@given(event=events)
def test_what_is_mapped_is_taken(name: str, event: Event):
    module, settings = MODULES[name]
    account = module.configure(settings, TOKEN)
    if not account.maps(event.event):
        return
    mapped = account.map(event)
    if not isinstance(mapped, Mapped) or outside_window(mapped, module.manifest.limits, NOW):
        return
    request = account.build([mapped], NOW)
    platform = simulated(name)
    assert platform is not None
    answer = platform(call(request.method, request.url, request.headers, request.body, NOW))
    assert module.classify(answer, 1).per_event == ("delivered",), answer


@pytest.mark.parametrize("name", sorted(MODULES))
@given(event=events)
def test_no_address_and_no_number_leaves_in_clear(name: str, event: Event):
    module, settings = MODULES[name]
    account = module.configure(settings, TOKEN)
    event.event = "purchase"
    event.user.email, event.user.phone = "anna.kowalska@example.com", "+48 601 234 599"
    event.ecommerce.search_term = event.ecommerce.transaction_id = None
    mapped = account.map(event)
    if isinstance(mapped, Mapped):
        body = account.build([mapped], NOW).body.decode()
        assert "kowalska" not in body
        assert "601234599" not in body


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_bad_event_is_found_by_the_answer(name: str):
    """Of three events the second is too old; what the platform says must leave the other two a way."""
    module, settings = MODULES[name]
    account = module.configure(settings, TOKEN)

    def event(number: int, day: str) -> Any:
        from rekindle.destinations.preview_event import read_event

        return account.map(
            read_event(
                {
                    "event": "purchase", "event_id": f"e{number}", "event_time": f"{day}T10:00:00Z",
                    "page": {"url": "https://shop.example/"}, "user": {"email": "a@example.com"},
                    "ecommerce": {"value": 1, "currency": "PLN"},
                }
            )
        )  # fmt: skip

    batch = [event(1, "2026-08-31"), event(2, "2026-01-31"), event(3, "2026-08-31")]
    request = account.build(batch, NOW)
    platform = simulated(name)
    assert platform is not None
    verdict = module.classify(platform(call("POST", request.url, request.headers, request.body, NOW)), 3)
    if name == "snapchat":
        assert verdict.per_event == ("split",) * 3, "Snap does not tell which"
    else:
        assert verdict.per_event[1] == "permanent"
        assert set(verdict.per_event[::2]) <= {"split", "delivered"}


@pytest.mark.parametrize("module", READERS, ids=lambda module: module.__name__.rpartition(".")[2])
@given(
    status=st.integers(100, 599),
    body=st.binary(max_size=60)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["error", "code", "message", "events", "details", "elements", "status", "fields", "users", "reason",
                     "num_events_processed", "invalid_events", "serviceErrorCode", "request_status", "num_received"]
                ),
                inner,
            )
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode()),
    size=st.integers(1, 5),
)  # fmt: skip
def test_no_answer_upsets_the_reader(module: Any, status: int, body: bytes, size: int):
    verdict = module.classify(Answer(status, {}, body), size)
    assert len(verdict.per_event) == size
    if "delivered" in verdict.per_event or "accepted" in verdict.per_event:
        assert 200 <= status < 300 or (module is pinterest and status == 422)


def test_linkedin_rules_may_be_numbers_and_must_be_rules():
    account = linkedin.configure({"conversion_id": 104012, "conversions": {"sign_up": 5}}, TOKEN)
    assert account.maps("purchase")
    assert account.maps("sign_up")
    assert not account.maps("view_item")
    for settings in ({}, {"conversion_id": "abc"}, {"conversions": {"sign_up": "urn:li:x:1"}}):
        with pytest.raises(SettingsError, match="conversion rule"):
            linkedin.configure(settings, TOKEN)
