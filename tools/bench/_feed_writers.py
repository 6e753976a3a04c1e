"""Other writers of the same RSS from the same JSON Lines: `lxml`, Node's fast-xml-parser, PHP's XMLWriter."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from lxml import etree

from rekindle.feeds.channel import Head

G = "http://base.google.com/ns/1.0"
HEAD = Head("Bench & co", "https://shop.example")
_HERE = Path(__file__).parent
_SAME = (
    "product_type", "brand", "gtin", "mpn", "condition", "age_group", "gender", "color", "size", "material", "pattern",
)  # fmt: skip


def lxml(products: Path, folder: Path) -> Path:
    """The same mapping, an element at a time, through `lxml`'s incremental writer."""
    target = folder / "lxml.xml"
    with etree.xmlfile(str(target), encoding="UTF-8") as out:
        out.write_declaration()
        with out.element("rss", version="2.0", nsmap={"g": G}), out.element("channel"):
            for name, text in (("title", HEAD.title), ("link", HEAD.link), ("description", HEAD.title)):
                with out.element(name):
                    out.write(text)
            for product in _products(products):
                with out.element("item"):
                    for name, value in _attributes(product):
                        if value is not None:
                            with out.element(f"{{{G}}}{name}"):
                                out.write(value)
    return target


def _products(products: Path) -> Iterator[dict[str, Any]]:
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    with products.open("rb") as lines:
        yield from map(decode, lines)


def _attributes(product: dict[str, Any]) -> Iterator[tuple[str, str | None]]:
    for name in ("id", "title", "description", "link", "image_link"):
        yield name, product[name]
    for image in product["additional_image_links"][:10]:
        yield "additional_image_link", image
    yield "mobile_link", product["mobile_link"]
    yield "availability", product["availability"]
    yield "price", f"{product['price']:.2f} {product['currency']}"
    if product["sale_price"] is not None and product["sale_price"] < product["price"]:
        yield "sale_price", f"{product['sale_price']:.2f} {product['currency']}"
    yield "google_product_category", product["google_category"]
    for name in _SAME:
        yield name, product[name]
    yield "item_group_id", product["group_id"]
    for number, label in enumerate(product["custom_labels"][:5]):
        yield f"custom_label_{number}", label
    yield "shipping_label", product["attributes"].get("shipping_label")


def fast_xml(products: Path, folder: Path) -> dict[str, float]:
    """The same mapping in Node, a thousand items at a time. Measures itself."""
    return _run(["node", str(_HERE / "fast_xml" / "writer.mjs")], products, folder / "fast-xml.xml")


def php(products: Path, folder: Path) -> dict[str, float]:
    """The same mapping in PHP, the upper bound of a shop's plug-in. Measures itself."""
    return _run(["php", str(_HERE / "php" / "writer.php")], products, folder / "php.xml")


def _run(command: list[str], products: Path, target: Path) -> dict[str, float]:
    given = [*command, str(products), str(target), HEAD.title, HEAD.link]
    measured: dict[str, float] = json.loads(subprocess.run(given, check=True, capture_output=True, text=True).stdout)
    return measured


def without_node() -> str:
    """Return why fast-xml-parser cannot be measured here, or nothing."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "Node.js is not there"
    folder = _HERE / "fast_xml"
    if not (folder / "node_modules").is_dir():
        install = ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"]
        if subprocess.run(install, cwd=folder, capture_output=True).returncode:
            return "npm could not install it"
    return ""


def without_php() -> str:
    """Return why XMLWriter cannot be measured here, or nothing."""
    if shutil.which("php") is None:
        return "PHP is not there"
    asked = subprocess.run(["php", "-r", "exit(class_exists('XMLWriter') ? 0 : 1);"], capture_output=True)
    return "this PHP has no XMLWriter" if asked.returncode else ""
