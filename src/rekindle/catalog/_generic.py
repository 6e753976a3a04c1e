"""Products of rows whose columns are nobody's standard: by mapping, else by the names people give them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from rekindle.catalog._attributes import attribute_name
from rekindle.catalog.products import ALIASES, product_from
from rekindle.catalog.report import Report, refuse
from rekindle.catalog.row import Item, Options, Row, Values
from rekindle.model.product import Product

_GUESSES: Final = {
    "id": ("id", "product_id", "item_id", "offer_id", "variant_id", "sku", "kod", "symbol", "artikelnummer", "code"),
    "title": ("title", "name", "product_name", "item_name", "nazwa", "tytuł", "tytul", "titel", "bezeichnung", "nom"),
    "description": ("description", "body", "opis", "beschreibung", "long_description", "body_html"),
    "price": ("price", "regular_price", "cena", "cena_brutto", "preis", "prix", "price.amount", "price.value"),
    "sale_price": ("sale_price", "special_price", "cena_promocyjna", "promo_price"),
    "currency": ("currency", "waluta", "währung", "price.currency", "currency_code"),
    "link": ("link", "url", "product_url", "adres", "permalink", "href"),
    "image_link": ("image_link", "image", "image_url", "picture", "zdjęcie", "zdjecie", "images", "bild", "img"),
    "availability": ("availability", "stock_status", "dostępność", "dostepnosc", "in_stock", "verfügbarkeit"),
    "quantity": ("quantity", "qty", "stock", "stan", "ilość", "ilosc", "stock_quantity", "bestand"),
    "brand": ("brand", "manufacturer", "producent", "marka", "vendor", "hersteller", "marke"),
    "gtin": ("gtin", "ean", "ean13", "upc", "barcode", "isbn"),
    "product_type": ("product_type", "category", "categories", "kategoria", "kategorie"),
    "group_id": ("item_group_id", "group_id", "parent_id", "parent_sku"),
    "color": ("color", "colour", "kolor", "farbe"),
    "size": ("size", "rozmiar", "größe"),
}
_FIELDS: Final = frozenset(Product.__struct_fields__) - {"custom_labels", "attributes", "sale_start_ms", "sale_end_ms"}
TARGETS: Final = (
    _FIELDS
    | set(ALIASES)
    | {"sale_price_effective_date", "sale_start", "sale_end"}
    | {f"custom_label_{n}" for n in range(5)}
)
"""What ``columns`` may map to a column of the table."""


def guess(names: Iterable[str]) -> dict[str, str]:
    """Return product field → column, for the columns whose names say what they hold."""
    by_name: dict[str, str] = {}
    for name in names:
        by_name.setdefault(attribute_name(name), name)
    found: dict[str, str] = {}
    for field, words in _GUESSES.items():
        if column := next((by_name[word] for word in words if word in by_name), None):
            found[field] = column
    for name, column in by_name.items():
        field = ALIASES.get(name, name)
        if name in TARGETS and field not in found and column not in found.values():
            found[field] = column
    return found


class Columns:
    """What the columns of one file mean; rows that bring new ones may come at any time."""

    def __init__(self, options: Options, report: Report) -> None:
        self._options, self._report = options, report
        self._mapping: dict[str, str] = {}
        self._seen: dict[str, None] = {}

    def named(self, given: Values) -> Values:
        """Return a row's values by attribute name. Raises `Refused` when ``columns`` names what does not exist."""
        if not given.keys() <= self._seen.keys():
            if not self._seen:
                self._mapping = _mapping(given, self._options, self._report)
            self._seen |= dict.fromkeys(given)
            self._mapping = _more(self._mapping, self._seen)
        values: Values = {name: given[column] for name, column in self._mapping.items() if column in given}
        used = set(self._mapping.values())
        for name, value in given.items():
            if name not in used:
                values.setdefault(f"source.{name}" if attribute_name(name) in TARGETS else name, value)
        return values


def items(rows: Iterable[Row], options: Options, report: Report) -> Iterator[Item]:
    """Yield the products. Raises `Refused` when ``columns`` names a field or column that does not exist."""
    columns = Columns(options, report)
    for row in rows:
        product = product_from(columns.named(row.values), options, report, row.number)
        if product is not None:
            yield Item(row.number, product)


def _more(mapping: dict[str, str], names: Iterable[str]) -> dict[str, str]:
    """Return the mapping with what new columns say, never changing what is mapped already."""
    taken = set(mapping.values())
    return mapping | {f: c for f, c in guess(names).items() if f not in mapping and c not in taken}


def _mapping(values: Values, options: Options, report: Report) -> dict[str, str]:
    if strange := sorted(set(options.columns) - TARGETS):
        remedy = f"columns maps product fields to columns; fields are {', '.join(sorted(_FIELDS))}"
        raise refuse("columns-unknown-field", remedy, ", ".join(strange))
    missing = sorted(column for column in options.columns.values() if column not in values)
    if missing and "id" in options.columns and options.columns["id"] in missing:
        raise refuse("columns-missing", f"the file has {', '.join(values)}", ", ".join(missing), row=1)
    if missing:
        report.add("columns-missing", f"correct columns; the file has {', '.join(values)}", value=", ".join(missing))
    taken = set(options.columns.values())
    guessed = {f: c for f, c in guess(values).items() if f not in options.columns and c not in taken}
    mapping = guessed | options.columns
    if "id" not in mapping:
        raise refuse("no-id-column", 'say which column is the id: columns.id = "…"', ", ".join(values), row=1)
    if guessed:
        told = ", ".join(f"{field} from {column}" for field, column in guessed.items())
        report.add("columns-guessed", "set columns of the source where this is wrong", severity="note", value=told)
    return mapping
