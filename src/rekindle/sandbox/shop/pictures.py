"""Product pictures drawn from what the catalogue says: no photographs, no other host."""

from __future__ import annotations

import hashlib
from html import escape

from rekindle.model.product import Product
from rekindle.sandbox.shop.catalogue import category

_COLOURS = {
    "red": "#b8433a", "czerwony": "#b8433a", "navy": "#2f4a6d", "granatowy": "#2f4a6d", "green": "#4d7350",
    "zielony": "#4d7350", "orange": "#cf7a33", "pomarańczowy": "#cf7a33", "black": "#34383c", "czarny": "#34383c",
    "grey": "#858d92", "gray": "#858d92", "szary": "#858d92", "sand": "#c3a878", "piaskowy": "#c3a878",
    "teal": "#2f7d7e", "morski": "#2f7d7e", "white": "#dcdcd6", "biały": "#dcdcd6", "blue": "#3a6ea5",
    "niebieski": "#3a6ea5", "yellow": "#d4b23c", "żółty": "#d4b23c", "brown": "#7a5a43", "brązowy": "#7a5a43",
}  # fmt: skip

# Drawn on 240 × 240; {c} is the product's colour, {d} a darker shade of the same.
_SHAPES = {
    "Tents": '<path d="M30 180 120 62l90 118z" fill="{c}"/><path d="M120 62 88 180h64z" fill="{d}"/>'
    '<path d="M120 100 106 180h28z" fill="#fff" opacity=".55"/>',
    "Backpacks": '<path d="M92 66a28 28 0 0 1 56 0" fill="none" stroke="{d}" stroke-width="9"/>'
    '<rect x="70" y="64" width="100" height="126" rx="26" fill="{c}"/><rect x="84" y="126" width="72" height="50" rx="12" fill="{d}"/>'
    '<path d="M70 104h100" stroke="{d}" stroke-width="6"/>',
    "Sleeping": '<rect x="34" y="96" width="172" height="64" rx="32" fill="{c}"/><circle cx="66" cy="128" r="32" fill="{d}"/>'
    '<circle cx="66" cy="128" r="14" fill="#fff" opacity=".5"/><path d="M112 96v64M156 96v64" stroke="{d}" stroke-width="6"/>',
    "Clothing": '<path d="M92 58h56l34 20 22 94-25 8-19-60v70H80v-70l-19 60-25-8 22-94z" fill="{c}"/>'
    '<path d="M92 58a28 22 0 0 0 56 0z" fill="{d}"/><path d="M120 84v106" stroke="{d}" stroke-width="4"/>',
    "Footwear": '<path d="M78 62h54v58l62 22c12 5 14 16 14 28H64c-6-40 14-60 14-108z" fill="{c}"/>'
    '<path d="M62 170h148v14H62z" fill="{d}"/><path d="M118 84h20M116 100h24M118 116h30" stroke="#fff" stroke-width="5" opacity=".7"/>',
    "Kitchen": '<path d="M72 84h88v80a16 16 0 0 1-16 16H88a16 16 0 0 1-16-16z" fill="{c}"/><rect x="66" y="76" width="100" height="12" rx="6" fill="{d}"/>'
    '<path d="M160 102h16a20 20 0 0 1 0 44h-16" fill="none" stroke="{d}" stroke-width="10"/>',
    "Lighting": '<path d="m120 44 62 44H58z" fill="{d}"/><rect x="76" y="90" width="88" height="84" rx="8" fill="{c}"/>'
    '<circle cx="120" cy="132" r="26" fill="#ffe9a8"/><rect x="66" y="174" width="108" height="14" rx="5" fill="{d}"/>',
}  # fmt: skip
_OTHER = (
    '<rect x="62" y="76" width="116" height="108" rx="10" fill="{c}"/><path d="M62 112h116" stroke="{d}" stroke-width="6"/>'
    '<path d="M104 112v26l16-10 16 10v-26" fill="{d}"/>'
)


def draw(product: Product) -> bytes:
    """Return a picture of a product as SVG: a shape of its category in its colour."""
    colour = _colour(product)
    shape = _SHAPES.get(category(product), _OTHER).format(c=colour, d=_darker(colour))
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 240 240" role="img">'
        f"<title>{escape(product.title)}</title>"
        '<rect width="240" height="240" fill="#f1efe9"/><ellipse cx="120" cy="190" rx="86" ry="9" fill="#e0dcd2"/>'
        f"{shape}</svg>"
    )
    return svg.encode()


def _colour(product: Product) -> str:
    known = _COLOURS.get((product.color or "").casefold())
    if known:
        return known
    # Any stable choice: the same product always has the same picture.
    number = hashlib.sha256(product.id.encode()).digest()[0]
    return sorted(set(_COLOURS.values()))[number % len(set(_COLOURS.values()))]


def _darker(colour: str) -> str:
    return "#" + "".join(f"{int(int(colour[at : at + 2], 16) * 0.78):02x}" for at in (1, 3, 5))
