"""What the judges are given: the requests of every example, and those of whatever a shop may send.

Their packages are development packages and make no connection.
"""

import importlib
import json
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from rekindle import destinations
from rekindle.destinations.preview import preview
from rekindle.model.clock import parse_rfc3339
from rekindle.model.discover import discover

MODULES: Any = discover("rekindle.destinations")
NOW = parse_rfc3339("2026-09-01T12:00:00Z")
GRANTED = dict.fromkeys(("ad_storage", "analytics_storage", "ad_user_data", "ad_personalization"), "granted")


def load(name: str) -> Any:
    """Import a platform's package; its own deprecations are not ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(name)


def load_or_skip(name: str) -> Any:
    """Import a package too large to be asked of everybody: `pip install --group judges` brings it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name, reason="not installed: pip install --group judges")


def examples(name: str) -> list[dict[str, Any]]:
    folder = Path(next(iter(destinations.__path__))) / name / "examples"
    return [each for path in sorted(folder.glob("*.json")) for each in json.loads(path.read_text(encoding="utf-8"))]


def requests(name: str) -> list[Any]:
    """Return every request of a destination's examples, as parameters."""
    return [
        pytest.param(request, id=f"{example['title']}-{number}")
        for example in examples(name)
        for number, request in enumerate(example.get("requests", []))
    ]


def sent(name: str, event: dict[str, Any], **settings: Any) -> list[Any]:
    """Return the bodies that would leave for an event, with the settings of the destination's first example."""
    config = next(example["config"] for example in examples(name) if "config" in example)
    found = preview(MODULES[name], config | settings, [event], NOW)
    return [json.loads(bytes(request.body)) for request in found.requests]


_text = st.text(max_size=12) | st.sampled_from(["", "Kubek 🍵 茶", "long " * 100])
_amount = st.decimals(0, 10_000, places=2).map(str) | st.sampled_from(["-1", "1e3", None])
_item = st.fixed_dictionaries(
    {},
    optional={
        "item_id": st.text("ABC123-茶", max_size=8),
        "item_name": _text,
        "item_brand": _text,
        "item_category": _text,
        "item_category2": _text,
        "item_variant": _text,
        "price": _amount,
        "quantity": st.integers(-2, 9),
        "delivery_category": st.sampled_from(["home_delivery", "in_store", "drone"]),
    },
)
_user = st.fixed_dictionaries(
    {"email": st.sampled_from(["anna@example.com", " Jan@Example.COM ", "nobody"])},
    optional={
        "phone": st.sampled_from(["+48 601 234 567", "601234567", "12"]),
        "user_id": _text,
        "first_name": _text,
        "last_name": _text,
        "gender": st.sampled_from(["f", "Male", "x"]),
        "date_of_birth": st.sampled_from(["1990-02-03", "yesterday"]),
        "city": _text,
        "region": _text,
        "postal_code": _text,
        "country": st.sampled_from(["PL", "us", "Atlantis"]),
    },
)
_ldu = st.fixed_dictionaries(
    {"enabled": st.booleans(), "country": st.sampled_from([0, 1]), "state": st.sampled_from([0, 1000])}
)

shop_events = st.fixed_dictionaries(
    {
        "event": st.sampled_from(
            ["page_view", "view_item", "view_item_list", "search", "add_to_cart", "begin_checkout", "purchase",
             "generate_lead", "sign_up"]
        ),
        "event_id": st.text("abc123", min_size=1, max_size=8),
        "event_time": st.sampled_from(["2026-09-01T11:59:00Z", "2026-08-31T12:00:00.250+02:00"]),
        "source": st.sampled_from(["web", "app", "offline"]),
        "page": st.fixed_dictionaries({"url": st.just("https://shop.example/p?q=1")}, optional={"title": _text}),
        "client": st.fixed_dictionaries(
            {"ip": st.sampled_from(["203.0.113.9", "2001:db8::1", "nowhere"]), "user_agent": st.just("Mozilla/5.0")},
            optional={
                "client_id": st.just("1234.5678"), "gclid": st.just("Cj0KCQjw"), "epik": st.just("dj0yJnU9"),
                "os": st.sampled_from(["Android 15", "iOS 19", "Linux"]), "criteo_gum_id": st.just("k-gum-1"),
                "msclkid": st.just("0a1b2c"),
            },
        ),
        "user": _user,
        "ecommerce": st.fixed_dictionaries(
            {"currency": st.sampled_from(["PLN", "eur", "ZZZ"]), "items": st.lists(_item, max_size=3)},
            optional={"value": _amount, "transaction_id": st.text(max_size=8), "search_term": _text,
                      "content_type": st.sampled_from(["product", "product_group"])},
        ),
        "consent": st.just(GRANTED),
    },
    optional={"ldu": _ldu},
)  # fmt: skip
"""Events of every name with every field there, missing or wrong, from people who agreed."""

conversions = st.builds(
    lambda event, name, order: event | {"event": name, "ecommerce": {"transaction_id": order} | event["ecommerce"]},
    shop_events,
    st.sampled_from(["purchase", "purchase", "generate_lead", "sign_up"]),
    st.text("T-123", min_size=1, max_size=6),
)
"""The same, of the names that can be a conversion, with an order number."""
