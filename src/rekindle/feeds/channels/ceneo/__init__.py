"""Ceneo: XML, ``offers > o``; UTF-8. Prices in PLN only: an item in another currency is left out."""

from rekindle.feeds.channel import Channel
from rekindle.feeds.channels.ceneo.writer import FORMAT
from rekindle.feeds.mapping import amount, images, mapping
from rekindle.feeds.spec import load_spec

SPEC = load_spec(__name__)

CHANNEL = Channel(
    SPEC,
    mapping(
        SPEC,
        url="link",
        price=f"coalesce({amount('sale_price', 'PLN')}, {amount('price', 'PLN')})",
        avail="""CASE availability WHEN 'in_stock' THEN '1' WHEN 'backorder' THEN '90' WHEN 'preorder' THEN '110'
            WHEN 'out_of_stock' THEN '99' END""",
        stock="CAST(greatest(quantity, 0) AS VARCHAR)",
        weight="""CASE WHEN shipping_weight LIKE '% kg' THEN split_part(shipping_weight, ' ', 1)
            WHEN shipping_weight LIKE '% g' THEN CAST(rk_number(shipping_weight) / 1000 AS VARCHAR) END""",
        cat="replace(product_type, ' > ', '/')",
        name="title",
        image="image_link",
        images=images(20),
        desc="description",
        Producent="brand",
        Kod_producenta="mpn",
        EAN="gtin",
        Kolor="color",
        Rozmiar="size",
    ),
    {"xml": FORMAT},
)
