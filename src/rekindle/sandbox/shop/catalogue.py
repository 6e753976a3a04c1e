"""The products of the shop: its own catalogue file, and how any list of products is shelved."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path

import msgspec

from rekindle.model.product import Product

CATALOG = Path(__file__).parent / "catalog.csv"
"""The demo's own catalogue: a table whose columns the ``csv`` source knows by name, with ``title_pl`` beside it.

Six faults are planted, as real catalogues have them: a map without brand and GTIN, a wrong GTIN check digit, a title of
over 150 characters, a missing description, a sale price above the price, a product without GTIN and MPN.
"""

_COLUMNS = {
    name: name
    for name in (
        "id", "title", "description", "link", "image_link", "price", "sale_price", "currency", "availability", "quantity",
        "brand", "gtin", "mpn", "condition", "product_type", "color", "size", "gender", "age_group", "shipping_weight",
    )
} | {"group_id": "item_group_id", "google_category": "google_product_category"}  # fmt: skip


def load_catalog(path: Path = CATALOG) -> list[Product]:
    """Return the products of the shop's own catalogue file. Raises `OSError`, `KeyError` for a missing column."""
    with path.open(encoding="utf-8", newline="") as rows:
        return [_product(row) for row in csv.DictReader(rows)]


class Shelf(msgspec.Struct, frozen=True):
    """One category; ``slug`` is for addresses."""

    slug: str
    name: str
    products: list[Product]


class Shelves:
    """Products by id, by group and by category, in the order they were given."""

    def __init__(self, products: Iterable[Product]) -> None:
        self.by_id: dict[str, Product] = {}
        self.groups: dict[str, list[Product]] = {}
        found: dict[str, Shelf] = {}
        for product in products:
            self.by_id[product.id] = product
            self.groups.setdefault(product.group_id or product.id, []).append(product)
            name = category(product)
            slug = slugify(name)
            found.setdefault(slug, Shelf(slug=slug, name=name, products=[])).products.append(product)
        self.shelves = dict(sorted(found.items(), key=lambda entry: -len(entry[1].products))[:8])

    def variants(self, product: Product) -> Sequence[Product]:
        """Return the products that differ from ``product`` in size or colour only, itself among them."""
        return self.groups[product.group_id or product.id]

    def heads(self, products: Iterable[Product]) -> list[Product]:
        """Return the first sellable variant of each group."""
        best: dict[str, Product] = {}
        for product in products:
            group = product.group_id or product.id
            if group not in best or (not in_stock(best[group]) and in_stock(product)):
                best[group] = product
        return list(best.values())

    def search(self, words: str) -> list[Product]:
        """Return the products whose titles, brand or category hold every word, without case and accents."""
        wanted = _fold(words).split()
        return [
            product
            for product in self.heads(self.by_id.values())
            if wanted and all(word in _searchable(product) for word in wanted)
        ]


def category(product: Product) -> str:
    """Return the first level of the product's category."""
    return (product.product_type or "").split(">")[0].strip() or "Other"


def in_stock(product: Product) -> bool:
    """Say whether the product can be put in the cart."""
    return product.availability in (None, "in_stock", "preorder", "backorder")


def price_of(product: Product) -> Decimal:
    """Return what the product costs now; a sale price above the price is a mistake and is not charged."""
    price = product.price or Decimal(0)
    return product.sale_price if product.sale_price is not None and product.sale_price < price else price


def slugify(text: str) -> str:
    """Return ``text`` for an address: lower-case ASCII letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", _fold(text)).strip("-") or "other"


def _product(row: dict[str, str]) -> Product:
    values: dict[str, object] = {name: row[column] for name, column in _COLUMNS.items() if row[column]}
    values["attributes"] = {name: row[name] for name in ("title_pl", "description_pl") if row[name]}
    return msgspec.convert(values, Product, strict=False)


def _searchable(product: Product) -> str:
    parts = (product.title, product.attributes.get("title_pl"), product.brand, product.product_type)
    return _fold(" ".join(part for part in parts if part))


def _fold(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("ł", "l"))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))
