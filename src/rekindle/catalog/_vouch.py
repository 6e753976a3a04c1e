"""SQL that makes products of rows whose values need no judgement, and tells which rows those are.

It says of a row what `rekindle.catalog.products.product_from` would, or that it cannot vouch for the row: an amount
written in an unusual way, letters that look as if they were encoded twice, anything that is reported with its value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from rekindle.catalog import _duck
from rekindle.catalog import values as read
from rekindle.catalog._shape import Column
from rekindle.catalog.products import ALIASES, LABEL, LINKS, TEXTS
from rekindle.catalog.row import Options
from rekindle.model.issue import Severity

AMOUNTS: Final = ("price", "sale_price", "quantity")
_LABELS: Final = tuple(f"custom_label_{number}" for number in range(5))
_SALES: Final = ("sale_price_effective_date", "sale_start", "sale_end")
_ONCE: Final = ("id", "currency", "availability", "gtin", *AMOUNTS, *_SALES)
_KNOWN: Final = frozenset((*TEXTS, *LINKS, *_LABELS, *_ONCE, "custom_labels", "additional_image_links"))
_LONG: Final = ("title", "description")
"""Texts whose outer white space is taken off; in the others it makes a row one to look at."""

# Three decimals are a matter of judgement.
_AMOUNT: Final = r"[0-9]{1,10}(\.([0-9]{1,2}|[0-9]{4}))?( [A-Z]{3})?"
_WORDS: Final = (
    "in stock", "in_stock", "InStock", "instock", "In Stock", "In stock", "out of stock", "out_of_stock", "OutOfStock",
    "outofstock", "Out of stock", "Out of Stock", "preorder", "pre-order", "PreOrder", "backorder", "BackOrder", "onbackorder",
    "available", "available for order", "discontinued", "https://schema.org/InStock", "https://schema.org/OutOfStock",
    "http://schema.org/InStock", "http://schema.org/OutOfStock", "true", "false", "yes", "no", "tak", "nie", "1", "0", "w magazynie", "na stanie", "dostępny",
    "dostępne", "niedostępny", "niedostępne", "brak", "wyprzedane", "na zamówienie", "auf lager", "nicht auf lager", "en stock",
)  # fmt: skip
_STOCK: Final = {word: found for word in _WORDS if (found := read.availability(word))}

# What `str.strip` takes off, beside control characters.
_WHITE: Final = "".join(
    map(chr, (9, 10, 13, 32, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000))
)
_BLANK: Final = r"[\s\v\p{Z}\x{85}\x1C-\x1F]"
_OUTER_BLANK: Final = rf"(^|\n){_BLANK}|{_BLANK}(\n|$)"
# Control characters, and what `values.undouble` looks at.
_ODD: Final = rf"[\x00-\x08\x0B\x0C\x0E-\x1F\x7F\x{{FFFE}}\x{{FFFF}}]|{read.PHP_MARK}|[{read.LEADS}][\x{{80}}-\x{{2FF}}\x{{2010}}-\x{{2122}}]"
# Where `products` would part a cell of links; control characters make a row odd, so one may stand between links here.
_PARTED: Final = r"[,|;](https?://|/)|[\s\v\p{Z}\x{85}]"
_ADDRESSES: Final = r"https?:[^\x1F]*(\x1Fhttps?:[^\x1F]*)*"


class Vouched(msgspec.Struct):
    """SELECT lists over the engine's columns.

    ``told`` are findings that only need to be counted once there are many: code and severity by the name of a column
    that says whether the row has it. ``letters`` looks for what no text has in a file that is ``plain`` (`rekindle.catalog._lines`).
    """

    columns: dict[str, str]
    told: dict[str, tuple[str, Severity]]
    tests: list[str] = msgspec.field(default_factory=list)
    letters: str = ""

    def products(self) -> str:
        """Return every column of a product."""
        return ", ".join(f"({self.columns[name]})::{kind} AS {name}" for name, kind in _duck.COLUMNS.items())

    def judged(self, *, plain: bool) -> str:
        """Return the id, what is ``told``, and ``plain``: the row can be vouched for."""
        tests = self.tests if plain else [*self.tests, self.letters]
        told = "".join(f"coalesce({self.columns[name]}, FALSE) AS {name}, " for name in self.told)
        return (
            f"{self.columns['id']} AS id, {told}coalesce({' AND '.join(f'({test})' for test in tests)}, FALSE) AS plain"
        )


def fields_of(named: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]] | None:
    """Sort attribute name → column into product fields and attributes of their own; None where two names meet."""
    fields: dict[str, str] = {}
    own: dict[str, str] = {}
    for name, column in named.items():
        plain = ALIASES.get(name, name)
        target = fields if plain in _KNOWN else own
        if plain in target or (plain not in _KNOWN and LABEL.match(plain)):
            return None
        target[plain] = column
    return fields, own


def vouch(fields: Mapping[str, Column], own: Mapping[str, Column], options: Options) -> Vouched:
    """Return what to select of columns by name (`fields_of`)."""
    texts: dict[str, str] = {}
    for name, column in fields.items():
        if name in ("additional_image_links", "custom_labels"):
            continue
        text = f"{column.sql}[1]" if column.many else column.sql
        if column.many and name == "product_type":
            text = f"array_to_string({column.sql}, ' > ')"
        texts[name] = f"nullif({_trimmed(text) if name in _LONG else text}, '')"
    kept = {n: f"array_to_string({c.sql}, ', ')" if c.many else c.sql for n, c in sorted(own.items())}
    made = Vouched({name: texts.get(name, "NULL") for name in (*TEXTS, *LINKS, "id", "gtin")}, {})
    short = [text for name, text in texts.items() if name not in _LONG] + list(kept.values())
    short += _images(made, fields.get("additional_image_links"))
    short += _labels(made, texts, fields.get("custom_labels"))
    joined = f"concat_ws(chr(10), {', '.join(short)})"
    long = "".join(f", {texts[name]}" for name in _LONG if name in texts)
    made.tests += [
        f"NOT regexp_matches({joined}, {_duck.text(_OUTER_BLANK)})",
        f"{texts['id']} IS NOT NULL",
    ]
    made.letters = f"NOT regexp_matches(concat({joined}{long}), {_duck.text(_ODD)})"
    made.tests += [f"{texts[name]} IS NULL" for name in _SALES if name in texts]
    # A list that begins with an empty text is there, though nothing is in it.
    firsts = [fields[name].sql for name in texts if fields[name].many]
    made.tests += [f"coalesce(len({many}), 0) = 0 OR {many}[1] <> ''" for many in firsts]
    made.tests += [f"{texts[n]} IS NULL OR regexp_matches({texts[n]}, '^https?:')" for n in LINKS if n in texts]
    if "gtin" in texts:
        made.tests.append(f"{texts['gtin']} IS NULL OR NOT regexp_matches({texts['gtin']}, '[''eE]')")
    _money(made, texts, options.currency)
    _stock(made, texts)
    entries = ", ".join(f"{{k: {_duck.text(name)}, v: {text}}}" for name, text in kept.items())
    made.columns["attributes"] = (
        f"map_from_entries(list_filter([{entries}], lambda e: e.v <> ''))" if kept else "MAP {}"
    )
    made.columns["title"] = f"coalesce({made.columns['title']}, '')"
    made.columns["no_title"] = f"{made.columns['title']} = ''"
    made.told["no_title"] = ("no-title", "warning")
    return made


def _trimmed(text: str) -> str:
    """Return SQL as `str.strip`; most texts need it not, and looking at their ends is a hundred times faster."""
    begins, ends = _duck.text(rf"\A{_BLANK}"), _duck.text(rf"{_BLANK}\z")
    blank = f"regexp_matches({text}, {begins}) OR regexp_matches({text}, {ends})"
    return f"CASE WHEN {blank} THEN trim({text}, {_duck.text(_WHITE)}) ELSE {text} END"


def _images(made: Vouched, column: Column | None) -> list[str]:
    """Add the list of images; return their texts, for the tests of all texts."""
    made.columns["additional_image_links"] = "[]"
    if column is None:
        return []
    joined = f"array_to_string({column.sql}, chr(31))"
    images = column.sql
    if not column.many:
        joined = f"replace(replace({column.sql}, ',https://', chr(31) || 'https://'), ',http://', chr(31) || 'http://')"
        images = f"string_split(nullif({joined}, ''), chr(31))"
    made.columns["additional_image_links"] = f"coalesce({images}, [])"
    made.tests.append(
        f"{images} IS NULL OR len({images}) = 0 OR (regexp_full_match({joined}, {_duck.text(_ADDRESSES)}) "
        f"AND NOT regexp_matches({joined}, {_duck.text(_PARTED)}))"
    )
    return [f"array_to_string({column.sql}, chr(10))" if column.many else column.sql]


def _labels(made: Vouched, texts: Mapping[str, str], column: Column | None) -> list[str]:
    if column is not None and column.many:
        texts_of = f"array_to_string({column.sql}, chr(10))"
        made.columns["custom_labels"] = f"coalesce({column.sql}, [])"
        if any(name in texts for name in _LABELS):
            made.tests.append(f"coalesce(len({column.sql}), 0) > 0")
        return [texts_of]
    if column is not None:
        made.columns["custom_labels"] = f"CASE WHEN {column.sql} <> '' THEN [{column.sql}] ELSE [] END"
        if any(name in texts for name in _LABELS):
            made.tests.append(f"coalesce({column.sql}, '') <> ''")
        return [column.sql]
    values = [f"coalesce({texts[name]}, '')" if name in texts else "''" for name in _LABELS]
    cases = " ".join(
        f"WHEN {values[last]} <> '' THEN [{', '.join(values[: last + 1])}]"
        for last in reversed(range(5))
        if _LABELS[last] in texts
    )
    made.columns["custom_labels"] = f"CASE {cases} ELSE [] END" if cases else "[]"
    return []


def _money(made: Vouched, texts: Mapping[str, str], assumed: str | None) -> None:
    price, sale, known = (texts.get(name, "NULL::VARCHAR") for name in ("price", "sale_price", "currency"))

    def amount(value: str) -> str:
        return f"TRY_CAST(split_part({value}, ' ', 1) AS DECIMAL(18,4))"

    def code(value: str) -> str:
        return f"nullif(split_part({value}, ' ', 2), '')"

    written = f"coalesce({code(price)}, upper({known}), {code(sale)})"
    currency = f"coalesce({written}, {_duck.text(assumed)})" if assumed else written
    made.columns |= {
        "price": amount(price), "sale_price": amount(sale), "currency": f"CASE WHEN {price} IS NOT NULL THEN {currency} END",
        "sale_start_ms": "NULL", "sale_end_ms": "NULL",
        "no_price": f"{price} IS NULL", "sale_not_lower": f"{amount(sale)} >= {amount(price)}",
        "no_currency": f"{price} IS NOT NULL AND {written} IS NULL",
    }  # fmt: skip
    made.told |= {
        "no_price": ("no-price", "warning"),
        "sale_not_lower": ("sale-not-lower", "warning"),
        "no_currency": ("currency-assumed", "note") if assumed else ("no-currency", "warning"),
    }
    made.tests += [
        f"{price} IS NULL OR (regexp_full_match({price}, '{_AMOUNT}') AND {amount(price)} > 0)",
        f"{sale} IS NULL OR regexp_full_match({sale}, '{_AMOUNT}')",
        f"{code(price)} IS DISTINCT FROM 'LEI' AND {code(sale)} IS DISTINCT FROM 'LEI'",
        f"{known} IS NULL OR regexp_full_match({known}, '[A-Za-z]{{3}}')",
        f"{code(sale)} IS NULL OR {written} IS NULL OR {code(sale)} = {written}",
    ]


def _stock(made: Vouched, texts: Mapping[str, str]) -> None:
    word, number = (texts.get(name, "NULL::VARCHAR") for name in ("availability", "quantity"))
    words = " ".join(f"WHEN {_duck.text(each)} THEN {_duck.text(found)}" for each, found in _STOCK.items())
    known = f"CASE {word} {words} END"  # IN would be a join, which does not keep the order of rows
    made.tests += [
        f"{word} IS NULL OR {known} IS NOT NULL",
        f"{number} IS NULL OR regexp_full_match({number}, '-?[0-9]{{1,15}}(\\.0+)?')",
    ]
    quantity = f"TRY_CAST(split_part({number}, '.', 1) AS BIGINT)"
    by_number = f"CASE WHEN {quantity} > 0 THEN 'in_stock' WHEN {quantity} <= 0 THEN 'out_of_stock' END"
    made.columns |= {
        "availability": f"CASE WHEN {word} IS NULL THEN {by_number} ELSE {known} END",
        "quantity": quantity,
    }
