"""Product fields to Google attributes, as SQL over a snapshot's columns."""

from __future__ import annotations

from rekindle.feeds import _sql
from rekindle.feeds.spec import SEPARATOR

MAPPING = {
    "id": "id",
    "title": "title",
    "description": "rk_plain(description)",
    "link": "link",
    "image_link": "image_link",
    "additional_image_link": f"array_to_string(additional_image_links[1:10], {_sql.text(SEPARATOR)})",
    "mobile_link": "mobile_link",
    "availability": "availability",
    "price": "rk_money(price, currency)",
    # A sale that does not lower the price is no sale; many systems fill both fields alike.
    "sale_price": "CASE WHEN sale_price < price THEN rk_money(sale_price, currency) END",
    "sale_price_effective_date": "CASE WHEN sale_price < price THEN rk_range(sale_start_ms, sale_end_ms, 'Z') END",
    "google_product_category": "google_category",
    "product_type": "product_type",
    "brand": "brand",
    "gtin": "gtin",
    "mpn": "mpn",
    "identifier_exists": """coalesce(attributes['identifier_exists'],
        CASE WHEN nullif(gtin, '') IS NULL AND nullif(mpn, '') IS NULL THEN 'no' END)""",
    "condition": "condition",
    "age_group": "age_group",
    "gender": "gender",
    "color": "color",
    "size": "size",
    "material": "material",
    "pattern": "pattern",
    "item_group_id": "group_id",
    "custom_label_0": "custom_labels[1]",
    "custom_label_1": "custom_labels[2]",
    "custom_label_2": "custom_labels[3]",
    "custom_label_3": "custom_labels[4]",
    "custom_label_4": "custom_labels[5]",
    "shipping_weight": "shipping_weight",
}
