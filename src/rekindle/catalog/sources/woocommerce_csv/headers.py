"""The export's column names in other languages (WooCommerce's own translations), in English."""

from __future__ import annotations

import re
from typing import Final

_NAMES: Final = {
    "ID": ("id",),
    "Type": ("тип", "typ", "type"),
    "SKU": ("артикул", "sku", "artikelnummer", "ugs"),
    "Name": ("имя", "nazwa", "name", "nom"),
    "Published": ("опубликован", "opublikowano", "veröffentlicht", "publié"),
    "Visibility in catalog": ("видимость в каталоге", "widoczność w katalogu", "sichtbarkeit im katalog"),
    "Short description": ("короткое описание", "краткое описание", "krótki opis", "kurzbeschreibung"),
    "Description": ("описание", "opis", "beschreibung"),
    "Date sale price starts": ("дата начала действия цены распродажи", "data rozpoczęcia promocji"),
    "Date sale price ends": ("дата окончания действия цены распродажи", "data zakończenia promocji"),
    "In stock?": ("в наличии?", "наличие", "w magazynie?", "na stanie?", "vorrätig?", "en stock ?"),
    "Stock": ("запасы", "magazyn", "bestand", "lager", "stock"),
    "Sale price": ("цена распродажи", "акционная цена", "cena promocyjna", "angebotspreis", "tarif promo"),
    "Regular price": ("базовая цена", "обычная цена", "cena podstawowa", "regulärer preis", "tarif régulier"),
    "Categories": ("категории", "kategorie", "kategorien", "catégories"),
    "Images": ("изображения", "obrazki", "bilder", "images"),
    "Parent": ("родительский", "nadrzędny", "übergeordnetes produkt", "parent"),
    "Brands": ("бренды", "marki", "marken", "marques"),
    "GTIN, UPC, EAN, or ISBN": ("gtin, upc, ean или isbn", "gtin, upc, ean lub isbn", "gtin, upc, ean oder isbn"),
}
_BY_WORD: Final = {word: name for name, words in _NAMES.items() for word in (name.lower(), *words)}

_ATTRIBUTE = re.compile(r"(?:Attribute|Атрибут|Atrybut|Attribut)\D{0,12}?(\d+)\D*", re.I)
_VALUES = re.compile(r"value|значени|wartoś|wert|valeur", re.I)
_NAME = re.compile(r"name|имя|назван|nazwa|nom\b", re.I)


def english(column: str) -> str:
    """Return the English name of an export's column, or the column itself when it is not known."""
    if known := _BY_WORD.get(column.strip().lower()):
        return known
    if found := _ATTRIBUTE.search(column):
        if _VALUES.search(column):
            return f"Attribute {found[1]} value(s)"
        if _NAME.search(column):
            return f"Attribute {found[1]} name"
    return column.strip()
