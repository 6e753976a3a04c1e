"""Product fields under the names that most platforms took over from Google, as SQL over a snapshot's columns."""

from __future__ import annotations

from rekindle.feeds import _sql
from rekindle.feeds.spec import SEPARATOR, Spec

SPACED_AVAILABILITY = """CASE availability WHEN 'in_stock' THEN 'in stock' WHEN 'out_of_stock' THEN 'out of stock'
    WHEN 'backorder' THEN 'available for order' ELSE availability END"""
BACKORDER_AS_STOCK = """CASE availability WHEN 'in_stock' THEN 'in stock' WHEN 'out_of_stock' THEN 'out of stock'
    WHEN 'backorder' THEN 'in stock' ELSE availability END"""
"""For platforms that know no backorder: what can be ordered is in stock."""
NEW = "coalesce(nullif(condition, ''), 'new')"
"""For platforms that require a condition: an item of which nothing is said is new."""


def images(most: int, comma: str = ",") -> str:
    """Return SQL for further images; where a file joins them with commas, those inside an address become ``%2C``."""
    chosen = f"additional_image_links[1:{most}]"
    if comma != ",":
        chosen = f"list_transform({chosen}, lambda image: replace(image, ',', {_sql.text(comma)}))"
    return f"array_to_string({chosen}, {_sql.text(SEPARATOR)})"


def amount(field: str, currency: str) -> str:
    """Return SQL for a bare amount in one currency; an item in another has none."""
    money = f"split_part(rk_money({field}, currency), ' ', 1)"
    lower = "sale_price < price AND " if field == "sale_price" else ""
    return f"CASE WHEN {lower}currency = {_sql.text(currency)} THEN {money} END"


COMMON = {
    "id": "id",
    "title": "title",
    "description": "rk_plain(description)",
    "link": "link",
    "image_link": "image_link",
    "additional_image_link": images(10, "%2C"),
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


def mapping(spec: Spec, **own: str) -> dict[str, str]:
    """Return the common mapping for the attributes that a specification has, with the channel's own on top."""
    return {name: value for name, value in (COMMON | own).items() if name in spec.names}
