"""What sources with variants share: ids by template, and which option is colour or size."""

from __future__ import annotations

import re
from typing import Final

from rekindle.catalog.products import first
from rekindle.catalog.row import Values

COLOR: Final = frozenset({"color", "colour", "kolor", "farbe", "couleur", "barva", "цвет"})
SIZE: Final = frozenset({"size", "rozmiar", "größe", "groesse", "taille", "velikost", "размер"})
_PARTS = re.compile(r"\{(\w+)\}")


def fill(template: str, values: Values) -> str:
    """Return ``shopify_PL_{product_id}_{variant_id}`` with the values in; an empty one makes the whole empty."""
    wanted = _PARTS.findall(template)
    if any(not first(values.get(name, "")) for name in wanted):
        return ""
    return _PARTS.sub(lambda found: first(values[found[1]]), template)
