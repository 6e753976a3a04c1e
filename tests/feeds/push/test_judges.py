"""The platforms' own packages judge the requests: Google's proto, Meta's SDK."""

from __future__ import annotations

import warnings
from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.egress.connector import Answer
from rekindle.feeds.channel import channel
from rekindle.feeds.platforms.google_merchant import configure as google
from rekindle.feeds.platforms.google_merchant.parts import answers
from rekindle.feeds.platforms.google_merchant.words import attributes
from rekindle.feeds.platforms.meta import configure as meta
from rekindle.feeds.push.platform import Entry
from rekindle.feeds.spec import SEPARATOR, Attribute
from tests.destinations.judges.bodies import load
from tests.feeds.push.conftest import GOOGLE_SETTINGS, META_SETTINGS

ProductCatalog = load("facebook_business.adobjects.productcatalog").ProductCatalog
ProductItem = load("facebook_business.adobjects.productitem").ProductItem
json_format = load("google.protobuf.json_format")
products = load("google.shopping.merchant_products_v1")

GOOGLE, META = channel("google_merchant").spec, channel("meta").spec
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=30)


def values_of(attribute: Attribute) -> st.SearchStrategy[str]:
    """Values as the channel publishes them."""
    days = st.dates(date(2026, 1, 1), date(2026, 12, 31))
    time = st.tuples(days, st.times()).map(lambda at: f"{at[0]}T{at[1]:%H:%M}")
    zoned = st.tuples(time, st.sampled_from(["Z", "+02:00", "+0100", ""])).map("".join)
    price = st.tuples(st.decimals(0, 10_000_000, places=2), st.sampled_from(["PLN", "EUR"])).map(
        lambda p: f"{p[0]} {p[1]}"
    )
    if attribute.parts == ("country", "region", "service", "price"):
        return price.map(lambda text: f"PL::Courier:{text}")
    if attribute.parts:
        return TEXT.map(lambda text: f"trained_algorithmic_media:{text}")
    found: dict[str, st.SearchStrategy[str]] = {
        "price": price,
        "datetime": zoned,
        "datetime_range": st.tuples(zoned, zoned).map("/".join),
        "integer": st.integers(0, 1_000_000).map(str),
        "gtin": st.just("5901234123457"),
        "url": st.just("https://shop.example/ą?b=1&c=%20"),
        "number_unit": st.sampled_from(["1.5 kg", "200g", "3 lb"]),
    }
    one = st.sampled_from(attribute.values) if attribute.type == "enum" else found.get(attribute.type, TEXT)
    return st.lists(one, min_size=1, max_size=3).map(SEPARATOR.join) if attribute.repeated else one


def items(spec: Any) -> st.SearchStrategy[dict[str, str]]:
    every = {each.name: values_of(each) for each in spec.attribute}
    return st.fixed_dictionaries({}, optional=every)


@given(values=items(GOOGLE))
def test_every_published_value_fits_googles_proto(values: dict[str, str]) -> None:
    read = products.ProductAttributes.from_json(
        msgspec.json.encode(attributes(GOOGLE, values)), ignore_unknown_fields=False
    )
    if "price" in values:
        amount, currency = values["price"].split()
        assert (read.price.currency_code, read.price.amount_micros) == (currency, round(float(amount) * 1_000_000))
    for name in ("title", "custom_label_0", "display_ads_id", "mpn"):
        assert getattr(read, name) == values.get(name, "")
    if "availability" in values:
        assert products.Availability(read.availability).name == values["availability"].upper()
    if "identifier_exists" in values:
        assert read.identifier_exists is (values["identifier_exists"] == "yes")
    if "additional_image_link" in values:
        assert list(read.additional_image_links) == values["additional_image_link"].split(SEPARATOR)


@pytest.mark.parametrize("name", GOOGLE.names)
def test_every_attribute_of_the_channel_is_one_of_the_api(name: str) -> None:
    attribute = GOOGLE.find(name)
    if name == "id":
        return
    value = {"enum": (attribute.values or ("",))[-1], "price": "1.00 PLN", "datetime": "2026-09-01T12:00Z",
             "datetime_range": "2026-09-01T12:00Z/2026-09-02T12:00Z", "number_unit": "1 kg", "integer": "1"}  # fmt: skip
    text = (
        "PL::DPD:1.00 PLN" if name == "shipping" else "default:x" if attribute.parts else value.get(attribute.type, "x")
    )
    made = attributes(GOOGLE, {name: text})
    read = products.ProductAttributes.from_json(msgspec.json.encode(made), ignore_unknown_fields=False)
    back = json_format.MessageToDict(products.ProductAttributes.pb(read))
    assert list(back) == list(made), "nothing was lost on the way"


@given(identity=TEXT, values=items(GOOGLE))
def test_every_insert_is_a_product_input(identity: str, values: dict[str, str]) -> None:
    account = google({k: v for k, v in GOOGLE_SETTINGS.items() if k != "access_token"}, {"access_token": "t"}, GOOGLE)
    content = msgspec.json.encode(account.content(values))
    request = account.build([Entry(identity, content, 1_788_000_000_123), Entry(identity, None, 1)])
    # What we write is what we read: a body of the form that answers have.
    as_answer = request.body.replace(b"POST ", b"HTTP/1.1 200 POST ").replace(b"DELETE ", b"HTTP/1.1 204 DELETE ")
    found = answers(Answer(200, {"content-type": request.headers["content-type"]}, as_answer))
    read = products.ProductInput.from_json(found[0].body, ignore_unknown_fields=False)
    assert (read.offer_id, read.feed_label, read.version_number) == (identity, "PL", 1_788_000_000_123)
    assert found[1].status == 204


@given(values=items(META))
def test_every_request_is_one_of_metas_sdk(values: dict[str, str]) -> None:
    account = meta({"catalog_id": "789"}, {"access_token": META_SETTINGS["access_token"]["secret"]}, META)
    content = account.content({"id": "A", **values})
    body = msgspec.json.decode(account.build([Entry("A", msgspec.json.encode(content), 1), Entry("B", None, 1)]).body)
    assert [each["method"] for each in body["requests"]] == ["UPDATE", "DELETE"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it calls the page's array of requests a map
        sent = ProductCatalog("789").create_items_batch(params=body, pending=True)
    assert set(sent._params) == {"item_type", "allow_upsert", "requests"}
    # Names that a product item can be read back with; the others are the feed's own.
    feed_only = {"link", "image_link", "additional_image_link", "title", "item_group_id", "fb_product_category", "mpn",
                 "google_product_category", "sale_price_effective_date", "mobile_link", "id"}  # fmt: skip
    known = {value for name, value in vars(ProductItem.Field).items() if not name.startswith("_")}
    assert set(content) - feed_only <= known
