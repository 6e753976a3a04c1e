"""What each type of attribute must look like: SQL that cleans a value, and SQL that finds it at fault."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from rekindle.feeds import _sql
from rekindle.feeds.spec import SEPARATOR, Attribute
from rekindle.model.currency import tender


class Fault(NamedTuple):
    """``sql`` is TRUE where the value is wrong, never NULL."""

    code: str
    remedy: str
    sql: str
    warns: bool = False


_PRICE = r"^[0-9]+(\.[0-9]+)? [A-Z]{3}$"
_URL = r"https?://[^\s/?#<>\x1f]+[^\s<>\x1f]*"
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:?[0-9]{2})?"
_HTML = r"</?(p|br|b|i|ul|ol|li|div|span|strong|em|a|img|table|h[1-6])[ />]|</?(p|br|b|ul|li|div|strong)>"


def clean(attribute: Attribute, trusted: Literal["no", "text", "whole"] = "no") -> tuple[str, str, str]:
    """Return SQL that takes from the value what no reader can take: control characters, outer blanks, odd spellings.

    Lists are asked with ``list_contains``: for ``IN`` the engine makes a hash table and a join. They are steps, each over the one before: as one expression the first would be in it dozens of times, and the
    engine keeps room for each. An id is left as it is: the page sends it byte for byte. ``trusted`` says what the value
    is known to be without: control characters (``text``), outer blanks too (``whole``).
    """
    column = _sql.name(attribute.name)
    whole = f"nullif({column}, '')"
    if attribute.name == "id":
        return column, column, whole
    if attribute.type in ("enum", "integer", "price", "number"):
        return column, column if trusted == "whole" else f"rk_trim({column})", _canonical(attribute, whole)
    if attribute.type == "gtin":
        # Blanks and dashes are how people write them, and mean nothing.
        return f"rk_without({column}, '[\\s-]')", column, whole
    control = _sql.CONTROL_IN_LIST if attribute.repeated else _sql.CONTROL
    first = f"rk_without({column}, {_sql.text(control)})" if trusted == "no" else column
    return first, column if trusted == "whole" else f"rk_trim({column})", whole


def _canonical(attribute: Attribute, value: str) -> str:
    if attribute.type != "enum":
        return value
    known = {choice.lower(): choice for choice in attribute.values} | attribute.aliases
    pairs = ", ".join(f"{_sql.text(key)}: {_sql.text(to)}" for key, to in known.items())
    # Most are written as they should be, and then nothing has to be made lower and looked up.
    right = ", ".join(_sql.text(to) for to in dict.fromkeys(known.values()) if known.get(to.lower()) == to) or "''"
    column = _sql.name(attribute.name)
    return f"CASE WHEN list_contains([{right}], {column}) THEN {column} ELSE coalesce(MAP {{{pairs}}}[lower({column})], {value}) END"


def faults(attribute: Attribute) -> Iterator[Fault]:
    """Yield what may be wrong with a value of this type; a missing value is never at fault here."""
    column = _sql.name(attribute.name)
    if attribute.name == "id":
        yield _unlike(column, r"^[^\x00-\x1f\x7f]*$", "id-control-character", "Ids cannot hold control characters.")
        yield Fault(
            "id-blanks", "The platform removes blanks around an id, and then it differs from the page's.",
            f"coalesce({column} <> trim({column}) OR contains({column}, '  '), FALSE)", warns=True,
        )  # fmt: skip
    if attribute.plain:
        yield Fault(
            "html", "Plain text is asked for. Remove the markup in the source or with a replace rule.",
            f"coalesce(contains({column}, '<') AND regexp_matches({column}, {_sql.text(_HTML)}, 'i'), FALSE)", warns=True,
        )  # fmt: skip
    match attribute.type:
        case "url":
            pattern = rf"^{_URL}(\x1f{_URL})*$" if attribute.repeated else rf"^{_URL}$"
            yield _unlike(
                column, pattern, "invalid-url", "Write a whole address: https://shop.example/item, blanks as %20."
            )
        case "price":
            yield from _price(attribute, column)
        case "number":
            yield _unlike(column, r"^[0-9]+(\.[0-9]+)?$", "invalid-number", "Write a number with a point: 129.00.")
        case "enum":
            choices = ", ".join(_sql.text(choice) for choice in attribute.values)
            remedy = f"Use one of: {', '.join(attribute.values)}; a lookup rule can translate."
            yield Fault("invalid-value", remedy, f"coalesce(NOT list_contains([{choices}], {column}), FALSE)")
        case "gtin":
            yield from _gtin(column)
        case "integer":
            least = "" if attribute.minimum is None else f" of at least {attribute.minimum}"
            below = "" if attribute.minimum is None else f" OR TRY_CAST({column} AS BIGINT) < {attribute.minimum}"
            sql = f"({column} IS NOT NULL AND (TRY_CAST({column} AS BIGINT) IS NULL{below}))"
            yield Fault("invalid-number", f"Write a whole number{least}.", sql)
        case "number_unit":
            units = "|".join(attribute.units)
            remedy = f"Write a number and one of {', '.join(attribute.units)}: 1.5 {attribute.units[-1]}."
            yield _unlike(column, rf"^[0-9]+(\.[0-9]+)? ?({units})$", "invalid-measure", remedy)
        case "datetime":
            yield _unlike(column, f"^{_TIME}$", "invalid-time", "Write 2026-09-01T12:00Z.")
        case "datetime_range":
            yield _unlike(column, f"^{_TIME}/{_TIME}$", "invalid-range", "Write 2026-09-01T12:00Z/2026-09-08T12:00Z.")
            ends = f"left(split_part({column}, '/', 1), 16) >= left(split_part({column}, '/', 2), 16)"
            two = f"regexp_matches({column}, {_sql.text(f'^{_TIME}/{_TIME}$')})"
            yield Fault("range-reversed", "The start must be before the end.", f"coalesce({two} AND {ends}, FALSE)")
        case "taxonomy":
            remedy = (
                "It is no category of Google's taxonomy, which has English and Polish paths here and the same numbers in "
                "every language. Write the number or the full path; `rekindle feeds categories` proposes them."
            )
            sql = f"({column} IS NOT NULL AND {_sql.category(column)} IS NULL)"
            yield Fault("unknown-category", remedy, sql, warns=True)
        case "group":
            shape = "^[A-Z]{2}:[^:]*:[^:]*:[0-9]+(\\.[0-9]+)? [A-Z]{3}$"
            yield _unlike(
                column, shape, "invalid-group", "Write country:region:service:price, such as PL::Courier:9.99 PLN."
            )
        case _:
            pass


def _price(attribute: Attribute, column: str) -> Iterator[Fault]:
    bare = "'^[0-9]+([.,][0-9]+)?$'"
    remedy = "Add the currency: 129.00 PLN. Set the source's currency in catalog.toml."
    yield Fault("price-without-currency", remedy, f"coalesce(regexp_matches({column}, {bare}), FALSE)")
    yield Fault(
        "invalid-price", "Write the amount with a point and the currency after it: 1299.00 PLN.",
        f"coalesce(NOT regexp_matches({column}, '{_PRICE}') AND NOT regexp_matches({column}, {bare}), FALSE)",
    )  # fmt: skip
    known = _sql.text(" ".join(sorted(tender())))  # to look into a text is faster than a list, and IN would be a join
    yield Fault(
        "unknown-currency", "Use a currency that is tender today, by its three letters of ISO 4217: 129.00 PLN.",
        f"coalesce(regexp_matches({column}, '{_PRICE}') AND NOT contains({known}, right({column}, 3)), FALSE)",
    )  # fmt: skip
    if attribute.name != "price":
        yield Fault(
            "currency-differs", "Both prices need the same currency.",
            f"coalesce(regexp_matches({column}, '{_PRICE}') AND regexp_matches(price, '{_PRICE}') "
            f"AND right({column}, 3) <> right(price, 3), FALSE)",
        )  # fmt: skip


def _gtin(column: str) -> Iterator[Fault]:
    yield _unlike(column, "^([0-9]{8}|[0-9]{12,14})$", "gtin-length", "A GTIN has 8, 12, 13 or 14 digits.")
    padded = f"lpad({column}, 14, '0')"
    # GS1: from the right of the number the weights are 1, 3, 1, …; the last digit completes to a multiple of 10.
    number = f"TRY_CAST({column} AS BIGINT)"
    # What is left of the number is taken for its last digit: the others are tens in it, and only ones count in the end.
    total = " + ".join(f"{3 if place % 2 else 1} * ({number} // {10**place})" for place in range(14))
    shaped = f"regexp_matches({column}, '^([0-9]{{8}}|[0-9]{{12,14}})$')"
    yield Fault(
        "gtin-check-digit", "The last digit does not fit the others; copy the GTIN from the package.",
        f"CASE WHEN coalesce({shaped}, FALSE) THEN ({total}) % 10 <> 0 ELSE FALSE END",
    )  # fmt: skip
    yield Fault(
        "gtin-restricted", "Prefixes 02, 04, 2 and 98-99 are for use inside a shop or coupons, not for trade.",
        f"coalesce({shaped} AND length({column}) <> 8 AND regexp_matches(substr({padded}, 2), '^(02|04|2|98|99)'), FALSE)",
    )  # fmt: skip


def _unlike(column: str, pattern: str, code: str, remedy: str) -> Fault:
    return Fault(code, remedy, f"coalesce(NOT regexp_matches({column}, {_sql.text(pattern)}), FALSE)")


def cut(attribute: Attribute) -> str:
    """Return SQL for a value that is shortened to what the channel takes."""
    column = _sql.name(attribute.name)
    if attribute.repeated and attribute.max_values is not None:
        separator = _sql.text(SEPARATOR)
        return f"array_to_string(string_split({column}, {separator})[1:{attribute.max_values}], {separator})"
    return f"rtrim(left({column}, {attribute.max_length}))"
