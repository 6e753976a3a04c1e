"""What every channel promises, in each of its formats: an independent reader finds each value as it was published."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from lxml import etree

from rekindle.feeds import RuleError, compile_feed, findings
from rekindle.feeds.channel import channel, channels, configured
from rekindle.feeds.spec import SEPARATOR
from rekindle.workspace import Feed, FeedRule, FeedTemplate
from tests.feeds.conftest import product, published, shop

TEMPLATE = FeedTemplate(
    id="sku",
    field={
        "sku": "{id}", "name": "{brand} {title}", "money": "{price}", "text": "{description}",
        "pictures": "{additional_image_links}", "lamp": "{source.shipping_label}",
    },
    required=["name"], repeated=["pictures"], root="goods", item="good",
)  # fmt: skip
CASES = [(name, shape) for name in sorted(channels()) for shape in channel(name).formats]
PRODUCTS = (
    product(
        "A&1", title='Żółty "pokrowiec" <x> & co, 2×3', description="<p>Miękki</p>\nline\ttwo &amp; a < b",
        additional_image_links=["https://cdn.example/1.jpg?a=1&b=2", "https://cdn.example/2.jpg"],
        price=Decimal("1234.5"), sale_price=Decimal("999"), sale_start_ms=1_788_000_000_000, group_id="G1",
        sale_end_ms=1_788_600_000_000, color="zielony", custom_labels=["lato", "", "x"], mpn='M"1', material="len",
        attributes={"shipping_label": "light", "shipping": "PL::Kurier:9.99 PLN"}, shipping_weight="1.5 kg",
    ),
    product("B2", title="'apostrophe' \\ back\\nslash", availability="backorder", quantity=0, shipping_weight="500 g"),
    product("ż 3", image_link="https://cdn.example/3.jpg", availability="out_of_stock", condition="used", mpn="77", link="https://shop.example/?q='a',%22b%22"),
)  # fmt: skip


def feed_of(name: str, shape: str) -> Feed:
    wanted = {
        "seller_name": "Shop", "seller_url": "https://shop.example", "seller_privacy_policy": "https://shop.example/p",
        "seller_tos": "https://shop.example/t", "return_policy": "https://shop.example/r", "return_window": "14",
        "origin_id": "WAW",
    }  # fmt: skip
    rules = [FeedRule(do="set", attribute=key, value=value) for key, value in wanted.items()]
    names = set(channel(name).spec.names)
    return Feed(
        channel=name, format=shape, template=TEMPLATE if name == "template" else None,
        rule=[rule for rule in rules if rule.attribute in names],
    )  # fmt: skip


def one_line(value: str) -> str:
    return re.sub(r"[\t\r\n]+", " ", value).strip()


def read(shape: str, content: bytes) -> Iterator[dict[str, list[str]]]:
    """Return each item's values by the names in the file, as a reader that knows nothing of us sees them."""
    text = content.decode()
    if shape == "csv":
        yield from ({k: [v] for k, v in row.items() if v} for row in csv.DictReader(io.StringIO(text, newline="")))
    elif shape in ("tsv", "txt"):
        rows = csv.DictReader(io.StringIO(text, newline=""), delimiter="\t", quoting=csv.QUOTE_NONE)
        yield from ({k: [v] for k, v in row.items() if v} for row in rows)
    elif shape == "jsonl":
        for line in text.rstrip("\n").split("\n"):  # other separators of lines may stand in a text
            yield {k: v if isinstance(v, list) else [v] for k, v in json.loads(line).items()}
    else:
        tree: Any = etree.fromstring(content)
        for item in tree.xpath("//item | //product | //good | //o"):
            found: dict[str, list[str]] = {key: [value] for key, value in item.attrib.items()}
            for element in item:
                name = etree.QName(element).localname
                if name == "imgs":
                    found["image"] = [element.find("main").get("url")]
                    found["images"] = [more.get("url") for more in element.findall("i")]
                elif name == "attrs":
                    found |= {more.get("name"): [more.text] for more in element}
                elif len(element):
                    parts = {etree.QName(part).localname: part.text for part in element}
                    order = ("country", "region", "service", "price")
                    found[name] = [":".join(parts.get(part) or "" for part in order)]
                else:
                    found.setdefault(name, []).append(element.text or "")
            yield {key: values for key, values in found.items() if values}


@pytest.mark.parametrize(("name", "shape"), CASES)
def test_every_value_is_read_back(builder, blobs, shelf, database, name, shape) -> None:
    shelf.put(*PRODUCTS)
    feed = feed_of(name, shape)
    version = builder.build(shop(main=feed), "main")
    blocks = [f for f in findings(database, "shop", "main") if f.severity == "block"]
    assert (version.items, blocks) == (3, []), "a clean catalogue is not blocked"
    got = list(read(shape, published(blobs, version)))

    spec = configured(feed).spec
    items = duckdb.connect().execute(
        f"SELECT {', '.join(chr(34) + n + chr(34) for n in spec.names)} FROM "
        f"read_parquet('{blobs.path(version.items_digest)}') "
        "WHERE _state = 0 ORDER BY _id"
    )  # fmt: skip
    for row, found in zip(items.fetchall(), got, strict=True):
        wanted: dict[str, list[str]] = {}
        for attribute, value in zip(spec.attribute, row, strict=True):
            if value is None:
                continue
            values = value.split(SEPARATOR) if attribute.repeated else [value]
            if shape in ("tsv", "txt"):
                values = [one_line(",".join(values))]
            elif shape == "csv":
                values = [",".join(values)]
            wanted[attribute.header] = values
        assert found == wanted
    key = spec.find("id").header
    assert [item[key] for item in got] == [["A&1"], ["B2"], ["ż 3"]], "ids are byte for byte the shop's"


@pytest.mark.parametrize("name", sorted(set(channels()) - {"template"}))
def test_missing_what_is_required_is_found(builder, shelf, database, name) -> None:
    """Each required attribute that comes from the product is missed when the product lacks it."""
    shelf.put(product("A"), product("B", title="", link=None, price=None, currency=None))
    builder.build(shop(main=feed_of(name, next(iter(channel(name).formats)))), "main")
    spec = configured(feed_of(name, next(iter(channel(name).formats)))).spec
    required = {a.name for a in spec.attribute if a.required}
    found = {f.attribute for f in findings(database, "shop", "main") if f.code == "missing" and f.severity == "block"}
    assert found <= required
    assert found, "an item without title, link and price misses something everywhere"


def test_a_template_names_its_faults() -> None:
    for template, message in (
        (None, "needs .template."),
        (FeedTemplate(field={"a": "{id}"}), "no field 'id'"),
        (FeedTemplate(field={"id": "{id}", "a b": "x"}), "cannot be a name"),
        (FeedTemplate(field={"id": "{id}", "a": "{colour}"}), "'colour' is no product field"),
    ):
        with pytest.raises(RuleError, match=message):
            compile_feed(Feed(channel="template", template=template))
