"""Meta's own package judges what would be sent: for the same purchase its server-side objects say the same."""

import json
import warnings
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rekindle.destinations import meta
from rekindle.destinations.preview_event import read_event
from rekindle.egress.connector import Mapped
from rekindle.model.clock import parse_rfc3339
from rekindle.privacy.normalise.rules import _NOTHING
from tests.destinations.judges.bodies import load

SERVER_SIDE = "facebook_business.adobjects.serverside"
# What shops write where they know nothing ("undefined") is hashed by the package and left out here.
letters = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJ", min_size=1, max_size=12).filter(
    lambda text: text.lower() not in _NOTHING
)
money = st.decimals(0, 1000, places=2)
items = st.fixed_dictionaries(
    {"item_id": st.text("ABC123-", min_size=1, max_size=8), "price": money.map(str), "quantity": st.integers(1, 9)}
)
# Where Meta's package and Meta's documentation agree: see the normaliser of this platform for where they do not.
purchases = st.fixed_dictionaries(
    {
        "event_id": st.text("abc123", min_size=1, max_size=8),
        "email": st.builds("  {}.{}@Example.com ".format, letters, letters),
        "phone": st.integers(0, 9_999_999).map("+48 601 {:07d}".format).map(lambda text: text[:14]),
        "first_name": letters,
        "last_name": letters,
        "city": letters,
        "postal_code": st.integers(10_000, 99_999).map(str),
        "country": st.sampled_from(["PL", "de", "US"]),
        "date_of_birth": st.dates().filter(lambda day: day.year > 1900).map(str),
        "gender": st.sampled_from(["f", "M"]),
        "items": st.lists(items, min_size=1, max_size=3),
        "order": letters,
        "value": money.map(str),
    }
)


def ours(given_: dict[str, Any]) -> dict[str, Any]:
    names = ("email", "phone", "first_name", "last_name", "city", "postal_code", "country", "date_of_birth", "gender")
    event = read_event(
        {
            "event": "purchase",
            "event_id": given_["event_id"],
            "event_time": "2026-09-01T11:59:00Z",
            "page": {"url": "https://shop.example/thanks", "referrer": "https://shop.example/cart"},
            "client": {"ip": "203.0.113.9", "user_agent": "Mozilla/5.0", "fbp": "fb.1.1756720000000.1234567890"},
            "user": {name: given_[name] for name in names},
            "ecommerce": {
                "currency": "PLN",
                "value": given_["value"],
                "transaction_id": given_["order"],
                "items": given_["items"],
            },
        }
    )
    account = meta.configure({"pixel_id": "1"}, {"access_token": "t"})
    mapped = account.map(event)
    assert isinstance(mapped, Mapped)
    body = json.loads(account.build([mapped], parse_rfc3339("2026-09-01T12:00:00Z")).body)
    found: dict[str, Any] = body["data"][0]
    return found


def theirs(given_: dict[str, Any]) -> dict[str, Any]:
    side = {
        name: load(f"{SERVER_SIDE}.{name}")
        for name in ("event", "user_data", "custom_data", "content", "action_source")
    }
    gender = load(f"{SERVER_SIDE}.gender").Gender
    user = side["user_data"].UserData(
        email=given_["email"],
        phone=given_["phone"],
        first_name=given_["first_name"],
        last_name=given_["last_name"],
        city=given_["city"],
        zip_code=given_["postal_code"],
        country_code=given_["country"],
        date_of_birth=given_["date_of_birth"].replace("-", ""),
        gender=gender.FEMALE if given_["gender"] == "f" else gender.MALE,
        client_ip_address="203.0.113.9",
        client_user_agent="Mozilla/5.0",
        fbp="fb.1.1756720000000.1234567890",
    )
    contents = [
        side["content"].Content(
            product_id=item["item_id"], quantity=item["quantity"], item_price=float(Decimal(item["price"]))
        )
        for item in given_["items"]
    ]
    custom = side["custom_data"].CustomData(
        value=float(Decimal(given_["value"])),
        currency="PLN",
        contents=contents,
        content_ids=[item["item_id"] for item in given_["items"]],
        content_type="product",
        order_id=given_["order"],
        num_items=sum(item["quantity"] for item in given_["items"]),
    )
    event = side["event"].Event(
        event_name="Purchase",
        event_time=parse_rfc3339("2026-09-01T11:59:00Z") // 1000,
        event_id=given_["event_id"],
        event_source_url="https://shop.example/thanks",
        referrer_url="https://shop.example/cart",
        user_data=user,
        custom_data=custom,
        action_source=side["action_source"].ActionSource.WEBSITE,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found: dict[str, Any] = event.normalize()
    found["custom_data"]["currency"] = found["custom_data"]["currency"].upper()  # the package writes it small
    return found


@given(purchases)
def test_meta_says_the_same_of_a_purchase(given_: dict[str, Any]):
    assert ours(given_) == theirs(given_)
