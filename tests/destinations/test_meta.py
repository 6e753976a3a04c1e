"""Meta: whatever the mapping lets through, Meta takes; whatever Meta answers, the reader understands or retries."""

import json
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rekindle.destinations import meta
from rekindle.egress.connector import Answer, Mapped
from rekindle.egress.fields import only
from rekindle.egress.window import outside_window
from rekindle.model.clock import rfc3339
from rekindle.model.event import Client, Consent, Ecommerce, Event, Item, LimitedDataUse, Page, User
from rekindle.sandbox.platforms import MetaPlatform

NOW = 1_788_264_000_000
ACCOUNT = meta.configure({"pixel_id": "1"}, {"access_token": "t", "app_secret": "s"})

text = (
    st.none() | st.text(max_size=12) | st.sampled_from(["", " ", "null", "Łódź", "O'Connor", "東京", "🙂", "601234567"])
)
amount = st.none() | st.decimals(allow_nan=True, allow_infinity=True) | st.decimals(0, 1000, places=2)
items = st.builds(
    Item,
    item_id=st.none() | st.text(max_size=6),
    item_name=text,
    price=amount,
    quantity=st.none() | st.integers(-3, 10),
    delivery_category=st.sampled_from([None, "home_delivery", "drone"]),
)
events = st.builds(
    Event,
    event=st.sampled_from(["page_view", "view_item", "search", "add_to_cart", "purchase", "sign_up", "begin_checkout"]),
    event_id=st.text("abc123", min_size=1, max_size=8),
    event_time=st.integers(NOW - 70 * 86_400_000, NOW + 3_600_000).map(rfc3339),
    source=st.sampled_from(["web", "app", "offline"]),
    page=st.builds(Page, url=st.sampled_from([None, "https://shop.example/ż"])),
    client=st.builds(
        Client,
        ip=st.sampled_from([None, "", "203.0.113.9", "2001:db8::1", "unknown", "1.2.3"]),
        user_agent=st.sampled_from([None, "", " ", "Mozilla/5.0"]),
        fbp=st.sampled_from([None, "fb.1.1700000000000.123", "null", "fb.1.x"]),
        fbc=st.sampled_from([None, "fb.1.1700000000000.Ab-c", "x"]),
    ),
    user=st.builds(
        User, user_id=text, email=text | st.just(" A@Example.com "), phone=text, first_name=text, last_name=text,
        gender=text, date_of_birth=text, city=text, region=text, postal_code=text, country=text,
    ),
    ecommerce=st.builds(
        Ecommerce, value=amount, currency=st.sampled_from([None, "PLN", "pln", "zł", "EURO", ""]),
        items=st.lists(items, max_size=4), transaction_id=text, search_term=text, content_type=text,
    ),
    consent=st.builds(Consent, ad_personalization=st.sampled_from([None, "granted", "denied"])),
    ldu=st.none() | st.builds(LimitedDataUse, enabled=st.booleans()),
)  # fmt: skip


@given(events)
def test_what_is_mapped_is_taken(event: Event):
    mapped = ACCOUNT.map(event)
    if not isinstance(mapped, Mapped) or outside_window(mapped, meta.manifest.limits, NOW):
        return
    request = ACCOUNT.build([mapped], NOW)
    pixel = MetaPlatform(lambda: NOW, pixel_id="1", token="t")
    assert pixel._take("1", "t", request.body) == 1
    custom = json.loads(request.body)["data"][0].get("custom_data", {})
    assert custom.get("content_ids", []) == [item.item_id for item in event.ecommerce.items if item.item_id]


@given(events)
def test_nothing_personal_is_sent_in_clear(event: Event):
    event.user.email = "anna.kowalska@example.com"
    event.user.phone = "+48601234567"
    mapped = ACCOUNT.map(event)
    if isinstance(mapped, Mapped):
        body = ACCOUNT.build([mapped], NOW).body.decode()
        assert "anna" not in body
        assert (
            "601234567" not in body or event.ecommerce.search_term == "601234567" or "601234567" in str(event.ecommerce)
        )


@given(events)
def test_without_its_fields_a_connector_has_nobody_to_send(event: Event):
    bare = only(event, meta.manifest.fields - {f for f in meta.manifest.fields if f.startswith(("user", "client"))})
    assert not isinstance(ACCOUNT.map(bare), Mapped)


@given(
    st.integers(100, 599),
    st.binary(max_size=60)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["error", "code", "message", "events_received", "error_subcode"]), inner)
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode()),
    st.integers(1, 5),
)
def test_no_answer_upsets_the_reader(status: int, body: bytes, size: int):
    verdict = meta.classify(Answer(status, {}, body), size)
    assert len(verdict.per_event) == size


def test_the_token_is_in_a_header_and_proved():
    mapped: Any = ACCOUNT.map(
        Event(
            "page_view", "e", rfc3339(NOW), page=Page(url="https://a.example/"),
            client=Client(user_agent="x", fbp="fb.1.1700000000000.1"), ecommerce=Ecommerce(value=Decimal(1)),
        )
    )  # fmt: skip
    request = ACCOUNT.build([mapped], NOW)
    assert request.headers["authorization"] == "Bearer t"
    assert "t" not in request.url.split("?")[1:]
    assert len(json.loads(request.body)["appsecret_proof"]) == 64
    assert "custom_data" not in json.loads(request.body)["data"][0], "a value without currency is left out"
