"""What the sources behind accounts share when they make products of records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from rekindle.catalog import _json
from rekindle.catalog._records import Records
from rekindle.catalog.report import Report
from rekindle.catalog.row import Options, Prepared, Row, Values
from rekindle.catalog.variants import COLOR, SIZE


def no_file(_prepared: Prepared) -> str | None:
    """Recognise nothing (`Source.sniff`): no file is an account."""
    return None


def rows_of(*kinds: str) -> Callable[[Prepared, Options, Report], Iterator[Row]]:
    """Return what yields the records of these kinds as they were given, flattened (`Source.rows`)."""

    def rows(prepared: Prepared, _options: Options, report: Report) -> Iterator[Row]:
        with Records(prepared, report) as records:
            for number, record in records.of(*kinds):
                yield Row(number, _json.flat(record.body))

    return rows


def objects_in(listed: Any) -> list[dict[str, Any]]:
    """Return the objects of a list, or of an object's values; none of anything else."""
    values: Iterable[Any] = listed.values() if isinstance(listed, dict) else listed if isinstance(listed, list) else ()
    return [one for one in values if isinstance(one, dict)]


def label(values: Values, name: Any, value: Any) -> None:
    """Put an option into ``values``: colour and size under their own names, anything else under the shop's."""
    word = _json.text(name).strip()
    text = [_json.text(one) for one in value] if isinstance(value, list) else _json.text(value)
    if word and text:
        low = word.lower()
        values.setdefault("color" if low in COLOR else "size" if low in SIZE else word, text)


def deepest(records: Records, categories: Iterable[Any]) -> str:
    """Return the longest way to one of the categories, as ``Clothes > Shirts``; of equally long ones the first.

    Records of kind ``category`` hold ``name`` and ``parent``.
    """
    ways: list[list[str]] = []
    for category in categories:
        way: list[str] = []
        found, seen = records.get("category", _json.text(category)), set[str]()
        while found is not None and found.id not in seen:
            seen.add(found.id)
            way.insert(0, _json.text(found.body.get("name")))
            found = records.get("category", _json.text(found.body.get("parent")))
        ways.append(way)
    longest: list[str] = max(ways, key=len, default=[])
    return " > ".join(longest)


def shop_fact(records: Records, name: str) -> str:
    """Return what the walk learnt about the shop itself."""
    shop = records.get("shop", "")
    return _json.text(shop.body.get(name)) if shop else ""
