"""What the shop's product pages tell programs: schema.org Product with its Offer, as search engines' documentation writes it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from rekindle.model.product import Product
from rekindle.sandbox.shop.catalogue import price_of

_AVAILABILITY = {"out_of_stock": "OutOfStock", "preorder": "PreOrder", "backorder": "BackOrder"}
_CONDITION = {"refurbished": "RefurbishedCondition", "used": "UsedCondition"}


def product(item: Product, name: str, currency: str, prefix: str = "") -> dict[str, Any]:
    """Return JSON-LD for the page of one product, in the page's language; addresses are relative to the shop."""
    price = price_of(item)
    offer: dict[str, Any] = {
        "@type": "Offer", "url": f"{prefix}/p/{quote(item.id)}", "price": f"{price:.2f}", "priceCurrency": currency,
        "availability": "https://schema.org/" + _AVAILABILITY.get(item.availability or "", "InStock"),
        "itemCondition": "https://schema.org/" + _CONDITION.get(item.condition or "", "NewCondition"),
    }  # fmt: skip
    if item.price is not None and item.price > price:
        offer["priceSpecification"] = {
            "@type": "UnitPriceSpecification", "priceType": "https://schema.org/StrikethroughPrice",
            "price": f"{item.price:.2f}", "priceCurrency": currency,
        }  # fmt: skip
    told: dict[str, Any] = {
        "@context": "https://schema.org/", "@type": "Product", "name": name, "sku": item.id, "gtin": item.gtin,
        "mpn": item.mpn, "image": f"/img/{quote(item.id)}.svg", "color": item.color, "size": item.size,
        "brand": {"@type": "Brand", "name": item.brand} if item.brand else None, "offers": offer,
    }  # fmt: skip
    if item.group_id:
        told["isVariantOf"] = {"@type": "ProductGroup", "productGroupID": item.group_id}
    return {key: value for key, value in told.items() if value}
