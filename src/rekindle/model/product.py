"""One sellable item of the catalogue, whatever system it came from."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec

Availability = Literal["in_stock", "out_of_stock", "preorder", "backorder"]


class Product(msgspec.Struct, omit_defaults=True):
    """One variant, the thing with a price and a stock.

    ``id`` is the shop's own id, byte for byte what the page sends as ``item_id``. ``group_id`` joins variants.
    ``price`` and ``sale_price`` are in ``currency`` (ISO 4217), tax included as the page shows them. Times are
    milliseconds since the epoch. ``attributes`` keeps what the source said and the model has no field for.
    """

    id: str
    title: str = ""
    group_id: str | None = None
    description: str | None = None
    link: str | None = None
    mobile_link: str | None = None
    image_link: str | None = None
    additional_image_links: list[str] = msgspec.field(default_factory=list)
    price: Decimal | None = None
    sale_price: Decimal | None = None
    sale_start_ms: int | None = None
    sale_end_ms: int | None = None
    currency: str | None = None
    availability: Availability | None = None
    quantity: int | None = None
    brand: str | None = None
    gtin: str | None = None
    mpn: str | None = None
    condition: str | None = None
    google_category: str | None = None
    product_type: str | None = None
    color: str | None = None
    size: str | None = None
    material: str | None = None
    pattern: str | None = None
    gender: str | None = None
    age_group: str | None = None
    shipping_weight: str | None = None
    custom_labels: list[str] = msgspec.field(default_factory=list)
    attributes: dict[str, str] = msgspec.field(default_factory=dict)


class Offer(msgspec.Struct, frozen=True):
    """What an ad may say of an item right now; see `rekindle.model.ports.Offers`."""

    id: str
    title: str
    link: str
    image_link: str
    price: Decimal
    currency: str
    in_stock: bool
    sale_price: Decimal | None = None
    brand: str | None = None
    product_type: str | None = None
