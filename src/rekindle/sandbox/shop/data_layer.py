"""What the shop's pages push to the data layer: GA4 e-commerce, as Google's documentation writes it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from rekindle.model.product import Product
from rekindle.sandbox.shop.catalogue import category, price_of

Push = dict[str, Any]


def item(product: Product, **more: Any) -> Push:
    """Return one line of ``items``; ``price`` is per unit after discount."""
    price = price_of(product)
    line: Push = {
        "item_id": product.id,
        "item_name": product.title,
        "item_brand": product.brand,
        "item_category": category(product),
        "item_variant": " / ".join(part for part in (product.color, product.size) if part),
        "price": float(price),
    }
    if product.price is not None and product.price > price:
        line["discount"] = float(product.price - price)
    return {name: value for name, value in (line | more).items() if value not in (None, "")}


def listed(products: Sequence[Product], list_id: str) -> Push:
    """Return ``view_item_list``."""
    items = [item(product, index=at, item_list_id=list_id) for at, product in enumerate(products)]
    return {"event": "view_item_list", "ecommerce": {"item_list_id": list_id, "items": items}}


def one(event: str, product: Product, quantity: int = 1) -> Push:
    """Return an event about one product, such as ``view_item`` or ``add_to_cart``."""
    return {"event": event, "ecommerce": _money([(product, quantity)]) | {"items": [item(product, quantity=quantity)]}}


def basket(event: str, lines: Iterable[tuple[Product, int]], **more: Any) -> Push:
    """Return an event about the whole cart, such as ``begin_checkout`` or ``purchase``."""
    lines = list(lines)
    items = [item(product, quantity=quantity) for product, quantity in lines]
    return {"event": event, "ecommerce": {**more, **_money(lines), "items": items}}


def total(lines: Iterable[tuple[Product, int]]) -> Decimal:
    """Return what the lines cost together."""
    return sum((price_of(product) * quantity for product, quantity in lines), Decimal(0))


def currency_of(products: Iterable[Product]) -> str:
    """Return the currency the shop sells in: the first one named."""
    return next((product.currency for product in products if product.currency), "PLN")


def _money(lines: Sequence[tuple[Product, int]]) -> Push:
    return {"currency": currency_of(product for product, _ in lines), "value": float(total(lines))}
