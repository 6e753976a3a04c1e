"""Skąpiec: XML, ``xmldata > data > item``; UTF-8. Prices in PLN only: an item in another currency is left out."""

from rekindle.feeds.channel import Channel
from rekindle.feeds.formats import xml
from rekindle.feeds.mapping import amount, mapping
from rekindle.feeds.spec import load_spec

SPEC = load_spec(__name__)

CHANNEL = Channel(
    SPEC,
    mapping(
        SPEC,
        vendor="brand",
        name="title",
        price=f"coalesce({amount('sale_price', 'PLN')}, {amount('price', 'PLN')})",
        partnr="mpn",
        catname="product_type",
        photo="image_link",
        desclong="rk_plain(description)",
        url="link",
        ean="gtin",
        availability="CASE WHEN availability = 'in_stock' THEN '1' WHEN availability IS NOT NULL THEN '0' END",
    ),
    {"xml": xml("item", lambda _head: "<xmldata><version>12.0</version><data>", "</data></xmldata>\n")},
)
