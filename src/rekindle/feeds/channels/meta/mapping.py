"""Product fields to Meta attributes, as SQL over a snapshot's columns."""

from __future__ import annotations

from rekindle.feeds import _sql
from rekindle.feeds.spec import SEPARATOR

_IMAGES = "list_transform(additional_image_links[1:20], lambda image: replace(image, ',', '%2C'))"

MAPPING = {
    "id": "id",
    "title": "title",
    "description": "rk_plain(description)",
    "availability": """CASE availability WHEN 'in_stock' THEN 'in stock' WHEN 'out_of_stock' THEN 'out of stock'
        WHEN 'backorder' THEN 'available for order' ELSE availability END""",
    # The template's default: an item of which nothing is said is new.
    "condition": "coalesce(nullif(condition, ''), 'new')",
    "price": "rk_money(price, currency)",
    "link": "link",
    "image_link": "image_link",
    "brand": "brand",
    "google_product_category": "google_category",
    "quantity_to_sell_on_facebook": "CASE WHEN quantity > 0 THEN CAST(quantity AS VARCHAR) END",
    # A sale that does not lower the price is no sale; many systems fill both fields alike.
    "sale_price": "CASE WHEN sale_price < price THEN rk_money(sale_price, currency) END",
    "sale_price_effective_date": "CASE WHEN sale_price < price THEN rk_range(sale_start_ms, sale_end_ms, '+00:00') END",
    "item_group_id": "group_id",
    "gender": "gender",
    "color": "color",
    "size": "size",
    "age_group": "age_group",
    "material": "material",
    "pattern": "pattern",
    "shipping_weight": "shipping_weight",
    "gtin": "gtin",
    "mpn": "mpn",
    # The list is comma-separated in one cell, so a comma inside an address is written as %2C.
    "additional_image_link": f"array_to_string({_IMAGES}, {_sql.text(SEPARATOR)})",
    "mobile_link": "mobile_link",
    "product_type": "product_type",
    "custom_label_0": "custom_labels[1]",
    "custom_label_1": "custom_labels[2]",
    "custom_label_2": "custom_labels[3]",
    "custom_label_3": "custom_labels[4]",
    "custom_label_4": "custom_labels[5]",
}
